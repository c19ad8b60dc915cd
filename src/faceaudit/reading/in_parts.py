"""Parquet files as one table of few bytes a row, read a part at a time.

Text is kept as the numbers of its values; of what an audit shows a few rows alone, as the paths
of images, a number that somebody else makes of each cell. So a table may be larger than memory,
be it one row group or many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.limits import CELL_BYTES
from faceaudit.reading import parquet
from faceaudit.reading.columns import all_alike, encoded, plain, under_each_other

#: Makes a number of each cell of a column.
Numbering = Callable[[pa.ChunkedArray], pa.Array]
#: Which columns are numbered, of those that there are.
Apart = Callable[[Sequence[str]], Mapping[str, Numbering]]
#: Cells that are decoded at a time, at most, and rows of many row groups that are read at a time.
_CELLS, _ROWS = 2**16, 2**20
_NUMBERS = {pa.int64(), pa.float32(), pa.float64()}


def read_in_parts(
    path: Path, files: Mapping[Path, Mapping[str, str]], apart: Apart
) -> tuple[pa.Table, list[str]]:
    """Read the rows of some Parquet files, each with the columns that its folders state.

    Returns
    -------
    table : pyarrow.Table
        Columns as of `faceaudit.reading.parquet.as_meant`, but text is `encoded`, and what is
        `apart` is numbers.
    left_out : list of str
        Columns that were not read: a cell holds many values, bytes, or more than `CELL_BYTES`.
    """
    facts = {file: parquet.facts_of(file) for file in files}
    parquet.refuse_size(path, sum(of.num_rows for of in facts.values()), 0, in_parts=True)
    named = [*(of.schema.to_arrow_schema().names for of in facts.values()), *files.values()]
    names = list(dict.fromkeys(chain.from_iterable(named)))
    columns: dict[str, list[pa.ChunkedArray | int]] = {name: [] for name in names}
    numbered, size = apart(names), 0
    for file, stated in files.items():
        opened = _File(file, facts[file], stated)
        for groups in opened.stretches():
            for name in [*columns]:
                part = opened.column(name, groups, numbered.get(name))
                if part is None:
                    size -= sum(map(_size, columns.pop(name)))
                else:
                    columns[name].append(part)
                    size += _size(part)
                    parquet.refuse_size(path, 0, size, in_parts=True)
    table = pa.table({name: _under_each_other(columns.pop(name)) for name in [*columns]})
    metadata = next(iter(facts.values())).metadata
    kept = {*table.column_names}
    return table.replace_schema_metadata(metadata), [name for name in names if name not in kept]


def _size(part: pa.ChunkedArray | int) -> int:
    return 0 if isinstance(part, int) else part.nbytes


def _in_few_bytes(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column as it is meant, text of a dictionary in one, or None if it cannot be read."""
    parquet.expect_in_dictionary([column])
    if parquet.lengths(column)[0] > CELL_BYTES:
        return None
    if pa.types.is_dictionary(column.type):
        (one,) = column.chunks
        values = plain(pa.chunked_array([one.dictionary]))
        if values is not None and pa.types.is_string(values.type):
            values = values.combine_chunks()
            return pa.chunked_array([pa.DictionaryArray.from_arrays(one.indices, values)])
    return parquet.as_meant(name, column)


def _under_each_other(parts: Sequence[pa.ChunkedArray | int]) -> pa.ChunkedArray:
    """Put columns under each other; whole numbers and others are numbers."""
    kinds = {part.type for part in parts if not isinstance(part, int)}
    if len(kinds) > 1 and kinds <= _NUMBERS:
        parts = [of if isinstance(of, int) else of.cast(pa.float64()) for of in parts]
    return under_each_other(parts)


class _File:
    """A Parquet file, of which some row groups are read at a time, each column for itself."""

    def __init__(self, path: Path, facts: pq.FileMetaData, stated: Mapping[str, str]) -> None:
        self._facts, self._stated = facts, stated
        opened = partial(pq.ParquetFile, path, metadata=facts, **parquet.CHECKED)
        self._file = opened()
        self._kinds = {field.name: field.type for field in self._file.schema_arrow}
        parquet.refuse_two_of_one_name(path, self._file.schema_arrow.names)
        #: The same, which gives text as dictionaries: opened once, as it may have many columns.
        one = [name for name, kind in self._kinds.items() if not pa.types.is_nested(kind)]
        self._folded = opened(read_dictionary=one)
        #: The columns of the file's own format that each is made of.
        self._leaves: dict[str, list[int]] = {}
        for i in range(facts.num_columns):
            leaf = facts.schema.column(i).path
            name = leaf if leaf in self._kinds else leaf.partition(".")[0]
            self._leaves.setdefault(name, []).append(i)

    def stretches(self) -> Iterator[list[int]]:
        """Give the row groups, small ones many at a time."""
        stretch: list[int] = []
        for group in range(self._facts.num_row_groups):
            if stretch and self._rows([*stretch, group]) > _ROWS:
                yield stretch
                stretch = []
            stretch.append(group)
        yield stretch

    def column(
        self, name: str, groups: list[int], numbering: Numbering | None
    ) -> pa.ChunkedArray | int | None:
        """Read a column, or say how many empty cells it has; None if it cannot be read."""
        rows = self._rows(groups)
        if rows and name not in self._kinds and name in self._stated:
            return all_alike(self._stated[name], rows)
        kind = self._kinds.get(name, pa.null())
        if not rows or pa.types.is_null(kind) or not parquet.has_name(name):
            return rows
        if not parquet.is_read(name, kind):
            return None
        leaves = [self._facts.row_group(of).column(i) for of in groups for i in self._leaves[name]]
        encoded_size = sum(leaf.total_uncompressed_size for leaf in leaves)
        at_once = max(1, _CELLS * rows // max(rows, *(leaf.num_values for leaf in leaves)))
        file = self._file
        if leaves[0].physical_type == "BYTE_ARRAY":
            encodings = {encoding for leaf in leaves for encoding in leaf.encodings}
            if encoded_size > max(parquet.AT_ONCE, CELL_BYTES * rows):
                return None
            if parquet.PREFIXED in encodings:
                at_once = min(at_once, max(1, parquet.AT_ONCE // max(1, encoded_size)))
            elif not any(of.startswith("DELTA") for of in encodings):
                first = partial(parquet.longest_at_first, self._folded, name)
                large = encoded_size * min(at_once, rows) > parquet.AT_ONCE
                if large and any(first(of) > CELL_BYTES for of in groups):
                    return None
                if numbering is None and not pa.types.is_binary(kind):
                    file = self._folded
        parts: list[pa.Array] = []
        for batch in file.iter_batches(at_once, row_groups=groups, columns=[name]):
            found = _in_few_bytes(name, pa.chunked_array([batch.column(name)]))
            if found is None:
                return None
            parts += found.chunks if numbering is None else [numbering(found)]
        if sum(map(len, parts)) != rows:
            raise pa.ArrowInvalid(f"column '{name}' has not as many rows as the file")
        return encoded(pa.chunked_array(parts))

    def _rows(self, groups: Sequence[int]) -> int:
        return sum(self._facts.row_group(group).num_rows for group in groups)
