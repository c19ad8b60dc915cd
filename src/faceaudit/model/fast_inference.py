"""A network computed faster than torch does on the processor, with the same scores."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from faceaudit.model.inference import AT_ONCE, outputs_of
from faceaudit.model.preprocess import Floats, Pixels
from faceaudit.tables import library_versions

if TYPE_CHECKING:
    from torch import Tensor, nn

#: What it may change in any number that a network gives, and no more: else torch computes it on
#: the processor. Whatever the numbers are, logits or shares, a score then moves by 0.001 at most,
#: also where those of drawn pictures are all near 0 or 1.
AGREES = 1e-3

Run = Callable[["Tensor"], "Tensor"]


def drawings(size: int) -> Pixels:
    """Draw as many pictures as are computed at once, of so many pixels a side."""
    coarse = np.random.default_rng(0).integers(
        0, 256, (AT_ONCE, -(-size // 8), -(-size // 8), 3), np.uint8
    )
    return np.repeat(np.repeat(coarse, 8, 1), 8, 2)[:, :size, :size]


def fast_inference(network: nn.Module, inputs: Floats) -> tuple[Run, str | None]:
    """Return a network in the fastest way that there is, in 32 bits, and what to call that.

    On an accelerator (CUDA, MPS …), or else by ONNX Runtime, if what it makes of inputs of drawn
    pictures is within `AGREES` of what torch does on the processor. If neither can, as it is, and
    None. Takes a few seconds.
    """
    found = on_accelerator(network, inputs)
    return found if found[1] is not None else _agreeing(_by_onnx_runtime, network, inputs)


def on_accelerator(network: Any, inputs: Floats) -> tuple[Any, str | None]:
    """Return a network on an accelerator, see `fast_inference`; it takes tensors of the processor.

    It is still a module, and that which is given stays where it is.
    """
    return _agreeing(_there, network, inputs)


def _agreeing(
    way: Callable[[Any, Floats], tuple[Run, str] | None], network: Any, inputs: Floats
) -> tuple[Any, str | None]:
    try:
        if (found := way(network, inputs)) is not None:
            moved = outputs_of(found[0], inputs, together=True) - outputs_of(
                network, inputs, together=True
            )
            if np.abs(moved).max() <= AGREES:
                return found
    except Exception:  # whatever an exporter or a driver lacks, torch has
        pass
    return network, None


def _there(network: nn.Module, inputs: Floats) -> tuple[nn.Module, str] | None:
    from faceaudit.model.devices import OnDevice, accelerator, called

    if (device := accelerator()) is None:
        return None
    return OnDevice(deepcopy(network), device), f"torch on {called(device)}, 32 bits"


def _by_onnx_runtime(network: nn.Module, inputs: Floats) -> tuple[Run, str] | None:
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        return None
    import onnxruntime
    import torch

    graph = io.BytesIO()
    settings = onnxruntime.SessionOptions()
    # A part of a batch on each core, see `predict`.
    settings.intra_op_num_threads = 1
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.from_numpy(inputs),),
            graph,
            dynamo=False,
            input_names=["pictures"],
            dynamic_axes={"pictures": {0: "n"}},
        )
    session = onnxruntime.InferenceSession(
        graph.getvalue(), settings, providers=["CPUExecutionProvider"]
    )

    def run(given: Tensor) -> Tensor:
        # So many that what lies between two layers stays in a core's own cache.
        parts = (session.run(None, {"pictures": few.numpy()})[0] for few in given.split(4))
        return torch.from_numpy(np.concatenate([*parts]))

    return run, f"ONNX Runtime {library_versions('onnxruntime')['onnxruntime']}, 32 bits"
