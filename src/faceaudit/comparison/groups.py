"""The checks of a comparison: all images, every group, and the gaps between groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faceaudit import wording as say
from faceaudit.comparison.outcomes import RATES, Comparison, Difference, Outcomes, told_change
from faceaudit.error_rates import ErrorRate
from faceaudit.layout import by_rows, heads, lay_out
from faceaudit.result import (
    CheckResult,
    Detail,
    Finding,
    Interval,
    SlopeRow,
    Slopes,
    Test,
    nan_to_none,
)
from faceaudit.stats.intervals import rate_of

ALL_IMAGES = (
    "Both classifiers judged the very same images, so the difference is counted image by image: "
    "how many the second gets wrong that the first gets right, and the reverse. That says more "
    "than comparing two rates as if they came from different images. The intervals in sentences "
    "are so wide that all hold together at the chosen confidence: half of the chance of an error "
    "is for the rates of all images, half for those of groups and for the gaps between them. "
    "Those in figures and tables hold each on its own: of many, some miss by chance."
)
BY_GROUP = "Difference: {1} minus {0}; below zero, {1} errs less. Each interval drawn holds alone."
GAPS = (
    "The gap is the highest minus the lowest rate of groups of at least {enough}. Its change is "
    "the gap of {1} minus that of {0}. Each interval in the table holds on its own."
)


def check_id(tags: Sequence[str]) -> str:
    """Name the check of a grouping."""
    return "compare-" + ("-".join(tags) or "overall")


def by_group(of: Comparison, tags: tuple[str, ...]) -> CheckResult:
    """Compare the error rates of every group; without tags, of all images."""
    by = say.attributes_title(tags) or "all images"
    enough = say.counted(of.spec.small_group, "image")
    result = CheckResult(
        id=check_id(tags),
        title=say.capitalised(by),
        part=("rates", "gaps", "combined")[min(len(tags), 2)],
        description=BY_GROUP.format(*of.names) if tags else ALL_IMAGES,
        status="not-estimable",
        sentence=f"No group has at least {enough} of one label that both classifiers scored.",
    )
    for rate, found in of.outcomes[tags].items():
        if not found.any:
            continue
        rows = _rows(of, rate, found, tags)
        result.tests += (
            Test(name=f"{result.title}: {rate.short}, {row.group}", method="McNemar, exact", p=p)
            for row, p in zip(rows, found.mcnemar(), strict=True)
            if row.n
        )
        result.details.append(_slopes(of, rate, rows, tags))
    result.findings = [_told(of, told) for told in of.differences if told.tags == tags]
    if tags:
        result.findings.sort(key=lambda found: -found.weight)
    _answer(result, 1 if tags else 2, f"No difference is shown by {by}")
    return result


def _answer(result: CheckResult, told: int, nothing: str) -> None:
    """Take the first findings as the answer, or say that none of them is shown."""
    findings = result.findings
    if not findings:
        return
    result.status = "info"
    if all(finding.weight <= 0 for finding in findings):
        result.sentence = f"{nothing}, of {len(findings):,} looked at."
        return
    result.sentence = " ".join(of.sentence for of in findings[:told])


def _rows(
    of: Comparison, rate: ErrorRate, found: Outcomes, tags: tuple[str, ...]
) -> list[SlopeRow]:
    first, second = found.only
    ends = found.difference(of.spec.confidence)
    difference = rate_of(second - first, found.n)
    turns = found.turns(of.confidence(tags))
    worth = np.rint(found.worth(found.n)).astype(int)
    numbers = np.stack([*rate_of(found.wrong, found.n), difference, *ends], axis=-1)
    fields = ("first", "second", "difference", "low", "high")
    rows = []
    for i, group in enumerate(of.tallies[tags].groups):
        n = int(found.n[i])
        notes = [] if n else [f"no {rate.images} that both scored"]
        if worth[i] < n:
            notes.append(f"worth {say.counted(int(worth[i]), 'independent image')}")
        for side in np.flatnonzero(found.alone[:, i]):
            m, wrong = found.alone[side, i], found.alone_wrong[side, i]
            share = say.percent(wrong / m)
            notes.append(f"{m:,} more scored by {of.names[side]} alone ({share} wrong)")
        if n and turns[i]:
            notes.append("that could turn the difference")
        known = dict(zip(fields, map(nan_to_none, numbers[i]), strict=True))
        rows.append(SlopeRow(group=group, n=n, **known, note="; ".join(notes) or None))
    return rows


def _slopes(of: Comparison, rate: ErrorRate, rows: list[SlopeRow], tags: tuple[str, ...]) -> Slopes:
    by, name = say.attributes_title(tags), say.capitalised(rate.name)
    return Slopes(
        title=f"{name} by {by}" if tags else name,
        note=say.missing_note(of.tallies[tags].missing, tags),
        measure=name,
        rate=rate.id,
        attribute=by or "all images",
        tag_source="; ".join(filter(None, map(of.paired.tag_source, tags))) or None,
        first_name=of.names[0],
        second_name=of.names[1],
        rows=rows,
    )


def _told(of: Comparison, found: Difference) -> Finding:
    """Tell a difference with its one interval."""
    group = f"{say.capitalised(found.name)}: " if found.tags else ""
    first, second = found.rates
    # Over all images the headline says it.
    turned = found.turns and found.tags
    return _finding(
        f"{group}{of.names[1]} calls {found.rate.error.removeprefix('called ')} {second} of "
        f"{say.counted(found.n, found.rate.image)}, {of.names[0]} {first}: "
        f"{told_change(found.interval, 'unscored images could turn it' if turned else '')}.",
        check_id(found.tags),
        found.tags,
        found.rate,
        found.n,
        found.interval,
    )


def _finding(
    sentence: str, check: str, tags: Sequence[str], rate: ErrorRate, n: int, interval: Interval
) -> Finding:
    return Finding(
        sentence=sentence,
        status="info",
        check=check,
        # Above 0 if it is shown; everybody before a group.
        weight=max(interval.low, -interval.upper) + (not tags),
        tags=list(tags),
        rate=rate.id,
        n=n,
        interval=interval,
    )


# --- over all groupings --------------------------------------------------------------------


def counts_table(of: Comparison) -> list[Detail]:
    """Count by tag and error rate for how many groups the second is shown to be better or worse."""
    rows = []
    for tags in of.groupings[1:]:
        for rate in RATES:
            ways = [d.way for d in of.differences if (d.tags, d.rate) == (tags, rate)]
            if ways:
                counts = [ways.count(way) for way in (-1, 1, 0)]
                rows.append((say.attributes_title(tags), rate.images, *counts))
    if not rows:
        return []
    return [
        lay_out(
            f"For how many groups {of.names[1]} is better or worse",
            by_rows(
                rows,
                "groups by; images; better for:count; worse for:count; undecided:count",
            ),
            note=f"Groups of at least {say.counted(of.spec.small_group, 'image')}; better and "
            "worse hold for all of them together.",
        )
    ]


def gaps(of: Comparison) -> list[CheckResult]:
    """Compare the gaps between large groups, if there are any."""
    rows = [
        (tags, rate, found)
        for tags in of.groupings[1:]
        for rate, found in of.outcomes[tags].items()
        if found.has_gap
    ]
    if not rows:
        return []
    enough = say.counted(of.spec.small_group, "image")
    result = CheckResult(
        id="compare-gaps",
        title="Gaps between groups",
        part="gaps",
        description=GAPS.format(*of.names, enough=enough),
        status="info",
        sentence="",
        details=[_gap_table(of, rows)],
    )
    for tags, rate, found in rows:
        gap = found.gap_change(of.confidence(tags))
        change = of.interval(tags, gap.value, gap.low, gap.high)
        sentence = (
            f"By {say.attributes_title(tags)}, {rate.images}: the gap is {say.points(gap.second)} "
            f"with {of.names[1]}, {100 * gap.first:.1f} with {of.names[0]}, {told_change(change)}."
        )
        n = int(found.n[found.large].sum())
        result.findings.append(_finding(sentence, result.id, tags, rate, n, change))
    result.findings.sort(key=lambda found: -found.weight)
    _answer(result, 1, "No gap is shown to change")
    return [result]


def _gap_table(
    of: Comparison, rows: Sequence[tuple[tuple[str, ...], ErrorRate, Outcomes]]
) -> Detail:
    told = []
    for tags, rate, found in rows:
        gap, n = found.gap_change(of.spec.confidence), found.n[found.large]
        which = say.attributes_title(tags), rate.short, len(n), int(n.sum())
        told.append((*which, gap.first, gap.second, gap.value, gap.low, gap.high))
    columns = heads("groups by; error rate; groups:count; images:count")
    columns += [(name, "points") for name in of.names]
    columns += heads("change:points; from:points; to:points")
    return lay_out("How the gaps change", by_rows(told, columns))
