"""The standard tags: name, type and order of values."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.tags.age import AGE_BANDS, age_band
from faceaudit.validation import cast_column

#: Tags that are numbers; every other tag is a category and is kept as text.
NUMERIC_TAGS = ("age", "yaw", "pitch", "roll")

#: Categories that have an order; others are listed alphabetically.
ORDERED_TAGS: dict[str, tuple[str, ...]] = {"age_band": AGE_BANDS}


def with_standard_tags(table: pa.Table, source: str) -> tuple[pa.Table, dict[str, str]]:
    """Give the numeric tags their type, and derive `age_band` from `age` where it is missing.

    Returns
    -------
    table : pyarrow.Table
    derived : dict of str to str
        Source sentence of every tag that was added here.

    Raises
    ------
    FaceAuditError
        If a numeric tag holds text.
    """
    for name in NUMERIC_TAGS:
        if name in table.column_names and not pa.types.is_floating(table[name].type):
            try:
                table = cast_column(table, name, pa.float32(), source)
            except FaceAuditError as error:
                bands = "; bands go into age_band: --map age_band=age" if name == "age" else ""
                raise FaceAuditError(f"{error}{bands}") from None
    derived: dict[str, str] = {}
    if "age" in table.column_names and "age_band" not in table.column_names:
        table = table.append_column("age_band", age_band(table["age"]))
        derived["age_band"] = "derived from age"
    return table, derived


def group_order(tag: str, values: list[str]) -> list[str]:
    """Sort group names the way a reader expects: ordered tags by rank, others by name."""
    rank = {value: position for position, value in enumerate(ORDERED_TAGS.get(tag, ()))}
    return sorted(values, key=lambda value: (rank.get(value, len(rank)), value))


def distinct_values(table: pa.Table, tag: str) -> list[str]:
    """Return the distinct non-null values of a categorical tag, in reading order."""
    return group_order(tag, [str(v) for v in pc.unique(table[tag]).drop_null().to_pylist()])
