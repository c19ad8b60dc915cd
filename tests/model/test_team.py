"""Several processes that train one network: together they see what one would, and are all alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from faceaudit.errors import FaceAuditError
from tests.pictures import draw_dataset

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model import devices  # noqa: E402
from faceaudit.model.checkpoint import load_checkpoint  # noqa: E402
from faceaudit.model.random_delivery import deliver  # noqa: E402
from faceaudit.model.recipe import Batches, GroupDRO  # noqa: E402
from faceaudit.model.records import InputRecord  # noqa: E402
from faceaudit.model.team import ALONE, Team, device_of, team, this_one  # noqa: E402
from faceaudit.model.training import train  # noqa: E402
from faceaudit.scoring import score  # noqa: E402

RECORD = InputRecord(size=32, mean=[0.5] * 3, std=[0.5] * 3)
OPTIONS = (
    "--arch test_resnet --weights none --size 32 --batch-size 16 --lr 0.01 --epochs 3 --seed 7"
)
OPTIONS += " --equal-delivery --balance sources --objective group-dro"
#: As in docs/performance.md.
TORCHRUN = "torchrun --standalone --nproc-per-node 2 -m faceaudit"
ACCELERATE = (
    "accelerate launch --multi_gpu --num_processes 2 --main_process_port 0 "
    f"{Path(__file__).with_name('train_together.py')}"
)


def launched(command: str, **said: str) -> subprocess.CompletedProcess[str]:
    program, *words = command.split()
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | said
    place = Path(sys.executable).with_name(program)
    return subprocess.run(
        [place, *words], env=environment, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("drawn"), 40, 40)


@pytest.fixture(scope="module")
def unbroken(manifest) -> Path:
    """A model that two processes have trained, by the documented command."""
    out = manifest.with_name("unbroken")
    done = launched(f"{TORCHRUN} train {manifest} -o {out} {OPTIONS}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 3 of 3") == done.stdout.count("model: ") == 1
    return out


def test_two_processes_train_one_model_that_scores(manifest, unbroken):
    record = load_checkpoint(unbroken).record.training
    assert (record.processes, record.n_training, record.batch_size) == (2, 64, 16)
    assert (record.balance, record.objective) == ("sources", "group-dro")
    found = score(unbroken, manifest, find_faces=False)
    assert found.table["p_ai"].null_count == 0
    assert all(found.table["in_training"].to_pylist())


def test_one_that_dies_stops_all_which_go_on_and_end_with_the_same_weights(
    manifest, unbroken, tmp_path
):
    out, learned = tmp_path / "model", tmp_path / "learned" / "of"
    command = f"{ACCELERATE} train {manifest} -o {out} {OPTIONS}"
    died = launched(command, LEARNED=str(learned), DIES_AFTER="2")
    assert died.returncode != 0
    assert "2 of 3 epochs are kept" in died.stderr, died.stderr
    assert "fault of faceaudit" not in died.stderr
    assert not out.exists()
    kept = torch.load(tmp_path / ".model.parts" / "passes.pt", weights_only=True)
    assert not torch.equal(*kept["torch"]), "both would drop out the same"
    with pytest.raises(FaceAuditError, match="it had not the number of processes of this one"):
        train(
            manifest,
            out,
            arch="test_resnet",
            weights="none",
            size=32,
            batch_size=16,
            lr=0.01,
            epochs=3,
            seed=7,
            equal_delivery=True,
            balance="sources",
            objective="group-dro",
        )
    done = launched(command, LEARNED=str(learned))
    assert done.returncode == 0, done.stderr
    assert "going on after 2 of 3 epochs" in done.stderr
    first, second = (torch.load(f"{learned}.{number}") for number in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    name = "model.safetensors"
    assert (out / name).read_bytes() == (unbroken / name).read_bytes()
    assert not list(tmp_path.glob(".*"))


def loader(team: Team, batch_size: int = 12, **options: object) -> Batches:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (50, 48, 48, 3), np.uint8)
    is_ai, groups = rng.random(50) < 0.5, rng.integers(0, 3, 50)
    rows = np.arange(3, 50)
    return Batches(pixels, is_ai, rows, RECORD, batch_size, 5, groups=groups, team=team, **options)


@pytest.mark.parametrize("options", [{}, {"shares": np.arange(50) / 50}, {"change": True}])
def test_the_parts_of_a_batch_are_the_batch(options):
    if "change" in options:
        options = {"change": partial(deliver, size=32, smallest_crop=0.5), "workers": 2}
    whole = list(loader(ALONE, **options))
    parts = [list(loader(Team(number, 3), **options)) for number in range(3)]
    assert len(whole) == 3
    for batch, *dealt in zip(whole, *parts, strict=True):
        for of, of_parts in zip(batch, zip(*dealt, strict=True), strict=True):
            assert torch.equal(torch.stack(of_parts, 1).flatten(0, 1), of)


def test_batches_are_put_where_they_are_wanted():
    batches = loader(ALONE)
    batches.to(torch.device("meta"))
    assert {of.device.type for batch in batches for of in batch} == {"meta"}


def test_fewer_pictures_than_processes_are_refused():
    with pytest.raises(FaceAuditError, match="47 images cannot be dealt to 48 processes"):
        loader(Team(0, 48), 48)


def test_a_validation_loader_is_not_dealt():
    pixels = np.zeros((7, 32, 32, 3), np.uint8)
    rows = np.arange(7)
    (batch,) = Batches(pixels, np.ones(7, bool), rows, RECORD, 8, team=Team(1, 2))
    assert len(batch[0]) == 7


def test_groups_are_weighted_by_what_all_processes_lose():
    generator = torch.Generator().manual_seed(0)
    logit = torch.randn(12, 1, generator=generator)
    target = torch.tensor([[i % 2, i % 3 if i < 6 else 0] for i in range(12)]).float()
    given: list[torch.Tensor] = []

    class Two(Team):
        def summed(self, tensor: torch.Tensor) -> torch.Tensor:
            given.append(tensor)
            return total

    def learned(loss: GroupDRO, logit: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logit = logit.clone().requires_grad_()
        loss(logit, target).backward()
        return logit.grad

    alone = GroupDRO(3)
    whole = learned(alone, logit, target)
    halves = [(logit[i::2], target[i::2]) for i in (0, 1)]
    total = torch.zeros(2, 3)
    for half in halves:
        learned(GroupDRO(3, Two(0, 2)), *half)
    total = given[0] + given[1]
    for i, half in enumerate(halves):
        loss = GroupDRO(3, Two(i, 2))
        # What is learned from is the mean over the processes.
        torch.testing.assert_close(learned(loss, *half) / 2, whole[i::2])
        torch.testing.assert_close(loss.weights, alone.weights)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 15}, "--batch-size 15: each batch is dealt to 2 processes, and 1 would"),
        ({"find_lr": True}, "--find-lr: one process looks for a rate"),
        ({}, "process 2 of 2: the others are not found .*; start them by"),
    ],
)
def test_what_several_processes_cannot_do_is_refused(
    manifest, monkeypatch, tmp_path, options, said
):
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(FaceAuditError, match=said):
        train(manifest, tmp_path / "model", arch="test_resnet", weights="none", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("environment", "this"),
    [
        ({}, ALONE),
        ({"RANK": "0", "WORLD_SIZE": "1"}, ALONE),
        ({"RANK": "2", "WORLD_SIZE": "3"}, Team(2, 3)),
    ],
)
def test_a_launcher_says_which_process_this_is(monkeypatch, environment, this):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert this_one() == this


@pytest.fixture
def two_cards(monkeypatch):
    """A machine with two of them; gives those that were taken."""
    taken: list[int] = []
    monkeypatch.setattr(devices, "accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    return taken


def test_each_process_has_a_card_of_its_own(two_cards, monkeypatch):
    assert device_of(ALONE) == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_of(Team(5, 8)) == torch.device("cuda", 1)
    assert two_cards == [1]
    monkeypatch.setattr(devices, "accelerator", lambda: torch.device("mps"))
    assert device_of(Team(5, 8)) == torch.device("cpu"), "torch has no language for several"
    assert device_of(ALONE) == torch.device("mps")
    monkeypatch.setattr(devices, "accelerator", lambda: None)
    assert device_of(Team(5, 8)) == torch.device("cpu")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("2", "process 3 of 4: is number 3 on its machine, which has 2 of cuda; start 2, or hide"),
        (None, "process 3 of 4: nothing says which cuda device is its own; set LOCAL_RANK"),
    ],
)
def test_more_processes_than_cards_are_refused(
    two_cards, monkeypatch, manifest, tmp_path, place, said
):
    for name, value in (("RANK", "2"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", place)):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(
            name, value
        )
    with pytest.raises(FaceAuditError, match=said):
        train(manifest, tmp_path / "model", arch="test_resnet", weights="none")
    assert not two_cards and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("device", "spoken"),
    [("cpu", "gloo"), ("cuda:1", "cpu:gloo,cuda:nccl"), ("xpu:0", "cpu:gloo,xpu:xccl")],
)
def test_what_all_must_know_travels_between_processors(monkeypatch, device, spoken):
    from torch import distributed

    languages: list[str] = []
    monkeypatch.setattr(
        distributed, "init_process_group", lambda backend, timeout: languages.append(backend)
    )
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: None)
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with team(torch.device(device)) as this:
        assert this == Team(0, 2)
    assert languages == [spoken]


def test_processes_that_differ_are_named(monkeypatch):
    runs: list[Mapping[str, str]] = [{"images": "a", "seed": "1"}, {"images": "b", "seed": "1"}]
    monkeypatch.setattr(Team, "all_of", lambda self, run: runs)
    with pytest.raises(FaceAuditError, match="process 2 of 2 has not the images of the first"):
        Team(0, 2).expect_alike(runs[0])
    runs[1] = runs[0]
    Team(0, 2).expect_alike(runs[0])
