"""Validation: the first cell that breaks the schema, named by file, column and row."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import cast_column
from faceaudit.schema import FIXED_COLUMNS, LABELS, SCORED

_EMPTY = "is empty; fill it, or leave the row out"


def validate(table: pa.Table, kind: Literal["manifest", "scores"], source: str) -> pa.Table:
    """Check a table against the schema and return it with the schema's column types.

    Raises
    ------
    FaceAuditError
        ``source: column 'x', row n: …`` for the first offending cell (rows count from 1).
    """
    if len(set(table.column_names)) < len(table.column_names):
        raise FaceAuditError(f"{source}: two columns have the same name")
    needed = ["image", "label", "dataset"] + (["p_ai"] if kind == "scores" else [])
    for name in needed:
        if name not in table.column_names:
            raise FaceAuditError(f"{source}: column '{name}' is missing")
    if kind == "scores":
        told = pc.if_else(pc.is_valid(table["p_ai"]), "ok", "unscored")
        if "status" not in table.column_names:
            table = table.append_column("status", told)
        elif table["status"].null_count:
            # A row without a status is in none, and would not be counted.
            place = table.column_names.index("status")
            status = pc.coalesce(table["status"].cast(pa.string()), told)
            table = table.set_column(place, "status", status)
    for name in table.column_names:
        if name in FIXED_COLUMNS:
            table = cast_column(table, name, FIXED_COLUMNS[name], source)
    for name in ("image", "label", "dataset"):
        _refuse(table, name, pc.is_null(table[name]), source, _EMPTY)
    _refuse(
        table,
        "label",
        pc.invert(pc.is_in(table["label"], pa.array(LABELS))),
        source,
        "is neither 'real' nor 'ai'",
    )
    if kind == "scores":
        score = table["p_ai"]
        within = pc.and_(pc.greater_equal(score, 0), pc.less_equal(score, 1))
        _refuse(table, "p_ai", pc.invert(within), source, "is not a probability between 0 and 1")
        for status in SCORED:
            unexplained = pc.and_(pc.is_null(score), pc.equal(table["status"], status))
            _refuse(table, "p_ai", unexplained, source, f"is empty although status is '{status}'")
    if "attention" in table.column_names:
        fields = pc.binary_length(table["attention"])
        side = pc.floor(pc.sqrt(fields))
        wrong = pc.or_(pc.equal(fields, 0), pc.not_equal(pc.multiply(side, side), fields))
        _refuse(table, "attention", wrong, source, "is not a square map; leave the column out")
    _refuse_repeated_keys(table, source)
    return table


def _refuse(
    table: pa.Table, name: str, wrong: pa.ChunkedArray, source: str, complaint: str
) -> None:
    wrong = pc.fill_null(wrong, False)
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        value = table[name][row].as_py()
        shown = "the cell" if value is None else repr(value)
        raise FaceAuditError(f"{source}: column '{name}', row {row + 1}: {shown} {complaint}")


def _refuse_repeated_keys(table: pa.Table, source: str) -> None:
    if len(table) == 0:
        raise FaceAuditError(f"{source}: the table has no rows")
    if (pair := repeated_keys(table)) is not None:
        row = pair[1]
        raise FaceAuditError(
            f"{source}: column 'image', row {row + 1}: {table['image'][row].as_py()!r} stands "
            "there twice for the same data set; one row is one image"
        )


def repeated_keys(table: pa.Table) -> tuple[int, int] | None:
    """Return the first row whose data set and image an earlier row has, after that earlier row."""
    image = table["image"].combine_chunks().dictionary_encode()
    dataset = table["dataset"].combine_chunks().dictionary_encode()
    key = image.indices.to_numpy().astype(np.int64) * len(dataset.dictionary)
    key += dataset.indices.to_numpy()
    unique, first = np.unique(key, return_index=True)
    if len(unique) == len(key):
        return None
    repeated = np.ones(len(key), dtype=bool)
    repeated[first] = False
    row = int(np.argmax(repeated))
    return int(np.argmax(key == key[row])), row
