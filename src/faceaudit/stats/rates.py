"""Rates of each group, and the two counts that each rate is the quotient of.

Positive is "AI-generated". A rate without a denominator is not a number: it is NaN here,
never 0.0 (which fairlearn and scikit-learn return).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_interval, rate_of

if TYPE_CHECKING:
    from fairlearn.metrics import MetricFrame


Counting = Callable[[Counts], IntArray]
#: Every rate that is one binomial proportion: its numerator and its denominator.
RATES: dict[str, tuple[Counting, Counting]] = {
    **{rate.id: (rate.events, rate.n) for rate in ERROR_RATES.values()},
    "tpr": (lambda c: c.ai_called_ai, lambda c: c.n_ai),
    "tnr": (lambda c: c.real_called_real, lambda c: c.n_real),
    "accuracy": (lambda c: c.real_called_real + c.ai_called_ai, lambda c: c.n),
    "selection_rate": (lambda c: c.real_called_ai + c.ai_called_ai, lambda c: c.n),
    "precision": (lambda c: c.ai_called_ai, lambda c: c.real_called_ai + c.ai_called_ai),
}


def rate_counts(counts: Counts, rate: str) -> tuple[IntArray, IntArray]:
    """Return numerator and denominator of a rate, a key of `RATES`, in every group.

    Int64 arrays of shape (groups,), or (thresholds, groups).
    """
    events, n = RATES[rate]
    return events(counts), n(counts)


def of_large_groups(
    counts: Counts, rate: str, smallest: int, sizes: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """Return numerator and denominator as `rate_counts`, 0 in every group of fewer images.

    A group of one photograph has an error rate of 0 or 1 and an interval from nearly 0 to nearly
    1, so that no gap over all groups could ever be judged. Which groups are left out depends on
    their size alone, never on their errors, so inference stays valid (where `n` counts images and
    not predictions). `sizes` are those that count, if not the denominators themselves.
    """
    events, n = rate_counts(counts, rate)
    large = (n if sizes is None else sizes) >= smallest
    return events * large, n * large


@dataclass(frozen=True)
class RateEstimate:
    """A rate of every group with its interval: shape (groups,) or (thresholds, groups)."""

    #: Numerator and denominator; `n` may lack the axis of the thresholds.
    events: IntArray
    n: IntArray
    #: NaN where there is no denominator.
    value: FloatArray
    low: FloatArray
    high: FloatArray

    def take(self, groups: slice | list[int]) -> RateEstimate:
        """Give those of some groups."""
        return RateEstimate(*(of[..., groups] for of in vars(self).values()))


def estimate_of(counts: Counts, rate: str, confidence: float) -> RateEstimate:
    """Estimate a rate of every group; its limits are of as many images as they are worth."""
    events, n = rate_counts(counts, rate)
    limits = rate_interval(*rate_counts(counts.effective, rate), confidence)
    return RateEstimate(events, n, rate_of(events, n), *limits)


def metric_frame(counts: Counts, rates: Sequence[str] = (*RATES, "balanced_error")) -> MetricFrame:
    """Give the rates of every group as fairlearn's ``MetricFrame``.

    Parameters
    ----------
    counts : Counts
        Of one tag or more, at one threshold.
    rates : sequence of str
        Keys of `RATES`, or ``balanced_error``: the mean of FPR and FNR.

    Returns
    -------
    fairlearn.metrics.MetricFrame
        Its sensitive features are the tags. ``by_group``, ``overall``, ``difference()`` and the
        like are those of the images themselves, but NaN where there is no denominator.

    Raises
    ------
    FaceAuditError
        If there is no group of any tag, or a tag is named as one of fairlearn's own columns.
    """
    if not counts.tags or not counts.groups:
        raise FaceAuditError("a metric frame needs a tag with at least one group")
    if taken := {"y_true", "y_pred"} & set(counts.tags):
        raise FaceAuditError(
            f"a metric frame has no room for a tag named '{min(taken)}'; rename it"
        )
    metrics = {rate: partial(_rate_of_outcomes, rate) for rate in rates}
    values = zip(*counts.groups, strict=True)
    return _frame(counts, metrics, dict(zip(counts.tags, values, strict=True)))


def group_rates(
    counts: Counts, rates: Sequence[str] = (*RATES, "balanced_error")
) -> dict[str, FloatArray]:
    """Compute what `metric_frame` gives by group, as arrays of shape (groups,)."""
    if not counts.groups:
        return {rate: np.empty(0) for rate in rates}

    # A frame takes about a millisecond to call a metric for a group, so one gives all rates.
    def all_rates(outcome: IntArray, images: IntArray) -> FloatArray:
        return np.array([_rate_of_outcomes(rate, outcome, images) for rate in rates])

    # By position: the groups may have any names, and keep their order.
    frame = _frame(counts, {"rates": all_rates}, {"group": range(len(counts.groups))})
    return dict(zip(rates, np.stack(frame.by_group["rates"]).T, strict=True))


def _frame(
    counts: Counts,
    metrics: Mapping[str, Callable[..., object]],
    features: Mapping[str, Sequence[object]],
) -> MetricFrame:
    """Build a frame of four rows a group: each outcome and how many images have it."""
    from fairlearn.metrics import MetricFrame

    outcomes = ("real_called_real", "real_called_ai", "ai_called_real", "ai_called_ai")
    images = np.stack([getattr(counts, outcome) for outcome in outcomes])
    return MetricFrame(
        metrics=dict(metrics),
        y_true=np.repeat(np.arange(4), images.shape[1]),
        y_pred=images.ravel(),
        sensitive_features={name: [*of] * 4 for name, of in features.items()},
    )


def _rate_of_outcomes(rate: str, outcome: IntArray, images: IntArray) -> float:
    """Compute a rate from how many images have an outcome, numbered as in `_frame`."""
    if rate == "balanced_error":
        return sum(_rate_of_outcomes(of, outcome, images) for of in ("fpr", "fnr")) / 2
    real, ai = np.bincount(outcome, images, minlength=4).reshape(2, 2)
    events, n = rate_counts(Counts((), [()], real.sum(), real[1], ai.sum(), ai[0]), rate)
    return float(events / n) if n else float("nan")
