"""Hypotheses: what was said of the wrongly accused, put to the test one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from faceaudit.checks import AuditInput
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.risk_ratios import FEWEST_ERRORS, Effect, Slice, called_ai, contrast
from faceaudit.result import Cell, Column, Finding, Table, nan_to_none
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    percent,
    tag_title,
    times,
    times_range,
)

#: What the origin of this project suspected, as tags and their values.
HYPOTHESES: dict[str, dict[str, list[str]]] = {
    "people with glasses": {"glasses": ["reading", "sunglasses", "goggles", "any"]},
    "middle-aged people (40 to 59)": {"age_band": ["40-49", "50-59"]},
    "people with round faces": {"face_shape": ["round"], "round_face": ["yes"], "chubby": ["yes"]},
    "white people": {"race": ["White"]},
}


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis on one data set; `found` is None where its tag is not there."""

    name: str
    dataset: str
    found: Slice | None
    relevant: float
    confidence: float

    @property
    def decisive(self) -> Effect | None:
        """The effect that answers: at equal other tags if there is one."""
        return None if self.found is None else self.found.equal or self.found.alone

    @property
    def answer(self) -> str:
        """Say in a few words whether the hypothesis holds."""
        if self.found is None or self.decisive is None:
            return "no such tag, or too few errors"
        rest = self.found.rest_called_ai / self.found.rest_n
        if self.decisive.low > 1:
            return "holds"
        if rest * self.relevant > 1:
            return "cannot show: nearly all are called AI"
        if self.decisive.high < 1:
            return "does not hold: the reverse"
        if self.decisive.high <= self.relevant:
            return "does not hold"
        return "undecided"

    def sentence(self) -> str:
        """Tell the hypothesis, its numbers and its answer."""
        found, decisive = self.found, self.decisive
        assert found is not None
        assert decisive is not None
        text = (
            f"{capitalised(self.name)} in {self.dataset}: {percent(found.called_ai / found.n)} of "
            f"{counted(found.n, 'real photograph')} {'is' if found.n == 1 else 'are'} called "
            f"AI-generated, and {percent(found.rest_called_ai / found.rest_n)} of "
            f"{counted(found.rest_n, 'other')}"
        )
        if np.isfinite(found.alone.ratio):
            text += f": {told(found.alone, self.confidence)}"
        if found.equal is not None and found.equal_tags:
            held = attributes_title(found.equal_tags).replace(" × ", ", ")
            text += f"; with {held} held equal {told(found.equal, self.confidence)}"
        conclusion = {
            "holds": "the published suspicion holds here",
            "does not hold": "the published suspicion does not hold here, and more than "
            f"{times(decisive.high)} as often is excluded",
            "does not hold: the reverse": "the published suspicion does not hold here; it is the "
            "other way round",
            "undecided": "these photographs can neither show nor refute the published suspicion",
        }.get(
            self.answer,
            "nearly all photographs are called AI-generated, so that no group can stand out",
        )
        return f"{text}. {capitalised(conclusion)}."

    def finding(self, check: str) -> Finding:
        """Give the answer as a finding."""
        assert self.decisive is not None
        weight = {"holds": 0.3, "does not hold": 0.25, "does not hold: the reverse": 0.25}
        return Finding(
            sentence=self.sentence(),
            status="info",
            check=check,
            weight=weight.get(self.answer, 0.05),
        )


def told(effect: Effect, confidence: float) -> str:
    """Write a ratio with its interval."""
    return (
        f"{times(effect.ratio)} as often ({interval_title(round(confidence, 5))} "
        f"{times_range(effect.low, effect.high)})"
    )


def put_to_test(
    hypotheses: Mapping[str, Mapping[str, list[str]]],
    photographs: Mapping[str, pa.Table],
    data: AuditInput,
    relevant: float,
) -> list[Hypothesis]:
    """Answer every hypothesis on every data set that has its tag and enough errors."""
    # Where hardly anybody is accused, nothing can be said of anybody.
    accused = {
        dataset: table
        for dataset, table in photographs.items()
        if called_ai(table, data.threshold).sum() >= FEWEST_ERRORS
    }
    asked = [
        (name, tag, values, dataset)
        for name, tags in hypotheses.items()
        for tag, values in tags.items()
        for dataset, table in accused.items()
        if tag in table.column_names
    ]
    # The answers hold together, so each is given at a higher confidence.
    confidence = 1 - (1 - data.spec.confidence) / max(len(asked), 1)
    answered = [
        Hypothesis(
            name if len(hypotheses[name]) == 1 else f"{name} ({tag_title(tag)})",
            dataset,
            contrast(
                accused[dataset], tag, values, data.threshold, data.spec.small_group, confidence
            ),
            relevant,
            confidence,
        )
        for name, tag, values, dataset in asked
    ]
    unasked = [name for name in hypotheses if name not in {name for name, *_ in asked}]
    return answered + [Hypothesis(name, "none", None, relevant, confidence) for name in unasked]


def hypothesis_table(hypotheses: Sequence[Hypothesis]) -> Table:
    """Lay out every hypothesis with its numbers and its answer."""
    rows: list[list[Cell]] = []
    for hypothesis in hypotheses:
        row: list[Cell] = [hypothesis.name, hypothesis.dataset]
        found = hypothesis.found
        if found is None:
            rows.append([*row, *[None] * 10, hypothesis.answer])
            continue
        row += [found.n, found.called_ai / found.n, found.rest_n]
        row += [
            found.rest_called_ai / found.rest_n,
            *ratio_cells(found.alone),
            *ratio_cells(found.equal),
        ]
        rows.append([*row, hypothesis.answer])
    confidence, relevant = hypotheses[0].confidence, hypotheses[0].relevant
    return Table(
        title="The published suspicions",
        note=(
            f"{interval_title(round(confidence, 5))}s: all answers hold together. 'Holds' when "
            "the interval of the ratio, at equal other tags where that can be estimated, lies "
            f"above 1; 'does not hold' when it excludes a ratio above {relevant:g} (a chosen "
            "limit, not a legal test); otherwise undecided."
        ),
        columns=[
            Column(title="suspicion"),
            Column(title="data set"),
            Column(title="photographs", kind="count"),
            Column(title="called AI", kind="percent"),
            Column(title="others", kind="count"),
            Column(title="others called AI", kind="percent"),
            *ratio_columns("ratio"),
            *ratio_columns("ratio, others equal"),
            Column(title="answer"),
        ],
        rows=rows,
    )


def ratio_columns(title: str) -> list[Column]:
    """Head three columns: a ratio and the ends of its interval."""
    return [Column(title=name, kind="number") for name in (title, f"{title}: from", f"{title}: to")]


def ratio_cells(effect: Effect | None) -> list[Cell]:
    """Fill three columns with a ratio and the ends of its interval."""
    if effect is None:
        return [None, None, None]
    return [nan_to_none(value) for value in (effect.ratio, effect.low, effect.high)]
