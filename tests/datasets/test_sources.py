"""Folders and archives, read in place."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from faceaudit.datasets import sources
from faceaudit.datasets.sources import (
    Member,
    StoredImages,
    UnreadableError,
    is_side_file,
    open_source,
)
from faceaudit.errors import FaceAuditError
from faceaudit.limits import CELL_BYTES
from tests.datasets.planted import draw, plant

NAMES = ("real/a.jpg", "real/b.png", "ai/deep/c.jpg", "Thumbs.db")


def pack(kind: str, folder: Path, archive: Path) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            out.mkdir("real")
            for path in files:
                out.write(path, path.relative_to(folder))
    else:
        with tarfile.open(archive, "w") as out:
            for path in files:
                out.add(path, f"./{path.relative_to(folder)}")
    return archive


@pytest.fixture
def folder(tmp_path):
    root = plant(tmp_path / "set", *NAMES[:3])
    (root / "Thumbs.db").write_bytes(b"junk")
    (root / "tags.csv").write_text("file,gender\na.jpg,female\n")
    return root


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_gives_what_the_folder_gives(kind, folder, tmp_path, indexed):
    plain = indexed("folder", folder)
    packed = indexed("folder", pack(kind, folder, tmp_path / f"set.{kind}"))
    assert packed.rows == plain.rows
    assert packed.rejected == plain.rejected
    assert list(plain.rejected) == ["Thumbs.db"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set", f"set.{kind}"]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_stored_images_are_read_back_by_name(kind, folder, tmp_path):
    archive = pack(kind, folder, tmp_path / f"set.{kind}")
    for root in (folder, archive):
        images = StoredImages({"mine": str(root)})
        assert images.read("mine", "ai/deep/c.jpg") == (folder / "ai/deep/c.jpg").read_bytes()
        with pytest.raises(UnreadableError):
            images.read("mine", "gone.jpg")


def test_the_order_depends_on_the_names_alone(tmp_path):
    root = plant(tmp_path / "set", "b/2.jpg", "b/1.jpg", "a/9.jpg", "z.jpg")
    members = [member.path for member in open_source(root).members()]
    assert members == ["z.jpg", "a/9.jpg", "b/1.jpg", "b/2.jpg"]


def test_a_name_that_a_tar_holds_twice_counts_once(tmp_path, indexed):
    archive = tmp_path / "set.tar"
    with tarfile.open(archive, "w") as out:
        for seed in (1, 2):
            info = tarfile.TarInfo("ai/a.jpg")
            info.size = len(draw(seed))
            out.addfile(info, io.BytesIO(draw(seed)))
    run = indexed("folder", archive)
    assert run.rows["ai/a.jpg"]["bytes"] == len(draw(1))
    assert run.rejected["ai/a.jpg"][0] == "the same name again"


def test_links_in_a_tar_are_in_the_ledger(tmp_path, indexed):
    archive = pack("tar", plant(tmp_path / "set", "ai/a.jpg"), tmp_path / "set.tar")
    with tarfile.open(archive, "a") as out:
        link = tarfile.TarInfo("ai/b.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)
    run = indexed("folder", archive)
    assert "link" in run.rejected["ai/b.jpg"][1]


def test_a_cut_tar_gives_what_is_whole(tmp_path, indexed):
    folder = plant(tmp_path / "set", *(f"ai/{n}.jpg" for n in range(9)))
    archive = pack("tar", folder, tmp_path / "set.tar")
    archive.write_bytes(archive.read_bytes()[: 2 * 2048 + 700])
    run = indexed("folder", archive)
    assert 0 < len(run.rows) < 9
    assert run.rejected or run.outcomes("remark")


def test_a_damaged_zip_member_is_in_the_ledger(tmp_path, indexed):
    folder = plant(tmp_path / "set", "ai/a.jpg", "ai/b.jpg")
    archive = pack("zip", folder, tmp_path / "set.zip")
    data = bytearray(archive.read_bytes())
    at = data.index(b"ai/a.jpg") + 200
    data[at : at + 20] = bytes(20)
    archive.write_bytes(data)
    run = indexed("folder", archive)
    assert list(run.rows) == ["ai/b.jpg"]
    assert run.rejected["ai/a.jpg"][0] == "cannot be read"


def test_a_file_of_absurd_size_is_not_read(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "MAX_BYTES", 100)
    for root in (folder, *(pack(k, folder, tmp_path / f"s.{k}") for k in ("zip", "tar"))):
        source = open_source(root)
        (member,) = [m for m in source.members() if m.path == "real/a.jpg"]
        with pytest.raises(UnreadableError, match="larger than"):
            source.read(member)


def test_pipes_and_dead_links_do_not_stop_a_run(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg")
    os.mkfifo(root / "ai" / "pipe.jpg")
    (root / "ai" / "dead.jpg").symlink_to("nowhere.jpg")
    (root / "ai" / "up").symlink_to(root)
    (root / "ai" / "itself.jpg").symlink_to("itself.jpg")
    (root / "ai" / "alias.jpg").symlink_to("a.jpg")
    run = indexed("folder", root)
    assert sorted(run.rows) == ["ai/a.jpg", "ai/alias.jpg"]
    assert run.rejected["ai/pipe.jpg"] == ("cannot be read", "not a regular file")
    assert "no such file" in run.rejected["ai/dead.jpg"][1]
    assert run.rejected["ai/itself.jpg"] == ("cannot be read", os.strerror(errno.ELOOP))
    (loop,) = [e for e in run.outcomes("remark") if e.reason == "could not be looked into"]
    assert loop.file.startswith("ai/up")


def test_a_linked_folder_is_followed(tmp_path, indexed):
    plant(tmp_path / "disk", "a.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "ai").symlink_to(tmp_path / "disk")
    assert list(indexed("folder", tmp_path / "set").rows) == ["ai/a.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_names_that_are_no_text_are_in_the_ledger(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg")
    (root / "ai" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(draw(5))
    (root / "ai" / 'new\nline,"quote".jpg').write_bytes(draw(6))
    run = indexed("folder", root)
    assert run.rejected == {r"ai/caf\udce9.jpg": ("name is not valid text", "rename it")}
    assert 'ai/new\nline,"quote".jpg' in run.rows


def test_a_name_that_no_table_could_hold_leaves_the_manifest_readable(tmp_path, indexed):
    archive, longest = tmp_path / "set.zip", f"ai/{'é' * 2044}a.jpg"
    assert len(longest.encode()) == CELL_BYTES
    with zipfile.ZipFile(archive, "w") as out:
        for seed, name in enumerate((longest, longest.replace("a.jpg", "ab.jpg"), "ai/a.jpg")):
            out.writestr(name, draw(seed))
    run = indexed("folder", archive)
    assert [*run.rows] == [longest, "ai/a.jpg"]
    assert [reason for reason, _ in run.rejected.values()] == ["name too long"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("gone", None, "no such folder or archive"),
        ("set.tar.gz", b"\x1f\x8b", "unpack it"),
        ("set.zip", b"PK nonsense", "neither a folder nor a readable"),
        ("set.tar", b"nonsense", "neither a folder nor a readable"),
    ],
)
def test_roots_that_cannot_be_read(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FaceAuditError, match=told):
        open_source(tmp_path / name)


def test_side_files():
    assert all(map(is_side_file, ("a/tags.csv", "LICENSE", "x/README", "b.JSON", ".DS_Store")))
    assert not any(map(is_side_file, ("a.jpg", "b.mp4", "Thumbs.db", "csv.d/photo")))


def test_reading_a_member_that_is_no_path(tmp_path):
    with pytest.raises(UnreadableError):
        open_source(tmp_path).read(Member("a\0b.jpg"))


LEFT = ("ai/.ipynb_checkpoints/a-checkpoint.jpg", "__MACOSX/ai/._a.jpg", "real/._b.png")


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_what_other_programs_left_is_skipped_and_counted_in_one_line(kind, tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg", "real/b.png", *LEFT)
    (root / "__MACOSX" / "tags.csv").write_text("file,junk\na.jpg,1\n")
    (root / "._tags.csv").write_bytes(b"\0\5\x16\7")
    if kind != "folder":
        root = pack(kind, root, tmp_path / f"set.{kind}")
    run = indexed("folder", root)
    assert (sorted(run.rows), run.rejected) == (["ai/a.jpg", "real/b.png"], {})
    assert run.manifest.tags == []
    assert run.report.notes == [
        "Skipped 5 files that other programs left (._* 3, .ipynb_checkpoints 1, __MACOSX 1)."
    ]
    assert "Skipped 5 files" in run.manifest.info.datasets["folder"].note


def test_a_zip_with_backslashes(tmp_path, indexed):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("ai\\", b"")
        out.writestr("ai\\a.jpg", draw(1))
        out.writestr("real\\deep\\b.png", draw(2, ".png"))
        out.writestr("tags\\tags.csv", "file,gender\na.jpg,male\n")
    run = indexed("folder", archive)
    assert {image: row["label"] for image, row in run.rows.items()} == {
        "ai/a.jpg": "ai",
        "real/deep/b.png": "real",
    }
    assert run.tags("ai/a.jpg") == {"gender": "male"}
    assert StoredImages({"x": str(archive)}).read("x", "real/deep/b.png") == draw(2, ".png")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_first_of_a_name_that_a_zip_holds_twice_is_indexed_and_read_back(tmp_path, indexed):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("ai/a.jpg", draw(1))
        out.writestr("ai/a.jpg", draw(2))
    run = indexed("folder", archive)
    assert run.rejected["ai/a.jpg"][0] == "the same name again"
    content = StoredImages({"x": str(archive)}).read("x", "ai/a.jpg")
    assert content == draw(1)
    assert run.rows["ai/a.jpg"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_of_several_tag_files_of_one_name_one_is_read_and_said(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg", "real/b.jpg")
    for folder in ("ai", "real"):
        (root / folder / "tags.csv").write_text("file,mood\na.jpg,glad\n")
    run = indexed("folder", root)
    assert run.report.notes == ["Of 2 files called tags.csv only ai/tags.csv was read."]
