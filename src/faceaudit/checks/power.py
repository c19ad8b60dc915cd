"""Power: which differences could this audit have found at all?"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import ERROR_RATES, WORDS, tag_source
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Detail,
    ErrorRate,
    Finding,
    Table,
    nan_to_none,
)
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.stats.intervals import FloatArray, rate_of
from faceaudit.stats.power import minimum_detectable_gap
from faceaudit.stats.rates import rate_counts
from faceaudit.wording import (
    attributes_title,
    counted,
    group_title,
    missing_note,
    out_of,
    points,
)


class PowerOptions(Options):
    """With which probability a difference is to be found."""

    power: float = Field(default=0.8, gt=0.5, lt=1)


def run(data: AuditInput, options: PowerOptions) -> CheckResult:
    """Give the smallest excess of every group over the rest that would be noticed."""
    details: list[Detail] = []
    findings: list[Finding] = []
    blind = groups = 0
    for attributes in (*([name] for name in data.spec.attributes), *data.spec.intersections):
        counts = count_outcomes(data.table, attributes, data.threshold)
        detectable = {rate: _detectable(counts, rate, data, options) for rate in ERROR_RATES}
        for rate in ERROR_RATES:
            n, limit = rate_counts(counts, rate)[1], _limit(data, rate)
            if np.count_nonzero(n) < 2 or limit is None:
                continue
            # A group too small for any excess to be found is as blind as can be.
            unseen = (n > 0) & ~(detectable[rate] <= limit)
            blind, groups = blind + int(unseen.sum()), groups + int((n > 0).sum())
            findings.append(_finding(counts, rate, detectable[rate], unseen, limit, options))
        if len(counts.groups) > 1:
            details.append(_table(counts, detectable, data, options))
    if details and groups:
        seen = f"in {100 * options.power:g} % of such audits"
        sentence = (
            f"In {blind} of {groups} comparisons of a group with the rest there are too few images "
            f"to notice an excess as large as the chosen limit {seen}."
            if blind
            else f"An excess as large as the chosen limit would be noticed {seen} in each of "
            f"{groups} comparisons of a group with the rest."
        )
    elif details:
        alone = "so the smallest excess that would be found stands alone."
        if all(_limit(data, rate) is None for rate in ERROR_RATES):
            sentence = f"No limit is set, {alone}"
        else:
            sentence = f"No two groups have an error rate on which a limit is set, {alone}"
    else:
        sentence = "No tag has two groups, so there is no difference to find."
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info" if details else "not-estimable",
        sentence=sentence,
        findings=findings,
        details=details,
    )


def _limit(data: AuditInput, rate: ErrorRate) -> float | None:
    return data.spec.limits.fpr_gap if rate == "fpr" else data.spec.limits.fnr_gap


def _detectable(
    counts: OutcomeCounts, rate: ErrorRate, data: AuditInput, options: PowerOptions
) -> FloatArray:
    events, n = rate_counts(counts, rate)
    rest_events, rest_n = events.sum() - events, n.sum() - n
    usable = (n > 0) & (rest_n > 0)
    found = np.full(len(n), np.nan)
    if usable.any():
        found[usable] = minimum_detectable_gap(
            n[usable], rest_events[usable], rest_n[usable], data.spec.confidence, options.power
        )
    return found


def _finding(
    counts: OutcomeCounts,
    rate: ErrorRate,
    detectable: FloatArray,
    unseen: np.ndarray,
    limit: float,
    options: PowerOptions,
) -> Finding:
    words, title = WORDS[rate], attributes_title(counts.attributes)
    n = rate_counts(counts, rate)[1]
    groups = int((n > 0).sum())
    seen = f"in {100 * options.power:g} % of such audits"
    if not unseen.any():
        sentence = (
            f"By {title}, an excess of {points(limit)} in {words.images} {words.verdict} would be "
            f"noticed {seen} in each of {groups} groups."
        )
    else:
        smallest = min(np.flatnonzero(unseen), key=lambda i: n[i])
        least = detectable[smallest]
        could = (
            "no excess at all could be shown"
            if np.isnan(least)
            else f"only one of {points(least)} would"
        )
        sentence = (
            f"By {title}, {out_of(int(unseen.sum()), groups, 'group', ('has', 'have'))} too few "
            f"{words.images} for an excess of {points(limit)} to be noticed {seen}: for "
            f"{group_title(counts.attributes, counts.groups[smallest])} "
            f"({counted(int(n[smallest]), words.image)}) {could}."
        )
    return Finding(sentence=sentence, status="info", check=CHECK.id, weight=0.0)


def _table(
    counts: OutcomeCounts,
    detectable: dict[ErrorRate, FloatArray],
    data: AuditInput,
    options: PowerOptions,
) -> Table:
    title = attributes_title(counts.attributes)
    rows: list[list[Cell]] = []
    for i, label in enumerate(counts.labels):
        row: list[Cell] = [label]
        for rate in ERROR_RATES:
            events, n = rate_counts(counts, rate)
            rest = rate_of(events.sum() - events[i], n.sum() - n[i])
            row += [int(n[i]), nan_to_none(float(rest)), nan_to_none(detectable[rate][i])]
        rows.append(row)
    columns = [Column(title=title)]
    for rate in ERROR_RATES:
        words = WORDS[rate]
        columns += [
            Column(title=words.images, kind="count"),
            Column(title=f"{words.short} of the rest", kind="percent"),
            Column(
                title="smallest excess found",
                kind="points",
                help="empty where the group is too small for any excess to be found",
            ),
        ]
    notes = [
        f"The smallest excess over the rest that a {100 * data.spec.confidence:g} % interval shows "
        f"in {100 * options.power:g} % of such audits, were it the only comparison.",
        f"Tags: {tag_source(data, counts.attributes)}.",
        missing_note(counts.missing, counts.attributes),
    ]
    return Table(
        title=f"What could have been found, by {title}",
        note=" ".join(note for note in notes if note),
        columns=columns,
        rows=rows,
    )


CHECK = Check(
    id="power",
    title="What this audit could have found",
    failure_title="What this audit could have found",
    description=(
        "Not finding a difference means little where there are few pictures. For every group this "
        "gives the smallest excess of errors over the other groups that this audit would have "
        "noticed four times in five. A group without a number is too small to show anything."
    ),
    run=run,
    options=PowerOptions,
)
