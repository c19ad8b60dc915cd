"""The gap between the highest and the lowest rate of many groups, with a valid interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.stats import FloatArray
from faceaudit.stats.intervals import rate_interval, rate_of

#: Share of the error that the lower limit may use when all groups are alike. The rest is a
#: reserve, because the studentised range is that of normal variables and counts are not.
LOWER_SHARE = 0.8
#: More pairs of groups than this are not all looked at: see `_candidates`.
MOST_PAIRS = 500_000


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
        For groups that are truly alike, its lower limit is above 0 at most with the rest of it.
    """
    return max_min_gaps(np.asarray(events)[None], n, confidence)[0]


def max_min_gaps(events: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> list[GapInterval]:
    """Estimate many gaps of the same groups, each on its own, for instance one a threshold.

    `events` has shape (times, groups), and `n` has it too or lacks the first axis.
    """
    events, n = np.asarray(events), np.asarray(n)
    if n.ndim > 1:
        return [max_min_gap(x, of, confidence) for x, of in zip(events, n, strict=True)]
    index = np.flatnonzero(n > 0)
    left_out = tuple(np.flatnonzero(n == 0).tolist())
    if len(index) < 2:
        return [GapInterval(np.nan, np.nan, np.nan, None, None, left_out)] * len(events)
    rate = rate_of(events[:, index], n[index])
    low, high = gap_limits(events[:, index], n[index], len(index), confidence)
    ends = index[rate.argmax(axis=1)], index[rate.argmin(axis=1)]
    columns = [of.tolist() for of in (np.ptp(rate, axis=1), low, high, *ends)]
    return list(map(GapInterval, *columns, [left_out] * len(events)))


def gap_limits(
    events: ArrayLike, n: ArrayLike, groups: int, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Limits of the gap between highest and lowest rate, from MOVER limits of all pairs of groups.

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
        The lower limit is taken at the quantile of Tukey's studentised range, as its pair was
        chosen for being far apart; the upper one needs no correction (docs/statistics.md).

    References
    ----------
    Tukey (1953), The problem of multiple comparisons; Hayter (1984), Annals of Statistics 12,
    61–75 (unequal n); Berger & Hsu (1996), Statistical Science 11(4), 283–319
    (intersection–union); Zou & Donner (2008), Statistics in Medicine 27, 1693–1702 (MOVER).
    """
    rate = rate_of(events, n)
    wide = rate_interval(events, n, _pairwise_confidence(groups, confidence))
    arms = np.stack([rate, *wide, *rate_interval(events, n, confidence)])
    if rate.size * rate.shape[-1] <= MOST_PAIRS:
        return _limits_of_pairs(arms)
    each = np.moveaxis(arms.reshape(len(arms), -1, rate.shape[-1]), 1, 0)
    limits = np.array([_limits_of_pairs(arm[:, _candidates(arm)]) for arm in each])
    low, high = limits.T.reshape(2, *rate.shape[:-1])
    return low, high


def _limits_of_pairs(arms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Take the largest limits of any pair; `arms` are rates and their limits, wide and nominal."""
    rate, wide_low, wide_high, low, high = arms
    difference = rate[..., :, None] - rate[..., None, :]
    down = _quadrature(rate - wide_low, wide_high - rate)
    lower = (difference - down).max(axis=(-2, -1))
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


def _candidates(arms: FloatArray) -> NDArray[np.intp]:
    """Keep the groups that can be an end of the widest pair, so that many groups stay cheap.

    A group cannot be the upper end if another one has a higher rate and, in the direction that
    counts, a better arm (the distance from rate to limit); likewise for the lower end.
    """
    rate, wide_low, wide_high, low, high = arms
    keep = _front(rate, wide_low - rate) | _front(-rate, rate - wide_high)
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
