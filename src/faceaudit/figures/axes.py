"""From the values of a result to places on an axis with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faceaudit.report.numbers import exact
from faceaudit.result import Forest, Number

#: How many intervals between ticks an axis has at most.
_MOST_STEPS = 5


@dataclass(frozen=True)
class Axis:
    """An axis with evenly spaced ticks."""

    #: Its ends; of a ``ratio`` or ``log`` axis logarithms: equal distances are equal ratios.
    low: float
    high: float
    #: How many equal intervals lie between its ticks.
    steps: int
    #: How the labels of its ticks read, see `faceaudit.report.numbers.cell`.
    kind: str

    def place(self, value: float) -> float:
        """Return where a value lies, in percent of the axis' length, kept within it."""
        share = (self._on(value) - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def beyond(self, value: float) -> int:
        """Tell on which side a value lies off the axis: −1, 1, or 0 if it is on it."""
        on, slack = self._on(value, endless=True), 1e-9 * (self.high - self.low)
        return (on > self.high + slack) - (on < self.low - slack)

    def _on(self, value: float, *, endless: bool = False) -> float:
        base = {"ratio": 2.0, "log": 10.0}.get(self.kind)
        if base is None:
            return value
        return math.log(value, base) if value > 0 else -math.inf if endless else self.low

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
            case "log":
                return f"{10**value:,.3g}" if value < 3 else f"{10**value:,.0f}"
            case _:
                return exact(value)


def linear_axis(
    values: Iterable[float | None], kind: str, *, from_zero: bool = True, most: int = _MOST_STEPS
) -> Axis:
    """Choose round ends and ticks so that every value fits; ``percent`` stays within 0 and 1."""
    shown = [value for value in values if value is not None]
    if from_zero or not shown:
        shown.append(0.0)
    low, high = min(shown), max(shown)
    if high - low < 1e-9:
        high = low + (0.01 if kind in ("percent", "points") else 1.0)
    step = _round_step((high - low) / most)
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


def log_axis(values: Iterable[float]) -> Axis:
    """Choose powers of ten, or halves between them, so that every positive value fits."""
    logs = [math.log10(value) for value in values if value > 0] or [0.0]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    high = max(high, low + 1)
    step = math.ceil((high - low) / _MOST_STEPS)
    steps = math.ceil((high - low) / step)
    return Axis(low, low + steps * step, steps, "log")


def forest_axes(forests: Sequence[Forest]) -> list[Axis]:
    """Choose the one axis of forest plots of one measure: as audited, and at each threshold.

    The first is that of the audited threshold. At another one it is never narrower, so that
    small moves can be compared, and wider where it must be. The interval of a row that is marked,
    as small groups are, may reach from end to end: it runs off the axis instead of ruling it.
    """
    scale = forests[0].scale
    audited: list[float | None] = []
    for forest in forests:
        audited += [forest.reference, forest.limit]
        ruling = _ruling(forest)
        for i, row in enumerate(forest.rows):
            if row.value is not None:
                audited += [row.value, *((row.low, row.high) if i in ruling else ())]
    moved = [grid for of in forests for grid in _drawn(of)]
    first = _axis(audited, scale)
    return [
        first,
        *(
            _axis([*audited, *(value for grid in moved for value in grid[k])], scale)
            for k in range(max(map(len, moved), default=0))
        ),
    ]


def _axis(values: Iterable[float | None], scale: str) -> Axis:
    if scale == "ratio":
        return ratio_axis(values)
    return linear_axis(values, scale, from_zero=scale != "number")


def _ruling(forest: Forest) -> list[int]:
    """Number the rows whose intervals the axis has to hold."""
    unmarked = [i for i, row in enumerate(forest.rows) if row.note is None]
    return unmarked or list(range(len(forest.rows)))


def _drawn(forest: Forest) -> list[list[list[Number]]]:
    moved = forest.by_threshold or {}
    ruling = _ruling(forest)
    whole = [grid for name in ("value", "reference") if (grid := moved.get(name))]
    ends = [grid for name in ("low", "high") if (grid := moved.get(name))]
    return [*whole, *([[row[i] for i in ruling] for row in grid] for grid in ends)]
