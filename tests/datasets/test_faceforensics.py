import json

import pytest

from faceaudit.stats.clusters import clusters_of
from tests.datasets.planted import plant

REAL = "original_sequences/youtube/c23/frames"
FAKE = "manipulated_sequences"


def clusters(run):
    """The images of each cluster."""
    table = run.manifest.table
    found = {}
    for image, number in zip(table["image"].to_pylist(), clusters_of(table), strict=True):
        found.setdefault(int(number), set()).add(image)
    return sorted(map(sorted, found.values()))


def test_a_fake_its_target_and_its_source_hang_together(tmp_path, indexed):
    names = [
        f"{REAL}/000/0000.png",
        f"{REAL}/003/0000.png",
        f"{REAL}/004/0000.png",
        f"{FAKE}/Deepfakes/c40/images/000_003/0000.png",
        f"{FAKE}/Face2Face/raw/videos/004_009.mp4/0000.png",
        f"{FAKE}/FaceSwap/c0/frames/009_004/0000.png",
    ]
    run = indexed("faceforensics", plant(tmp_path / "ff", *names))
    assert clusters(run) == [
        sorted([names[0], names[1], names[3]]),
        sorted([names[2], names[4], names[5]]),
    ]
    assert run.report.labels == {"real": 3, "ai": 3}
    assert run.tags(names[3]) == {
        "generator": "Deepfakes",
        "compression": "c40",
        "video": "000",
        "person": "003",
    }
    kept = run.tags(names[4])
    assert (kept["video"], kept["person"], kept["compression"]) == ("004", "004", "raw")
    assert run.tags(names[5])["compression"] == "raw"
    assert run.tags(names[0])["generator"] is None
    assert "computer graphics" in run.manifest.info.datasets["faceforensics"].note


def test_actors_swapped_all_with_all_are_not_one_cluster(tmp_path, indexed):
    actors = "original_sequences/actors/c23/frames"
    names = [
        f"{actors}/01__exit_room/0000.png",
        f"{actors}/02__exit_room/0000.png",
        f"{FAKE}/DeepFakeDetection/c23/frames/01_02__exit_room__YVGY8LOK/0000.png",
        f"{FAKE}/DeepFakeDetection/c23/frames/02_01__walk__AAAA0000/0000.png",
    ]
    run = indexed("faceforensics", plant(tmp_path / "ff", *names))
    assert clusters(run) == [sorted([names[0], names[2]]), sorted([names[1], names[3]])]
    assert run.rows[names[2]]["video"] == "01__exit_room"


def test_splits(tmp_path, indexed):
    names = [f"{REAL}/{n}/0.png" for n in ("000", "003", "004", "005")]
    names.append(f"{FAKE}/NeuralTextures/c23/frames/000_003/0.png")
    root = plant(tmp_path / "ff", *names)
    for split, pairs in (("train", [["000", "003"]]), ("test", [["004", "003"]])):
        (root / f"{split}.json").write_text(json.dumps(pairs))
    (root / "val.json").write_text('{"a": 3}')
    run = indexed("faceforensics", root)
    assert [run.rows[name]["split"] for name in names] == ["train", None, "test", None, "train"]
    faults = [e.remedy for e in run.ledger if e.reason == "fault in a tag file"]
    assert sorted(faults)[1:] == ["video 003: stands in train.json and test.json; no split"] * 2
    assert "no list of pairs" in sorted(faults)[0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{FAKE}/Deepfakes/masks/videos/000_003/0.png", "a mask"),
        (f"{FAKE}/Deepfakes/c23/masks/000_003/0.png", "a mask"),
        (f"{REAL}/cat/0.png", "malformed name of a video"),
        (f"{REAL}/0.png", "outside the layout"),
        ("c23/frames/000/0.png", "outside the layout"),
        (f"{REAL}/000.mp4", "not an image file type"),
    ],
)
def test_what_is_no_frame(tmp_path, indexed, name, reason):
    root = plant(tmp_path / "ff", f"{REAL}/000/0.png", *([name] if "mp4" not in name else []))
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes((root / f"{REAL}/000/0.png").read_bytes())
    run = indexed("faceforensics", root)
    assert run.rejected[name][0] == reason and run.report.indexed == 1
