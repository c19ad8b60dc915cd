"""What a figure shows, in words: for whoever cannot see it, and for everybody in a hurry."""

from __future__ import annotations

from faceaudit.report.numbers import cell, count, exact, interval, percent, with_interval, words
from faceaudit.report.text import TEXT
from faceaudit.result import Curve, Distribution, Forest, Heatmap, Slopes
from faceaudit.wording import capitalised

#: How many lines of a curve are told; the table beside it has them all.
_MOST_LINES = 8


def forest(detail: Forest) -> str:
    """Say in words what a forest plot shows."""
    known = [row for row in detail.rows if row.value is not None]
    frame = {"measure": detail.measure, "attribute": words(detail.attribute)}
    if not known:
        return _sentence("read_none", **frame)
    low = min(known, key=lambda row: row.value or 0)
    high = max(known, key=lambda row: row.value or 0)
    alike = "read_alike" if low.value == high.value else "read_range"
    text = _sentence(
        "read_one" if len(known) == 1 else alike,
        **frame,
        low_group=low.group,
        low=cell(low.value, detail.scale),
        high_group=high.group,
        high=with_interval(high.value, high.low, high.high, detail.scale),
    )
    return text + _missing(len(detail.rows) - len(known))


def slopes(detail: Slopes) -> str:
    """Say in words what a comparison of two classifiers shows."""
    known = [row for row in detail.rows if row.difference is not None]
    frame = {"measure": detail.measure, "attribute": words(detail.attribute)}
    if not known:
        return _sentence("read_none", **frame)
    low = min(known, key=lambda row: row.difference or 0)
    high = max(known, key=lambda row: row.difference or 0)
    return _sentence(
        "read_one_slope" if len(known) == 1 else "read_slopes",
        **frame,
        first=detail.first_name,
        second=detail.second_name,
        low_group=low.group,
        low=with_interval(low.difference, low.low, low.high, "points"),
        high_group=high.group,
        high=with_interval(high.difference, high.low, high.high, "points"),
    )


def heatmap(detail: Heatmap) -> str:
    """Say in words what a heat map shows."""
    known = [
        (value, f"{row} × {column}")
        for row, values in zip(detail.rows, detail.values, strict=True)
        for column, value in zip(detail.columns, values, strict=True)
        if value is not None
    ]
    rows, columns = words(detail.row_title), words(detail.column_title)
    if not known:
        return _sentence("read_none", measure=detail.measure, attribute=f"{rows} × {columns}")
    (low, low_group), (high, high_group) = min(known), max(known)
    text = _sentence(
        "read_heatmap",
        measure=detail.measure,
        rows=rows,
        columns=columns,
        low=percent(low),
        low_group=low_group,
        high=percent(high),
        high_group=high_group,
    )
    return text + _missing(len(detail.rows) * len(detail.columns) - len(known))


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
    places = [x for line in detail.series for x in line.x] or [0.0]
    text = TEXT["read_curve"].format(
        y=detail.y_title,
        x=detail.x_title,
        first=exact(min(places)),
        last=exact(max(places)),
        lines=", ".join(told[:_MOST_LINES]),
    )
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


def _missing(n: int) -> str:
    return " " + TEXT["read_missing"].format(n=n) if n else ""


def _sentence(key: str, **told: str) -> str:
    return capitalised(TEXT[key].format(**told))
