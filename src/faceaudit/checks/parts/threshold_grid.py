"""The numbers of a detail at every threshold that a reader of the report can choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.checks import AuditInput
from faceaudit.result import Number
from faceaudit.stats.counts import IntArray, OutcomeCounts, count_at_thresholds
from faceaudit.stats.intervals import FloatArray, rate_interval, rate_of
from faceaudit.stats.rates import rate_counts

Grid = list[list[Number]]
ByThreshold = dict[str, Grid | None] | None
Kind = Literal["percent", "points", "number"]
#: Details of more groups stay at the audited threshold: a report must open at once.
MOST_GROUPS = 1_000


def count_by_threshold(counts: OutcomeCounts, data: AuditInput) -> list[OutcomeCounts]:
    """Count the same groups at every threshold of the result; empty where there are too many."""
    if len(counts.groups) > MOST_GROUPS:
        return []
    return count_at_thresholds(
        data.table, counts.attributes, data.thresholds, empty_cells=bool((counts.n == 0).any())
    )


@dataclass(frozen=True)
class MovedRate:
    """A rate of every group at every threshold; all arrays of shape (thresholds, groups)."""

    events: IntArray
    value: FloatArray
    low: FloatArray
    high: FloatArray

    def columns(self, value: str, low: str, high: str) -> dict[str, Grid | None]:
        """Give the rates and their limits the names of a detail's columns."""
        named = {value: self.value, low: self.low, high: self.high}
        return {name: rounded(values, "percent") for name, values in named.items()}


def moved_rate(moved: Sequence[OutcomeCounts], rate: str, confidence: float) -> MovedRate:
    """Compute a rate and its Clopper–Pearson limits at every threshold."""
    events, n = np.swapaxes([rate_counts(counts, rate) for counts in moved], 0, 1)
    return MovedRate(events, rate_of(events, n), *rate_interval(events, n, confidence))


def rounded(values: ArrayLike, kind: Kind) -> Grid:
    """Round numbers to the digits with which reports write them; not-a-number is None.

    Parameters
    ----------
    values : array_like of float, shape (thresholds, rows)
    kind : {"percent", "points", "number"}
        As of `faceaudit.result.Column`.
    """
    distinct, place = np.unique(np.asarray(values, float), return_inverse=True)
    rounded = np.array([_rounded(value, kind) for value in distinct.tolist()], object)
    return rounded[place.reshape(np.shape(values))].tolist()


def _rounded(value: float, kind: Kind) -> Number:
    if not np.isfinite(value):
        return None
    size = abs(value)
    if kind == "number":
        if size < 0.001:
            return float(f"{value:.2g}")
        return round(value, 3 if size < 1 else 2 if size < 10 else 1)
    # By way of the text of the percentage, because that is what is rounded when it is shown.
    decimals = 2 if kind == "percent" and (0 < size < 0.000_95 or 0.999_05 < value < 1) else 1
    return round(float(f"{100 * value:.{decimals}f}") / 100, 5)
