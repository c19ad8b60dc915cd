"""Backends from elsewhere are asked first, and need not know how anything else is done."""

from __future__ import annotations

import doctest
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from faceaudit.errors import FaceAuditError
from faceaudit.schema import ModelInfo
from faceaudit.scoring import Detector, open_detector, score
from faceaudit.tables import read_scores
from tests.datasets.test_plugins import installed
from tests.pictures import encode, write_manifest


def test_the_example_in_the_manual_is_a_package_that_scores_pictures(tmp_path):
    (manual,) = doctest.DocTestFinder(recurse=False).find(Detector)
    code = "".join(example.source for example in manual.examples)
    points = "[faceaudit.detectors]\nbrightness = brightness:Brightness\n"
    environment = installed(tmp_path / "site", {"brightness": code}, points)
    for name, grey in (("bright", 204), ("dark", 51)):
        (tmp_path / f"{name}.png").write_bytes(encode(Image.new("L", (40, 50), grey)))
    names = ["bright.png", "dark.png", "gone.png"]
    manifest = write_manifest(tmp_path, names, ["ai", "real", "real"])
    out = tmp_path / "s.parquet"
    call = ["score", "brightness:0.7", str(manifest), "-o", str(out), "--no-find-faces"]
    script = f"from faceaudit.cli import main; main({call!r})"
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    scores = read_scores(out)
    assert scores.table["p_ai"].to_pylist() == pytest.approx([0.8, 0.2, None])
    assert scores.table["attention"].null_count == 3
    assert scores.table["in_training"].to_pylist() == [False, False, None]
    assert (scores.info.model.id, scores.info.model.threshold) == ("brightness", 0.7)
    with pytest.raises(FaceAuditError, match="no such file"):
        open_detector("brightness:0.7")  # it is not installed here


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.dat", "there is no model.json beside it; a model directory is needed"),
        ("face.jpg", "is a picture; a model directory is needed"),
        (".", "no model directory"),
    ],
)
def test_what_no_backend_opens_is_named(tmp_path, name, message):
    if name != ".":
        (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(FaceAuditError, match=message):
        open_detector(tmp_path / name)


def test_a_plug_in_that_is_no_detector_is_refused(monkeypatch):
    monkeypatch.setattr("faceaudit.scoring.detectors.plugins", lambda door: [("x", len)])
    with pytest.raises(FaceAuditError, match=r"plug-in <built-in function len> is no Detector"):
        open_detector("bundled:default")


class Grey(Detector):
    name = "grey"
    info = ModelInfo(id="grey")

    @classmethod
    def open(cls, model, options):
        return cls()

    def pixels(self, image):
        return np.asarray(image.convert("L").resize((9, 9)))

    def p_ai(self, pixels):
        return pixels.mean((1, 2)) / 255


def lacking_options(model):
    return Grey()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"p_ai": lambda self, pixels: pixels.nothing}, "'grey' (module {}) failed: Attribute"),
        ({"p_ai": lambda self, pixels: np.ones(3)}, "shape (3,), not (2,), of 2 images"),
        ({"p_ai": lambda self, pixels: np.ones((2, 1))}, "shape (2, 1), not (2,), of 2 images"),
        ({"p_ai": lambda self, pixels: 0.5}, "shape (), not (2,), of 2 images"),
        ({"p_ai": lambda self, pixels: np.full(2, np.nan)}, "p_ai gave nan, which is no prob"),
        ({"p_ai": lambda self, pixels: np.full(2, 1.5)}, "p_ai gave 1.5, which is no probability"),
        ({"pixels": lambda self, image: np.ones(image.size)}, "must have the same shape"),
        ({"trained_on": lambda self, sha256: 1 / 0}, "failed: ZeroDivisionError: division by zero"),
        ({"notes": property(lambda self: 1 / 0)}, "failed: ZeroDivisionError: division by zero"),
        ({"open": staticmethod(lacking_options)}, "'Faulty' (module {}) failed: TypeError: lack"),
        ({"open": lambda model, options: [].pop()}, "failed: IndexError: pop from empty list"),
        ({"info": None}, "TypeError: its name must be a str and its info a ModelInfo"),
        (
            {"open": lambda model, options: ModelInfo(id="x", threshold=7)},
            "ValidationError: threshold: Input should be less than or equal to 1",
        ),
    ],
)
def test_a_fault_of_a_detector_is_told_in_one_line(changed, told, tmp_path, monkeypatch):
    faulty = type("Faulty", (Grey,), {"__module__": __name__, **changed})
    monkeypatch.setattr("faceaudit.scoring.detectors.plugins", lambda door: [("x", faulty)])
    manifest = two_pictures(tmp_path)
    with pytest.raises(FaceAuditError) as refused:
        score("grey", manifest, tmp_path / "s.parquet", find_faces=False)
    assert str(refused.value).startswith("the detector '")
    assert told.format(__name__) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert isinstance(refused.value.__cause__, Exception)


def two_pictures(folder):
    for i, side in enumerate((40, 50)):
        (folder / f"{i}.png").write_bytes(encode(Image.new("L", (side, 40), 99)))
    return write_manifest(folder, ["0.png", "1.png"], ["ai", "real"])


def test_scores_are_kept_if_only_the_evidence_fails(tmp_path):
    faulty = type("Faulty", (Grey,), {"explain": lambda self, pixels, called_ai: 1 / 0})
    scores = score(faulty(), two_pictures(tmp_path), tmp_path / "s.parquet", find_faces=False)
    assert scores.table["attention"].null_count == 2
    assert any(
        "the detector 'grey'" in note and "ZeroDivision" in note for note in scores.info.notes
    )
