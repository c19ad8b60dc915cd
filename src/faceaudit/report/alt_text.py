"""What a figure shows, in words: for whoever cannot see it, and for everybody in a hurry."""

from __future__ import annotations

from faceaudit.report.numbers import cell, count, exact, interval, percent, words
from faceaudit.report.text import TEXT
from faceaudit.result import Curve, Distribution, Estimate, Forest, Heatmap, SlopeRow, Slopes

#: How many lines of a curve are told; the table beside it has them all.
_MOST_LINES = 8


def forest(detail: Forest) -> str:
    """Say in words what a forest plot shows."""
    known = [(row.value, row) for row in detail.rows if row.value is not None]
    told = {
        "measure": detail.measure,
        "attribute": words(detail.attribute),
    }
    if not known:
        return _sentence(TEXT["read_none"].format(**told))
    low, low_row = min(known, key=lambda pair: pair[0])
    high, high_row = max(known, key=lambda pair: pair[0])
    if low == high and len(known) > 1:
        text = TEXT["read_alike"].format(**told, value=cell(low, detail.scale))
    elif len(known) == 1:
        value = _with_interval(high_row, detail.scale)
        text = TEXT["read_one"].format(**told, group=high_row.group, value=value)
    else:
        text = TEXT["read_range"].format(
            **told,
            low_group=low_row.group,
            low=cell(low, detail.scale),
            high_group=high_row.group,
            high=_with_interval(high_row, detail.scale),
        )
    return _sentence(text, _missing(len(detail.rows) - len(known)))


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


def slopes(detail: Slopes) -> str:
    """Say in words what a comparison of two classifiers shows."""
    known = [(row.difference, row) for row in detail.rows if row.difference is not None]
    frame = {
        "measure": detail.measure,
        "attribute": words(detail.attribute),
    }
    if not known:
        return _sentence(TEXT["read_none"].format(**frame))

    def told(pair: tuple[float, SlopeRow]) -> str:
        between = interval(pair[1].low, pair[1].high, "points")
        return cell(pair[0], "points") + (f" ({between})" if between else "")

    low = min(known, key=lambda pair: pair[0])
    high = max(known, key=lambda pair: pair[0])
    frame["measure"] = _sentence(detail.measure)
    if len(known) == 1:
        return TEXT["read_one_slope"].format(
            **frame,
            first=detail.first_name,
            second=detail.second_name,
            group=low[1].group,
            value=told(low),
        )
    return TEXT["read_slopes"].format(
        **frame,
        first=detail.first_name,
        second=detail.second_name,
        low_group=low[1].group,
        low=told(low),
        high_group=high[1].group,
        high=told(high),
    )


def heatmap(detail: Heatmap) -> str:
    """Say in words what a heat map shows."""
    known = [
        (value, f"{detail.rows[i]} × {detail.columns[j]}")
        for i, row in enumerate(detail.values)
        for j, value in enumerate(row)
        if value is not None
    ]
    attribute = f"{words(detail.row_title)} × {words(detail.column_title)}"
    if not known:
        return _sentence(TEXT["read_none"].format(measure=detail.measure, attribute=attribute))
    low, high = min(known), max(known)
    text = TEXT["read_heatmap"].format(
        measure=detail.measure,
        rows=words(detail.row_title),
        columns=words(detail.column_title),
        low=percent(low[0]),
        low_pair=low[1],
        high=percent(high[0]),
        high_pair=high[1],
    )
    return _sentence(text, _missing(len(detail.rows) * len(detail.columns) - len(known)))


def curve(detail: Curve) -> str:
    """Say in words what a curve shows: at its marker, or else from end to end."""
    kind = "percent" if detail.y_percent else "number"
    places = [x for series in detail.series for x in series.x]
    if detail.marker is not None:
        told = [
            TEXT["read_curve_at"].format(name=name, value=f"{value} ({ends})" if ends else value)
            for name, value, ends in readout(detail)
        ]
    else:
        told = [
            TEXT["read_curve_over"].format(
                name=series.name, first=cell(series.y[0], kind), last=cell(series.y[-1], kind)
            )
            for series in detail.series
            if series.y
        ]
    text = TEXT["read_curve"].format(
        y=detail.y_title,
        x=detail.x_title,
        first=exact(min(places, default=0.0)),
        last=exact(max(places, default=0.0)),
        lines=", ".join(told[:_MOST_LINES]),
    )
    return _sentence(f"{marker(detail)}. {text}" if detail.marker is not None else text)


def readout(detail: Curve) -> list[tuple[str, str, str]]:
    """Return name, value and interval of every line where the marker is."""
    kind = "percent" if detail.y_percent else "number"
    rows = []
    for series in detail.series:
        if detail.marker is None or not series.x:
            continue
        i = _nearest(series.x, detail.marker)
        low = series.low[i] if series.low else None
        high = series.high[i] if series.high else None
        rows.append((series.name, cell(series.y[i], kind), interval(low, high, kind)))
    return rows


def _nearest(places: list[float], at: float) -> int:
    return min(range(len(places)), key=lambda i: abs(places[i] - at))


def bars(detail: Distribution, name: str) -> str:
    """Say in words where most of one group's scores lie."""
    shares = detail.series[name]
    if not shares:
        return TEXT["not_estimable"]
    i = max(range(len(shares)), key=shares.__getitem__)
    return TEXT["read_distribution"].format(
        name=name,
        low=exact(detail.edges[i]),
        high=exact(detail.edges[i + 1]),
        share=percent(shares[i]),
    )


def _with_interval(row: Estimate, scale: str) -> str:
    between = interval(row.low, row.high, scale)
    value = cell(row.value, scale)
    return f"{value} ({between})" if between else value


def _missing(n: int) -> str:
    return TEXT["read_missing"].format(n=n) if n else ""


def _sentence(text: str, more: str = "") -> str:
    # Measures come as the words of a sentence; what reads a figure begins with one.
    return f"{text[:1].upper()}{text[1:]} {more}".strip()
