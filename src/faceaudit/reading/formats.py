"""Any file that holds a table in, plain columns out, and what was noticed on the way."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json

from faceaudit.errors import FaceAuditError
from faceaudit.files import is_stream
from faceaudit.limits import CELL_BYTES, DEPTH, READING_BYTES, TABLE_BYTES
from faceaudit.memory_limit import at_most
from faceaudit.reading.columns import first_true
from faceaudit.reading.frames import arrow_table
from faceaudit.reading.in_parts import Apart, read_in_parts
from faceaudit.reading.json_text import depth, n_keys
from faceaudit.reading.parquet import (
    as_meant,
    expect_in_dictionary,
    has_name,
    lengths,
    read_parquet,
    refuse_size,
    refuse_two_of_one_name,
)
from faceaudit.schema import METADATA_KEY
from faceaudit.wording import counted

KINDS = "Parquet, Feather, JSON lines (.jsonl), or text with a header line (.csv, .tsv)"
_UNREAD = f"a cell has more than {CELL_BYTES:,} bytes, or holds a list, a record or bytes"
_NOT_READ = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".json": "write one object a line, as .jsonl",
    ".zip": "unpack it",
}


def read_file(
    path: Path | str,
    notes: list[str],
    apart: Apart | None = None,
    unread: dict[str, str] | None = None,
) -> tuple[pa.Table, bytes | None]:
    """Read a table of any kind that `KINDS` names, gzipped or not, or a folder of Parquet files.

    `notes` gets a sentence for what is left out or taken for something. With `apart` Parquet is
    read as `faceaudit.reading.in_parts` does. `unread` gets the columns that are not, and why.

    Returns
    -------
    table : pyarrow.Table
        Of `faceaudit.reading.columns.plain` columns, and binary ones that have a fixed meaning.
    metadata : bytes or None
        What faceaudit wrote into a file of its own.

    Raises
    ------
    FaceAuditError
        Naming the file and the remedy, if it is no table, has no row, or two columns of one
        name.
    """
    path = Path(path)
    try:
        with at_most(READING_BYTES):
            if apart is not None and (files := parquet_files(path)):
                return _in_parts(path, files, apart, notes, {} if unread is None else unread)
            table, left_out = _read(path, notes)
            expect_in_dictionary(table.columns)
    except FileNotFoundError:
        raise FaceAuditError(f"{path}: no such file") from None
    except MemoryError:  # which Arrow's is, too
        raise FaceAuditError(
            f"{path}: reading it asks for more memory than there is, or than the "
            f"{READING_BYTES / 1e9:g} GB that are allowed for it; a damaged file may ask for any"
        ) from None
    except (
        *(pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowIndexError, pa.ArrowNotImplementedError),
        *(OSError, UnicodeDecodeError),
    ) as error:
        raise FaceAuditError(
            f"{path}: not a readable table ({first_line(error)}); it can be {KINDS}"
        ) from None
    return _plain_columns(table, str(path), notes, {} if unread is None else unread, left_out)


def read_frame(
    frame: object, source: str, notes: list[str], unread: dict[str, str]
) -> tuple[pa.Table, bytes | None]:
    """Read a table in memory, called `source` in messages, as `read_file` reads one of a file."""
    return _plain_columns(arrow_table(frame, source), source, notes, unread)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _read(path: Path, notes: list[str]) -> tuple[pa.Table, list[str]]:
    """Return a table, and its columns that were not read."""
    if path.is_dir():
        return _read_folder(path)
    if is_stream(path):  # which may have no end, and gives nothing twice
        raise pa.ArrowInvalid("a device or a pipe; write what it gives to a file")
    with path.open("rb") as file:
        magic = file.read(6)
    if magic[:4] == b"PAR1":
        return read_parquet(path)
    if magic == b"ARROW1":
        return _read_feather(path), []
    if magic[:4] == b"FEA1":
        from pyarrow import feather  # imports pandas

        return feather.read_table(path), []
    name = path.name.lower()
    if remedy := _NOT_READ.get(path.suffix.lower()):
        raise FaceAuditError(f"{path}: cannot be read; {remedy}")
    zipped = magic[:2] == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            data = file.read(TABLE_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise pa.ArrowInvalid(f"damaged gzip: {error}") from None
    refuse_size(path, 0, len(data))
    name = name.removesuffix(".gz") if zipped else name
    if name.endswith(".parquet"):
        raise pa.ArrowInvalid("it does not begin as Parquet does")
    text = as_utf8(data, notes)
    if name.endswith((".jsonl", ".ndjson")):
        # A column has a cell in every row, be it named in one alone.
        refuse_size(path, rows := text.count(b"{"), 8 * n_keys(text) * rows)
        if depth(text) > DEPTH:  # by which Arrow's reader would end the process
            raise FaceAuditError(
                f"{path}: brackets within brackets, too deep to be read ({DEPTH} are the most)"
            )
        return pa_json.read_json(pa.BufferReader(text)), []
    return read_csv(text), []


def _read_feather(path: Path) -> pa.Table:
    with pa.ipc.open_file(path) as file:
        batches, size = [], 0
        for i in range(file.num_record_batches):
            batches.append(file.get_batch(i))
            size += batches[-1].nbytes
            refuse_size(path, sum(map(len, batches)), size)
        return pa.Table.from_batches(batches, file.schema)


def parquet_files(path: Path) -> dict[Path, dict[str, str]]:
    """Return the Parquet files whose rows are those of a table; none if it is of another kind.

    Each has the columns that its folders state: one called group=01 names a group, and no number.
    """
    if not path.is_dir():
        if not is_stream(path):
            with suppress(OSError), path.open("rb") as opened:  # of which its reader tells
                return {path: {}} if opened.read(4) == b"PAR1" else {}
        return {}
    from pyarrow import dataset  # imports pandas

    found = {}
    data = dataset.dataset(path, format="parquet", partitioning="hive")
    for file in (Path(fragment.path) for fragment in data.get_fragments()):
        parts = (part.partition("=") for part in file.relative_to(path).parent.parts)
        found[file] = {name: value for name, stated, value in parts if stated}
    return found


def _in_parts(
    path: Path,
    files: Mapping[Path, Mapping[str, str]],
    apart: Apart,
    notes: list[str],
    unread: dict[str, str],
) -> tuple[pa.Table, bytes | None]:
    table, left_out = read_in_parts(path, files, apart)
    _refuse_no_rows(table, str(path))
    named = [name for name in table.column_names if has_name(name)]
    unread |= dict.fromkeys(left_out, _UNREAD)
    _note_unread(notes, unread, table.num_columns - len(named))
    return table.select(named), (table.schema.metadata or {}).get(METADATA_KEY)


def _read_folder(path: Path) -> tuple[pa.Table, list[str]]:
    if not (files := parquet_files(path)):
        raise FaceAuditError(f"{path}: a folder without a Parquet file")
    left_out: dict[str, None] = {}
    tables, size = [], 0
    for file, stated in files.items():
        table, without = read_parquet(file)
        for name in (name for name in stated if name not in table.column_names):
            value = pa.array([stated[name]] * len(table), pa.string())
            table = table.append_column(name, value)
        tables.append(table)
        left_out |= dict.fromkeys(without)
        size += table.nbytes
        refuse_size(path, sum(map(len, tables)), size)
    return pa.concat_tables(tables, promote_options="permissive"), [*left_out]


def as_utf8(data: bytes, notes: list[str]) -> bytes:
    """Return text as UTF-8 without a byte order mark; ArrowInvalid if it is none."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in data and not wide:
        raise pa.ArrowInvalid("it holds zero bytes and is no text")
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252", "latin-1"):
        with suppress(UnicodeDecodeError):
            text = data.decode(encoding).encode()
            if encoding in ("cp1252", "latin-1"):
                notes.append("The file is not UTF-8 text; it was read as Windows-1252 (Latin-1).")
            return text
    raise pa.ArrowInvalid("damaged UTF-16")


def _delimiter_of(line: str) -> tuple[str, bool]:
    """Return what parts the cells below a table's first line, and whether that is all it says."""
    stated = line.strip()
    if stated.lower().startswith("sep=") and len(stated) == 5:  # as a spreadsheet writes it
        return stated[-1], True
    outside = "".join(line.split('"')[::2])
    return max(",;\t|", key=outside.count), False


def read_csv(text: bytes, skip: Callable[[pa_csv.InvalidRow], None] | None = None) -> pa.Table:
    """Read UTF-8 text with a header line, whatever parts its cells.

    Columns are text, null where a cell is empty; several may bear one name, or none.

    Parameters
    ----------
    text : bytes
    skip : callable, optional
        Told of each row that has more or fewer cells than the header, which is then left out.

    Raises
    ------
    pyarrow.ArrowInvalid
        Without `skip`, naming the first such row; or if there is no header.
    """

    def on_invalid_row(row: pa_csv.InvalidRow) -> str:
        if skip is not None:
            skip(row)
        return "error" if skip is None else "skip"

    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    header, _, rest = text.partition(b"\n")
    delimiter, says_only_that = _delimiter_of(header.decode())
    if says_only_that:
        text, header = rest, rest.partition(b"\n")[0]
    try:
        names = next(csv.reader([header.decode().rstrip("\r")], delimiter=delimiter), [])
    except csv.Error as error:
        raise pa.ArrowInvalid(f"damaged header line: {error}") from None
    if not any(name.strip() for name in names):
        raise pa.ArrowInvalid("there is no header line")
    # Arrow types columns by name, so that of two alike one would keep its guessed type.
    places = [str(place) for place in range(len(names))]
    table = pa_csv.read_csv(
        pa.BufferReader(text),
        # In one thread Arrow knows which row is damaged.
        read_options=pa_csv.ReadOptions(column_names=places, skip_rows=1, use_threads=False),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=b'"' in text,
            invalid_row_handler=on_invalid_row,
        ),
        # Tags such as "01" are names, and "None" is a value: only an empty cell is missing.
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    return table.rename_columns([name.strip() for name in names])


def _plain_columns(
    table: pa.Table,
    source: str,
    notes: list[str],
    unread: dict[str, str],
    left_out: Sequence[str] = (),
) -> tuple[pa.Table, bytes | None]:
    """Keep what is one value a cell, and say what is not; refuse two columns of one name."""
    _refuse_no_rows(table, source)
    refuse_two_of_one_name(source, table.column_names)
    kept: dict[str, pa.ChunkedArray] = {}
    cells = [lengths(column) for column in table.columns]
    # Of all of it, before any of it is unfolded.
    sizes = (
        max(size, column.nbytes)
        for (longest, size), column in zip(cells, table.columns, strict=True)
        if longest <= CELL_BYTES
    )
    refuse_size(source, len(table), sum(sizes))
    unread |= dict.fromkeys(left_out, _UNREAD)
    nameless = 0
    for name, column, (longest, _) in zip(table.column_names, table.columns, cells, strict=True):
        if not has_name(name):
            nameless += 1
            continue
        try:
            found = None if longest > CELL_BYTES else as_meant(name, column)
        except pa.ArrowException as error:
            raise FaceAuditError(
                f"{source}: column '{name}' cannot be read ({first_line(error)})"
            ) from None
        if found is None:
            unread[name] = _UNREAD
            if longest > CELL_BYTES and not pa.types.is_dictionary(column.type):
                row = first_true(pc.greater(pc.binary_length(column), CELL_BYTES)) + 1
                unread[name] = f"the cell of row {row} has more than {CELL_BYTES:,} bytes"
        else:
            kept[name] = found
    _note_unread(notes, unread, nameless)
    return pa.table(kept), (table.schema.metadata or {}).get(METADATA_KEY)


def _refuse_no_rows(table: pa.Table, source: str) -> None:
    if len(table) == 0:
        raise FaceAuditError(f"{source}: the table has no rows")


def _note_unread(notes: list[str], unread: Mapping[str, str], nameless: int) -> None:
    if unread:
        notes.append(f"Not read, since {_UNREAD}: {', '.join(map(repr, unread))}.")
    if nameless:
        notes.append(f"Not read, having no name: {counted(nameless, 'column')}.")
