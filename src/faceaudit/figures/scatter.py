"""Scatter plots: two shares of each of several things, with both intervals."""

from __future__ import annotations

from faceaudit.figures.axes import linear_axis
from faceaudit.figures.curve import FOOT, HEIGHT, TOP, across, grid, up
from faceaudit.figures.drawing import Sheet, below, cut, element, isolated, key, text, words
from faceaudit.report import alt_text
from faceaudit.report.numbers import cell
from faceaudit.report.text import TEXT
from faceaudit.result import Scatter


def scatter(detail: Scatter) -> Sheet:
    """Draw a numbered point for each, and its name in the key."""
    x_axis, y_axis = (
        linear_axis(
            [getattr(of, f"{axis}{end}") for of in detail.points for end in ("", "_low", "_high")],
            "percent",
        )
        for axis in "xy"
    )
    both = min(x_axis.high, y_axis.high)
    start, end = ((across(x_axis.place(v)), up(y_axis.place(v))) for v in (0.0, both))
    line = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    whiskers, dots = [], []
    items: list[tuple[str, ...]] = []
    # Points at one place share a label.
    labels: dict[tuple[int, int], list[int]] = {}
    for number, of in enumerate(detail.points, start=1):
        at, y = x_axis.place(of.x), up(y_axis.place(of.y))
        labels.setdefault((round(at), round(y / 5)), []).append(number)
        place = {"x1": across(at), "x2": across(at), "y1": y, "y2": y}
        if of.x_low is not None and of.x_high is not None:
            ends = (across(x_axis.place(value)) for value in (of.x_low, of.x_high))
            whiskers.append(element("line", **place | dict(zip(("x1", "x2"), ends, strict=True))))
        if of.y_low is not None and of.y_high is not None:
            heights = (up(y_axis.place(value)) for value in (of.y_low, of.y_high))
            both_ends = dict(zip(("y1", "y2"), heights, strict=True))
            whiskers.append(element("line", **place | both_ends))
        title = element("title", words(alt_text.point(of)))
        dots.append(element("g", title, element("line", **place, class_="dot")))
        mark = text(str(number), x=16, y=14, class_="end b")
        told = f"{cell(of.x, 'percent')}, {cell(of.y, 'percent')}"
        items.append(("point", mark, isolated(cut(of.name, 40)), told))
    for numbers in labels.values():
        first = detail.points[numbers[0] - 1]
        at, y = x_axis.place(first.x), up(y_axis.place(first.y))
        dx, side = (-9, "end b") if at > 90 else (9, "b")
        said = ", ".join(map(str, numbers))
        dots.append(text(said, x=across(at), y=y - 6, dx=dx, class_=side))
    items.append(("straight", element("line", x1=0, x2=18, y1=10, y2=10), TEXT["as_all"]))
    body = [
        grid(x_axis, y_axis, detail.x_title, detail.y_title),
        element("line", **line, class_="diagonal"),
        element("g", *whiskers, *dots, class_="points"),
    ]
    told, top, narrow_top = key(items)
    foot = TOP + HEIGHT + FOOT
    return Sheet("scatter", [told, below(top, narrow_top, *body)], top + foot, narrow_top + foot)
