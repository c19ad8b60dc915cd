"""How well scores rank AI-generated faces above real photographs, group by group.

The area under the ROC curve (AUC) is the chance that an AI-generated face scores above a real
photograph, ties counting one half. It needs no threshold. Everything is read off one sort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class RankedScores:
    """Scores sorted once, for the rankings of any number of tags.

    Attributes
    ----------
    order : int64 array, shape (images,)
        Rows from the lowest to the highest score.
    level : int64 array, shape (images,)
        Rank of each sorted row's score among the distinct scores, from 0.
    distinct : float64 array, shape (distinct scores,)
        The score of each level.
    is_ai : bool array, shape (images,)
        Label of each sorted row.
    real_below, ai_below : int64 array, shape (distinct scores + 1,)
        Images of each label with a lower score than the given level.
    """

    order: IntArray
    level: IntArray
    distinct: FloatArray
    is_ai: NDArray[np.bool_]
    real_below: IntArray
    ai_below: IntArray


@dataclass(frozen=True)
class Auc:
    """An AUC of every group; all float64 arrays, shape (groups,).

    Attributes
    ----------
    value : NaN where one of the two labels is missing.
    variance : of DeLong; NaN where a label has fewer than two images.
    low, high : ends of the interval of `auc_interval`.
    """

    value: FloatArray
    variance: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class GroupRanking:
    """The AUC family of every group.

    Attributes
    ----------
    n_real, n_ai : int64 array, shape (groups,)
    subgroup : Auc
        The group's AI-generated faces against the group's real photographs.
    bpsn : Auc
        The group's real photographs against all AI-generated faces. Low: real photographs of
        this group look more AI-generated than others'.
    bnsp : Auc
        The group's AI-generated faces against all real photographs. Low: AI-generated faces
        of this group look more real than others'.
    eer : float64 array, shape (groups,)
        Equal error rate: where FPR and FNR of the group meet, on its ROC curve with straight
        lines between its points. NaN where one label is missing.

    Notes
    -----
    Borkan et al. (2019) take the background (the first letter of BPSN and BNSP) from the images
    outside the group. Here it is all images of the other label, tagged or not, the group's own
    included: AI-generated faces often carry no tags at all, and every group is then held
    against the same background.

    References
    ----------
    Borkan, Dixon, Sorensen, Thain & Vasserman (2019), Nuanced metrics for measuring unintended
    bias with real data for text classification, WWW '19 Companion, 491–500.
    """

    n_real: IntArray
    n_ai: IntArray
    subgroup: Auc
    bpsn: Auc
    bnsp: Auc
    eer: FloatArray


def rank_scores(score: NDArray[np.float32], is_ai: NDArray[np.bool_]) -> RankedScores:
    """Sort scores once.

    Parameters
    ----------
    score : float array, shape (images,), without NaN
    is_ai : bool array, shape (images,)
    """
    order = np.argsort(score, kind="stable")
    ranked, label = score[order], np.asarray(is_ai)[order]
    level = np.zeros(len(ranked), np.int64)
    np.cumsum(ranked[1:] != ranked[:-1], out=level[1:])
    levels = int(level[-1]) + 1 if len(level) else 0

    def below(rows: NDArray[np.bool_]) -> IntArray:
        return np.append(0, np.cumsum(np.bincount(level[rows], minlength=levels)))

    distinct = np.empty(levels)
    distinct[level] = ranked
    return RankedScores(order, level, distinct, label, below(~label), below(label))


def group_ranking(
    ranked: RankedScores, group: IntArray, groups: int, confidence: float = 0.95
) -> GroupRanking:
    """Compute the AUC family of every group, in time linear in the images.

    Parameters
    ----------
    ranked : RankedScores
    group : int array, shape (images,)
        Code of each row's group in the order of the table; negative is no group.
    groups : int
        Number of groups.
    confidence : float
    """
    runs = Runs.of(ranked, group, groups)
    level = runs.level
    of_ai = _placements(
        runs, runs.real, ranked.ai_below[level], ranked.ai_below[level + 1], ranked.ai_below[-1]
    )
    of_real = _placements(
        runs, runs.ai, ranked.real_below[level], ranked.real_below[level + 1], ranked.real_below[-1]
    )
    within = _placements(
        runs, runs.ai, runs.real_below, runs.real_below + runs.real, runs.n_real[runs.group]
    )
    return GroupRanking(
        n_real=runs.n_real,
        n_ai=runs.n_ai,
        subgroup=within.auc(confidence),
        bpsn=of_ai.auc(confidence, reverse=True),
        bnsp=of_real.auc(confidence),
        eer=_equal_error_rate(runs),
    )


# --- runs of equal scores ------------------------------------------------------------------


@dataclass(frozen=True)
class Runs:
    """Images of one group with one score, by group and rising score.

    Attributes
    ----------
    group, level : int64 array, shape (runs,)
        The group, and the rank of the score among the distinct scores.
    real, ai : int64 array, shape (runs,)
        Images of each label.
    real_below, ai_below : int64 array, shape (runs,)
        Images of the same group with a lower score.
    n_real, n_ai : int64 array, shape (groups,)
    """

    group: IntArray
    level: IntArray
    real: IntArray
    ai: IntArray
    real_below: IntArray
    ai_below: IntArray
    n_real: IntArray
    n_ai: IntArray

    @classmethod
    def of(cls, ranked: RankedScores, group: IntArray, groups: int) -> Runs:
        """Gather the runs; a row with a negative code is in no group."""
        code = np.asarray(group)[ranked.order]
        rows = np.flatnonzero(code >= 0)
        # Few groups fit 16 bits, which numpy sorts in linear time.
        narrow = code[rows].astype(np.int16 if groups <= np.iinfo(np.int16).max else np.int64)
        rows = rows[np.argsort(narrow, kind="stable")]
        code, level, is_ai = code[rows], ranked.level[rows], ranked.is_ai[rows]
        new = np.ones(len(rows), bool)
        new[1:] = (code[1:] != code[:-1]) | (level[1:] != level[:-1])
        run = np.cumsum(new) - 1
        runs = int(new.sum())
        ai = np.bincount(run[is_ai], minlength=runs)
        real = np.bincount(run[~is_ai], minlength=runs)
        of_group = code[new].astype(np.int64)
        n_real = np.bincount(of_group, real, groups).astype(np.int64)
        n_ai = np.bincount(of_group, ai, groups).astype(np.int64)

        def below(count: IntArray, n: IntArray) -> IntArray:
            earlier_groups = np.cumsum(n) - n
            return np.cumsum(count) - count - earlier_groups[of_group]

        return cls(
            of_group, level[new], real, ai, below(real, n_real), below(ai, n_ai), n_real, n_ai
        )


def _equal_error_rate(runs: Runs) -> FloatArray:
    """Follow each group's ROC curve from "all called AI" until FNR overtakes FPR."""
    both = (runs.n_real > 0) & (runs.n_ai > 0)
    use = both[runs.group]
    group = runs.group[use]
    n_real, n_ai = runs.n_real[group], runs.n_ai[group]
    fnr = runs.ai_below[use] / n_ai
    excess = fnr + runs.real_below[use] / n_real - 1
    step = runs.ai[use] / n_ai + runs.real[use] / n_real
    # The curve crosses in the last run that begins with FNR below FPR; the first one does.
    before = excess < 0
    goes_on = np.append(before[1:] & (group[1:] == group[:-1]), False) if len(group) else before
    crossing = np.flatnonzero(before & ~goes_on)
    rate = np.full(len(both), np.nan)
    share = np.minimum(-excess[crossing] / step[crossing], 1)
    rate[group[crossing]] = fnr[crossing] + share * (runs.ai[use] / n_ai)[crossing]
    return rate


# --- DeLong --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Placements:
    """Sums over each group's items and over the others they are held against.

    The placement of an item is the share of the others below it, ties counting one half; that
    of another is the share of the group's items below it.
    """

    n_items: FloatArray
    items: FloatArray
    items_squared: FloatArray
    n_others: FloatArray
    others: FloatArray
    others_squared: FloatArray

    def auc(self, confidence: float, reverse: bool = False) -> Auc:
        """Return the chance that an item scores above (`reverse`: below) another."""
        with np.errstate(divide="ignore", invalid="ignore"):
            above = self.items / self.n_items
            variance = _variance(self.items, self.items_squared, self.n_items) / self.n_items
            variance += _variance(self.others, self.others_squared, self.n_others) / self.n_others
        defined = (self.n_items > 0) & (self.n_others > 0)
        value = np.where(defined, 1 - above if reverse else above, np.nan)
        low, high = auc_interval(
            value,
            (self.items, self.items_squared, self.n_items),
            (self.others, self.others_squared, self.n_others),
            confidence,
        )
        return Auc(value, np.where(defined, variance, np.nan), low, high)


def _variance(total: FloatArray, squared: FloatArray, n: FloatArray) -> FloatArray:
    return np.maximum(squared - total**2 / n, 0) / (n - 1)


def _placements(
    runs: Runs, items: IntArray, below: IntArray, up_to: IntArray, n_others: IntArray
) -> _Placements:
    """Sum the placements by group.

    Parameters
    ----------
    items : int64 array, shape (runs,)
        The group's images of one label in each run.
    below, up_to : int64 array, shape (runs,)
        Others with a score below that of the run, and up to it.
    n_others : int64 array, shape (runs,) or int
        Others in all.
    """
    groups = len(runs.n_real)
    n_items = np.bincount(runs.group, items, groups).astype(float)
    last = np.append(runs.group[1:] != runs.group[:-1], True) if len(runs.group) else items > 0
    # Others after this run's score and before the group's next one.
    next_below = np.append(below[1:], 0)
    between = np.where(last, n_others, next_below) - up_to
    n = np.maximum(n_items[runs.group], 1)
    items_up_to = np.cumsum(items) - (np.cumsum(n_items) - n_items)[runs.group]
    with np.errstate(divide="ignore", invalid="ignore"):
        placement = (below + up_to) / 2 / n_others
    placement = np.where(np.isnan(placement), 0.0, placement)
    ties, tied, after = up_to - below, (items_up_to - items / 2) / n, items_up_to / n

    def by_group(weighted: FloatArray) -> FloatArray:
        return np.bincount(runs.group, weighted, groups).astype(float)

    totals = np.zeros(groups)
    totals[runs.group] = n_others
    return _Placements(
        n_items=n_items,
        items=by_group(items * placement),
        items_squared=by_group(items * placement**2),
        n_others=totals,
        others=by_group(ties * tied + between * after),
        others_squared=by_group(ties * tied**2 + between * after**2),
    )


Sums = tuple[FloatArray, FloatArray, FloatArray]


def auc_interval(
    value: FloatArray, items: Sums, others: Sums, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Interval of an AUC that keeps its coverage near 1 and for few images.

    DeLong's variance says how many independent trials with the same success rate would be as
    precise; the interval is the Clopper–Pearson interval of so many trials. Before that, each
    label is given one more image, half of it placed at either end. So the variance of few
    placements is not underestimated, and where all AI-generated faces score above all real
    photographs (DeLong's variance is then 0, and its interval a point) the lower limit is
    about that of min(n real, n AI) successes in as many trials.

    Parameters
    ----------
    value : float64 array, shape (groups,)
    items, others : three float64 arrays each
        Sum of the placements, sum of their squares, and number of images of each label.
    confidence : float

    Returns
    -------
    low, high : float64 array, shape (groups,)
        NaN where `value` is.

    Notes
    -----
    Range [0, 1]. Its coverage beside that of the usual logit interval, which falls to 0 for
    separated groups, is in docs/statistics-ranking.md.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837–845, for the variance; in
    O(n log n) after Sun & Xu (2014), IEEE Signal Processing Letters 21, 1389–1393.
    """
    variance = np.zeros(len(value))
    shrink = np.zeros(len(value))
    for total, squared, n in (items, others):
        mean = (total + 0.5) / (n + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance += ((squared + 0.5) / (n + 1) - mean**2) * (n + 1) / n**2
        shrink += 1 / (n + 1)
    smoothed = value + (0.5 - value) * shrink
    trials = smoothed * (1 - smoothed) / variance
    # Clopper–Pearson for numbers of trials that need not be whole.
    tail = (1 - confidence) / 2
    right, wrong = value * trials, (1 - value) * trials
    with np.errstate(invalid="ignore"):
        low = np.where(right > 0, stats.beta.ppf(tail, right, wrong + 1), 0.0)
        high = np.where(wrong > 0, stats.beta.isf(tail, right + 1, wrong), 1.0)
    defined = ~np.isnan(value)
    return np.where(defined, low, np.nan), np.where(defined, high, np.nan)
