"""The field's summary measures: one number for how unequally a classifier treats groups.

They are given because papers compare by them, not because one of them answers the question.
None has an interval here; the unweighted ones grow by chance alone as groups get smaller and
more; a constant classifier scores perfectly on most.

Every function takes `OutcomeCounts` and returns a `Measure`. The positive class is
AI-generated. A group that lacks a label that the measure needs has no such rate: it is left
out and the note says so. With fewer than two groups left, the measure is undefined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
from numpy.typing import NDArray

from faceaudit.result import ErrorRate
from faceaudit.stats.counts import OutcomeCounts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import rate_counts
from faceaudit.wording import counted

FloatArray = NDArray[np.float64]
#: The label that an error rate is about.
LABEL_OF: dict[ErrorRate, str] = {"fpr": "real", "fnr": "ai"}
#: Weight of FPR against FNR in measures that join the two; both count alike.
ALPHA = 0.5


@dataclass(frozen=True)
class Measure:
    """A summary measure.

    Attributes
    ----------
    value : float
        NaN where undefined.
    note : str or None
        Why it is undefined, or what was done to define it.
    """

    value: float
    note: str | None = None


class _UndefinedError(Exception):
    """A measure cannot be computed from these counts; the message says why."""


Computed = tuple[float, str | None]


def _defined_or_nan(compute: Callable[..., Computed]) -> Callable[..., Measure]:
    @wraps(compute)
    def measure(counts: OutcomeCounts, **options: ErrorRate) -> Measure:
        try:
            value, note = compute(counts, **options)
        except _UndefinedError as undefined:
            return Measure(float("nan"), str(undefined))
        return Measure(float(value), note)

    return measure


def _comparable(counts: OutcomeCounts, *labels: str) -> tuple[OutcomeCounts, str | None]:
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
    kept = OutcomeCounts(
        attributes=counts.attributes,
        groups=[counts.groups[i] for i in np.flatnonzero(keep)],
        n_real=counts.n_real[keep],
        real_called_ai=counts.real_called_ai[keep],
        n_ai=counts.n_ai[keep],
        ai_called_real=counts.ai_called_real[keep],
    )
    return kept, note


def _rate(counts: OutcomeCounts, rate: str) -> FloatArray:
    return rate_of(*rate_counts(counts, rate))


def _deviation(counts: OutcomeCounts, rate: str) -> FloatArray:
    """Return each group's distance from the rate of all groups together."""
    events, n = rate_counts(counts, rate)
    return np.asarray(np.abs(rate_of(events, n) - events.sum() / n.sum()))


def _smallest_over_largest(rate: FloatArray) -> float:
    if rate.max() == 0:
        raise _UndefinedError("the rate is 0 in every group, so there is no ratio")
    return float(rate.min() / rate.max())


def _join(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


# --- demographic parity and equalized odds -------------------------------------------------


@_defined_or_nan
def demographic_parity_difference(counts: OutcomeCounts) -> Computed:
    """Highest minus lowest share of images called AI-generated.

    max_g P(called AI | g) - min_g P(called AI | g). Range [0, 1], 0 is parity. It mixes how a
    group is treated with how many of its images are AI-generated.

    References
    ----------
    Agarwal et al. (2018), ICML; as fairlearn's ``demographic_parity_difference``.
    """
    kept, note = _comparable(counts)
    return np.ptp(_rate(kept, "selection_rate")), note


@_defined_or_nan
def demographic_parity_ratio(counts: OutcomeCounts) -> Computed:
    """Lowest over highest share of images called AI-generated.

    Range [0, 1], 1 is parity. Undefined if no image of any group is called AI-generated.
    Source: fairlearn's ``demographic_parity_ratio``.
    """
    kept, note = _comparable(counts)
    return _smallest_over_largest(_rate(kept, "selection_rate")), note


@_defined_or_nan
def equalized_odds_difference(counts: OutcomeCounts) -> Computed:
    """Larger of the gaps in FPR and in TPR.

    max(max_g FPR_g - min_g FPR_g, max_g TPR_g - min_g TPR_g). Range [0, 1], 0 is equal odds.

    References
    ----------
    Hardt, Price & Srebro (2016), NeurIPS; as fairlearn's ``equalized_odds_difference``.
    """
    kept, note = _comparable(counts, "real", "ai")
    return max(np.ptp(_rate(kept, "fpr")), np.ptp(_rate(kept, "tpr"))), note


@_defined_or_nan
def equalized_odds_ratio(counts: OutcomeCounts) -> Computed:
    """Smaller of the lowest-over-highest ratios of FPR and of TPR.

    Range [0, 1], 1 is equal odds. Zero-error policy: a group without a false alarm makes it 0
    if another has one; a rate that is 0 in every group makes it undefined.
    Source: fairlearn's ``equalized_odds_ratio``.
    """
    kept, note = _comparable(counts, "real", "ai")
    return min(_smallest_over_largest(_rate(kept, rate)) for rate in ("fpr", "tpr")), note


# --- the AI-Face benchmark -----------------------------------------------------------------


@_defined_or_nan
def f_dp(counts: OutcomeCounts) -> Computed:
    """F_DP: larger of the gaps in the share called AI-generated and in the share called real.

    The two gaps are one number, so it equals `demographic_parity_difference`. Range [0, 1],
    0 is parity; the benchmark prints it times 100.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts)
    called_ai = _rate(kept, "selection_rate")
    return max(np.ptp(called_ai), np.ptp(1 - called_ai)), note


@_defined_or_nan
def f_meo(counts: OutcomeCounts) -> Computed:
    """F_MEO, max equalized odds: the largest of the gaps in FPR, FNR, TPR and TNR.

    FNR = 1 - TPR and TNR = 1 - FPR, so it equals `equalized_odds_difference`. Range [0, 1], 0 is
    equal odds; the benchmark prints it times 100.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts, "real", "ai")
    return max(np.ptp(_rate(kept, rate)) for rate in ("fpr", "fnr", "tpr", "tnr")), note


@_defined_or_nan
def f_oae(counts: OutcomeCounts) -> Computed:
    """F_OAE, overall accuracy equality: highest minus lowest accuracy.

    Range [0, 1], 0 is equal; the benchmark prints it times 100.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts)
    return np.ptp(_rate(kept, "accuracy")), note


@_defined_or_nan
def f_eo(counts: OutcomeCounts) -> Computed:
    """F_EO, equal odds: the sum over groups of the distances of FPR and TPR from the overall ones.

    sum_g \\|FPR_g - FPR\\| + \\|TPR_g - TPR\\|. Range [0, 2 × groups], 0 is equal odds. It grows
    with the number of groups: compare `f_eo_by_group`.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts, "real", "ai")
    return (_deviation(kept, "fpr") + _deviation(kept, "tpr")).sum(), note


@_defined_or_nan
def f_eo_by_group(counts: OutcomeCounts) -> Computed:
    """`f_eo` divided by the number of groups. Range [0, 2], 0 is equal odds."""
    kept, note = _comparable(counts, "real", "ai")
    return (_deviation(kept, "fpr") + _deviation(kept, "tpr")).mean(), note


@_defined_or_nan
def f_efpr(counts: OutcomeCounts) -> Computed:
    """F_EFPR, equal false-positive rate: the sum over groups of \\|FPR_g - FPR\\|.

    Range [0, groups], 0 is equal. It grows with their number: compare `f_efpr_by_group`.
    Source: Lin et al. (2025), AI-Face, CVPR, and its published code.
    """
    kept, note = _comparable(counts, "real")
    return _deviation(kept, "fpr").sum(), note


@_defined_or_nan
def f_efpr_by_group(counts: OutcomeCounts) -> Computed:
    """`f_efpr` divided by the number of groups. Range [0, 1], 0 is equal."""
    kept, note = _comparable(counts, "real")
    return _deviation(kept, "fpr").mean(), note


# --- biometrics ----------------------------------------------------------------------------


def _nonzero_rates(counts: OutcomeCounts, rate: str) -> tuple[FloatArray, str | None]:
    """Return rates that can be divided by, under the zero-error policy of the ratios.

    If some groups have no error, all groups' rates become (errors + 1/2) / (images + 1), which
    shrinks small groups most and never gives 0. If no group has one, there is no ratio.
    """
    events, n = rate_counts(counts, rate)
    if not events.any():
        raise _UndefinedError(f"no group has an error ({rate.upper()} is 0), so there is no ratio")
    if events.all():
        return rate_of(events, n), None
    return rate_of(events + 0.5, n + 1), (
        f"{counted(int((events == 0).sum()), 'group')} without an error: every {rate.upper()} is "
        "taken as (errors + 1/2) / (images + 1)"
    )


@_defined_or_nan
def inequity_ratio(counts: OutcomeCounts, rate: ErrorRate) -> Computed:
    """Highest over lowest error rate. Range [1, ∞), 1 is equal. Zeros: see `_nonzero_rates`.

    FPR and FNR take the places of the false match and the false non-match rate.

    References
    ----------
    Grother (2021), Demographic differentials in face recognition algorithms, EAB/NIST.
    """
    kept, note = _comparable(counts, LABEL_OF[rate])
    rates, policy = _nonzero_rates(kept, rate)
    return rates.max() / rates.min(), _join(note, policy)


@_defined_or_nan
def inequity_rate(counts: OutcomeCounts) -> Computed:
    """Weighted geometric mean of the two inequity ratios: (FPR ratio)^α (FNR ratio)^(1 - α).

    α = 1/2. Range [1, ∞), 1 is equal. Zero errors: see `_nonzero_rates`.

    References
    ----------
    Grother (2021), as stated by Howard et al. (2022), Evaluating proposed fairness models for
    face recognition algorithms, arXiv:2203.05051.
    """
    kept, note = _comparable(counts, "real", "ai")
    (fpr, fpr_policy), (fnr, fnr_policy) = _nonzero_rates(kept, "fpr"), _nonzero_rates(kept, "fnr")
    value = (fpr.max() / fpr.min()) ** ALPHA * (fnr.max() / fnr.min()) ** (1 - ALPHA)
    return value, _join(note, fpr_policy, fnr_policy)


@_defined_or_nan
def max_over_geomean(counts: OutcomeCounts, rate: ErrorRate) -> Computed:
    """Highest error rate over the geometric mean of all groups' rates.

    Range [1, ∞), 1 is equal. Zeros: see `_nonzero_rates`.

    References
    ----------
    Grother (2022), Face Recognition Vendor Test part 8: Summarizing demographic differentials,
    NISTIR 8429.
    """
    kept, note = _comparable(counts, LABEL_OF[rate])
    rates, policy = _nonzero_rates(kept, rate)
    return rates.max() / np.exp(np.log(rates).mean()), _join(note, policy)


def _gini(rate: FloatArray) -> float:
    n = len(rate)
    if rate.sum() == 0:
        raise _UndefinedError("the rate is 0 in every group, so its Gini coefficient is undefined")
    differences = np.abs(rate[:, None] - rate).sum()
    return float(n / (n - 1) * differences / (2 * n**2 * rate.mean()))


@_defined_or_nan
def gini(counts: OutcomeCounts, rate: ErrorRate) -> Computed:
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
def garbe(counts: OutcomeCounts) -> Computed:
    """GARBE, Gini aggregation rate for biometric equitability: α G(FPR) + (1 - α) G(FNR).

    α = 1/2. Range [0, 1], 0 is equal. Undefined if one of the rates is 0 in every group.

    References
    ----------
    Howard et al. (2022), arXiv:2203.05051.
    """
    kept, note = _comparable(counts, "real", "ai")
    return ALPHA * _gini(_rate(kept, "fpr")) + (1 - ALPHA) * _gini(_rate(kept, "fnr")), note


@_defined_or_nan
def fairness_discrepancy_rate(counts: OutcomeCounts) -> Computed:
    """Fairness discrepancy rate: 1 - (α × gap in FPR + (1 - α) × gap in FNR).

    α = 1/2. Range [0, 1], 1 is equal. It is written out because its usual abbreviation is that
    of the false discovery rate, with which it has nothing to do.

    References
    ----------
    de Freitas Pereira & Marcel (2022), Fairness in biometrics: a figure of merit to assess
    biometric verification systems, IEEE T-BIOM 4(1), arXiv:2011.02395.
    """
    kept, note = _comparable(counts, "real", "ai")
    return 1 - (ALPHA * np.ptp(_rate(kept, "fpr")) + (1 - ALPHA) * np.ptp(_rate(kept, "fnr"))), note


# --- worst group ---------------------------------------------------------------------------


@_defined_or_nan
def worst_group_accuracy(counts: OutcomeCounts) -> Computed:
    """Lowest share of rightly called images over the groups. Range [0, 1], 1 is best.

    References
    ----------
    Sagawa et al. (2020), Distributionally robust neural networks for group shifts, ICLR; their
    groups are tag × label, for which see the highest FPR and FNR.
    """
    kept, note = _comparable(counts)
    return _rate(kept, "accuracy").min(), note


@_defined_or_nan
def four_fifths_ratio(counts: OutcomeCounts) -> Computed:
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
