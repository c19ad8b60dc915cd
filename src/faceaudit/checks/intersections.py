"""Intersections: who is misclassified how often, by several tags at once."""

from __future__ import annotations

import numpy as np

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import (
    GroupRates,
    answer,
    rate_gaps,
    rate_tests,
)
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import at_audited, by_threshold
from faceaudit.result import Detail, Finding, Heatmap, Test, nan_to_none
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.wording import capitalised, counted, interval_title, tag_title


def run(data: AuditInput, options: Options) -> Product:
    """Give the error rates of every combination of values that the specification names."""
    details: list[Detail | None] = []
    tests: list[Test] = []
    gaps: list[Finding] = []
    for combination in data.spec.intersections:
        counts = data.counts(combination, empty_cells=True)
        if not counts.groups:
            continue
        audited = counts.at(data.threshold)
        rates = GroupRates(counts, data)
        for rate in ERROR_RATES.values():
            details += [_heatmap(rates, rate), rates.forest(rate)]
            tests += rate_tests(audited, rate)
        details.append(rates.table(_empty_note(counts)))
        gaps += rate_gaps(audited, data)
    if gaps:
        sentence = answer(gaps)
    elif data.spec.intersections:
        sentence = "No combination of tags has two groups with images of one label to compare."
    else:
        sentence = "The specification names no combination of tags."
    return Product(
        status="info" if gaps or not data.spec.intersections else "not-estimable",
        sentence=sentence,
        findings=gaps,
        tests=tests,
        details=details,
    )


def _empty_note(counts: Counts) -> str | None:
    empty = int((counts.n == 0).sum())
    if not empty:
        return None
    verb = "has" if empty == 1 else "have"
    return (
        f"{counted(empty, 'combination')} of {len(counts.groups):,} {verb} no image at all: "
        "not estimable, which is not a rate of zero."
    )


def _heatmap(rates: GroupRates, rate: ErrorRate) -> Heatmap | None:
    """Draw an error rate for every pair of values of two tags; None for more, or no image."""
    counts, data, found = rates.counts, rates.data, rates.of(rate)
    if len(counts.tags) != 2 or not found.n.sum():
        return None
    # With empty cells kept, the groups are the full grid, the last tag fastest.
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*counts.groups, strict=True))
    shape = (len(rows), len(columns))

    def grid(values: FloatArray) -> list[list[float | None]]:
        at_once = at_audited(values, data).reshape(shape)
        return [[nan_to_none(value) for value in row] for row in at_once]

    first, second = counts.tags
    drawn = {"values": found.value, "low": found.low, "high": found.high}
    return Heatmap(
        title=capitalised(f"{rate.images} {rate.error}, by {rates.title}"),
        note=f"Low and high are the ends of the {interval_title(data.spec.confidence)}.",
        measure=f"{rate.images} {rate.error} ({rate.short})",
        row_title=tag_title(first),
        column_title=tag_title(second),
        tag_source=data.tag_source(counts.tags),
        rows=rows,
        columns=columns,
        values=grid(found.value),
        low=grid(found.low),
        high=grid(found.high),
        n=np.reshape(at_audited(found.n, data), shape).tolist(),
        by_threshold=by_threshold({name: (of, "percent") for name, of in drawn.items()}),
    )


CHECK = Check(
    id="intersections",
    title="Error rates by combined groups",
    description=(
        "A classifier can treat women and men alike, and young and old alike, and still fail "
        "young women. This gives the error rates of every combination of the named tags. Combined "
        "groups are small: look at the number of images and at the range before the rate."
    ),
    run=run,
)
