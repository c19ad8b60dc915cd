"""How numbers read in every report; ``static/start.js`` writes those alike that a slider moves."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from faceaudit.report.text import TEXT

if TYPE_CHECKING:
    from faceaudit.result import Cell

NOT_ESTIMABLE = "–"
_MINUS = "\N{MINUS SIGN}"
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def cell(value: Cell, kind: str) -> str:
    """Write one value the way its column or scale asks for.

    Parameters
    ----------
    value : str, int, float, bool or None
        None reads as a dash: there is no number to show.
    kind : str
        A kind of `faceaudit.result.Column` or a scale of `faceaudit.result.Forest`.
    """
    if value is None:
        return NOT_ESTIMABLE
    if isinstance(value, bool):
        return TEXT["yes"] if value else TEXT["no"]
    if isinstance(value, str):
        return value
    match kind:
        case "count":
            return f"{value:,.0f}"
        case "percent" if 0 < value < 0.000_05:
            text = f"< 0.01{_NARROW_SPACE}%"
        case "percent":
            # What is not quite none or all keeps a second decimal.
            decimals = 2 if 0 < abs(value) < 0.000_95 or 0.999_05 < value < 1 else 1
            text = f"{100 * value:.{decimals}f}{_NARROW_SPACE}%"
        case "points":
            text = f"{100 * value:+.1f}"
            # Neither +0.0 nor −0.0: what rounds to nothing has no direction.
            text = f"{text if float(text) else '0.0'}{_NARROW_SPACE}pts"
        case "p":
            return "< 0.001" if value < 0.001 else f"{value:.3f}"
        case "ratio":
            text = f"{value:.2f}×"
        case _ if isinstance(value, int):
            return f"{value:,}"
        case _ if 0 < abs(value) < 0.001:
            text = "< 0.001" if value > 0 else "> -0.001"
        case _:
            # Fixed decimals by size, so that a value and the ends of its interval look alike.
            text = f"{value:,.{sum(abs(value) < size for size in (1, 10, 100))}f}"
    return text.replace("-", _MINUS)


count = partial(cell, kind="count")
percent = partial(cell, kind="percent")


def interval(low: float | None, high: float | None, kind: str) -> str:
    """Write an interval, with the unit once; empty where there is none."""
    if low is None or high is None:
        return ""
    first, last = cell(low, kind), cell(high, kind)
    if first == last and first.startswith(("<", ">")):
        return first
    unit = last.lstrip("<> +0123456789.," + _MINUS)
    # A dash beside a minus sign would be hard to read.
    between = f" {TEXT['to']} " if kind == "points" or low < 0 else "–"
    return f"{first.removesuffix(unit)}{between}{last}"


def with_interval(value: float | None, low: float | None, high: float | None, kind: str) -> str:
    """Write a value and, where there is one, its interval in brackets."""
    between = interval(low, high, kind)
    return cell(value, kind) + (f" ({between})" if between else "")


def exact(value: float) -> str:
    """Write a number that people chose, such as a threshold: as it is, without padding."""
    return f"{value:.6g}".replace("-", _MINUS)


def minus_signs(text: str) -> str:
    """Write the minus of every number in a text as one, and leave hyphens alone."""
    return re.sub(r"(?<![^\s(])-(?=\d)", _MINUS, text)


def prose(text: str) -> str:
    """Set a sentence well: percent signs stay with their numbers, minus signs are minus signs."""
    return minus_signs(text).replace(" %", f"{_NARROW_SPACE}%")
