"""How much a change of the same images differs between groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.intervals import paired_difference_interval, rate_of


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
        groups : int
        confidence : float
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
