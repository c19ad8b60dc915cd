"""Decoded pictures as batches for fastai's `Learner`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

    from faceaudit.model.preprocess import Pixels
    from faceaudit.model.records import InputRecord

#: Light may vary by so much, as a share of its standard deviation: brightness is added,
#: contrast multiplied.
LIGHTING = 0.1


class Batches:
    """A data loader over pixels that are decoded already.

    Each pass over a training loader is shuffled anew; pictures are mirrored half of the time
    and their brightness and contrast vary a little. A last batch that is not full is left out,
    because batch statistics of one picture mean nothing. A validation loader gives every
    picture, as it is, in order.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, size, size, 3)
        May be a memory map; only one batch at a time is copied out of it.
    is_ai : ndarray of bool, shape (n,)
    rows : ndarray of int, shape (m,)
        Which of the n pictures this loader gives.
    record : InputRecord
    batch_size : int
    seed : int, optional
        Makes it a training loader.
    """

    def __init__(
        self,
        pixels: Pixels,
        is_ai: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.int64],
        record: InputRecord,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        self._pixels = pixels
        self._target = is_ai.astype(np.float32)[:, None]
        self._rows = rows
        self._record = record
        self._size = min(batch_size, len(rows))
        self._rng = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        """Return the number of batches in one pass."""
        full, rest = divmod(len(self._rows), self._size)
        return full + (rest > 0 and self._rng is None)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs (m, 3, size, size) and targets (m, 1), both float32."""
        order = self._rows if self._rng is None else self._rng.permutation(self._rows)
        for start in range(0, len(self) * self._size, self._size):
            yield self._batch(order[start : start + self._size])

    def _batch(self, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        import torch

        pixels = self._pixels[rows]
        if self._rng is not None:
            mirrored = self._rng.random(len(rows)) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
        inputs = self._record.inputs(pixels)
        if self._rng is not None:
            light = self._rng.uniform(-LIGHTING, LIGHTING, (2, len(rows), 1, 1, 1))
            brightness, contrast = torch.from_numpy(light.astype(np.float32))
            inputs = inputs * (1 + contrast) + brightness
        return inputs, torch.from_numpy(self._target[rows])
