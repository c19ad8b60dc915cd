"""A network of ours as ONNX Runtime computes it, in half the processor time that torch takes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from faceaudit.model.inference import AT_ONCE, predict
from faceaudit.model.preprocess import Pixels
from faceaudit.tables import library_versions

if TYPE_CHECKING:
    from torch import Tensor, nn

#: What it may change in a score, and no more: else torch computes it.
AGREES = 1e-3


def by_onnx_runtime(
    network: nn.Module, inputs: Callable[[Pixels], Tensor], size: int
) -> tuple[Callable[[Tensor], Tensor], str] | None:
    """Return a network as ONNX Runtime computes it in 32 bits, and what to call that.

    None where it is not installed, the network cannot be exported, or its scores of drawn pictures
    differ by more than `AGREES`. Exporting takes three seconds.

    Parameters
    ----------
    network, inputs
        As of `faceaudit.model.inference.predict`.
    size : int
        Side of its pictures.
    """
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        return None
    import onnxruntime
    import torch

    rng, graph = np.random.default_rng(0), io.BytesIO()
    coarse = rng.integers(0, 256, (AT_ONCE, -(-size // 8), -(-size // 8), 3), np.uint8)
    pixels = np.repeat(np.repeat(coarse, 8, 1), 8, 2)[:, :size, :size]
    settings = onnxruntime.SessionOptions()
    # A part of a batch on each core, see `predict`.
    settings.intra_op_num_threads = 1
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (inputs(pixels),),
                graph,
                dynamo=False,
                input_names=["pictures"],
                dynamic_axes={"pictures": {0: "n"}},
            )
        session = onnxruntime.InferenceSession(
            graph.getvalue(), settings, providers=["CPUExecutionProvider"]
        )

        def run(given: Tensor) -> Tensor:
            (logits,) = session.run(None, {"pictures": given.numpy()})
            return torch.from_numpy(logits)

        moved = np.abs(predict(run, inputs, pixels) - predict(network, inputs, pixels)).max()
    except Exception:  # whatever an exporter lacks, torch has
        return None
    name = f"ONNX Runtime {library_versions('onnxruntime')['onnxruntime']}, 32 bits"
    return (run, name) if moved <= AGREES else None
