"""Backends from elsewhere are asked first, and need not know how anything else is done."""

from __future__ import annotations

import doctest

import pytest
from PIL import Image

from faceaudit.errors import FaceAuditError
from faceaudit.scoring import Detector, detectors, open_detector, score
from tests.pictures import encode, write_manifest


def test_the_example_in_the_manual_scores_pictures(monkeypatch, tmp_path):
    (manual,) = doctest.DocTestFinder(recurse=False).find(Detector, globs={})
    assert doctest.DocTestRunner().run(manual, clear_globs=False).failed == 0
    monkeypatch.setattr(detectors, "plugins", lambda door: [manual.globs["Brightness"]])
    for name, grey in (("bright", 204), ("dark", 51)):
        (tmp_path / f"{name}.png").write_bytes(encode(Image.new("L", (40, 50), grey)))
    manifest = write_manifest(
        tmp_path, ["bright.png", "dark.png", "gone.png"], ["ai", "real", "real"]
    )
    scores = score("brightness:0.7", manifest, tmp_path / "s.parquet", find_faces=False)
    assert scores.table["p_ai"].to_pylist() == pytest.approx([0.8, 0.2, None])
    assert scores.table["attention"].null_count == 3
    assert scores.table["in_training"].to_pylist() == [False, False, None]
    assert (scores.info.model.id, scores.info.model.threshold) == ("brightness", 0.7)
    with pytest.raises(FaceAuditError, match="no such file"):
        open_detector("darkness:0.7")


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
