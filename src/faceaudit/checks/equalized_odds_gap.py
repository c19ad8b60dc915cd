"""Equalized odds: is the gap between the groups' error rates within the chosen limit?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import (
    ERROR_RATES,
    WORDS,
    interval_title,
    tag_source,
)
from faceaudit.checks.parts.threshold_grid import ByThreshold, count_by_threshold, rounded
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Detail,
    ErrorRate,
    Estimate,
    Finding,
    Forest,
    GapVerdict,
    Status,
    Table,
    nan_to_none,
)
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.stats.gaps import GapInterval, max_min_gap, max_min_gaps
from faceaudit.stats.rates import rate_counts
from faceaudit.stats.verdicts import judge_gap, judge_triviality, times_to_decide
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    group_title,
    out_of,
    percent,
    points,
    points_range,
)

LIMIT_NOTE = "a chosen limit, not a legal test"


@dataclass(frozen=True)
class Judged:
    """One gap held against its limit.

    Attributes
    ----------
    counts : OutcomeCounts
        Without the groups that are smaller than `smallest`.
    rate : {"fpr", "fnr"}
    gap : GapInterval
        At a confidence that holds for all verdicts of the audit together.
    limit : float
    status : Status
    times : float or None
        How many times the images would decide it; None if decided, or if none would.
    trivial : bool
        The gap is within the limit, but the classifier is not shown to beat guessing.
    smallest : int
        Groups with fewer images are left out.
    """

    counts: OutcomeCounts
    rate: ErrorRate
    gap: GapInterval
    limit: float
    status: Status
    times: float | None
    trivial: bool
    smallest: int
    #: At every threshold of the result; empty where there are too many groups.
    moved: list[GapInterval]

    @property
    def title(self) -> str:
        """Name the tags whose groups are compared."""
        return attributes_title(self.counts.attributes)

    def record(self, confidence: float) -> GapVerdict:
        """Give the verdict as numbers."""
        return GapVerdict(
            tags=list(self.counts.attributes),
            rate=self.rate,
            limit=self.limit,
            value=nan_to_none(self.gap.value),
            low=nan_to_none(self.gap.low),
            high=nan_to_none(self.gap.high),
            confidence=confidence,
            status=self.status,
        )

    def finding(self) -> Finding:
        """Give the verdict as a sentence; it weighs as much as the gap amounts to at least."""
        return Finding(
            sentence=f"{self.sentence()}.",
            status=self.status,
            check=CHECK.id,
            weight=float(np.nan_to_num(self.gap.low)) + (self.status == "fail"),
        )

    def sentence(self) -> str:
        """Tell the gap, its interval, its limit and what follows, without a full stop."""
        words = WORDS[self.rate]
        if self.status == "not-estimable":
            n = rate_counts(self.counts, self.rate)[1]
            return (
                f"By {self.title}, {int((n > 0).sum())} of {counted(len(n), 'group')} "
                f"({counted(n.sum(), 'image')}) can be used, so there is no gap in {words.images} "
                f"{words.verdict}"
            )
        if np.isnan(self.gap.value):
            return f"By {self.title}, {self.remedy()}"
        told = (
            f"By {self.title}, the share of {words.images} {words.verdict} differs by "
            f"{points(self.gap.value)} between {self._extremes()}"
        )
        limit = f"the chosen limit of {points(self.limit)}"
        if self.status == "fail":
            return f"{told}, allowing for chance by at least {points(self.gap.low)}: beyond {limit}"
        if self.status == "pass":
            return f"{told}, allowing for chance by at most {points(self.gap.high)}: within {limit}"
        if self.trivial:
            most = points(self.gap.high)
            return f"{told}, allowing for chance by at most {most}, but {self.remedy()}"
        return (
            f"{told}; allowing for chance it is {points_range(self.gap.low, self.gap.high)}, too "
            f"wide a range to hold against {limit}: {self.remedy()}"
        )

    def remedy(self) -> str:
        """Say what would decide an undecided gap."""
        if self.trivial:
            return "the classifier is not shown to do better than guessing, so nothing passes"
        n = rate_counts(self.counts, self.rate)[1]
        if np.isnan(self.gap.value):
            large = int((n > 0).sum())
            enough = counted(self.smallest, WORDS[self.rate].image)
            return (
                f"{out_of(large, len(n), 'group', ('has', 'have'))} at least {enough}, and two are "
                "needed to judge a gap"
            )
        if self.times is None:
            return "the gap lies at the limit, so no number of images would decide it"
        return f"about {self.times * n.sum():,.0f} images instead of {n.sum():,} would decide it"

    def _extremes(self) -> str:
        events, n = rate_counts(self.counts, self.rate)
        if self.gap.value == 0:
            return f"all groups ({percent(events.sum() / n.sum())} of {n.sum():,})"
        return " and ".join(
            f"{group_title(self.counts.attributes, self.counts.groups[i])} "
            f"({percent(events[i] / n[i])} of {n[i]:,})"
            for i in (self.gap.highest, self.gap.lowest)
            if i is not None
        )


def run(data: AuditInput, options: Options) -> CheckResult:
    """Hold the gap of both error rates against its limit, for every tag and combination."""
    verdicts = list(_verdicts(data))
    details: list[Detail] = [
        forest for rate in ERROR_RATES if (forest := _forest(verdicts, rate, data)) is not None
    ]
    if verdicts:
        details.append(_table(verdicts, data))
    status = _overall(verdicts)
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status=status,
        sentence=_sentence(verdicts, status),
        verdicts=[verdict.record(verdict_confidence(data)) for verdict in verdicts],
        findings=[verdict.finding() for verdict in verdicts if verdict.status != "not-estimable"],
        details=details,
    )


def verdict_confidence(data: AuditInput) -> float:
    """Return the confidence of each gap at which all of the audit's verdicts hold together."""
    return 1 - (1 - data.spec.confidence) / data.gap_verdicts


def _verdicts(data: AuditInput) -> Iterator[Judged]:
    whole = count_outcomes(data.table, (), data.threshold)
    trivial = judge_triviality(whole, data.spec.confidence).trivial
    confidence = verdict_confidence(data)
    smallest = data.spec.small_group
    limits: dict[ErrorRate, float | None] = {
        "fpr": data.spec.limits.fpr_gap,
        "fnr": data.spec.limits.fnr_gap,
    }
    for attributes in (*([name] for name in data.spec.attributes), *data.spec.intersections):
        every_group = count_outcomes(data.table, attributes, data.threshold)
        counts = every_group.at_least(smallest)
        moved = [found.at_least(smallest) for found in count_by_threshold(every_group, data)]
        for rate, limit in limits.items():
            if limit is None:
                continue
            events, n = rate_counts(counts, rate)
            gap = max_min_gap(events, n, confidence)
            status = judge_gap(gap, limit, trivial=trivial)
            if (
                status == "not-estimable"
                and np.count_nonzero(rate_counts(every_group, rate)[1]) > 1
            ):
                # There are groups to compare, but all, or all but one, are too small.
                status = "insufficient-evidence"
            undecided = status == "insufficient-evidence"
            held_back = undecided and gap.high <= limit
            times = None
            if undecided and not held_back and not np.isnan(gap.value):
                times = times_to_decide(events, n, limit, confidence)
            moved_events = [rate_counts(found, rate)[0] for found in moved]
            gaps = max_min_gaps(moved_events, n, confidence) if moved else []
            yield Judged(counts, rate, gap, limit, status, times, held_back, smallest, gaps)


def _overall(verdicts: Sequence[Judged]) -> Status:
    statuses = {verdict.status for verdict in verdicts}
    order: tuple[Status, ...] = ("fail", "insufficient-evidence", "pass", "not-estimable")
    return next((status for status in order if status in statuses), "info")


def _sentence(verdicts: Sequence[Judged], status: Status) -> str:
    if status == "info":
        return "The specification sets no limit on the gaps between groups."
    if status == "not-estimable":
        images = " or ".join(dict.fromkeys(WORDS[verdict.rate].images for verdict in verdicts))
        return f"No tag has two groups with {images}, so there is no gap to judge."
    decisive = [verdict for verdict in verdicts if verdict.status == status]
    estimable = sum(verdict.status != "not-estimable" for verdict in verdicts)
    gravest = max(
        decisive,
        # Among gaps of which nothing is sure, those that harm the person pictured come first.
        key=lambda verdict: (
            np.nan_to_num(verdict.gap.low),
            verdict.rate == "fpr",
            np.nan_to_num(verdict.gap.value),
        ),
    )
    verbs = {
        "fail": ("breaks its limit", "break their limit"),
        "insufficient-evidence": ("cannot be judged", "cannot be judged"),
        "pass": ("is within the limit", "are within the limit"),
    }[status]
    what = out_of(len(decisive), estimable, "gap", verbs)
    return f"{gravest.sentence()} ({what}; {LIMIT_NOTE})."


# --- details -------------------------------------------------------------------------------


def _interval_note(data: AuditInput) -> str:
    together = (
        f": they hold for all {data.gap_verdicts} verdicts of this audit together with "
        f"{100 * data.spec.confidence:g} % confidence"
    )
    return (
        f"{interval_title(round(verdict_confidence(data), 5))}s"
        f"{together if data.gap_verdicts > 1 else ''}. The limit is {LIMIT_NOTE}."
    )


def _forest(verdicts: Sequence[Judged], rate: ErrorRate, data: AuditInput) -> Forest | None:
    chosen = [verdict for verdict in verdicts if verdict.rate == rate]
    if all(verdict.status == "not-estimable" for verdict in chosen):
        return None
    words = WORDS[rate]
    tags = tuple(dict.fromkeys(tag for verdict in chosen for tag in verdict.counts.attributes))
    return Forest(
        title=f"{capitalised(words.images)} {words.verdict}: gap between groups",
        note=_interval_note(data),
        measure=f"highest minus lowest {words.short} of the groups",
        scale="points",
        attribute="tag",
        tag_source=tag_source(data, tags),
        rows=[
            Estimate(
                group=verdict.title,
                n=int(rate_counts(verdict.counts, rate)[1].sum()),
                value=nan_to_none(verdict.gap.value),
                low=nan_to_none(verdict.gap.low),
                high=nan_to_none(verdict.gap.high),
                status=verdict.status,
                note=_left_out(verdict),
            )
            for verdict in chosen
        ],
        limit=chosen[0].limit,
        by_threshold=_moved(chosen, "value", "low", "high", "status"),
    )


def _moved(
    verdicts: Sequence[Judged], value: str, low: str, high: str, *judged: str
) -> ByThreshold:
    """Name the gaps at every threshold; what is judged holds for the audited one only."""
    if not all(verdict.moved for verdict in verdicts):
        return None
    gaps = list(zip(*(verdict.moved for verdict in verdicts), strict=True))
    return {
        value: rounded([[gap.value for gap in row] for row in gaps], "points"),
        low: rounded([[gap.low for gap in row] for row in gaps], "points"),
        high: rounded([[gap.high for gap in row] for row in gaps], "points"),
        **dict.fromkeys(judged),
    }


def _left_out(verdict: Judged) -> str | None:
    left_out = len(verdict.gap.left_out)
    if not left_out:
        return None
    return (
        f"{counted(left_out, 'group')} with fewer than "
        f"{counted(verdict.smallest, WORDS[verdict.rate].image)} left out"
    )


def _table(verdicts: Sequence[Judged], data: AuditInput) -> Table:
    rows: list[list[Cell]] = []
    for verdict in verdicts:
        n = rate_counts(verdict.counts, verdict.rate)[1]
        undecided = verdict.status == "insufficient-evidence"
        needed = None if verdict.times is None else round(verdict.times * int(n.sum()))
        notes = [_left_out(verdict), verdict.remedy() if undecided and needed is None else None]
        rows.append(
            [
                verdict.title,
                WORDS[verdict.rate].short,
                int((n > 0).sum()),
                int(n.sum()),
                nan_to_none(verdict.gap.value),
                nan_to_none(verdict.gap.low),
                nan_to_none(verdict.gap.high),
                verdict.limit,
                verdict.status,
                needed,
                "; ".join(note for note in notes if note) or None,
            ]
        )
    return Table(
        title="Gaps and limits",
        note=_interval_note(data),
        columns=[
            Column(title="tag"),
            Column(title="error rate"),
            Column(title="groups", kind="count", help="groups with images of this kind"),
            Column(title="images", kind="count"),
            Column(title="gap", kind="points", help="highest minus lowest rate"),
            Column(title="from", kind="points"),
            Column(title="to", kind="points"),
            Column(title="limit", kind="points", help=LIMIT_NOTE),
            Column(title="verdict"),
            Column(
                title="images that would decide",
                kind="count",
                help="if the rates stay as they are; a rough guide",
            ),
            Column(title="note"),
        ],
        rows=rows,
        by_threshold=_moved(verdicts, "4", "5", "6", "8", "9", "10"),
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
    verdicts=lambda spec, rates: len(rates) * (len(spec.attributes) + len(spec.intersections)),
)
