"""The run as a whole: manifest, ledger, report, notes, copies."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceaudit.datasets import all_datasets, index
from faceaudit.datasets.folder import Folder
from faceaudit.datasets.manifest_builder import ROW_GROUP
from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.tags.base import GIVEN, all_tags
from faceaudit.tags.race import RACE_COARSE
from tests.datasets.planted import plant, read_ledger
from tests.datasets.test_fuzz import LAYOUTS


@pytest.fixture
def mocked(monkeypatch):
    """Change what is known of a data set, for one test."""

    def change(dataset: str, **facts: object) -> None:
        known = type("Mocked", (all_datasets()[dataset],), facts)
        monkeypatch.setattr("faceaudit.datasets.indexing.get_dataset", lambda name: known)

    return change


DERIVED = ("age_band", "race_coarse", "head_pose", "face_shape", "skin_tone")
NAME = "25_1_2_2017011617452512{}.jpg.chip.jpg"


def test_a_table_that_could_not_be_read_is_not_called_written(tmp_path, monkeypatch):
    root = plant(tmp_path / "set", "ai/a.jpg")
    out = tmp_path / "manifest.parquet"
    monkeypatch.setattr(Folder, "use", lambda self, *_: setattr(self, "given", {"width": ""}))
    with pytest.raises(FaceAuditError, match="two columns have the same name"):
        index("folder", root, out)
    assert not out.exists()


def test_nothing_indexed_leaves_a_ledger(tmp_path):
    bad = plant(tmp_path / "bad", "portrait.jpg")
    with pytest.raises(FaceAuditError, match=r"of 1 file none .* as 'utkface'.*rejects.csv says"):
        index("utkface", bad, tmp_path / "m.parquet")
    (entry,) = read_ledger(tmp_path / "m.rejects.csv")
    assert (entry.file, entry.reason) == ("portrait.jpg", "malformed name")


def test_nothing_indexed_leaves_the_old_manifest_with_its_own_ledger(tmp_path):
    index("utkface", plant(tmp_path / "good", NAME.format(1), "odd.jpg"), tmp_path / "m.parquet")
    before = {path: path.read_bytes() for path in tmp_path.glob("m.*")}
    assert len(before) == 2
    for names, why in ((["portrait.jpg"], "1: malformed name"), ([], "there is no image")):
        bad = plant(tmp_path / f"bad{len(names)}", *names)
        bad.mkdir(exist_ok=True)
        with pytest.raises(FaceAuditError, match=f"; {why}$"):
            index("utkface", bad, tmp_path / "m.parquet")
    assert {path: path.read_bytes() for path in tmp_path.glob("[.m]*")} == before


def test_a_run_that_found_nothing_does_not_stand_in_the_way_of_the_next(tmp_path):
    root = plant(tmp_path / "set", "holiday.jpg")
    with pytest.raises(FaceAuditError, match="none could be indexed"):
        index("utkface", root, tmp_path / "m.parquet")
    index("folder", root, tmp_path / "m.parquet", name="mine", label="real")


def test_the_manifest_may_lie_below_the_root(tmp_path):
    root = plant(tmp_path / "set", "ai/a.jpg")
    for _ in range(2):
        report = index("folder", root, root / "ai" / "manifest.parquet")
        assert (report.found, report.indexed, report.reasons) == (1, 1, {})


def test_an_empty_folder(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(FaceAuditError, match="of 0 files none could be indexed"):
        index("folder", tmp_path / "set", tmp_path / "m.parquet")


def test_unknown_data_set(tmp_path):
    with pytest.raises(FaceAuditError, match="did you mean 'utkface'"):
        index("utk-face", tmp_path, tmp_path / "m.parquet")


def test_two_runs_write_the_same_bytes(tmp_path):
    root = plant(tmp_path / "set", *(f"ai/{n}.jpg" for n in range(300)))
    for workers in (1, 3):
        index("folder", root, tmp_path / f"{workers}.parquet", workers=workers)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "3.parquet").read_bytes()


def test_rows_are_written_in_groups(tmp_path, indexed, monkeypatch):
    monkeypatch.setattr("faceaudit.datasets.manifest_builder.ROW_GROUP", 64)
    root = plant(tmp_path / "set", *(f"ai/{n:03}.jpg" for n in range(200)))
    run = indexed("folder", root)
    assert list(run.rows) == [f"ai/{n:03}.jpg" for n in range(200)]
    assert pq.ParquetFile(run.report.manifest).num_row_groups == 4
    assert ROW_GROUP > 64


def test_progress_reaches_the_end(tmp_path):
    root = plant(tmp_path / "set", *(f"ai/{n}.jpg" for n in range(200)))
    (root / "ai" / "x.db").write_bytes(b"")
    seen: list[tuple[int, int]] = []
    index("folder", root, tmp_path / "m.parquet", progress=lambda *now: seen.append(now))
    assert seen[-1] == (201, 201)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_copies_are_reported_with_the_tags_that_differ(tmp_path, indexed):
    root = plant(tmp_path / "set", *(NAME.format(n) for n in range(3)))
    first = root / NAME.format(0)
    shutil.copy(first, root / "26_1_2_20170116174525199.jpg.chip.jpg")
    shutil.copy(first, root / "25_1_2_20170116174525188.jpg.chip.jpg")
    run = indexed("utkface", root)
    assert [(entry.file, entry.reason, entry.remedy) for entry in run.ledger] == [
        ("25_1_2_20170116174525188.jpg.chip.jpg", "copy", f"of {first.name}"),
        (
            "26_1_2_20170116174525199.jpg.chip.jpg",
            "copy with other tags",
            f"of {first.name}; age: 25.0 there, 26.0 here",
        ),
    ]
    assert len(run.rows) == 5
    assert run.report.notes[1:] == [
        "2 images are copies of another, byte for byte.",
        "1 of the copies has other tags; the ledger lists them.",
    ]


@pytest.mark.parametrize(
    ("published", "note"),
    [
        (3, ["2 images, fewer than the 3 that were published."]),
        (2, []),
        (1, ["2 images, more than the 1 that were published."]),
        (None, []),
    ],
)
def test_a_copy_of_another_size_than_published_is_noted(tmp_path, indexed, mocked, published, note):
    mocked("lag", published=published)
    run = indexed("lag", plant(tmp_path / "set", "ada/1.png", "ada/2.png"))
    assert run.report.notes == note
    assert run.manifest.info.datasets["lag"].note == (note[0] if note else None)


def test_every_data_set_is_fully_described():
    known = all_datasets()
    assert set(LAYOUTS) <= set(known)
    for dataset in known.values():
        for text in ("title", "label", "licence", "home", "layout"):
            assert getattr(dataset, text), f"{dataset.id} has no {text}"


def test_near_copies_are_noted_if_asked_for(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg", "ai/b.jpg")
    image = Image.open(root / "ai" / "a.jpg")
    image.save(root / "ai" / "c.jpg", quality=60)
    assert indexed("folder", root).ledger == []
    run = indexed("folder", root, look_for_near_copies=True)
    assert [(e.file, e.reason, e.remedy) for e in run.ledger] == [
        ("ai/c.jpg", "near copy", "of ai/a.jpg")
    ]
    copies = {name: row["copy_of"] for name, row in run.rows.items()}
    assert copies == {"ai/a.jpg": "ai/a.jpg", "ai/b.jpg": None, "ai/c.jpg": "ai/a.jpg"}
    (root / "tags.csv").write_text("file,copy_of\nb.jpg,x\nc.jpg,y\n")
    run = indexed("folder", root, look_for_near_copies=True)
    copies = {name: row["copy_of"] for name, row in run.rows.items()}
    assert copies == {"ai/a.jpg": "ai/a.jpg", "ai/b.jpg": "x", "ai/c.jpg": "y"}


def test_tags_of_the_pictures_if_asked_for(tmp_path, indexed):
    pytest.importorskip("dlib", reason="needs the extra 'landmarks'")
    pytest.importorskip("skimage", reason="needs the extra 'landmarks'")
    root = plant(tmp_path / "set", "ai/a.jpg")
    run = indexed("folder", root, face_shape=True, skin_tone=True)
    assert run.manifest.tags == [
        *("face_shape", "face_ratio", "jaw_ratio", "chin_angle"),
        *("skin_tone", "typology_angle"),
    ]


def test_a_missing_extra_is_told_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.tags.landmarks.find_spec", lambda name: None)
    root = plant(tmp_path / "set", "ai/a.jpg")
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[landmarks\]'"):
        index("folder", root, tmp_path / "m.parquet", skin_tone=True)
    assert not (tmp_path / "m.parquet").exists()


def test_the_documents_name_every_data_set_and_every_tag():
    root = Path(__file__).resolve().parents[2]
    sets, tags = ((root / name).read_text() for name in ("data/README.md", "docs/tags.md"))
    for dataset in map(all_datasets().get, LAYOUTS):
        count = f"{dataset.published:,}" if dataset.published else ""
        assert f"| `{dataset.id}` | {count}" in sets or not count
        assert dataset.home in sets or dataset.home == "your own"
        for tag in dataset.tags:
            assert f"`{tag}`" in tags
    for tag in (*GIVEN, *map(all_tags().get, DERIVED)):
        assert all(f"`{name}`" in tags for name in (tag.name, *tag.beside))
    for category, coarse in RACE_COARSE.items():
        assert f"`{coarse}`" in tags
        assert category in re.sub("[-_]", " ", tags.lower())
