"""How well scores rank AI-generated faces above real photographs, group by group.

The area under the ROC curve (AUC) is the chance that an AI-generated face scores above a real
photograph, ties counting one half. It needs no threshold. Everything is read off one sort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.intervals import rate_interval
from faceaudit.stats.ranks import whole_numbers

#: Counts of images, in four bytes where there is one for each of them.
Whole = NDArray[np.int32] | IntArray


@dataclass(frozen=True)
class Auc:
    """An AUC of every group; all float64 arrays, shape (groups,).

    Notes
    -----
    DeLong's variance, with one more image of each label, half of it placed at either end, says
    how many independent trials with the same success rate would be as precise; the interval is
    the Clopper–Pearson interval of so many trials (docs/statistics-ranking.md).

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837–845, for the variance; in
    O(n log n) after Sun & Xu (2014), IEEE Signal Processing Letters 21, 1389–1393.
    """

    #: NaN where one of the two labels is missing.
    value: FloatArray
    #: Of DeLong; NaN where a label has fewer than two images.
    variance: FloatArray
    #: How many independent trials with that success rate would be as precise.
    trials: FloatArray
    #: An interval that keeps its coverage near 1 and for few images.
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(
        cls, value: FloatArray, variance: FloatArray, trials: FloatArray, confidence: float
    ) -> Auc:
        """Add the interval: Clopper–Pearson's for numbers of trials that need not be whole."""
        low, high = rate_interval(value * trials, trials, confidence)
        return cls(value, variance, trials, low, high)

    def at(self, confidence: float) -> Auc:
        """Return the same with intervals at another confidence."""
        return Auc.of(self.value, self.variance, self.trials, confidence)


@dataclass(frozen=True)
class GroupRanking:
    """The AUC family of every group; arrays of shape (groups,).

    Notes
    -----
    The background of BPSN and BNSP is all images of the other label, tagged or not, and not
    those outside the group as in the source: AI-generated faces often carry no tags.

    References
    ----------
    Borkan, Dixon, Sorensen, Thain & Vasserman (2019), Nuanced metrics for measuring unintended
    bias with real data for text classification, WWW '19 Companion, 491–500.
    """

    n_real: IntArray
    n_ai: IntArray
    #: The group's AI-generated faces against the group's real photographs.
    subgroup: Auc
    #: The group's real photographs against all AI-generated faces. Low: real photographs of this
    #: group look more AI-generated than others'.
    bpsn: Auc
    #: The group's AI-generated faces against all real photographs. Low: AI-generated faces of this
    #: group look more real than others'.
    bnsp: Auc
    #: Equal error rate: where FPR and FNR of the group meet, on its ROC curve with straight lines
    #: between its points. NaN where one label is missing.
    eer: FloatArray


@dataclass(frozen=True)
class RankedScores:
    """Scores sorted once, for the rankings of any number of tags."""

    #: Rows from the lowest to the highest score, shape (images,), as the next two.
    order: NDArray[np.int32]
    #: Rank of each sorted row's score among the distinct scores, from 0.
    level: NDArray[np.int32]
    #: Label of each sorted row.
    is_ai: NDArray[np.bool_]
    #: The score of each level, shape (distinct scores,).
    distinct: NDArray[np.float32]
    #: Images of each label with a lower score than the given level, shape (distinct scores + 1,).
    real_below: NDArray[np.int32]
    ai_below: NDArray[np.int32]


def rank_scores(score: NDArray[np.float32], is_ai: NDArray[np.bool_]) -> RankedScores:
    """Sort scores, without NaN, and their labels once; both of shape (images,)."""
    # To sort is ten times as fast as to find the order, so the row goes along as last bits.
    both = whole_numbers(score)
    both <<= 32
    both |= np.arange(len(score), dtype=np.int32)
    both.sort()
    order = both.astype(np.uint32).view(np.int32)
    del both
    ranked, label = score[order], is_ai[order]
    changes = _changes(ranked)
    first = np.flatnonzero(changes)
    level = np.cumsum(changes, dtype=np.int32) - np.int32(1)
    below = np.append(first, len(ranked)).astype(np.int32)
    ai_before = np.zeros(len(ranked) + 1, np.int32)
    np.cumsum(label, out=ai_before[1:])
    ai_below = ai_before[below]
    return RankedScores(order, level, label, ranked[first], below - ai_below, ai_below)


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark each value that differs from the one before it."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return changes


@dataclass(frozen=True)
class Runs:
    """Images of one group with one score, by group and rising score."""

    ranked: RankedScores
    #: First run of each group, then the number of runs; shape (groups + 1,).
    first: IntArray
    #: Rank of the score among the distinct scores of all images, shape (runs,).
    level: NDArray[np.int32]
    #: Images of each label: those of the run, those of the same group with a lower score; shape
    #: (runs,).
    real: NDArray[np.int32]
    ai: NDArray[np.int32]
    real_below: NDArray[np.int32]
    ai_below: NDArray[np.int32]
    #: Of each group, shape (groups,).
    n_real: IntArray
    n_ai: IntArray
    #: How many real photographs, and AI-generated faces, of each group and of all images are worth
    #: one independent image to its placements, shape (2, groups + 1). None: every image is.
    design_effects: FloatArray | None = None

    @classmethod
    def of(
        cls,
        ranked: RankedScores,
        group: IntArray,
        groups: int,
        design_effects: FloatArray | None = None,
    ) -> Runs:
        """Gather the runs; `group` is the code of each row of the table, negative for none."""
        # Few groups fit 16 bits, which numpy sorts in linear time.
        narrow = np.int16 if groups <= np.iinfo(np.int16).max else np.int64
        code = group[ranked.order].astype(narrow)
        rows = np.argsort(code, kind="stable").astype(np.int32)
        begins = np.searchsorted(code[rows], np.arange(groups + 1, dtype=narrow))
        rows, begins = rows[begins[0] :], begins - begins[0]
        level = ranked.level[rows]
        new = _changes(level)
        new[begins[begins < len(rows)]] = True
        # Counts of images in half the bytes: there are as many runs as different scores.
        start = np.append(np.flatnonzero(new), len(rows)).astype(np.int32)
        ai_before = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(ranked.is_ai[rows], out=ai_before[1:])
        first = np.searchsorted(start, begins)
        runs, n = np.diff(first), np.diff(begins)
        n_ai = np.diff(ai_before[begins]).astype(np.int64)  # whose square is taken
        images, ai = np.diff(start), np.diff(ai_before[start])
        below = start[:-1] - np.repeat(begins[:-1].astype(np.int32), runs)
        ai_below = ai_before[start[:-1]] - np.repeat(ai_before[begins[:-1]], runs)
        level = level[start[:-1]]
        return cls(
            ranked,
            first,
            level,
            images - ai,
            ai,
            below - ai_below,
            ai_below,
            n - n_ai,
            n_ai,
            design_effects,
        )


def sums(values: NDArray[Any], first: IntArray) -> NDArray[Any]:
    """Add up stretches of values; `first` is where each begins, and then where the last ends."""
    total = np.zeros(len(first) - 1, values.dtype)
    filled = np.diff(first) > 0
    total[filled] = np.add.reduceat(values[: first[-1]], first[:-1][filled])
    return total


def group_ranking(runs: Runs, confidence: float = 0.95) -> GroupRanking:
    """Compute the AUC family of every group, in time linear in the images."""
    ranked, level = runs.ranked, runs.level

    def against_all(below: NDArray[np.int32]) -> tuple[FloatArray, NDArray[np.int32], int]:
        return ((below[:-1] + below[1:]) / 2)[level], np.diff(below)[level], int(below[-1])

    def own_real() -> tuple[FloatArray, NDArray[np.int32], IntArray]:
        return runs.real_below + runs.real / 2, runs.real, runs.n_real

    own_ai = (runs.ai, runs.ai_below, runs.n_ai)
    bpsn = (runs.real, runs.real_below, runs.n_real)
    effects = runs.design_effects
    if effects is None:
        effects = np.ones((2, len(runs.n_ai) + 1))
    (real, ai), (all_real, all_ai) = effects[:, :-1], effects[:, -1]
    # What they are held against is as large as all runs: made one after the other.
    return GroupRanking(
        n_real=runs.n_real,
        n_ai=runs.n_ai,
        subgroup=_auc(runs.first, own_ai, own_real(), (ai, real), confidence),
        bpsn=_auc(runs.first, bpsn, against_all(ranked.ai_below), (real, all_ai), confidence, True),
        bnsp=_auc(runs.first, own_ai, against_all(ranked.real_below), (ai, all_real), confidence),
        eer=_equal_error_rate(runs),
    )


def _auc(
    first: IntArray,
    items: tuple[Whole, Whole, IntArray],
    others: tuple[FloatArray, Whole, IntArray | int],
    effects: tuple[FloatArray, FloatArray],
    confidence: float,
    reverse: bool = False,
) -> Auc:
    """Compute the chance that an item scores above (`reverse`: below) another.

    Parameters
    ----------
    items : arrays of shape (runs,), (runs,), (groups,)
        The group's images of one label: those of the run, those below it, all.
    others : arrays of shape (runs,), (runs,), (groups,)
        What they are held against: below the middle of the run, of its very score, all.
    effects : arrays of shape (groups,) or ()
        How many items, and how many others, are worth one independent one.

    Notes
    -----
    The placement of an item is the share of the others below it, ties counting one half; that
    of another is the share of the items below it. The others' squared placements are summed
    over the items, by parts, so that no other image need be looked at.
    """
    of_run, below, n_items = items
    middle, tied, n_others = others
    # Arrays of every run, as few at a time as can be.
    weight = of_run * middle
    total = sums(weight, first)
    weight *= middle
    squared = sums(weight, first)
    np.multiply(2 * below + of_run, middle, out=weight)
    weight += of_run * (tied / 4)
    weight *= of_run
    beyond = sums(weight, first)
    del weight
    with np.errstate(divide="ignore", invalid="ignore"):
        above = total / n_items / n_others
        placements = (
            (total / n_others, squared / n_others**2, n_items),
            (n_others - total / n_items, n_others - beyond / n_items**2, n_others),
        )
        variance, smoothed_variance = np.zeros((2, len(above)))
        shrink = np.zeros(len(above))
        for (*moments, images), effect in zip(placements, effects, strict=True):
            sum_of, sum_of_squares, n = (of / effect for of in (*moments, images))
            spread = np.maximum(sum_of_squares - sum_of**2 / n, 0)
            variance += spread / np.where(n > 1, n - 1, np.nan) / n
            mean = (sum_of + 0.5) / (n + 1)
            smoothed_variance += ((sum_of_squares + 0.5) / (n + 1) - mean**2) * (n + 1) / n**2
            shrink += 1 / (n + 1)
        value = 1 - above if reverse else above
        smoothed = value + (0.5 - value) * shrink
        trials = smoothed * (1 - smoothed) / smoothed_variance
    variance[np.isnan(value)] = np.nan
    return Auc.of(value, variance, trials, confidence)


def _equal_error_rate(runs: Runs) -> FloatArray:
    """Follow each group's ROC curve from "all called AI" until FNR overtakes FPR."""
    both = np.flatnonzero((runs.n_real > 0) & (runs.n_ai > 0))
    n_real, n_ai = runs.n_real[both], runs.n_ai[both]

    def errors_before(run: IntArray) -> tuple[FloatArray, FloatArray]:
        """FNR below the run's score, and how far it is above the FPR."""
        fnr = runs.ai_below[run] / n_ai
        return fnr, fnr + runs.real_below[run] / n_real - 1

    # Bisection for the last run that begins with FNR below FPR, as the first one does.
    last, beyond = runs.first[both], runs.first[both + 1]
    while np.any(beyond - last > 1):
        middle = (last + beyond) // 2
        before = errors_before(middle)[1] < 0
        last, beyond = np.where(before, middle, last), np.where(before, beyond, middle)
    fnr, excess = errors_before(last)
    ai = runs.ai[last] / n_ai
    rate = np.full(len(runs.n_ai), np.nan)
    rate[both] = fnr + np.minimum(-excess / (ai + runs.real[last] / n_real), 1) * ai
    return rate


@dataclass(frozen=True)
class AucDifference:
    """The second AUC minus the first, of two classifiers on the same images."""

    value: float
    #: Of DeLong; NaN where a label has fewer than two images.
    variance: float
    low: float
    high: float
    #: Two-sided, of there being no difference.
    p: float


def auc_difference(
    first: FloatArray,
    second: FloatArray,
    is_ai: NDArray[np.bool_],
    confidence: float = 0.95,
    effects: tuple[float, float] = (1.0, 1.0),
) -> AucDifference:
    """Compare two AUCs of the same images.

    Parameters
    ----------
    first, second : float array, shape (images,)
        The placements of each classifier: the share of the images of the other label that score
        below an image, ties counting one half (`faceaudit.stats.counts.Images.placement`).
    is_ai : bool array, shape (images,)
        Both labels must be there.
    effects : tuple of float
        Design effects of the difference of the placements, of real photographs and of AI images.

    Notes
    -----
    The mean of the difference over the AI-generated faces is that of the AUCs; over the real
    photographs it is the same with the other sign. DeLong's variance adds those of both means.
    Interval and p-value count one more image of each label, half of it placed best by either
    classifier alone: few images on which both agree are no proof that they are alike.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837–845.
    """
    difference = second - first
    variance = more = 0.0
    for label, effect in zip((~is_ai, is_ai), effects, strict=True):
        of = difference[label]
        variance += effect * float(np.var(of, ddof=1)) / len(of) if len(of) > 1 else np.nan
        more += (effect / len(of)) ** 2
    value = float(difference[is_ai].mean())
    spread = float(np.sqrt(variance + more))
    arm = float(stats.norm.isf((1 - confidence) / 2)) * spread
    p = float(2 * stats.norm.sf(abs(value) / spread))
    return AucDifference(value, variance, max(value - arm, -1.0), min(value + arm, 1.0), p)
