"""Values with two sources of chance: which images were tested, and which seed was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.stats import FloatArray
from faceaudit.stats.intervals import (
    difference_interval,
    paired_difference_interval,
    rate_interval,
    rate_of,
)

#: Whether images are chosen, or called wrongly.
Mask = NDArray[np.bool_]


class AcrossSeeds(NamedTuple):
    """Values averaged over seeds, each an array of shape (values,)."""

    mean: FloatArray
    #: Ends of the interval, which allows for the images and, given two seeds or more, the seed.
    low: FloatArray
    high: FloatArray
    #: The seed-to-seed spread.
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
    """Average values over seeds, with an interval for both sources of chance.

    Parameters
    ----------
    value, low, high : array_like of float, shape (seeds, values)
        The values of each seed and their intervals for the chance of the images.
    bounds : tuple of float
        What no value can be beyond: 0 and 1 for a rate, -1 and 1 for a difference of rates.

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


def count(chosen: Mask, groups: Sequence[Mask]) -> NDArray[np.int64]:
    """Count the chosen images of each group: shape (..., images) becomes (..., groups)."""
    return np.stack([chosen[..., group].sum(axis=-1) for group in groups], axis=-1)


def rates(wrong: Mask, groups: Sequence[Mask], confidence: float) -> AcrossSeeds:
    """Average each group's error rate over the seeds; `wrong` has shape (seeds, images)."""
    events, n = count(wrong, groups), np.sum(groups, axis=1)
    return across_seeds(rate_of(events, n), *rate_interval(events, n, confidence), confidence)


def change(first: Mask, second: Mask, groups: Sequence[Mask], confidence: float) -> AcrossSeeds:
    """Average over the seeds how much higher each group's rate is in a second setting."""
    cells = (first & second, first & ~second, ~first & second, ~first & ~second)
    both, only_first, only_second, neither = (count(cell, groups) for cell in cells)
    n = np.sum(groups, axis=1)
    value = rate_of(only_second, n) - rate_of(only_first, n)
    limits = paired_difference_interval(both, only_first, only_second, neither, confidence)
    return across_seeds(value, *limits, confidence, bounds=(-1, 1))


def contrasts(
    wrong: Mask, groups: Sequence[Mask], others: Sequence[Mask], confidence: float
) -> AcrossSeeds:
    """Average over the seeds how much higher each group's rate is than that of others."""
    x, y = count(wrong, groups), count(wrong, others)
    n, m = np.sum(groups, axis=1), np.sum(others, axis=1)
    limits = difference_interval(x, n, y, m, confidence)
    return across_seeds(x / n - y / m, *limits, confidence, bounds=(-1, 1))
