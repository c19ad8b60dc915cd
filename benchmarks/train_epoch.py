"""One epoch of `faceaudit train` beside a plain PyTorch loop: same pictures, network, batches.

Both sides fine-tune the whole default network from the same weights on the same decoded
pictures, at the same batch size, in the same precision and memory order, for one epoch each,
in turns. Noise stands in for pictures: the arithmetic does not care. On a machine that does other
things too, the ratio of processor time says more than that of the clock::

    python benchmarks/train_epoch.py            # 3,900 pictures of 128 pixels
    python benchmarks/train_epoch.py 1000 3     # fewer pictures, three rounds
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset

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


def timed(step: Callable[..., None], *arguments: Any) -> tuple[float, float]:
    """Return seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    step(*arguments)
    return time.perf_counter() - clock, time.process_time() - processor


def main(n: int = 3900, rounds: int = 1) -> None:
    architecture = find_architecture(DEFAULT_ARCHITECTURE)
    record = InputRecord(size=SIZE, mean=list(architecture.mean), std=list(architecture.std))
    rng = np.random.default_rng(0)
    data = Decoded(
        rng.integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8), np.arange(n) % 2, record
    )
    network = build_network(architecture, SIZE).to(memory_format=torch.channels_last)
    head = head_names(architecture)
    small = Decoded(data.pixels[: 2 * BATCH], data.target[: 2 * BATCH], record)
    plain(copy.deepcopy(network), small)  # warm up
    ours(copy.deepcopy(network), head, small, record)
    precision, threads = training_precision(PROCESSOR), torch.get_num_threads()
    print(f"{n} pictures, batch {BATCH}, {precision}, {threads} threads")
    for _ in range(rounds):
        reference = timed(plain, copy.deepcopy(network), data)
        measured = timed(ours, copy.deepcopy(network), head, data, record)
        print(
            f"plain loop {reference[0]:.1f} s, faceaudit {measured[0]:.1f} s, "
            f"ratio {measured[0] / reference[0]:.2f} "
            f"(of processor time {measured[1] / reference[1]:.2f})"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
