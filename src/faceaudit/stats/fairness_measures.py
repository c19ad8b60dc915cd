"""The field's summary measures: one number for how unequally a classifier treats groups.

They are given because papers compare by them, not because one of them answers the question.
None has an interval here; the unweighted ones grow by chance alone as groups get smaller and
more; a constant classifier scores perfectly on most.

The positive class is AI-generated. A group that lacks a label that the measure needs has no such
rate: it is left out and the note says so. With fewer than two groups left, the measure is
undefined. α, the weight of FPR against FNR in measures that join the two, is 1/2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import rate_counts
from faceaudit.wording import counted

ALPHA = 0.5
KINDS = {"real": "real photographs", "ai": "AI-generated faces"}

#: A float or float64 array, shape (thresholds,), NaN where undefined; a tuple if notes follow.
Value = Any


class Measured(NamedTuple):
    """The value of a measure, and of one threshold why it is undefined or how it was defined."""

    value: Value
    note: str | None = None


class _UndefinedError(Exception):
    """A measure cannot be computed from these counts; the message says why."""


@dataclass(frozen=True)
class Measure:
    """A summary measure: called with `Counts`, at one threshold or many, it gives `Measured`."""

    #: What it is called, and where it can lie.
    title: str
    range: str
    #: Its value where the groups are treated alike.
    equal: int
    #: Those, of ``real`` and ``ai``, that every group needs images of.
    labels: str
    compute: Callable[[Counts], Value]

    def __call__(self, counts: Counts) -> Measured:
        """Compute it over the groups that have the images it needs."""
        labels = self.labels.split()
        keep = counts.n > 0
        for label in labels:
            keep &= (counts.n_real if label == "real" else counts.n_ai) > 0
        lacking = " or ".join(KINDS[label] for label in labels) or "images"
        left_out = f"left out, without {lacking}: {int((~keep).sum())} of {len(keep)} groups"
        try:
            if keep.sum() < 2:
                why = f"fewer than two groups with {lacking.replace(' or ', ' and ')}"
                raise _UndefinedError(why)
            with np.errstate(divide="ignore", invalid="ignore"):
                found = self.compute(counts.pick(keep))
        except _UndefinedError as undefined:
            nowhere = np.full(np.shape(counts.real_called_ai)[:-1], np.nan)
            return Measured(nowhere[()], str(undefined))
        value, *policies = found if isinstance(found, tuple) else (found,)
        notes = [None if keep.all() else left_out, *policies]
        return Measured(value, "; ".join(filter(None, notes)) or None)


#: Every measure, in the order in which they are shown.
MEASURES: list[Measure] = []


def measure(
    title: str, range: str, equal: int, labels: str = "real ai"
) -> Callable[[Callable[[Counts], Value]], Measure]:
    """Make a `Measure` of a function and list it."""

    def listed(compute: Callable[[Counts], Value]) -> Measure:
        MEASURES.append(Measure(title, range, equal, labels, compute))
        return MEASURES[-1]

    return listed


def measure_of_each(
    title: str, range: str, equal: int
) -> Callable[[Callable[[Counts, str], Value]], dict[str, Measure]]:
    """Make a `Measure` of FPR and one of FNR of a function of both counts and rate."""

    def listed(compute: Callable[[Counts, str], Value]) -> dict[str, Measure]:
        def of(rate: str, label: str) -> Measure:
            listing = measure(title.format(rate.upper()), range, equal, label)
            return listing(lambda counts: compute(counts, rate))

        return {"fpr": of("fpr", "real"), "fnr": of("fnr", "ai")}

    return listed


def _rate(counts: Counts, rate: str) -> FloatArray:
    return rate_of(*rate_counts(counts, rate))


def _gap(counts: Counts, rate: str) -> Value:
    return np.ptp(_rate(counts, rate), axis=-1)


def _lowest_over_highest(counts: Counts, rate: str) -> Value:
    rates = _rate(counts, rate)
    highest = rates.max(axis=-1)
    _undefined_where(highest == 0, "the rate is 0 in every group, so there is no ratio")
    return rates.min(axis=-1) / highest


def _distance(counts: Counts, rate: str) -> FloatArray:
    """Return each group's distance from the rate of all groups together."""
    events, n = rate_counts(counts, rate)
    whole = events.sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True)
    return np.asarray(np.abs(rate_of(events, n) - whole))


def _undefined_where(undefined: Any, why: str) -> Any:
    """Break off where there is one threshold; the values of others become not-a-number."""
    if np.ndim(undefined) == 0 and undefined:
        raise _UndefinedError(why)
    return undefined


# --- demographic parity and equalized odds -------------------------------------------------


@measure("demographic parity difference", "0 to 1", equal=0, labels="")
def demographic_parity_difference(counts: Counts) -> Value:
    """max_g P(called AI | g) - min_g P(called AI | g).

    It mixes how a group is treated with how many of its images are AI-generated.
    Source: Agarwal et al. (2018), ICML; as fairlearn's ``demographic_parity_difference``.
    """
    return _gap(counts, "selection_rate")


@measure("demographic parity ratio", "0 to 1", equal=1, labels="")
def demographic_parity_ratio(counts: Counts) -> Value:
    """min_g P(called AI | g) / max_g P(called AI | g); undefined if no image is called AI.

    Source: fairlearn's ``demographic_parity_ratio``.
    """
    return _lowest_over_highest(counts, "selection_rate")


@measure("equalized odds difference", "0 to 1", equal=0)
def equalized_odds_difference(counts: Counts) -> Value:
    """max(max_g FPR_g - min_g FPR_g, max_g TPR_g - min_g TPR_g).

    Source: Hardt, Price & Srebro (2016), NeurIPS; as fairlearn's ``equalized_odds_difference``.
    """
    return np.maximum(_gap(counts, "fpr"), _gap(counts, "tpr"))


@measure("equalized odds ratio", "0 to 1", equal=1)
def equalized_odds_ratio(counts: Counts) -> Value:
    """min(min_g FPR_g / max_g FPR_g, min_g TPR_g / max_g TPR_g).

    Zero-error policy: a group without a false alarm makes it 0 if another has one; a rate that
    is 0 in every group makes it undefined. Source: fairlearn's ``equalized_odds_ratio``.
    """
    fpr, tpr = (_lowest_over_highest(counts, rate) for rate in ("fpr", "tpr"))
    return np.minimum(fpr, tpr)


# --- the AI-Face benchmark ------------------------------------------------------------------
# Source: Lin et al. (2025), AI-Face, CVPR, and its published script, which leaves a group without
# one of the labels out of all of them; see docs/statistics-ranking.md.


@measure("F_DP (AI-Face)", "0 to 1", equal=0, labels="")
def f_dp(counts: Counts) -> Value:
    """Larger of the gaps in the share called AI-generated and in the share called real.

    The two gaps are one number, so it equals `demographic_parity_difference`.
    """
    return _gap(counts, "selection_rate")


@measure("F_MEO (AI-Face)", "0 to 1", equal=0)
def f_meo(counts: Counts) -> Value:
    """Max equalized odds: the largest of the gaps in FPR, FNR, TPR and TNR.

    FNR = 1 - TPR and TNR = 1 - FPR, so it equals `equalized_odds_difference`.
    """
    return np.maximum(_gap(counts, "fpr"), _gap(counts, "fnr"))


@measure("F_OAE (AI-Face)", "0 to 1", equal=0, labels="")
def f_oae(counts: Counts) -> Value:
    """Overall accuracy equality: highest minus lowest accuracy."""
    return _gap(counts, "accuracy")


@measure("F_EO (AI-Face)", "0 to 2 × groups", equal=0)
def f_eo(counts: Counts) -> Value:
    """Equal odds: sum_g |FPR_g - FPR| + |TPR_g - TPR|, which grows with the number of groups."""
    return (_distance(counts, "fpr") + _distance(counts, "tpr")).sum(axis=-1)


@measure("F_EO divided by the groups", "0 to 2", equal=0)
def f_eo_by_group(counts: Counts) -> Value:
    """`f_eo` divided by the number of groups."""
    return (_distance(counts, "fpr") + _distance(counts, "tpr")).mean(axis=-1)


@measure("F_EFPR (AI-Face)", "0 to groups", equal=0, labels="real")
def f_efpr(counts: Counts) -> Value:
    """Equal false-positive rate: sum_g |FPR_g - FPR|, which grows with the number of groups."""
    return _distance(counts, "fpr").sum(axis=-1)


@measure("F_EFPR divided by the groups", "0 to 1", equal=0, labels="real")
def f_efpr_by_group(counts: Counts) -> Value:
    """`f_efpr` divided by the number of groups."""
    return _distance(counts, "fpr").mean(axis=-1)


# --- biometrics: FPR and FNR take the places of the false match and the false non-match rate ----


def _nonzero_rates(counts: Counts, rate: str) -> tuple[FloatArray, str | None]:
    """Return rates that can be divided by, under the zero-error policy of the ratios.

    If some groups have no error, all groups' rates become (errors + 1/2) / (images + 1), which
    shrinks small groups most and never gives 0. If no group has one, there is no ratio.
    """
    events, n = rate_counts(counts, rate)
    nowhere = f"no group has an error ({rate.upper()} is 0), so there is no ratio"
    none = _undefined_where(~events.any(axis=-1), nowhere)
    everywhere = events.all(axis=-1, keepdims=True)
    rates = np.where(everywhere, rate_of(events, n), rate_of(events + 0.5, n + 1))
    rates[none] = np.nan
    if events.ndim > 1 or everywhere:
        return rates, None
    return rates, (
        f"{counted(int((events == 0).sum()), 'group')} without an error: every {rate.upper()} is "
        "taken as (errors + 1/2) / (images + 1)"
    )


@measure_of_each("inequity ratio of {}", "from 1", equal=1)
def inequity_ratio(counts: Counts, rate: str) -> Value:
    """Highest over lowest error rate. Zeros: see `_nonzero_rates`.

    Source: Grother (2021), Demographic differentials in face recognition algorithms, EAB/NIST.
    """
    rates, policy = _nonzero_rates(counts, rate)
    return rates.max(axis=-1) / rates.min(axis=-1), policy


@measure("inequity rate", "from 1", equal=1)
def inequity_rate(counts: Counts) -> Value:
    """(inequity ratio of FPR)^α × (inequity ratio of FNR)^(1 - α).

    Source: Grother (2021), as stated by Howard et al. (2022), Evaluating proposed fairness models
    for face recognition algorithms, arXiv:2203.05051.
    """
    (fpr, fpr_policy), (fnr, fnr_policy) = (
        inequity_ratio[rate].compute(counts) for rate in ("fpr", "fnr")
    )
    return fpr**ALPHA * fnr ** (1 - ALPHA), fpr_policy, fnr_policy


@measure_of_each("highest {} over geometric mean", "from 1", equal=1)
def max_over_geomean(counts: Counts, rate: str) -> Value:
    """Highest error rate over the geometric mean of all groups' rates. Zeros: `_nonzero_rates`.

    Source: Grother (2022), Face Recognition Vendor Test part 8: Summarizing demographic
    differentials, NISTIR 8429.
    """
    rates, policy = _nonzero_rates(counts, rate)
    return rates.max(axis=-1) / np.exp(np.log(rates).mean(axis=-1)), policy


@measure_of_each("Gini coefficient of {}", "0 to 1", equal=0)
def gini(counts: Counts, rate: str) -> Value:
    """n / (n - 1) × sum_ij |x_i - x_j| / (2 n² mean(x)) over the error rates x of n groups.

    1 is all errors in one group; undefined without any error.
    Source: Howard et al. (2022), as `inequity_rate`.
    """
    rates = np.sort(_rate(counts, rate), axis=-1)
    n, total = rates.shape[-1], rates.sum(axis=-1)
    why = "the rate is 0 in every group, so its Gini coefficient is undefined"
    _undefined_where(total == 0, why)
    # The sum over all pairs of the distances, from the sorted rates.
    differences = 2 * rates @ (2 * np.arange(n) - n + 1)
    return n / (n - 1) * differences / (2 * n * total)


@measure("GARBE", "0 to 1", equal=0)
def garbe(counts: Counts) -> Value:
    """Gini aggregation rate for biometric equitability: α G(FPR) + (1 - α) G(FNR).

    Undefined if one of the rates is 0 in every group. Source: Howard et al. (2022), as `gini`.
    """
    fpr, fnr = (gini[rate].compute(counts) for rate in ("fpr", "fnr"))
    return ALPHA * fpr + (1 - ALPHA) * fnr


@measure("fairness discrepancy rate", "0 to 1", equal=1)
def fairness_discrepancy_rate(counts: Counts) -> Value:
    """1 - (α × gap in FPR + (1 - α) × gap in FNR).

    It is written out because its usual abbreviation is that of the false discovery rate.
    Source: de Freitas Pereira & Marcel (2022), Fairness in biometrics: a figure of merit to assess
    biometric verification systems, IEEE T-BIOM 4(1), arXiv:2011.02395.
    """
    return 1 - (ALPHA * _gap(counts, "fpr") + (1 - ALPHA) * _gap(counts, "fnr"))


# --- worst group ---------------------------------------------------------------------------


@measure("worst-group accuracy", "0 to 1", equal=1, labels="")
def worst_group_accuracy(counts: Counts) -> Value:
    """Lowest share of rightly called images over the groups; 1 is best.

    Source: Sagawa et al. (2020), Distributionally robust neural networks for group shifts, ICLR;
    their groups are tag × label, for which see the highest FPR and FNR.
    """
    return _rate(counts, "accuracy").min(axis=-1)


@measure("four-fifths ratio of photographs called real", "0 to 1", equal=1, labels="real")
def four_fifths_ratio(counts: Counts) -> Value:
    """Lowest over highest share of a group's real photographs that are called real.

    Being called real is the favourable outcome for the person pictured; 0.8 is the rule of thumb
    that the ratio is named after, and no legal test here. Undefined if none is called real.
    Source: Uniform Guidelines on Employee Selection Procedures (1978), 29 CFR 1607.4 D.
    """
    return _lowest_over_highest(counts, "tnr")
