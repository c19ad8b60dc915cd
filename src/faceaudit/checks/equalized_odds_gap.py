"""Equalized odds: is the gap between the groups' error rates within the chosen limit?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.checks.parts.sentences import judged_gap
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import Values, at_audited, forest, lay_out, number, text
from faceaudit.result import (
    Column,
    Finding,
    Forest,
    GapVerdict,
    Interval,
    Status,
    Table,
)
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.gaps import GapInterval, max_min_gap, max_min_gaps
from faceaudit.stats.rates import of_large_groups, rate_counts
from faceaudit.stats.verdicts import judge_gap, judge_triviality, times_to_decide
from faceaudit.wording import (
    LIMIT_NOTE,
    attributes_title,
    capitalised,
    counted,
    interval_title,
    out_of,
)


@dataclass(frozen=True)
class Judged:
    """One gap held against its limit.

    Attributes
    ----------
    tags : tuple of str
    rate : ErrorRate
    n : int64 array, shape (groups,)
        Images of each group; 0 where they are too few to be compared.
    gap : GapInterval
        At a confidence that holds for all verdicts of the audit together.
    moved : float64 array, shape (thresholds, 3)
        Value, low and high of the gap at every threshold that can be shown.
    finding : Finding
    times : float or None
        How many times the images would decide it; None if decided, or if none would.
    remedy : str
        What would decide it.
    """

    tags: tuple[str, ...]
    rate: ErrorRate
    n: IntArray
    gap: GapInterval
    moved: FloatArray
    finding: Finding
    times: float | None
    remedy: str

    @property
    def status(self) -> Status:
        """What follows."""
        return self.finding.status

    def left_out(self, smallest: int) -> str | None:
        """Say how many groups are too small."""
        if not (count := len(self.gap.left_out)):
            return None
        fewer = counted(smallest, self.rate.image)
        return f"{counted(count, 'group')} with fewer than {fewer} left out"


def run(data: AuditInput, options: Options) -> Product:
    """Hold the gap of each error rate against its limit, for every tag and combination."""
    trivial = judge_triviality(data.audited(()), data.spec.confidence).trivial
    judged = [_judge(counts, rate, trivial, data) for counts, rate in _gaps(data)]
    statuses = {found.status for found in judged}
    order: tuple[Status, ...] = ("fail", "insufficient-evidence", "pass", "not-estimable")
    status: Status = next((status for status in order if status in statuses), "info")
    forests = [_forest(judged, rate, data) for rate in ERROR_RATES.values()]
    return Product(
        status=status,
        sentence=_sentence(judged, status),
        verdicts=[GapVerdict.of(found.finding, data.verdict_confidence) for found in judged],
        findings=[found.finding for found in judged if found.status != "not-estimable"],
        details=[*forests, _table(judged, data) if judged else None],
    )


def _gaps(data: AuditInput) -> Iterator[tuple[Counts, ErrorRate]]:
    """Give the counts of every grouping with every error rate that has a limit."""
    for tags in data.spec.groupings:
        for rate in ERROR_RATES.values():
            if data.spec.limit(rate.id) is not None:
                yield data.counts(tags), rate


def judges(data: AuditInput, options: Options) -> int:
    """Count the gaps that have two groups large enough to be compared."""
    smallest = data.spec.small_group
    sizes = [rate_counts(counts.at(data.threshold), rate.id)[1] for counts, rate in _gaps(data)]
    return sum(bool(np.count_nonzero(n >= smallest) > 1) for n in sizes)


def _judge(counts: Counts, rate: ErrorRate, trivial: bool, data: AuditInput) -> Judged:
    confidence, limit = data.verdict_confidence, data.spec.limit(rate.id)
    assert limit is not None
    events, n = of_large_groups(counts, rate.id, data.spec.small_group)
    audited = counts.thresholds.index(data.threshold)
    if n.ndim == 1:
        gaps = max_min_gaps(events, n, confidence)
    else:
        gaps = [max_min_gap(x, of, confidence) for x, of in zip(events, n, strict=True)]
        n = n[audited]
    events, gap = events[audited], gaps[audited]
    status = judge_gap(gap, limit, trivial=trivial)
    compared = at_audited(rate_counts(counts, rate.id)[1], data)
    if status == "not-estimable" and np.count_nonzero(compared) > 1:
        # There are groups to compare, but all, or all but one, are too small.
        status = "insufficient-evidence"
    judgeable = not np.isnan(gap.value)
    held_back = status == "insufficient-evidence" and gap.high <= limit
    times = None
    if status == "insufficient-evidence" and judgeable and not held_back:
        times = times_to_decide(events, n, limit, confidence)
    finding = Finding(
        status=status,
        tags=list(counts.tags),
        rate=rate.id,
        groups=named_groups(counts, events, n, (gap.highest, gap.lowest)) if gap.value else [],
        n=int(n.sum()),
        events=int(events.sum()),
        interval=Interval(
            value=gap.value, low=gap.low, high=gap.high, confidence=confidence, together=True
        )
        if judgeable
        else None,
        limit=limit,
        # What is surely larger is read first; what fails before all others.
        weight=float(np.nan_to_num(gap.low)) + (status == "fail"),
    )
    remedy = _remedy(rate, n, status, held_back, times, data.spec.small_group)
    finding.sentence = judged_gap(finding, remedy)
    moved = np.array([(found.value, found.low, found.high) for found in gaps])
    return Judged(counts.tags, rate, n, gap, moved, finding, times, remedy)


def _remedy(
    rate: ErrorRate,
    n: IntArray,
    status: Status,
    held_back: bool,
    times: float | None,
    smallest: int,
) -> str:
    """Say what would decide a gap, or why there is none."""
    large, groups = int((n > 0).sum()), counted(len(n), "group")
    if held_back:
        return "the classifier is not shown to do better than guessing, so nothing passes"
    if status == "not-estimable":
        return (
            f"{large} of {groups} ({counted(n.sum(), 'image')}) can be used, so there is no gap in "
            f"{rate.images} {rate.error}"
        )
    if large < 2:
        has = out_of(large, len(n), "group", ("has", "have"))
        enough = counted(smallest, rate.image)
        return f"{has} at least {enough}, and two are needed to judge a gap"
    if times is None:
        return "the gap lies at the limit, so no number of images would decide it"
    return f"about {times * n.sum():,.0f} images instead of {n.sum():,} would decide it"


def _sentence(judged: Sequence[Judged], status: Status) -> str:
    if status == "info":
        return "The specification sets no limit on the gaps between groups."
    if status == "not-estimable":
        images = " or ".join(dict.fromkeys(found.rate.images for found in judged))
        return f"No tag has two groups with {images}, so there is no gap to judge."
    decisive = [found for found in judged if found.status == status]
    estimable = sum(found.status != "not-estimable" for found in judged)
    gravest = max(
        decisive,
        # Among gaps of which nothing is sure, those that harm the person pictured come first.
        key=lambda found: (
            np.nan_to_num(found.gap.low),
            found.rate.id == "fpr",
            np.nan_to_num(found.gap.value),
        ),
    )
    gravest.finding.in_answer = True
    verbs = {
        "fail": ("breaks its limit", "break their limit"),
        "insufficient-evidence": ("cannot be judged", "cannot be judged"),
        "pass": ("is within the limit", "are within the limit"),
    }[status]
    what = out_of(len(decisive), estimable, "gap", verbs)
    return judged_gap(gravest.finding, gravest.remedy, f" ({what}; {LIMIT_NOTE})")


# --- details -------------------------------------------------------------------------------


def _interval_note(data: AuditInput) -> str:
    together = (
        f": they hold for all {data.gap_verdicts} verdicts of this audit together with "
        f"{100 * data.spec.confidence:g} % confidence"
    )
    return (
        f"{interval_title(data.verdict_confidence)}s"
        f"{together if data.gap_verdicts > 1 else ''}. The limit is {LIMIT_NOTE}."
    )


def _moved(judged: Sequence[Judged], data: AuditInput) -> FloatArray:
    """Stack value, low and high of the gaps: shape (3, thresholds, gaps), or (3, gaps)."""
    if all(len(found.moved) > 1 for found in judged):
        return np.stack([found.moved for found in judged], axis=-1).swapaxes(0, 1)
    return np.array([[f.gap.value, f.gap.low, f.gap.high] for f in judged]).T


def _forest(judged: Sequence[Judged], rate: ErrorRate, data: AuditInput) -> Forest | None:
    drawn = [found for found in judged if found.rate == rate]
    if all(found.status == "not-estimable" for found in drawn):
        return None
    value, low, high = _moved(drawn, data)
    return forest(
        data,
        groups=[attributes_title(found.tags) for found in drawn],
        n=[int(found.n.sum()) for found in drawn],
        value=value,
        low=low,
        high=high,
        status=[found.status for found in drawn],
        judged=True,
        notes=[found.left_out(data.spec.small_group) for found in drawn],
        title=f"{capitalised(rate.images)} {rate.error}: gap between groups",
        note=_interval_note(data),
        measure=f"highest minus lowest {rate.short} of the groups",
        scale="points",
        attribute="tag",
        tag_source=data.tag_source(tuple(dict.fromkeys(t for found in drawn for t in found.tags))),
        limit=drawn[0].finding.limit,
    )


def _table(judged: Sequence[Judged], data: AuditInput) -> Table:
    value, low, high = _moved(judged, data)
    needed = [None if f.times is None else round(f.times * int(f.n.sum())) for f in judged]
    notes = []
    for found, images in zip(judged, needed, strict=True):
        undecided = found.status == "insufficient-evidence" and images is None
        parts = (found.left_out(data.spec.small_group), found.remedy if undecided else None)
        notes.append("; ".join(filter(None, parts)) or None)
    decide = Column(
        title="images that would decide",
        kind="count",
        help="if the rates stay as they are; a rough guide",
    )
    return lay_out(
        "Gaps and limits",
        [
            text("tag", [attributes_title(found.tags) for found in judged]),
            text("error rate", [found.rate.short for found in judged]),
            number(
                "groups",
                "count",
                [int((found.n > 0).sum()) for found in judged],
                "groups with images of this kind",
            ),
            number("images", "count", [int(found.n.sum()) for found in judged]),
            number("gap", "points", value, "highest minus lowest rate"),
            number("from", "points", low),
            number("to", "points", high),
            number("limit", "points", [found.finding.limit or 0.0 for found in judged], LIMIT_NOTE),
            text("verdict", [found.status for found in judged], audited_only=True),
            Values(decide, needed, audited_only=True),
            text("note", notes, audited_only=True),
        ],
        data,
        _interval_note(data),
    )


CHECK = Check(
    id="equalized-odds-gap",
    title="Gaps between groups against the chosen limit",
    failure_title="The gap between groups is beyond the chosen limit",
    description=(
        "Takes the group with the highest and the group with the lowest error rate and holds the "
        "difference against a limit that the auditor chose; it is not a legal test. The limit is "
        "broken only if the whole range in which the gap can lie is beyond it, and met only if "
        "the whole range is within it; otherwise there is not enough evidence, and the number of "
        "images that would decide is given. Groups too small to say anything (fewer images than "
        "the specification's small_group) are left out of the gap and counted. A classifier that "
        "does no better than guessing never passes."
    ),
    run=run,
    judges=judges,
)
