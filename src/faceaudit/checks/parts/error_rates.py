"""Error rates of the groups of one tag, or of several combined: table, forest, tests, finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceaudit.checks import AuditInput
from faceaudit.checks.parts.threshold_grid import ByThreshold, moved_rate, rounded
from faceaudit.result import (
    Cell,
    Column,
    ErrorRate,
    Estimate,
    Finding,
    Forest,
    Table,
    Test,
    nan_to_none,
)
from faceaudit.stats.counts import (
    IntArray,
    OutcomeCounts,
    count_at_thresholds,
    count_outcomes,
)
from faceaudit.stats.gaps import GapInterval, max_min_gap
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.rates import group_rates, rate_counts
from faceaudit.stats.significance import all_alike, each_against_rest
from faceaudit.tables import DELIVERY_COLUMNS
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    group_title,
    missing_note,
    percent,
    points,
    points_range,
)

ERROR_RATES: tuple[ErrorRate, ...] = ("fpr", "fnr")


@dataclass(frozen=True)
class RateWords:
    """How one error rate is spoken of."""

    short: str
    image: str
    images: str
    verdict: str


WORDS: dict[ErrorRate, RateWords] = {
    "fpr": RateWords("FPR", "real photograph", "real photographs", "called AI-generated"),
    "fnr": RateWords("FNR", "AI-generated face", "AI-generated faces", "called real"),
}


def interval_title(confidence: float) -> str:
    """Name an interval by its confidence."""
    return f"{round(100 * confidence, 2):g} % interval"


def tag_source(data: AuditInput, attributes: tuple[str, ...]) -> str:
    """Say whose word the tags are."""
    sources = {tag: _source(data, tag) for tag in attributes}
    if len(sources) == 1:
        return next(iter(sources.values()))
    return "; ".join(f"{attributes_title([tag])}: {source}" for tag, source in sources.items())


def _source(data: AuditInput, tag: str) -> str:
    if tag == "dataset":
        return "the data set that the image comes from"
    if tag in DELIVERY_COLUMNS:
        return "read from the image file"
    return data.tag_source(tag) or "source not stated"


# --- details -------------------------------------------------------------------------------


def rate_table(
    counts: OutcomeCounts,
    data: AuditInput,
    moved: Sequence[OutcomeCounts] = (),
    note: str | None = None,
) -> Table:
    """Lay out both error rates of every group with their intervals and denominators.

    The images whose tag is missing stand in a last row, which is compared with nothing.
    `moved` are the counts at every threshold of the result.
    """
    whole = count_outcomes(data.table, (), data.threshold)
    shown = _with_missing(counts, whole)
    rates = group_rates(shown, ("fpr", "fnr", "accuracy"))
    limits = {
        rate: rate_interval(*rate_counts(shown, rate), data.spec.confidence)
        for rate in ("fpr", "fnr")
    }
    rows: list[list[Cell]] = []
    labels = counts.labels + (["(tag missing)"] if counts.missing else [])
    for i, label in enumerate(labels):
        row: list[Cell] = [label]
        for rate, n in (("fpr", shown.n_real), ("fnr", shown.n_ai)):
            low, high = limits[rate]
            row += [int(n[i]), *(nan_to_none(v[i]) for v in (rates[rate], low, high))]
        rows.append([*row, nan_to_none(rates["accuracy"][i]), _group_note(shown, i, data)])
    interval = interval_title(data.spec.confidence)
    title = attributes_title(counts.attributes)
    notes = [
        f"Tags: {tag_source(data, counts.attributes)}.",
        f"{interval}s (Clopper–Pearson) hold for each rate on its own.",
        missing_note(counts.missing, counts.attributes),
        note,
    ]
    return Table(
        title=f"Error rates by {title}",
        note=" ".join(part for part in notes if part),
        columns=[
            Column(title=title),
            Column(title="real photographs", kind="count"),
            Column(title="called AI (FPR)", kind="percent", help="false-positive rate"),
            Column(title=f"{interval} from", kind="percent"),
            Column(title="to", kind="percent"),
            Column(title="AI-generated faces", kind="count"),
            Column(title="called real (FNR)", kind="percent", help="false-negative rate"),
            Column(title=f"{interval} from", kind="percent"),
            Column(title="to", kind="percent"),
            Column(title="called rightly", kind="percent", help="accuracy"),
            Column(title="note"),
        ],
        rows=rows,
        by_threshold=_moved_table(moved, data),
    )


def _moved_table(moved: Sequence[OutcomeCounts], data: AuditInput) -> ByThreshold:
    if not moved:
        return None
    whole = count_at_thresholds(data.table, (), data.thresholds)
    shown = [_with_missing(*both) for both in zip(moved, whole, strict=True)]
    accuracy = moved_rate(shown, "accuracy", data.spec.confidence)
    return {
        **moved_rate(shown, "fpr", data.spec.confidence).columns("2", "3", "4"),
        **moved_rate(shown, "fnr", data.spec.confidence).columns("6", "7", "8"),
        "9": rounded(accuracy.value, "percent"),
    }


def _with_missing(counts: OutcomeCounts, whole: OutcomeCounts) -> OutcomeCounts:
    """Append the images without a tag, if there are any, as one more group."""
    if not counts.missing:
        return counts

    def extended(column: IntArray, everything: IntArray) -> IntArray:
        return np.append(column, everything - column.sum())

    return OutcomeCounts(
        counts.attributes,
        [*counts.groups, ("(tag missing)",) * len(counts.attributes)],
        n_real=extended(counts.n_real, whole.n_real),
        real_called_ai=extended(counts.real_called_ai, whole.real_called_ai),
        n_ai=extended(counts.n_ai, whole.n_ai),
        ai_called_real=extended(counts.ai_called_real, whole.ai_called_real),
    )


def _group_note(counts: OutcomeCounts, i: int, data: AuditInput) -> str | None:
    notes = [
        size_note(int(n[i]), words, data.spec.small_group)
        for words, n in ((WORDS["fpr"], counts.n_real), (WORDS["fnr"], counts.n_ai))
    ]
    return "; ".join(note for note in notes if note) or None


def size_note(n: int, words: RateWords, small: int) -> str | None:
    """Say that a group has no or few images of a kind; None if it has enough."""
    if n == 0:
        return f"no {words.image}"
    if n < small:
        return f"small: {counted(n, words.image)}"
    return None


def rate_forest(
    counts: OutcomeCounts, rate: ErrorRate, data: AuditInput, moved: Sequence[OutcomeCounts] = ()
) -> Forest | None:
    """Draw an error rate of every group beside that of all images; None without any image.

    `moved` are the counts at every threshold of the result.
    """
    events, n = rate_counts(counts, rate)
    if not n.sum():
        return None
    words = WORDS[rate]
    value = rate_of(events, n)
    low, high = rate_interval(events, n, data.spec.confidence)
    whole = rate_counts(count_outcomes(data.table, (), data.threshold), rate)
    reference = float(whole[0][0] / whole[1][0])
    return Forest(
        title=capitalised(
            f"{words.images} {words.verdict}, by {attributes_title(counts.attributes)}"
        ),
        note=missing_note(counts.missing, counts.attributes),
        measure=f"{words.images} {words.verdict} ({words.short})",
        attribute=attributes_title(counts.attributes),
        tag_source=tag_source(data, counts.attributes),
        rows=[
            Estimate(
                group=label,
                n=int(n[i]),
                events=int(events[i]) if n[i] else None,
                value=nan_to_none(value[i]),
                low=nan_to_none(low[i]),
                high=nan_to_none(high[i]),
                status=None if n[i] else "not-estimable",
                note=size_note(int(n[i]), words, data.spec.small_group),
            )
            for i, label in enumerate(counts.labels)
        ],
        reference=reference,
        reference_label="all images",
        reference_n=int(whole[1][0]),
        by_threshold=_moved_forest(moved, rate, data),
    )


def _moved_forest(moved: Sequence[OutcomeCounts], rate: ErrorRate, data: AuditInput) -> ByThreshold:
    if not moved:
        return None
    found = moved_rate(moved, rate, data.spec.confidence)
    whole = count_at_thresholds(data.table, (), data.thresholds)
    of_all = moved_rate(whole, rate, data.spec.confidence)
    return {
        "events": found.events.tolist(),
        **found.columns("value", "low", "high"),
        "reference": rounded(of_all.value, "percent"),
    }


# --- tests ---------------------------------------------------------------------------------


def rate_tests(counts: OutcomeCounts, rate: ErrorRate) -> list[Test]:
    """Test that all groups have the same error rate, and each group against the rest."""
    events, n = rate_counts(counts, rate)
    alike = all_alike(events, n)
    if alike is None:
        return []
    short, title = WORDS[rate].short, attributes_title(counts.attributes)
    tests = [Test(name=f"{short} alike in all groups of {title}", method=alike.method, p=alike.p)]
    against_rest = each_against_rest(events, n)
    if np.count_nonzero(n) == 2:
        # Each of two groups is the other's rest: one question, not two.
        against_rest[np.flatnonzero(n)[1]] = np.nan
    for i in np.flatnonzero(~np.isnan(against_rest)):
        name = f"{short} of {group_title(counts.attributes, counts.groups[i])} against the rest"
        tests.append(Test(name=name, method="Fisher's exact test", p=float(against_rest[i])))
    return tests


# --- findings ------------------------------------------------------------------------------


@dataclass(frozen=True)
class RateGap:
    """The groups with the highest and the lowest error rate, and the interval between."""

    counts: OutcomeCounts
    rate: ErrorRate
    gap: GapInterval
    confidence: float
    #: Groups with fewer images were left out; None if none was.
    among: int | None

    @property
    def is_clear(self) -> bool:
        """Whether chance alone cannot explain the gap."""
        return self.gap.low > 0

    def sentence(self) -> str:
        """Tell the gap with its numbers."""
        words = WORDS[self.rate]
        events, n = rate_counts(self.counts, self.rate)
        if self.gap.value == 0:
            share = percent(events.sum() / n.sum())
            return (
                f"{capitalised(words.images)} of every {attributes_title(self.counts.attributes)} "
                f"are {words.verdict} equally often: {share} of {n.sum():,}."
            )
        assert self.gap.highest is not None
        assert self.gap.lowest is not None
        high, low = self._of(self.gap.highest, events, n), self._of(self.gap.lowest, events, n)
        conclusion = "" if self.is_clear else ", which chance alone could explain"
        among = f"Among groups of at least {self.among} images, " if self.among else ""
        return (
            f"{capitalised(among + words.images)} tagged {high} are {words.verdict} most often, "
            f"those tagged {low} least often: a difference of {points(self.gap.value)} "
            f"({interval_title(self.confidence)} {points_range(self.gap.low, self.gap.high)})"
            f"{conclusion}."
        )

    def _of(self, i: int, events: IntArray, n: IntArray) -> str:
        title = group_title(self.counts.attributes, self.counts.groups[i])
        return f"{title} ({percent(events[i] / n[i])}, {events[i]:,} of {n[i]:,})"

    def finding(self, check: str) -> Finding:
        """Give the gap as a finding, the heavier the larger the gap surely is."""
        return Finding(
            sentence=self.sentence(), status="info", check=check, weight=float(self.gap.low)
        )


def rate_gaps(counts: OutcomeCounts, data: AuditInput) -> list[RateGap]:
    """Find the gap of each error rate that at least two groups have.

    Small groups are left out where there are two others.
    """
    gaps = []
    smallest = data.spec.small_group
    large = counts.at_least(smallest)
    for rate in ERROR_RATES:
        enough = np.count_nonzero(rate_counts(large, rate)[1]) > 1
        used = large if enough else counts
        gap = max_min_gap(*rate_counts(used, rate), data.spec.confidence)
        if not np.isnan(gap.value):
            among = smallest if enough and gap.left_out and smallest > 1 else None
            gaps.append(RateGap(used, rate, gap, data.spec.confidence, among))
    return gaps


def widest(gaps: list[RateGap]) -> RateGap:
    """Return the gap that is surely largest; among unclear ones the largest seen."""
    return max(gaps, key=lambda found: (found.gap.low, found.gap.value))
