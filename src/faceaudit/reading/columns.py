"""Any column read from outside as text, number or boolean: the one place that decides."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError

_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_UNCASTABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of any Arrow type as text, int64, float or boolean.

    Dictionaries (pandas' categories) are decoded; dates become text; not-a-number becomes null; a
    column of nulls is text without a value. None if a cell holds more than one value (lists,
    structs, embeddings) or bytes.
    """
    kind = column.type
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return plain(pa.chunked_array([part.storage for part in column.chunks], kind.storage_type))
    if types.is_dictionary(kind):
        # Arrow casts no dictionary of every kind of text; its values alone it does.
        one = column.unify_dictionaries().combine_chunks()
        values = plain(pa.chunked_array([one.dictionary]))
        return None if values is None else values.take(one.indices)
    if types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if types.is_boolean(kind):
        return column
    if types.is_integer(kind):
        # Only uint64 reaches beyond int64.
        return column.cast(pa.float64() if types.is_uint64(kind) else pa.int64())
    if types.is_floating(kind) or types.is_decimal(kind):
        if not (types.is_float32(kind) or types.is_float64(kind)):
            column = column.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(column), None, column)
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    if types.is_interval(kind):  # months, days and nanoseconds are three values
        return None
    if any(is_kind(kind) for is_kind in (*texts, types.is_null, types.is_temporal)):
        return column.cast(pa.string())
    return None


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column is text: a string a row, or `encoded`."""
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def is_numbered(kind: pa.DataType) -> bool:
    """Tell whether a column has numbers in the place of text, see `faceaudit.image_names`."""
    return bool(pa.types.is_uint64(kind))  # which no other has


def encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text as the numbers of its values in one dictionary, a byte a row if they are few.

    The values differ and none is null. Any other column is returned as it is.
    """
    if not is_text(column.type):
        return column
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    one = _one_dictionary(column)
    narrow = _narrow(len(one.dictionary))
    if one.indices.type != narrow:
        one = pa.DictionaryArray.from_arrays(one.indices.cast(narrow), one.dictionary)
    return pa.chunked_array([one])


def _narrow(values: int) -> pa.DataType:
    kinds = (pa.int8(), pa.int16(), pa.int32())
    return next(kind for kind in kinds if 2 * values <= 2**kind.bit_width)


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables under each other; a tag that is a number in one and text in another is text."""
    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for name, column in zip(table.column_names, table.columns, strict=True):
            types.setdefault(name, set()).add(column.type)
    for name in (name for name, kinds in types.items() if len(kinds) > 1):
        tables = [
            with_column(table, name, table[name].cast(pa.string()))
            if name in table.column_names
            else table
            for table in tables
        ]
    return pa.concat_tables(tables, promote_options="default")


def under_each_other(parts: Sequence[pa.ChunkedArray | int]) -> pa.ChunkedArray:
    """Put columns under each other, or so many empty cells where there is a number.

    Text is `encoded`; what is a number in one and text in another is text.
    """
    kinds = {part.type for part in parts if not isinstance(part, int)}
    if len(kinds) == 1 and not is_text(*kinds):
        chunks = [[pa.nulls(of, *kinds)] if isinstance(of, int) else of.chunks for of in parts]
        return pa.chunked_array([*chain.from_iterable(chunks)], *kinds)
    texts = [
        pa.chunked_array([pa.nulls(of, pa.string())])
        if isinstance(of, int)
        else of
        if is_text(of.type)
        else of.cast(pa.string())
        for of in parts
    ]
    ones = [encoded(of).chunk(0) for of in texts]
    values = pa.concat_arrays([of.dictionary for of in ones]).dictionary_encode()
    place, first = values.indices.cast(_narrow(len(values.dictionary))), 0
    codes = []
    for one in ones:
        codes.append(place.slice(first, len(one.dictionary)).take(one.indices))
        first += len(one.dictionary)
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(pa.concat_arrays(codes), values.dictionary)]
    )


def _one_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return encoded text as one array, whose values differ and are not null."""
    one = column.unify_dictionaries().combine_chunks()
    if isinstance(one, pa.ChunkedArray):  # of no chunks
        one = pa.array([], column.type)
    values = one.dictionary.dictionary_encode()
    if len(values.dictionary) == len(one.dictionary):
        return one
    return pa.DictionaryArray.from_arrays(values.indices.take(one.indices), values.dictionary)


def numbered(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Number the values of a column in the order in which they first stand there; -1 for null."""
    one = _one_dictionary(column.dictionary_encode())
    first = pc.unique(one.indices).drop_null().to_numpy()
    place = np.full(len(one.dictionary) + 1, -1)
    place[first] = np.arange(len(first))
    return np.asarray(place[one.indices.fill_null(-1).to_numpy(zero_copy_only=False)])


def all_alike(text: str, rows: int) -> pa.ChunkedArray:
    """Return a column of so many cells of one text, `encoded`."""
    return pa.chunked_array([pa.DictionaryArray.from_arrays(np.zeros(rows, np.int8), [text])])


def by_value(column: pa.ChunkedArray, change: Callable[[pa.ChunkedArray], Any]) -> pa.ChunkedArray:
    """Change a column cell by cell; of `encoded` text each value once, and text stays encoded."""
    if not pa.types.is_dictionary(column.type):
        return change(column)
    one = _one_dictionary(column)
    values = change(pa.chunked_array([one.dictionary]))
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not pa.types.is_string(values.type):
        return pa.chunked_array([values.take(one.indices)])
    return encoded(pa.chunked_array([pa.DictionaryArray.from_arrays(one.indices, values)]))


def with_column(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    """Put a column in the place of the one that has its name, or else at the end."""
    if name not in table.column_names:
        return table.append_column(name, column)
    return table.set_column(table.column_names.index(name), name, column)


def first_true(mask: pa.ChunkedArray) -> int:
    """Return the first row for which a mask is true, or -1."""
    return int(pc.index(pc.fill_null(mask, False), True).as_py())


def refuse(table: pa.Table, name: str, wrong: pa.ChunkedArray, source: str, complaint: str) -> None:
    """Refuse a table at the first cell of a column for which `wrong` is true.

    The message is ``source: column 'x', row n: VALUE complaint``; rows count from 1.
    """
    if (row := first_true(wrong)) >= 0:
        value = table[name][row].as_py()
        shown = f"{value:.9g}" if isinstance(value, float) else repr(value)
        shown = "the cell" if value is None else shown
        raise FaceAuditError(f"{source}: column '{name}', row {row + 1}: {shown} {complaint}")


def cast_column(table: pa.Table, name: str, to: pa.DataType, source: str) -> pa.Table:
    """Give a column its type, or name the first cell that cannot have it.

    Text is read as a number or as a boolean (true, yes, 1 …) where one is needed; an empty cell
    is null.
    """
    column = table[name]
    if column.type == to or (pa.types.is_string(to) and is_text(column.type)):
        return table
    if pa.types.is_fixed_size_list(to):
        try:
            return with_column(table, name, column.cast(to))
        except _UNCASTABLE:
            raise FaceAuditError(
                f"{source}: column '{name}' holds no lists of {to.list_size} numbers; give it "
                f"another name, as --map {name}_={name}"
            ) from None
    if not (pa.types.is_binary(to) or is_text(column.type)):
        column = plain(column)
    try:
        return with_column(table, name, by_value(column, partial(_cast, to=to)))
    except _UNCASTABLE:
        values = pa.chunked_array([distinct(column)[0]])
        value = values[_first_uncastable(values, to)]
        row = first_true(by_value(column, partial(pc.equal, value)))
        value = value.as_py()
        raise FaceAuditError(
            f"{source}: column '{name}', row {row + 1}: {value!r} is not {_called(to)}; "
            f"correct it, or name it as missing with --missing {shlex.quote(str(value))}"
        ) from None


def _cast(column: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_boolean(to):
        return _as_boolean(column)
    if pa.types.is_string(column.type) and not pa.types.is_string(to):
        column = trimmed(column).cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), None, column)
    # A whole number may be written 224.0: pandas does so beside an empty cell.
    return column.cast(to, safe=not pa.types.is_floating(to))


def _as_boolean(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_lower(trimmed(column.cast(pa.string())))
    yes, no = (pc.is_in(text, pa.array(words)) for words in (_TRUE, _FALSE))
    if not pc.all(pc.or_(pc.or_(yes, no), pc.is_null(text))).as_py():
        raise pa.ArrowInvalid("neither true nor false")
    return pc.if_else(pc.is_null(text), None, yes)


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


def trimmed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text without outer white space, and null where nothing else is."""

    def trim(text: pa.ChunkedArray) -> pa.ChunkedArray:
        text = pc.utf8_trim_whitespace(text)
        return pc.if_else(pc.equal(text, ""), None, text)

    return by_value(text, trim)


def alike(
    first: pa.ChunkedArray, second: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Give two plain columns one type: text, unless both are numbers."""
    if first.type == second.type:
        return first, second
    if all(
        pa.types.is_integer(kind) or pa.types.is_floating(kind)
        for kind in (first.type, second.type)
    ):
        try:
            return first.cast(pa.int64()), second.cast(pa.int64())
        except pa.ArrowInvalid:
            return first.cast(pa.float64()), second.cast(pa.float64())
    return first.cast(pa.string()), second.cast(pa.string())


def united(first: pa.Table, second: pa.Table) -> tuple[pa.Table, Counter[str]]:
    """Fill the empty cells of a table from another of the same rows, and add its other columns.

    Return also for each column of both in how many rows both tables have a value, and another one.
    """
    columns = dict(zip(first.column_names, first.columns, strict=True))
    differing: Counter[str] = Counter()
    for name, theirs in zip(second.column_names, second.columns, strict=True):
        if name in columns:
            ours = columns[name]
            if ours.equals(theirs):
                differing[name] = 0
                continue
            differ = pc.not_equal(ours.cast(pa.string()), theirs.cast(pa.string()))
            differing[name] = pc.sum(differ).as_py() or 0
            theirs = pc.coalesce(*alike(ours, theirs))
        columns[name] = theirs
    return pa.table(columns), differing


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Return how often each value stands there, as text; nulls do not count."""
    values, counts = distinct(column)
    return dict(zip(map(str, values.to_pylist()), counts.to_pylist(), strict=True))


def distinct(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Return the distinct values of a column but null, as they come, and how often each does."""
    if not pa.types.is_dictionary(column.type):
        values, counts = pc.value_counts(column.drop_null()).flatten()
        return values, counts
    one = _one_dictionary(column)
    first = pc.unique(one.indices.drop_null())
    codes = one.indices.drop_null().to_numpy()
    counts = np.bincount(codes, minlength=len(one.dictionary))
    return one.dictionary.take(first), pa.array(counts).take(first)
