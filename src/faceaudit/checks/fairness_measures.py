"""Fairness measures: the field's summary numbers, beside those of a constant answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import tag_source
from faceaudit.checks.parts.threshold_grid import count_by_threshold, rounded
from faceaudit.result import Cell, CheckResult, Column, Detail, Table, nan_to_none
from faceaudit.stats import fairness_measures as measures
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.wording import attributes_title, counted, missing_note


@dataclass(frozen=True)
class Shown:
    """How a measure is shown: what it is called, where it can lie, and which value is equal."""

    title: str
    compute: Callable[..., measures.Measure]
    range: str
    equal: int


SHOWN = (
    Shown(
        "demographic parity difference",
        measures.demographic_parity_difference,
        "0 to 1",
        0,
    ),
    Shown("demographic parity ratio", measures.demographic_parity_ratio, "0 to 1", 1),
    Shown("equalized odds difference", measures.equalized_odds_difference, "0 to 1", 0),
    Shown("equalized odds ratio", measures.equalized_odds_ratio, "0 to 1", 1),
    Shown("F_DP (AI-Face)", measures.f_dp, "0 to 1", 0),
    Shown("F_MEO (AI-Face)", measures.f_meo, "0 to 1", 0),
    Shown("F_OAE (AI-Face)", measures.f_oae, "0 to 1", 0),
    Shown("F_EO (AI-Face)", measures.f_eo, "0 to 2 × groups", 0),
    Shown("F_EO divided by the groups", measures.f_eo_by_group, "0 to 2", 0),
    Shown("F_EFPR (AI-Face)", measures.f_efpr, "0 to groups", 0),
    Shown("F_EFPR divided by the groups", measures.f_efpr_by_group, "0 to 1", 0),
    Shown("inequity ratio of FPR", partial(measures.inequity_ratio, rate="fpr"), "from 1", 1),
    Shown("inequity ratio of FNR", partial(measures.inequity_ratio, rate="fnr"), "from 1", 1),
    Shown("inequity rate", measures.inequity_rate, "from 1", 1),
    Shown(
        "highest FPR over geometric mean",
        partial(measures.max_over_geomean, rate="fpr"),
        "from 1",
        1,
    ),
    Shown(
        "highest FNR over geometric mean",
        partial(measures.max_over_geomean, rate="fnr"),
        "from 1",
        1,
    ),
    Shown("Gini coefficient of FPR", partial(measures.gini, rate="fpr"), "0 to 1", 0),
    Shown("Gini coefficient of FNR", partial(measures.gini, rate="fnr"), "0 to 1", 0),
    Shown("GARBE", measures.garbe, "0 to 1", 0),
    Shown("fairness discrepancy rate", measures.fairness_discrepancy_rate, "0 to 1", 1),
    Shown("worst-group accuracy", measures.worst_group_accuracy, "0 to 1", 1),
    Shown("four-fifths ratio of photographs called real", measures.four_fifths_ratio, "0 to 1", 1),
)


def run(data: AuditInput, options: Options) -> CheckResult:
    """Compute every summary measure for every tag and combination."""
    details: list[Detail] = []
    told = ""
    for attributes in (*([name] for name in data.spec.attributes), *data.spec.intersections):
        counts = count_outcomes(data.table, attributes, data.threshold)
        odds = measures.equalized_odds_difference(counts).value
        parity = measures.four_fifths_ratio(counts).value
        if not told and not (math.isnan(odds) and math.isnan(parity)):
            told = _sentence(attributes_title(attributes), odds, parity)
        if counts.groups:
            details.append(_table(counts, data))
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info" if told else "not-estimable",
        sentence=told
        or "No tag has two groups with images of one label, so no measure is defined.",
        details=details,
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


def _table(counts: OutcomeCounts, data: AuditInput) -> Table:
    moved = count_by_threshold(counts, data)
    zero = np.zeros_like(counts.n_real)
    always_ai = replace(counts, real_called_ai=counts.n_real, ai_called_real=zero)
    always_real = replace(counts, real_called_ai=zero, ai_called_real=counts.n_ai)
    rows: list[list[Cell]] = []
    for shown in SHOWN:
        found = shown.compute(counts)
        rows.append(
            [
                shown.title,
                nan_to_none(found.value),
                *(nan_to_none(shown.compute(c).value) for c in (always_ai, always_real)),
                shown.equal,
                shown.range,
                found.note,
            ]
        )
    title = attributes_title(counts.attributes)
    notes = [
        f"Over {counted(len(counts.groups), 'group')}; "
        f"tags: {tag_source(data, counts.attributes)}.",
        "The constant answers stand beside it because they score perfectly on most measures.",
        missing_note(counts.missing, counts.attributes),
    ]
    return Table(
        title=f"Summary measures by {title}",
        note=" ".join(note for note in notes if note),
        columns=[
            Column(title="measure"),
            Column(title="this classifier", kind="number"),
            Column(title="always AI-generated", kind="number"),
            Column(title="always real", kind="number"),
            Column(title="equal groups give", kind="number"),
            Column(title="range"),
            Column(title="note"),
        ],
        rows=rows,
        by_threshold={"1": rounded(_moved_values(moved), "number"), "6": None} if moved else None,
    )


def _moved_values(moved: Sequence[OutcomeCounts]) -> list[list[float]]:
    return [[shown.compute(counts).value for shown in SHOWN] for counts in moved]


CHECK = Check(
    id="fairness-measures",
    title="The field's summary measures",
    failure_title="The field's summary measures",
    description=(
        "Research papers sum up unequal treatment in one number. These are the common ones, so "
        "that this audit can be set beside papers. They answer no question on their own: none "
        "says how sure it is, most grow with the number of groups, and a classifier that gives "
        "every picture the same answer scores perfectly on most of them."
    ),
    run=run,
)
