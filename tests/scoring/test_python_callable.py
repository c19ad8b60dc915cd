"""A function of the user's own is a detector: what it may return, and whose fault an error is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from faceaudit.errors import FaceAuditError
from faceaudit.runner import audit
from faceaudit.scoring import open_detector, score
from faceaudit.spec import Spec
from tests.pictures import encode, write_manifest

#: Greys of four pictures; the first two are photographs.
GREYS = (20, 60, 200, 240)


@pytest.fixture
def manifest(tmp_path):
    names = [f"{grey}.png" for grey in GREYS]
    for name, grey in zip(names, GREYS, strict=True):
        (tmp_path / name).write_bytes(encode(Image.new("L", (40 + grey, 50), grey)))
    return write_manifest(tmp_path, names, ["real", "real", "ai", "ai"])


def scored(folder, manifest, body, head="", parameter="image", **options):
    file = folder / "mine.py"
    file.write_text(f"{head}\n\ndef judge({parameter}):\n    {body}\n")
    model = f"python:{file}:judge"
    return score(model, manifest, folder / "s.parquet", find_faces=False, **options)


GREY = "image.getpixel((0, 0))[0] / 255"
WANTED = [grey / 255 for grey in GREYS]
HARD = [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"return {GREY}", WANTED),
        (f"return [1 - {GREY}, {GREY}]", WANTED),
        (f"return {GREY} > 0.5", HARD),
        (f"return 'Fake' if {GREY} > 0.5 else 'pristine'", HARD),
        (f"import numpy; return numpy.float32([{GREY}])", WANTED),
        (f"return None if image.width > 200 else {GREY}", [*WANTED[:2], None, None]),
        (f"return float('nan') if image.width > 200 else {GREY}", [*WANTED[:2], None, None]),
    ],
)
def test_what_a_function_may_return(body, wanted, manifest, tmp_path):
    scores = scored(tmp_path, manifest, body)
    assert scores.table["p_ai"].to_pylist() == pytest.approx(wanted)
    status = ["unsure" if one is None else "ok" for one in wanted]
    assert scores.table["status"].to_pylist() == status


def test_it_gets_the_picture_upright_in_colour_and_of_its_own_size(tmp_path):
    image = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.png").write_bytes(encode(image, exif=exif))
    manifest = write_manifest(tmp_path, ["a.png"], ["ai"])
    body = "assert (image.size, image.mode) == ((20, 30), 'RGB'), image; "
    scores = scored(tmp_path, manifest, body + "return image.getpixel((3, 3))[1] / 255")
    assert scores.table["p_ai"].to_pylist() == [1.0]


def test_a_function_of_images_gets_a_batch(manifest, tmp_path):
    body = f"LENGTHS.append(len(images)); return [{GREY} for image in images]"
    head = "LENGTHS = []"
    scores = scored(tmp_path, manifest, body, head, "images", batch_size=3)
    assert scores.table["p_ai"].to_pylist() == pytest.approx(WANTED)
    detector = open_detector(f"python:{tmp_path / 'mine.py'}:judge")
    detector.p_ai(np.array([Image.new("RGB", (9, 9))] * 5 + [None], object)[:5])
    assert detector._call.__globals__["LENGTHS"] == [5]


def test_options_say_what_its_numbers_are(manifest, tmp_path):
    scores = scored(tmp_path, manifest, f"return 4 * {GREY} - 2", score_is="logit", ai_class="0")
    wanted = 1 / (1 + np.exp(4 * np.array(WANTED) - 2))
    assert scores.table["p_ai"].to_pylist() == pytest.approx(wanted.tolist())
    assert "logit of photographs" in scores.info.notes[0]


def test_classes_of_its_own(manifest, tmp_path):
    head = "CLASSES = ['stylegan', 'real', 'diffusion']"
    scores = scored(tmp_path, manifest, f"return [{GREY} / 2, 1 - {GREY}, {GREY} / 2]", head)
    assert scores.table["p_ai"].to_pylist() == pytest.approx(WANTED)
    assert "'stylegan' and 'diffusion' were taken as AI-generated" in scores.info.notes[0]


def test_the_band_in_which_it_decides_nothing_is_that_of_the_audit(manifest, tmp_path):
    scores = scored(tmp_path, manifest, f"return {GREY}", "THRESHOLD = 0.85\nUNSURE = 0.2, 0.9")
    assert (scores.info.model.threshold, scores.info.model.unsure) == (0.85, (0.2, 0.9))
    assert scores.info.model.threshold_rule == "named by mine.py"
    spec = Spec(name="t", title="T", question="?", attributes=["dataset"])
    found = audit(scores, spec)
    assert found.spec["unsure"] == (0.2, 0.9)
    assert [of for of in found.limitations if "decides nothing from 0.2 to below 0.9" in of]
    (abstention,) = (check for check in found.checks if check.id == "abstention")
    assert (
        "Of 2 real photographs 50.0 % is left undecided"
        in abstention.sentence.replace("\N{NARROW NO-BREAK SPACE}", " ")
        or "50" in abstention.sentence
    )
    own = audit(scores, spec.model_copy(update={"unsure": (0.8, 0.9)}))
    assert own.spec["unsure"] == (0.8, 0.9)
    elsewhere = audit(scores, spec.model_copy(update={"threshold": 0.1}))
    assert elsewhere.spec["unsure"] is None
    assert [of for of in elsewhere.limitations if "the threshold of 0.1 lies elsewhere" in of]


def test_it_imports_what_lies_beside_it(manifest, tmp_path):
    (tmp_path / "beside_the_judge.py").write_text("HALF = 0.5\n")
    body = "from beside_the_judge import HALF; return HALF"
    assert scored(tmp_path, manifest, body).table["p_ai"].to_pylist() == [0.5] * 4


@pytest.mark.parametrize(
    ("body", "parameter", "told"),
    [
        ("return 1 / (image.width < 200)", "image", r"200.png: .*mine.py:judge failed: Zero"),
        ("return 'maybe' if image.width > 200 else 0.5", "image", r"200.png: .*returned 'maybe'"),
        ("return {'p': 1}", "image", r"20.png: .*returned \{'p': 1\}; a probability"),
        ("return [[0.5]] * 2", "image", r"20.png: .*returned \[\[0.5\], \[0.5\]\]; a prob"),
        ("return [1] * len(images[1:])", "images", r"returned no list of 4 answers for 4 of them"),
        ("return 7", "image", r"gives 7, which is no probability between 0 and 1"),
        ("return [0.5] * (1 + (image.width > 200))", "image", "more numbers for some pictures"),
        ("return [0.2, 0.3, 0.5]", "image", "gives 3 numbers a picture, but names 2 classes"),
    ],
)
def test_a_fault_is_told_in_one_line_with_the_image(body, parameter, told, manifest, tmp_path):
    with pytest.raises(FaceAuditError, match=told) as refused:
        scored(tmp_path, manifest, body, parameter=parameter)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("mine.py", "name a file and a function in it: python:FILE.py:judge"),
        ("mine.py:", "name a file and a function in it"),
        ("gone.py:judge", "gone.py: no such file"),
        ("mine.py:guess", "there is no function guess; there are judge"),
        ("broken.py:judge", "running it failed: ZeroDivisionError"),
        ("notes.txt:judge", r"not a Python file"),
    ],
)
def test_a_file_or_function_that_is_not_there(model, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def judge(image): ...\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(FaceAuditError, match=told):
        open_detector(f"python:{model}")


def test_how_pictures_are_prepared_is_its_own_affair(tmp_path):
    (tmp_path / "mine.py").write_text("def judge(image): ...\n")
    with pytest.raises(FaceAuditError, match="--preprocess: the function prepares pictures itself"):
        open_detector(f"python:{tmp_path / 'mine.py'}:judge", preprocess="imagenet")


def test_the_command_loads_no_torch(manifest, tmp_path):
    (tmp_path / "mine.py").write_text(f"def judge(image): return {GREY}\n")
    model, out = f"python:{tmp_path / 'mine.py'}:judge", str(tmp_path / "s.parquet")
    done = without_torch(["score", model, str(manifest), "-o", out, "--no-find-faces"])
    assert "a score moved by 0 at most" in done.stdout


def without_torch(call):
    """Run a command in a process of its own that must not load torch."""
    script = f"""
import sys
from faceaudit.cli import main
try:
    main({call!r})
finally:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[-1]) == (0, "False"), done.stderr
    return done


@pytest.mark.parametrize(
    ("body", "head", "options", "message"),
    [
        ("return [0.2, 0.3]", "", {}, r"returned \[0.2, 0.3\], which does not sum to 1"),
        ("return 0.9", "CLASSES = ['fake', 'real']", {}, "names CLASSES, and one number"),
        ("return 'fake'", "", {"ai_class": "0"}, "the word 'fake', which says itself"),
        ("raise SystemExit(0)", "", {}, "failed: SystemExit"),
        ("return 0.9", "raise SystemExit(0)", {}, "running it failed: SystemExit"),
    ],
)
def test_what_would_be_turned_round_or_ends_the_run_is_refused(
    manifest, tmp_path, body, head, options, message
):
    with pytest.raises(FaceAuditError, match=message):
        scored(tmp_path, manifest, body, head, **options)
