"""Curves with bands over a common plot; calibration curves as small multiples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from faceaudit.figures.axes import Axis, linear_axis, log_axis
from faceaudit.figures.drawing import Sheet, below, cut, element, isolated, key, text
from faceaudit.report import alt_text
from faceaudit.report.text import TEXT
from faceaudit.result import Curve, Series

#: Of more lines than these, nobody can tell one from another; a drawing has the first.
MOST_LINES = 24
#: Points of a line that were measured one by one have marks; a dense sweep needs none.
_MOST_MARKS = 20
#: Where the plot of a curve lies: from the left and its width in percent, from the top and its
#: height in pixels, and the room below it.
LEFT, WIDTH, TOP, HEIGHT, FOOT = 9, 89, 24, 240, 44
#: A panel of small multiples: its height and the plot's, how many stand beside each other.
_PANEL, _PLOT, _WIDE, _NARROW = 200, 150, 4, 2


def curve(detail: Curve) -> Sheet:
    """Draw the lines of a curve, or a panel for each where they are held to the diagonal."""
    if detail.diagonal:
        return _multiples(detail)
    shown = detail.series[:MOST_LINES]
    x_axis = _x_axis(detail)
    heights = [v for of in shown for ends in (of.y, of.low, of.high) for v in ends or []]
    y_axis = linear_axis(
        heights, "percent" if detail.y_percent else "number", from_zero=detail.y_percent
    )
    drawn = [path for i, line in enumerate(shown) for path in _line(line, i, x_axis, y_axis)]
    frame = {"x": f"{LEFT}%", "y": TOP, "width": f"{WIDTH}%", "height": HEIGHT}
    body = [grid(x_axis, y_axis, detail.x_title, detail.y_title), _area(drawn, frame)]
    if detail.marker is not None:
        at = across(x_axis.place(detail.marker))
        body.append(element("line", x1=at, x2=at, y1=TOP, y2=TOP + HEIGHT, class_="marker"))
    told, top, narrow_top = key(_key(detail, shown))
    foot = TOP + HEIGHT + FOOT
    return Sheet("curve", [told, below(top, narrow_top, *body)], top + foot, narrow_top + foot)


def grid(x_axis: Axis, y_axis: Axis, x_title: str, y_title: str) -> str:
    """Draw the ticks of both axes, with lines through the plot, and what the axes show."""
    parts = []
    for place, tick in y_axis.ticks:
        y = up(place)
        parts.append(element("line", x1=f"{LEFT}%", x2=f"{LEFT + WIDTH}%", y1=y, y2=y))
        parts.append(text(tick, x=f"{LEFT - 0.8}%", y=y + 4, class_="tick end"))
    base = TOP + HEIGHT
    for place, tick in x_axis.ticks:
        at = across(place)
        parts.append(element("line", x1=at, x2=at, y1=TOP, y2=base + 4))
        parts.append(text(tick, x=at, y=base + 17, class_="tick"))
    titles = (
        text(y_title, most=70, x=f"{LEFT}%", y=14, class_="measure"),
        text(x_title, x=f"{LEFT + WIDTH}%", y=base + 36, class_="measure end"),
    )
    return element("g", *parts, class_="grid") + "".join(titles)


def _x_axis(detail: Curve) -> Axis:
    places = [x for line in detail.series[:MOST_LINES] for x in line.x]
    if detail.x_scale == "log":
        return log_axis(places)
    if detail.x_is_threshold:
        return Axis(0.0, 1.0, 5, "number")
    return linear_axis(places, "number", from_zero=False)


def across(place: float) -> str:
    """Return where a percentage of the horizontal axis lies."""
    return f"{LEFT + WIDTH * place / 100:.6g}%"


def up(place: float) -> float:
    """Return where a percentage of the vertical axis lies, in pixels."""
    return TOP + HEIGHT * (1 - place / 100)


def _key(detail: Curve, shown: Sequence[Series]) -> list[tuple[str, ...]]:
    told = {name: f"{value} {ends}".strip() for name, value, ends in alt_text.readout(detail)}
    items: list[tuple[str, ...]] = []
    for i, line in enumerate(shown):
        mark = element("line", x1=0, x2=18, y1=10, y2=10, class_=_style(i))
        said = isolated(cut(line.name, 40))
        items.append(("line", mark, said, *([told[line.name]] if line.name in told else [])))
    if detail.marker is not None:
        mark = element("line", x1=8, x2=8, y1=2, y2=18)
        items.append(("marker", mark, alt_text.marker(detail)))
    return items


def _style(i: int) -> str:
    # Lines that share a colour differ in their dashes.
    return f"line s{i % 8} d{(i + i // 8) % 4}"


def _area(paths: Sequence[str], frame: dict[str, object]) -> str:
    """Stretch lines over a plot; their strokes stay as they are."""
    return element("svg", *paths, viewBox="0 0 1000 1000", preserveAspectRatio="none", **frame)


def _line(line: Series, i: int, x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    def point(x: float, y: float | None) -> str:
        return f"{10 * x_axis.place(x):.0f} {1000 - 10 * y_axis.place(y or 0.0):.0f}"

    # What has no place on a log axis is no point.
    on = [k for k, x in enumerate(line.x) if x_axis.kind != "log" or x > 0]
    for low, high in [(line.low, line.high)] if line.low and line.high else []:
        band = [k for k in on if low[k] is not None and high[k] is not None]
        ends = [point(line.x[k], high[k]) for k in band]
        ends += [point(line.x[k], low[k]) for k in reversed(band)]
        if ends:
            yield element("path", d=f"M{'L'.join(ends)}z", class_=f"band s{i % 8}")
    known = [[*of] for drawn, of in groupby(on, lambda k: line.y[k] is not None) if drawn]
    runs = [[point(line.x[k], line.y[k]) for k in run] for run in known]
    if runs:
        yield element("path", d="".join(f"M{'L'.join(run)}" for run in runs), class_=_style(i))
    points = [at for run in runs for at in run]
    if points and len(points) <= _MOST_MARKS:
        yield element("path", d="".join(f"M{at}h0" for at in points), class_=f"marks s{i % 8}")


def _multiples(detail: Curve) -> Sheet:
    """Draw a small plot for each line, all with both axes from 0 to 1."""
    shown = detail.series[:MOST_LINES]
    unit = Axis(0.0, 1.0, 2, "number")
    panels = []
    for i, line in enumerate(shown):
        x, y = 2 + 25 * (i % _WIDE), _PANEL * (i // _WIDE)
        narrow_x, narrow_y = 4 + 50 * (i % _NARROW), _PANEL * (i // _NARROW)
        frame = {"y": 24, "width": "100%", "height": _PLOT, "class_": "plot"}
        square = element("path", d="M0 0h1000v1000h-1000z", class_="square")
        diagonal = element("path", d="M0 1000L1000 0", class_="diagonal")
        drawn = _area([square, diagonal, *_line(line, 0, unit, unit)], {**frame})
        panels.append(
            element(
                "svg",
                text(line.name, most=24, y=16),
                element("g", drawn, class_="wider"),
                text("1", x=-4, y=34, class_="tick end"),
                text("0", x=-4, y=24 + _PLOT, class_="tick end"),
                text("0", x=0, y=38 + _PLOT, class_="tick"),
                text("1", x="100%", y=38 + _PLOT, class_="tick last"),
                class_="panel",
                x=f"{x}%",
                y=y,
                width="21%",
                height=_PANEL,
                style=f"--x:{narrow_x - x}%;--y:{narrow_y - y}px",
            )
        )
    titles = [
        ("up", text("↑", x=4, y=14), detail.y_title),
        ("right", text("→", x=4, y=14), detail.x_title),
        ("straight", element("line", x1=0, x2=18, y1=10, y2=10, class_="diagonal"), TEXT["equal"]),
    ]
    told, top, narrow_top = key(titles)
    high, narrow = (_PANEL * -(-len(shown) // beside) for beside in (_WIDE, _NARROW))
    drawn = below(top, narrow_top, *panels)
    return Sheet("reliability", [told, drawn], top + high, narrow_top + narrow)
