"""Backends from elsewhere are asked first, and need not know how anything else is done."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest
from PIL import Image

from faceaudit.errors import FaceAuditError
from faceaudit.scoring import Detector, open_detector
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
        ("weights.onnx", "there is no model.json beside it; a model directory is needed"),
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
    monkeypatch.setattr("faceaudit.scoring.detectors.plugins", lambda door: [len])
    with pytest.raises(FaceAuditError, match=r"plug-in <built-in function len> is no Detector"):
        open_detector("bundled:default")
