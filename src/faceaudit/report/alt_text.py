"""What a figure shows, in words: for whoever cannot see it, and for everybody in a hurry."""

from __future__ import annotations

from itertools import chain, product, repeat
from operator import itemgetter
from typing import Any

from faceaudit.report.numbers import cell, count, exact, interval, percent, with_interval
from faceaudit.report.text import TEXT
from faceaudit.result import Curve, Distribution, Forest, Heatmap, Scatter, ScatterPoint, Slopes
from faceaudit.wording import capitalised, tag_title

#: How many lines of a curve are told; the table beside it has them all.
_MOST_LINES = 8


def of(detail: Forest | Slopes | Heatmap | Curve | Distribution | Scatter) -> str:
    """Say in words what a figure shows."""
    match detail:
        case Curve():
            return curve(detail)
        case Distribution():
            return " ".join(bars(detail, name) for name in list(detail.series)[:_MOST_LINES])
        case Scatter():
            return scatter(detail)
        case _:
            return extremes(detail)


def frame(detail: Forest | Slopes | Heatmap | Curve) -> dict[str, Any]:
    """Return what is told of a figure whatever its values are."""
    match detail:
        case Forest():
            return {"measure": detail.measure, "by": tag_title(detail.attribute)}
        case Slopes():
            names = {"first": detail.first_name, "second": detail.second_name}
            return {"measure": detail.measure, "by": tag_title(detail.attribute), **names}
        case Heatmap():
            rows, columns = tag_title(detail.row_title), tag_title(detail.column_title)
            by = {"by": f"{rows} × {columns}", "rows": rows, "columns": columns}
            return {"measure": detail.measure, **by}
        case Curve():
            places = [x for line in detail.series for x in line.x] or [0.0]
            return {
                "y": detail.y_title,
                "x": detail.x_title,
                "first": exact(min(places)),
                "last": exact(max(places)),
                "marker": detail.marker_label or detail.x_title,
                "most": _MOST_LINES,
            }


def extremes(detail: Forest | Slopes | Heatmap) -> str:
    """Say in words where the values of a figure are lowest and highest.

    Groups that are marked, as small ones are, are told only where there is no other.
    """
    # Each value with its group, the ends of its interval and its mark.
    rows: list[tuple[float | None, str, float | None, float | None, str | None]]
    kind = "points" if isinstance(detail, Slopes) else "percent"
    match detail:
        case Forest():
            rows = [(row.value, row.group, row.low, row.high, row.note) for row in detail.rows]
            kind = str(detail.scale)
        case Slopes():
            rows = [(row.difference, row.group, row.low, row.high, row.note) for row in detail.rows]
        case Heatmap():
            pairs = (" × ".join(pair) for pair in product(detail.rows, detail.columns))
            grids = (chain.from_iterable(of) for of in (detail.values, detail.low, detail.high))
            values, low, high = grids
            rows = list(zip(values, pairs, low, high, repeat(None), strict=False))
    known = [row for row in rows if row[0] is not None]
    if not known:
        return capitalised(TEXT["read_none"].format(**frame(detail)))
    among = [row for row in known if row[4] is None] or known
    value: itemgetter[Any] = itemgetter(0)
    least, most = min(among, key=value), max(among, key=value)
    how = "_one" if len(among) == 1 else "_alike" if least[0] == most[0] else ""
    missing = len(rows) - len(known)
    text = TEXT[f"read_{detail.kind}{how}"].format(
        **frame(detail),
        low_value=cell(least[0], kind),
        low=with_interval(least[0], *least[2:4], kind),
        low_group=least[1],
        high=with_interval(most[0], *most[2:4], kind),
        high_group=most[1],
        missing=TEXT["read_missing"].format(n=missing) if missing else "",
    )
    return capitalised(text).strip()


def curve(detail: Curve) -> str:
    """Say in words what a curve shows: at its marker, or else from end to end."""
    kind = "percent" if detail.y_percent else "number"
    if detail.marker is not None:
        told = [
            TEXT["read_curve_at"].format(name=name, value=f"{value} ({ends})" if ends else value)
            for name, value, ends in readout(detail)
        ]
    else:
        told = [
            TEXT["read_curve_over"].format(
                name=line.name, first=cell(line.y[0], kind), last=cell(line.y[-1], kind)
            )
            for line in detail.series
            if line.y
        ]
    text = TEXT["read_curve"].format(**frame(detail), lines=", ".join(told[:_MOST_LINES]))
    return capitalised(text if detail.marker is None else f"{marker(detail)}. {text}")


def readout(detail: Curve) -> list[tuple[str, str, str]]:
    """Return name, value and interval of every line where the marker is."""
    kind, at = "percent" if detail.y_percent else "number", detail.marker
    rows = []
    for line in detail.series:
        if at is None or not line.x:
            continue
        away = [abs(x - at) for x in line.x]
        i = away.index(min(away))
        low, high = (end[i] if end else None for end in (line.low, line.high))
        rows.append((line.name, cell(line.y[i], kind), interval(low, high, kind)))
    return rows


def bars(detail: Distribution, name: str) -> str:
    """Say in words where most of one group's scores lie."""
    shares = detail.series[name]
    if not shares:
        return TEXT["not_estimable"]
    i = max(range(len(shares)), key=shares.__getitem__)
    low, high = exact(detail.edges[i]), exact(detail.edges[i + 1])
    return TEXT["read_distribution"].format(name=name, low=low, high=high, share=percent(shares[i]))


def scatter(detail: Scatter) -> str:
    """Say in words where the points of a scatter plot lie."""
    told = [point(of) for of in detail.points[:_MOST_LINES]]
    axes = {"x": detail.x_title, "y": detail.y_title}
    return capitalised(TEXT["read_scatter"].format(**axes, points="; ".join(told)))


def point(of: ScatterPoint) -> str:
    """Say in words where a point lies."""
    x = with_interval(of.x, of.x_low, of.x_high, "percent")
    y = with_interval(of.y, of.y_low, of.y_high, "percent")
    told = TEXT["read_scatter_point"].format(name=of.name, x=x, y=y)
    return f"{told}, {of.note}" if of.note else told


def reference(detail: Forest) -> str:
    """Say what the reference line of a forest plot is."""
    label = detail.reference_label or TEXT["reference"]
    value = cell(detail.reference, detail.scale)
    if detail.reference_n is None:
        return _labelled(label, value)
    return TEXT["reference_of"].format(label=label, value=value, n=count(detail.reference_n))


def marker(detail: Curve | Distribution) -> str:
    """Say what the upright line of a curve or distribution is; empty where there is none."""
    if detail.marker is None:
        return ""
    return _labelled(detail.marker_label or detail.x_title, exact(detail.marker))


def _labelled(label: str, value: str) -> str:
    # Labels of older results end with the value.
    return f"{label.removesuffix(f': {value}')}: {value}"
