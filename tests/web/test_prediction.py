"""Verdicts, evidence, doubts; through the pages and the JSON interface."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from faceaudit.bundled import model_names, samples_folder
from faceaudit.errors import FaceAuditError
from faceaudit.schema import called_ai
from faceaudit.scoring import score
from faceaudit.web import caveats
from faceaudit.web.app import create_app
from faceaudit.web.caveats import unlike_audited
from faceaudit.web.measured_errors import Record
from faceaudit.web.prediction import judge, open_detectors
from faceaudit.web.uploads import check_picture
from tests.pictures import write_manifest
from tests.web.drawn_web import AUDITED, BrightnessDetector, picture, send

FACE = next(samples_folder().glob("*.jpg"))


def test_each_model_has_its_own_verdict_at_its_own_threshold(client):
    (judged,) = send(client, ("grey.png", picture("PNG", brightness=128)))
    low, high = judged["verdicts"]
    assert (low["model"], low["called"], low["threshold"]) == ("low", "ai", 0.3)
    assert (high["model"], high["called"], high["threshold"]) == ("high", "real", 0.7)
    assert low["p_ai"] == pytest.approx(128 / 255) == high["p_ai"]


def test_one_model_can_be_chosen(client, detectors):
    (judged,) = send(client, ("grey.png", picture("PNG")), model="high")
    assert [verdict["model"] for verdict in judged["verdicts"]] == ["high"]
    assert detectors[0].judged == 0
    files = [("pictures", ("grey.png", picture()))]
    assert client.post("/api/judge", files=files, data={"model": "none"}).status_code == 404


@pytest.mark.parametrize(("p_ai", "called"), [(0.3, True), (0.29999, False), (0.30001, True)])
def test_at_the_threshold_it_is_called_ai(p_ai, called):
    assert called_ai(p_ai, 0.3) == called


def test_the_evidence_is_given_in_numbers_and_words(client):
    (judged,) = send(client, ("grey.png", picture("PNG")))
    verdict = judged["verdicts"][0]
    assert np.shape(verdict["evidence"]) == (4, 4) and verdict["evidence"][0][3] == 1
    assert "top right" in verdict["evidence_in_words"]


def test_the_people_whom_the_user_names_decide_the_rates(client):
    fields = {"gender": "female", "age_band": "60–69"}
    (judged,) = send(client, ("grey.png", picture("PNG")), **fields)
    worth = judged["verdicts"][0]["worth"]
    assert worth["people"] == fields and worth["real_called_ai"][0]["wrong"] == 30
    assert "not known" in judged["verdicts"][1]["worth"]["if_called_ai"]
    same = client.get("/api/models/low/worth", params=fields).json()
    assert same == worth
    files = [("pictures", ("grey.png", picture()))]
    refused = client.post("/api/judge", files=files, data={"gender": "<b>other"})
    assert refused.status_code == 400 and "<b>other" in refused.json()["error"]


def test_nothing_about_the_person_is_guessed(client):
    (judged,) = send(client, ("face.jpg", FACE.read_bytes()))
    assert judged["verdicts"][0]["worth"]["people"] == {}


# --- doubts --------------------------------------------------------------------------------


def test_pictures_unlike_the_audited_ones_are_doubted():
    def doubted(kind, size):
        return unlike_audited(check_picture("a", picture(kind, size)), AUDITED.table)

    assert doubted("JPEG", (200, 200)) == []
    assert doubted("JPEG", (300, 200)) == []
    (small,) = doubted("JPEG", (199, 300))
    assert "short side has 199 pixels, theirs 200 to 200" in small
    (both,) = doubted("PNG", (800, 900))
    assert "800 pixels" in both and "PNG file, theirs were JPEG" in both


@pytest.mark.parametrize(
    ("distance", "limit", "doubted"),
    [(9.0, 8.0, True), (8.0, 8.0, False), (1.0, 8.0, False), (None, None, False)],
)
def test_beyond_the_limit_a_picture_is_unlike_the_training_pictures(distance, limit, doubted):
    class Far(BrightnessDetector):
        def distance(self, pixels):
            return None if limit is None else (np.array([distance]), limit)

    record = Record(Far("far", 0.5), [])
    (prediction,) = judge(check_picture("a.png", picture("PNG")), [record], {}).predictions
    said = [doubt for doubt in prediction.caveats if "this model was trained on" in doubt]
    assert len(said) == doubted
    assert (prediction.distance, prediction.distance_limit) == (distance, limit)


def test_without_delivery_facts_there_is_no_such_doubt():
    upload = check_picture("a", picture("PNG", (800, 900)))
    assert unlike_audited(upload, AUDITED.table.drop_columns(["width"])) == []
    assert unlike_audited(upload, None) == []


def test_pictures_that_are_cut_say_so(client):
    (cut,) = send(client, ("wide.png", picture("PNG", (400, 200))))
    (whole,) = send(client, ("square.png", picture("PNG", (210, 200))))
    assert any("50%" in doubt for doubt in cut["doubts"])
    assert not any("square" in doubt for doubt in whole["doubts"])


def test_a_picture_without_a_face_is_doubted_and_one_with_a_face_is_not(client):
    pytest.importorskip("dlib", reason="face finding needs dlib (extra 'landmarks')")
    blank, face = send(client, ("blank.png", picture("PNG")), ("face.jpg", FACE.read_bytes()))
    assert any("No face was found" in doubt for doubt in blank["doubts"])
    assert not any("No face" in doubt for doubt in face["doubts"])


def test_without_a_face_finder_nothing_is_claimed(client, monkeypatch):
    monkeypatch.setattr(caveats, "face_finder", lambda: None)
    (blank,) = send(client, ("blank.png", picture("PNG")))
    assert blank["doubts"] == []


# --- the pages -----------------------------------------------------------------------------


def test_the_first_page_shows_the_samples_before_anything_is_loaded(client, detectors):
    page = client.get("/").text
    assert page.count('/picture"') == len(list(samples_folder().glob("*.jpg")))
    assert 'id="load-samples"' in page and sum(d.judged for d in detectors) == 0
    verdicts = client.get("/samples").text
    assert "misses" in verdicts and 'id="load-samples"' not in verdicts
    n = detectors[0].judged
    assert n == len(list(samples_folder().glob("*.jpg")))
    client.get("/samples")
    client.get("/")
    assert detectors[0].judged == n  # once is enough


def test_what_the_bundled_models_say_of_the_samples_needs_no_model(reports):
    from starlette.testclient import TestClient

    with TestClient(create_app(reports=reports), base_url="http://127.0.0.1:8000") as client:
        page = client.get("/").text
    assert "load-samples" not in page and page.count("mini-call") == 30 * len(model_names())
    told = r"misses none, \S+with-ffhq\S+ 2, \S+without-ffhq\S+ none\."
    assert re.search(told, " ".join(page.split()))


def test_a_sample_is_judged_like_an_upload(client):
    page = client.get(f"/samples/{FACE.stem}").text
    assert "What these predictions are worth" in page and FACE.name in page
    assert client.get(f"/samples/{FACE.stem}/picture").content == FACE.read_bytes()
    assert client.get("/samples/nobody").status_code == 404
    assert client.get("/samples/nobody/picture").status_code == 404


def test_the_form_works_without_a_script_and_a_script_gets_the_cards_alone(client):
    files = [("pictures", ("grey.png", picture("PNG")))]
    whole = client.post("/", files=files, data={"model": "high", "gender": "male"}).text
    assert "<!doctype html>" in whole and '<article class="card' in whole
    part = client.post("/", files=files, headers={"x-faceaudit-fragment": "1"}).text
    assert "<html" not in part and '<article class="card' in part
    nothing = client.post("/", data={"model": "high"}, files=[("pictures", ("", b""))])
    assert nothing.status_code == 400 and "No picture was sent" in nothing.text


def test_the_worth_page_follows_the_choice(client):
    address = "/worth?verdict=ai.low&verdict=real.high&gender=male"
    assert "2 AI-generated: 2.0" in client.get(address).text
    part = client.get(address, headers={"x-faceaudit-fragment": "1"}).text
    assert "<html" not in part and "2 AI-generated: 2.0" in part
    assert client.get("/worth").status_code == 400
    assert client.get("/worth?verdict=ai.nobody").status_code == 400
    assert client.get("/worth?verdict=low").status_code == 400


def test_without_any_model_the_page_says_what_to_do(application):
    from starlette.testclient import TestClient

    app = application(records={})
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        assert "faceaudit serve --model" in client.get("/").text


# --- real models ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model directory with an untrained network."""
    pytest.importorskip("torch", reason="needs the extra 'model'")
    import pyarrow as pa

    from faceaudit.model.architecture import build_network, find_architecture
    from faceaudit.model.checkpoint import save_checkpoint
    from faceaudit.model.ood_distance import learn_familiarity
    from faceaudit.model.recipe import reproducible
    from faceaudit.model.records import InputRecord, ModelRecord

    folder = tmp_path_factory.mktemp("models") / "untrained"
    architecture = find_architecture("torchvision:resnet18")
    with reproducible(0):
        network = build_network(architecture, 64)
    record = ModelRecord(
        id="untrained",
        architecture=architecture.name,
        library=architecture.library,
        input=InputRecord(size=64, mean=[0.5] * 3, std=[0.5] * 3),
        threshold=0.5,
        threshold_rule="0.5 by convention",
    )
    empty = pa.table({"sha256": pa.array([], pa.string()), "split": pa.array([], pa.string())})
    rng = np.random.default_rng(0)
    pixels = rng.integers(100, 156, (200, 64, 64, 3)).astype(np.uint8)
    rows = np.arange(len(pixels))
    known = learn_familiarity(network, record.input, pixels, rows[:100], rows[100:], seed=0)
    return save_checkpoint(folder, record, network, empty, known)


def test_a_model_directory_says_in_the_page_what_scoring_says(model, tmp_path):
    (detector,) = open_detectors([model])
    judged = judge(check_picture("face.jpg", FACE.read_bytes()), [Record(detector, [])], {})
    shutil.copy(FACE, tmp_path)
    manifest = write_manifest(tmp_path, [FACE.name], ["ai"])
    scored = score(model, manifest, tmp_path / "s.parquet", find_faces=False)
    (prediction,) = judged.predictions
    assert [prediction.p_ai] == scored.table["p_ai"].to_pylist()
    assert np.sum(prediction.evidence) == pytest.approx(1, abs=1e-5)
    # A face is unlike the grey noise that this network calls its training pictures.
    assert prediction.distance > prediction.distance_limit > 0
    assert "trained on" in prediction.caveats[0]


def test_two_models_of_one_name_are_refused(model):
    from faceaudit.errors import FaceAuditError

    with pytest.raises(FaceAuditError, match="two of the models are called 'untrained'"):
        open_detectors([model, model])


def test_torch_comes_with_the_first_picture_only(model):
    script = f"""
import sys
from starlette.testclient import TestClient
import faceaudit.web
assert "starlette" in sys.modules and "faceaudit.web.app" not in sys.modules
from faceaudit.web.app import create_app
with TestClient(create_app(models=[{str(model)!r}]), base_url="http://127.0.0.1") as client:
    for path in ("/", "/reports", "/audits", "/api", "/api/models"):
        assert client.get(path).status_code == 200, path
    assert "torch" not in sys.modules
    files = [("pictures", ("face.jpg", open({str(FACE)!r}, "rb").read()))]
    (judged,) = client.post("/api/judge", files=files).json()
    assert judged["verdicts"], judged
    assert "torch" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_detector_without_a_map_still_has_a_verdict():
    class Mute(BrightnessDetector):
        def explain(self, pixels, called_ai):
            return None

    record = Record(Mute("mute", 0.0), [])
    (prediction,) = judge(check_picture("a.png", picture("PNG")), [record], {}).predictions
    assert prediction.called == "ai" and prediction.evidence is None and prediction.overlay is None


def test_a_missing_model_is_named(tmp_path):
    from faceaudit.errors import FaceAuditError

    with pytest.raises(FaceAuditError, match="no model directory"):
        open_detectors([tmp_path])


def test_a_pickle_is_served_only_if_it_is_trusted(tmp_path, monkeypatch):
    (tmp_path / "export.pkl").write_bytes(b"pickle")
    with pytest.raises(FaceAuditError, match="--trust-pickle"):
        create_app(models=[tmp_path / "export.pkl"], reports=tmp_path)
    given = []
    monkeypatch.setattr(
        "faceaudit.web.prediction.open_detector",
        lambda model, trust_pickle: given.append(trust_pickle) or BrightnessDetector("low", 0.5),
    )
    create_app(models=["grey"], reports=tmp_path, trust_pickle=True)
    assert given == [True]
