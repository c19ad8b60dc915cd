"""From the values of a result to places on the page: axes, marks, curves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from faceaudit.report.numbers import exact
from faceaudit.result import (
    Cell,
    Curve,
    Detail,
    Distribution,
    Estimate,
    Forest,
    Gallery,
    Heatmap,
    Result,
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
#: Rows that the figure of the first screen has at most before it unfolds.
FIRST_ROWS = 10
#: Of more lines than these, nobody can tell one from another; a drawing has the first.
MOST_LINES = 24


@dataclass(frozen=True)
class Axis:
    """A horizontal axis with evenly spaced ticks."""

    #: Its ends; of a ``ratio`` base-2 logarithms, so that equal distances are equal ratios.
    low: float
    high: float
    #: How many equal intervals lie between its ticks.
    steps: int
    #: How the labels of its ticks read, see `faceaudit.report.numbers.cell`.
    kind: str

    def place(self, value: float) -> float:
        """Return where a value lies, in percent of the axis' length, kept within it."""
        if self.kind == "ratio":
            value = math.log2(value) if value > 0 else self.low
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels of the ticks."""
        width = self.high - self.low
        return [
            # Rounded, because −0.1 + 5 × 0.02 is not zero to a computer.
            (
                round(100 * i / self.steps, 2),
                self._label(round(self.low + i * width / self.steps, 12)),
            )
            for i in range(self.steps + 1)
        ]

    def _label(self, value: float) -> str:
        match self.kind:
            case "percent":
                return f"{exact(100 * value)}\N{NARROW NO-BREAK SPACE}%"
            case "points":
                return f"{'+' if value > 0 else ''}{exact(100 * value)}" if value else "0"
            case "ratio":
                return f"{2**value:.3g}×"
            case _:
                return f"{value:.6g}"


def linear_axis(values: Iterable[float | None], kind: str, *, from_zero: bool = True) -> Axis:
    """Choose round ends and ticks so that every value fits; ``percent`` stays within 0 and 1."""
    shown = [value for value in values if value is not None]
    if from_zero or not shown:
        shown.append(0.0)
    low, high = min(shown), max(shown)
    if high - low < 1e-9:
        high = low + (0.01 if kind in ("percent", "points") else 1.0)
    step = _round_step((high - low) / _MOST_STEPS)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    if kind == "percent" and high <= 1 < last * step:
        last = round(1 / step)
    return Axis(first * step, last * step, last - first, kind)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * size for size in (1, 2, 2.5, 5, 10) if power * size >= least * (1 - 1e-9))


def ratio_axis(values: Iterable[float | None]) -> Axis:
    """Choose powers of two around 1 so that every positive value fits."""
    logs = [math.log2(value) for value in values if value is not None and value > 0] + [0.0]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    # A ratio without an upper end in sight would squeeze all others into a point.
    low, high = max(min(low, -1), -8), min(max(high, 1), 8)
    step = math.ceil((high - low) / _MOST_STEPS)
    steps = math.ceil((high - low) / step)
    return Axis(low, low + steps * step, steps, "ratio")


def forest_axis(forest: Forest) -> Axis:
    """Choose the axis of a forest plot."""
    values = [forest.reference, forest.limit]
    for row in forest.rows:
        if row.value is not None:
            values += [row.value, row.low, row.high]
    if forest.scale == "ratio":
        return ratio_axis(values)
    return linear_axis(values, forest.scale, from_zero=forest.scale != "number")


def wider_axes(forest: Forest) -> list[Axis]:
    """Choose the axis as audited, and wider ones for thresholds at which it would not do."""
    first = forest_axis(forest)
    ends = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
    return [first, *(linear_axis([first.low, e], forest.scale) for e in ends if e > first.high)]


def slopes_axes(slopes: Slopes) -> tuple[Axis, Axis]:
    """Choose the axis on which the two rates of every group lie, and that of the differences."""
    rates = (rate for row in slopes.rows for rate in (row.first, row.second))
    differences = (end for row in slopes.rows for end in (row.difference, row.low, row.high))
    return linear_axis(rates, "percent"), linear_axis(differences, "points")


def bar_heights(distribution: Distribution) -> dict[str, list[float]]:
    """Return heights of the bars of a distribution, in percent of the tallest of all.

    On a square-root scale: scores pile up at 0 and 1, and the rare ones between are the point.
    """
    top = max((s for shares in distribution.series.values() for s in shares), default=0.0) or 1.0
    return {
        name: [round(100 * math.sqrt(max(share, 0.0) / top), 1) for share in shares]
        for name, shares in distribution.series.items()
    }


def dash(i: int) -> int:
    """Number the dash pattern of a line, so that lines which share a colour differ in it."""
    return (i + i // _COLOURS) % len(_DASHES)


def curve_lines(curve: Curve) -> list[dict[str, Any]]:
    """Return a curve's lines as the page's script draws and downloads them.

    Five digits are more than a drawing shows, and keep a page with many lines small.
    """
    return [
        {
            "name": line.name,
            "dash": _DASHES[dash(i)],
            **{key: _rounded(getattr(line, key)) for key in ("x", "y", "low", "high")},
        }
        for i, line in enumerate(curve.series)
    ]


def _rounded(values: Sequence[float | None] | None) -> list[float | None] | None:
    if values is None:
        return None
    return [None if value is None else float(f"{value:.5g}") for value in values]


def shown_columns(table: Table) -> list[int]:
    """Number the columns to show: all that have a value, now or at another threshold."""
    moved = table.by_threshold or {}
    return [
        i
        for i in range(len(table.columns))
        if any(row[i] is not None for row in table.rows)
        or any(value is not None for row in moved.get(str(i)) or () for value in row)
    ]


def not_estimable(detail: Detail) -> bool:
    """Tell whether a detail has no number but how many images there are."""
    match detail:
        case Forest():
            return not any(_known([row.value for row in detail.rows], detail, "value"))
        case Table():
            numbers = [
                (i, column)
                for i, column in enumerate(detail.columns)
                if column.kind not in ("text", "status", "count")
            ]
            return bool(detail.rows and numbers) and not any(
                any(_known([row[i] for row in detail.rows], detail, str(i))) for i, _ in numbers
            )
        case Heatmap():
            return not any(_known(chain.from_iterable(detail.values), detail, "values"))
        case _:
            return False


def _known(values: Iterable[Cell], detail: Forest | Table | Heatmap, moved: str) -> Iterator[bool]:
    """Tell of each value, as audited and at every other threshold, whether there is one."""
    grid = (detail.by_threshold or {}).get(moved) or []
    yield from (value is not None for value in chain(values, chain.from_iterable(grid)))


def first_rows(detail: Detail) -> int:
    """Count the rows that a figure of the first screen has before it unfolds.

    Of many groups, those that are marked as small do not help to see the answer.
    """
    if not isinstance(detail, Forest | Slopes) or len(detail.rows) <= FIRST_ROWS:
        return FIRST_ROWS
    unmarked = sum(not row.note for row in detail.rows)
    return min(unmarked, FIRST_ROWS) if unmarked > 1 else FIRST_ROWS


def large_groups_first(result: Result) -> Result:
    """Return the result with the rows of its first figure as the first screen shows them.

    Groups that are marked, as small ones are, come last; of more than fit, the largest values
    come first.
    """
    figure, at = result.first_figure, result.answer and result.answer.figure
    if at is None or not isinstance(figure, Forest | Slopes):
        return result
    values = [row.value if isinstance(row, Estimate) else row.difference for row in figure.rows]
    many = len(figure.rows) > FIRST_ROWS

    def place(i: int) -> tuple[bool, bool, float]:
        value = values[i]
        return value is None, bool(figure.rows[i].note), -abs(value or 0.0) if many else 0.0

    order = sorted(range(len(values)), key=place)
    changed: dict[str, Any] = {"rows": [figure.rows[i] for i in order]}
    if isinstance(figure, Forest) and figure.by_threshold:
        changed["by_threshold"] = {
            name: grid
            if grid is None or name == "reference"
            else [[line[i] for i in order] for line in grid]
            for name, grid in figure.by_threshold.items()
        }
    checks = [
        check.model_copy(
            update={
                "details": [
                    detail.model_copy(update=changed) if detail is figure else detail
                    for detail in check.details
                ]
            }
        )
        for check in result.checks
    ]
    return result.model_copy(update={"checks": checks})


def is_picture(data: str | None) -> bool:
    """Tell whether this is a picture that lies in the result itself."""
    return data is not None and _THUMBNAIL.fullmatch(data) is not None


def without_pictures(result: Result) -> Result:
    """Return a copy of a result in which no pixel of any photograph is left."""
    bare = result.model_copy(deep=True)
    for item in chain.from_iterable(d.items for d in bare.details if isinstance(d, Gallery)):
        item.thumbnail = None
        if item.attention is not None:
            item.attention.layer = ""
    return bare
