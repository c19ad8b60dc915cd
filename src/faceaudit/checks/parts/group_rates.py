"""Error rates of the groups of one tag, or of several combined: table, figures, tests, findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from faceaudit import wording as say
from faceaudit.checks.base import AuditInput, Product
from faceaudit.checks.parts.equal_delivery import at_equal_delivery, gaps_at_equal_delivery
from faceaudit.checks.parts.sentences import rate_gap
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import (
    Values,
    at_audited,
    by_threshold,
    estimated,
    forest,
    lay_out,
    number,
    text,
)
from faceaudit.result import (
    Detail,
    Finding,
    Forest,
    GroupRate,
    Heatmap,
    Interval,
    Table,
    Test,
    nan_to_none,
)
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.gaps import max_min_gap
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import (
    RateEstimate,
    estimate_of,
    group_rates,
    rate_counts,
)
from faceaudit.stats.shrinkage import shrunken_rates
from faceaudit.stats.significance import all_alike, each_against_rest
from faceaudit.stats.unknown import wrong_tags
from faceaudit.stats.worst import worst_group

#: Pairs of two tags' values are drawn as a grid from here on: a forest plot would be too long.
MOST_ROWS = 24


def rates_by_group(data: AuditInput, groupings: Sequence[Sequence[str]], nothing: str) -> Product:
    """Give the error rates of every group of some tags; `nothing` says that there is no gap."""
    details: list[Detail | None] = []
    tests: list[Test] = []
    gaps: list[Finding] = []
    for tags in groupings:
        counts = data.counts(tags, empty_cells=len(tags) > 1)
        if not counts.groups:
            continue
        audited, rates = counts.at(data.threshold), GroupRates(counts, data)
        for rate in ERROR_RATES.values():
            grid = len(counts.groups) > MOST_ROWS and _is_grid(counts.groups)
            details.append(rates.heatmap(rate) if grid else rates.forest(rate))
            tests += _tests(audited, rate)
        details.append(rates.table())
        confidence = data.claim_confidence
        found = (gap_between(audited, of, data, confidence) for of in ERROR_RATES.values())
        gaps += filter(None, found)
    if not gaps:
        return Product("not-estimable", nothing, tests=tests, details=details)
    details.append(gaps_at_equal_delivery(gaps))
    # The gap that is surely largest; among unclear ones the largest seen.
    widest = max(gaps, key=lambda found: (found.weight, found.interval and found.interval.value))
    return Product("info", widest.sentence, findings=gaps, tests=tests, details=details)


def _is_grid(groups: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether groups are all combinations of two tags."""
    values = [len({*names}) for names in zip(*groups, strict=True)]
    return len(values) == 2 and values[0] * values[1] == len(groups)


class GroupRates:
    """The error rates of every group of some tags at every threshold, estimated once.

    The images whose tag is missing, if there are any, are one more group, the last; it is shown
    in the table and compared with nothing.
    """

    def __init__(self, counts: Counts, data: AuditInput) -> None:
        self.counts, self.data, self.title = counts, data, say.attributes_title(counts.tags)
        self._shown = shown = _with_missing(counts, data)
        self._estimates = {
            rate: estimate_of(shown, rate, data.spec.confidence) for rate in ERROR_RATES
        }
        self._accuracy = rate_of(*rate_counts(shown, "accuracy"))
        values = {rate: found.value for rate, found in self._estimates.items()}
        values["accuracy"] = self._accuracy
        # At the audited threshold the values are fairlearn's.
        audited = counts.thresholds.index(data.threshold)
        for rate, of in group_rates(shown.at(data.threshold), tuple(values)).items():
            values[rate][audited] = of

    def _of(self, rate: ErrorRate) -> tuple[RateEstimate, IntArray]:
        """Give one error rate of the groups proper, and how many images each has."""
        found = self._estimates[rate.id].take(slice(len(self.counts.groups)))
        return found, at_audited(found.n, self.data)

    def table(self) -> Table:
        """Lay out the error rates of every group with their intervals and denominators."""
        counts, confidence = self.counts, self.data.spec.confidence
        missing = ["(tag missing)"] if counts.missing else []
        columns, sizes = [text(self.title, [*counts.labels, *missing])], []
        for rate in ERROR_RATES.values():
            found, title = self._estimates[rate.id], f"{rate.column} ({rate.short})"
            columns += [
                number(rate.images, "count", found.n),
                *self._worth(rate),
                *estimated(title, "percent", found, confidence, rate.name),
                *self._shrunken(rate),
            ]
            sizes.append(_size_notes(rate, found, self.data))
        notes_of_groups = ["; ".join(filter(None, of)) or None for of in zip(*sizes, strict=True)]
        columns += [
            number("called rightly", "percent", self._accuracy, "accuracy"),
            text("note", notes_of_groups),
        ]
        notes = [
            f"Tags: {self.data.tag_source(counts.tags)}.",
            f"{say.interval_title(confidence)}s (Clopper–Pearson) hold for each rate on its own.",
            say.missing_note(counts.missing, counts.tags),
        ]
        if empty := int((counts.n == 0).sum()):
            notes.append(
                f"{say.counted(empty, 'combination')} of {len(counts.groups):,} "
                f"{'has' if empty == 1 else 'have'} no image at all: "
                "not estimable, which is not a rate of zero."
            )
        title = f"Error rates by {self.title}"
        return lay_out(title, columns, self.data, " ".join(filter(None, notes)))

    def _worth(self, rate: ErrorRate) -> list[Values]:
        if self._shown.design_effects is None:
            return []
        n = np.rint(rate.n(self._shown.effective)).astype(int)
        return [number("worth", "count", n, "independent images that they are worth")]

    def _shrunken(self, rate: ErrorRate) -> list[Values]:
        """Draw the rates of combined groups together; nothing else may rest on that."""
        if len(self.counts.tags) < 2:
            return []
        drawn = shrunken_rates(*rate_counts(self.counts.effective, rate.id))
        rest = [(0, 0)] * (drawn.ndim - 1) + [(0, bool(self.counts.missing))]
        help = "shrunken towards the mean; for orientation, decides nothing"
        values = np.pad(drawn, rest, constant_values=np.nan)
        return [number(f"{rate.short}, shrunken", "percent", values, help)]

    def forest(self, rate: ErrorRate) -> Forest | None:
        """Draw an error rate of every group beside that of all images; None without any image."""
        return rate_forest(self.counts, self.data, rate, self._of(rate)[0])

    def heatmap(self, rate: ErrorRate) -> Heatmap | None:
        """Draw an error rate for every pair of two tags' values; None without any image.

        With empty cells kept, the groups are the full grid, the last tag fastest.
        """
        (found, sizes), tags = self._of(rate), self.counts.tags
        if not sizes.sum():
            return None
        rows, columns = (
            list(dict.fromkeys(names)) for names in zip(*self.counts.groups, strict=True)
        )
        drawn = {"values": found.value, "low": found.low, "high": found.high}

        def grid(values: FloatArray) -> list[list[float | None]]:
            at_once = at_audited(values, self.data).reshape(len(rows), len(columns))
            return [[nan_to_none(value) for value in row] for row in at_once]

        confidence = say.interval_title(self.data.spec.confidence)
        return Heatmap(
            title=say.capitalised(f"{rate.images} {rate.error}, by {self.title}"),
            note=f"Low and high are the ends of the {confidence}.",
            measure=f"{rate.images} {rate.error} ({rate.short})",
            rate=rate.id,
            row_title=say.tag_title(tags[0]),
            column_title=say.tag_title(tags[1]),
            tag_source=self.data.tag_source(tags),
            rows=rows,
            columns=columns,
            values=grid(found.value),
            low=grid(found.low),
            high=grid(found.high),
            n=sizes.reshape(len(rows), len(columns)).tolist(),
            # Where n moves, only the audited threshold is drawn, as in a forest plot.
            by_threshold=by_threshold({name: (of, "percent") for name, of in drawn.items()})
            if found.n.ndim == 1
            else None,
        )


def _with_missing(counts: Counts, data: AuditInput) -> Counts:
    """Append the images without a tag, if there are any, as one more group."""
    if not counts.missing:
        return counts
    whole = data.images.counts((), counts.thresholds)
    columns = ("n_real", "real_called_ai", "n_ai", "ai_called_real")
    rest: dict[str, Any] = {
        name: getattr(whole, name) - getattr(counts, name).sum(axis=-1, keepdims=True)
        for name in columns
    }
    others = dataclasses.replace(whole, **rest)
    return counts.beside(others, ("(tag missing)",) * len(counts.tags))


def rate_forest(
    counts: Counts, data: AuditInput, rate: ErrorRate, found: RateEstimate
) -> Forest | None:
    """Draw an estimated error rate of every group beside that of all; None without any image."""
    sizes = at_audited(found.n, data)
    if not sizes.sum():
        return None
    events, n = rate_counts(data.images.counts((), counts.thresholds), rate.id)
    title = say.attributes_title(counts.tags)
    return forest(
        data,
        groups=counts.labels,
        **vars(found),
        status=[None if of else "not-estimable" for of in sizes],
        notes=_size_notes(rate, found, data),
        title=say.capitalised(f"{rate.images} {rate.error}, by {title}"),
        note=say.missing_note(counts.missing, counts.tags),
        measure=f"{rate.images} {rate.error} ({rate.short})",
        rate=rate.id,
        attribute=title,
        tag_source=data.tag_source(counts.tags),
        reference=rate_of(events, n),
        reference_label="all images",
        reference_n=int(at_audited(n, data)[0]),
    )


def _size_notes(rate: ErrorRate, found: RateEstimate, data: AuditInput) -> list[str | None]:
    return [size_note(int(n), rate, data.spec.small_group) for n in at_audited(found.n, data)]


def size_note(n: int, rate: ErrorRate, small: int) -> str | None:
    """Say that a group has no or few images of a kind; None if it has enough."""
    if n == 0:
        return f"no {rate.image}"
    return f"small: {say.counted(n, rate.image)}" if n < small else None


def _tests(counts: Counts, rate: ErrorRate) -> Iterator[Test]:
    """Test that all groups have the same error rate, and each group against the rest."""
    events, n = rate_counts(counts.effective, rate.id)
    alike = all_alike(events, n)
    if alike is None:
        return
    name = f"{rate.short} alike in all groups of {say.attributes_title(counts.tags)}"
    yield Test(name=name, method=alike.method, p=alike.p)
    against_rest = each_against_rest(events, n)
    if np.count_nonzero(n) == 2:
        # Each of two groups is the other's rest: one question, not two.
        against_rest[np.flatnonzero(n)[1]] = np.nan
    for i in np.flatnonzero(~np.isnan(against_rest)):
        name = f"{rate.short} of {say.group_title(counts.tags, counts.groups[i])} against the rest"
        yield Test(name=name, method="Fisher's exact test", p=float(against_rest[i]))


def gap_between(
    counts: Counts, rate: ErrorRate, data: AuditInput, confidence: float
) -> Finding | None:
    """Find the gap of an error rate, if at least two groups have it.

    Small groups are left out where there are two others.
    """
    smallest, (events, n) = data.spec.small_group, (rate.events(counts), rate.n(counts))
    enough = np.count_nonzero(n >= smallest) > 1
    kept = n >= smallest if enough else n > 0
    worth = counts.effective
    wrong = wrong_tags(data.images, counts, data.spec.tag_error)
    given = rate.events(worth) * kept, rate.n(worth) * kept
    gap = max_min_gap(*given, confidence, wrong)
    if np.isnan(gap.value):
        return None
    found = Finding(
        status="info",
        tags=list(counts.tags),
        rate=rate.id,
        groups=named_groups(counts.groups, events, n, (gap.highest, gap.lowest)),
        n=int(n[kept].sum()),
        events=int(events[kept].sum()),
        interval=Interval(
            value=gap.value, low=gap.low, high=gap.high, confidence=confidence, together=True
        ),
        smallest=smallest if enough and gap.left_out and smallest > 1 else None,
        weight=gap.low,
    )
    if found.groups and found.events:
        worst = worst_group(*given, confidence)
        found.groups[0].low, found.groups[0].high = worst.low, worst.high
    # Other counts under the same name, as of those left undecided, have other words.
    if found.groups and gap.value > 0 and rate == ERROR_RATES.get(rate.id):
        ends = int(gap.highest or 0), int(gap.lowest or 0)
        found.equal_delivery = at_equal_delivery(data, counts, rate, ends, confidence)
    found.sentence = rate_gap(found, rate)
    return found


def named_groups(
    groups: Sequence[tuple[str, ...]], events: IntArray, n: IntArray, places: Sequence[int | None]
) -> list[GroupRate]:
    """Give some groups with their error rate."""
    return [
        GroupRate(group=list(groups[i]), n=int(n[i]), events=int(events[i]), value=events[i] / n[i])
        for i in places
        if i is not None
    ]
