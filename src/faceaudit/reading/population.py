"""The population that rates are weighted to: which share of it each cell of tags has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceaudit.reading.columns import cast_column
from faceaudit.reading.formats import read_file
from faceaudit.tags.vocabulary import standard

Row = dict[str, str | float]
_SIZES = ("share", "count")


def read_population(path: Path) -> list[Row]:
    """Read a table with a column for each tag, and ``share`` or ``count``."""
    table, _ = read_file(path, [])
    for name in {*_SIZES} & {*table.column_names}:
        table = cast_column(table, name, pa.float64(), str(path))
    return list(table.to_pylist())


def population_rows(given: Any) -> list[Row]:
    """Make rows of a population, each with its tags and its ``share``; those add up to 1.

    Parameters
    ----------
    given : list of mappings, or mapping
        Rows with tags and ``share`` or ``count``, or short for one tag: ``{tag: {value: share}}``.

    Raises
    ------
    ValueError
        What is wrong with it, and the remedy.
    """
    if isinstance(given, Mapping):
        if len(given) != 1 or not all(isinstance(of, Mapping) for of in given.values()):
            raise ValueError(
                "a mapping is of one tag, {tag: {value: share}}; give rows for several"
            )
        ((tag, shares),) = given.items()
        given = [{tag: value, "share": share} for value, share in shares.items()]
    if not given or not isinstance(given, list) or not all(isinstance(of, Mapping) for of in given):
        raise ValueError("a population is a mapping, rows, or the name of a table beside this file")
    names = list(given[0])
    size = [name for name in names if name in _SIZES]
    if (
        len(size) != 1
        or len(names) < 2
        or any(set(row) != set(names) or None in row.values() for row in given)
    ):
        raise ValueError("each row names the same tags and either 'share' or 'count'")
    sizes = [row[size[0]] for row in given]
    if not all(isinstance(of, int | float) and math.isfinite(of) and of >= 0 for of in sizes):
        raise ValueError(f"'{size[0]}' is a number from 0 on in every row")
    tags = [name for name in names if name not in _SIZES]
    # As cells of tables are read, so that they meet.
    cells = [{tag: str(standard(tag, str(row[tag]))) for tag in tags} for row in given]
    if twice := next((of for i, of in enumerate(cells) if of in cells[:i]), None):
        raise ValueError(f"{', '.join(twice.values())} is there twice")
    total = math.fsum(sizes)
    if total == 0 or (size == ["share"] and abs(total - 1) > 0.01):
        raise ValueError(f"'{size[0]}' adds up to {total:g}; shares make 1, counts need not")
    return [{**cell, "share": of / total} for cell, of in zip(cells, sizes, strict=True)]
