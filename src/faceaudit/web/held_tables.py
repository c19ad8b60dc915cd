"""Tables that were uploaded for an audit: held in memory while it is settled how to read them."""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from starlette.exceptions import HTTPException

from faceaudit.errors import FaceAuditError
from faceaudit.given import Reading
from faceaudit.reading.columns import cast_column, value_counts
from faceaudit.reading.formats import read_file
from faceaudit.reading.meaning import with_decimal_points
from faceaudit.tables import Scores, read_scores

#: A table that nobody asks for is dropped then; one whose page was left, sooner. Whoever loads
#: the page again leaves it too, and comes back at once.
HELD_SECONDS = 1800.0
LEFT_SECONDS = 60.0
#: All tables together; the one that was longest not asked for goes first.
MAX_HELD_BYTES = 256_000_000
#: A Parquet file of a few bytes can hold a billion equal rows.
MAX_ROWS = 5_000_000
MAX_COLUMNS = 200
#: A column with more different values than this says of no row what it is.
MOST_WORDS = 20
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class HeldColumn:
    """What a page shows of a column: its words in lower case and how often each stands there."""

    name: str
    n_missing: int
    n_different: int
    words: dict[str, int]
    low: float | None
    high: float | None


@dataclass
class HeldTable:
    """A file that was uploaded; `rows` are its first ones, `expires` by the clock of the server."""

    id: str
    name: str
    content: bytes
    n_rows: int
    columns: dict[str, HeldColumn]
    rows: list[list[str]]
    expires: float = 0.0

    def read(self, **reading: Unpack[Reading]) -> Scores:
        """Read it as scores."""
        return read_uploaded(self.name, self.content, **reading)


class HeldTables:
    """The tables of all visitors. Each is known by an id that cannot be guessed."""

    def __init__(self) -> None:
        self._held: dict[str, HeldTable] = {}

    def hold(self, table: HeldTable) -> HeldTable:
        """Hold a table until nobody asks for it any more."""
        self._held[table.id] = table
        self._keep(table, HELD_SECONDS)
        by_age = sorted(self._held.values(), key=lambda one: one.expires)
        while sum(len(one.content) for one in self._held.values()) > MAX_HELD_BYTES:
            del self._held[by_age.pop(0).id]
        return table

    def table(self, id: str) -> HeldTable:
        """Return a table, and hold it longer; HTTP status 404 if it is gone."""
        self._sweep()
        if id not in self._held:
            raise HTTPException(404, "This table is no longer held here; choose the file again.")
        self._keep(self._held[id], HELD_SECONDS)
        return self._held[id]

    def leave(self, id: str) -> None:
        """Drop a table soon unless it is asked for again."""
        if id in self._held:
            self._keep(self._held[id], LEFT_SECONDS)

    def _keep(self, table: HeldTable, seconds: float) -> None:
        table.expires = time.monotonic() + seconds
        # Memory is given back when the time is over, and not only when somebody asks again.
        asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        now = time.monotonic()
        self._held = {id: one for id, one in self._held.items() if one.expires > now}


def open_uploaded(name: str, content: bytes) -> HeldTable:
    """Look at a table that was uploaded, without reading it as scores yet."""
    with _as_file(name, content) as path:
        table, _ = read_file(path, [])
    names = table.column_names
    rows = table.slice(0, _SHOWN_ROWS).to_pylist()
    return HeldTable(
        id=secrets.token_urlsafe(16),
        name=name,
        content=content,
        n_rows=len(table),
        columns={name: _column(name, table[name]) for name in names},
        rows=[["" if row[one] is None else str(row[one])[:60] for one in names] for row in rows],
    )


def _column(name: str, column: pa.ChunkedArray) -> HeldColumn:
    if pa.types.is_binary(column.type):
        return HeldColumn(name, column.null_count, len(column), {}, None, None)
    low = high = None
    with suppress(FaceAuditError):  # it holds no numbers
        numbers = with_decimal_points(pa.table({name: column}), [name], [])
        numbers = cast_column(numbers, name, pa.float64(), "")
        low, high = pc.min_max(numbers[name]).as_py().values()
    n_different = pc.count_distinct(column).as_py()
    words: dict[str, int] = {}
    if n_different <= 2 * MOST_WORDS:
        words = value_counts(pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string()))))
        words.pop("", None)
    return HeldColumn(name, column.null_count, n_different, words, low, high)


def read_uploaded(name: str, content: bytes, **reading: Unpack[Reading]) -> Scores:
    """Read a table that was uploaded as scores, as the command line would.

    `FaceAuditError` if it is no scores table, or an absurd one; messages bear its `name`.
    """
    with _as_file(name, content) as path:
        return read_scores(
            path,
            reading.get("mapping"),
            missing=reading.get("missing", ()),
            ai_label=reading.get("ai_label", ()),
            score_is=reading.get("score_is", "probability"),
        )


@contextmanager
def _as_file(name: str, content: bytes) -> Iterator[Path]:
    """Let a table be read; what touches the disk for that is deleted at once."""
    suffix = Path(name).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise FaceAuditError(f"{name}: scores are a .csv or a .parquet file")
    if suffix == ".parquet":
        _refuse_absurd(name, content)
    with tempfile.TemporaryDirectory(prefix="faceaudit-") as folder:
        path = Path(folder) / file_name(name)
        path.write_bytes(content)
        try:
            yield path
        except FaceAuditError as error:
            raise FaceAuditError(str(error).replace(str(path), name)) from None


def _refuse_absurd(name: str, content: bytes) -> None:
    try:
        metadata = pq.read_metadata(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError):
        return  # `read_file` says what is wrong with it
    if metadata.num_rows > MAX_ROWS or metadata.num_columns > MAX_COLUMNS:
        raise FaceAuditError(
            f"{name}: {metadata.num_rows:,} rows and {metadata.num_columns:,} columns; here "
            f"{MAX_ROWS:,} and {MAX_COLUMNS} are the most, use 'faceaudit audit' for more"
        )


def file_name(name: str) -> str:
    """Return the name under which a table of this name is read."""
    return f"{slug(Path(name).stem)}{Path(name).suffix.lower()}"


def slug(name: str) -> str:
    """Return a name fit for a file: ASCII letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "scores"
