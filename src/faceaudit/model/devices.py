"""The accelerator that torch finds (CUDA, MPS, XPU), and networks that are computed on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from faceaudit.errors import FaceAuditError

PROCESSOR = torch.device("cpu")


def accelerator() -> torch.device | None:
    """Return the accelerator of this process; None if torch finds none."""
    if not torch.accelerator.is_available():
        return None
    # Else NVIDIA's cards round to 10 bits, which agrees on easy pictures alone.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return torch.accelerator.current_accelerator()


def called(device: torch.device) -> str:
    """Name a device, and the make of its card: of another one, numbers are others."""
    make = getattr(torch.get_device_module(device), "get_device_name", None)
    return f"{device.type} ({make()})" if make else device.type


@contextmanager
def enough_memory(device: torch.device, remedy: str) -> Iterator[None]:
    """Say in one line that a device's memory is full, and what to do about it."""
    try:
        yield
    except RuntimeError as error:  # each kind of device has its own
        if device == PROCESSOR or "out of memory" not in str(error):
            raise
        raise FaceAuditError(
            f"the memory of {called(device)} is full; end what else computes on it, or {remedy}"
        ) from error


class OnDevice(nn.Module):
    """A network on an accelerator, for whoever has and wants tensors of the processor."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.network, self._device = network.to(device), device

    def forward(self, given: Tensor) -> Tensor:
        """Compute there what is given here."""
        remedy = "give a smaller --batch-size, or --precision exact for the processor"
        with enough_memory(self._device, remedy):
            found: Tensor = self.network(given.to(self._device)).cpu()
            return found


def chance(device: torch.device) -> Tensor:
    """Return what the processor and a device draw next, as bytes."""
    of_device = (
        [] if device == PROCESSOR else [torch.get_device_module(device).get_rng_state().cpu()]
    )
    return torch.cat([torch.get_rng_state(), *of_device])


def set_chance(device: torch.device, state: Tensor) -> None:
    """Have the processor and a device draw what they would have drawn at `chance`."""
    # Copies: torch reads a view from the beginning of what it is a view of, and beyond its end.
    n = len(torch.get_rng_state())
    torch.set_rng_state(state[:n].clone())
    if device != PROCESSOR:
        torch.get_device_module(device).set_rng_state(state[n:].clone())
