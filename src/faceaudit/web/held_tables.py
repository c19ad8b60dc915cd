"""Tables that were uploaded for an audit: held in memory while it is settled how to read them."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from starlette.exceptions import HTTPException

from faceaudit.errors import FaceAuditError
from faceaudit.files import scratch_folder
from faceaudit.given import Reading
from faceaudit.reading.columns import cast_column, value_counts
from faceaudit.reading.formats import read_file
from faceaudit.reading.meaning import with_decimal_points
from faceaudit.tables import Scores, read_scores
from faceaudit.web.apart import Limits, apart

Answer = TypeVar("Answer")

#: A table that nobody asks for is dropped then; one whose page was left, sooner. Whoever loads
#: the page again leaves it too, and comes back at once.
HELD_SECONDS = 1800.0
LEFT_SECONDS = 60.0
#: All tables together; the one that was longest not asked for goes first.
MAX_HELD_BYTES = 256_000_000
#: What looks at a table, or reads it to see what can be asked of it, has these.
LIMITS = Limits(60.0, 4_000_000_000, "use 'faceaudit audit' for such a table")
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


@dataclass(frozen=True)
class TableFacts:
    """What a page shows of a table before it is read as scores; `rows` are its first ones."""

    name: str
    n_rows: int
    columns: dict[str, HeldColumn]
    rows: list[list[str]]


@dataclass(frozen=True)
class UploadedTable:
    """A file that was uploaded. Nothing reads it but in a process of its own."""

    name: str
    content: bytes

    def __post_init__(self) -> None:
        """Refuse what is no table by its name."""
        if Path(self.name).suffix.lower() not in (".csv", ".parquet"):
            raise FaceAuditError(f"{self.name}: scores are a .csv or a .parquet file")

    def apart(
        self, limits: Limits, work: Callable[..., Answer], *given: Any, **options: Any
    ) -> Answer:
        """Have its file worked on, see `faceaudit.web.apart.apart`; messages bear its name."""
        with scratch_folder() as folder:
            path = folder / file_name(self.name)
            path.write_bytes(self.content)
            try:
                return apart(limits, work, path, *given, **options)
            except FaceAuditError as error:
                raise FaceAuditError(str(error).replace(str(path), self.name)) from None


@dataclass
class HeldTable:
    """A table that is held; `expires` by the clock of the server."""

    id: str
    file: UploadedTable
    facts: TableFacts
    expires: float = 0.0


class HeldTables:
    """The tables of all visitors. Each is known by an id that cannot be guessed."""

    def __init__(self) -> None:
        self._held: dict[str, HeldTable] = {}

    def hold(self, file: UploadedTable, facts: TableFacts) -> HeldTable:
        """Hold a table until nobody asks for it any more."""
        table = HeldTable(secrets.token_urlsafe(16), file, facts)
        self._held[table.id] = table
        self._keep(table, HELD_SECONDS)
        by_age = sorted(self._held.values(), key=lambda one: one.expires)
        while sum(len(one.file.content) for one in self._held.values()) > MAX_HELD_BYTES:
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


def look_at(path: Path, name: str) -> TableFacts:
    """Look at an uploaded table, without reading it as scores yet; `FaceAuditError` if absurd."""
    _refuse_absurd(path)
    table, _ = read_file(path, [])
    names = table.column_names
    rows = table.slice(0, _SHOWN_ROWS).to_pylist()
    return TableFacts(
        name=name,
        n_rows=len(table),
        columns={name: _column(name, table[name]) for name in names},
        rows=[["" if row[one] is None else str(row[one])[:60] for one in names] for row in rows],
    )


def _refuse_absurd(path: Path) -> None:
    try:
        facts = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError):
        return  # `read_file` says what is wrong with it, if it is none of text
    if facts.num_rows > MAX_ROWS or facts.num_columns > MAX_COLUMNS:
        raise FaceAuditError(
            f"{path}: {facts.num_rows:,} rows and {facts.num_columns:,} columns; here "
            f"{MAX_ROWS:,} and {MAX_COLUMNS} are the most, use 'faceaudit audit' for more"
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


def read_uploaded(path: Path, reading: Reading) -> Scores:
    """Read an uploaded table as scores, as the command line would."""
    _refuse_absurd(path)
    return read_scores(
        path,
        reading.get("mapping"),
        missing=reading.get("missing", ()),
        ai_label=reading.get("ai_label", ()),
        score_is=reading.get("score_is", "probability"),
    )


def file_name(name: str) -> str:
    """Return the name under which a table of this name is read."""
    return f"{slug(Path(name).stem)}{Path(name).suffix.lower()}"


def slug(name: str) -> str:
    """Return a name fit for a file: ASCII letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "scores"
