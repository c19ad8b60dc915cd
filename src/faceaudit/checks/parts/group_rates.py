"""Error rates of the groups of one tag, or of several combined: table, forest, tests, findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from faceaudit.checks.base import AuditInput
from faceaudit.checks.parts.sentences import rate_gap
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import at_audited, forest, interval, lay_out, number, text
from faceaudit.result import Finding, Forest, GroupRate, Interval, Table, Test
from faceaudit.stats import IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.gaps import max_min_gap
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import (
    RateEstimate,
    estimate,
    group_rates,
    of_large_groups,
    rate_counts,
)
from faceaudit.stats.significance import all_alike, each_against_rest
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    group_title,
    interval_title,
    missing_note,
)


class GroupRates:
    """The error rates of every group of some tags at every threshold, estimated once.

    The images whose tag is missing, if there are any, are one more group, the last; it is shown
    in the table and compared with nothing.
    """

    def __init__(self, counts: Counts, data: AuditInput) -> None:
        self.counts, self.data = counts, data
        shown = _with_missing(counts, data)
        rates = (*ERROR_RATES, "accuracy")
        self._estimates = {
            rate: estimate(*rate_counts(shown, rate), data.spec.confidence) for rate in rates
        }
        # At the audited threshold the values are fairlearn's.
        audited = counts.thresholds.index(data.threshold)
        for rate, values in group_rates(shown.at(data.threshold), rates).items():
            self._estimates[rate].value[audited] = values

    @property
    def title(self) -> str:
        """The tags that make the groups."""
        return attributes_title(self.counts.tags)

    def of(self, rate: ErrorRate) -> RateEstimate:
        """Give one error rate of the groups proper."""
        return self._estimates[rate.id].take(slice(len(self.counts.groups)))

    def table(self, note: str | None = None) -> Table:
        """Lay out the error rates of every group with their intervals and denominators."""
        counts, confidence = self.counts, interval_title(self.data.spec.confidence)
        missing = ["(tag missing)"] if counts.missing else []
        columns = [text(self.title, [*counts.labels, *missing])]
        for rate in ERROR_RATES.values():
            found = self._estimates[rate.id]
            columns += [
                number(rate.images, "count", found.n),
                number(f"{rate.column} ({rate.short})", "percent", found.value, rate.name),
                *interval(confidence, "percent", found.low, found.high),
            ]
        columns += [
            number("called rightly", "percent", self._estimates["accuracy"].value, "accuracy"),
            text("note", list(self._notes())),
        ]
        notes = [
            f"Tags: {self.data.tag_source(counts.tags)}.",
            f"{confidence}s (Clopper–Pearson) hold for each rate on its own.",
            missing_note(counts.missing, counts.tags),
            note,
        ]
        title = f"Error rates by {self.title}"
        return lay_out(title, columns, self.data, " ".join(filter(None, notes)))

    def _notes(self) -> Iterator[str | None]:
        sizes = [at_audited(self._estimates[rate].n, self.data) for rate in ERROR_RATES]
        for of_group in zip(*sizes, strict=True):
            notes = (
                size_note(int(n), rate, self.data.spec.small_group)
                for n, rate in zip(of_group, ERROR_RATES.values(), strict=True)
            )
            yield "; ".join(filter(None, notes)) or None

    def forest(self, rate: ErrorRate) -> Forest | None:
        """Draw an error rate of every group beside that of all images; None without any image."""
        found, counts = self.of(rate), self.counts
        sizes = at_audited(found.n, self.data)
        if not sizes.sum():
            return None
        events, n = rate_counts(self.data.images.counts((), counts.thresholds), rate.id)
        return forest(
            self.data,
            groups=counts.labels,
            **vars(found),
            status=[None if of else "not-estimable" for of in sizes],
            notes=[size_note(int(of), rate, self.data.spec.small_group) for of in sizes],
            title=capitalised(f"{rate.images} {rate.error}, by {self.title}"),
            note=missing_note(counts.missing, counts.tags),
            measure=f"{rate.images} {rate.error} ({rate.short})",
            attribute=self.title,
            tag_source=self.data.tag_source(counts.tags),
            reference=rate_of(events, n),
            reference_label="all images",
            reference_n=int(at_audited(n, self.data)[0]),
        )


def _with_missing(counts: Counts, data: AuditInput) -> Counts:
    """Append the images without a tag, if there are any, as one more group."""
    if not counts.missing:
        return counts
    whole = data.images.counts((), counts.thresholds)

    def extended(column: IntArray, everything: IntArray) -> IntArray:
        rest = everything - column.sum(axis=-1, keepdims=True)
        return np.concatenate([column, rest], axis=-1)

    return Counts(
        counts.tags,
        [*counts.groups, ("(tag missing)",) * len(counts.tags)],
        n_real=extended(counts.n_real, whole.n_real),
        real_called_ai=extended(counts.real_called_ai, whole.real_called_ai),
        n_ai=extended(counts.n_ai, whole.n_ai),
        ai_called_real=extended(counts.ai_called_real, whole.ai_called_real),
        thresholds=counts.thresholds,
    )


def size_note(n: int, rate: ErrorRate, small: int) -> str | None:
    """Say that a group has no or few images of a kind; None if it has enough."""
    if n == 0:
        return f"no {rate.image}"
    return f"small: {counted(n, rate.image)}" if n < small else None


# --- tests ---------------------------------------------------------------------------------


def rate_tests(counts: Counts, rate: ErrorRate) -> list[Test]:
    """Test that all groups have the same error rate, and each group against the rest."""
    events, n = rate_counts(counts, rate.id)
    alike = all_alike(events, n)
    if alike is None:
        return []
    title = attributes_title(counts.tags)
    name = f"{rate.short} alike in all groups of {title}"
    tests = [Test(name=name, method=alike.method, p=alike.p)]
    against_rest = each_against_rest(events, n)
    if np.count_nonzero(n) == 2:
        # Each of two groups is the other's rest: one question, not two.
        against_rest[np.flatnonzero(n)[1]] = np.nan
    for i in np.flatnonzero(~np.isnan(against_rest)):
        name = f"{rate.short} of {group_title(counts.tags, counts.groups[i])} against the rest"
        tests.append(Test(name=name, method="Fisher's exact test", p=float(against_rest[i])))
    return tests


# --- findings ------------------------------------------------------------------------------


def rate_gaps(counts: Counts, data: AuditInput) -> list[Finding]:
    """Find the gap of each error rate that at least two groups have.

    Small groups are left out where there are two others.
    """
    gaps = []
    smallest = data.spec.small_group
    for rate in ERROR_RATES:
        events, n = of_large_groups(counts, rate, smallest)
        enough = np.count_nonzero(n) > 1
        if not enough:
            events, n = rate_counts(counts, rate)
        gap = max_min_gap(events, n, data.spec.confidence)
        if not np.isnan(gap.value):
            finding = Finding(
                status="info",
                tags=list(counts.tags),
                rate=rate,
                groups=named_groups(counts, events, n, (gap.highest, gap.lowest)),
                n=int(n.sum()),
                events=int(events.sum()),
                interval=Interval(
                    value=gap.value, low=gap.low, high=gap.high, confidence=data.spec.confidence
                ),
                smallest=smallest if enough and gap.left_out and smallest > 1 else None,
                weight=gap.low,
            )
            finding.sentence = rate_gap(finding)
            gaps.append(finding)
    return gaps


def named_groups(
    counts: Counts, events: IntArray, n: IntArray, places: Sequence[int | None]
) -> list[GroupRate]:
    """Give some groups with their error rate."""
    return [
        GroupRate(
            group=list(counts.groups[i]), n=int(n[i]), events=int(events[i]), value=events[i] / n[i]
        )
        for i in places
        if i is not None
    ]


def answer(gaps: Sequence[Finding]) -> str:
    """Tell the gap that is surely largest; among unclear ones the largest seen."""
    intervals = [gap.interval for gap in gaps if gap.interval is not None]
    widest = max(range(len(gaps)), key=lambda i: (intervals[i].low, intervals[i].value))
    gaps[widest].in_answer = True
    return gaps[widest].sentence
