"""Means of a number over the images of every group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import design_effects


@dataclass(frozen=True)
class Mean:
    """A mean over the images of every group, and its interval; float64 arrays, shape (groups,)."""

    value: FloatArray
    low: FloatArray
    high: FloatArray

    def at(self, group: int) -> dict[str, float]:
        """Give those of one group, by name."""
        return {name: float(of[group]) for name, of in vars(self).items()}


@dataclass(frozen=True)
class Means:
    """Means, the variance of each, and of how many independent images; shape (numbers × groups,).

    NaN in groups that are worth no more than one image.
    """

    value: FloatArray
    variance: FloatArray
    worth: FloatArray
    #: The least and the most that a number can be.
    ends: tuple[float, float]

    def estimate(self, confidence: float) -> Mean:
        """Give Student's intervals."""
        found = _student(self.value, self.variance, self.worth - 1, confidence)
        return Mean(found.value, *(np.clip(of, *self.ends) for of in (found.low, found.high)))

    def minus(self, other: Means, confidence: float) -> Mean:
        """Give the differences from the means of other images, with Welch's intervals."""
        parts = np.stack([self.variance, other.variance])
        variance, free = parts.sum(axis=0), np.stack([self.worth, other.worth]) - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            free = variance**2 / (parts**2 / free).sum(axis=0)
        return _student(self.value - other.value, variance, free, confidence)


def beside(means: Sequence[Mean]) -> Mean:
    """Put the groups of several into one row."""
    each = zip(*(vars(of).values() for of in means), strict=True)
    return Mean(*(np.concatenate(of, axis=-1) for of in each))


def group_means(
    values: NDArray[Any],
    code: IntArray,
    groups: int,
    clusters: IntArray | None = None,
    ends: tuple[float, float] = (-np.inf, np.inf),
) -> Means:
    """Average numbers over the images of every group.

    Parameters
    ----------
    values : array, shape (numbers, images)
    code : int array, shape (images,)
        Group of each image; negative: in none.
    clusters : int array, shape (images,), optional
        Numbers of what hangs together; a group is worth as many images as `Cells` says.
    ends : tuple of float
        The least and the most that a number can be. The variance is as if one more image had been
        seen at each, if they are finite: that all are alike does not show that none is otherwise.

    References
    ----------
    Welch (1947), Biometrika 34, 28–35, for differences; Agresti & Coull (1998), The American
    Statistician 52, 119–126, for images at the ends.
    """
    values = values.astype(float)
    effects = design_effects(clusters, code, groups, *values)
    known = np.flatnonzero(code >= 0)
    code, values = code[known], values[:, known]
    n = np.bincount(code, minlength=groups)

    def mean(of: FloatArray) -> FloatArray:
        return np.stack([np.bincount(code, row, groups) for row in of]) / n

    with np.errstate(divide="ignore", invalid="ignore"):
        value, worth = mean(values), n / effects
        variance = mean((values - value[:, code]) ** 2) * n / (n - 1)
        if np.isfinite(ends).all():
            variance += sum((end - value) ** 2 for end in ends) / worth
        value, variance = (np.where(worth > 1, of, np.nan) for of in (value, variance / worth))
    return Means(value.ravel(), variance.ravel(), worth.ravel(), ends)


def means_of_others(
    values: NDArray[Any],
    code: IntArray,
    groups: int,
    clusters: IntArray | None = None,
    ends: tuple[float, float] = (-np.inf, np.inf),
) -> Means:
    """Average numbers for every group over the images of all other groups, as `group_means`."""
    rows = [np.where((code >= 0) & (code != group), 0, -1) for group in range(groups)]
    each = [group_means(values, of, 1, clusters, ends) for of in rows]
    value, variance, worth = (
        np.stack([getattr(of, name) for of in each], axis=1).ravel()
        for name in ("value", "variance", "worth")
    )
    return Means(value, variance, worth, ends)


def _student(value: FloatArray, variance: FloatArray, free: FloatArray, confidence: float) -> Mean:
    arm = stats.t.isf((1 - confidence) / 2, free) * np.sqrt(variance)
    return Mean(value, value - arm, value + arm)
