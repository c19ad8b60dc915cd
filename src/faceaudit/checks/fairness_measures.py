"""Fairness measures: the field's summary numbers, beside those of a constant answer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Table
from faceaudit.stats.counts import Counts
from faceaudit.stats.fairness_measures import (
    MEASURES,
    equalized_odds_difference,
    four_fifths_ratio,
)
from faceaudit.wording import attributes_title, counted, missing_note


def run(data: AuditInput, options: Options) -> Product:
    """Compute every summary measure for every tag and combination."""
    groupings = [data.counts(tags) for tags in data.spec.groupings]
    told = ""
    for counts in groupings:
        audited = counts.at(data.threshold)
        odds = equalized_odds_difference(audited).value
        parity = four_fifths_ratio(audited).value
        if not told and not (math.isnan(odds) and math.isnan(parity)):
            told = _sentence(attributes_title(counts.tags), odds, parity)
    return Product(
        status="info" if told else "not-estimable",
        sentence=told
        or "No tag has two groups with images of one label, so no measure is defined.",
        details=[_table(counts, data) for counts in groupings if counts.groups],
    )


def _sentence(title: str, odds: float, parity: float) -> str:
    parts = []
    if not math.isnan(odds):
        parts.append(f"the equalized odds difference is {odds:.3f} (0 is equal)")
    if not math.isnan(parity):
        parts.append(
            "the lowest share of photographs called real is "
            f"{parity:.3f} of the highest (1 is equal)"
        )
    return f"By {title}, {' and '.join(parts)}, without an interval."


def _table(counts: Counts, data: AuditInput) -> Table:
    audited = counts.at(data.threshold)
    zero = np.zeros_like(counts.n_real)
    always_ai = replace(audited, real_called_ai=counts.n_real, ai_called_real=zero)
    always_real = replace(audited, real_called_ai=zero, ai_called_real=counts.n_ai)
    moved = np.stack([measure(counts).value for measure in MEASURES], axis=-1)
    constant = [[measure(of).value for measure in MEASURES] for of in (always_ai, always_real)]
    notes = [
        f"Over {counted(len(counts.groups), 'group')}; tags: {data.tag_source(counts.tags)}.",
        "The constant answers stand beside it because they score perfectly on most measures.",
        missing_note(counts.missing, counts.tags),
    ]
    return lay_out(
        f"Summary measures by {attributes_title(counts.tags)}",
        [
            text("measure", [measure.title for measure in MEASURES]),
            number("this classifier", "number", moved),
            number("always AI-generated", "number", constant[0]),
            number("always real", "number", constant[1]),
            number("equal groups give", "number", [measure.equal for measure in MEASURES]),
            text("range", [measure.range for measure in MEASURES]),
            text("note", [measure(audited).note for measure in MEASURES], audited_only=True),
        ],
        data,
        " ".join(filter(None, notes)),
    )


CHECK = Check(
    id="fairness-measures",
    title="The field's summary measures",
    part="specialist",
    description=(
        "Research papers sum up unequal treatment in one number. These are the common ones, so "
        "that this audit can be set beside papers. They answer no question on their own: none "
        "says how sure it is, most grow with the number of groups, and a classifier that gives "
        "every picture the same answer scores perfectly on most of them."
    ),
    run=run,
)
