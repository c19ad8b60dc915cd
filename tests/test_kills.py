"""index and train go on after a kill and end as unbroken runs; models are swapped whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import kills
from faceaudit import files, unfinished
from faceaudit.datasets import index
from faceaudit.datasets.rejects import ledger_path
from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of, whole_folder
from faceaudit.tables import read_manifest
from tests.deaths import Deaths
from tests.pictures import draw_dataset

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")

N = 40


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Drawn ones, among them a bad one and a copy."""
    folder = tmp_path / "set"
    draw_dataset(folder, N // 2, N // 2)
    (folder / "manifest.parquet").unlink()
    (folder / "real" / "bad.png").write_bytes(b"no picture")
    shutil.copy(folder / "real" / "0.png", folder / "ai" / "copy.png")
    return folder


def indexed(pictures: Path, out: Path, **options: object) -> None:
    given = {"delivery_facts": True, "look_for_near_copies": True} | options
    index("folder", pictures, out, workers=1, **given)


def content(out: Path) -> tuple[object, ...]:
    manifest = read_manifest(out)
    return manifest.table, manifest.info, ledger_path(out).read_text()


def killed_when(
    monkeypatch, place: object, name: str, times: int, number: int = signal.SIGKILL
) -> None:
    """Have a process end after so many calls of a function."""
    function, calls = getattr(place, name), 0

    def call(*given, **options):
        nonlocal calls
        done = function(*given, **options)
        calls += 1
        if calls == times:
            os.kill(os.getpid(), number)
        return done

    monkeypatch.setattr(place, name, call)


def killed(tmp_path: Path, monkeypatch, place: object, name: str, times: int, do) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    with monkeypatch.context() as patch:
        killed_when(patch, place, name, times)
        assert kills.ended(kills.forked(do, temporary)) == -signal.SIGKILL
    assert list(temporary.iterdir()) == [], "nothing decoded is left"


def test_index_goes_on(pictures, tmp_path, monkeypatch):
    whole, out = tmp_path / "w" / "m.parquet", tmp_path / "b" / "m.parquet"
    indexed(pictures, whole)
    # Of 41 pictures that are looked at twice every one is kept.
    monkeypatch.setattr(unfinished, "AT_MOST", -1.0)
    rng = np.random.default_rng(int(os.environ.get("SEED", "0")))
    for times in (1, *rng.integers(2, N, 2)):
        killed(
            tmp_path, monkeypatch, unfinished._Rows, "keep", times, lambda: indexed(pictures, out)
        )
        assert not out.exists()
    rows = len(list(unfinished.unfinished_folder(out).glob("*.json"))) - 1
    assert rows > times, "it went on"
    looked = []
    original = unfinished._Rows.add
    monkeypatch.setattr(
        unfinished._Rows, "add", lambda rows, row: (looked.append(row), original(rows, row))
    )
    indexed(pictures, out)
    assert len(looked) == 2 * (N + 1) + 1 - rows
    assert content(out) == content(whole)
    assert sorted(path.name for path in out.parent.iterdir()) == ["m.parquet", "m.rejects.csv"]


def stopped(pictures: Path, out: Path, monkeypatch) -> str:
    """Stop it by Ctrl-C after seven pictures, and return what it says."""
    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "AT_MOST", -1.0)
        killed_when(patch, unfinished._Rows, "add", 7, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt) as stop:
            indexed(pictures, out)
    return str(stop.value)


def test_what_index_keeps_is_said(pictures, tmp_path, monkeypatch):
    # Below the root, what is kept is no part of the data set.
    out = pictures / "m.parquet"
    kept = unfinished.unfinished_folder(out)
    said = f"7 of 42 images are kept in {kept}; the same command goes on from there"
    assert stopped(pictures, out, monkeypatch) == said
    indexed(pictures, out)
    assert not kept.exists()
    indexed(pictures, tmp_path / "elsewhere.parquet")
    table, _, ledger = content(out)
    other, _, other_ledger = content(tmp_path / "elsewhere.parquet")
    assert (table, ledger) == (other, other_ledger)


@pytest.mark.parametrize(
    ("change", "options", "named"),
    [
        (
            lambda folder: (folder / "ai" / "1.png").write_bytes(b"other"),
            {},
            "it had not the files of",
        ),
        (lambda folder: (folder / "ai" / "1.png").unlink(), {}, "it had not the files of"),
        (lambda folder: os.utime(folder / "ai" / "1.png"), {}, "it had not the files of"),
        (lambda folder: None, {"delivery_facts": False}, "it had not the options of"),
        (lambda folder: None, {"name": "other"}, "it had not the data set of"),
    ],
    ids=["changed", "removed", "touched", "option", "name"],
)
def test_another_index_does_not_go_on_with_it(
    pictures, tmp_path, monkeypatch, change, options, named
):
    out = tmp_path / "m.parquet"
    stopped(pictures, out, monkeypatch)
    change(pictures)
    kept = unfinished.unfinished_folder(out)
    with pytest.raises(FaceAuditError, match=named) as error:
        indexed(pictures, out, **options)
    assert str(error.value).endswith(f"or remove that folder: rm -r {kept}")
    shutil.rmtree(kept)
    indexed(pictures, out, **options)


def test_two_do_not_index_into_one_manifest(pictures, tmp_path):
    out = tmp_path / "m.parquet"
    with (
        unfinished.unfinished(out, {}),
        pytest.raises(FaceAuditError, match="another run is writing it"),
    ):
        indexed(pictures, out)


def test_a_full_disk_says_what_is_kept(pictures, tmp_path, monkeypatch):
    out, write = tmp_path / "m.parquet", unfinished.write_text
    monkeypatch.setattr(unfinished, "AT_MOST", -1.0)
    left = 9

    def full(path, text):
        nonlocal left
        left -= 1
        if left < 0:
            raise FaceAuditError(f"{path}: cannot be written (No space left on device)")
        write(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "write_text", full)
        with pytest.raises(FaceAuditError, match=r"No space left on device\); 8 of 42 images are"):
            indexed(pictures, out)
    assert not out.exists()
    indexed(pictures, out)


# --- models --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with pictures, and a model of them."""
    pytest.importorskip("fastai", reason="needs the extra 'model'")
    folder = tmp_path_factory.mktemp("trained")
    draw_dataset(folder, 24, 24)
    learn(folder, folder / "base", epochs=1, weights="none")
    return folder


def learn(folder: Path, out: Path, **options: object) -> None:
    from faceaudit.model.training import train

    recipe = {"arch": "mobilenetv3_small_050", "size": 32, "batch_size": 8}
    train(folder / "manifest.parquet", out, **recipe, **options)


def whole_model(folder: Path) -> tuple[object, ...]:
    """What a model directory holds; an error if it is of two models."""
    from safetensors.numpy import load_file

    record = json.loads((folder / "model.json").read_text())
    assert record["weights_sha256"] == sha256_of(folder / "model.safetensors")
    del record["id"], record["training"]["seconds"]
    near = {name: of.tolist() for name, of in load_file(folder / "familiarity.safetensors").items()}
    return record, near, (folder / "training_images.parquet").read_bytes()


def test_train_goes_on_and_swaps_the_model_whole(trained, tmp_path, monkeypatch):
    from faceaudit.model.recipe import Passes

    # One pass of the head alone, two of the whole network, with all that has a state.
    options = {
        "epochs": 2,
        "weights": str(trained / "base" / "model.safetensors"),
        "equal_delivery": True,
        "balance": "sources",
        "objective": "group-dro",
    }
    whole, out = tmp_path / "whole", tmp_path / "out" / "model"
    learn(trained, whole, **options)
    shutil.copytree(trained / "base", out)
    old, new = whole_model(out), whole_model(whole)
    for place, name, times in (
        (Passes, "add", 1),
        (Passes, "add", 1),
        (files, "_exchanged", 1),
    ):
        killed(tmp_path, monkeypatch, place, name, times, lambda: learn(trained, out, **options))
        assert whole_model(out) == (new if name == "_exchanged" else old)
    with pytest.raises(FaceAuditError, match="it had not the seed of"):
        learn(trained, out, seed=1, **options)
    learn(trained, out, **options)
    assert whole_model(out) == new != old
    assert [path.name for path in out.parent.iterdir()] == ["model"]


def test_weights_of_another_model_are_refused(trained, tmp_path):
    from faceaudit.model.checkpoint import load_checkpoint

    mixed = shutil.copytree(trained / "base", tmp_path / "mixed")
    load_checkpoint(mixed)
    weights = mixed / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(FaceAuditError, match=r"not the weights that .*model.json describes"):
        load_checkpoint(mixed)
    record = json.loads((mixed / "model.json").read_text())
    del record["weights_sha256"]  # as before it was noted
    (mixed / "model.json").write_text(json.dumps(record))
    load_checkpoint(mixed)


@pytest.mark.parametrize("beside", [(), ("README.md",)], ids=["alone", "beside other files"])
def test_a_folder_is_never_of_two(tmp_path, monkeypatch, beside):
    """Die at every call that changes it."""
    folder, names = tmp_path / "f", ("record", "a", "b")
    folder.mkdir()
    deaths = Deaths()

    for fatal in range(9):
        for name in (*names, *beside):
            (folder / name).write_text("old")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", deaths.at(Path.replace))
            patch.setattr(Path, "unlink", deaths.at(Path.unlink))
            patch.setattr(files, "_exchanged", deaths.at(files._exchanged))
            deaths.left = fatal
            try:
                with whole_folder(folder, names) as new:
                    for name in ("record", "a"):
                        (new / name).write_text("new")
            except SystemExit:
                pass
        found = {path.name: path.read_text() for path in folder.iterdir()}
        assert all(found.pop(name) == "old" for name in beside)
        if "record" in found:
            assert len({*found.values()}) == 1, (fatal, found)
    assert found == {"record": "new", "a": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_the_current_folder_stays_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("record").write_text("old")
    with whole_folder(".", ("record",)) as new:
        (new / "record").write_text("new")
    assert Path("record").read_text() == "new"


def test_decoded_pictures_have_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    from faceaudit.model import training_data

    room = training_data.room_for(3, 8)
    room[:] = 7
    assert list(tmp_path.iterdir()) == [] and room.sum() == 7 * room.size
    monkeypatch.setattr(os, "posix_fallocate", _no_room)
    with pytest.raises(FaceAuditError, match=r"no room for .* MB of decoded pictures"):
        training_data.room_for(3_000, 1_000)


def _no_room(*given: int) -> None:
    raise OSError(28, "No space left on device")
