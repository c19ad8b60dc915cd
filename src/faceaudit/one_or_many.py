"""One thing where a list of them may be given: a path is no list of letters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

#: What a cell of a table may hold.
Word = str | int | float | bool


def listed(given: object) -> list[Any]:
    """Return what was given as a list; a text, path, number, table or mapping is one thing.

    >>> listed("scores.csv"), listed(["a.csv", "b.csv"]), listed(1), listed(())
    (['scores.csv'], ['a.csv', 'b.csv'], [1], [])
    """
    one = isinstance(given, str | bytes | os.PathLike | Mapping) or is_frame(given)
    if one or not isinstance(given, Iterable):
        return [given]
    return list(given)


def as_words(given: object) -> list[str]:
    """Return one or many words as texts; a number is written as short as it can be.

    >>> as_words(1), as_words(1.0), as_words("NA"), as_words(["NA", 999])
    (['1'], ['1'], ['NA'], ['NA', '999'])
    """
    return [f"{one:.12g}" if isinstance(one, float) else str(one) for one in listed(given)]


def is_frame(given: object) -> bool:
    """Tell whether something is a data frame or an Arrow table, and no list of things."""
    return any(hasattr(given, f"__{of}__") for of in ("dataframe", "arrow_c_stream"))
