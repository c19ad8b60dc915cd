"""A Parquet file as a table that takes no more memory than `faceaudit.limits` allow.

A few kilobytes can hold a billion equal cells. What a file says of itself is held against the
limits before anything is decoded. Text whose size it does not say stays in its dictionary, so
that `decoded_size` counts it before it is unfolded, or comes a few rows at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.limits import AUDIT_ROWS, CELL_BYTES, ROWS, TABLE_BYTES
from faceaudit.reading.columns import plain
from faceaudit.schema import FIXED_COLUMNS

#: Bytes of text that are decoded at once; a column that cannot take more is.
AT_ONCE = TABLE_BYTES // 5
#: What was damaged after it was written is refused, if sums were written, as ours are: most bits of
#: a number or a hash can else be turned without anybody noticing.
CHECKED: dict[str, Any] = {"page_checksum_verification": True}
#: The encoding in which a cell may repeat the beginning of the one before it.
PREFIXED = "DELTA_BYTE_ARRAY"
#: What to do about a table that is too large to be read whole, and about one that is for an audit.
_IN_PARTS = "an audit without --tags reads Parquet a part at a time"
_SEVERAL = "write its rows into several files, of which an audit takes any number"


def refuse_size(source: Path | str, rows: int, size: int, *, in_parts: bool = False) -> None:
    """Refuse a table of too many rows, or that would take too many bytes in memory.

    Parameters
    ----------
    in_parts : bool
        Whether it is read a part at a time, and `size` is what is kept of it.
    """
    most = AUDIT_ROWS if in_parts else ROWS
    remedy = _SEVERAL if in_parts else f"{_SEVERAL}, or as Parquet: {_IN_PARTS}"
    if rows > most:
        raise FaceAuditError(
            f"{source}: {rows:,} rows, and {most:,} are the most of one table; {remedy}"
        )
    if size > TABLE_BYTES:
        raise FaceAuditError(
            f"{source}: would take more than {TABLE_BYTES / 1e9:g} GB in memory, the most that a "
            f"table may; leave out columns that are no tags, or {remedy}"
        )


def refuse_two_of_one_name(source: Path | str, names: Sequence[str]) -> None:
    """Refuse columns of which two have one name; those without one do not matter."""
    for name, n in Counter(filter(has_name, names)).items():
        if n > 1:
            raise FaceAuditError(f"{source}: two columns are called '{name}'; rename one")


def has_name(name: str) -> bool:
    """Tell whether a column has a name of its own: an index of pandas may have none."""
    return bool(name) and not name.startswith("__index_level_")


def expect_in_dictionary(columns: Sequence[pa.ChunkedArray]) -> None:
    """Raise a pyarrow.ArrowException if a cell's value is not in its dictionary: a damaged file."""
    for column in columns:
        if pa.types.is_dictionary(column.type):
            column.validate(full=True)


def lengths(column: pa.ChunkedArray) -> tuple[int, int]:
    """Return the bytes of the longest cell of text or bytes, and of all such cells together.

    A dictionary is not unfolded for it: both are what they would be if it were. Other cells have
    none.
    """
    longest = size = 0
    for part in column.chunks:
        folded = pa.types.is_dictionary(part.type)
        of = _lengths(part.dictionary if folded else part)
        longest = max(longest, int(of.max(initial=0)))
        if folded and longest:
            of = of[part.indices.drop_null().to_numpy(zero_copy_only=False)]
        size += int(of.sum())
    return longest, size


def _lengths(array: pa.Array) -> Any:
    types = pa.types
    if types.is_string_view(array.type) or types.is_binary_view(array.type):
        views = np.frombuffer(array.buffers()[1], np.int32)[::4]  # which Arrow has no kernel for
        return views[array.offset : array.offset + len(array)].astype(np.int64)
    try:
        of = pc.fill_null(pc.binary_length(array), 0)
    except pa.ArrowNotImplementedError:
        return np.empty(0, np.int64)
    return of.to_numpy(zero_copy_only=False).astype(np.int64)


def facts_of(path: Path) -> pq.FileMetaData:
    """Return what a file says of itself, without decoding anything.

    Raises
    ------
    OSError
        If that is damaged. Asked of a column alone, pyarrow would end the process.
    """
    file = pq.ParquetFile(path)
    facts = file.metadata
    columns = [*range(facts.num_columns)]
    for group in range(facts.num_row_groups):
        # Of no rows; `ParquetFile.iter_batches` itself wants one at least, which is decoded.
        next(file.reader.iter_batches(0, [group], column_indices=columns, use_threads=False), None)
    return facts


def read_parquet(path: Path) -> tuple[pa.Table, list[str]]:
    """Read a Parquet file; text that would be large may come as dictionaries.

    Returns
    -------
    table : pyarrow.Table
    left_out : list of str
        Columns that were not read: a cell holds many values, bytes, or more than `CELL_BYTES`.
    """
    facts = facts_of(path)
    fields = facts.schema.to_arrow_schema()
    kept = [field.name for field in fields if is_read(field.name, field.type)]
    size, large = 0, {}
    for i in range(facts.num_columns):
        leaf = facts.schema.column(i)
        if leaf.path not in kept and leaf.path.partition(".")[0] not in kept:
            continue
        chunks = [facts.row_group(group).column(i) for group in range(facts.num_row_groups)]
        encoded = sum(of.total_uncompressed_size for of in chunks)
        if leaf.physical_type != "BYTE_ARRAY":
            size += max(leaf.length, 8) * sum(of.num_values for of in chunks)
        elif encoded > AT_ONCE and encoded > CELL_BYTES * facts.num_rows:
            kept.remove(leaf.path)
        else:
            size += encoded
            if encoded * facts.num_rows > AT_ONCE:
                large[leaf.path] = encoded, any(PREFIXED in of.encodings for of in chunks)
    refuse_size(path, facts.num_rows, size)
    slow = {name: encoded for name, (encoded, prefixed) in large.items() if prefixed}
    folded = _unfold_to_much(path, [name for name in large if name not in slow])
    table = pq.ParquetFile(path, read_dictionary=folded, **CHECKED).read(
        [of for of in kept if of not in slow]
    )
    for name, encoded in slow.items():
        rows = max(1, AT_ONCE // encoded)
        table = table.append_column(name, _in_parts(path, name, rows))
    return table, [name for name in fields.names if name not in kept]


def is_read(name: str, kind: pa.DataType) -> bool:
    """Tell whether a column is read: a cell has one value, or many that are meant there."""
    types = pa.types
    bytes_ = (types.is_binary, types.is_large_binary, types.is_binary_view)
    many = (types.is_nested, types.is_fixed_size_binary, *bytes_)
    return name in FIXED_COLUMNS or not any(is_kind(kind) for is_kind in many)


def as_meant(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column as text, number or boolean, or as the many values that are meant there."""
    kind = FIXED_COLUMNS.get(name, pa.null())
    if pa.types.is_binary(kind):
        return column
    # An embedding of another length is none of ours.
    embedding = pa.types.is_fixed_size_list(kind) and pa.types.is_nested(column.type)
    if embedding and _all_of_length(column, kind.list_size):
        return column
    return plain(column)


def _all_of_length(lists: pa.ChunkedArray, size: int) -> bool:
    try:
        return bool(pc.all(pc.equal(pc.list_value_length(lists), size)).as_py() is not False)
    except pa.ArrowNotImplementedError:  # records
        return False


def _unfold_to_much(path: Path, names: Sequence[str]) -> list[str]:
    """Name the columns that might be large once each row has its own copy of its value."""
    if not names:
        return []
    file = pq.ParquetFile(path, read_dictionary=names)
    worst = dict.fromkeys(names, 0)
    for group in range(file.num_row_groups):
        for name in names:
            longest = longest_at_first(file, name, group)
            worst[name] += longest * file.metadata.row_group(group).num_rows
    return [name for name in names if worst[name] > AT_ONCE]


def longest_at_first(file: pq.ParquetFile, name: str, group: int) -> int:
    """Return the bytes of the longest cell in a row group's dictionary, or of its first row.

    One row of a column that `file` reads as a dictionary brings all of it, and no more.
    """
    for batch in file.iter_batches(1, row_groups=[group], columns=[name]):
        column = pa.chunked_array([batch.column(name)])
        expect_in_dictionary([column])
        return lengths(column)[0]
    return 0


def _in_parts(path: Path, name: str, rows: int) -> pa.ChunkedArray:
    parts, size = [], 0
    for batch in pq.ParquetFile(path, **CHECKED).iter_batches(rows, columns=[name]):
        parts.append(batch.column(0))
        size += batch.nbytes
        refuse_size(path, 0, size)
    return pa.chunked_array(parts)


def read_rows(files: Sequence[Path], names: Sequence[str], rows: NDArray[np.int64]) -> pa.Table:
    """Read some columns of some rows, which are numbered through all files."""
    first, places, found = 0, [], []
    order = np.argsort(rows)
    for path in files:
        file = pq.ParquetFile(path, **CHECKED)
        for group in range(file.num_row_groups):
            n = file.metadata.row_group(group).num_rows
            ends = np.searchsorted(rows[order], (first, first + n))
            if ends[0] < ends[1]:
                start = first
                for batch in file.iter_batches(row_groups=[group], columns=[*names]):
                    ends = np.searchsorted(rows[order], (start, start + len(batch)))
                    some = order[slice(*ends)]
                    places.append(some)
                    found.append(pa.Table.from_batches([batch]).take(pa.array(rows[some] - start)))
                    start += len(batch)
            first += n
    table = pa.concat_tables(found, promote_options="permissive")
    return table.take(pa.array(np.argsort(np.concatenate(places))))
