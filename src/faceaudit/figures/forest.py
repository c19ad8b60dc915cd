"""Forest plots and slopes: a row a group, with its numbers beside its whisker."""

from __future__ import annotations

from faceaudit.figures.axes import Axis, linear_axis
from faceaudit.figures.drawing import (
    HEAD,
    Place,
    Sheet,
    cut,
    dot,
    element,
    isolated,
    label,
    rows,
    text,
    upright,
    words,
)
from faceaudit.report import alt_text
from faceaudit.report.numbers import cell, count, interval
from faceaudit.report.text import STATUS, TEXT
from faceaudit.result import Estimate, Forest, Slopes
from faceaudit.wording import tag_title

#: Height of a row in pixels.
ROW = 28
#: The same on narrow screens.
NARROW_ROW, NARROW_PAIR = 50, 66
#: Where the axes lie, in percent: from the left, and how wide.
PLOT, RATES, DIFFERENCES = (42, 34), (42, 15), (61.5, 14.5)
#: Each status has its own shape, as in the rest of a report.
_SHAPES = {
    "pass": ("M8 1a7 7 0 1 0 .01 0z", "M4.6 8.4l2.3 2.3 4.6-5.4"),
    "fail": ("M8 0l8 8-8 8-8-8z", "M8 4v5M8 11v.5"),
    "insufficient-evidence": ("M1 1h14v14h-14z", "M5.8 6a2.2 2.2 0 1 1 3 2q-.8.3-.8 1.3M8 11.3v.5"),
    "not-estimable": ("M1 8a7 7 0 1 1 14 0 7 7 0 1 1-14 0z", "M5 8h6"),
    "error": ("M5 1h6l4 4v6l-4 4h-6l-4-4v-6z", "M5.5 5.5l5 5M10.5 5.5l-5 5"),
    "info": ("M8 1a7 7 0 1 0 .01 0z", "M8 7v5M8 4v.5"),
}


def forest(detail: Forest, axis: Axis, few: int | None = None) -> Sheet:
    """Draw a forest plot."""
    events = any(row.events is not None for row in detail.rows)
    titles = [
        text(tag_title(detail.attribute), most=34, y=34, class_="wide"),
        text(TEXT["cases"] if events else TEXT["n"], x="38%", y=34, class_="wide end"),
    ]
    place = Place("plot", axis, *PLOT)
    lines = [
        upright(place.at(value), HEAD - 2, name)
        for name, value in (("reference", detail.reference), ("limit", detail.limit))
        if value is not None
    ]
    head = [
        *titles,
        _measure(detail.measure, place),
        place.grid(HEAD - 2),
        element("g", *lines, class_="plot lines"),
    ]
    each = [_row(row, place, detail.scale) for row in detail.rows]
    return rows("forest", _key(detail), head, each, ROW, NARROW_ROW, few)


def _row(row: Estimate, place: Place, scale: str) -> tuple[str, str]:
    cases = count(row.n)
    if row.events is not None:
        cases = TEXT["of"].format(events=count(row.events), n=cases)
    n = text(cases, x="38%", y=18, class_="n")
    if row.value is None:
        return "", label(row.group, None) + n + unknown(row.note)
    icon = status_icon(row.status) if row.status else ""
    hollow = bool(row.note) or row.status in ("insufficient-evidence", "not-estimable")
    return f"{row.status or ''}{' noted' if row.note else ''}", (
        label(row.group, row.note, icon)
        + n
        + place.whisker(row.value, row.low, row.high, hollow=hollow)
        + number(cell(row.value, scale), interval(row.low, row.high, scale))
    )


def number(value: str, ends: str) -> str:
    """Write a value and its interval at the right end of a row."""
    tspan = element("tspan", words(ends), class_="soft", dx=6) if ends else ""
    return element(
        "text", element("tspan", words(value), class_="b"), tspan, x="100%", y=18, class_="num"
    )


def unknown(note: str | None) -> str:
    """Say why a row has no value."""
    said = f"{TEXT['not_estimable']}: {note}" if note else TEXT["not_estimable"]
    return text(said, most=60, x="41%", y=18, class_="none soft")


def status_icon(status: str) -> str:
    """Draw the mark of a status."""
    shape, ink = _SHAPES[status]
    title = element("title", words(STATUS[status]))
    paths = element("path", d=shape), element("path", d=ink, class_="ink")
    return element("g", title, *paths, class_=f"status {status}", transform="translate(0 6)")


def _measure(measure: str, place: Place, most: int = 60) -> str:
    return text(
        measure, most=most, x=place.percent(0), y=12, class_=f"measure {place.class_}-title"
    )


def _key(detail: Forest) -> list[tuple[str, str, str]]:
    items = []
    mark = element("line", x1=8, x2=8, y1=2, y2=18)
    if detail.reference is not None:
        items.append(("reference", mark, alt_text.reference(detail)))
    if detail.limit is not None:
        value = cell(detail.limit, detail.scale).lstrip("+")
        items.append(("limit", mark, f"{TEXT['limit']}: {value}. {TEXT['chosen_limit']}"))
    judged = (row.status for row in detail.rows if row.value is not None and row.status)
    return items + [("judged", status_icon(of), STATUS[of]) for of in dict.fromkeys(judged)]


def slopes(detail: Slopes, few: int | None = None) -> Sheet:
    """Draw two classifiers' rates and their difference, group by group."""
    both = (rate for row in detail.rows for rate in (row.first, row.second))
    rates = Place("rates", linear_axis(both, "percent", most=3), *RATES)
    ends = (end for row in detail.rows for end in (row.difference, row.low, row.high))
    differences = Place("differences", linear_axis(ends, "points", most=3), *DIFFERENCES)
    zero = upright(differences.at(0.0), HEAD - 2, "reference")
    head = [
        text(tag_title(detail.attribute), most=24, y=34, class_="wide"),
        text(TEXT["n"], x="26%", y=34, class_="wide end"),
        # Of two plots beside each other, what the first shows must not run into the second.
        _measure(detail.measure, rates, most=24),
        _measure(TEXT["difference_points"], differences),
        rates.grid(HEAD - 2),
        differences.grid(HEAD - 2),
        element("g", zero, class_="differences lines"),
    ]
    each = []
    for row in detail.rows:
        known = row.difference is not None
        drawn = [label(row.group, row.note if known else None)]
        drawn.append(text(count(row.n), x="26%", y=18, class_="n"))
        if known:
            told = f"{cell(row.first, 'percent')} → {cell(row.second, 'percent')}"
            drawn.append(text(told, x="40%", y=18, class_="ends soft"))
        if row.first is not None and row.second is not None:
            first, second = rates.at(row.first), rates.at(row.second)
            line = element("line", x1=first, x2=second, y1=14, y2=14)
            drawn.append(element("g", line, dot(first, hollow=True), dot(second), class_="rates"))
        if row.difference is None:
            drawn.append(unknown(row.note))
        else:
            told = interval(row.low, row.high, "points")
            ends_of = row.low, row.high
            drawn.append(differences.whisker(row.difference, *ends_of, hollow=bool(row.note)))
            drawn.append(number(cell(row.difference, "points"), told))
        each.append(("noted" if row.note else "", "".join(drawn)))
    mark = element("circle", cx=8, cy=10, r=4.5)
    names = ("first", detail.first_name), ("second", detail.second_name)
    items = [(name, mark, isolated(cut(of, 50))) for name, of in names]
    return rows("slopes", items, head, each, ROW, NARROW_PAIR, few)
