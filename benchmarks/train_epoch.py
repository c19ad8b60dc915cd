"""One epoch of `faceaudit train` beside a plain PyTorch loop and a plain fastai loop.

All fine-tune the whole default network from the same weights on the same pictures, at the same
batch size, for one epoch each, in turns. The PyTorch loop has them decoded, as `train` has after
its first look at them, in the same precision and memory order; fastai's reads the files, JPEGs of
256 pixels, and is as its tutorials write it. Noise stands in for pictures: the arithmetic does not
care. On a machine that does other things too, the ratio of processor time says more than that of
the clock::

    python benchmarks/train_epoch.py            # 3,900 pictures of 128 pixels
    python benchmarks/train_epoch.py 1000 3     # fewer pictures, three rounds
"""

from __future__ import annotations

import copy
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from fastai.data.core import Datasets
from fastai.data.transforms import IntToFloatTensor, Normalize, ToTensor
from fastai.learner import Learner
from fastai.vision.augment import Flip, Resize
from fastai.vision.core import PILImage
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset

from faceaudit.datasets.sources import StoredImages
from faceaudit.model.architecture import (
    DEFAULT_ARCHITECTURE,
    build_network,
    find_architecture,
    head_names,
)
from faceaudit.model.devices import PROCESSOR
from faceaudit.model.progress import progress_bars
from faceaudit.model.recipe import Batches, Passes, Recipe, training_precision
from faceaudit.model.records import InputRecord
from faceaudit.model.team import ALONE
from faceaudit.model.training_data import decode
from faceaudit.schema import DatasetInfo, ManifestInfo
from faceaudit.tables import Manifest
from score_throughput import draw

SIZE, BATCH = 128, 64


class Decoded(Dataset):
    """The pictures as a plain loop would have them: one item at a time."""

    def __init__(self, pixels: np.ndarray, target: np.ndarray, record: InputRecord) -> None:
        self.pixels, self.target = pixels, target.astype(np.float32)
        self.mean = torch.tensor(record.mean)[:, None, None]
        self.std = torch.tensor(record.std)[:, None, None]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.pixels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, float]:
        """Return one picture, ready for the network, and its target."""
        image = torch.from_numpy(self.pixels[row].copy()).permute(2, 0, 1).float() / 255
        if torch.rand(()) < 0.5:
            image = image.flip(-1)
        return (image - self.mean) / self.std, self.target[row]


def plain(network: torch.nn.Module, data: Decoded) -> None:
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    reduced = training_precision(PROCESSOR) == "bfloat16"
    for inputs, target in DataLoader(data, BATCH, shuffle=True, drop_last=True):
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            logit = network(inputs).float().squeeze(1)
        loss = binary_cross_entropy_with_logits(logit, target.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def ours(
    network: torch.nn.Module, head: frozenset[str], data: Decoded, record: InputRecord
) -> None:
    is_ai = data.target == 1
    rows = np.arange(len(data))
    training = Batches(data.pixels, is_ai, rows, record, BATCH, seed=0)
    # One picture to validate on: fastai wants some, the plain loop has none.
    validation = Batches(data.pixels, is_ai, rows[:1], record, BATCH)
    recipe = Recipe(network, head, epochs=1, pretrained=False)
    with tempfile.TemporaryDirectory() as scratch, progress_bars(False) as bars:
        passes = Passes(Path(scratch), recipe, ALONE)
        recipe.fit(training, validation, 1e-3, False, passes, bars)


def fastai(network: torch.nn.Module, folder: Path, n: int, record: InputRecord) -> None:
    def label(file: Path) -> torch.Tensor:
        return torch.tensor([int(file.stem) % 2], dtype=torch.float32)

    files = [folder / f"{i}.img" for i in range(n)]
    loaders = Datasets(files, [[PILImage.create], [label]], splits=[range(n), [0]]).dataloaders(
        bs=BATCH,
        num_workers=2,
        after_item=[Resize(SIZE), ToTensor()],
        after_batch=[
            IntToFloatTensor(),
            Flip(),
            Normalize.from_stats(record.mean, record.std, cuda=False),
        ],
        device="cpu",
    )
    learner = Learner(loaders, network, torch.nn.BCEWithLogitsLoss())
    with learner.no_bar(), learner.no_logging():
        learner.fit(1, 1e-3)


def timed(step: Callable[..., Any], *arguments: Any) -> tuple[float, float]:
    """Return seconds by the clock, and of the processor with those of its processes."""
    clock, processor = time.perf_counter(), sum(os.times()[:4])
    step(*arguments)
    return time.perf_counter() - clock, sum(os.times()[:4]) - processor


def main(n: int = 3900, rounds: int = 1) -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(scratch), n, 256, "JPEG")
        measure(Path(scratch), n, rounds)


def measure(folder: Path, n: int, rounds: int) -> None:
    architecture = find_architecture(DEFAULT_ARCHITECTURE)
    record = InputRecord(size=SIZE, mean=list(architecture.mean), std=list(architecture.std))
    columns = {"image": [f"{i}.img" for i in range(n)], "label": (["real", "ai"] * n)[:n]}
    table = pa.table(columns | {"dataset": ["set"] * n})
    info = ManifestInfo(datasets={"set": DatasetInfo(root=str(folder), indexed=n)})

    def read() -> np.ndarray:
        with progress_bars(False) as bars:
            return decode(Manifest(table, info), StoredImages.of(info), SIZE, 2, bars).pixels

    data = Decoded(read(), np.arange(n) % 2, record)
    network = build_network(architecture, SIZE).to(memory_format=torch.channels_last)
    head = head_names(architecture)
    small = Decoded(data.pixels[: 2 * BATCH], data.target[: 2 * BATCH], record)
    plain(copy.deepcopy(network), small)  # warm up
    ours(copy.deepcopy(network), head, small, record)
    precision, threads = training_precision(PROCESSOR), torch.get_num_threads()
    print(f"{n} pictures, batch {BATCH}, {precision}, {threads} threads")
    for _ in range(rounds):
        took = {
            "plain fastai loop": timed(fastai, copy.deepcopy(network), folder, n, record),
            "plain PyTorch loop, decoded": timed(plain, copy.deepcopy(network), data),
            "faceaudit": timed(ours, copy.deepcopy(network), head, data, record),
            "faceaudit, decoding, once": timed(read),
        }
        clock, processor = took["faceaudit"]
        for name, (seconds, work) in took.items():
            times = f"({seconds / clock:.2f}, {work / processor:.2f} times faceaudit)"
            print(f"{name:28} {seconds:6.1f} s, of the processor {work:6.1f} s {times}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
