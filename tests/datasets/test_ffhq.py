from __future__ import annotations

import json

import pytest

from tests.datasets.planted import plant
from tests.tags.faces import drawn_face


def face(**changes):
    attributes = {
        "age": 34.0,
        "gender": "male",
        "glasses": "ReadingGlasses",
        "headPose": {"pitch": 1.5, "roll": -2.0, "yaw": -31.0},
        "facialHair": {"moustache": 0.6, "beard": 0.5, "sideburns": 0.1},
        "makeup": {"eyeMakeup": True, "lipMakeup": False},
        "blur": {"blurLevel": "low", "value": 0.1},
        "exposure": {"exposureLevel": "goodExposure", "value": 0.5},
    }
    return [{"faceAttributes": attributes | changes}]


def features(root, number, content):
    path = root / "features" / "json" / f"{number}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def root(tmp_path):
    return plant(
        tmp_path / "ffhq",
        "images1024x1024/00000/00000.png",
        "images1024x1024/00000/00001.png",
        "images1024x1024/01000/01002.png",
        "images1024x1024/01000/01003.png",
    )


def test_features_become_standard_tags(root, indexed):
    features(root, "00000", face())
    features(root, "00001", [])
    features(
        root, "01002", face(glasses="SwimmingGoggles", makeup={"eyeMakeup": 0, "lipMakeup": 0})
    )
    features(root, "01003", '[{"faceAttributes": {"age": 3')
    features(root, "69999", face())
    run = indexed("ffhq", root)
    assert run.tags("images1024x1024/00000/00000.png") == {
        "age": 34.0,
        "age_band": "30-39",
        "gender": "male",
        "glasses": "reading",
        "yaw": -31.0,
        "pitch": 1.5,
        "roll": -2.0,
        "head_pose": "half-profile",
        "makeup": "eyes",
        "facial_hair": "beard",
        "blur": "low",
        "exposure": "good",
    }
    assert run.tags("images1024x1024/01000/01002.png")["glasses"] == "goggles"
    # No face found: the photograph stays, without tags, and the note counts it.
    assert set(run.tags("images1024x1024/00000/00001.png").values()) == {None}
    assert any("In 1 photograph the" in note for note in run.report.notes)
    assert "not by people" in run.manifest.info.tag_sources["glasses"]["ffhq"]
    remarks = {(entry.file, entry.reason) for entry in run.outcomes("remark")}
    assert remarks == {
        ("01003.json", "fault in a tag file"),
        ("69999.json", "tag without image"),
    }


def test_one_photograph_in_two_sizes_counts_once(root, indexed):
    plant(root, "thumbnails128x128/00000/00001.png", "notes/cover.png")
    run = indexed("ffhq", root)
    assert run.rejected["thumbnails128x128/00000/00001.png"][0] == "the same photograph again"
    assert run.rejected["notes/cover.png"][0] == "malformed name"
    assert len(run.rows) == 4
    assert [entry.reason for entry in run.outcomes("remark")] == ["missing tag file"]
    assert run.manifest.tags == []


def test_features_may_lie_elsewhere(root, tmp_path, indexed):
    features(tmp_path / "elsewhere", "00000", face(gender="female"))
    run = indexed("ffhq", root / "images1024x1024", tags_from=tmp_path / "elsewhere")
    assert run.tags("00000/00000.png")["gender"] == "female"
    assert [entry.reason for entry in run.outcomes("remark")] == ["image without tag"] * 3


def test_licence_and_author_come_from_the_metadata(root, indexed):
    entry = {
        "category": "training",
        "metadata": {"license": "Attribution License", "author": "Ada"},
        "image": {"face_landmarks": [[1.5, 2.5]] * 68},
    }
    text = json.dumps({"0": entry, "1002": entry | {"category": "validation"}})
    (root / "ffhq-dataset-v2.json").write_text(text)
    run = indexed("ffhq", root)
    assert run.tags("images1024x1024/01000/01002.png") == {
        "photo_licence": "Attribution License",
        "photo_author": "Ada",
        "split": "validation",
    }
    # A file that ends early gives what it holds.
    (root / "ffhq-dataset-v2.json").write_text(text[:-20])
    run = indexed("ffhq", root)
    assert run.tags("images1024x1024/00000/00000.png")["photo_author"] == "Ada"
    assert run.tags("images1024x1024/01000/01002.png")["photo_author"] is None
    assert any("after entry 00000" in entry.remedy for entry in run.outcomes("remark"))


@pytest.mark.real_data
def test_the_real_folder(real_data, indexed):
    run = indexed("ffhq", real_data / "ffhq")
    assert (run.report.found, run.report.indexed, run.ledger) == (990, 990, [])
    glasses = run.manifest.table["glasses"].to_pylist()
    assert {kind: glasses.count(kind) for kind in set(glasses)} == {
        "none": 787,
        "reading": 162,
        "sunglasses": 31,
        "goggles": 1,
        None: 9,
    }


def test_published_landmarks_are_used_whatever_the_set_is_called(root, indexed, monkeypatch):
    monkeypatch.setattr("faceaudit.tags.landmarks.find_spec", lambda name: None)
    entry = {
        "category": "training",
        "metadata": {"license": "BY", "author": "Ada"},
        "image": {"face_landmarks": (drawn_face(1.0) + 500).tolist()},
    }
    text = json.dumps({str(number): entry for number in (0, 1, 1002, 1003)})
    (root / "ffhq-dataset-v2.json").write_text(text)
    run = indexed("ffhq", root, name="faces", face_shape=True)
    assert [row["face_shape"] for row in run.rows.values()] == ["long"] * 4
    source = run.manifest.info.tag_sources["face_shape"]["faces"]
    assert source.startswith("derived from the landmarks that FFHQ publishes: ")
