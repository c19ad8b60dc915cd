"""From the values of a result to places on the page: axes, marks, curves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from faceaudit.result import (
    Curve,
    Distribution,
    Forest,
    Gallery,
    Heatmap,
    Slopes,
    Table,
)

#: How many intervals between ticks an axis has at most.
_MOST_STEPS = 5
#: Pictures come from the result itself. Anything else in their place could ask a network.
_THUMBNAIL = re.compile(r"data:image/(?:jpeg|png|webp);base64,[A-Za-z0-9+/]+={0,2}")
_DASHES = ("solid", "dash", "dot", "dashdot")
#: Colours of the palette in the style sheet.
_COLOURS = 8


@dataclass(frozen=True)
class Axis:
    """A horizontal axis with evenly spaced ticks.

    Attributes
    ----------
    low, high : float
        Ends of the axis, in the values' unit; base-2 logarithms of it if `log`.
    steps : int
        Number of equal intervals between ticks.
    kind : str
        How tick labels read, see `faceaudit.report.numbers.cell`.
    log : bool
        Whether equal distances are equal ratios.
    """

    low: float
    high: float
    steps: int
    kind: str
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, in percent of the axis' length, kept within it."""
        if self.log:
            value = math.log2(value) if value > 0 else self.low
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels of the ticks."""
        ticks = []
        for i in range(self.steps + 1):
            # Rounded, because −0.1 + 5 × 0.02 is not zero to a computer.
            value = round(self.low + i * (self.high - self.low) / self.steps, 12)
            ticks.append((round(100 * i / self.steps, 2), self._label(value)))
        return ticks

    def _label(self, value: float) -> str:
        match self.kind:
            case "percent":
                return f"{100 * value:.6g} %".replace(" ", "\N{NARROW NO-BREAK SPACE}")
            case "points":
                return f"{100 * value:+.6g}".replace("-", "\N{MINUS SIGN}") if value else "0"
            case "ratio":
                return f"{2**value:.3g}×"
            case _:
                return f"{value:.6g}"


def linear_axis(values: Iterable[float], kind: str, *, from_zero: bool = True) -> Axis:
    """Choose round ends and ticks so that every value fits.

    Parameters
    ----------
    values : iterable of float
        Values, interval ends and lines to be shown.
    kind : str
        ``percent`` stays within 0 and 1 where the values do.
    from_zero : bool
        Whether zero must be on the axis.
    """
    shown = [*values, *([0.0] if from_zero else [])] or [0.0]
    low, high = min(shown), max(shown)
    if high - low < 1e-9:
        high = low + (0.01 if kind in ("percent", "points") else 1.0)
    step = _round_step((high - low) / _MOST_STEPS)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    if kind == "percent" and high <= 1 < last * step:
        last = round(1 / step)
    return Axis(first * step, last * step, last - first, kind)


def ratio_axis(values: Iterable[float]) -> Axis:
    """Choose powers of two around 1 so that every positive value fits."""
    logs = [math.log2(value) for value in values if value > 0] + [0.0]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    # A ratio without an upper end in sight would squeeze all others into a point.
    low, high = max(min(low, -1), -8), min(max(high, 1), 8)
    step = math.ceil((high - low) / _MOST_STEPS)
    steps = math.ceil((high - low) / step)
    return Axis(low, low + steps * step, steps, "ratio", log=True)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * size for size in (1, 2, 2.5, 5, 10) if power * size >= least * (1 - 1e-9))


def forest_axis(forest: Forest) -> Axis:
    """Choose the axis of a forest plot."""
    values = [
        value
        for row in forest.rows
        for value in (row.value, row.low, row.high)
        if value is not None and row.value is not None
    ]
    values += [line for line in (forest.reference, forest.limit) if line is not None]
    if forest.scale == "ratio":
        return ratio_axis(values)
    return linear_axis(values, forest.scale, from_zero=forest.scale != "number")


def wider_axes(forest: Forest) -> list[Axis]:
    """Choose the axis as audited, and wider ones for thresholds at which it would not do."""
    first = forest_axis(forest)
    wider = [
        linear_axis([first.low, high], forest.scale)
        for high in (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
        if high > first.high
    ]
    return [first, *wider]


def slopes_axis(slopes: Slopes) -> Axis:
    """Choose the axis on which the two rates of every group lie."""
    pairs = [(row.first, row.second) for row in slopes.rows]
    return linear_axis([rate for pair in pairs for rate in pair if rate is not None], "percent")


def difference_axis(slopes: Slopes) -> Axis:
    """Choose the axis of the paired differences."""
    ends = [(row.difference, row.low, row.high) for row in slopes.rows]
    return linear_axis([end for row in ends for end in row if end is not None], "points")


def edges_axis(distribution: Distribution) -> Axis:
    """Span an axis over the bins of a distribution."""
    low, high = distribution.edges[0], distribution.edges[-1]
    return Axis(low, high, _MOST_STEPS, "number")


def heat(heatmap: Heatmap) -> list[list[int | None]]:
    """Return how dark each cell of a heat map is, in percent of the darkest."""
    top = max((v for row in heatmap.values for v in row if v is not None), default=0.0) or 1.0
    return [
        [None if value is None else round(100 * value / top) for value in row]
        for row in heatmap.values
    ]


def dash(i: int) -> int:
    """Number the dash pattern of a line, so that lines which share a colour differ in it."""
    return (i + i // _COLOURS) % len(_DASHES)


#: Of more lines than these, nobody can tell one from another; a drawing has the first.
MOST_LINES = 24


def curve_lines(curve: Curve) -> list[dict[str, Any]]:
    """Return a curve's lines as the page's script draws and downloads them.

    Five digits are more than a drawing shows, and keep a page with many lines small.
    """
    return [
        {
            "name": series.name,
            "dash": _DASHES[dash(i)],
            "x": _rounded(series.x),
            "y": _rounded(series.y),
            "low": series.low and _rounded(series.low),
            "high": series.high and _rounded(series.high),
        }
        for i, series in enumerate(curve.series)
    ]


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else float(f"{value:.5g}") for value in values]


def plotly_layout(curve: Curve) -> dict[str, Any]:
    """Return a curve's axes and upright lines in plotly's JSON shape, without colours.

    Colours come from the page's style sheet when it is drawn, so that they follow light and dark.
    """
    y_format = ".0%" if curve.y_percent else ""
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": _plain(curve.x_title)}, "type": curve.x_scale},
        "yaxis": {"title": {"text": _plain(curve.y_title)}, "tickformat": y_format},
        "shapes": [],
    }
    if curve.y_percent:
        layout["yaxis"]["hoverformat"] = ".1%"
        layout["yaxis"]["rangemode"] = "tozero"
    if curve.diagonal:
        ends = [x for series in curve.series for x in series.x]
        low, high = min(ends, default=0.0), max(ends, default=1.0)
        diagonal = {"x0": low, "y0": low, "x1": high, "y1": high}
        layout["shapes"].append({"type": "line", "name": "diagonal", **diagonal})
    if curve.marker is not None:
        upright = {"x0": curve.marker, "x1": curve.marker, "y0": 0, "y1": 1, "yref": "paper"}
        layout["shapes"].append({"type": "line", "name": "marker", **upright})
    return layout


def _plain(text: str) -> str:
    # Plotly reads a subset of HTML in its texts; long names would push the drawing aside.
    short = text if len(text) <= 60 else text[:59] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def bar_heights(distribution: Distribution) -> dict[str, list[float]]:
    """Return heights of the bars of a distribution, in percent of the tallest of all.

    On a square-root scale: scores pile up at 0 and 1, and the rare ones between are the point.
    """
    top = max((s for shares in distribution.series.values() for s in shares), default=0.0) or 1.0
    return {
        name: [round(100 * math.sqrt(max(share, 0.0) / top), 1) for share in shares]
        for name, shares in distribution.series.items()
    }


def shown_columns(table: Table) -> list[int]:
    """Number the columns to show: all but notes that no row has."""
    return [
        i
        for i, column in enumerate(table.columns)
        if column.kind != "text" or any(row[i] is not None for row in table.rows)
    ]


def pictures(gallery: Gallery, images: bool) -> set[int]:
    """Return which items of a gallery are shown as pictures: only data that are images."""
    if not images:
        return set()
    return {i for i, item in enumerate(gallery.items) if _is_picture(item.thumbnail)}


def layers(gallery: Gallery, shown: set[int]) -> set[int]:
    """Return which of the pictures that are shown have an attention layer."""
    return {
        i
        for i, item in enumerate(gallery.items)
        if i in shown and item.attention and _is_picture(item.attention.layer)
    }


def _is_picture(data: str | None) -> bool:
    return data is not None and _THUMBNAIL.fullmatch(data) is not None
