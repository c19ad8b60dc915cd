"""Rates of each group, and the two counts that each rate is the quotient of.

Positive is "AI-generated". A rate without a denominator is not a number: it is NaN here,
never 0.0 (which fairlearn and scikit-learn return).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceaudit.stats.counts import IntArray, OutcomeCounts

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """A rate as a quotient of counts.

    Attributes
    ----------
    title : str
        What it is, fit for print.
    events, of : callable
        Numerator and denominator, from counts to an int64 array of shape (groups,).
    """

    title: str
    events: Callable[[OutcomeCounts], IntArray]
    of: Callable[[OutcomeCounts], IntArray]


#: Every rate that is one binomial proportion, by its usual short name.
RATES: dict[str, Rate] = {
    "fpr": Rate("real photographs called AI", lambda c: c.real_called_ai, lambda c: c.n_real),
    "fnr": Rate("AI images called real", lambda c: c.ai_called_real, lambda c: c.n_ai),
    "tpr": Rate("AI images called AI", lambda c: c.ai_called_ai, lambda c: c.n_ai),
    "tnr": Rate("real photographs called real", lambda c: c.real_called_real, lambda c: c.n_real),
    "accuracy": Rate(
        "images called rightly", lambda c: c.real_called_real + c.ai_called_ai, lambda c: c.n
    ),
    "selection_rate": Rate(
        "images called AI", lambda c: c.real_called_ai + c.ai_called_ai, lambda c: c.n
    ),
    "precision": Rate(
        "images called AI that are AI",
        lambda c: c.ai_called_ai,
        lambda c: c.real_called_ai + c.ai_called_ai,
    ),
}


def rate_counts(counts: OutcomeCounts, rate: str) -> tuple[IntArray, IntArray]:
    """Return numerator and denominator of a rate in every group.

    Parameters
    ----------
    counts : OutcomeCounts
    rate : str
        A key of `RATES`.

    Returns
    -------
    events, n : int64 array, shape (groups,)
    """
    return RATES[rate].events(counts), RATES[rate].of(counts)


def group_rates(
    counts: OutcomeCounts, rates: Sequence[str] = (*RATES, "balanced_error")
) -> dict[str, FloatArray]:
    """Compute point values of every group with fairlearn's ``MetricFrame``.

    Parameters
    ----------
    counts : OutcomeCounts
    rates : sequence of str
        Keys of `RATES`, or ``balanced_error``: the mean of FPR and FNR.

    Returns
    -------
    dict of str to float64 array, shape (groups,)
        NaN where a group has no denominator.

    Notes
    -----
    ``MetricFrame`` is given two weighted rows a group (the events, and the rest of the
    denominator) instead of a row an image, and takes the weighted share of events; that is
    fairlearn's ``false_positive_rate`` and the like on the full rows. Its cost is by group and
    rate, about half a millisecond, so ask only for the rates that are shown.
    """
    found = {}
    for rate in rates:
        if rate == "balanced_error":
            found[rate] = (_group_rate(counts, "fpr") + _group_rate(counts, "fnr")) / 2
        else:
            found[rate] = _group_rate(counts, rate)
    return found


def _group_rate(counts: OutcomeCounts, rate: str) -> FloatArray:
    from fairlearn.metrics import MetricFrame, selection_rate

    events, n = rate_counts(counts, rate)
    values = np.full(len(n), np.nan)
    defined = np.flatnonzero(n > 0)
    if len(defined) == 0:
        return values
    is_event = np.tile([1, 0], len(defined))
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=is_event,
        y_pred=is_event,
        sensitive_features=np.repeat(defined, 2),
        sample_params={"sample_weight": np.stack([events, n - events], axis=1)[defined].ravel()},
    )
    values[frame.by_group.index.to_numpy()] = frame.by_group.to_numpy(dtype=float)
    return values
