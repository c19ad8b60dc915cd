"""A network of ours computed faster than torch does on the processor, with the same scores."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from faceaudit.model.inference import AT_ONCE, outputs_of
from faceaudit.model.preprocess import Pixels
from faceaudit.tables import library_versions

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

#: What it may change in a logit, and no more: else torch computes it on the processor. A score
#: then moves by 0.001 at most, also where those of drawn pictures are all near 0 or 1.
AGREES = 4e-3

Run = Callable[["Tensor"], "Tensor"]


def fast_inference(
    network: nn.Module, inputs: Callable[[Pixels], Tensor], size: int
) -> tuple[Run, str] | None:
    """Return a network in the fastest way that there is, in 32 bits, and what to call that.

    On an accelerator (CUDA, MPS …), or else by ONNX Runtime, if its logits of drawn pictures are
    within `AGREES` of torch's on the processor. None if neither can. Takes a few seconds.

    Parameters
    ----------
    network, inputs
        As of `faceaudit.model.inference.predict`.
    size : int
        Side of its pictures.
    """
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (AT_ONCE, -(-size // 8), -(-size // 8), 3), np.uint8)
    pixels = np.repeat(np.repeat(coarse, 8, 1), 8, 2)[:, :size, :size]
    drawn, logits = inputs(pixels), None
    for way in (_on_accelerator, _by_onnx_runtime):
        try:
            found = way(network, drawn)
            if found is None:
                continue
            logits = outputs_of(network, drawn.numpy()) if logits is None else logits
            moved = np.abs(outputs_of(found[0], drawn.numpy()) - logits).max()
        except Exception:  # whatever an exporter or a driver lacks, torch has
            continue
        if moved <= AGREES:
            return found
    return None


def _accelerator() -> torch.device | None:
    import torch

    there = torch.accelerator.is_available()
    return torch.accelerator.current_accelerator() if there else None


def _on_accelerator(network: nn.Module, example: Tensor) -> tuple[Run, str] | None:
    import torch

    if (device := _accelerator()) is None:
        return None
    # Else NVIDIA's convolutions round to 10 bits, which agrees on easy pictures alone.
    torch.backends.cudnn.allow_tf32 = False
    there = deepcopy(network).to(device)
    model = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    return lambda given: there(given.to(device)).cpu(), f"torch on {device.type}{model}, 32 bits"


def _by_onnx_runtime(network: nn.Module, example: Tensor) -> tuple[Run, str] | None:
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
            (example,),
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
