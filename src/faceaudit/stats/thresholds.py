"""Thresholds: which ones a reader can look at, and the one for a target FPR."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceaudit.stats import FloatArray, IntArray


def thresholds_for_fpr(
    score: NDArray[np.float32], group: IntArray, groups: int, target_fpr: float
) -> FloatArray:
    """Choose the lowest threshold of every group at which its FPR is at most the target.

    Parameters
    ----------
    score, group : float32 and int array, shape (photographs,)
        Of real photographs; a negative code is no group.
    groups : int
    target_fpr : float

    Returns
    -------
    float64 array, shape (groups,)
        Each exactly a float32, just above the highest score that must not be called AI, which
        may be a hair above 1. NaN where the group has no photograph.
    """
    score, group = np.asarray(score, np.float32), np.asarray(group)
    rows = np.flatnonzero(group >= 0)
    rows = rows[np.lexsort((score[rows], group[rows]))]
    n = np.bincount(group[rows], minlength=groups)
    # Less a hair, so that 0.29 × 100 is 29 and not 28.999….
    allowed = np.floor(target_fpr * n + 1e-9).astype(np.int64)
    threshold = np.where(n > 0, 0.0, np.nan)
    bound = np.flatnonzero(allowed < n)
    highest_kept = rows[np.cumsum(n)[bound] - 1 - allowed[bound]]
    threshold[bound] = np.nextafter(score[highest_kept], np.float32(np.inf))
    return threshold


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
