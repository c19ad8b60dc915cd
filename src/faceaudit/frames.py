"""Rows as a pandas table; pandas is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


def frame(fields: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> DataFrame:
    """Return rows as a pandas table with one type a column, also where there are no rows.

    Parameters
    ----------
    fields : sequence of (str, str)
        Name and kind of each column, as of `faceaudit.result.Column`. A name that comes again is
        numbered.
    rows : sequence of sequence
        A cell for each column; None is missing.

    Returns
    -------
    pandas.DataFrame
        Counts are ``Int64``, other numbers ``float64``; nothing is rounded.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for i, (name, kind) in enumerate(fields):
        cells = [row[i] for row in rows]
        before = sum(name == other for other, _ in fields[:i])
        columns[f"{name} ({before + 1})" if before else name] = pd.Series(
            cells, dtype=_dtype(kind, cells)
        )
    return pd.DataFrame(columns)


def _dtype(kind: str, cells: Sequence[Any]) -> str | None:
    """Give the type of a column; None leaves words, and what is no number, to pandas."""
    if kind in ("text", "status"):
        return None if any(cell is not None for cell in cells) else "object"
    if kind == "count" and all(cell is None or isinstance(cell, int) for cell in cells):
        return "Int64"
    numbers = all(cell is None or isinstance(cell, int | float) for cell in cells)
    return "float64" if numbers else None
