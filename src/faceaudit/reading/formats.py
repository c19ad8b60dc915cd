"""Tables as people hold them: any file in, plain columns out, and what was noticed on the way."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import plain
from faceaudit.schema import FIXED_COLUMNS, METADATA_KEY
from faceaudit.wording import counted

KINDS = "Parquet, Feather, JSON lines (.jsonl), or text with a header line (.csv, .tsv)"
_JSON_LINES = (".jsonl", ".ndjson")
_NOT_READ = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".json": "write one object a line, as .jsonl",
    ".zip": "unpack it",
}
_DELIMITERS = ",;\t|"


class FileTable(NamedTuple):
    """What a file held.

    Attributes
    ----------
    table : pyarrow.Table
        Columns of text, int64, float or boolean (`faceaudit.reading.columns.plain`), and binary
        ones that have a fixed meaning.
    metadata : bytes or None
        What faceaudit wrote into a file of its own.
    notes : list of str
        What was left out or taken for something, as sentences.
    """

    table: pa.Table
    metadata: bytes | None
    notes: list[str]


def read_file(path: Path | str) -> FileTable:
    """Read a table of any kind that `KINDS` names, gzipped or not, or a folder of Parquet files.

    Raises
    ------
    FaceAuditError
        Naming the file and the remedy.
    """
    path = Path(path)
    notes: list[str] = []
    try:
        table = _read(path, notes)
    except FileNotFoundError:
        raise FaceAuditError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise FaceAuditError(
            f"{path}: not a readable table ({first_line(error)}); it can be {KINDS}"
        ) from None
    metadata = (table.schema.metadata or {}).get(METADATA_KEY)
    return FileTable(_plain_columns(table, path, notes), metadata, notes)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


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
    if path.suffix.lower() in _NOT_READ:
        raise FaceAuditError(f"{path}: cannot be read; {_NOT_READ[path.suffix.lower()]}")
    data = path.read_bytes()
    name = path.name.lower()
    if magic[:2] == b"\x1f\x8b":
        try:
            data, name = gzip.decompress(data), name.removesuffix(".gz")
        except (EOFError, gzip.BadGzipFile) as error:
            raise pa.ArrowInvalid(f"damaged gzip: {error}") from None
    if name.endswith(".parquet"):
        raise pa.ArrowInvalid("it does not begin as Parquet does")
    text = as_utf8(data, notes)
    if name.endswith(_JSON_LINES):
        return pa_json.read_json(pa.BufferReader(text))
    return _read_text(text, notes)


def _read_parquet(path: Path) -> pa.Table:
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    wanted = None
    if len(set(schema.names)) == len(schema.names):
        # An embedding beside each row may be most of the file.
        wanted = [field.name for field in schema if not pa.types.is_nested(field.type)]
    table = file.read(columns=wanted)
    for field in schema:
        if wanted is not None and field.name not in wanted:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def _read_folder(path: Path) -> pa.Table:
    from pyarrow import dataset  # imports pandas

    data = dataset.dataset(path, format="parquet", partitioning="hive")
    # A folder called group=01 names a group, and no number.
    told = pa.schema([(name, pa.string()) for name in data.partitioning.schema.names])
    folders = dataset.partitioning(told, flavor="hive")
    data = dataset.dataset(path, format="parquet", partitioning=folders)
    if not data.files:
        raise FaceAuditError(f"{path}: a folder without a Parquet file")
    schemas = [fragment.physical_schema for fragment in data.get_fragments()]
    # A column that only a later file has would be lost otherwise.
    whole = pa.unify_schemas([data.schema, *schemas], promote_options="permissive")
    return data.replace_schema(whole).to_table()


def as_utf8(data: bytes, notes: list[str]) -> bytes:
    """Return text as UTF-8 without a byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise pa.ArrowInvalid(f"damaged UTF-16: {error}") from None
    if b"\0" in data:
        raise pa.ArrowInvalid("it holds zero bytes and is no text")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode()
    except UnicodeDecodeError:
        notes.append("The file is not UTF-8 text; it was read as Windows-1252 (Latin-1).")
        try:
            return data.decode("cp1252").encode()
        except UnicodeDecodeError:
            return data.decode("latin-1").encode()
    return data


def delimiter_of(line: str) -> tuple[str, bool]:
    """Return what parts the cells below a table's first line, and whether that is all it says."""
    told = line.strip()
    if told.lower().startswith("sep=") and len(told) == 5:  # as a spreadsheet writes it
        return told[-1], True
    outside = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=outside.count), False


def _read_text(text: bytes, notes: list[str]) -> pa.Table:
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    header, _, rest = text.partition(b"\n")
    delimiter, says_only_that = delimiter_of(header.decode())
    if says_only_that:
        text, header = rest, rest.partition(b"\n")[0]
    names = next(csv.reader([header.decode().rstrip("\r")], delimiter=delimiter), [])
    if not any(name.strip() for name in names):
        raise pa.ArrowInvalid("there is no header line")
    # Arrow types columns by name, so that of two alike one would keep its guessed type.
    places = [str(place) for place in range(len(names))]

    def parse(use_threads: bool) -> pa.Table:
        return pa_csv.read_csv(
            pa.BufferReader(text),
            read_options=pa_csv.ReadOptions(
                column_names=places, skip_rows=1, use_threads=use_threads
            ),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in text),
            # Tags such as "01" are names, and "None" is a value: only an empty cell is missing.
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )

    try:
        table = parse(use_threads=True)
    except pa.ArrowInvalid:
        # In one thread Arrow knows which row is damaged.
        table = parse(use_threads=False)
    return table.rename_columns([name.strip() for name in names])


def _plain_columns(table: pa.Table, path: Path, notes: list[str]) -> pa.Table:
    """Keep what is one value a cell, and say what is not; refuse two columns of one name."""
    kept: dict[str, pa.ChunkedArray] = {}
    many_valued, nameless = [], 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        fixed = FIXED_COLUMNS.get(name)
        found = column if fixed is not None and pa.types.is_binary(fixed) else plain(column)
        if not name or name.startswith("__index_level_"):
            nameless += 1
        elif found is None:
            many_valued.append(name)
        elif name in kept:
            raise FaceAuditError(f"{path}: two columns are called '{name}'; rename one")
        else:
            kept[name] = found
    if many_valued:
        notes.append(
            f"Not read, since a cell holds a list, a record or bytes: {_list(many_valued)}."
        )
    if nameless:
        notes.append(f"Not read, having no name: {counted(nameless, 'column')}.")
    return pa.table(kept)


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
