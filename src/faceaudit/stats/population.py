"""Rates weighted so that cells of images have the shares that they have in a population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from faceaudit.stats import FloatArray


@dataclass(frozen=True)
class WeightedRate:
    """A post-stratified rate; NaN without an image in a cell that the population has."""

    value: float
    low: float
    high: float
    #: Linearised, of images drawn cell by cell.
    standard_error: float
    #: Kish's, of the weights alone: by how many times more images they are worth one.
    design_effect: float


def weighted_rate(
    events: ArrayLike,
    n: ArrayLike,
    cell: ArrayLike,
    share: FloatArray,
    confidence: float = 0.95,
    effect: FloatArray | None = None,
) -> WeightedRate:
    """Estimate the error rate that a group of images would have in a population.

    Parameters
    ----------
    events, n : array_like, shape (cells,)
        Errors and images of the group.
    cell : array_like, shape (cells,)
        Images of each cell, the group's among them.
    share : float array, shape (cells,)
        The population's; how many there are does not matter.
    effect : float array, shape (cells,), optional
        How many images of each cell are worth one independent image.

    Notes
    -----
    Each image counts as share / images of its cell. The limits are those of a beta distribution
    with mean and variance of the rate if one more image, of the heaviest weight there is, were an
    error (upper), or none (lower), and with each cell's rate drawn towards the whole by one image,
    so that no cell counts as sure of its own. Of one cell they are Clopper–Pearson's; effective
    counts [2]_ would not allow for a rare error of great weight that was not seen.

    References
    ----------
    .. [1] Fay & Feuer (1997), Statistics in Medicine 16, 791–801: the same with Poisson counts.
    .. [2] Korn & Graubard (1998), Survey Methodology 24, 193–201.
    .. [3] Kish (1965), Survey Sampling: variances of post-strata, design effect of weights.
    """
    given = np.array([events, n, cell], float)
    known = (given[1] > 0) & (share > 0)
    errors, images, size = given[:, known]
    if not known.any():
        return WeightedRate(*[np.nan] * 5)
    weight = share[known] / size
    effects = np.ones(len(size)) if effect is None else effect[known]
    total, value = weight @ images, float(weight @ errors / (weight @ images))

    def limit(is_error: bool, quantile: float) -> float:
        heaviest = np.arange(len(size)) == np.argmax(weight)
        one_more = heaviest * effects
        x, n, of_cell = errors + is_error * one_more, images + one_more, size + one_more
        rate = weight @ x / (weight @ n)
        spread = _spread(x + rate, n + 1, of_cell + 1, rate)
        worth = rate * (1 - rate) * (weight @ n) ** 2 / (weight**2 @ (of_cell * spread * effects))
        return float(special.betaincinv(rate * worth, (1 - rate) * worth, quantile))

    tail = (1 - confidence) / 2
    # One image alone says nothing of how its cell varies: the whole group does.
    unbiased = np.where(
        size > 1,
        _spread(errors, images, size, value) * size / np.maximum(size - 1, 1),
        value * (1 - value),
    )
    return WeightedRate(
        value=value,
        low=limit(False, tail) if errors.any() else 0.0,
        high=limit(True, 1 - tail) if (errors < images).any() else 1.0,
        standard_error=float(np.sqrt(weight**2 @ (size * unbiased * effects)) / total),
        design_effect=float(images.sum() * (weight**2 @ images) / total**2),
    )


def _spread(x: FloatArray, n: FloatArray, size: FloatArray, rate: float) -> FloatArray:
    """Give each cell's variance of what its images of the group are beyond the rate."""
    squares = x * (1 - rate) ** 2 + (n - x) * rate**2
    return np.maximum(squares / size - ((x - n * rate) / size) ** 2, 0)
