"""Fairness measures: the field's summary numbers, beside those of a constant answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Table
from faceaudit.stats import fairness_measures as measures
from faceaudit.stats.counts import Counts
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


def run(data: AuditInput, options: Options) -> Product:
    """Compute every summary measure for every tag and combination."""
    groupings = [data.counts(tags) for tags in data.spec.groupings]
    told = ""
    for counts in groupings:
        audited = counts.at(data.threshold)
        odds = measures.equalized_odds_difference(audited).value
        parity = measures.four_fifths_ratio(audited).value
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
    moved = np.stack([shown.compute(counts).value for shown in SHOWN], axis=-1)
    constant = [[shown.compute(of).value for shown in SHOWN] for of in (always_ai, always_real)]
    notes = [
        f"Over {counted(len(counts.groups), 'group')}; tags: {data.tag_source(counts.tags)}.",
        "The constant answers stand beside it because they score perfectly on most measures.",
        missing_note(counts.missing, counts.tags),
    ]
    return lay_out(
        f"Summary measures by {attributes_title(counts.tags)}",
        [
            text("measure", [shown.title for shown in SHOWN]),
            number("this classifier", "number", moved),
            number("always AI-generated", "number", constant[0]),
            number("always real", "number", constant[1]),
            number("equal groups give", "number", [shown.equal for shown in SHOWN]),
            text("range", [shown.range for shown in SHOWN]),
            text("note", [shown.compute(audited).note for shown in SHOWN], audited_only=True),
        ],
        data,
        " ".join(filter(None, notes)),
    )


CHECK = Check(
    id="fairness-measures",
    title="The field's summary measures",
    description=(
        "Research papers sum up unequal treatment in one number. These are the common ones, so "
        "that this audit can be set beside papers. They answer no question on their own: none "
        "says how sure it is, most grow with the number of groups, and a classifier that gives "
        "every picture the same answer scores perfectly on most of them."
    ),
    run=run,
)
