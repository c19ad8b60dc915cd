"""Rates of small cells, drawn towards the rate of all of them: for orientation, never to decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.stats import FloatArray
from faceaudit.stats.intervals import rate_of


def shrunken_rates(events: ArrayLike, n: ArrayLike) -> FloatArray:
    """Estimate each cell's rate as a mixture of its own and that of all cells together.

    Parameters
    ----------
    events, n : array_like, shapes (..., cells) and (..., cells) or (cells,)
        Errors, and images that could have been one.

    Returns
    -------
    float64 array, shape (..., cells)
        Posterior means under a beta distribution of the cells' rates, fitted by moments (empirical
        Bayes); NaN where n is 0.

    References
    ----------
    Kleinman (1973), Journal of the American Statistical Association 68, 46–54.
    """
    events, n = np.asarray(events, float), np.asarray(n, float)
    cells, size = (n > 0).sum(axis=-1, keepdims=True), n.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, mean = rate_of(events, n), events.sum(axis=-1, keepdims=True) / size
        within = mean * (1 - mean)
        scatter = np.nansum(n * (rate - mean) ** 2, axis=-1, keepdims=True) - within * (cells - 1)
        most = within * (size - (n**2).sum(axis=-1, keepdims=True) / size - (cells - 1))
        # The share of the variance of single images that lies between the cells.
        between = np.where(most > 0, scatter / most, 0).clip(0, 1)
        own = n * between / (1 + (n - 1) * between)
    return np.asarray(mean + own * (rate - mean))
