"""The processes that train one network together: which of them this is, and what all must know.

A launcher (``torchrun``, ``accelerate launch``) starts one command several times, on one machine or
many, and tells each by the environment which it is. fastai's own distributed mode is of no use
here: its loader needs a GPU, and would give the processes other batches than one would have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from faceaudit.errors import FaceAuditError
from faceaudit.unfinished import difference

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: The first measures and writes what all have trained, and the others wait for it.
PATIENCE = timedelta(days=7)

Item = TypeVar("Item")


@dataclass(frozen=True)
class Team:
    """This process by its number, which is 0 for the first, and how many there are."""

    number: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and speaks for all."""
        return self.number == 0

    def told(self, item: Any = None) -> Any:
        """Return what the first has given, in every process."""
        if self.size == 1:
            return item
        from torch import distributed

        distributed.broadcast_object_list(held := [item])
        return held[0]

    def all_of(self, item: Item) -> list[Item]:
        """Return what each has given, in every process."""
        if self.size == 1:
            return [item]
        from torch import distributed

        held: list[Item] = [item] * self.size
        distributed.all_gather_object(held, item)
        return held

    def summed(self, tensor: Tensor) -> Tensor:
        """Return the sum of what each has given, in every process."""
        if self.size > 1:
            from torch import distributed

            distributed.all_reduce(tensor)
        return tensor

    def expect_alike(self, run: Mapping[str, str]) -> None:
        """Raise a FaceAuditError in every process if what they say of the run is not the same."""
        first, *others = self.all_of(run)
        for number, other in enumerate(others, start=2):
            if found := difference(first, other):
                raise FaceAuditError(
                    f"process {number} of {self.size} has not the {found} of the first; all need "
                    "the same command, images and libraries"
                )


#: Without a launcher.
ALONE = Team()


def this_one() -> Team:
    """Say which process this is, as the launcher told it; alone without one."""
    told = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    number, size = (int(said) if said and said.isdecimal() else 0 for said in told)
    return Team(number, size) if size > 1 else ALONE


def device_of(this: Team) -> torch.device:
    """Return what a process trains on: an accelerator that none beside it has, or the processor.

    On that is trained, too, where torch lets no processes train together on its accelerator (MPS).

    Raises
    ------
    FaceAuditError
        If there are too few, or nothing says which is whose.
    """
    import torch
    from torch.distributed import Backend

    from faceaudit.model.devices import PROCESSOR, accelerator

    device = accelerator()
    if device is None or this.size == 1:
        return device or PROCESSOR
    kind, there = device.type, torch.accelerator.device_count()
    if Backend.default_device_backend_map.get(kind, "gloo") == "gloo":
        return PROCESSOR
    said = os.environ.get("LOCAL_RANK", "")
    if not said.isdecimal() or int(said) >= there:
        lack = (
            f"is number {int(said) + 1} on its machine, which has {there} of {kind}; start {there}"
            if said.isdecimal()
            else f"nothing says which {kind} device is its own; set LOCAL_RANK, as torchrun does"
        )
        raise FaceAuditError(
            f"process {this.number + 1} of {this.size}: {lack}, or hide them from all "
            "(CUDA_VISIBLE_DEVICES=) to train on processors"
        )
    torch.get_device_module(device).set_device(int(said))
    return torch.device(kind, int(said))


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """Have this process and the others that a launcher has started find each other.

    Parameters
    ----------
    device : torch.device
        What each trains on; what all must know travels between the processors.

    Raises
    ------
    FaceAuditError
        If they do not, or one of them ends before the others.
    """
    this = this_one()
    if this.size == 1:
        yield this
        return
    from torch import distributed

    backends = "gloo"
    if device.type != "cpu":
        own = distributed.Backend.default_device_backend_map[device.type]
        backends = f"cpu:gloo,{device.type}:{own}"
    try:
        distributed.init_process_group(backends, timeout=PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise FaceAuditError(
            f"process {this.number + 1} of {this.size}: the others are not found ({error}); start "
            "them by accelerate launch or torchrun, or unset RANK and WORLD_SIZE"
        ) from None
    try:
        yield this
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise FaceAuditError(
            f"process {this.number + 1} of {this.size}: another process has ended"
        ) from error
    finally:
        distributed.destroy_process_group()
