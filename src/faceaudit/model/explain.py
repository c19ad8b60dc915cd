"""Where in a picture a call comes from: Grad-CAM, as numbers first and as a picture second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceaudit.errors import FaceAuditError
from faceaudit.model.inference import hooked
from faceaudit.model.preprocess import Floats, Pixels
from faceaudit.model.records import InputRecord

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor, nn


_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "centre", "right")
#: Colour of the overlay: Okabe and Ito's orange, which no skin tone and no background hides.
_ORANGE = (230, 159, 0)


def explain(
    network: nn.Module, record: InputRecord, pixels: Pixels, called_ai: npt.NDArray[np.bool_]
) -> Floats:
    """Return how the evidence for each call is spread over its picture.

    Grad-CAM [1]_ on the last feature map: channels are weighted by the mean gradient of the
    call's logit, summed, and what speaks against the call is set to 0. The map has that
    layer's resolution (4 × 4 fields for EfficientNet-Lite0 at 128 pixels), so it names a part
    of the face and never a single feature. It says where the evidence is, not what it is.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    record : InputRecord
    pixels : ndarray of uint8, shape (n, size, size, 3)
    called_ai : ndarray of bool, shape (n,)

    Returns
    -------
    ndarray of float32, shape (n, h, w)
        Shares that sum to 1 in every picture; all 0 where nothing speaks for the call.

    Raises
    ------
    FaceAuditError
        If the network has no feature map, as vision transformers do not.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-based Localization", ICCV 2017.
    """
    import torch

    # Gradients are wanted of the feature map alone, and need a leaf to flow from.
    logits, features = _forward(network, record.inputs(pixels).requires_grad_())
    sign = torch.where(torch.from_numpy(called_ai), 1.0, -1.0)
    # In evaluation mode pictures do not touch each other: one backward pass serves all.
    (gradient,) = torch.autograd.grad((sign * logits.squeeze(1)).sum(), features)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    maps = (weights * features).sum(dim=1).clamp(min=0).detach()
    total = maps.sum(dim=(1, 2), keepdim=True)
    shares: Floats = torch.where(total > 0, maps / total, 0.0).cpu().numpy()
    return shares


def _forward(network: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Run the network and return its logits and its last feature map."""
    import torch

    outputs: list[Tensor] = []

    def keep(module: nn.Module, given: object, output: object) -> None:
        # Pooled features (1 × 1, or a vector) have no place in the picture any more.
        if isinstance(output, torch.Tensor) and output.ndim >= 3 and output[0, 0].numel() > 1:
            outputs[:] = [output]

    with hooked(network.modules(), keep):
        logits = network(inputs)
    if not outputs or outputs[0].ndim != 4 or outputs[0].shape[2] != outputs[0].shape[3]:
        raise FaceAuditError(
            "attention maps need a convolutional network; this one has no feature map"
        )
    return logits, outputs[0]


def thirds(share: Floats) -> Floats:
    """Add one picture's map, shape (h, w), up over its nine thirds, shape (3, 3).

    A field that lies across a border is divided in proportion, so the sum stays.
    """
    height, width = share.shape
    fine = share.repeat(3, axis=0).repeat(3, axis=1) / np.float32(9)
    return np.asarray(fine.reshape(3, height, 3, width).sum((1, 3)))


def in_words(share: Floats) -> str:
    """Say in one sentence where most of the evidence of one picture's map, shape (h, w), lies."""
    nine = thirds(share)
    if nine.sum() == 0:
        return "No part of the picture speaks for this prediction more than against it."
    order = np.argsort(nine, axis=None)[::-1]
    # As few thirds as hold half of the evidence: one if it is in one place, more if it is spread.
    needed = int(np.searchsorted(np.cumsum(nine.ravel()[order]), 0.5)) + 1
    if needed > 3:
        return "The evidence is spread over the whole picture."
    named = []
    for place in order[:needed]:
        row, column = divmod(int(place), 3)
        where = "centre" if row == column == 1 else f"{_ROWS[row]} {_COLUMNS[column]}"
        named.append(f"{where} ({100 * nine[row, column]:.0f}\N{NARROW NO-BREAK SPACE}%)")
    return f"Most of the evidence for this prediction lies in the {' and the '.join(named)}."


def overlay(share: Floats, side: int) -> Image.Image:
    """Draw one picture's map, shape (h, w), as a layer of `side` pixels to lay over the picture.

    In RGBA; the field with the most evidence is the most opaque.
    """
    from PIL import Image

    strength = np.uint8(np.rint(200 * share / max(float(share.max()), 1e-12)))
    alpha = Image.fromarray(strength).resize((side, side), Image.Resampling.BICUBIC)
    layer = Image.new("RGB", (side, side), _ORANGE)
    layer.putalpha(alpha)
    return layer
