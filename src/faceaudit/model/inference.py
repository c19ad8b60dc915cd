"""Probabilities from prepared pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceaudit.model.preprocess import Floats, Prepared

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Pictures that the network computes at once. With more of them what lies between two layers no
#: longer fits into the processor's cache: 64 at once took twice the time, with the same result.
AT_ONCE = 16
#: On an accelerator, whose cores are thousands; no more than `score --batch-size` either.
AT_ONCE_THERE = 64
Rows = npt.NDArray[np.int64]


def few_at_once(pixels: Prepared, rows: Rows | None = None) -> Iterator[Prepared]:
    """Yield pictures, or those of some rows, `AT_ONCE` at a time; `pixels` may be a memory map."""
    rows = np.arange(len(pixels)) if rows is None else rows
    yield from (pixels[few] for few in _parts(rows, AT_ONCE))


def predict(
    network: Callable[[Tensor], Tensor],
    inputs: Callable[[Prepared], Tensor],
    pixels: Prepared,
    rows: Rows | None = None,
) -> Floats:
    """Return the probability of AI-generated, in 32-bit arithmetic.

    bfloat16 took two thirds of the time, but changed 15 of 990 calls on pictures that are hard
    to tell apart (FFHQ photographs and StyleGAN faces), by up to 0.17 in the score.

    Parameters
    ----------
    network : callable
        In evaluation mode; gives logits of shape (m, 1). Takes and gives tensors of the processor,
        as an `OnDevice` does.
    inputs : callable
        From prepared pixels to what the network takes, such as `InputRecord.inputs`.
    pixels, rows
        Prepared pictures, shape (n, …), and which of them; all, if not given.
    """
    import torch

    def judged(few: Rows) -> Tensor:
        return network(inputs(pixels[few])).squeeze(1).sigmoid()

    rows = np.arange(len(pixels)) if rows is None else rows
    cores, at_once = _dealt(network)
    p_ai: Floats = torch.cat(_on_cores(cores, judged, _parts(rows, at_once))).numpy()
    return p_ai


def outputs_of(
    network: Callable[[Tensor], Tensor], inputs: Floats, *, together: bool = False
) -> Floats:
    """Return what a network from elsewhere gives for its inputs, shape (n, …).

    A few at once, or all `together`, as one for a fixed number of pictures needs it.
    """
    import torch

    def output(few: Rows) -> Tensor:
        return network(torch.from_numpy(inputs[few])).float()

    cores, at_once = _dealt(network)
    parts = _parts(np.arange(len(inputs)), len(inputs) if together else at_once)
    found: Floats = torch.cat(_on_cores(cores, output, parts)).numpy()
    return found


def _dealt(network: Callable[[Tensor], Tensor]) -> tuple[int, int]:
    """Return on how many cores parts are computed, and of how many pictures each is."""
    import torch

    from faceaudit.model.devices import OnDevice

    there = isinstance(network, OnDevice)
    return (1, AT_ONCE_THERE) if there else (torch.get_num_threads(), AT_ONCE)


def _parts(rows: Rows, at_once: int) -> list[Rows]:
    return [rows[start : start + at_once] for start in range(0, len(rows), at_once)]


def _on_cores(cores: int, work: Callable[[Rows], Tensor], parts: Sequence[Rows]) -> list[Tensor]:
    """Map without gradients, a part on each core.

    All cores on one part would wait for each other after every layer: beside busy programs each
    wait is for whoever was put aside, and a run took many times as long as its share of the time.
    """
    import torch

    def without_gradients(part: Rows) -> Tensor:
        with torch.inference_mode():
            return work(part)

    if min(len(parts), cores) == 1:
        return [without_gradients(part) for part in parts]
    # Torch keeps the number of threads by thread, and that of new ones for all.
    with ThreadPoolExecutor(cores, "torch", torch.set_num_threads, (1,)) as pool:
        try:
            return [*pool.map(without_gradients, parts)]
        finally:
            torch.set_num_threads(cores)


def margin(logits: Tensor, ai: Sequence[int]) -> Tensor:
    """Make logits of several classes, shape (n, classes), one, shape (n, 1).

    Its sigmoid is the sum of the softmax over the classes `ai`, which mean AI-generated.
    """
    real = [i for i in range(logits.shape[1]) if i not in ai]
    return logits[:, list(ai)].logsumexp(1, True) - logits[:, real].logsumexp(1, True)


@contextmanager
def hooked(modules: Iterable[nn.Module], hook: Callable[..., None]) -> Iterator[None]:
    """Call ``hook(module, inputs, output)`` after each of these modules is run in the block."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
