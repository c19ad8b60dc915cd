"""Power: which differences could this audit have found at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Finding, Table
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.power import minimum_detectable_gap
from faceaudit.stats.rates import rate_counts


class PowerOptions(Options):
    """With which probability a difference is to be found."""

    power: float = Field(default=0.8, gt=0.5, lt=1)


@dataclass(frozen=True)
class Detectable:
    """The smallest excess over the rest that would be noticed in each group; NaN where none."""

    counts: Counts
    rate: ErrorRate
    events: IntArray
    n: IntArray
    excess: FloatArray
    limit: float | None
    #: The groups in which an excess as large as the limit can pass unnoticed.
    unseen: IntArray


def run(data: AuditInput, options: PowerOptions) -> Product:
    """Give the smallest excess of every group over the rest that would be noticed."""
    groupings = [data.audited(tags) for tags in data.spec.groupings]
    found = [
        [_detectable(counts, rate, data, options) for rate in ERROR_RATES.values()]
        for counts in groupings
    ]
    compared = [
        of for rates in found for of in rates if of.limit is not None and (of.n > 0).sum() > 1
    ]
    details = [_table(rates, data, options) for rates in found if len(rates[0].counts.groups) > 1]
    return Product(
        status="info" if details else "not-estimable",
        sentence=_sentence(compared, data, options)
        if details
        else "No tag has two groups, so there is no difference to find.",
        findings=[_finding(rate, options) for rate in compared],
        details=details,
    )


def _detectable(
    counts: Counts, rate: ErrorRate, data: AuditInput, options: PowerOptions
) -> Detectable:
    events, n = rate_counts(counts, rate.id)
    rest_events, rest_n = events.sum() - events, n.sum() - n
    usable = (n > 0) & (rest_n > 0)
    excess = np.full(len(n), np.nan)
    if usable.any():
        excess[usable] = minimum_detectable_gap(
            n[usable], rest_events[usable], rest_n[usable], data.spec.confidence, options.power
        )
    limit = data.spec.limit(rate.id)
    # A group too small for any excess to be found is as blind as can be.
    unseen = np.flatnonzero((n > 0) & ~(excess <= (limit or 0.0)))
    return Detectable(counts, rate, events, n, excess, limit, unseen)


def _seen(options: PowerOptions) -> str:
    return f"in {100 * options.power:g} % of such audits"


def _sentence(compared: Sequence[Detectable], data: AuditInput, options: PowerOptions) -> str:
    if not compared:
        why = "No two groups have an error rate on which a limit is set"
        if all(data.spec.limit(rate) is None for rate in ERROR_RATES):
            why = "No limit is set"
        return f"{why}, so the smallest excess that would be found stands alone."
    blind = sum(len(found.unseen) for found in compared)
    groups = sum(int((found.n > 0).sum()) for found in compared)
    if blind:
        return (
            f"In {blind} of {groups} comparisons of a group with the rest there are too few images "
            f"to notice an excess as large as the chosen limit {_seen(options)}."
        )
    return (
        f"An excess as large as the chosen limit would be noticed {_seen(options)} in each of "
        f"{groups} comparisons of a group with the rest."
    )


def _finding(found: Detectable, options: PowerOptions) -> Finding:
    counts, rate, n = found.counts, found.rate, found.n
    title, limit = say.attributes_title(counts.tags), say.points(found.limit or 0.0)
    groups = int((n > 0).sum())
    smallest = sorted(found.unseen, key=lambda i: n[i])[:1]
    sentence = (
        f"By {title}, an excess of {limit} in {rate.images} {rate.error} would be "
        f"noticed {_seen(options)} in each of {groups} groups."
    )
    for i in smallest:
        could = f"only one of {say.points(found.excess[i])} would"
        if np.isnan(found.excess[i]):
            could = "no excess at all could be shown"
        few = say.out_of(len(found.unseen), groups, "group", ("has", "have"))
        sentence = (
            f"By {title}, {few} too few {rate.images} for an excess of {limit} to be noticed "
            f"{_seen(options)}: for {say.group_title(counts.tags, counts.groups[i])} "
            f"({say.counted(n[i], rate.image)}) {could}."
        )
    return Finding(
        sentence=sentence,
        status="info",
        tags=list(counts.tags),
        rate=rate.id,
        groups=named_groups(counts.groups, found.events, n, smallest),
        limit=found.limit,
    )


def _table(rates: Sequence[Detectable], data: AuditInput, options: PowerOptions) -> Table:
    counts = rates[0].counts
    title = say.attributes_title(counts.tags)
    columns = [text(title, counts.labels)]
    for found in rates:
        events, n = found.events, found.n
        rest = rate_of(events.sum() - events, n.sum() - n)
        empty = "empty where the group is too small for any excess to be found"
        columns += [
            number(found.rate.images, "count", n),
            number(f"{found.rate.short} of the rest", "percent", rest),
            number("smallest excess found", "points", found.excess, empty),
        ]
    notes = [
        f"The smallest excess over the rest that a {100 * data.spec.confidence:g} % interval shows "
        f"{_seen(options)}, were it the only comparison.",
        f"Tags: {data.tag_source(counts.tags)}.",
        say.missing_note(counts.missing, counts.tags),
    ]
    name = f"What could have been found, by {title}"
    return lay_out(name, columns, data, " ".join(filter(None, notes)))


CHECK = Check(
    id="power",
    title="What this audit could have found",
    description=(
        "Not finding a difference means little where there are few pictures. For every group this "
        "gives the smallest excess of errors over the other groups that this audit would have "
        "noticed four times in five. A group without a number is too small to show anything."
    ),
    run=run,
    options=PowerOptions,
)
