"""Trend: do the error rates rise or fall along the tags that have an order?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import at_audited, lay_out, number, text
from faceaudit.result import Curve, Finding, Interval, Series, Table, Test
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.rates import rate_counts
from faceaudit.stats.trend import Trend, linear_trend, smooth_rate
from faceaudit.tags.vocabulary import in_order

#: Two groups have a gap and no trend.
FEWEST_GROUPS = 3
#: A curve through fewer errors, or fewer images called rightly, shows little but chance.
FEWEST_ERRORS = 50


@dataclass(frozen=True)
class Line:
    """A line through an error rate of the groups of one tag, at every threshold.

    Arrays of shape (thresholds, 1), or (1,). The slope's interval holds for all tags together.
    """

    tag: str
    rate: ErrorRate
    groups: list[str]
    n: IntArray
    events: IntArray
    trend: Trend


def run(data: AuditInput, options: Options) -> Product:
    """Test each error rate for a trend over each ordered tag, and draw it over age."""
    curve, no_curve = _age_curve(data)
    ordered = {tag: of for tag in data.spec.attributes if (of := _ordered(tag, data))}
    if not ordered:
        return Product(
            "info",
            f"The specification names no tag with an order and three groups.{no_curve}",
            details=[curve],
        )
    confidence = 1 - (1 - data.spec.confidence) / len(ordered)
    lines = [line for of in ordered.items() for line in _lines(*of, confidence)]
    known = [line for line in lines if not np.isnan(at_audited(line.trend.slope, data)[0])]
    if not known:
        nothing = "No tag with an order has an error and three groups with images of its kind."
        return Product("not-estimable", nothing + no_curve, details=[curve])
    findings = [_finding(line, confidence, len(ordered) > 1, data) for line in known]
    # The trend that is surely largest; among unclear ones that of the least p-value.
    p = [float(at_audited(line.trend.p, data)[0]) for line in known]
    clearest = max(range(len(known)), key=lambda i: (findings[i].weight, -p[i]))
    tests = [
        Test(
            name=f"{line.rate.short} neither rises nor falls along {say.tag_title(line.tag)}",
            method="Cochran–Armitage test",
            p=of,
        )
        for line, of in zip(known, p, strict=True)
    ]
    details = [_table(known, confidence, data), curve]
    return Product("info", findings[clearest].sentence + no_curve, (), findings, tests, details)


def _ordered(tag: str, data: AuditInput) -> Counts | None:
    """Count the groups of a tag that have an order, lowest first; None if they are too few."""
    counts = data.counts((tag,))
    order = in_order(tag, [value for (value,) in counts.groups])
    counts = counts.pick(np.array([value in order for (value,) in counts.groups], bool))
    return counts if len(counts.groups) >= FEWEST_GROUPS else None


def _lines(tag: str, counts: Counts, confidence: float) -> Iterator[Line]:
    """Fit a line to each error rate; groups without images of the kind are left out."""
    order = list(in_order(tag, [value for (value,) in counts.groups]))
    for rate in ERROR_RATES.values():
        sizes = rate.n(counts)
        some = counts.pick((sizes if sizes.ndim == 1 else sizes.min(axis=0)) > 0)
        if len(some.groups) < FEWEST_GROUPS:
            continue
        groups = [value for (value,) in some.groups]
        events, n = rate_counts(some, rate.id)
        place = [order.index(value) for value in groups]
        trend = linear_trend(*rate_counts(some.effective, rate.id), place, confidence)
        n, events = (of.sum(axis=-1, keepdims=True) for of in (n, events))
        yield Line(tag, rate, groups, n, events, trend)


def _finding(line: Line, confidence: float, together: bool, data: AuditInput) -> Finding:
    """Tell a trend."""
    rate, trend = line.rate, line.trend
    slope, low, high, first, last = (
        float(at_audited(of, data)[0])
        for of in (trend.slope, trend.low, trend.high, trend.first, trend.last)
    )
    n, clear = int(at_audited(line.n, data)[0]), low > 0 or high < 0
    verb = "rises" if slope > 0 else "falls" if slope < 0 else "stays"
    sentence = (
        f"From {say.group_title([line.tag], line.groups[:1])} to '{line.groups[-1]}' the share of "
        f"{rate.images} {rate.error} {verb} along a line from {say.percent(first)} to "
        f"{say.percent(last)}: {say.points(slope)} a step "
        f"({say.points_range(low, high, confidence)}; n = {n:,})"
        f"{'' if clear else ', which chance alone could explain'}."
    )
    return Finding(
        sentence=sentence,
        status="info",
        # As that of a gap: what is surely between the ends.
        weight=min(abs(low), abs(high)) / abs(slope) * abs(last - first) if clear else 0.0,
        tags=[line.tag],
        rate=rate.id,
        n=n,
        events=int(at_audited(line.events, data)[0]),
        interval=Interval(
            value=slope, low=low, high=high, confidence=confidence, together=together
        ),
    )


# --- details -------------------------------------------------------------------------------


def _table(lines: Sequence[Line], confidence: float, data: AuditInput) -> Table:
    def column(of: Callable[[Line], FloatArray | IntArray]) -> FloatArray:
        return np.concatenate([of(line) for line in lines], axis=-1)

    tags = list(dict.fromkeys(line.tag for line in lines))
    together = " They hold for all tags of an error rate together." if len(tags) > 1 else ""
    return lay_out(
        "Trends along tags with an order",
        [
            text("tag", [say.tag_title(line.tag) for line in lines]),
            text("error rate", [line.rate.short for line in lines]),
            text("from … to", [f"{line.groups[0]} … {line.groups[-1]}" for line in lines]),
            number("images", "count", column(lambda line: line.n)),
            number("errors", "count", column(lambda line: line.events)),
            number("first, on the line", "percent", column(lambda line: line.trend.first)),
            number("last, on the line", "percent", column(lambda line: line.trend.last)),
            number(
                "change a step",
                "points",
                column(lambda line: line.trend.slope),
                "from one group to the next",
            ),
            number(
                f"{say.interval_title(confidence)} from",
                "points",
                column(lambda line: line.trend.low),
            ),
            number("to", "points", column(lambda line: line.trend.high)),
            number(
                "p",
                "p",
                column(lambda line: line.trend.p),
                "Cochran–Armitage test that there is no trend",
            ),
        ],
        data,
        "A line is fitted through the rates of a tag's groups, as if they were equally far apart; "
        f"what rises and falls again has none.{together} Tags: {data.tag_source(tags)}.",
    )


def _age_curve(data: AuditInput) -> tuple[Curve | None, str]:
    """Draw each error rate over age in whole years, and say of which there is no curve."""
    if "age" not in data.table.column_names:
        return None, ""
    years = pc.floor(data.table["age"]).cast(pa.int16()).cast(pa.string())
    table = data.table.select(["label", "p_ai"]).append_column("years", years)
    counts = Images(table, data.clusters, data.threshold).counts(("years",), data.threshold)
    # So few images are of one year that the clusters of all years together say more.
    whole = data.audited(()).design_effects
    worth = dataclasses.replace(counts, design_effects=whole).effective
    year = np.array([int(value) for (value,) in counts.groups])
    series, without = [], []
    for rate in ERROR_RATES.values():
        events, n = rate_counts(worth, rate.id)
        found, rising = None, np.argsort(year)[n[np.argsort(year)] > 0]
        if min(events.sum(), (n - events).sum()) >= FEWEST_ERRORS:
            by_year = events[rising], n[rising], year[rising]
            found = smooth_rate(*by_year, data.spec.confidence)
        if found:
            name = f"{rate.short} ({say.counted(int(rate.n(counts).sum()), rate.image)})"
            y, low, high = (of.tolist() for of in vars(found).values())
            series.append(Series(name=name, x=year[rising].tolist(), y=y, low=low, high=high))
        elif len(rising):
            without.append(rate.short)
    few = (
        f" Over age no curve of {' and '.join(without)} is drawn: it takes {FEWEST_ERRORS} errors, "
        "and as many images called rightly."
        if without
        else ""
    )
    if not series:
        return None, few
    return Curve(
        title="Error rates over age",
        note=(
            "A smooth curve through the rates of the ages in whole years, with a band that holds "
            f"the whole curve with {100 * data.spec.confidence:g} % confidence; bends too sharp "
            f"for so few errors are smoothed away.{few} Ages: {data.tag_source(('age',))}."
        ),
        x_title="age in years",
        y_title="error rate",
        y_percent=True,
        series=series,
    ), ""


CHECK = Check(
    id="trend",
    title="Error rates that rise or fall along an order",
    description=(
        "Ages, skin tones or the sharpness of a picture have an order. If errors become more "
        "frequent from each step to the next, each step may be too small to be seen by itself; "
        "this fits one line through all of them. Where ages in years are known, the error rates "
        "are drawn over age as a smooth curve."
    ),
    run=run,
)
