"""The same images twice: errors counted pair by pair, and how much a change differs by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.intervals import paired_difference_interval, rate_of
from faceaudit.stats.means import Mean
from faceaudit.stats.significance import mcnemar


@dataclass(frozen=True)
class Change:
    """The mean change of each group's images, with its limits; arrays of shape (groups,)."""

    n: IntArray
    value: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(
        cls,
        change: ArrayLike,
        group: IntArray,
        groups: int,
        confidence: float,
        clusters: IntArray | None = None,
    ) -> Change:
        """Estimate it.

        Parameters
        ----------
        change : array_like, shape (images,)
            From -1 to 1; of an error that comes or goes, one of the two.
        group : int array, shape (images,)
            Negative: in no group.
        clusters : int array, shape (images,), optional
            Numbers of what hangs together.

        Notes
        -----
        The limits are those of `paired_difference_interval`, in which a change of a half counts as
        half an image that changes. What is bounded varies most where it is all or nothing, so they
        are rather too wide, also where hardly an image changes and a normal limit would fail.
        """
        change, some = np.asarray(change, float), group >= 0
        n = np.bincount(group[some], minlength=groups)
        up, down = (
            np.bincount(group[some], np.maximum(sign * change[some], 0), groups) for sign in (1, -1)
        )
        (effects,) = design_effects(clusters, group, groups, change)
        still = np.maximum(n - up - down, 0)
        limits = paired_difference_interval(
            np.zeros(groups), down / effects, up / effects, still / effects, confidence
        )
        return cls(n, rate_of(up - down, n), *limits)

    def minus(self, one: Any, other: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give the change of some groups minus that of others, with its limits (MOVER)."""
        value = self.value[one] - self.value[other]
        low = np.hypot((self.value - self.low)[one], (self.high - self.value)[other])
        high = np.hypot((self.high - self.value)[one], (self.value - self.low)[other])
        return value, value - low, value + high


@dataclass(frozen=True)
class PairedErrors:
    """How many images are called wrongly under which of two conditions."""

    #: Called wrongly under both, under the first alone, the second alone, neither: shape
    #: (4, thresholds, pairs of conditions × groups).
    cells: IntArray
    #: How many images are worth one independent image to the difference of the errors: shape
    #: (pairs of conditions × groups,).
    effects: FloatArray

    @property
    def n(self) -> IntArray:
        """Images, shape (pairs × groups,)."""
        return np.asarray(self.cells[:, 0].sum(axis=0))

    @property
    def rates(self) -> FloatArray:
        """Both error rates, shape (2, thresholds, pairs × groups)."""
        return rate_of(self.cells[0] + self.cells[1:3], self.n)

    def difference(self, confidence: float) -> Mean:
        """Estimate the second error rate minus the first, shape (thresholds, pairs × groups)."""
        both, first, second, neither = self.cells / self.effects
        limits = paired_difference_interval(both, first, second, neither, confidence)
        return Mean(rate_of(self.cells[2] - self.cells[1], self.n), *limits)

    def p(self) -> FloatArray:
        """Test that as many images become wrong as become right."""
        return mcnemar(*self.cells[1:3] / self.effects)


def paired_errors(
    wrong: NDArray[np.bool_],
    pairs: Sequence[tuple[int, int]],
    code: IntArray,
    groups: int,
    clusters: IntArray | None = None,
    audited: int = 0,
) -> PairedErrors:
    """Count the errors of images under pairs of conditions, in every group.

    Parameters
    ----------
    wrong : bool array, shape (conditions, thresholds, images)
    pairs : sequence of (first, second)
        Positions of conditions.
    code : int array, shape (images,)
        Group of each image; negative: in none.
    clusters : int array, shape (images,), optional
        Numbers of what hangs together.
    audited : int
        The threshold whose errors say how much that is.
    """
    change = (np.subtract(wrong[j, audited], wrong[i, audited], dtype=float) for i, j in pairs)
    effects = design_effects(clusters, code, groups, *change)
    known = np.flatnonzero(code >= 0)
    code, wrong = code[known], wrong[..., known]
    # The outcome in binary: whether the second is wrong, then the first.
    counts = np.array(
        [
            [
                np.bincount(code + groups * (of[i] + 2 * of[j]), minlength=4 * groups)
                for i, j in pairs
            ]
            for of in np.moveaxis(wrong, 1, 0)
        ]
    )
    by_outcome = np.moveaxis(counts.reshape(*counts.shape[:2], 4, groups), 2, 0)[[3, 1, 2, 0]]
    return PairedErrors(by_outcome.reshape(4, len(counts), -1), effects.ravel())
