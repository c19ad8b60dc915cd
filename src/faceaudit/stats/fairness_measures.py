"""The field's summary measures: one number for how unequally a classifier treats groups.

They are given because papers compare by them, not because one of them answers the question.
None has an interval here; the unweighted ones grow by chance alone as groups get smaller and
more; a constant classifier scores perfectly on most.

Every function takes `Counts`, whose errors may be given at many thresholds, and returns a
`Measure`. The positive class is AI-generated. A group that lacks a label that the measure needs
has no such rate: it is left out and the note says so. With fewer than two groups left, the
measure is undefined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import rate_counts
from faceaudit.wording import counted

#: The label that an error rate is about.
LABEL_OF: dict[str, str] = {"fpr": "real", "fnr": "ai"}
#: Weight of FPR against FNR in measures that join the two; both count alike.
ALPHA = 0.5


@dataclass(frozen=True)
class Measure:
    """A summary measure.

    Attributes
    ----------
    value : float, or float64 array of shape (thresholds,)
        NaN where undefined.
    note : str or None
        Why it is undefined, or what was done to define it; told of one threshold only.
    """

    value: Any
    note: str | None = None


class _UndefinedError(Exception):
    """A measure cannot be computed from these counts; the message says why."""


Computed = tuple[Any, str | None]


def _defined_or_nan(compute: Callable[..., Computed]) -> Callable[..., Measure]:
    @wraps(compute)
    def measure(counts: Counts, **options: str) -> Measure:
        try:
            with np.errstate(divide="ignore", invalid="ignore"):
                return Measure(*compute(counts, **options))
        except _UndefinedError as undefined:
            return Measure(
                np.full(np.shape(counts.real_called_ai)[:-1], np.nan)[()], str(undefined)
            )

    return measure


def _undefined_where(undefined: Any, why: str) -> Any:
    """Break off where there is one threshold; the values of others become not-a-number."""
    if np.ndim(undefined) == 0 and undefined:
        raise _UndefinedError(why)
    return undefined


def _comparable(counts: Counts, *labels: str) -> tuple[Counts, str | None]:
    """Keep the groups that have images of the labels, and say how many have not."""
    keep = counts.n > 0
    if "real" in labels:
        keep &= counts.n_real > 0
    if "ai" in labels:
        keep &= counts.n_ai > 0
    kinds = {"real": "real photographs", "ai": "AI-generated faces"}
    lacking = " or ".join(kinds[label] for label in labels) or "images"
    if keep.sum() < 2:
        raise _UndefinedError(f"fewer than two groups with {lacking.replace(' or ', ' and ')}")
    left_out = int((~keep).sum())
    note = f"left out, without {lacking}: {left_out} of {len(keep)} groups" if left_out else None
    return counts.pick(keep), note


def _rate(counts: Counts, rate: str) -> FloatArray:
    return rate_of(*rate_counts(counts, rate))


def _gap(rate: FloatArray) -> FloatArray:
    return np.asarray(np.ptp(rate, axis=-1))


def _deviation(counts: Counts, rate: str) -> FloatArray:
    """Return each group's distance from the rate of all groups together."""
    events, n = rate_counts(counts, rate)
    whole = events.sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True)
    return np.asarray(np.abs(rate_of(events, n) - whole))


def _smallest_over_largest(rate: FloatArray) -> FloatArray:
    largest = rate.max(axis=-1)
    _undefined_where(largest == 0, "the rate is 0 in every group, so there is no ratio")
    return np.asarray(rate.min(axis=-1) / largest)


def _join(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


# --- demographic parity and equalized odds -------------------------------------------------


@_defined_or_nan
def demographic_parity_difference(counts: Counts) -> Computed:
    """Highest minus lowest share of images called AI-generated.

    max_g P(called AI | g) - min_g P(called AI | g). Range [0, 1], 0 is parity. It mixes how a
    group is treated with how many of its images are AI-generated.

    References
    ----------
    Agarwal et al. (2018), ICML; as fairlearn's ``demographic_parity_difference``.
    """
    kept, note = _comparable(counts)
    return _gap(_rate(kept, "selection_rate")), note


@_defined_or_nan
def demographic_parity_ratio(counts: Counts) -> Computed:
    """Lowest over highest share of images called AI-generated.

    Range [0, 1], 1 is parity. Undefined if no image of any group is called AI-generated.
    Source: fairlearn's ``demographic_parity_ratio``.
    """
    kept, note = _comparable(counts)
    return _smallest_over_largest(_rate(kept, "selection_rate")), note


@_defined_or_nan
def equalized_odds_difference(counts: Counts) -> Computed:
    """Larger of the gaps in FPR and in TPR.

    max(max_g FPR_g - min_g FPR_g, max_g TPR_g - min_g TPR_g). Range [0, 1], 0 is equal odds.

    References
    ----------
    Hardt, Price & Srebro (2016), NeurIPS; as fairlearn's ``equalized_odds_difference``.
    """
    kept, note = _comparable(counts, "real", "ai")
    return np.maximum(_gap(_rate(kept, "fpr")), _gap(_rate(kept, "tpr"))), note


@_defined_or_nan
def equalized_odds_ratio(counts: Counts) -> Computed:
    """Smaller of the lowest-over-highest ratios of FPR and of TPR.

    Range [0, 1], 1 is equal odds. Zero-error policy: a group without a false alarm makes it 0
    if another has one; a rate that is 0 in every group makes it undefined.
    Source: fairlearn's ``equalized_odds_ratio``.
    """
    kept, note = _comparable(counts, "real", "ai")
    fpr, tpr = (_smallest_over_largest(_rate(kept, rate)) for rate in ("fpr", "tpr"))
    return np.minimum(fpr, tpr), note


# --- the AI-Face benchmark -----------------------------------------------------------------


@_defined_or_nan
def f_dp(counts: Counts) -> Computed:
    """F_DP: larger of the gaps in the share called AI-generated and in the share called real.

    The two gaps are one number, so it equals `demographic_parity_difference`. Range [0, 1],
    0 is parity; the benchmark prints it times 100.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts)
    called_ai = _rate(kept, "selection_rate")
    return np.maximum(_gap(called_ai), _gap(1 - called_ai)), note


@_defined_or_nan
def f_meo(counts: Counts) -> Computed:
    """F_MEO, max equalized odds: the largest of the gaps in FPR, FNR, TPR and TNR.

    FNR = 1 - TPR and TNR = 1 - FPR, so it equals `equalized_odds_difference`. Range [0, 1], 0 is
    equal odds; the benchmark prints it times 100.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts, "real", "ai")
    gaps = [_gap(_rate(kept, rate)) for rate in ("fpr", "fnr", "tpr", "tnr")]
    return np.max(gaps, axis=0), note


@_defined_or_nan
def f_oae(counts: Counts) -> Computed:
    """F_OAE, overall accuracy equality: highest minus lowest accuracy.

    Range [0, 1], 0 is equal; the benchmark prints it times 100.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts)
    return _gap(_rate(kept, "accuracy")), note


@_defined_or_nan
def f_eo(counts: Counts) -> Computed:
    """F_EO, equal odds: the sum over groups of the distances of FPR and TPR from the overall ones.

    sum_g \\|FPR_g - FPR\\| + \\|TPR_g - TPR\\|. Range [0, 2 × groups], 0 is equal odds. It grows
    with the number of groups: compare `f_eo_by_group`.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts, "real", "ai")
    return (_deviation(kept, "fpr") + _deviation(kept, "tpr")).sum(axis=-1), note


@_defined_or_nan
def f_eo_by_group(counts: Counts) -> Computed:
    """`f_eo` divided by the number of groups. Range [0, 2], 0 is equal odds."""
    kept, note = _comparable(counts, "real", "ai")
    return (_deviation(kept, "fpr") + _deviation(kept, "tpr")).mean(axis=-1), note


@_defined_or_nan
def f_efpr(counts: Counts) -> Computed:
    """F_EFPR, equal false-positive rate: the sum over groups of \\|FPR_g - FPR\\|.

    Range [0, groups], 0 is equal. It grows with their number: compare `f_efpr_by_group`.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts, "real")
    return _deviation(kept, "fpr").sum(axis=-1), note


@_defined_or_nan
def f_efpr_by_group(counts: Counts) -> Computed:
    """`f_efpr` divided by the number of groups. Range [0, 1], 0 is equal."""
    kept, note = _comparable(counts, "real")
    return _deviation(kept, "fpr").mean(axis=-1), note


# --- biometrics ----------------------------------------------------------------------------


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


def _highest_over_lowest(rates: FloatArray) -> FloatArray:
    return np.asarray(rates.max(axis=-1) / rates.min(axis=-1))


@_defined_or_nan
def inequity_ratio(counts: Counts, rate: str) -> Computed:
    """Highest over lowest error rate. Range [1, ∞), 1 is equal. Zeros: see `_nonzero_rates`.

    FPR and FNR take the places of the false match and the false non-match rate.

    References
    ----------
    Grother (2021), Demographic differentials in face recognition algorithms, EAB/NIST.
    """
    kept, note = _comparable(counts, LABEL_OF[rate])
    rates, policy = _nonzero_rates(kept, rate)
    return _highest_over_lowest(rates), _join(note, policy)


@_defined_or_nan
def inequity_rate(counts: Counts) -> Computed:
    """Weighted geometric mean of the two inequity ratios: (FPR ratio)^α (FNR ratio)^(1 - α).

    α = 1/2. Range [1, ∞), 1 is equal. Zero errors: see `_nonzero_rates`.

    References
    ----------
    Grother (2021), as stated by Howard et al. (2022), Evaluating proposed fairness models for
    face recognition algorithms, arXiv:2203.05051.
    """
    kept, note = _comparable(counts, "real", "ai")
    (fpr, fpr_policy), (fnr, fnr_policy) = _nonzero_rates(kept, "fpr"), _nonzero_rates(kept, "fnr")
    value = _highest_over_lowest(fpr) ** ALPHA * _highest_over_lowest(fnr) ** (1 - ALPHA)
    return value, _join(note, fpr_policy, fnr_policy)


@_defined_or_nan
def max_over_geomean(counts: Counts, rate: str) -> Computed:
    """Highest error rate over the geometric mean of all groups' rates.

    Range [1, ∞), 1 is equal. Zeros: see `_nonzero_rates`.

    References
    ----------
    Grother (2022), Face Recognition Vendor Test part 8: Summarizing demographic differentials,
    NISTIR 8429.
    """
    kept, note = _comparable(counts, LABEL_OF[rate])
    rates, policy = _nonzero_rates(kept, rate)
    return rates.max(axis=-1) / np.exp(np.log(rates).mean(axis=-1)), _join(note, policy)


def _gini(rate: FloatArray) -> FloatArray:
    n, total = rate.shape[-1], rate.sum(axis=-1)
    why = "the rate is 0 in every group, so its Gini coefficient is undefined"
    _undefined_where(total == 0, why)
    # The sum over all pairs of the distances, from the sorted rates.
    differences = 2 * np.sort(rate, axis=-1) @ (2 * np.arange(n) - n + 1)
    return np.asarray(n / (n - 1) * differences / (2 * n * total))


@_defined_or_nan
def gini(counts: Counts, rate: str) -> Computed:
    """Gini coefficient of the groups' error rates, corrected for few groups.

    G = n / (n - 1) × sum_ij \\|x_i - x_j\\| / (2 n² mean(x)) over n groups. Range [0, 1], 0 is
    equal, 1 is all errors in one group. Undefined without any error.

    References
    ----------
    Howard et al. (2022), Evaluating proposed fairness models for face recognition algorithms,
    arXiv:2203.05051.
    """
    kept, note = _comparable(counts, LABEL_OF[rate])
    return _gini(_rate(kept, rate)), note


@_defined_or_nan
def garbe(counts: Counts) -> Computed:
    """GARBE, Gini aggregation rate for biometric equitability: α G(FPR) + (1 - α) G(FNR).

    α = 1/2. Range [0, 1], 0 is equal. Undefined if one of the rates is 0 in every group.

    References
    ----------
    Howard et al. (2022), arXiv:2203.05051.
    """
    kept, note = _comparable(counts, "real", "ai")
    return ALPHA * _gini(_rate(kept, "fpr")) + (1 - ALPHA) * _gini(_rate(kept, "fnr")), note


@_defined_or_nan
def fairness_discrepancy_rate(counts: Counts) -> Computed:
    """Fairness discrepancy rate: 1 - (α × gap in FPR + (1 - α) × gap in FNR).

    α = 1/2. Range [0, 1], 1 is equal. It is written out because its usual abbreviation is that
    of the false discovery rate, with which it has nothing to do.

    References
    ----------
    de Freitas Pereira & Marcel (2022), Fairness in biometrics: a figure of merit to assess
    biometric verification systems, IEEE T-BIOM 4(1), arXiv:2011.02395.
    """
    kept, note = _comparable(counts, "real", "ai")
    return 1 - (ALPHA * _gap(_rate(kept, "fpr")) + (1 - ALPHA) * _gap(_rate(kept, "fnr"))), note


# --- worst group ---------------------------------------------------------------------------


@_defined_or_nan
def worst_group_accuracy(counts: Counts) -> Computed:
    """Lowest share of rightly called images over the groups. Range [0, 1], 1 is best.

    References
    ----------
    Sagawa et al. (2020), Distributionally robust neural networks for group shifts, ICLR; their
    groups are tag × label, for which see the highest FPR and FNR.
    """
    kept, note = _comparable(counts)
    return _rate(kept, "accuracy").min(axis=-1), note


@_defined_or_nan
def four_fifths_ratio(counts: Counts) -> Computed:
    """Lowest over highest share of a group's real photographs that are called real.

    Being called real is the favourable outcome for the person pictured. Range [0, 1], 1 is
    equal; 0.8 is the rule of thumb that the ratio is named after, and no legal test here.
    Undefined if no real photograph is called real.

    References
    ----------
    Uniform Guidelines on Employee Selection Procedures (1978), 29 CFR 1607.4 D, for the ratio.
    """
    kept, note = _comparable(counts, "real")
    return _smallest_over_largest(_rate(kept, "tnr")), note
