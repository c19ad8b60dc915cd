"""What a remedy does to the groups that err most and least, and to all: counts and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.comparison.outcomes import RATES, Difference
from faceaudit.error_rates import ErrorRate
from faceaudit.mitigation.base import SMALLEST_GROUP
from faceaudit.result import Interval
from faceaudit.schema import called_ai
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.counts import Images
from faceaudit.stats.gap_change import gap_change, highest_change, lowest_change
from faceaudit.stats.intervals import paired_difference_interval, rate_interval, rate_of
from faceaudit.stats.ranking import group_ranking
from faceaudit.stats.worst import worst_group
from faceaudit.studies.seed_intervals import AcrossSeeds, Mask, across_seeds, count

#: What is shown of the groups in one error rate, against the plain classifier.
Way = Literal["worst group better", "worst group worse", "levelled down", ""]
Verdict = Literal["helps", "trades", "not shown", "levels down", "harms"]


@dataclass(frozen=True)
class Setting:
    """A classifier, trained or mended in one way: its scores of the judged images, by seed."""

    name: str
    scores: Sequence[Images]
    thresholds: Sequence[float]
    #: What it looks at when it decides, and what was fitted after training, in words.
    decides_by: str = "the score alone"
    learned: str = ""
    #: Whether its scores rank images, beyond the calls.
    ranks: bool = True

    @cached_property
    def wrong(self) -> Mask:
        """Which images are called wrongly: seeds, images."""
        pairs = zip(self.scores, self.thresholds, strict=True)
        return np.stack([called_ai(of.score, at) != of.is_ai for of, at in pairs])

    def auc(self, confidence: float) -> AcrossSeeds:
        """Average the AUC over the seeds; not a number where there are calls alone."""
        found = (group_ranking(of.runs(()), confidence).subgroup for of in self.scores)
        known = [(of.value, of.low, of.high) for of in found if self.ranks]
        return _averaged(known or [(np.nan,) * 3], confidence)


@dataclass(frozen=True)
class Counted:
    """One error rate under the plain classifier and another, by group, seed by seed."""

    rate: ErrorRate
    tags: tuple[str, ...]
    groups: list[str]
    n: IntArray
    #: Both wrong, only the plain one, only the other, neither: seeds, 4, groups.
    cells: IntArray
    #: Design effects of the difference, of the plain one's and of the other's errors.
    effects: FloatArray

    @classmethod
    def of(cls, rate: ErrorRate, plain: Setting, other: Setting, tags: Sequence[str]) -> Counted:
        """Count groups of `SMALLEST_GROUP` images that can suffer the error; or all as one."""
        images = plain.scores[0]
        grouping = images.grouping(tags)
        code = np.where(images.is_ai == (rate.label == "ai"), grouping.code, -1)
        n = np.bincount(code[code >= 0], minlength=len(grouping.groups))
        kept = np.flatnonzero(n >= (SMALLEST_GROUP if tags else 1))
        masks = [code == group for group in kept]
        p, q = plain.wrong, other.wrong
        cells = np.zeros((len(p), 4, len(kept)), np.int64)
        if masks:
            cells += np.stack([count(of, masks) for of in (p & q, p & ~q, ~p & q, ~p & ~q)], axis=1)
        number = np.full(len(n) + 1, -1)
        number[kept] = np.arange(len(kept))
        how = images.clusters, number[code], len(kept)
        effects = np.stack(
            [design_effects(*how, y.astype(float) - x, x, y) for x, y in zip(p, q, strict=True)]
        )
        labels = [grouping.labels[group] for group in kept]
        return cls(rate, tuple(tags), labels, n[kept], cells, effects)

    def _wrong(self, plain: bool) -> tuple[IntArray, FloatArray]:
        return self.cells[:, 0] + self.cells[:, 1 if plain else 2], self.effects[
            :, 1 if plain else 2
        ]

    def rates(self, confidence: float, *, plain: bool = False) -> AcrossSeeds:
        """Average each group's rate over the seeds."""
        wrong, worth = self._wrong(plain)
        limits = rate_interval(wrong / worth, self.n / worth, confidence)
        return across_seeds(rate_of(wrong, self.n), *limits, confidence)

    def changes(self, confidence: float) -> AcrossSeeds:
        """Average over the seeds how much higher each group's rate is than the plain one's."""
        value = rate_of(self.cells[:, 2] - self.cells[:, 1], self.n)
        both, first, second, neither = (self.cells / self.effects[:, :1]).swapaxes(0, 1)
        limits = paired_difference_interval(both, first, second, neither, confidence)
        return across_seeds(value, *limits, confidence, bounds=(-1, 1))

    def worst(self, confidence: float, *, plain: bool = False) -> tuple[str, AcrossSeeds]:
        """Name each seed's worst group and average its rate; the choice is allowed for."""
        found = [
            worst_group(x / worth, self.n / worth, confidence)
            for x, worth in zip(*self._wrong(plain), strict=True)
        ]
        names = dict.fromkeys(self.groups[of.group] for of in found)
        return ", ".join(names), _averaged([of[1:] for of in found], confidence)

    def extremes(self, confidence: float) -> list[AcrossSeeds]:
        """Average the changes of the highest rate, of the lowest, and of the gap if any."""
        kinds = (highest_change, lowest_change, gap_change)[: 3 if len(self.groups) > 1 else 2]
        seeds = list(zip(self.cells, self.effects, strict=True))
        found = ([kind(of, confidence, effects) for of, effects in seeds] for kind in kinds)
        return [
            _averaged([(of.value, of.low, of.high) for of in each], confidence, -1)
            for each in found
        ]

    def way(self, confidence: float) -> Way:
        """Say what is shown of the worst group, or that the gap closed at the cost of the best."""
        worst, best, *gap = self.extremes(confidence)
        if worst.high[0] < 0:
            return "worst group better"
        if gap and gap[0].high[0] < 0 and best.low[0] > 0:
            return "levelled down"
        return "worst group worse" if worst.low[0] > 0 else ""

    def shown(self, confidence: float) -> list[Difference]:
        """Give the groups whose rate is shown to change, of all that are told together."""
        found = self.changes(confidence)
        first, second = (self.rates(confidence, plain=side).mean.tolist() for side in (True, False))
        value, low, high = (of.tolist() for of in found[:3])
        return [
            Difference(
                self.tags,
                self.groups[i],
                self.rate,
                int(self.n[i]),
                first[i],
                second[i],
                Interval(value=value[i], low=low[i], high=high[i], confidence=confidence),
            )
            for i in np.flatnonzero((found.low > 0) | (found.high < 0))
        ]


@dataclass(frozen=True)
class Mitigated:
    """What a setting does against the plain one; what is shown holds with that of all others."""

    setting: Setting
    #: An error rate each, over all images and by group, if there are such.
    overall: list[Counted]
    by_group: list[Counted]
    #: What is shown in each of `by_group`.
    ways: list[Way]
    #: The groups whose error rate is shown to change, and all images if theirs is.
    shown: list[Difference]
    #: Whether a rate over all, or that of a worst group, rises, were it the only question.
    price: bool

    @property
    def verdict(self) -> Verdict:
        """Say whether it helps: the worst group gets better, and nobody seems to pay.

        Small prices are harder to show than large gains, so that a price need not be as sure.
        """
        better, worse = (f"worst group {way}" in self.ways for way in ("better", "worse"))
        pays = worse or any(of.way > 0 for of in self.shown)
        if better:
            return "trades" if pays or self.price else "helps"
        if "levelled down" in self.ways:
            return "levels down"
        gains = any(of.way < 0 for of in self.shown)
        return ("trades" if gains else "harms") if pays else "not shown"


def compare_settings(
    plain: Setting, others: Sequence[Setting], tags: Sequence[str], confidence: float
) -> list[Mitigated]:
    """Hold every setting against the plain one, by groups of some tags.

    Notes
    -----
    All that is shown holds together (Bonferroni). Three quarters of the error are for the `Way` of
    each error rate: that the worst group gets better, or worse, or that the gap closes without it,
    which is one and a half intervals. A quarter is for the groups that gain or pay.
    """
    counted = [
        [
            [of for rate in RATES if (of := Counted.of(rate, plain, other, asked)).groups]
            for asked in ((), tags)
        ]
        for other in others
    ]
    ways = 2 * sum(len(by_group) for _, by_group in counted)
    changes = 4 * sum(len(of.groups) for each in counted for rates in each for of in rates)
    return [
        Mitigated(
            setting=other,
            overall=overall,
            by_group=by_group,
            ways=[of.way(1 - (1 - confidence) / ways) for of in by_group],
            shown=[
                one
                for of in (*by_group, *overall)
                for one in of.shown(1 - (1 - confidence) / changes)
            ],
            price=any(of.extremes(confidence)[0].low[0] > 0 for of in (*overall, *by_group)),
        )
        for other, (overall, by_group) in zip(others, counted, strict=True)
    ]


def _averaged(
    seeds: Iterable[Sequence[ArrayLike]], confidence: float, lowest: float = 0
) -> AcrossSeeds:
    """Average one number over the seeds, each with the ends of its interval."""
    value, low, high = np.array([list(map(float, map(np.squeeze, of))) for of in seeds]).T[
        :, :, None
    ]
    return across_seeds(value, low, high, confidence, bounds=(lowest, 1))
