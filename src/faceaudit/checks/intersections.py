"""Intersections: who is misclassified how often, by several tags at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import (
    ERROR_RATES,
    WORDS,
    RateGap,
    interval_title,
    rate_forest,
    rate_gaps,
    rate_table,
    rate_tests,
    tag_source,
    widest,
)
from faceaudit.checks.parts.threshold_grid import count_by_threshold, moved_rate
from faceaudit.result import CheckResult, Detail, ErrorRate, Heatmap, Test, nan_to_none
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.stats.intervals import FloatArray, rate_interval, rate_of
from faceaudit.stats.rates import rate_counts
from faceaudit.wording import attributes_title, capitalised, counted, tag_title


def run(data: AuditInput, options: Options) -> CheckResult:
    """Give both error rates of every combination of values that the specification names."""
    details: list[Detail] = []
    tests: list[Test] = []
    gaps: list[RateGap] = []
    for combination in data.spec.intersections:
        counts = count_outcomes(data.table, combination, data.threshold, empty_cells=True)
        if not counts.groups:
            continue
        moved = count_by_threshold(counts, data)
        for rate in ERROR_RATES:
            drawn = (
                _heatmap(counts, rate, data, moved),
                rate_forest(counts, rate, data, moved),
            )
            details += [detail for detail in drawn if detail is not None]
            tests += rate_tests(counts, rate)
        details.append(rate_table(counts, data, moved, _empty_note(counts)))
        gaps += rate_gaps(counts, data)
    if gaps:
        sentence = widest(gaps).sentence()
    elif data.spec.intersections:
        sentence = "No combination of tags has two groups with images of one label to compare."
    else:
        sentence = "The specification names no combination of tags."
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info" if gaps or not data.spec.intersections else "not-estimable",
        sentence=sentence,
        findings=[gap.finding(CHECK.id) for gap in gaps],
        tests=tests,
        details=details,
    )


def _empty_note(counts: OutcomeCounts) -> str | None:
    empty = int((counts.n == 0).sum())
    if not empty:
        return None
    verb = "has" if empty == 1 else "have"
    return (
        f"{counted(empty, 'combination')} of {len(counts.groups):,} {verb} no image at all: "
        "not estimable, which is not a rate of zero."
    )


def _heatmap(
    counts: OutcomeCounts, rate: ErrorRate, data: AuditInput, moved: Sequence[OutcomeCounts]
) -> Heatmap | None:
    """Draw an error rate for every pair of values of two tags; None for more, or no image."""
    events, n = rate_counts(counts, rate)
    if len(counts.attributes) != 2 or not n.sum():
        return None
    # With empty cells kept, the groups are the full grid, the last tag fastest.
    rows = list(dict.fromkeys(first for first, _ in counts.groups))
    columns = list(dict.fromkeys(second for _, second in counts.groups))
    shape = (len(rows), len(columns))

    def grid(values: FloatArray) -> list[list[float | None]]:
        return [[nan_to_none(value) for value in row] for row in values.reshape(shape)]

    low, high = rate_interval(events, n, data.spec.confidence)
    words = WORDS[rate]
    first, second = counts.attributes
    return Heatmap(
        title=capitalised(
            f"{words.images} {words.verdict}, by {attributes_title(counts.attributes)}"
        ),
        note=f"Low and high are the ends of the {interval_title(data.spec.confidence)}.",
        measure=f"{words.images} {words.verdict} ({words.short})",
        row_title=tag_title(first),
        column_title=tag_title(second),
        tag_source=tag_source(data, counts.attributes),
        rows=rows,
        columns=columns,
        values=grid(rate_of(events, n)),
        low=grid(low),
        high=grid(high),
        n=np.reshape(n, shape).tolist(),
        by_threshold=moved_rate(moved, rate, data.spec.confidence).columns("values", "low", "high")
        if moved
        else None,
    )


CHECK = Check(
    id="intersections",
    title="Error rates by combined groups",
    failure_title="Error rates by combined groups",
    description=(
        "A classifier can treat women and men alike, and young and old alike, and still fail "
        "young women. This gives the error rates of every combination of the named tags. Combined "
        "groups are small: look at the number of images and at the range before the rate."
    ),
    run=run,
)
