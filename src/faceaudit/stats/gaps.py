"""The gap between the highest and the lowest rate of many groups, with a valid interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from faceaudit.stats.intervals import rate_interval, rate_of


@dataclass(frozen=True)
class GapInterval:
    """Highest minus lowest rate over the groups that have images.

    Attributes
    ----------
    value, low, high : float
        NaN when fewer than two groups have images.
    highest, lowest : int or None
        Index of the group with the highest and with the lowest rate.
    left_out : tuple of int
        Groups without images: their rate is not estimable.
    """

    value: float
    low: float
    high: float
    highest: int | None
    lowest: int | None
    left_out: tuple[int, ...]


def max_min_gap(events: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> GapInterval:
    """Estimate the gap between highest and lowest rate, with simultaneous limits.

    Parameters
    ----------
    events, n : array_like of int, shape (groups,)
    confidence : float

    Returns
    -------
    GapInterval
    """
    events, n = np.asarray(events), np.asarray(n)
    index = np.flatnonzero(n > 0)
    left_out = tuple(np.flatnonzero(n == 0).tolist())
    if len(index) < 2:
        return GapInterval(np.nan, np.nan, np.nan, None, None, left_out)
    events, n = events[index], n[index]
    rate = rate_of(events, n)

    # Lower limit: the pair was chosen for being far apart, so its limit is that of the most
    # extreme of all pairs (Tukey's studentised range).
    low, high = rate_interval(events, n, 1 - 2 * _pairwise_tail(len(n), 1 - confidence))
    pairs = rate[:, None] - rate - np.hypot((rate - low)[:, None], high - rate)
    lower = max(float(pairs.max()), 0.0)
    # Upper limit: it fails only if the limit of the one truly widest pair fails, so no
    # correction for the number of pairs is needed.
    low, high = rate_interval(events, n, confidence)
    pairs = rate[:, None] - rate + np.hypot((high - rate)[:, None], rate - low)
    np.fill_diagonal(pairs, 0)
    upper = min(float(pairs.max()), 1.0)
    top, bottom = int(rate.argmax()), int(rate.argmin())
    return GapInterval(
        float(rate[top] - rate[bottom]), lower, upper, int(index[top]), int(index[bottom]), left_out
    )


@cache
def _pairwise_tail(groups: int, error: float) -> float:
    """One-sided tail of each pair that keeps the largest of all differences within `error`."""
    quantile = stats.studentized_range.isf(error, groups, np.inf)
    return float(stats.norm.sf(quantile / np.sqrt(2)))
