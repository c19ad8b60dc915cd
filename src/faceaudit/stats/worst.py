"""The rate of the group that turned out worst, with an interval that allows for the choice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.stats.intervals import lower_limit, rate_of


class Worst(NamedTuple):
    """Which group has the highest rate, that rate, and the interval of its true rate."""

    group: int
    value: float
    low: float
    high: float


def worst_group(events: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Worst:
    """Estimate the true rate of whichever group has the highest observed one.

    Parameters
    ----------
    events, n : array_like, shape (groups,)
        Errors, and images that could have been one; not all n may be 0.
    confidence : float
        Chance that the interval holds the true rate of the group that is chosen.

    Notes
    -----
    Clopper–Pearson limits. The lower one is Bonferroni's over the groups with images, as the
    highest of many rates is too high by chance; the upper one needs no correction, as a group whose
    rate came out too low is not the more often chosen. How often it holds: docs/statistics.md.
    """
    events, n = np.asarray(events), np.asarray(n)
    rate, error = rate_of(events, n), 1 - confidence
    group = int(np.nanargmax(rate))
    x, of = events[group], n[group]
    low = lower_limit(x, of, 1 - error / int(np.count_nonzero(n)))
    high = 1 - lower_limit(of - x, of, confidence)
    return Worst(group, float(rate[group]), float(low), float(high))
