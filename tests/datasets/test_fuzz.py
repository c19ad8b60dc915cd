"""Damaged images, names, tag files and archives: no loader crashes, and nothing is lost."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from faceaudit.datasets import all_datasets, index
from faceaudit.datasets.sources import is_side_file
from faceaudit.errors import FaceAuditError
from tests.datasets.planted import FORMATS, draw, read_ledger
from tests.datasets.test_ffhq import face

IMAGES = 180
NAMES = 30
TABLES = 24
ARCHIVES = 60

ATTRIBUTES = "2\nMale Eyeglasses No_Beard\n000000.jpg 1 -1 1\n000001.jpg -1 1 1\n"
LFW_ATTRIBUTES = "LFW\n#\tperson\timagenum\tMale\tAsian\nAda B\t0\t1.0\t-1\nAda B\t1\t-1\t0.5\n"
FAIRFACE = "file,age,gender,race\nval/0.jpg,3-9,Male,White\nval/1.jpg,Oct-19,Female,Black\n"
AI_FACE = "Image Path,Gender,Age,Skin Tone,Intersection,Target\n" + "".join(
    f"GAN/{n}.jpg,{n % 2},{n % 5},{n % 9 + 1},{n % 6},{n % 2}\n" for n in range(IMAGES)
)
OWN = "path,label,age\n" + "".join(f"{n}.jpg,real,{n % 90}\n" for n in range(IMAGES))
PERSON = {"subject_id": "b", "age": 30, "ancestry": ["11. Asia"], "pronoun": ["1. He/him/his"]}
PEOPLE = json.dumps({"image_annotation": {"weather": []}, "subject_annotation": [PERSON]})
VIDEOS = json.dumps(
    [
        {"video_name": f"{n:04d}_tamil_scripted_1.mp4", "age": "30", "gender": "cis man"}
        for n in range(60)
    ]
)
FRAMES = json.dumps(
    {
        "A": {
            "A_fake": {
                "test": {"v": {"label": "A_fake", "frames": [f"v/{n}.jpg" for n in range(IMAGES)]}}
            }
        }
    }
)
METADATA = json.dumps(
    {
        str(n): {"category": "training", "metadata": {"license": "BY", "author": 'Ada "é"'}}
        for n in range(4)
    }
)


@dataclass(frozen=True)
class Layout:
    """A valid copy of a data set: the name of its n-th image, and its tag files."""

    name: Callable[[int], str]
    tables: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)


LAYOUTS = {
    "utkface": Layout(lambda n: f"{n % 100}_1_2_2017{n:013d}.jpg.chip.jpg"),
    "ffhq": Layout(
        lambda n: f"images/{n:05d}.jpg",
        {
            "json/00000.json": json.dumps(face()),
            "json/00001.json": "[]",
            "ffhq-dataset-v2.json": METADATA,
        },
    ),
    "lfw": Layout(
        lambda n: f"Ada_B/Ada_B_{n:04d}.jpg",
        {
            "lfw_attributes.txt": LFW_ATTRIBUTES,
            "male_names.txt": "Ada_B_0000.jpg\nAda_B_0001.jpg\n",
            "gender.csv": "file,gender\nAda_B_0000.jpg,female\n",
        },
    ),
    "celeba": Layout(
        lambda n: f"img_align_celeba/{n:06d}.jpg",
        {"list_attr_celeba.txt": ATTRIBUTES, "list_eval_partition.txt": "000000.jpg 0\n"},
    ),
    "lag": Layout(lambda n: f"Ada/y/{n}.jpg"),
    "real-and-fake": Layout(
        lambda n: f"training_fake/easy_{n}_0110.jpg", options={"photoshopped_as": "ai"}
    ),
    "one-million-fake-faces": Layout(lambda n: f"1m_faces_00/{n}.jpg"),
    "generated-photos": Layout(
        lambda n: f"{n}.jpg", {"tags.csv": "file,gender,race\n0.jpg,male,asian\n1.jpg,female,\n"}
    ),
    "fairface": Layout(lambda n: f"val/{n}.jpg", {"fairface_label_val.csv": FAIRFACE}),
    "ai-face": Layout(lambda n: f"GAN/{n}.jpg", {"train.csv": AI_FACE}),
    "folder": Layout(
        lambda n: f"real/{n}.jpg", {"tags.csv": "file,gender,age\n0.jpg,male,33\n1.jpg,f,5\n"}
    ),
    "csv": Layout(lambda n: f"{n}.jpg", {"own.csv": OWN}),
    "fhibe": Layout(
        lambda n: f"b/a{n}/main_a{n}.jpg",
        {"b/a0/main_annos_a0.json": PEOPLE, "b/a1/main_annos_a1.json": PEOPLE},
    ),
    "casual-conversations-v2": Layout(
        lambda n: f"000{n % 9}/000{n % 9}_tamil_scripted_1_raw_frame{n:08d}.jpg",
        {"CasualConversationsV2.json": VIDEOS},
    ),
    "faceforensics": Layout(
        lambda n: f"original_sequences/youtube/c23/frames/00{n % 9}/{n:04d}.jpg",
        {"train.json": '[["000", "001"]]', "test.json": '[["002", "003"]]'},
    ),
    "celeb-df": Layout(
        lambda n: f"Celeb-synthesis/id0_id{n % 9}_0000/{n}.jpg",
        {"List_of_testing_videos.txt": "0 Celeb-synthesis/id0_id1_0000.mp4\n1 x/y.mp4"},
    ),
    "deepfakebench": Layout(lambda n: f"v/{n}.jpg", {"dataset_json/A.json": FRAMES}),
    "genimage": Layout(lambda n: f"ADM/train/ai/{n}.jpg"),
}
#: Without their tables these have no labels, or not a tag; they may be refused.
REFUSED = ("ai-face", "csv", "casual-conversations-v2", "deepfakebench")
EVERY = pytest.mark.parametrize("dataset", LAYOUTS)


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    """The same bytes with one to four faults."""
    for _ in range(generator.integers(1, 5)):
        at, length = generator.integers(0, len(data) + 1), int(generator.integers(1, 40))
        noise = generator.bytes(length)
        kind = generator.integers(8)
        data = [
            data[:at],
            data[at:],
            data[:at] + noise + data[at:],
            data[:at] + noise + data[at + length :],
            data[:at] + bytes(length) + data[at + length :],
            data[:at] + data[at + length :],
            data + data[: int(at)],
            data[:at] + b"\xff" * length + data[at + length :],
        ][kind]
        if not data:
            break
    return data


ODD = [*"ab019_.-  ,;\"'\n\r\t\\%$*?<>|~é\u0301\u202e\u200b漢😀ß²٣", "jpg", ".png", "..", "_0_"]


def misspelt(name: str, generator: np.random.Generator) -> str:
    """The same name with one to four faults, within what a file system takes."""
    folder, slash, base = name.rpartition("/")
    for _ in range(generator.integers(1, 5)):
        at = int(generator.integers(0, len(base) + 1))
        odd = str(generator.choice(ODD))
        kind = generator.integers(4)
        base = [
            base[:at] + base[at + 1 :],
            base[:at] + odd + base[at:],
            base[:at] + odd + base[at + 1 :],
            base[:at].upper() + base[at:],
        ][kind]
    base = base.encode()[:200].decode(errors="ignore")
    return folder + slash + (base if base.strip(".") else f"odd{base}.jpg")


def plant(root: Path, layout: Layout, files: dict[str, bytes]) -> None:
    tables = {name: text.encode() for name, text in layout.tables.items()}
    for name, data in {**tables, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def complete(dataset: str, root: Path, layout: Layout, out: Path) -> tuple[set[str], set[str]]:
    """Index, and hold that every file is in the manifest or in the ledger, and in one only."""
    report = index(dataset, root, out, **layout.options)  # type: ignore[arg-type]
    rows = report.read().table["image"].to_pylist()
    rejected = [entry.file for entry in read_ledger(report.ledger) if entry.outcome == "rejected"]
    assert report.indexed + report.rejected == report.found
    assert (report.indexed, report.rejected) == (len(rows), len(rejected))
    if root.is_dir():
        paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        assert sorted(rows + rejected) == sorted(path for path in paths if not is_side_file(path))
    return set(rows), set(rejected)


def test_every_loader_is_here():
    assert set(LAYOUTS) <= set(all_datasets())
    assert IMAGES * len(LAYOUTS) >= 2_000
    assert (NAMES + TABLES) * len(LAYOUTS) >= 500


@EVERY
def test_damaged_images(dataset, tmp_path):
    generator = np.random.default_rng([1, *dataset.encode()])
    layout = LAYOUTS[dataset]
    kinds = [*FORMATS, ".jpg", ".jpg"]
    files = {layout.name(0): draw(0)}
    for number in range(1, IMAGES):
        kind = kinds[number % len(kinds)]
        image = draw(number, kind, (int(generator.integers(1, 60)), 40))
        files[layout.name(number)] = damaged(image, generator)
    plant(tmp_path / "set", layout, files)
    rows, rejected = complete(dataset, tmp_path / "set", layout, tmp_path / "m.parquet")
    assert layout.name(0) in rows
    assert len(rejected) > IMAGES // 4


@EVERY
def test_misspelt_names(dataset, tmp_path):
    generator = np.random.default_rng([2, *dataset.encode()])
    layout = LAYOUTS[dataset]
    files = {layout.name(0): draw(0)}
    for number in range(1, NAMES + 1):
        files[misspelt(layout.name(number), generator)] = draw(number)
    plant(tmp_path / "set", layout, files)
    rows, _ = complete(dataset, tmp_path / "set", layout, tmp_path / "m.parquet")
    assert layout.name(0) in rows


@EVERY
def test_damaged_tag_files(dataset, tmp_path):
    generator = np.random.default_rng([3, *dataset.encode()])
    layout = LAYOUTS[dataset]
    images = {layout.name(number): draw(number) for number in range(2)}
    # Sets without tag files get a foreign one, which they should not mind.
    tables = {name: text.encode() for name, text in layout.tables.items()} or {"x.csv": b"a,b\n1,2"}
    plant(tmp_path / "set", layout, images)
    refused = 0
    for number in range(TABLES):
        name = list(tables)[number % len(tables)]
        plant(tmp_path / "set", layout, {name: damaged(tables[name], generator)})
        try:
            rows, _ = complete(dataset, tmp_path / "set", layout, tmp_path / "m.parquet")
            assert rows == set(images) or dataset in REFUSED
        except FaceAuditError as error:
            # Which of two columns of one name is meant nobody knows.
            assert dataset in REFUSED or "two columns are called" in str(error)
            assert "\n" not in str(error)
            refused += 1
    assert refused < TABLES


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_damaged_archives(kind, tmp_path):
    generator = np.random.default_rng([4, *kind.encode()])
    archive = tmp_path / f"whole.{kind}"
    for number in range(6):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(draw(number))
        if kind == "zip":
            with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as out:
                out.write(path, path.name)
        else:
            with tarfile.open(archive, "a") as tar:
                tar.add(path, path.name)
    data, layout, usable = archive.read_bytes(), LAYOUTS["one-million-fake-faces"], 0
    for _ in range(ARCHIVES):
        broken = tmp_path / f"broken.{kind}"
        broken.write_bytes(damaged(data, generator))
        try:
            complete("one-million-fake-faces", broken, layout, tmp_path / "m.parquet")
            usable += 1
        except FaceAuditError as error:
            assert "\n" not in str(error)
    assert usable > ARCHIVES // 4
