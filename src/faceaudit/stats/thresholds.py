"""Thresholds: which ones a reader can look at, and the one for a target FPR."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.ranks import scores_of, whole_numbers


def thresholds_for_fpr(
    score: NDArray[np.float32], group: IntArray, groups: int, target_fpr: ArrayLike
) -> FloatArray:
    """Choose the lowest threshold of every group at which its FPR is at most the target.

    Parameters
    ----------
    score, group : float32 and int array, shape (photographs,)
        Of real photographs; a negative code is no group.
    target_fpr : float, or array_like of shape (..., groups)

    Returns
    -------
    float64 array, shape (..., groups)
        Each exactly a float32, just above the highest score that must not be called AI, which
        may be a hair above 1. NaN where the group has no photograph or no target.
    """
    group = np.asarray(group)
    tagged = group >= 0
    group = group[tagged]
    n = np.bincount(group, minlength=groups)
    # To sort is ten times as fast as to find the order.
    rising = (group << 33) + whole_numbers(np.asarray(score, np.float32)[tagged])
    rising.sort()
    threshold = np.where((n > 0) & ~np.isnan(target_fpr), 0.0, np.nan)
    # A hair more, so that 0.29 × 100 is 29 and not 28.999….
    allowed = np.floor(np.nan_to_num(target_fpr) * n + 1e-9).astype(np.int64)
    bound = (allowed < n) & (threshold == 0)
    highest_kept = rising[(np.cumsum(n) - 1 - allowed)[bound]]
    of_group = np.broadcast_to(np.arange(groups), bound.shape)[bound]
    kept = scores_of(highest_kept - (of_group << 33))
    threshold[bound] = np.nextafter(kept, np.float32(np.inf))
    return threshold


def safe_share(n: ArrayLike, target_fpr: float, confidence: float) -> FloatArray:
    """Give the share of n photographs that a *safe* threshold may call AI-generated.

    The FPR of the lowest threshold that calls no more of them exceeds the target with a chance of
    at most 1 − confidence, whatever the distribution of the scores.

    Parameters
    ----------
    n : array_like of float
        As many independent photographs as those at hand are worth; rounded down.

    Returns
    -------
    float64 array
        NaN where there are fewer than `fewest_photographs`: then no threshold is safe.

    References
    ----------
    Wilks (1941), Annals of Mathematical Statistics 12(1), 91–96: tolerance limits.
    """
    whole, error = np.floor(np.asarray(n, float)), 1 - confidence
    k = stats.binom.ppf(error, whole, target_fpr)
    k -= stats.binom.cdf(k, whole, target_fpr) > error
    return rate_of(k, np.where(k >= 0, whole, np.nan))


def fewest_photographs(target_fpr: float, confidence: float) -> int | None:
    """Count the photographs that a safe threshold needs; None if none are enough, for 0."""
    if target_fpr == 0:
        return None
    return math.ceil(math.log(1 - confidence) / math.log1p(-target_fpr))


def reader_thresholds(audited: float) -> tuple[float, ...]:
    """Choose the thresholds that a reader of the report can look at; they rise, also in float32.

    Round numbers from 0 to 1, closer at both ends, where the scores of a good classifier
    crowd, and `audited` itself in the place of what float32 cannot tell from it.
    """
    ends = [0.001, 0.005, 0.01]
    grid = [*(i / 50 for i in range(51)), *ends, *(1 - end for end in ends)]
    kept = (round(value, 3) for value in grid if np.float32(value) != np.float32(audited))
    return tuple(sorted([*kept, float(audited)]))


def threshold_grid(score: NDArray[np.float32], chosen: Sequence[float] = ()) -> FloatArray:
    """Choose thresholds that show curves well: 0, 1, `chosen` and 38 quantiles of the scores.

    Those of a good classifier crowd at both ends. Each is exactly a float32; they rise.
    """
    crowded = np.quantile(score, np.linspace(0, 1, 38)) if len(score) else np.zeros(0)
    return np.unique(np.array([0, 1, *chosen, *crowded], np.float32)).astype(float)
