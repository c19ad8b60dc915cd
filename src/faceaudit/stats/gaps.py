"""The gap between the highest and the lowest rate of many groups, with a valid interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.intervals import lower_limit, rate_interval, rate_of

#: Share of the error that the lower limit may use when all groups are alike. The rest is a
#: reserve, because the studentised range is that of normal variables and counts are not.
LOWER_SHARE = 0.8
#: More pairs of groups than this are not all looked at: see `_widest`.
MOST_PAIRS = 500_000
#: Events and images of every group.
Counted = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True)
class GapInterval:
    """Highest minus lowest rate over the groups that have images."""

    #: NaN when fewer than two groups have images.
    value: float
    low: float
    high: float
    #: Index of the group with the highest and with the lowest rate.
    highest: int | None
    lowest: int | None
    #: Groups without images: their rate is not estimable.
    left_out: tuple[int, ...]


def max_min_gap(
    events: ArrayLike, n: ArrayLike, confidence: float = 0.95, wrong_tags: ArrayLike = 0.0
) -> GapInterval:
    """Estimate the gap between highest and lowest rate, with an interval valid for any groups.

    Parameters
    ----------
    events, n : array_like, shape (groups,)
        Errors, and images that could have been one. Groups with n = 0 are left out.
    confidence : float
        Chance that the interval holds the true gap, whichever groups turn out to be extreme.
        For groups that are truly alike, its lower limit is above 0 at most with the rest of it.
    wrong_tags : array_like, shape () or (groups,)
        As in `gap_bounds`.
    """
    events, n = np.asarray(events), np.asarray(n)
    value, highest, lowest = observed_gaps(events[None], n)
    left_out = tuple(np.flatnonzero(n == 0).tolist())
    if np.isnan(value[0]):
        return GapInterval(np.nan, np.nan, np.nan, None, None, left_out)
    some = n > 0
    counted, wrong = (events[some], n[some]), np.broadcast_to(wrong_tags, n.shape)[some]
    low = float(_lower(*counted, len(counted[1]), 1 - confidence))
    high = float(_upper(counted, counted, confidence, wrong))
    return GapInterval(float(value[0]), low, high, int(highest[0]), int(lowest[0]), left_out)


def observed_gaps(events: ArrayLike, n: ArrayLike) -> tuple[FloatArray, IntArray, IntArray]:
    """Find the gap between the highest and the lowest rate many times, for instance by threshold.

    Parameters
    ----------
    events : array_like, shape (times, groups)
    n : array_like, shape (times, groups) or (groups,)
        Groups with n = 0 are left out.

    Returns
    -------
    value : float64 array, shape (times,)
        NaN with fewer than two groups.
    highest, lowest : int64 array, shape (times,)
        Which groups they are.
    """
    rate = rate_of(events, n)
    if rate.shape[-1] == 0:
        nothing = np.zeros(rate.shape[:-1], np.int64)
        return np.full(nothing.shape, np.nan), nothing, nothing
    known = ~np.isnan(rate)
    top, bottom = np.where(known, rate, -np.inf), np.where(known, rate, np.inf)
    highest, lowest = top.argmax(axis=-1), bottom.argmin(axis=-1)
    value = np.where(known.sum(axis=-1) > 1, top.max(axis=-1) - bottom.min(axis=-1), np.nan)
    return value, highest, lowest


def gap_limits(
    events: ArrayLike, n: ArrayLike, groups: int, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Limits of the gap between highest and lowest rate, from MOVER limits of all pairs of groups.

    Parameters
    ----------
    events, n : array_like, shape (..., groups that may be extreme)
        Every n above 0.
    groups : int
        How many groups there were to choose from.

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
    return _lower(events, n, groups, 1 - confidence), _upper((events, n), (events, n), confidence)


def gap_bounds(
    events: ArrayLike,
    n: ArrayLike,
    error: float,
    *,
    hidden: Hidden | None = None,
    wrong_tags: ArrayLike = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Bounds of the gap, each wrong with no more than the chance `error` and never both.

    Parameters
    ----------
    events, n : array_like, shape (..., groups)
        Groups with n = 0 are left out; NaN where fewer than two are left.
    hidden : Hidden, optional
        Images whose group or error is not known: the upper bound holds whatever they are.
    wrong_tags : array_like, shape () or (groups,)
        Share of each group's images that belong to another one. If being called wrongly has
        nothing to do with being tagged wrongly, the groups as tagged are mixtures, so that their
        gap is at most the true one, and the true one at most it over one minus both ends' shares.
    """
    events, n = np.asarray(events, float), np.asarray(n, float)
    if n.ndim > 1:
        each = zip(events, n, strict=True)
        found = np.array([gap_bounds(x, of, error, wrong_tags=wrong_tags) for x, of in each])
        return found[:, 0], found[:, 1]
    some = np.flatnonzero(n > 0)
    if len(some) < 2:
        return (np.full(events.shape[:-1], np.nan),) * 2
    wrong = np.broadcast_to(np.asarray(wrong_tags, float), n.shape[-1:])[some]
    events, n = events[..., some], n[..., some]
    highest = lowest = (events, n)
    if hidden is not None:
        more = (
            (hidden.wrong + hidden.unknown)[..., some],
            (hidden.right + hidden.unknown)[..., some],
        )
        highest = events + more[0], n + more[0]
        lowest = events, n + more[1]
    low = _lower(events, n, len(some), error)
    return low, _upper(highest, lowest, 1 - 2 * error, wrong)


@dataclass(frozen=True)
class Hidden:
    """Images whose group or whose answer is not known, as they could count in each group.

    Arrays of shape (groups,), divided by the group's design effect: those called wrongly and
    rightly that have no tag, and those without a score, of the group or of none.
    """

    wrong: FloatArray
    right: FloatArray
    unknown: FloatArray


def _lower(events: ArrayLike, n: ArrayLike, groups: int, error: float) -> FloatArray:
    rate = rate_of(events, n)
    low, high = rate_interval(events, n, pairwise_confidence(groups, 1 - error))
    return _widest(-1, rate, low - rate, rate, rate - high)


def _upper(
    highest: Counted, lowest: Counted, confidence: float, wrong: FloatArray | None = None
) -> FloatArray:
    rate, other = rate_of(*highest), rate_of(*lowest)
    rest = np.subtract(highest[1], highest[0])
    up = 1 - lower_limit(rest, highest[1], confidence) - rate
    down = other - lower_limit(*lowest, confidence)
    return np.minimum(_widest(1, rate, up, other, down, wrong), 1.0)


def _widest(
    sign: int,
    rate: FloatArray,
    arm: FloatArray,
    other: FloatArray,
    other_arm: FloatArray,
    wrong: FloatArray | None = None,
) -> FloatArray:
    """Take the largest MOVER limit of any pair: the lower ones for sign -1, the upper ones for 1.

    Arms have that sign. Shape (...), at least 0, from arrays of shape (..., groups).
    """
    if rate.size * rate.shape[-1] <= MOST_PAIRS:
        return _widest_pair(sign, rate, arm, other, other_arm, wrong)
    # A group cannot be the upper end if another one has a higher rate and a better arm; likewise
    # the lower end. So many groups stay cheap.
    flat = [of.reshape(-1, rate.shape[-1]) for of in (rate, arm, other, other_arm)]
    most = None if wrong is None else np.full_like(wrong, wrong.max())
    found = []
    for high, up, low, down in zip(*flat, strict=True):
        ends = np.flatnonzero(_front(high, up) | _front(-low, down))
        shares = None if most is None else most[ends]
        found.append(_widest_pair(sign, high[ends], up[ends], low[ends], down[ends], shares))
    return np.array(found).reshape(rate.shape[:-1])


def _widest_pair(
    sign: int,
    rate: FloatArray,
    arm: FloatArray,
    other: FloatArray,
    other_arm: FloatArray,
    wrong: FloatArray | None,
) -> FloatArray:
    both = np.sqrt(arm[..., :, None] ** 2 + other_arm[..., None, :] ** 2)
    limit = rate[..., :, None] - other[..., None, :] + sign * both
    if wrong is not None and wrong.any():
        left = 1 - wrong[:, None] - wrong
        limit = np.where(left > 0, limit / np.maximum(left, 1e-9), 1.0)
    itself = np.eye(rate.shape[-1], dtype=bool)
    return np.asarray(np.where(itself, 0.0, limit).max(axis=(-2, -1)))


@cache
def pairwise_confidence(groups: int, confidence: float) -> float:
    """Confidence of each pair at which the most extreme of all pairs keeps its share of error."""
    error = LOWER_SHARE * (1 - confidence)
    quantile = stats.studentized_range.isf(error, groups, np.inf)
    return float(1 - 2 * stats.norm.sf(quantile / np.sqrt(2)))


def _front(first: FloatArray, second: FloatArray) -> NDArray[np.bool_]:
    """Mark what no other entry exceeds in both, twice over, as one group is no pair."""
    marked = np.zeros(len(first), dtype=bool)
    for _ in range(2):
        rest = np.flatnonzero(~marked)
        order = rest[np.lexsort((-second[rest], -first[rest]))]
        best = np.maximum.accumulate(second[order])
        marked[order[np.diff(best, prepend=-np.inf) > 0]] = True
    return marked
