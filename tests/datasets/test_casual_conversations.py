import json

import pytest

from faceaudit.datasets import index
from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant

SET = "casual-conversations-v2"
VIDEO = {
    "video_name": "0000_portuguese_nonscripted_1.mp4",
    "subject_id": "0000",
    "age": "31",
    "gender": "cis woman",
    "geo_location": {"country": "brazil", "state_region": "bahia"},
    "monk_skin_tone": {"scale": "scale 5", "confidence": "medium"},
    "fitzpatrick_skin_tone": {"type": "type iii", "confidence": "medium"},
}
TAGS = {
    "age": 31.0,
    "age_band": "30-39",
    "gender": "cis woman",
    "country": "brazil",
    "skin_tone": "Monk 5",
    "skin_type": "type III",
    "person": "0000",
    "video": "0000_portuguese_nonscripted_1",
}
FRAME = "CCv2_frames_part_1/0000/0000_portuguese_nonscripted_1_raw_frame00000381.jpg"


def write(root, held):
    (root / "CasualConversationsV2.json").write_text(json.dumps(held))


def test_frames_of_the_publishers_and_of_ones_own(tmp_path, indexed):
    own = "own/0000_portuguese_nonscripted_1/frame_0001.jpg"
    whole = "own/0000_portuguese_nonscripted_1.mp4/7.png"
    twice = "pt1/0000/0000_portuguese_nonscripted__1_raw_frame00000425.jpg"
    root = plant(tmp_path / "cc", FRAME, own, whole, twice)
    write(root, [VIDEO])
    run = indexed(SET, root)
    assert all(run.tags(image) == TAGS for image in (FRAME, own, whole, twice))
    assert run.report.labels == {"real": 4} and run.ledger == []
    sources = {tag: told[SET] for tag, told in run.manifest.info.tag_sources.items()}
    assert sources["gender"].startswith("self-reported")
    assert "annotated by people" in sources["skin_tone"]


def test_several_answers_are_one_value_and_none_is_missing(tmp_path, indexed):
    root = plant(tmp_path / "cc", FRAME, "0001_english_scripted_0/1.jpg")
    several = VIDEO | {"gender": ["non-binary", "cis woman"], "age": "prefer not to say"}
    other = VIDEO | {"video_name": "0001_english_scripted_0.mp4", "gender": "Prefer not to say"}
    write(root, [several, other])
    run = indexed(SET, root)
    assert run.tags(FRAME) == TAGS | {
        "gender": "cis woman + non-binary",
        "age": None,
        "age_band": None,
    }
    assert run.tags("0001_english_scripted_0/1.jpg")["gender"] is None
    assert run.ledger == []


def test_faults_and_strangers(tmp_path, indexed):
    loose = "0002_tamil_scripted_0/1.jpg"
    root = plant(tmp_path / "cc", FRAME, loose, "cover.jpg")
    unread = VIDEO | {"monk_skin_tone": "5", "age": 300}
    gone = VIDEO | {"video_name": "0009_hindi_scripted_1.mp4"}
    write(root, [unread, VIDEO | {"age": 60}, gone, {"subject_id": "7"}, 3])
    run = indexed(SET, root)
    tags = run.tags(FRAME)
    assert (tags["skin_tone"], tags["age"], tags["skin_type"]) == (None, None, "type III")
    assert run.tags(loose)["person"] == "0002" and run.tags(loose)["gender"] is None
    assert run.rejected["cover.jpg"][0] == "no video in the name"
    reasons = [entry.reason for entry in run.outcomes("remark")]
    assert reasons.count("fault in a tag file") == 5
    assert reasons.count("tag without image") == reasons.count("image without tag") == 1


def test_without_annotations_there_are_persons(tmp_path, indexed):
    run = indexed(SET, plant(tmp_path / "cc", FRAME))
    assert run.tags(FRAME) == {"person": "0000", "video": "0000_portuguese_nonscripted_1"}
    assert [entry.reason for entry in run.ledger] == ["missing tag file"]


@pytest.mark.parametrize("text", ["", "[{]", "<html>"])
def test_annotations_that_are_none_are_refused(tmp_path, text):
    root = plant(tmp_path / "cc", FRAME)
    (root / "CasualConversationsV2.json").write_text(text)
    with pytest.raises(FaceAuditError, match=r"^CasualConversationsV2.json: not readable.*away"):
        index(SET, root, tmp_path / "m.parquet")
