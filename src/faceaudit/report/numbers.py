"""How numbers read in every report."""

from __future__ import annotations

import re

from faceaudit.report.text import TEXT
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
        case "percent":
            return percent(value)
        case "points":
            points = f"{100 * value:+.1f}"
            # Neither +0.0 nor −0.0: what rounds to nothing has no direction.
            return _signed(points if float(points) else "0.0") + f"{_NARROW_SPACE}pts"
        case "p":
            return "< 0.001" if value < 0.001 else f"{value:.3f}"
        case "ratio":
            return f"{value:.2f}×"
        case _:
            return f"{value:,}" if isinstance(value, int) else _signed(_three_digits(value))


def percent(share: float) -> str:
    """Write a share from 0 to 1 as a percentage; a share below 0.1 % keeps a second decimal."""
    decimals = 2 if 0 < abs(share) < 0.000_95 or 0.999_05 < share < 1 else 1
    return _signed(f"{100 * share:.{decimals}f}") + f"{_NARROW_SPACE}%"


def interval(low: float | None, high: float | None, kind: str) -> str:
    """Write an interval, with the unit once; empty where there is none."""
    if low is None or high is None:
        return ""
    first, last = cell(low, kind), cell(high, kind)
    unit = last.lstrip("+0123456789.," + _MINUS)
    # A dash beside a minus sign would be hard to read.
    between = f" {TEXT['to']} " if kind == "points" or low < 0 else "–"
    return f"{first.removesuffix(unit)}{between}{last}"


def exact(value: float) -> str:
    """Write a number that people chose, such as a threshold: as it is, without padding."""
    return _signed(f"{value:.6g}")


def count(value: int) -> str:
    """Write a count with its thousands set apart."""
    return f"{value:,}"


def prose(text: str) -> str:
    """Set a sentence well: percent signs stay with their numbers, minus signs are minus signs."""
    return re.sub(r"(?<=[ (])-(?=\d)", _MINUS, text).replace(" %", f"{_NARROW_SPACE}%")


def words(name: str) -> str:
    """Write the name of a tag as words: ``age_band`` reads "age band"."""
    return name.replace("_", " ").strip()


def _three_digits(value: float) -> str:
    # Fixed decimals by size, so that a value and the ends of its interval look alike.
    size = abs(value)
    if 0 < size < 0.001:
        return f"{value:.2g}"
    decimals = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{decimals}f}"


def _signed(text: str) -> str:
    # A typographic minus keeps negative numbers from looking like ranges.
    return text.replace("-", _MINUS)
