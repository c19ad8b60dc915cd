"""Generators: whose AI-generated faces are missed most?"""

from __future__ import annotations

import dataclasses

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups, size_note
from faceaudit.error_rates import ERROR_RATES
from faceaudit.layout import forest
from faceaudit.result import Finding, Forest, Interval, Test
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import estimate_of, rate_counts
from faceaudit.stats.significance import all_alike
from faceaudit.stats.worst import worst_group

RATE = ERROR_RATES["fnr"]


def run(data: AuditInput, options: Options) -> Product:
    """Give the false negative rate of each generator, and name the worst."""
    counts = _families(data)
    several = len(counts.groups) > 1
    details = [_forest(counts, data)] if several else []
    audited = counts.at(data.threshold)
    large = audited.pick(audited.n_ai >= data.spec.small_group)
    if len(large.groups) < 2:
        few = "two generators with enough of them" if several else "several generators"
        return Product("info", f"The AI-generated faces are not of {few}.", details=details)
    alike = all_alike(*rate_counts(large.effective, RATE.id))
    assert alike is not None, "there are two families"
    finding = _finding(large, len(audited.groups), alike.p, data)
    test = Test(name="FNR alike in all generators", method=alike.method, p=alike.p)
    return Product("info", finding.sentence, (), [finding], [test], details)


def _families(data: AuditInput) -> Counts:
    """Count the AI-generated faces of each generator: by that tag, or else by data set."""
    columns = data.table.column_names
    named = "generator" in columns and data.table["generator"].null_count < len(data.table)
    tag = "generator" if named else "dataset"
    counts = data.counts((tag,))
    counts = counts.pick(counts.n_ai > 0)
    # Photographs have no generator, and do not lack it.
    untagged = int(data.audited(()).n_ai.sum() - counts.n_ai.sum())
    return dataclasses.replace(counts, missing=untagged)


def _finding(large: Counts, families: int, p: float, data: AuditInput) -> Finding:
    """Name the family that is missed most, with an interval that allows for the choice."""
    confidence, smallest = data.spec.confidence, data.spec.small_group
    (events, n), worth = rate_counts(large, RATE.id), rate_counts(large.effective, RATE.id)
    worst = worst_group(*worth, confidence)
    (group,) = named_groups(large.groups, events, n, [worst.group])
    group.low, group.high = worst.low, worst.high
    left_out, clear = families > len(n), p < 1 - confidence
    enough = f" with at least {smallest} AI-generated faces" if left_out else ""
    those = f"Of {say.counted(len(n), say.tag_title(large.tags[0]))}{enough}"
    if not events.any():
        none = f"none of {say.counted(int(n.sum()), RATE.image)} is {RATE.error}"
        return Finding(sentence=f"{those}, {none}.", status="info", rate=RATE.id, n=int(n.sum()))
    if len({*rate_of(events, n).tolist()}) == 1:
        alike = f"as many of each are {RATE.error}: {say.percent(worst.value)} of {n.sum():,}"
        return Finding(sentence=f"{those}, {alike}.", status="info", rate=RATE.id, n=int(n.sum()))
    range_ = say.percent_range(worst.low, worst.high, confidence)
    return Finding(
        sentence=(
            f"{those}, '{group.group[0]}' is missed most: {say.percent(group.value)} of its "
            f"{say.counted(group.n, RATE.image)} are {RATE.error} ({range_}, as the highest of all)"
            f"{'' if clear else ', which chance alone could explain'}."
        ),
        status="info",
        # How surely it is worse than all together, as a gap is weighed.
        weight=max(0.0, worst.low - float(events.sum() / n.sum())) if clear else 0.0,
        tags=list(large.tags),
        groups=[group],
        rate=RATE.id,
        n=int(n.sum()),
        events=int(events.sum()),
        interval=Interval(
            value=worst.value, low=worst.low, high=worst.high, confidence=confidence, together=True
        ),
        smallest=smallest if left_out else None,
    )


def _forest(counts: Counts, data: AuditInput) -> Forest:
    found = estimate_of(counts, RATE.id, data.spec.confidence)
    events, n = rate_counts(counts.total(), RATE.id)
    return forest(
        data,
        groups=counts.labels,
        **vars(found),
        notes=[size_note(int(of), RATE, data.spec.small_group) for of in counts.n_ai],
        title=f"{RATE.images} {RATE.error}, by {say.tag_title(counts.tags[0])}",
        note=say.missing_note(counts.missing, counts.tags),
        measure=f"{RATE.images} {RATE.error} ({RATE.short})",
        rate=RATE.id,
        attribute=say.tag_title(counts.tags[0]),
        tag_source=data.tag_source(counts.tags),
        reference=rate_of(events, n),
        reference_label="all of them",
        reference_n=int(n[0]),
    )


CHECK = Check(
    id="generators",
    title="Which generator's faces are missed",
    description=(
        "A detector that catches the faces of one generator may miss those of another. Where the "
        "AI-generated faces are of several generators (the tag generator, or else the data set), "
        "this gives the share of each that is called real, and names the one that is missed most. "
        "The highest of many rates is too high by chance: its range allows for that."
    ),
    run=run,
)
