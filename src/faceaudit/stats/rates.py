"""Rates of each group, and the two counts that each rate is the quotient of.

Positive is "AI-generated". A rate without a denominator is not a number: it is NaN here,
never 0.0 (which fairlearn and scikit-learn return).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
    ``MetricFrame`` is given at most four weighted rows a group (label × verdict) instead of a
    row an image, which is the same sum. Its cost is by group and rate, about a millisecond, so
    ask only for the rates that are shown.
    """
    return {rate: _metric_frame(counts, rate) for rate in rates}


def overall_rates(
    counts: OutcomeCounts, rates: Sequence[str] = (*RATES, "balanced_error")
) -> dict[str, float]:
    """Compute point values over all groups together; NaN where there is no denominator."""
    return {rate: float(value[0]) for rate, value in group_rates(counts.total(), rates).items()}


def _metric_frame(counts: OutcomeCounts, rate: str) -> FloatArray:
    from fairlearn.metrics import MetricFrame

    if rate == "balanced_error":
        defined = (counts.n_real > 0) & (counts.n_ai > 0)
    else:
        defined = RATES[rate].of(counts) > 0
    values = np.full(len(counts.groups), np.nan)
    if not defined.any():
        return values
    weight = np.stack(
        [
            counts.real_called_real,
            counts.real_called_ai,
            counts.ai_called_real,
            counts.ai_called_ai,
        ],
        axis=1,
    )
    group, outcome = np.nonzero((weight > 0) & defined[:, None])
    frame = MetricFrame(
        metrics=_metric(rate),
        y_true=outcome // 2,
        y_pred=outcome % 2,
        # By name: fairlearn squeezes a bare array of one group to no dimension and refuses it.
        sensitive_features={"group": group},
        sample_params={"sample_weight": weight[group, outcome]},
    )
    by_group = frame.by_group
    values[by_group.index.to_numpy()] = by_group.to_numpy(dtype=float)
    return values


def _metric(rate: str) -> Callable[..., Any]:
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score

    def balanced_error(y_true: Any, y_pred: Any, *, sample_weight: Any) -> float:
        return 1 - balanced_accuracy_score(y_true, y_pred, sample_weight=sample_weight)

    return {
        "fpr": metrics.false_positive_rate,
        "fnr": metrics.false_negative_rate,
        "tpr": metrics.true_positive_rate,
        "tnr": metrics.true_negative_rate,
        "accuracy": accuracy_score,
        "selection_rate": metrics.selection_rate,
        "precision": precision_score,
        "balanced_error": balanced_error,
    }[rate]
