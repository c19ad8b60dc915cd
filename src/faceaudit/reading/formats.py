"""Any file that holds a table in, plain columns out, and what was noticed on the way."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import plain
from faceaudit.reading.frames import arrow_table
from faceaudit.schema import FIXED_COLUMNS, METADATA_KEY
from faceaudit.wording import counted

KINDS = "Parquet, Feather, JSON lines (.jsonl), or text with a header line (.csv, .tsv)"
_NOT_READ = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".json": "write one object a line, as .jsonl",
    ".zip": "unpack it",
}


def read_file(path: Path | str, notes: list[str]) -> tuple[pa.Table, bytes | None]:
    """Read a table of any kind that `KINDS` names, gzipped or not, or a folder of Parquet files.

    `notes` gets a sentence for what is left out or taken for something.

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
        table = _read(path, notes)
    except FileNotFoundError:
        raise FaceAuditError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise FaceAuditError(
            f"{path}: not a readable table ({first_line(error)}); it can be {KINDS}"
        ) from None
    return _plain_columns(table, str(path), notes)


def read_frame(frame: object, source: str, notes: list[str]) -> tuple[pa.Table, bytes | None]:
    """Read a table in memory, called `source` in messages, as `read_file` reads one of a file."""
    return _plain_columns(arrow_table(frame, source), source, notes)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _read(path: Path, notes: list[str]) -> pa.Table:
    if path.is_dir():
        return _read_folder(path)
    with path.open("rb") as file:
        magic = file.read(6)
    if magic[:4] == b"PAR1":
        return _read_parquet(path)
    if magic == b"ARROW1" or magic[:4] == b"FEA1":
        from pyarrow import feather  # imports pandas

        return feather.read_table(path)
    name = path.name.lower()
    if remedy := _NOT_READ.get(path.suffix.lower()):
        raise FaceAuditError(f"{path}: cannot be read; {remedy}")
    data = path.read_bytes()
    if magic[:2] == b"\x1f\x8b":
        try:
            data, name = gzip.decompress(data), name.removesuffix(".gz")
        except (EOFError, gzip.BadGzipFile) as error:
            raise pa.ArrowInvalid(f"damaged gzip: {error}") from None
    if name.endswith(".parquet"):
        raise pa.ArrowInvalid("it does not begin as Parquet does")
    text = as_utf8(data, notes)
    if name.endswith((".jsonl", ".ndjson")):
        return pa_json.read_json(pa.BufferReader(text))
    return read_csv(text)


def _read_parquet(path: Path) -> pa.Table:
    """Read all but nested columns: an embedding beside each row may be most of the file."""
    file = pq.ParquetFile(path)
    nested = [
        field
        for field in file.schema_arrow
        if pa.types.is_nested(field.type) and field.name not in FIXED_COLUMNS
    ]
    left_out = {field.name for field in nested}
    table = file.read([name for name in file.schema_arrow.names if name not in left_out])
    for field in nested:
        table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def _read_folder(path: Path) -> pa.Table:
    from pyarrow import dataset  # imports pandas

    data = dataset.dataset(path, format="parquet", partitioning="hive")
    # A folder called group=01 names a group, and no number.
    schemas = [fragment.physical_schema for fragment in data.get_fragments()]
    inside = {name for schema in schemas for name in schema.names}
    outside = [name for name in data.partitioning.schema.names if name not in inside]
    names = pa.schema([(name, pa.string()) for name in outside])
    folders = dataset.partitioning(names, flavor="hive")
    data = dataset.dataset(path, format="parquet", partitioning=folders)
    if not data.files:
        raise FaceAuditError(f"{path}: a folder without a Parquet file")
    # A column that only a later file has would be lost otherwise.
    whole = pa.unify_schemas([data.schema, *schemas], promote_options="permissive")
    return data.replace_schema(whole).to_table()


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
    names = next(csv.reader([header.decode().rstrip("\r")], delimiter=delimiter), [])
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


def _plain_columns(table: pa.Table, source: str, notes: list[str]) -> tuple[pa.Table, bytes | None]:
    """Keep what is one value a cell, and say what is not; refuse two columns of one name."""
    if len(table) == 0:
        raise FaceAuditError(f"{source}: the table has no rows")
    kept: dict[str, pa.ChunkedArray] = {}
    many_valued, nameless = [], 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = FIXED_COLUMNS.get(name, pa.null())
        many = pa.types.is_binary(kind) or (
            # An embedding of another length is none of ours.
            pa.types.is_fixed_size_list(kind)
            and pa.types.is_nested(column.type)
            and _all_of_length(column, kind.list_size)
        )
        try:
            found = column if many else plain(column)
        except pa.ArrowException as error:
            raise FaceAuditError(
                f"{source}: column '{name}' cannot be read ({first_line(error)})"
            ) from None
        if not name or name.startswith("__index_level_"):
            nameless += 1
        elif found is None:
            many_valued.append(f"'{name}'")
        elif name in kept:
            raise FaceAuditError(f"{source}: two columns are called '{name}'; rename one")
        else:
            kept[name] = found
    if many_valued:
        notes.append(
            f"Not read, since a cell holds a list, a record or bytes: {', '.join(many_valued)}."
        )
    if nameless:
        notes.append(f"Not read, having no name: {counted(nameless, 'column')}.")
    return pa.table(kept), (table.schema.metadata or {}).get(METADATA_KEY)


def _all_of_length(lists: pa.ChunkedArray, size: int) -> bool:
    try:
        return bool(pc.all(pc.equal(pc.list_value_length(lists), size)).as_py() is not False)
    except pa.ArrowNotImplementedError:  # records
        return False
