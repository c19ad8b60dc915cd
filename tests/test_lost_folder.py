"""A folder that is gone in the middle of a run is no folder of missing pictures."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from faceaudit.datasets import index
from faceaudit.datasets.sources import (
    FolderSource,
    Member,
    MissingFileError,
    UnreadableError,
    open_source,
)
from faceaudit.errors import FaceAuditError, SourceLostError
from faceaudit.scoring import score
from faceaudit.tables import read_scores
from tests.pictures import draw_dataset

JUDGE = """
import numpy as np
def judge(image):
    return float(np.asarray(image)[0, 0].mean() / 255)
"""
N = 40


@pytest.fixture
def folder(tmp_path) -> Path:
    draw_dataset(tmp_path / "set", N, N)
    return tmp_path / "set"


@pytest.fixture
def judge(tmp_path) -> str:
    (tmp_path / "judge.py").write_text(JUDGE)
    return f"python:{tmp_path / 'judge.py'}:judge"


@pytest.fixture
def away_after(monkeypatch, folder) -> Callable[[int], None]:
    """Take the folder away once so many pictures were read."""
    read = FolderSource.read

    def away_after(pictures: int) -> None:
        left = iter(range(pictures))

        def counted(self: FolderSource, member: Member) -> bytes:
            if next(left, None) is None and folder.exists():
                folder.rename(folder.with_name("away"))
            return read(self, member)

        monkeypatch.setattr(FolderSource, "read", counted)

    return away_after


def put_back(folder: Path) -> None:
    folder.with_name("away").rename(folder)


def test_index_stops_and_goes_on(folder, away_after, monkeypatch, tmp_path):
    monkeypatch.setattr("faceaudit.unfinished.AT_MOST", 0)
    monkeypatch.setattr("faceaudit.datasets.manifest_builder.BATCH", 4)
    whole = index("folder", folder).read()
    away_after(30)
    out = tmp_path / "m.parquet"
    said = r"set: can no longer be read .No such file.*; put it back, and start again; \d+ of 80"
    with pytest.raises(FaceAuditError, match=said):
        index("folder", folder, out, workers=1)
    assert not out.exists()
    put_back(folder)
    away_after(2 * N)
    assert index("folder", folder, out, workers=1).read().table.equals(whole.table)


def test_index_notices_while_it_lists(folder, monkeypatch, tmp_path):
    source = FolderSource(folder)
    members = source.members()
    assert next(members).path == "manifest.parquet"
    shutil.rmtree(folder)
    with pytest.raises(SourceLostError):
        list(members)


def test_score_stops_and_goes_on(folder, judge, away_after, monkeypatch, tmp_path):
    monkeypatch.setattr("faceaudit.unfinished.AT_MOST", 0)
    manifest = index("folder", folder, tmp_path / "m.parquet").read()
    whole = score(judge, manifest, find_faces=False, batch_size=4)
    away_after(30)
    out = tmp_path / "s.parquet"
    with pytest.raises(FaceAuditError, match=r"set: can no longer be read.*of 80 images are kept"):
        score(judge, tmp_path / "m.parquet", out, find_faces=False, batch_size=4)
    assert not out.exists()
    put_back(folder)
    away_after(3 * N)
    score(judge, tmp_path / "m.parquet", out, find_faces=False, batch_size=4)
    assert read_scores(out).table.equals(whole.table)


def test_train_stops(folder, away_after, tmp_path):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    from faceaudit.model.training import train

    index("folder", folder, tmp_path / "m.parquet")
    away_after(30)
    with pytest.raises(FaceAuditError, match="set: can no longer be read"):
        train(tmp_path / "m.parquet", tmp_path / "model", arch="test_resnet", weights="none")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_is_gone_is_not_damaged(kind, folder, tmp_path, monkeypatch):
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, folder))
    source = open_source(archive)
    member = next(one for one in source.members() if one.path.endswith(".png"))

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    if kind == "zip":
        monkeypatch.setattr(source._archive, "open", fail)
    else:
        monkeypatch.setattr(source, "_file", SimpleNamespace(seek=fail))
    with pytest.raises(UnreadableError, match="Input/output error"):
        source.read(member)
    archive.unlink()
    with pytest.raises(SourceLostError, match=f"packed.{kind}: can no longer be read"):
        source.read(member)


def test_another_disk_in_its_place_is_noticed(folder, monkeypatch):
    source = FolderSource(folder)
    with pytest.raises(MissingFileError):
        source.read(Member("nothing.png"))
    monkeypatch.setattr(source, "_device", Path("/proc").stat().st_dev)
    with pytest.raises(SourceLostError, match="another disk is in its place"):
        source.read(Member("nothing.png"))


def test_a_folder_that_is_not_there_is_said_before_a_model_is_loaded(folder, monkeypatch, tmp_path):
    index("folder", folder, tmp_path / "m.parquet")
    folder.rename(folder.with_name("away"))
    loads = "faceaudit.scoring.backends.model_folder.load_checkpoint"
    monkeypatch.setattr(loads, lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(FaceAuditError, match="set: no such folder"):
        score("bundled:default", tmp_path / "m.parquet", tmp_path / "s.parquet")
    put_back(folder)
    with pytest.raises(pytest.fail.Exception, match="it was loaded"):
        score("bundled:default", tmp_path / "m.parquet")


def test_a_folder_that_is_not_there_is_said_before_a_network_is_made(folder, monkeypatch, tmp_path):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    from faceaudit.model import training

    index("folder", folder, tmp_path / "m.parquet")
    shutil.rmtree(folder)
    for name in ("build_network", "load_checkpoint", "require_model_extra"):
        monkeypatch.setattr(training, name, lambda *_: pytest.fail("it was made"))
    for run in (training.train, lambda manifest, model: training.add_familiarity(model, manifest)):
        with pytest.raises(FaceAuditError, match="set: no such folder"):
            run(tmp_path / "m.parquet", tmp_path / "model")


def test_tags_that_are_not_there_are_said_before_a_data_set_is_looked_through(
    folder, monkeypatch, tmp_path
):
    monkeypatch.setattr(FolderSource, "members", lambda _: pytest.fail("it was looked through"))
    with pytest.raises(FaceAuditError, match="nowhere: no such folder"):
        index("folder", folder, tmp_path / "m.parquet", tags_from=tmp_path / "nowhere")
