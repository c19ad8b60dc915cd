"""Paths and hashes of images, kept apart from what is counted: an audit shows few of them.

In the table of an audit ``image`` is the number of a row. Who shows a row has its name looked up
where it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.limits import CELL_BYTES
from faceaudit.reading.columns import (
    encoded,
    is_numbered,
    is_text,
    under_each_other,
    with_column,
)
from faceaudit.schema import repeated_keys

Prints = NDArray[np.uint64]
RowNumbers = NDArray[np.int64]
#: Gives some rows of a table, by their numbers, with those of the columns `NAMES` that it has.
LookUp = Callable[[RowNumbers], pa.Table]
#: Columns that are looked up.
NAMES = ("image", "sha256", "copy_of")
#: Cells whose fingerprints are taken at a time, and rows whose names are compared at a time.
_AT_ONCE, _AT_A_TIME = 2**17, 1_000


@dataclass(frozen=True)
class ImageNames:
    """The names of the rows of some tables, one after the other, or of none.

    Parameters
    ----------
    rows : list of int
        Of each table.
    look_up : list of LookUp
        Of each table.
    """

    rows: list[int] = field(default_factory=list)
    look_up: list[LookUp] = field(default_factory=list)
    #: Data set and image of each row that was asked for -> SHA-256 of its picture.
    hashes: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def place(self, number: int) -> tuple[int, int]:
        """Return the table that a row is from, and which of its rows it is."""
        part = int(np.searchsorted(np.cumsum(self.rows), number, side="right"))
        return part, number - sum(self.rows[:part])

    def of(self, table: pa.Table) -> pa.Table:
        """Return some rows of an audit's table with their names."""
        if not is_text(table["image"].type):
            table = self._named(table)
        if "sha256" in table.column_names:
            keys = (table[name].to_pylist() for name in ("dataset", "image"))
            hashes = table["sha256"].to_pylist()
            self.hashes.update(zip(zip(*keys, strict=True), hashes, strict=True))
        return table

    def _named(self, table: pa.Table) -> pa.Table:
        number = table["image"].to_numpy().astype(np.int64)
        ends = np.cumsum(self.rows)
        part = np.searchsorted(ends, number, side="right")
        places, found = [np.empty(0, np.int64)], [pa.table({"image": pa.array([], pa.string())})]
        for i in np.unique(part):
            of = np.flatnonzero(part == i)
            first = int(ends[i]) - self.rows[i]
            places.append(of)
            found.append(self.look_up[i](number[of] - first))
        names = pa.concat_tables(found, promote_options="default")
        names = names.take(pa.array(np.argsort(np.concatenate(places))))
        for name in NAMES:
            if name in table.column_names:
                known = name in names.column_names  # not where other tables alone have it
                of_rows = names[name] if known else pa.nulls(len(table), pa.string())
                table = with_column(table, name, of_rows)
        return table


def in_few_bytes(table: pa.Table) -> pa.Table:
    """Return a table whose text is encoded, but for the names of images."""
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return pa.table({name: of if name in NAMES else encoded(of) for name, of in columns.items()})


class Kept:
    """Collects tables of scores without the names of their images, in as few bytes as it can."""

    def __init__(self) -> None:
        self.names = ImageNames()
        self.tables: list[pa.Table] = []
        #: Of the path of each image, and of its data set and path.
        self.paths: list[Prints] = []
        self.keys: list[Prints] = []

    def add(self, table: pa.Table, look_up: LookUp | None) -> None:
        """Add a table; without `look_up` its names stay in memory."""
        names = table.select([name for name in NAMES if name in table.column_names])
        first = sum(self.names.rows)
        self.names.rows.append(len(table))
        self.names.look_up.append(look_up or names.take)
        self.paths.append(fingerprints(table["image"]))
        self.keys.append(keys_of(table))
        number = pa.array(np.arange(first, first + len(table), dtype=np.int32))
        table = with_column(table, "image", number)
        for name in ("sha256", "copy_of"):
            if name in table.column_names:
                table = with_column(table, name, numbered_text(table[name]))
        self.tables.append(in_few_bytes(table))

    def together(self) -> pa.Table:
        """Put the tables under each other; what is a number in one and text in another is text."""
        columns = {}
        for name in dict.fromkeys(name for table in self.tables for name in table.column_names):
            columns[name] = under_each_other(
                [table[name] if name in table.column_names else len(table) for table in self.tables]
            )
        table = pa.table(columns)
        if "copy_of" in columns:
            # An image that others are copies of hangs together with them.
            copy, path = table["copy_of"], np.concatenate(self.paths)
            original = np.isin(path, copy.unique().drop_null().to_numpy())
            own = pa.array(path, mask=~original)
            table = with_column(table, "copy_of", pc.coalesce(copy, own))
        return table

    def repeated_paths(self, tables: Sequence[int]) -> int:
        """Count the images of some of the tables whose path another one of them has before."""
        paths = np.concatenate([np.empty(0, np.uint64), *(self.paths[i] for i in tables)])
        return len(paths) - len(np.unique(paths))

    def repeated(self, table: pa.Table) -> tuple[int, int, str] | None:
        """Return the first row whose data set and image an earlier row has: table, row, path."""
        table = table.select(["image", "dataset"])
        keys = np.concatenate(self.keys)
        found = repeated(keys, lambda rows: self.names.of(table.take(pa.array(rows))))
        return found and (*self.names.place(found[0]), found[1])


def repeated(keys: Prints, named: Callable[[RowNumbers], pa.Table]) -> tuple[int, str] | None:
    """Return the first row whose data set and image an earlier row has, and the image's path.

    `keys` are those of `keys_of`, and `named` gives some rows with both.
    """
    in_order = np.sort(keys)
    if not (in_order[1:] == in_order[:-1]).any():
        return None
    order = np.argsort(keys, kind="stable")
    alike = keys[order[1:]] == keys[order[:-1]]
    run = np.append(0, np.cumsum(~alike))
    again = 1 + np.flatnonzero(alike)
    again = again[np.argsort(order[again])]
    for some in np.split(again, range(_AT_A_TIME, len(again), _AT_A_TIME)):
        # That fingerprints are alike proves nothing.
        rows = np.sort(order[np.isin(run, run[some])])
        of_some = named(rows)
        if pair := repeated_keys(of_some):
            return int(rows[pair[1]]), of_some["image"][pair[1]].as_py()
    return None


def keys_of(table: pa.Table) -> Prints:
    """Number the data set and image of each row as `fingerprints` does."""
    keys: Prints = fingerprints(table["image"]) * _salt()[-1]
    keys += fingerprints(table["dataset"])
    return keys


@cache
def _salt() -> Prints:
    """Draw the numbers that nobody can know who would have two paths look alike."""
    return np.random.default_rng().integers(2**64, size=CELL_BYTES + 1, dtype=np.uint64)


def numbered_text(text: pa.ChunkedArray) -> pa.Array:
    """Return the `fingerprints` of texts, and null for null."""
    return pa.array(fingerprints(text), mask=np.asarray(text.is_null()))


def fingerprints(text: pa.ChunkedArray) -> Prints:
    """Number texts so that equal ones have equal numbers, and hardly any others; null has 0."""
    if is_numbered(text.type):
        return np.asarray(text.fill_null(0))
    if pa.types.is_dictionary(text.type):
        one = encoded(text).chunk(0)
        prints = np.append(fingerprints(pa.chunked_array([one.dictionary])), np.uint64(0))
        return np.asarray(prints[one.indices.fill_null(-1).to_numpy(zero_copy_only=False)])
    return np.concatenate([np.empty(0, np.uint64), *_prints(text)])


def _prints(text: pa.ChunkedArray) -> Iterator[Prints]:
    """Multiply each byte with the number of its place, and add up what belongs to a cell."""
    for chunk in text.chunks:
        for start in range(0, len(chunk), _AT_ONCE):
            part = chunk.slice(start, _AT_ONCE)
            _, offsets, data = part.buffers()
            ends = np.frombuffer(offsets, np.int32)[part.offset : part.offset + len(part) + 1]
            letters = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]
            ends = ends - ends[0]
            place = np.arange(len(letters)) - np.repeat(ends[:-1], np.diff(ends))
            total = np.zeros(len(letters) + 1, np.uint64)
            np.cumsum((letters.astype(np.uint64) + np.uint64(1)) * _salt()[place], out=total[1:])
            prints = total[ends[1:]] - total[ends[:-1]]
            prints[np.asarray(part.is_null())] = 0
            yield prints
