"""Values with two sources of chance: which images were tested, and which seed was trained with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class AcrossSeeds:
    """A value over several seeds; all arrays of shape (values,).

    Attributes
    ----------
    mean, low, high : float64 array
        With an interval that allows for the images and, given two seeds or more, the seed.
    smallest, largest : float64 array
        The seed-to-seed spread.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    smallest: FloatArray
    largest: FloatArray


def across_seeds(
    value: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    confidence: float = 0.95,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> AcrossSeeds:
    """Average a value over seeds, with an interval for both sources of chance.

    Parameters
    ----------
    value, low, high : array_like of float, shape (seeds, values)
        The value of each seed and its interval for the chance of the images.
    confidence : float
    bounds : tuple of float
        What the value cannot be beyond: 0 and 1 for a rate, -1 and 1 for a difference of rates.

    Notes
    -----
    In either direction, what the images allow (the mean of the seeds' own limits; the images
    are the same for every seed, so averaging over seeds does not help) and what the seeds allow
    (Student's t of their mean) are added in quadrature, as in Zou & Donner (2008). With one
    seed, the chance of the seed is unknown and not in the interval.
    """
    value, low, high = (np.asarray(each, float) for each in (value, low, high))
    seeds = len(value)
    mean = value.mean(axis=0)
    margin = np.zeros_like(mean)
    if seeds > 1:
        error = value.std(axis=0, ddof=1) / np.sqrt(seeds)
        margin = stats.t.isf((1 - confidence) / 2, seeds - 1) * error
    return AcrossSeeds(
        mean=mean,
        low=(mean - np.hypot((value - low).mean(axis=0), margin)).clip(*bounds),
        high=(mean + np.hypot((high - value).mean(axis=0), margin)).clip(*bounds),
        smallest=value.min(axis=0),
        largest=value.max(axis=0),
    )
