"""Robustness: do gaps between groups open as pictures get worse?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
import pyarrow.compute as pc

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import by_rows, lay_out
from faceaudit.result import Curve, Finding, GroupRate, Interval, Table, nan_to_none
from faceaudit.result import Series as Line
from faceaudit.schema import called_ai, variant_columns
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.stats.gaps import pairwise_confidence
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.paired import Change
from faceaudit.variants.delivery import Series, in_words, series_of


@dataclass(frozen=True)
class Damage:
    """The same images, worse and worse: those that have a score at every step."""

    series: Series
    #: At each step, the mildest first.
    steps: tuple[Images, ...]
    threshold: float

    @cached_property
    def wrong(self) -> FloatArray:
        """Which images are called wrongly, shape (steps, images)."""
        each = [called_ai(of.score, self.threshold) != of.is_ai for of in self.steps]
        return np.stack(each).astype(float)

    @cached_property
    def largest(self) -> float:
        """How much an image's line through its errors can rise, at most, from end to end."""
        return float(np.maximum(self._line, 0).sum())

    @property
    def _line(self) -> FloatArray:
        rank = np.arange(len(self.steps)) - (len(self.steps) - 1) / 2
        return np.asarray(rank * (len(self.steps) - 1) / (rank**2).sum())

    def rises(self, tags: Sequence[str], rate: ErrorRate, confidence: float) -> Change:
        """Estimate how much each group's errors rise, as a share of `largest`.

        A straight line is fitted to each image's errors over the steps, from no error to one.
        """
        images, change = self.steps[0], self._line @ self.wrong / self.largest
        grouping = images.grouping(tags)
        group = np.where(images.is_ai == (rate.label == "ai"), grouping.code, -1)
        return Change.of(change, group, len(grouping.groups), confidence, images.clusters)


def damages(data: AuditInput) -> list[Damage]:
    """Find the series among the deliveries that were scored."""
    columns, found = variant_columns(data.table), []
    for series in series_of(columns):
        names = [series.start, *(name for _, name in series.members)]
        scores = [data.table["p_ai" if name is None else columns[name]] for name in names]
        there = np.logical_and.reduce([np.asarray(pc.is_valid(of)) for of in scores])
        images = data.images if there.all() else data.images_of(there)
        if len(images):
            steps = tuple(images.rescored(of.filter(there)) for of in scores)
            found.append(Damage(series, steps, data.threshold))
    return found


@dataclass(frozen=True)
class Opening:
    """Two groups whose errors rise most differently as pictures get worse."""

    damage: Damage
    tags: tuple[str, ...]
    rate: ErrorRate
    #: At the last step, the one that rises more first.
    groups: list[GroupRate]
    #: At each step, of both; shape (steps, 2).
    rates: FloatArray
    #: How much more the first rises.
    interval: Interval

    @classmethod
    def of(
        cls, damage: Damage, tags: tuple[str, ...], rate: ErrorRate, data: AuditInput, error: float
    ) -> Opening | None:
        """Take the pair of large groups whose gap surely opens, or else differs; None without."""
        counts = [of.counts(tags, damage.threshold) for of in damage.steps]
        last = counts[-1]
        large = np.flatnonzero(rate.n(counts[0]) >= data.spec.small_group)
        if len(large) < 2:
            return None
        each = pairwise_confidence(len(large), 1 - error)
        change = damage.rises(tags, rate, each)
        pairs = np.array([*permutations(large, 2)]).T
        found = np.stack(change.minus(*pairs)) * damage.largest
        rates = np.stack([rate_of(rate.events(of), rate.n(of)) for of in counts])
        apart = np.abs(rates[:, pairs[0]] - rates[:, pairs[1]])
        best = np.lexsort([*found[:2], (found[1] > 0) & (apart[-1] > apart[0])])[-1]
        pair = pairs[:, best].tolist()
        value, low, high = found[:, best].tolist()
        return cls(
            damage,
            tags,
            rate,
            named_groups(last.groups, rate.events(last), rate.n(last), pair),
            rates[:, pair],
            Interval(value=value, low=low, high=high, confidence=1 - error, together=True),
        )

    @property
    def shown(self) -> str:
        """Say what is shown to happen to their gap: it opens, it closes, nothing (empty)."""
        first, last = np.abs(self.rates[[0, -1]] @ [1, -1])
        return ("opens" if last > first else "closes") if self.interval.low > 0 else ""

    @property
    def sentence(self) -> str:
        """Tell it."""
        gap = self.interval
        went = [
            f"from {100 * start:.1f} to {say.percent(of.value)} of {of.n:,} for "
            f"{say.group_title(self.tags, of.group)}"
            for of, start in zip(self.groups, self.rates[0], strict=True)
        ]
        so = f": the gap {self.shown}" if self.shown else ", which chance alone could explain"
        return (
            f"As pictures get worse ({self.damage.series.words}), the share of {self.rate.images} "
            f"{self.rate.error} goes {went[0]} and {went[1]}: fitted by a line, it rises "
            f"{say.points(gap.value)} more for the former "
            f"({say.points_range(gap.low, gap.upper)}){so}."
        )


def run(data: AuditInput, options: Options) -> Product:
    """Compare how fast the errors of groups rise, in every series of worse and worse pictures."""
    found = damages(data)
    if not found:
        remedy = "Score with --deliver graded."
        return Product("not-estimable", f"No pictures were made worse and scored. {remedy}")
    error = (1 - data.claim_confidence) / len(found)
    openings = [
        opening
        for damage in found
        for tags in map(tuple, data.spec.groupings)
        for rate in ERROR_RATES.values()
        if (opening := Opening.of(damage, tags, rate, data, error))
    ]
    openings.sort(key=lambda of: (of.shown != "opens", -of.interval.low, -of.interval.value))
    overall = [*_overall(found, data)]
    if not openings:
        few = "There are no two groups of enough pictures to be compared."
        return Product("info", few, details=overall)
    shown = [of.shown for of in openings]
    told = say.out_of(shown.count("opens"), len(openings), "gap")
    series = say.counted(len(found), "series", "series")
    surest: dict[tuple[tuple[str, ...], str], Opening] = {}
    for of in openings:
        surest.setdefault((of.tags, of.rate.id), of)
    return Product(
        "info",
        f"In {series} of worse and worse pictures {told} shown to open, and "
        f"{shown.count('closes')} to close. {openings[0].sentence}",
        findings=[_finding(of) for of in surest.values()],
        details=[_table(openings, data), *overall, *(_curve(of, data) for of in surest.values())],
    )


def _finding(of: Opening) -> Finding:
    return Finding(
        sentence=of.sentence,
        status="info",
        weight=of.interval.low if of.shown == "opens" else 0.0,
        tags=list(of.tags),
        groups=of.groups,
        rate=of.rate.id,
        n=sum(group.n for group in of.groups),
        interval=of.interval,
        held_equal=["people"],
    )


def _table(openings: Sequence[Opening], data: AuditInput) -> Table:
    rows = [
        (
            of.damage.series.words,
            say.attributes_title(of.tags),
            of.rate.short,
            *(" × ".join(group.group) for group in of.groups),
            *(of.interval.value, of.interval.low, of.interval.high),
            *(of.rates[[0, -1]] @ [1, -1]).tolist(),
            of.shown or "not settled",
        )
        for of in openings
    ]
    return lay_out(
        "How gaps open as pictures get worse",
        by_rows(
            rows,
            "pictures; by; error rate; rises more; rises less; more by:points; from:points; "
            "to:points; apart at first:points; at last:points; the gap",
        ),
        note="A straight line through each picture's errors, from the mildest step to the worst; "
        f"{say.interval_title(data.spec.confidence)}s of the difference between the two groups, "
        "which hold for all series, groups and error rates at once. The pair whose gap surely "
        "opens is shown, or else the one whose difference is surest.",
    )


def _overall(found: Sequence[Damage], data: AuditInput) -> Iterator[Curve]:
    """Draw each error rate over all images in every series."""
    for rate in ERROR_RATES.values():
        if rate.n(data.audited(()))[0]:
            yield _drawn(
                f"{rate.images} {rate.error}, as pictures get worse",
                "how often the picture has been made worse",
                {of.series.words: (of, (), 0) for of in found},
                rate,
                data,
            )


def _curve(of: Opening, data: AuditInput) -> Curve:
    """Draw the groups of a tag in the series in which they differ most surely."""
    counts = of.damage.steps[0].counts(of.tags, of.damage.threshold)
    large = np.flatnonzero(of.rate.n(counts) >= data.spec.small_group).tolist()
    steps = ", ".join(f"{number:g}" for number, _ in of.damage.series.members)
    start = of.damage.series.start
    first = in_words(start) if start else "as delivered"
    return _drawn(
        f"{of.rate.images} {of.rate.error} by {say.attributes_title(of.tags)}, as pictures get "
        f"worse: {of.damage.series.words}",
        f"step: {first}, then {steps}",
        {counts.labels[i]: (of.damage, of.tags, i) for i in large},
        of.rate,
        data,
    )


def _drawn(
    title: str,
    x_title: str,
    lines: Mapping[str, tuple[Damage, Sequence[str], int]],
    rate: ErrorRate,
    data: AuditInput,
) -> Curve:
    series = []
    for name, (damage, tags, group) in lines.items():
        counts = [of.counts(tags, damage.threshold).effective for of in damage.steps]
        x, n = (np.array([part(of)[group] for of in counts]) for part in (rate.events, rate.n))
        band = rate_interval(x, n, data.spec.confidence)
        y, low, high = ([*map(nan_to_none, of)] for of in (rate_of(x, n), *band))
        steps = [float(step) for step in range(len(counts))]
        series.append(Line(name=name, x=steps, y=y, low=low, high=high))
    return Curve(
        title=say.capitalised(title),
        note=f"Bands are {say.interval_title(data.spec.confidence)}s, each for itself, at the "
        "audited threshold.",
        x_title=x_title,
        y_title=f"{rate.error} ({rate.short})",
        y_percent=True,
        series=series,
    )


CHECK = Check(
    id="robustness",
    title="Whether gaps open as pictures get worse",
    description=(
        "Pictures are made smaller, saved again, blurred, and sent through social networks. A "
        "classifier errs more on such pictures; it is unfair if it then errs more on some people "
        "than on others. Here each picture was made worse and worse in several ways and scored "
        "each time. It is shown how the errors of every group rise, and whether they rise faster "
        "in one group than in another; the pictures and the people are the same throughout."
    ),
    run=run,
    concerns=lambda data: bool(series_of(variant_columns(data.table))),
)
