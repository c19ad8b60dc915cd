"""What two classifiers make of the same images, counted pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceaudit import wording as say
from faceaudit.checks import AuditInput
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.pairing import Pair, Tally
from faceaudit.result import Interval
from faceaudit.spec import Spec
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.gap_change import GapChange, gap_change
from faceaudit.stats.intervals import paired_difference_interval, rate_interval
from faceaudit.stats.significance import mcnemar

#: Those that images of one label suffer: only there are two answers to one image compared.
RATES = [rate for rate in ERROR_RATES.values() if rate.label]


class Outcomes:
    """What both classifiers make of the images that can suffer an error.

    Arrays of shape (groups,), or (2, groups) by classifier. `low` and `high` are the difference
    of the error rates (second minus first) over all images that either scored, if every answer
    that is missing were right, or wrong, to that effect.
    """

    def __init__(self, tally: Tally, rate: ErrorRate, smallest: int = 1) -> None:
        counts = (tally.real if rate.label == "real" else tally.ai).T
        # Both wrong, only the first, only the second, neither.
        self.cells = counts[[3, 1, 2, 0]]
        self.only = counts[1:3]
        self.n, self.wrong = counts[:4].sum(axis=0), self.only + counts[3]
        self.effects = tally.design_effects[str(rate.label)]
        self.alone = np.stack([counts[4:6].sum(axis=0), counts[6:8].sum(axis=0)])
        self.alone_wrong = counts[[5, 7]]
        self.untagged = tally.untagged[int(rate.label == "ai")]
        self.any = bool(counts.any())
        # Those that sentences speak of, and whether there is a gap between them.
        enough = max(smallest, 1)
        self.large = self.n >= enough
        # Those that the first scored enough of, and both did not: they cannot be judged.
        self.lost = (self.n < enough) & (self.n + self.alone[0] >= enough)
        self.has_gap = int(self.large.sum()) > 1
        sure = self.only[1] - self.only[0]
        change = sure - self.alone_wrong[0] + self.alone_wrong[1]
        total = np.maximum(self.n + self.alone.sum(axis=0), 1)
        self.low, self.high = (change - self.alone[1]) / total, (change + self.alone[0]) / total

    def difference(self, confidence: float, more: Any = 0) -> FloatArray:
        """Return limits of the difference, shape (2, groups), with `more` images in the cells."""
        both, first, second, neither = self.worth(self.cells + more)
        return np.stack(paired_difference_interval(both, first, second, neither, confidence))

    def second(self, confidence: float) -> FloatArray:
        """Return limits of the second's own error rate, shape (2, groups)."""
        return np.stack(
            rate_interval(self.worth(self.wrong[1], 2), self.worth(self.n, 2), confidence)
        )

    def worth(self, images: IntArray, to: int = 0) -> FloatArray:
        """Count images as the independent ones that they are worth.

        They are so to the difference of the errors (0), the first's (1) or the second's errors (2).
        """
        return np.asarray(images / self.effects[to])

    def mcnemar(self) -> list[float]:
        """Test for each group whether, of the images on which they differ, half favour each."""
        return list(mcnemar(*self.worth(self.only)).tolist())

    def turns(self, confidence: float) -> NDArray[np.bool_]:
        """Whether images that one alone scored could turn what is shown: who errs more, if any."""
        if not self.alone.any():
            return np.zeros(self.n.shape, bool)
        shown, *could = (_ways(self.difference(confidence, of)) for of in (0, *self._filled))
        return np.asarray((np.array(could) != shown).any(axis=0))

    @property
    def _filled(self) -> tuple[IntArray, IntArray]:
        """Cells to add if every answer that is missing favours the second, or the first."""
        wrong, right = self.alone_wrong, self.alone - self.alone_wrong
        none = np.zeros_like(self.n)
        return (
            np.array([wrong[1], wrong[0] + right[1], none, right[0]]),
            np.array([wrong[0], none, right[0] + wrong[1], right[1]]),
        )

    def worst(self, confidence: float) -> FloatArray:
        """Return `difference` whatever the answers and the tags are that are not known.

        An image without the tag counts for a group where that turns the difference.
        """
        _, first, second, _, *alone = self.untagged.tolist()
        right_first, wrong_first, right_second, wrong_second = alone
        favours = self._filled
        favours[0][1] += first + wrong_first + right_second
        favours[1][2] += second + right_first + wrong_second
        shown, low, high = (self.difference(confidence, of) for of in (0, *favours))
        return np.stack([np.minimum(shown[0], low[0]), np.maximum(shown[1], high[1])])

    def gap_change(self, confidence: float) -> GapChange:
        """Estimate how much the gap over the large groups changes."""
        return gap_change(self.cells[:, self.large], confidence, self.effects[:, self.large])


def _ways(limits: FloatArray) -> NDArray[np.int64]:
    """Which way a difference is shown to be, by its limits: -1, 1, or 0 where none is."""
    return np.asarray(np.int64(limits[0] > 0) - np.int64(limits[1] < 0))


def told_change(change: Interval, aside: str = "") -> str:
    """Tell a difference in points, its interval, and what its reader must know of it."""
    if not aside and change.low <= 0 <= change.upper:
        aside = "no difference is shown"
    ends = f"{100 * change.low:+.1f} to {100 * change.upper:+.1f}"
    return f"{100 * change.value:+.1f} points ({ends}){'; ' if aside else ''}{aside}"


@dataclass(frozen=True)
class Difference:
    """An error rate under two, of all images or of a group that is large enough to be told."""

    tags: tuple[str, ...]
    group: str
    rate: ErrorRate
    n: int
    first: float
    second: float
    #: Second minus first.
    interval: Interval
    #: Whether images that one alone scored could turn what is shown.
    turns: bool = False

    @property
    def way(self) -> int:
        """Which way it is shown to be: -1 where the second errs less, 1 more, 0 neither."""
        return (self.interval.low > 0) - (self.interval.upper < 0)

    @property
    def rates(self) -> tuple[str, str]:
        """The error rates of the first and the second, in words."""
        return say.percent(self.first), say.percent(self.second)

    @property
    def name(self) -> str:
        """The group within a sentence; nothing for all images."""
        return say.group_title([say.attributes_title(self.tags)], [self.group]) if self.tags else ""

    @property
    def images(self) -> str:
        """The images that can suffer the error, and of which group."""
        return f"{self.rate.images} of {self.group}" if self.tags else self.rate.images


@dataclass(frozen=True)
class Comparison:
    """Two classifiers, how they are called, and what is asked of them."""

    paired: Pair
    names: tuple[str, str]
    spec: Spec
    #: How many classifiers are compared: each with the first, and all with each other in ranks.
    among: int = 2

    @cached_property
    def groupings(self) -> list[tuple[str, ...]]:
        """All images first, then what is asked for."""
        return [(), *self.spec.groupings]

    @cached_property
    def tallies(self) -> dict[tuple[str, ...], Tally]:
        """Images by group and outcome, for each grouping."""
        return {tags: self.paired.tally(tags) for tags in self.groupings}

    @cached_property
    def sides(self) -> tuple[AuditInput, AuditInput]:
        """Both classifiers on the images that both scored, as an audit of each sees them."""
        first, second = (
            AuditInput(scores.table, scores.info, self.spec, summary.threshold)
            for scores, summary in zip(self.paired.shared, self.paired.summaries, strict=True)
        )
        return first, second

    @cached_property
    def outcomes(self) -> dict[tuple[str, ...], dict[ErrorRate, Outcomes]]:
        """What is made of them, for each grouping and error rate."""
        return {
            tags: {
                rate: Outcomes(tally, rate, self.spec.small_group if tags else 1) for rate in RATES
            }
            for tags, tally in self.tallies.items()
        }

    @cached_property
    def _claims(self) -> tuple[int, int]:
        """Count the differences that sentences may tell: of all images; of groups and gaps."""
        told = [
            sum(int(of.large.sum()) + of.has_gap for of in found.values())
            for found in self.outcomes.values()
        ]
        return told[0], sum(told[1:])

    def confidence(self, tags: Sequence[str]) -> float:
        """Return the confidence of each difference at which all that are told hold together.

        Half of the error is for the rates of all images, between any two of the classifiers, half
        for groups and gaps, between the first and each other (Bonferroni).
        """
        everybody, groups = self._claims
        error = (1 - self.spec.confidence) / (2 if groups else 1)
        pairs = self.among - 1 if tags else comb(self.among, 2)
        return 1 - error / (pairs * max(groups if tags else everybody, 1))

    def interval(self, tags: Sequence[str], value: float, low: float, high: float) -> Interval:
        """Make the interval of a difference, which holds together with all others."""
        confidence = self.confidence(tags)
        return Interval(value=value, low=low, high=high, confidence=confidence, together=True)

    @cached_property
    def differences(self) -> list[Difference]:
        """The differences that may be told: of all images first, then of large groups."""
        return [found for tags in self.groupings for found in self._differences(tags)]

    def _differences(self, tags: tuple[str, ...]) -> Iterator[Difference]:
        for rate, found in self.outcomes[tags].items():
            confidence = self.confidence(tags)
            limits, turns = found.difference(confidence), found.turns(confidence)
            for i in np.flatnonzero(found.large).tolist():
                n = int(found.n[i])
                first, second = (found.wrong[:, i] / n).tolist()
                yield Difference(
                    tags=tags,
                    group=self.tallies[tags].groups[i],
                    rate=rate,
                    n=n,
                    first=first,
                    second=second,
                    interval=self.interval(tags, second - first, *limits[:, i].tolist()),
                    turns=bool(turns[i]),
                )
