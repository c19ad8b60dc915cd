"""How the extremes of groups' rates differ between two classifiers on the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.stats import FloatArray
from faceaudit.stats.intervals import paired_difference_interval, rate_interval, rate_of


@dataclass(frozen=True)
class GapChange:
    """Highest minus lowest rate under two classifiers; `value` is second minus first.

    Or the highest rate alone, or the lowest.
    """

    first: float
    second: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Rates:
    """Each group's rate, and how far it may lie below and above; shape (groups,)."""

    rate: FloatArray
    down: FloatArray
    up: FloatArray


def gap_change(cells: ArrayLike, confidence: float = 0.95, effects: ArrayLike = 1.0) -> GapChange:
    """Estimate the change of the gap over groups, with an interval valid whichever are extreme.

    Parameters
    ----------
    cells : array_like of int, shape (4, groups)
        Images on which both classifiers err, only the first, only the second, neither. Two
        groups or more, each with images.
    effects : array_like, shape (3, groups) or one number
        Design effects of the difference of the errors, of the first's and the second's errors.

    Notes
    -----
    Let i and j be the groups of the second's true gap: they are fixed, if unknown. Whichever
    groups k and l are taken for the first, its gap is at least their difference, so the upper
    limit for (second of i - first of k) - (second of j - first of l) bounds the change, once it
    holds for all k and l at once (Bonferroni). The largest such limit of all i and j is ours,
    with the k and l that keep it low; the lower limit is the same with the classifiers exchanged.
    Each is a MOVER limit; where k is i, the two rates are of the same images and their paired
    interval counts. MOVER of the two gaps' own intervals is not valid: the gap of alike groups is
    estimated too high, that of others is not (docs/statistics.md).

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27, 1693–1702 (MOVER); Berger & Hsu (1996),
    Statistical Science 11(4), 283–319 (intersection–union).
    """
    groups = np.shape(cells)[1]
    each = 1 - (1 - confidence) / (groups * (groups - 1))
    first, second, down, up = _compared(cells, each, effects)
    gaps = float(np.ptp(first.rate)), float(np.ptp(second.rate))
    return GapChange(
        *gaps,
        value=gaps[1] - gaps[0],
        low=max(-_upper_limit(second, first, up, down), -1.0),
        high=min(_upper_limit(first, second, down, up), 1.0),
    )


def highest_change(
    cells: ArrayLike, confidence: float = 0.95, effects: ArrayLike = 1.0
) -> GapChange:
    """Estimate the change of the highest rate of any group, valid whichever group that is.

    Parameters are those of `gap_change`; one group is enough.

    Notes
    -----
    As there: let i be the group of the second's true highest rate. Whichever group k is taken, the
    first's highest rate is at least that of k, so the upper limit for second of i - first of k
    bounds the change once it holds for all k at once (Bonferroni). The largest of all i is ours.
    """
    each = 1 - (1 - confidence) / np.shape(cells)[1]
    first, second, down, up = _compared(cells, each, effects)
    highest = float(first.rate.max()), float(second.rate.max())
    return GapChange(
        *highest,
        value=highest[1] - highest[0],
        low=max(-_highest_limit(second, first, down), -1.0),
        high=min(_highest_limit(first, second, up), 1.0),
    )


def lowest_change(
    cells: ArrayLike, confidence: float = 0.95, effects: ArrayLike = 1.0
) -> GapChange:
    """Estimate the change of the lowest rate of any group, in the same way."""
    # Of what is called rightly it is the highest.
    of = highest_change(np.asarray(cells)[::-1], confidence, effects)
    return GapChange(1 - of.first, 1 - of.second, -of.value, -of.high, -of.low)


def _compared(
    cells: ArrayLike, confidence: float, effects: ArrayLike
) -> tuple[_Rates, _Rates, FloatArray, FloatArray]:
    """Give both classifiers' rates, and the arms of their difference down and up."""
    cells = np.asarray(cells, float)
    n, groups = cells.sum(axis=0), cells.shape[1]
    effects = np.broadcast_to(effects, (3, groups))
    both, only_first, only_second, neither = cells / effects[0]
    low, high = paired_difference_interval(both, only_first, only_second, neither, confidence)
    difference = rate_of(cells[2] - cells[1], n)
    first, second = (
        _rates(wrong, n, effect, confidence)
        for wrong, effect in zip(cells[0] + cells[1:3], effects[1:], strict=True)
    )
    return first, second, difference - low, high - difference


def _rates(wrong: FloatArray, n: FloatArray, effect: FloatArray, confidence: float) -> _Rates:
    rate = rate_of(wrong, n)
    low, high = rate_interval(wrong / effect, n / effect, confidence)
    return _Rates(rate, rate - low, high - rate)


def _upper_limit(first: _Rates, second: _Rates, down: FloatArray, up: FloatArray) -> float:
    """Limit the second gap minus the first; `down` and `up` are the arms of the difference."""
    own = np.arange(len(up))
    difference = second.rate[:, None] - first.rate
    # Squared arms of the second of i minus the first of k, upwards; of j and l, downwards.
    above = second.up[:, None] ** 2 + first.down**2
    below = second.down[:, None] ** 2 + first.up**2
    above[own, own], below[own, own] = up**2, down**2
    to_i = (difference + np.sqrt(above)).argmin(axis=1)
    to_j = (difference - np.sqrt(below)).argmax(axis=1)
    change = difference[own, to_i][:, None] - difference[own, to_j]
    squares = above[own, to_i][:, None] + below[own, to_j]
    # Two rates of one group that are added up may err together.
    squares += np.where(to_j == own[:, None], 2 * second.up[:, None] * first.up[to_j], 0)
    squares += np.where(to_i[:, None] == own, 2 * first.down[to_i][:, None] * second.down, 0)
    limits = change + np.sqrt(squares)
    np.fill_diagonal(limits, -np.inf)
    return float(limits.max())


def _highest_limit(first: _Rates, second: _Rates, up: FloatArray) -> float:
    """Limit the second's highest rate minus the first's; `up` is the difference's upper arm."""
    arm = np.hypot(second.up[:, None], first.down)
    np.fill_diagonal(arm, up)
    return float((second.rate[:, None] - first.rate + arm).min(axis=1).max())
