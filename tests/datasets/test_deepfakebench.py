import json
import time

import pytest

from faceaudit.datasets import index
from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant

REAL = "FaceForensics++/original_sequences/youtube/c23/frames/000"
FAKE = "FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003"


def entry(label, *frames):
    return {"label": label, "frames": list(frames), "masks": []}


def arranged(prefix=""):
    """FF-DF.json of two videos, its paths of another machine; frames in no order."""
    return {
        "FF-DF": {
            "FF-real": {
                "train": {
                    "c23": {
                        "000": entry("FF-real", f"{prefix}{REAL}/7.png", f"{prefix}{REAL}/0.png")
                    }
                },
                "test": {"c23": {}},
            },
            "FF-DF": {"train": {"c23": {"000_003": entry("FF-DF", f"{prefix}{FAKE}/0.png")}}},
        }
    }


def write(root, held, name="FF-DF.json"):
    (root / "dataset_json").mkdir(parents=True, exist_ok=True)
    (root / "dataset_json" / name).write_text(json.dumps(held))
    return root


EXPECTED = {
    "generator": "FF-DF",
    "split": "train",
    "compression": "c23",
    "video": "000",
    "person": "003",
}


@pytest.mark.parametrize(
    ("prefix", "inside"),
    [
        ("", ""),
        ("/home/them/datasets/rgb/", ""),
        ("./datasets/rgb/", "datasets/rgb/"),
        ("", "bench/datasets/rgb/"),
        ("D:\\data\\rgb\\", ""),
    ],
)
def test_paths_of_other_machines(tmp_path, indexed, prefix, inside):
    names = [f"{inside}{frame}" for frame in (f"{REAL}/0.png", f"{REAL}/7.png", f"{FAKE}/0.png")]
    held = json.dumps(arranged(prefix))
    if "\\" in prefix:
        held = held.replace("/", "\\\\")
    run = indexed("deepfakebench", write(plant(tmp_path / "db", *names), json.loads(held)))
    assert run.report.labels == {"real": 2, "ai": 1} and run.ledger == []
    assert run.tags(names[2]) == EXPECTED
    assert run.tags(names[0]) == EXPECTED | {"generator": None, "person": "000"}


def test_a_root_below_the_paths(tmp_path, indexed):
    root = plant(tmp_path / "db", "000/0.png", "000/7.png")
    del (held := arranged("/a/"))["FF-DF"]["FF-DF"]
    path = write(tmp_path / "json", held) / "dataset_json" / "FF-DF.json"
    run = indexed("deepfakebench", root, tags_from=path)
    assert run.rows["000/0.png"]["video"] == "FF-real/000"


def test_faults_of_the_files(tmp_path, indexed):
    names = ["DFDC/test/frames/aaa/0.png", "DFDC/test/frames/bbb/0.png", "DFDC/x.png"]
    root = plant(tmp_path / "db", *names, f"{REAL}/0.png", f"{FAKE}/0.png", "DFDC/masks/0.png")
    aaa, bbb = names[0], names[1]
    dfdc = {
        "DFDC_Real": {
            "test": {"aaa": entry("DFDC_Real", aaa)},
            "val": {"label": "DFDC_Real", "frames": [aaa, "DFDC/test/frames/aaa/gone.png"]},
        },
        "DFDC_Fake": {
            "test": {"bbb": entry("DFDC_Real", bbb), "ccc": entry("DFDC_Fake", 3)},
        },
        "odd": {"test": {"ddd": entry("sofa", names[2])}},
    }
    lies = {"FF-F2F": {"FF-F2F": {"train": {"c23": {"000": entry("FF-F2F", f"{REAL}/0.png")}}}}}
    write(write(root, {"DFDC": dfdc}, "DFDC.json"), lies, "FF-F2F.json")
    (root / "dataset_json" / "broken.json").write_text("{")
    run = indexed("deepfakebench", root)
    assert list(run.rows) == [aaa]
    assert run.rows[aaa]["split"] == "test + val"
    assert run.rows[aaa]["video"] == "DFDC_Real/aaa"
    assert {name: reason for name, (reason, _) in run.rejected.items()} == {
        bbb: "labels contradict each other",
        names[2]: "no row in the JSON files",
        "DFDC/masks/0.png": "no row in the JSON files",
        f"{REAL}/0.png": "label contradicts the folder",
        f"{FAKE}/0.png": "no row in the JSON files",
    }
    told = [entry.remedy for entry in run.ledger if entry.reason == "fault in a tag file"]
    assert [part in " ".join(told) for part in ("3 is no path", "'sofa'", "as JSON")] == [True] * 3
    assert "tag without image" in run.report.remarks
    assert "stand in several splits" in run.manifest.info.datasets["deepfakebench"].note


@pytest.mark.parametrize("held", [None, [], {}, {"a": {"b": 3}}, {"frames": []}])
def test_without_frames_it_is_refused(tmp_path, held):
    root = plant(tmp_path / "db", "a.png")
    if held is not None:
        write(root, held)
    with pytest.raises(FaceAuditError, match=r"needs its dataset_json/NAME\.json") as caught:
        index("deepfakebench", root, tmp_path / "m.parquet")
    assert "\n" not in str(caught.value)


def test_thousands_of_videos_take_linear_time(tmp_path):
    def seconds(videos):
        frames = {
            f"{n}": entry("DFDC_Fake", *(f"/d/DFDC/frames/{n}/{k}.png" for k in range(20)))
            for n in range(videos)
        }
        root = plant(tmp_path / f"{videos}", "DFDC/frames/0/0.png")
        write(root, {"DFDC": {"DFDC_Fake": {"test": frames}}})
        start = time.process_time()
        index("deepfakebench", root, tmp_path / "m.parquet")
        return time.process_time() - start

    seconds(10)
    assert seconds(4_000) < 16 * seconds(500) + 0.5
