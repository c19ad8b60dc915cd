"""The gap between the highest and the lowest rate of many groups, with a valid interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.stats.intervals import FloatArray, rate_interval, rate_of

#: Share of the error that the lower limit may use when all groups are alike. The rest is a
#: reserve, because the studentised range is that of normal variables and counts are not.
LOWER_SHARE = 0.8


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
    """Estimate the gap between highest and lowest rate, with an interval valid for any groups.

    Parameters
    ----------
    events, n : array_like of int, shape (groups,)
        Errors, and images that could have been one. Groups with n = 0 are left out.
    confidence : float
        Chance that the interval holds the true gap, whichever groups turn out to be extreme.

    Returns
    -------
    GapInterval
        The lower limit is above 0 in at most a share of ``1 - confidence`` of all audits in
        which the groups are truly alike.

    Notes
    -----
    See `gap_limits` for the method. It draws no random numbers.
    """
    events, n = np.asarray(events), np.asarray(n)
    index = np.flatnonzero(n > 0)
    left_out = tuple(np.flatnonzero(n == 0).tolist())
    if len(index) < 2:
        return GapInterval(np.nan, np.nan, np.nan, None, None, left_out)
    events, n = events[index], n[index]
    rate = rate_of(events, n)
    use = _candidates(events, n, confidence)
    low, high = gap_limits(events[use], n[use], len(n), confidence)
    top, bottom = int(rate.argmax()), int(rate.argmin())
    return GapInterval(
        value=float(rate[top] - rate[bottom]),
        low=float(low),
        high=float(high),
        highest=int(index[top]),
        lowest=int(index[bottom]),
        left_out=left_out,
    )


def gap_limits(
    events: ArrayLike, n: ArrayLike, groups: int, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Limits of the gap between highest and lowest rate, from all pairs of groups.

    Parameters
    ----------
    events, n : array_like of int, shape (..., groups that may be extreme)
        Every n above 0.
    groups : int
        How many groups there were to choose from.
    confidence : float

    Returns
    -------
    low, high : float64 array, shape (...)

    Notes
    -----
    Each pair's difference has MOVER limits from Clopper–Pearson limits of both rates, as in
    `faceaudit.stats.intervals.difference_interval`, so the skewness of rare errors is kept.

    *Lower limit*: the largest lower limit of any pair. That pair was chosen for being far
    apart, so the limits are taken at the quantile of Tukey's studentised range.

    *Upper limit*: the largest upper limit of any pair, without a correction. It is below the
    true gap only if the limit of the one truly widest pair is, which is a single interval's
    error (the intersection–union argument of equivalence tests).

    References
    ----------
    Tukey (1953), The problem of multiple comparisons; Hayter (1984), Annals of Statistics 12,
    61–75 (unequal n); Berger & Hsu (1996), Statistical Science 11(4), 283–319
    (intersection–union); Zou & Donner (2008), Statistics in Medicine 27, 1693–1702 (MOVER).
    """
    rate = rate_of(events, n)
    difference = rate[..., :, None] - rate[..., None, :]

    low, high = rate_interval(events, n, _pairwise_confidence(groups, confidence))
    down = _quadrature(rate - low, high - rate)
    lower = (difference - down).max(axis=(-2, -1))

    low, high = rate_interval(events, n, confidence)
    up = _quadrature(high - rate, rate - low)
    itself = np.eye(rate.shape[-1], dtype=bool)
    upper = np.where(itself, 0.0, difference + up).max(axis=(-2, -1))
    return np.maximum(lower, 0.0), np.minimum(upper, 1.0)


def _quadrature(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.sqrt(first[..., :, None] ** 2 + second[..., None, :] ** 2)


@cache
def _pairwise_confidence(groups: int, confidence: float) -> float:
    """Confidence of each pair at which the most extreme of all pairs keeps its share of error."""
    error = LOWER_SHARE * (1 - confidence)
    quantile = stats.studentized_range.isf(error, groups, np.inf)
    return float(1 - 2 * stats.norm.sf(quantile / np.sqrt(2)))


def _candidates(events: NDArray, n: NDArray, confidence: float) -> NDArray[np.intp]:
    """Keep the groups that can be an end of the widest pair, so that many groups stay cheap.

    A group cannot be the upper end if another one has a higher rate and, in the direction that
    counts, a better arm (the distance from rate to limit); likewise for the lower end.
    """
    rate = rate_of(events, n)
    low, high = rate_interval(events, n, _pairwise_confidence(len(n), confidence))
    keep = _front(rate, low - rate) | _front(-rate, rate - high)
    low, high = rate_interval(events, n, confidence)
    keep |= _front(rate, high - rate) | _front(-rate, rate - low)
    return np.flatnonzero(keep)


def _front(first: FloatArray, second: FloatArray) -> NDArray[np.bool_]:
    """Mark what no other entry exceeds in both, twice over, as one group is no pair."""
    marked = np.zeros(len(first), dtype=bool)
    for _ in range(2):
        rest = np.flatnonzero(~marked)
        order = rest[np.lexsort((-second[rest], -first[rest]))]
        best = np.maximum.accumulate(second[order])
        marked[order[np.diff(best, prepend=-np.inf) > 0]] = True
    return marked
