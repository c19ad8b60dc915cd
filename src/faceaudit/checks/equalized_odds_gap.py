"""Equalized odds: is the gap between the groups' error rates within the chosen limit?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.equal_delivery import at_equal_delivery
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.checks.parts.sentences import judged_gap
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import Values, at_audited, forest, lay_out, number, statuses, text
from faceaudit.result import Column, Finding, Forest, GapVerdict, Interval, Status, Table
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.gaps import gap_bounds, observed_gaps
from faceaudit.stats.power import images_to_decide
from faceaudit.stats.rates import of_large_groups, rate_counts
from faceaudit.stats.verdicts import LimitedGap, judge_better_than_chance, judge_gap

Limited = tuple[Counts, ErrorRate, float]


@dataclass(frozen=True)
class Judged:
    """One gap held against its limit."""

    #: Its bounds hold for all verdicts of the audit together.
    finding: Finding
    #: Value, low and high at every threshold that can be shown, shape (thresholds, 3).
    moved: FloatArray
    #: How many groups are large enough to be compared, and a sentence of those that are not.
    groups: int
    left_out: str | None
    #: How many images of each group would decide it; None if it is decided, or if none would.
    needed: int | None
    #: What would decide it.
    remedy: str
    #: The share of wrong tags from which on it would not pass.
    turns: float


def run(data: AuditInput, options: Options) -> Product:
    """Hold the gap of each error rate against its limit, for every tag and combination."""
    trivial = judge_better_than_chance(data.audited(()), data.spec.confidence).trivial
    judged = [_judge(*limited, trivial, data) for limited in _limited(data)]
    statuses = {found.finding.status for found in judged}
    order: tuple[Status, ...] = ("fail", "insufficient-evidence", "pass", "not-estimable")
    status: Status = next((status for status in order if status in statuses), "info")
    forests = [_forest(judged, rate, data) for rate in ERROR_RATES.values()]
    findings = [found.finding for found in judged]
    return Product(
        status=status,
        sentence=_sentence(judged, status),
        verdicts=[GapVerdict.of(found, 1 - data.error_of(_name(found))) for found in findings],
        findings=[found for found in findings if found.status != "not-estimable"],
        details=[*forests, _table(judged, data) if judged else None],
    )


def _limited(data: AuditInput) -> Iterator[Limited]:
    """Give the counts of every grouping with every error rate that has a limit, and the limit."""
    for tags in data.spec.groupings:
        for rate in ERROR_RATES.values():
            if (limit := data.spec.limit(rate.id)) is not None:
                yield data.counts(tags), rate, limit


def _name(found: Finding) -> tuple[tuple[str, ...], str | None]:
    return tuple(found.tags), found.rate


def judges(data: AuditInput, options: Options) -> dict[Hashable, LimitedGap]:
    """Give the gaps that have two groups large enough to be compared."""
    gaps: dict[Hashable, LimitedGap] = {}
    for counts, rate, limit in _limited(data):
        n = rate_counts(counts.at(data.threshold), rate.id)[1]
        if np.count_nonzero(n >= data.spec.small_group) > 1:
            bounds = partial(_bounds, data, counts.tags, rate)
            gaps[counts.tags, rate.id] = LimitedGap(bounds, limit)
    return gaps


def _bounds(
    data: AuditInput, tags: tuple[str, ...], rate: ErrorRate, error: float
) -> tuple[float, float]:
    low, _, worst = data.gap_bounds(tags, rate, error)
    return low, worst


def _judge(
    counts: Counts, rate: ErrorRate, limit: float, trivial: bool, data: AuditInput
) -> Judged:
    smallest, error = data.spec.small_group, data.error_of((counts.tags, rate.id))
    sizes = rate_counts(counts, rate.id)[1]
    events, n = of_large_groups(counts, rate.id, smallest)
    effective = of_large_groups(counts.effective, rate.id, smallest, sizes)
    wrong = data.wrong_tags(counts.tags)
    bounds = gap_bounds(*effective, error, wrong_tags=wrong)
    values, highest, lowest = observed_gaps(events, n)
    events, n = at_audited(events, data), at_audited(n, data)
    audited = counts.thresholds.index(data.threshold)
    value, ends = float(values[audited]), (int(highest[audited]), int(lowest[audited]))
    low, high, worst = data.gap_bounds(counts.tags, rate, error)
    status = judge_gap(low, worst, limit, trivial=trivial)
    if data.unclustered and status in ("pass", "fail"):
        status = "insufficient-evidence"
    compared = at_audited(sizes, data)
    if status == "not-estimable" and np.count_nonzero(compared) > 1:
        # There are groups to compare, but all, or all but one, are too small.
        status = "insufficient-evidence"
    images, large, groups = int(n.sum()), int((n > 0).sum()), say.counted(len(n), "group")
    enough = say.counted(smallest, rate.image)
    needed, remedy = None, ""
    if status == "not-estimable":
        remedy = (
            f"{large} of {groups} ({say.counted(images, 'image')}) can be used, so there is no "
            f"gap in {rate.images} {rate.error}"
        )
    elif large < 2:
        has = say.out_of(large, len(n), "group", ("has", "have"))
        remedy = f"{has} at least {enough}, and two are needed to judge a gap"
    elif data.unclustered and (low > limit or worst <= limit):
        remedy = f"images that share a '{data.unclustered}' err alike, so this is less sure"
    elif high <= limit < worst:
        remedy = (
            f"images without a tag or a score could hide a gap of up to {say.points(worst)} "
            "(find them out, or say assume_missing: random)"
        )
    elif high <= limit:
        remedy = "the classifier is not shown to do better than guessing, so nothing passes"
    elif status == "insufficient-evidence":
        # What wrong tags may hide must fit into the limit too.
        room = limit * (1 - 2 * float(wrong.max()))
        if room > 0:
            worth = at_audited(effective[1], data)
            alone = images_to_decide(at_audited(effective[0], data), worth, room, error)
            needed = math.ceil(alone * images / worth.sum())
            remedy = (
                f"about {needed:,} {rate.images} of each group would show four times in five that "
                "it is within, if there is none"
            )
        elif limit > 0:
            remedy = "with so many wrong tags no number of images would do"
        else:
            remedy = "no number of images shows that there is none at all"
    finding = Finding(
        status=status,
        tags=list(counts.tags),
        rate=rate.id,
        n=images,
        events=int(events.sum()),
        limit=limit,
        # What is surely larger is read first; what fails before all others.
        weight=float(np.nan_to_num(low)) + (status == "fail"),
    )
    if large > 1:
        finding.interval = Interval(
            value=value, low=low, high=high, confidence=1 - 2 * error, together=True
        )
        finding.worst = worst if worst > high else None
        finding.wrong_tags = float(wrong.max()) or None
    if value > 0:
        finding.groups = named_groups(counts.groups, events, n, ends)
        finding.equal_delivery = at_equal_delivery(
            data, counts.at(data.threshold), rate, ends, 1 - 2 * error
        )
    finding.needed = needed
    finding.sentence = judged_gap(finding, remedy)
    small = int(np.count_nonzero(n == 0))
    left_out = f"{say.counted(small, 'group')} with fewer than {enough} left out" if small else None
    if finding.worst is not None:
        hidden = f"up to {say.points(worst)} whatever the images without a tag or a score are"
        left_out = "; ".join(filter(None, (left_out, hidden)))
    moved = np.stack([values, *bounds], axis=-1)
    # Wrong tags widen the gap by 1 / (1 - 2 × their share): see `gap_bounds`. Those that are said
    # to be wrong are in the bound already.
    stands = status == "pass" and limit > 0 and not wrong.any()
    turns = (1 - worst / limit) / 2 if stands else np.nan
    return Judged(finding, moved, large, left_out, needed, remedy, turns)


def _sentence(judged: Sequence[Judged], status: Status) -> str:
    if status == "info":
        return "The specification sets no limit on the gaps between groups."
    if status == "not-estimable":
        rates = dict.fromkeys(str(found.finding.rate) for found in judged)
        images = " or ".join(ERROR_RATES[rate].images for rate in rates)
        return f"No tag has two groups with {images}, so there is no gap to judge."
    decisive = [found for found in judged if found.finding.status == status]
    estimable = sum(found.finding.status != "not-estimable" for found in judged)
    # Among gaps of which nothing is sure, those that harm the person pictured come first.
    gravest = max(decisive, key=lambda found: _gravity(found.finding))
    verbs = {
        "fail": ("breaks its limit", "break their limit"),
        "insufficient-evidence": ("cannot be judged", "cannot be judged"),
        "pass": ("is within the limit", "are within the limit"),
    }[status]
    what = say.out_of(len(decisive), estimable, "gap", verbs)
    return judged_gap(gravest.finding, gravest.remedy, f" ({what}; {say.LIMIT_NOTE})")


def _gravity(found: Finding) -> tuple[float, bool, float]:
    return found.weight, found.rate == "fpr", found.interval.value if found.interval else 0.0


# --- details -------------------------------------------------------------------------------


def _interval_note(data: AuditInput) -> str:
    gaps = max(len(data.errors), 1)
    together = f"; of {gaps} gaps any verdict at all (Holm's method)" if gaps > 1 else ""
    wrong = (
        f" Of the tags, as the specification says, some are wrong ({', '.join(tags)}), so the gap "
        "may be wider than it is seen: by as much as the upper ends say."
        if (tags := list(map(say.tag_title, data.spec.tag_error)))
        else ""
    )
    return (
        "From and to are bounds, of which one decides: with no more than "
        f"{100 * (1 - data.spec.confidence):g} % chance is a verdict wrong{together}. The limit "
        f"is {say.LIMIT_NOTE}.{wrong}"
    )


def _moved(judged: Sequence[Judged], data: AuditInput) -> FloatArray:
    """Stack value, low and high of the gaps: shape (3, thresholds, gaps), or (3, gaps)."""
    if all(len(found.moved) > 1 for found in judged):
        return np.stack([found.moved for found in judged], axis=-1).swapaxes(0, 1)
    return np.stack([at_audited(found.moved, data) for found in judged], axis=-1)


def _forest(judged: Sequence[Judged], rate: ErrorRate, data: AuditInput) -> Forest | None:
    drawn = [found for found in judged if found.finding.rate == rate.id]
    findings = [found.finding for found in drawn]
    if all(found.status == "not-estimable" for found in findings):
        return None
    value, low, high = _moved(drawn, data)
    return forest(
        data,
        groups=[say.attributes_title(found.tags) for found in findings],
        n=[found.n for found in findings],
        value=value,
        low=low,
        high=high,
        status=[found.status for found in findings],
        judged=True,
        notes=[found.left_out for found in drawn],
        title=f"{say.capitalised(rate.images)} {rate.error}: gap between groups",
        note=_interval_note(data),
        measure=f"highest minus lowest {rate.short} of the groups",
        scale="points",
        attribute="tag",
        tag_source=data.tag_source(list(dict.fromkeys(t for of in findings for t in of.tags))),
        limit=data.spec.limit(rate.id),
    )


def _table(judged: Sequence[Judged], data: AuditInput) -> Table:
    findings = [found.finding for found in judged]
    value, low, high = _moved(judged, data)
    notes = []
    for found in judged:
        undecided = found.finding.status == "insufficient-evidence" and found.needed is None
        parts = (found.left_out, found.remedy if undecided else None)
        notes.append("; ".join(filter(None, parts)) or None)
    plan = "of each group; if there is no gap, so many show four times in five that it is within"
    decide = Column(title="images that would decide", kind="count", help=plan)
    mixed = "the pass would not stand if more of each group's images belonged to other groups"
    turns = Column(title="wrong tags it stands", kind="percent", help=mixed)
    large = [found.groups for found in judged]
    return lay_out(
        "Gaps and limits",
        [
            text("tag", [say.attributes_title(found.tags) for found in findings]),
            text("error rate", [ERROR_RATES[str(found.rate)].short for found in findings]),
            number("groups", "count", large, "groups with images of this kind"),
            number("images", "count", [found.n for found in findings]),
            number("gap", "points", value, "highest minus lowest rate"),
            number("from", "points", low),
            number("to", "points", high),
            number("limit", "points", [found.limit for found in findings], say.LIMIT_NOTE),
            statuses("verdict", [found.status for found in findings]),
            Values(decide, [found.needed for found in judged], audited_only=True),
            Values(turns, [found.turns for found in judged], audited_only=True),
            text("note", notes, audited_only=True),
        ],
        data,
        _interval_note(data),
    )


CHECK = Check(
    id="equalized-odds-gap",
    title="Gaps between groups against the chosen limit",
    part="gaps",
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
