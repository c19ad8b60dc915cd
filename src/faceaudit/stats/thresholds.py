"""Thresholds: choosing one for a target FPR, and both error rates over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceaudit.stats.intervals import rate_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def thresholds_for_fpr(
    score: NDArray[np.float32], group: IntArray, groups: int, target_fpr: float
) -> FloatArray:
    """Choose the lowest threshold of every group at which its FPR is at most the target.

    Parameters
    ----------
    score : float32 array, shape (photographs,)
        Scores of real photographs.
    group : int array, shape (photographs,)
        Code of each one's group; all zeros for one threshold that is blind to groups.
        Negative is no group.
    groups : int
    target_fpr : float
        Largest share of the photographs that may be called AI-generated (score >= threshold).

    Returns
    -------
    float64 array, shape (groups,)
        Each exactly a float32. Just above the highest score that must not be called AI, so the
        FNR is the least possible; a hair above 1 if even a score of 1 must not be. NaN where
        the group has no real photograph.

    Notes
    -----
    Thresholds by group treat people differently by their looks: for study only. With fewer
    than 1 / target photographs the threshold lies above all of them, which says little about
    other photographs.
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


@dataclass(frozen=True)
class RateCurves:
    """Errors of every group at every threshold of a grid.

    Attributes
    ----------
    threshold : float64 array, shape (thresholds,)
        Rising; each exactly a float32.
    n_real, n_ai : int64 array, shape (groups,)
    real_called_ai, ai_called_real : int64 array, shape (groups, thresholds)
    """

    threshold: FloatArray
    n_real: IntArray
    n_ai: IntArray
    real_called_ai: IntArray
    ai_called_real: IntArray

    @property
    def fpr(self) -> FloatArray:
        """False-positive rates, shape (groups, thresholds); NaN without real photographs."""
        return rate_of(self.real_called_ai, self.n_real[:, None])

    @property
    def fnr(self) -> FloatArray:
        """False-negative rates, shape (groups, thresholds); NaN without AI-generated faces."""
        return rate_of(self.ai_called_real, self.n_ai[:, None])


def rate_curves(
    score: NDArray[np.float32],
    is_ai: NDArray[np.bool_],
    group: IntArray,
    groups: int,
    threshold: ArrayLike,
) -> RateCurves:
    """Count the errors of every group at every threshold, in one pass over the images.

    Parameters
    ----------
    score, is_ai, group : array, shape (images,)
        A negative group is no group.
    groups : int
    threshold : array_like, shape (thresholds,)
        Rising; see `threshold_grid`.
    """
    grid = np.asarray(threshold, np.float32)
    rows = np.flatnonzero(np.asarray(group) >= 0)
    # Thresholds that the score reaches, that is, at which the image is called AI.
    reached = np.searchsorted(grid, np.asarray(score, np.float32)[rows], side="right")
    steps = len(grid) + 1
    cell = (np.asarray(group)[rows] * 2 + np.asarray(is_ai)[rows]) * steps + reached
    counts = np.bincount(cell, minlength=groups * 2 * steps).reshape(groups, 2, steps)
    called_ai = counts[:, :, ::-1].cumsum(axis=2)[:, :, ::-1][:, :, 1:]
    n = counts.sum(axis=2)
    return RateCurves(
        threshold=grid.astype(float),
        n_real=n[:, 0],
        n_ai=n[:, 1],
        real_called_ai=called_ai[:, 0],
        ai_called_real=n[:, 1, None] - called_ai[:, 1],
    )


def reader_thresholds(audited: float) -> tuple[float, ...]:
    """Choose the thresholds that a reader of the report can look at.

    Round numbers from 0 to 1, closer at both ends, where the scores of a good classifier
    crowd, and `audited` itself in the place of what float32 cannot tell from it.

    Returns
    -------
    tuple of float
        Rising, also in float32.
    """
    ends = [0.001, 0.005, 0.01]
    grid = [*(i / 50 for i in range(51)), *ends, *(1 - end for end in ends)]
    kept = (round(value, 3) for value in grid if np.float32(value) != np.float32(audited))
    return tuple(sorted([*kept, float(audited)]))


def threshold_grid(
    score: NDArray[np.float32], chosen: Sequence[float] = (), points: int = 40
) -> FloatArray:
    """Choose thresholds that show the curves well.

    Quantiles of the scores, because those of a good classifier crowd at both ends, and the
    thresholds that must be among them.

    Returns
    -------
    float64 array, at most ``points + len(chosen)`` values, rising
        Each exactly a float32; 0 and 1 are among them.
    """
    crowded = np.quantile(score, np.linspace(0, 1, points - 2)) if len(score) else np.zeros(0)
    return np.unique(np.array([0, 1, *chosen, *crowded], np.float32)).astype(float)
