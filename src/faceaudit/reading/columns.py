"""Any column read from outside as text, number or boolean: the one place that decides."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError

_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_UNCASTABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of any Arrow type as text, int64, float or boolean.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Dictionaries (pandas' categories) are decoded; dates become text; not-a-number becomes
        null; a column of nulls is text without a value.

    Returns
    -------
    pyarrow.ChunkedArray or None
        None if a cell holds more than one value (lists, structs, embeddings) or bytes.
    """
    kind = column.type
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return plain(pa.chunked_array([part.storage for part in column.chunks], kind.storage_type))
    if types.is_dictionary(kind):
        return plain(column.cast(kind.value_type))
    if types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if types.is_string(kind) or types.is_boolean(kind) or types.is_int64(kind):
        return column
    if types.is_integer(kind):
        # Only uint64 reaches beyond int64.
        return column.cast(pa.float64() if types.is_uint64(kind) else pa.int64())
    if types.is_floating(kind) or types.is_decimal(kind):
        if not (types.is_float32(kind) or types.is_float64(kind)):
            column = column.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(column), None, column)
    if types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return column.cast(pa.string())
    if types.is_temporal(kind):
        return column.cast(pa.string())
    return None


def cast_column(table: pa.Table, name: str, to: pa.DataType, source: str) -> pa.Table:
    """Give a column its type, or name the first cell that cannot have it.

    Text is read as a number or as a boolean (true, yes, 1 …) where one is needed; an empty cell
    is null.

    Raises
    ------
    FaceAuditError
        ``source: column 'x', row n: …`` (rows count from 1).
    """
    column = table[name]
    if column.type == to:
        return table
    if not pa.types.is_binary(to):
        found = plain(column)
        if found is None:
            raise FaceAuditError(
                f"{source}: column '{name}' holds {column.type} and not one value a cell; "
                "leave it out or rename it"
            )
        column = found
    try:
        cast = _cast(column, to)
    except _UNCASTABLE:
        row = _first_uncastable(column, to)
        value = column[row].as_py()
        raise FaceAuditError(
            f"{source}: column '{name}', row {row + 1}: {value!r} is not {_called(to)}; "
            f"correct it, or name it as missing with --missing {shlex.quote(str(value))}"
        ) from None
    return table.set_column(table.column_names.index(name), name, cast)


def with_decimal_points(table: pa.Table, names: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """Read ``0,93`` as 0.93 in the number columns `names` where no cell holds a point.

    Returns
    -------
    table : pyarrow.Table
    notes : list of str
        A sentence that names the columns in which a comma was the decimal mark.
    """
    read_so = []
    for name in names:
        if name not in table.column_names or not pa.types.is_string(table[name].type):
            continue
        column = table[name]
        if pc.any(pc.match_substring(column, ".")).as_py():
            continue
        if pc.any(pc.match_substring(column, ",")).as_py():
            position = table.column_names.index(name)
            table = table.set_column(position, name, pc.replace_substring(column, ",", "."))
            read_so.append(name)
    said = f"a comma was read as the decimal mark in {', '.join(read_so)}."
    return table, [said] if read_so else []


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a plain column as text, as a CSV file would hold it (``1``, ``2.5``, ``true``)."""
    return column.cast(pa.string())


def alike(
    first: pa.ChunkedArray, second: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Give two plain columns one type: text, unless both are numbers."""
    if first.type == second.type:
        return first, second
    number = all(
        pa.types.is_integer(kind) or pa.types.is_floating(kind)
        for kind in (first.type, second.type)
    )
    for to in (pa.int64(), pa.float64()) if number else ():
        try:
            return first.cast(to), second.cast(to)
        except pa.ArrowInvalid:
            continue
    return as_text(first), as_text(second)


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Return how often each value stands there, as text; nulls do not count."""
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    return {str(pair["values"]): int(pair["counts"]) for pair in pairs}


def mark_missing(table: pa.Table, words: Sequence[str], keep: Sequence[str] = ()) -> pa.Table:
    """Empty every cell that holds one of `words`, outer white space aside.

    Parameters
    ----------
    table : pyarrow.Table
        Of plain columns.
    words : sequence of str
        A number is missing where it is written 999, and where it is written 999.0.
    keep : sequence of str
        Columns that are left alone.
    """
    if not words:
        return table
    spelt = [word.strip() for word in words]
    for word in tuple(spelt):
        with suppress(ValueError):
            spelt += [f"{float(word):.12g}", str(float(word))]
    wanted = pa.array(spelt, pa.string())
    for position, name in enumerate(table.column_names):
        column = table[position]
        if name in keep or pa.types.is_binary(column.type):
            continue
        hit = pc.is_in(pc.utf8_trim_whitespace(as_text(column)), wanted)
        if pc.any(hit).as_py():
            table = table.set_column(position, name, pc.if_else(hit, None, column))
    return table


def _cast(column: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_boolean(to):
        return _as_boolean(column)
    if pa.types.is_string(column.type) and not pa.types.is_string(to):
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(text, ""), None, text).cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), None, column)
    # A whole number may be written 224.0: pandas does so beside an empty cell.
    return column.cast(to, safe=not pa.types.is_floating(to))


def _as_boolean(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_lower(pc.utf8_trim_whitespace(as_text(column)))
    yes, no = (pc.is_in(text, pa.array(words)) for words in (_TRUE, _FALSE))
    empty = pc.or_kleene(pc.is_null(text), pc.equal(text, ""))
    if not pc.all(pc.or_(pc.or_(yes, no), empty)).as_py():
        raise pa.ArrowInvalid("neither true nor false")
    return pc.if_else(empty, None, yes)


def _called(kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return "a number"
    if pa.types.is_integer(kind):
        return "a whole number"
    return "true or false" if pa.types.is_boolean(kind) else f"a {kind}"


def _first_uncastable(column: pa.ChunkedArray, to: pa.DataType) -> int:
    """Find by bisection the first cell that cannot be cast, in O(n) work."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _cast(column.slice(low, middle - low), to)
        except _UNCASTABLE:
            high = middle
        else:
            low = middle
    return low
