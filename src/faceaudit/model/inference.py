"""Probabilities from prepared pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from faceaudit.model.preprocess import Floats, Prepared

if TYPE_CHECKING:
    from torch import Tensor

#: Pictures that the network computes at once. With more of them what lies between two layers no
#: longer fits into the processor's cache: 64 at once took twice the time, with the same result.
AT_ONCE = 16


def predict(
    network: Callable[[Tensor], Tensor], inputs: Callable[[Prepared], Tensor], pixels: Prepared
) -> Floats:
    """Return the probability of AI-generated, in 32-bit arithmetic.

    bfloat16 took two thirds of the time, but changed 15 of 990 calls on pictures that are hard
    to tell apart (FFHQ photographs and StyleGAN faces), by up to 0.17 in the score.

    Parameters
    ----------
    network : callable
        In evaluation mode; gives logits of shape (m, 1).
    inputs : callable
        From prepared pixels to what the network takes, such as `InputRecord.inputs`.
    pixels : ndarray, shape (n, …)

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    import torch

    scores = np.empty(len(pixels), np.float32)
    with torch.inference_mode():
        for start in range(0, len(pixels), AT_ONCE):
            few = slice(start, start + AT_ONCE)
            scores[few] = network(inputs(pixels[few])).squeeze(1).sigmoid().numpy()
    return scores
