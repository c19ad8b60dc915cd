"""Hypotheses: what was said of the wrongly accused, put to the test one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from faceaudit import wording as say
from faceaudit.checks import AuditInput
from faceaudit.layout import Values, lay_out, number, text
from faceaudit.result import Finding, Table
from faceaudit.schema import called_ai
from faceaudit.stats import FloatArray
from faceaudit.stats.risk_ratios import FEWEST_ERRORS, Contrast, Ratio, contrast, odds_ratio

#: What the origin of this project suspected, as tags and their values.
HYPOTHESES: dict[str, dict[str, list[str]]] = {
    "people with glasses": {"glasses": ["reading", "sunglasses", "goggles", "any"]},
    "middle-aged people (40 to 59)": {"age_band": ["40-49", "50-59"]},
    "people with round faces": {"face_shape": ["round"], "round_face": ["yes"], "chubby": ["yes"]},
    "white people": {"race": ["White"]},
}


class Answer(Enum):
    """Whether a hypothesis holds: as the table and a sentence say it, and a finding's weight."""

    HOLDS = "holds", "The published suspicion holds here", 0.3
    BOUNDED = (
        "large excess excluded",
        "No excess is shown here, and one of more than {high} as often ({odds} the odds) is "
        "excluded; a smaller one is not",
        0.25,
    )
    REVERSED = "the reverse", "Here it is the other way round", 0.25
    UNDECIDED = (
        "undecided",
        "These photographs can neither show the published suspicion nor exclude it",
        0.05,
    )
    SATURATED = (
        "cannot show: nearly all are called AI",
        "Nearly all photographs are called AI-generated, so that no group can stand out",
        0.05,
    )
    WITH_DELIVERY = (
        "undecided: comes with the delivery",
        "Such photographs come in kinds of picture of their own, so that these people cannot be "
        "told from the delivery of their pictures",
        0.05,
    )
    NOT_ASKED = "no such tag, or too few errors", "", 0.0

    def __init__(self, word: str, conclusion: str, weight: float) -> None:
        self.word, self.conclusion, self.weight = word, conclusion, weight


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis on one data set: bounded if its interval excludes the `relevant` ratio.

    `found` is None where the data set lacks its tag.
    """

    name: str
    dataset: str
    found: Contrast | None
    relevant: float
    confidence: float

    @property
    def answer(self) -> Answer:
        """Whether the hypothesis holds."""
        if self.found is None:
            return Answer.NOT_ASKED
        _, low, high = self.found.decisive
        if self.found.with_delivery:
            return Answer.WITH_DELIVERY
        if low > 1:
            return Answer.HOLDS
        if self.found.others.value * self.relevant > 1:
            return Answer.SATURATED
        if high < 1:
            return Answer.REVERSED
        return Answer.BOUNDED if high <= self.relevant else Answer.UNDECIDED

    @property
    def highest_odds(self) -> float:
        """The odds ratio to which the interval's upper end amounts, at the others' rate."""
        assert self.found is not None
        return odds_ratio(self.found.decisive.high, self.found.others.value)

    def finding(self) -> Finding | None:
        """Tell the hypothesis, its numbers and its answer."""
        if (found := self.found) is None:
            return None
        ends = {"high": say.times(found.decisive.high), "odds": say.times(self.highest_odds)}
        conclusion = self.answer.conclusion.format(**ends)
        return Finding(
            sentence=f"{self._numbers(found)}. {conclusion}.",
            status="info",
            weight=self.answer.weight,
            tags=[found.tag],
            rate="fpr",
            groups=[found.chosen, found.others],
            n=found.chosen.n + found.others.n,
            events=found.chosen.events + found.others.events,
            interval=found.decisive.interval(self.confidence),
            held_equal=found.adjusted_for if found.adjusted else [],
        )

    def _numbers(self, found: Contrast) -> str:
        chosen, others = found.chosen, found.others
        told = (
            f"{say.capitalised(self.name)} in {self.dataset}: {say.percent(chosen.value)} of "
            f"{say.counted(chosen.n, 'real photograph')} {'is' if chosen.n == 1 else 'are'} called "
            f"AI-generated, and {say.percent(others.value)} of {say.counted(others.n, 'other')}"
        )
        if np.isfinite(found.crude.value):
            told += f": {describe(found.crude, self.confidence)}"
        if found.adjusted and found.adjusted_for:
            held = ", ".join(map(say.tag_title, found.adjusted_for))
            told += f"; with {held} held equal {describe(found.adjusted, self.confidence)}"
        return told


def describe(ratio: Ratio, confidence: float) -> str:
    """Write a ratio with its interval."""
    span = say.times_range(ratio.low, ratio.high, confidence)
    return f"{say.times(ratio.value)} as often ({span})"


def put_to_test(
    hypotheses: Mapping[str, Mapping[str, list[str]]], data: AuditInput, relevant: float
) -> list[Hypothesis]:
    """Answer every hypothesis, by name and tag, on each data set with the tag and enough errors."""
    asked = [
        (name, tag, values, dataset)
        for name, tags in hypotheses.items()
        for tag, values in tags.items()
        for dataset, photographs in data.photographs.items()
        if tag in photographs.table.column_names
        # Where hardly anybody is accused, nothing can be said of anybody.
        and called_ai(photographs.score, data.threshold).sum() >= FEWEST_ERRORS
    ]
    # The answers hold together, so each is given at a higher confidence.
    confidence = 1 - (1 - data.spec.confidence) / max(len(asked), 1)
    how = data.threshold, data.spec.small_group, confidence
    answered = []
    for name, tag, values, dataset in asked:
        kinds = data.kinds_of_photograph(dataset)
        found = contrast(data.photographs[dataset], tag, values, *how, kinds)
        told = f"{name} ({say.tag_title(tag)})" if len(hypotheses[name]) > 1 else name
        answered.append(Hypothesis(told, dataset, found, relevant, confidence))
    unasked = [name for name in hypotheses if name not in {name for name, *_ in asked}]
    return answered + [Hypothesis(name, "none", None, relevant, confidence) for name in unasked]


def hypothesis_table(hypotheses: Sequence[Hypothesis]) -> Table:
    """Lay out every hypothesis with its numbers and its answer."""
    found = [hypothesis.found for hypothesis in hypotheses]
    chosen, others = [of and of.chosen for of in found], [of and of.others for of in found]
    crude, adjusted = [of and of.crude for of in found], [of and of.adjusted for of in found]
    confidence, relevant = hypotheses[0].confidence, hypotheses[0].relevant
    return lay_out(
        "The published suspicions",
        [
            text("suspicion", [hypothesis.name for hypothesis in hypotheses]),
            text("data set", [hypothesis.dataset for hypothesis in hypotheses]),
            number("photographs", "count", [of and of.n for of in chosen]),
            number("called AI", "percent", [of and of.value for of in chosen]),
            number("others", "count", [of and of.n for of in others]),
            number("others called AI", "percent", [of and of.value for of in others]),
            *ratio_columns("ratio", _columns(crude)),
            *ratio_columns("ratio, others equal", _columns(adjusted)),
            number("as odds: to", "number", [of.found and of.highest_odds for of in hypotheses]),
            text("answer", [hypothesis.answer.word for hypothesis in hypotheses]),
        ],
        note=f"{say.interval_title(confidence)}s: all answers hold together. 'Holds' when "
        "the interval of the ratio, at equal other tags where that can be estimated, lies "
        f"above 1; 'large excess excluded' when it excludes a ratio above {relevant:g} "
        f"({say.LIMIT_NOTE}); otherwise undecided. The more of the others are called AI, the more "
        f"odds a ratio amounts to: {relevant:g} is {odds_ratio(relevant, 0.1):.1f} times the odds "
        f"at 10 % and {odds_ratio(relevant, 0.7):.1f} times at 70 %.",
    )


def _columns(ratios: Sequence[object]) -> FloatArray:
    return np.array([ratio or (np.nan,) * 3 for ratio in ratios]).T


def ratio_columns(title: str, ratios: Iterable[ArrayLike]) -> list[Values]:
    """Make three columns: ratios and the ends of their intervals."""
    titles = (title, f"{title}: from", f"{title}: to")
    return [number(name, "number", of) for name, of in zip(titles, ratios, strict=True)]
