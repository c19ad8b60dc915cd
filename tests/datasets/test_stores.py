"""Images in stores: the same as in a folder, and a store that is gone is no missing picture."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Barrier

import fsspec
import numpy as np
import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from faceaudit.datasets import IndexReport, index
from faceaudit.datasets.sources import StoredImages, UnreadableError, ZipSource
from faceaudit.datasets.stores import AT_ONCE, Store
from faceaudit.errors import FaceAuditError, SourceLostError
from faceaudit.known_roots import known_roots
from faceaudit.scoring import score
from faceaudit.tables import Manifest, read_manifest, read_manifests, write_table
from faceaudit.thumbnails import PicturesAtHand
from tests.datasets.planted import plant, read_ledger
from tests.pictures import write_manifest
from tests.web_store import WebStore, serving

pytest.importorskip("aiohttp", reason="needs fsspec's driver of web servers")

NAMES = ("real/a.jpg", "real/b b%20+ü&.png", "real/?x#y.jpg", "ai/deep/c.jpg", "ai/d.webp")
JUDGE = """
import numpy as np
def judge(image):
    return float(np.asarray(image)[0, 0].mean() / 255)
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    root = plant(tmp_path / "set", *NAMES)
    shutil.copy(root / "real/a.jpg", root / "ai/copy.jpg")
    (root / "real/empty.jpg").touch()
    (root / "real/cut.jpg").write_bytes((root / "real/a.jpg").read_bytes()[:300])
    (root / "notes.db").write_bytes(b"junk")
    (root / "tags.csv").write_text("file,gender\na.jpg,female\nd.webp,male\n")
    return root


@pytest.fixture
def web(folder) -> Iterator[WebStore]:
    with serving(folder) as store:
        yield store


@pytest.fixture
def memory(folder) -> Iterator[fsspec.AbstractFileSystem]:
    """A store in memory that holds the folder at ``memory://set`` and packed beside it."""
    system = fsspec.filesystem("memory")
    system.put(str(folder), "/set", recursive=True)
    system.put(shutil.make_archive(str(folder), "zip", folder), "/set.zip")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def judge(tmp_path) -> str:
    (tmp_path / "judge.py").write_text(JUDGE)
    return f"python:{tmp_path / 'judge.py'}:judge"


def rows(report: IndexReport) -> list[dict[str, object]]:
    return report.read().table.sort_by("image").to_pylist()


@pytest.mark.parametrize("kind", ["memory://set", "memory://set/", "memory://set.zip", "web"])
def test_a_store_gives_what_the_folder_gives(kind, folder, memory, web, judge, tmp_path):
    address = web.address if kind == "web" else kind
    options = {"look_for_near_copies": True, "delivery_facts": True}
    here = index("folder", folder, tmp_path / "here.parquet", **options)
    there = index("folder", address, tmp_path / "there.parquet", **options)
    assert {row["image"] for row in rows(there)} == {*NAMES, "ai/copy.jpg"}
    assert rows(there) == rows(here)
    assert sorted(read_ledger(there.ledger)) == sorted(read_ledger(here.ledger))
    assert there.read().info.datasets["folder"].root == address.rstrip("/")
    if not address.endswith(".zip"):  # whose order is its own
        assert there.read().table.equals(here.read().table)
    scored = score(judge, there.manifest, find_faces=False)
    expected = score(judge, here.manifest, find_faces=False)
    assert scored.table.sort_by("image").equals(expected.table.sort_by("image"))
    assert scored.info == expected.info


def test_the_command_line_reads_a_store(memory, judge, tmp_path):
    manifest, scores = tmp_path / "m.parquet", tmp_path / "s.parquet"
    for words in (
        ["index", "folder", "memory://set", "-o", str(manifest)],
        ["score", judge, str(manifest), "-o", str(scores), "--no-find-faces"],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
    assert "6 images: 6 ok" in done.output


def test_real_and_ai_may_be_told_by_folders_of_the_store(memory):
    report = index("folder", "memory://set", real_dir="memory://set/real", ai_dir="ai")
    assert report.labels == {"real": 3, "ai": 3}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://key:secret@bucket/set", "s3://bucket/set"),
        ("s3://bucket/set?token=secret", "s3://bucket/set"),
        ("https://secret@host/set", "https://host/set"),
        ("https://host/set#secret", "https://host/set"),
        ("abfs://box@host/set?sig=secret", "abfs://box@host/set"),
        ("https://me:sec'ret or secret@host/set", "https://host/set"),
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address, shown, tmp_path):
    out = tmp_path / "m.parquet"
    done = CliRunner().invoke(main, ["index", "folder", address, "-o", str(out)])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"faceaudit: {shown}: the address holds more than a place")
    assert "secret" not in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "@", "-o", "out"],
        ["audit", "s.csv", "-o", "@"],
        ["score", "@", "m.parquet", "-o", "s.parquet"],
        ["score", "onnx:@", "m.parquet", "-o", "s.parquet"],
        ["index", "folder", ".", "--tags-from", "@", "-o", "m.parquet"],
        ["index", "folder", ".", "--real-dir", "@", "-o", "m.parquet"],
        ["audit", "s.csv", "-o", "out", "--check-same=@"],
        ["@"],
        ["gate", "out/audit.json", "--no-such-option=@"],
    ],
    ids=str,
)
def test_no_message_repeats_a_secret(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = "https://me:secret@host/set?token=secret"
    done = CliRunner().invoke(main, [word.replace("@", address) for word in words])
    assert done.exit_code == 2 and "secret" not in done.output


def test_a_secret_in_the_manifest_of_somebody_else_is_not_repeated(tmp_path):
    places = {"s3://me:secret@bucket/a": "a.parquet", "https://host/b?token=secret": "b.parquet"}
    for place, name in places.items():
        manifest = read_manifest(write_manifest(tmp_path, ["a.png"], ["ai"]))
        manifest.info.datasets["drawn"].root = place
        write_table(tmp_path / name, manifest.table, manifest.info)
    with pytest.raises(FaceAuditError, match=r"in https://host/b, .* in s3://bucket/a;"):
        read_manifests([tmp_path / name for name in places.values()])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("gs://bucket/set", "gs://bucket/set: the driver of such stores is not installed.*gcsfs"),
        ("nowhere://x", "nowhere://x: cannot be read .*Protocol not known"),
        ("file:///tmp", "give the path of a folder"),
        ("zip://a::s3://bucket/x.zip", "an address in one store"),
        ("memory://nothing", "memory://nothing: cannot be read .nothing is there"),
        ("memory://set/real/a.jpg", "neither a folder that can be listed nor a .zip"),
        ("memory://set/bad.zip", "not a readable .zip archive .*fetch it and name the file"),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1/x: cannot be read .*annot connect"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(address, said, memory, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    memory.pipe_file("/set/bad.zip", b"no archive")
    with pytest.raises(FaceAuditError, match=said):
        index("folder", address, tmp_path / "out" / "m.parquet")
    assert not (tmp_path / "out").exists()


def test_a_server_without_a_listing_is_no_folder(web, folder):
    with pytest.raises(FaceAuditError, match="neither a folder that can be listed"):
        index("folder", f"{web.address}/notes.db")


@pytest.mark.parametrize("what", ["out", "tags_from", "manifest"])
def test_only_images_are_read_from_a_store(what, memory, judge, tmp_path):
    with pytest.raises(FaceAuditError, match=r"^(--tags-from )?s3://bucket/x: .*"):
        if what == "manifest":
            score(judge, Path("s3://bucket/x"), find_faces=False)
        else:
            index("folder", "memory://set", **{what: Path("s3://bucket/x")})


def test_a_picture_that_cannot_be_read_has_a_status(memory, folder, judge, monkeypatch):
    manifest = index("folder", "memory://set").read()
    memory.rm("/set/real/a.jpg")
    read = type(memory).cat_file

    def guarded(self, path, *args, **options):
        if path.endswith("c.jpg"):
            raise PermissionError("Forbidden: https://me:secret@host/c.jpg?key=secret")
        return read(self, path, *args, **options)

    monkeypatch.setattr(type(memory), "cat_file", guarded)
    names = manifest.table["image"].to_pylist()
    names[names.index("real/?x#y.jpg")] = "../set.zip"
    table = manifest.table.set_column(0, "image", [names])
    scores = score(judge, Manifest(table, manifest.info), find_faces=False)
    found = dict(zip(names, scores.table["status"].to_pylist(), strict=True))
    assert found["real/a.jpg"] == "missing"
    assert found["ai/deep/c.jpg"] == found["../set.zip"] == "unreadable"
    assert [*found.values()].count("ok") == 3
    assert any("no access: Forbidden" in note for note in scores.info.notes), scores.info.notes
    assert "secret" not in scores.info.model_dump_json()


def test_a_folder_that_cannot_be_listed_is_in_the_ledger(memory, monkeypatch, tmp_path):
    listed = type(memory).ls

    def guarded(self, path, *args, **options):
        if path.endswith("/deep"):
            raise PermissionError("Forbidden")
        return listed(self, path, *args, **options)

    monkeypatch.setattr(type(memory), "ls", guarded)
    report = index("folder", "memory://set", tmp_path / "m.parquet")
    (entry,) = (one for one in read_ledger(report.ledger) if one.file == "ai/deep/")
    assert (entry.outcome, entry.remedy) == ("remark", "no access: Forbidden")


def test_what_stands_for_a_folder_is_no_file_and_a_folder_without_a_name_is_told(
    memory, monkeypatch, tmp_path
):
    listed = type(memory).ls

    def as_s3(self, path, *args, **options):
        marker = {"name": f"{path}/", "size": 0, "type": "file", "StorageClass": "STANDARD"}
        nameless = {"name": f"{path}/", "type": "directory", "StorageClass": "DIRECTORY"}
        more = [marker, nameless] if path.endswith("/deep") else [marker]
        return [*more, *listed(self, path, *args, **options)]

    plain = index("folder", "memory://set", tmp_path / "a.parquet")
    monkeypatch.setattr(type(memory), "ls", as_s3)
    report = index("folder", "memory://set", tmp_path / "b.parquet")
    assert report.read().table.equals(plain.read().table)
    before, told = read_ledger(plain.ledger), read_ledger(report.ledger)
    (new,) = (entry for entry in told if entry not in before)
    assert (new.file, new.remedy) == ("ai/deep//", "the name is no place below the root")


def test_a_file_of_absurd_size_is_not_read(memory, folder, monkeypatch, tmp_path):
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    monkeypatch.setattr("faceaudit.datasets.sources.MAX_BYTES", largest - 1)
    entries = read_ledger(index("folder", "memory://set", tmp_path / "m.parquet").ledger)
    assert any(one.remedy.startswith("larger than") for one in entries)


def test_training_sees_the_same_pictures(memory, folder):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    from faceaudit.model.progress import progress_bars
    from faceaudit.model.training_data import decode

    decoded = []
    for root in (folder, "memory://set"):
        manifest = index("folder", root).read()
        with progress_bars(False) as bars:
            decoded.append(decode(manifest, StoredImages.of(manifest.info), 16, 1, bars))
    here, there = decoded
    assert there.table.equals(here.table)
    assert np.array_equal(there.pixels, here.pixels)


def test_what_fails_once_is_read_again(web, judge):
    failed = set[str]()

    def once(path: str) -> bool:
        known = path in failed or not path.endswith((".jpg", ".png", ".webp"))
        failed.add(path)
        return not known

    web.fails = once
    manifest = index("folder", web.address).read()
    failed.clear()
    assert {*score(judge, manifest, find_faces=False).table["status"].to_pylist()} == {"ok"}


def gone_after(store: WebStore, files: int) -> None:
    """Let a store give so many files more, and then nothing."""
    end = len(store.asked) + files
    store.fails = lambda path: len(store.asked) >= end


def test_a_store_that_is_gone_stops_index_which_goes_on_when_it_is_back(folder, web, tmp_path):
    plant(folder, *(f"ai/more/{i}.jpg" for i in range(60)), start=10)
    whole = index("folder", web.address).read()
    out = tmp_path / "m.parquet"
    gone_after(web, 40)
    with pytest.raises(FaceAuditError, match=r"can no longer be read .*503") as stopped:
        index("folder", web.address, out, workers=1)
    assert web.address in str(stopped.value)
    assert not out.exists()
    web.fails = lambda path: False
    assert index("folder", web.address, out, workers=1).read().table.equals(whole.table)


def test_a_store_that_is_gone_stops_score_which_goes_on_when_it_is_back(
    folder, web, judge, tmp_path, monkeypatch
):
    monkeypatch.setattr("faceaudit.unfinished.AT_MOST", 0)
    plant(folder, *(f"ai/more/{i}.jpg" for i in range(60)), start=10)
    manifest = index("folder", web.address).read()
    whole = score(judge, manifest, find_faces=False, batch_size=4)
    out = tmp_path / "s.parquet"
    gone_after(web, 50)
    with pytest.raises(FaceAuditError, match=r"503.*images are kept.*goes on from there"):
        score(judge, manifest, out, find_faces=False, batch_size=4)
    assert not out.exists()
    web.fails = lambda path: False
    before = len(web.asked)
    again = score(judge, manifest, out, find_faces=False, batch_size=4)
    assert again.table.equals(whole.table)
    assert "ai/copy.jpg" not in web.asked[before + 16 :], "it began anew"


def test_access_that_ends_is_no_row_of_unreadable_pictures(memory, judge, monkeypatch):
    manifest = index("folder", "memory://set").read()
    read, left = type(memory).cat_file, count(3, -1)

    def ends(self, path, *args, **options):
        if next(left) <= 0:  # though folders can still be listed
            raise PermissionError("ExpiredToken")
        return read(self, path, *args, **options)

    monkeypatch.setattr(type(memory), "cat_file", ends)
    with pytest.raises(SourceLostError, match=r"longer be read .no access: ExpiredToken"):
        score(judge, manifest, find_faces=False)


def test_an_empty_file_is_no_sign_that_a_store_is_gone(web):
    store = Store(web.address)
    assert store.read("real/empty.jpg", 9) == b""
    with pytest.raises(FileNotFoundError):
        store.read("nothing.jpg", 9)


def test_what_a_store_listed_before_is_not_given_again(web, folder):
    before = index("folder", web.address)
    plant(folder, "ai/new.jpg", start=99)
    assert index("folder", web.address).indexed == before.indexed + 1


def test_a_store_that_goes_when_all_are_scored_leaves_no_note_in_the_scores(
    web, judge, tmp_path, monkeypatch
):
    manifest = index("folder", web.address).read()

    def explain(*_: object) -> None:
        raise SourceLostError(f"{web.address}: can no longer be read")

    monkeypatch.setattr("faceaudit.scoring.runs.attention", explain)
    with pytest.raises(FaceAuditError, match="6 of 6 images are kept"):
        score(judge, manifest, tmp_path / "s.parquet", find_faces=False)


@pytest.mark.parametrize("read", ["index", "near copies", "score"])
def test_a_store_is_asked_for_many_pictures_at_once(read, folder, web, judge):
    shutil.rmtree(folder / "real")
    plant(folder, *(f"ai/more/{i}.jpg" for i in range(2 * AT_ONCE - 3)), start=10)
    manifest = index("folder", web.address).read()
    assert len(manifest.table) == 2 * AT_ONCE
    # Nobody is given a picture before so many wait for one.
    waiting, left = Barrier(AT_ONCE), count((4 if read == "near copies" else 2) * AT_ONCE, -1)
    web.before = lambda name: (
        not name.endswith("csv") and next(left) > 0 and waiting.wait(timeout=60)
    )
    if read == "score":
        score(judge, manifest, find_faces=False, workers=1)
    else:
        index("folder", web.address, workers=1, look_for_near_copies=read == "near copies")
    assert not waiting.broken


def test_an_archive_in_a_store_that_is_gone_is_not_damaged(memory, folder):
    class Cut(io.BytesIO):
        there = True

        def read(self, *size: int) -> bytes:
            if not self.there:
                raise OSError("Connection reset")
            return super().read(*size)

    file, store = Cut((folder.parent / "set.zip").read_bytes()), Store("memory://set.zip")
    store.open = lambda: file  # type: ignore[method-assign]
    source = ZipSource(store.address, store)
    member = next(source.members())
    assert source.read(member)
    file.there = False
    with pytest.raises(UnreadableError, match=r"archive .OSError: Connection reset"):
        source.read(member)
    memory.rm("/set.zip")
    with pytest.raises(SourceLostError, match=r"set\.zip: can no longer be read"):
        source.read(member)


def test_a_report_shows_pictures_of_a_store_that_is_named(memory, folder, judge):
    scores = score(judge, index("folder", "memory://set").read(), find_faces=False)
    at_hand = PicturesAtHand(scores, [(None, Path("memory://set"))])
    assert at_hand.content("folder", NAMES[0], None) == (folder / NAMES[0]).read_bytes()
    assert at_hand.content("folder", "../set.zip", None) is None


def test_no_report_asks_a_store_unasked(memory):
    report = index("folder", "memory://set", name="far")
    assert known_roots("far") == []
    assert "Reports show no pictures of a store, unless --images-from names it." in report.notes
