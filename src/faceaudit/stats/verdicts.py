"""Verdicts: a limit is met, broken, or cannot be judged with the images at hand.

Limits are chosen by whoever audits; a verdict is not a legal one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from faceaudit.result import Status
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import difference_interval, rate_of

#: A classifier whose balanced accuracy may be this low is hardly better than a coin.
NEAR_CHANCE = 0.55


def judge_gap(low: float, high: float, limit: float, *, trivial: bool = False) -> Status:
    """Hold the interval of a gap against the largest gap that is accepted.

    It cannot pass where the classifier is `trivial`, not shown to be better than chance: alike
    groups then mean nothing. ``not-estimable`` if the interval is not a number.
    """
    if np.isnan(low):
        return "not-estimable"
    if low > limit:
        return "fail"
    if high <= limit and not trivial:
        return "pass"
    return "insufficient-evidence"


@dataclass(frozen=True)
class LimitedGap:
    """A gap to be held against a limit.

    `bounds` gives its lower and its upper bound, each wrong with no more than the given chance.
    """

    bounds: Callable[[float], tuple[float, float]]
    limit: float


def holm_errors(gaps: Mapping[Hashable, LimitedGap], error: float) -> dict[Hashable, float]:
    """Share the chance of any wrong verdict among the gaps of an audit, by Holm's steps.

    Of a gap only one verdict can be wrong, `pass` or `fail`, so each of its two bounds may use
    all of its share. First every gap has an equal share; what is decided leaves its share
    to the others.

    Returns
    -------
    dict
        The chance of error at which each gap is decided, or stays undecided.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65–70; for one-sided pairs Shaffer (1980),
    Annals of Statistics 8, 1342–1347. Simulated in docs/statistics.md.
    """
    errors: dict[Hashable, float] = {}
    left = dict(gaps)
    while left:
        step = error / len(left)
        errors |= dict.fromkeys(left, step)
        undecided = {}
        for name, gap in left.items():
            low, high = gap.bounds(step)
            if not (low > gap.limit or high <= gap.limit):
                undecided[name] = gap
        if len(undecided) == len(left):
            break
        left = undecided
    return errors


@dataclass(frozen=True)
class BetterThanChance:
    """Whether a classifier is shown to be better than one that guesses."""

    #: ``pass`` if balanced accuracy is above `NEAR_CHANCE` with confidence, ``fail`` if it is not
    #: above or all calls are the same, ``not-estimable`` if all images have one label.
    status: Status
    #: NaN where not estimable.
    balanced_accuracy: float
    low: float
    high: float
    #: ``real`` or ``ai`` if every image is called this.
    constant: str | None

    @property
    def trivial(self) -> bool:
        """Not shown to be better than chance, so that no gap verdict may be ``pass``."""
        return self.status != "pass"


def judge_better_than_chance(counts: Counts, confidence: float = 0.95) -> BetterThanChance:
    """Judge whether a classifier does better than chance, on the images of all groups together.

    Give it the counts of the whole table, so that AI-generated images without tags count too.
    Balanced accuracy is (1 + TPR - FPR) / 2, and TPR and FPR come from different images, so
    the interval is that of a difference of independent rates.
    """
    total = counts.total()
    n_real, n_ai = int(total.n_real[0]), int(total.n_ai[0])
    called_ai = int(total.real_called_ai[0] + total.ai_called_ai[0])
    constant = {0: "real", n_real + n_ai: "ai"}.get(called_ai) if n_real + n_ai else None
    if n_real == 0 or n_ai == 0:
        return BetterThanChance("not-estimable", np.nan, np.nan, np.nan, constant)
    worth = total.effective
    youden_low, youden_high = difference_interval(
        worth.ai_called_ai, worth.n_ai, worth.real_called_ai, worth.n_real, confidence
    )
    youden = rate_of(total.ai_called_ai, n_ai) - rate_of(total.real_called_ai, n_real)
    value, low, high = (float(1 + y[0]) / 2 for y in (youden, youden_low, youden_high))
    status: Status
    if low > NEAR_CHANCE:
        status = "pass"
    elif high <= NEAR_CHANCE or constant:
        status = "fail"
    else:
        status = "insufficient-evidence"
    return BetterThanChance(status, value, low, high, constant)
