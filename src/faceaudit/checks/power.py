"""Power: which differences could this audit have found at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Finding, Table
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.power import excess_to_fail
from faceaudit.stats.rates import of_large_groups, rate_counts


class PowerOptions(Options):
    """How surely a difference is to be found."""

    power: float = Field(
        default=0.8,
        gt=0.5,
        lt=1,
        description="The probability with which such an excess is called beyond the limit.",
    )


@dataclass(frozen=True)
class Detectable:
    """The smallest excess over the rest that would be told in each group; NaN where none."""

    counts: Counts
    rate: ErrorRate
    n: IntArray
    excess: FloatArray
    limit: float | None


def run(data: AuditInput, options: PowerOptions) -> Product:
    """Give the smallest excess of every group over the rest that would break the limit."""
    groupings = [data.audited(tags) for tags in data.spec.groupings]
    found = [
        [_detectable(counts, rate, data, options) for rate in ERROR_RATES.values()]
        for counts in groupings
    ]
    judged = [
        of for rates in found for of in rates if of.limit is not None and (of.n > 0).sum() > 1
    ]
    details = [_table(rates, data, options) for rates in found if len(rates[0].counts.groups) > 1]
    return Product(
        status="info" if details else "not-estimable",
        sentence=_sentence(judged, data, options)
        if details
        else "No tag has two groups, so there is no difference to find.",
        findings=[_finding(of, options) for of in judged],
        details=details,
    )


def _detectable(
    counts: Counts, rate: ErrorRate, data: AuditInput, options: PowerOptions
) -> Detectable:
    n, limit = rate_counts(counts, rate.id)[1], data.spec.limit(rate.id)
    large = of_large_groups(counts.effective, rate.id, data.spec.small_group, n)
    # As the verdict is made, or where there is none as the gap is quoted.
    error = 1 - data.claim_confidence
    if limit is not None:
        error = data.error_of((counts.tags, rate.id))
    excess = excess_to_fail(*large, limit or 0.0, error, options.power)
    return Detectable(counts, rate, n, excess, limit)


def _seen(options: PowerOptions) -> str:
    return f"in {100 * options.power:g} % of such audits"


def _sentence(judged: Sequence[Detectable], data: AuditInput, options: PowerOptions) -> str:
    if not judged:
        why = "No two groups have an error rate on which a limit is set"
        if all(data.spec.limit(rate) is None for rate in ERROR_RATES):
            why = "No limit is set"
        return f"{why}, so the smallest excess that would be found stands alone."
    groups = [(of, int(i)) for of in judged for i in np.flatnonzero(of.n > 0)]
    return f"{_range(groups, options)} ({say.LIMIT_NOTE})."


def _range(groups: Sequence[tuple[Detectable, int]], options: PowerOptions) -> str:
    """Tell from which excess on the groups would break their limits."""
    able = [(of, i) for of, i in groups if np.isfinite(of.excess[i])]
    if not able:
        none = say.counted(len(groups), "comparison")
        return (
            f"There are too few images in each of {none} of a group with the rest to break a "
            "limit at all"
        )
    able.sort(key=lambda pair: float(pair[0].excess[pair[1]]))
    least, *_, most = [able[0], *able]
    range_ = _excess(*least)
    if len(able) > 1:
        range_ += f" to {_excess(*most)}"
    blind = len(groups) - len(able)
    few = say.out_of(blind, len(groups), "group", ("has", "have"))
    too_few = f"; {few} too few images for any" if blind else ""
    return (
        f"A group breaks its limit {_seen(options)} if its error rate exceeds that of the rest by "
        f"{range_}{too_few}"
    )


def _excess(found: Detectable, i: int) -> str:
    group = say.group_title(found.counts.tags, found.counts.groups[i])
    return f"{say.points(found.excess[i])} ({group}, {say.counted(found.n[i], found.rate.image)})"


def _finding(found: Detectable, options: PowerOptions) -> Finding:
    told = _range([(found, int(i)) for i in np.flatnonzero(found.n > 0)], options)
    return Finding(
        sentence=f"By {say.attributes_title(found.counts.tags)}, for {found.rate.images} "
        f"{found.rate.error} and a limit of {say.points(found.limit or 0.0)}: "
        f"{told[0].lower()}{told[1:]}.",
        status="info",
        tags=list(found.counts.tags),
        rate=found.rate.id,
        limit=found.limit,
    )


def _table(rates: Sequence[Detectable], data: AuditInput, options: PowerOptions) -> Table:
    counts = rates[0].counts
    title = say.attributes_title(counts.tags)
    columns = [text(title, counts.labels)]
    for found in rates:
        events, n = rate_counts(counts, found.rate.id)
        rest = rate_of(events.sum() - events, n.sum() - n)
        told = "smallest excess found"
        if found.limit is not None:
            told = f"smallest excess that breaks {say.points(found.limit)}"
        empty = "empty where the group is too small for any"
        columns += [
            number(found.rate.images, "count", n),
            number(f"{found.rate.short} of the rest", "percent", rest),
            number(told, "points", found.excess, empty),
        ]
    notes = [
        "The smallest excess over the rest with which the gap is called beyond its limit "
        f"{_seen(options)}, by the verdict that this audit makes; without a limit, with which it "
        "is shown at all.",
        f"Tags: {data.tag_source(counts.tags)}.",
        say.missing_note(counts.missing, counts.tags),
    ]
    name = f"What could have been found, by {title}"
    return lay_out(name, columns, data, " ".join(filter(None, notes)))


CHECK = Check(
    id="power",
    title="What this audit could have found",
    part="specialist",
    description=(
        "Not finding a difference means little where there are few pictures. For every group this "
        "gives the smallest excess of errors over the other groups that this audit would have "
        "called beyond the chosen limit four times in five, by the very verdict that it makes. A "
        "group without a number is too small for that."
    ),
    run=run,
    options=PowerOptions,
)
