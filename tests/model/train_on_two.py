"""Train as the command does, one of two processes of a machine with two pretended accelerators.

It is started by a launcher. HIDDEN: the accelerators are not seen.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import distributed

from tests.model.pretended import DEVICE, NAME, content, pretend


class Language(distributed.ProcessGroup):
    """What is said among such accelerators, said by gloo."""

    def __init__(self, store: Any, number: int, size: int, patience: Any) -> None:
        super().__init__(number, size)
        self._gloo = distributed.ProcessGroupGloo(store, number, size, patience)

    def getBackendName(self) -> str:
        return "pretence"

    def allreduce(self, tensors: list[torch.Tensor], options: Any) -> Any:
        return self._gloo.allreduce([*map(content, tensors)], options)

    def broadcast(self, tensors: list[torch.Tensor], options: Any) -> Any:
        return self._gloo.broadcast([*map(content, tensors)], options)

    def allgather(self, found: Any, tensors: list[torch.Tensor], options: Any) -> Any:
        near = [[*map(content, of)] for of in found]
        return self._gloo.allgather(near, [*map(content, tensors)], options)


if __name__ == "__main__":
    pretend()
    distributed.Backend.register_backend("pretence", Language, devices=[NAME])
    torch.accelerator.device_count = lambda: 2
    type(DEVICE).set_device = lambda self, number: None  # type: ignore[attr-defined]
    DEVICE.there = "HIDDEN" not in os.environ
    from faceaudit.cli import main
    from faceaudit.model import recipe

    recipe.training_precision = lambda device: "float32"
    main()
