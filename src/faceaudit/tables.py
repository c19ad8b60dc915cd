"""The two tables between stages, manifest and scores: reading and writing.

A table is Arrow data with typed file metadata; its schema is in `faceaudit.schema`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import platform
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError, all_at_once
from faceaudit.files import atomic_file, sha256_of
from faceaudit.image_names import (
    NAMES,
    ImageNames,
    Kept,
    LookUp,
    RowNumbers,
    keys_of,
    numbered_text,
    repeated,
)
from faceaudit.limits import UNNAMED_TAGS
from faceaudit.one_or_many import as_words, listed
from faceaudit.reading import meaning
from faceaudit.reading.columns import (
    all_alike,
    by_value,
    cast_column,
    encoded,
    is_numbered,
    refuse,
    together,
    trimmed,
    value_counts,
    with_column,
)
from faceaudit.reading.file_kinds import expect, refusal
from faceaudit.reading.formats import first_line, parquet_files, read_file, read_frame
from faceaudit.reading.frames import Frame
from faceaudit.reading.headings import likely_columns
from faceaudit.reading.in_parts import Apart, Numbering
from faceaudit.reading.json_text import parse_json
from faceaudit.reading.parquet import read_rows
from faceaudit.reading.tagging import TagTable, join_tags
from faceaudit.schema import (
    METADATA_KEY,
    SCHEMA_VERSION,
    SCORED,
    STATUSES,
    DatasetInfo,
    Input,
    ManifestInfo,
    ModelInfo,
    ScoresInfo,
    TableInfo,
    columns_of_variants,
    refuse_many_datasets,
    refuse_repeated,
    repeated_keys,
    stated_columns,
    tag_columns,
    validate,
)
from faceaudit.tags.vocabulary import DERIVED_TAGS, NUMERIC_TAGS, standardise, suspected_missing
from faceaudit.wording import counted, out_of


@dataclass(frozen=True)
class Manifest:
    """Tagged images, before any classifier has seen them."""

    table: pa.Table
    info: ManifestInfo

    @property
    def tags(self) -> list[str]:
        """Names of the tag columns."""
        return tag_columns(self.table)


@dataclass(frozen=True)
class Scores:
    """Tagged images with the probability of being AI-generated that a classifier gave."""

    table: pa.Table
    info: ScoresInfo
    #: Gives some rows of what was read, by their numbers, with the names of its images; None where
    #: these are in the table alone.
    look_up: LookUp | None = None
    #: In the place of the names, where ``image`` is the number of a row.
    names: ImageNames = field(default_factory=ImageNames)


#: What changes with a file.
Stamp = tuple[int, int]


@dataclass(frozen=True)
class RawTable:
    """A table as it stands in a file or in memory, before it is said what its columns mean."""

    given: Path | str | Frame | Scores | Manifest
    path: Path
    table: pa.Table
    metadata: bytes | None
    #: What was noticed on the way, as sentences.
    notes: tuple[str, ...]
    #: The Parquet files that its rows are in, one after the other, if they are in such.
    files: Mapping[Path, Stamp] = field(default_factory=dict)
    #: The columns that were not read, and why.
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_file(self) -> bool:
        """Whether it was read from a file."""
        return isinstance(self.given, Path | str)

    @cached_property
    def sha256(self) -> str:
        """Of its file, or of its cells where there is none."""
        if isinstance(self.given, Path | str):
            return sha256_of(self.given)
        return sha256_of_cells(self.table)


#: What may be read as a table of scores or tags.
Readable = Path | str | Frame | Scores | Manifest | RawTable


def library_versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of faceaudit, Python and `packages`."""
    installed = {package: _version(package) for package in ("faceaudit", *packages)}
    return {"python": platform.python_version(), **installed}


@cache
def _version(package: str) -> str:
    """Look a version up once: that takes five milliseconds."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


# --- writing -------------------------------------------------------------------------------


def write_table(path: Path | str, table: pa.Table, info: TableInfo) -> Path:
    """Write a manifest or scores table as Parquet, unless its rows break the schema.

    It is written whole or not at all; `info` becomes its metadata.
    """
    table = validate(table, info.kind, str(path))
    with atomic_file(path) as temporary:
        write_into(temporary, table, info)
    return Path(path)


def write_into(temporary: Path, table: pa.Table, info: TableInfo) -> None:
    """Write a table that is valid over a file that is nobody's yet."""
    table = table.replace_schema_metadata({METADATA_KEY: info.model_dump_json().encode()})
    pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


# --- reading -------------------------------------------------------------------------------


def read_manifest(path: Path | str) -> Manifest:
    """Read and validate a manifest that `write_table` wrote."""
    expect(path, "manifest")
    table, metadata = read_file(path, [])
    info = _parse_info(ManifestInfo, metadata, path)
    return Manifest(validate(table, "manifest", str(path)), info)


def read_shard(path: Path | str) -> Scores:
    """Read a part of a run as it was written; see `faceaudit.scoring.shards.join`."""
    expect(path, "scores")
    table, metadata = read_file(path, [])
    info = _parse_info(ScoresInfo, metadata, path)
    if info.shard is None:
        raise FaceAuditError(f"{path}: is no part of a run; 'faceaudit score --shard' makes them")
    return Scores(validate(table, "scores", str(path)), info)


def read_scores(
    given: Readable,
    mapping: Mapping[str, str | Sequence[str]] | None = None,
    *,
    missing: object = (),
    ai_label: object = (),
    score_is: meaning.ScoreIs = "probability",
    tags: Sequence[TagTable] = (),
    called: str = "the scores",
    others: Collection[str] = (),
    named: Collection[str] = (),
) -> Scores:
    """Read and validate scores, of a file or in memory.

    Parameters
    ----------
    given : Path, str, table in memory or Scores
        A scores table, or any table with ``image``, ``label``, ``p_ai`` and tags: a file of any
        kind that `faceaudit.reading.formats` knows, what `faceaudit.reading.frames` does, or
        what `read_raw` has read of either.
    mapping : mapping of str to str or sequence of str, optional
        Our column name to the file's column name, for tables with other headings; several where
        the tables to be joined call it differently.
    missing : str, number or sequence of them
        Words that say that a value is missing. Without them only an empty cell does.
    ai_label : str, number or sequence of them
        What the file calls AI-generated, for labels that are no known words.
    score_is : {'probability', 'logit', 'percent', 'p-real'}
        What the scores of a table from elsewhere are.
    tags : sequence of TagTable
        Tables of the same images whose tags are joined, from `read_tags`.
    called : str
        What messages call a table in memory, and its data set, where it names none.
    others : collection of str
        The table's columns of other classifiers' scores, which would look like tags.
    named : collection of str
        Tags that are read wherever they stand; of others the first `limits.UNNAMED_TAGS`.

    Returns
    -------
    Scores
        With a note for everything that was read otherwise than it stood there.

    Raises
    ------
    FaceAuditError
        Naming file, column and row, if the file cannot be read or breaks the schema.
    """
    raw = read_raw(given, called, "scores")
    path, table, notes = raw.path, raw.table, [*raw.notes]
    source, mapping = str(path), _fitting(mapping or {}, table.column_names)
    _refuse_unread(raw, mapping)
    read_as: dict[str, Any] = {"map": mapping, "ai_label": list(as_words(ai_label))}
    read_as["score_is"] = "" if score_is == "probability" else score_is
    read = _inputs("scores", raw, {option: of for option, of in read_as.items() if of})
    ours = raw.metadata is not None
    info = _parse_info(ScoresInfo, raw.metadata, path) if ours else ScoresInfo()
    if (part := info.shard) is not None:
        raise FaceAuditError(
            f"{path}: is part {part.number} of {part.of} of a run; put them together first: "
            "faceaudit join PARTS -o scores.parquet"
        )
    # Another table may have the headings that are renamed: those of tags, or one of another's.
    optional = mapping if ours else {name for tag_table in tags for name in tag_table.renamed}
    table = _without(_rename(table, mapping, source, optional), others)
    table = _without_further_tags(table, {*named, *mapping}, notes)
    table = meaning.mark_missing(table, as_words(missing))
    own = table.column_names
    needed = ("image", "p_ai") if tags else ("image", "label", "p_ai")
    if ours:
        _require(table, needed, source)
    else:
        table = meaning.with_whole_numbers(table)
        table = _with_labels(table, needed, as_words(ai_label), source, notes)
    if "dataset" not in own:
        table = table.append_column("dataset", pa.nulls(len(table), pa.string()))
    if tags:
        table = _in_standard_words(table, source, notes)
    for tag_table in tags:
        table, info = join_tags(table, info, tag_table, source, notes, own_dataset="dataset" in own)
    _require(table, ("label",), source)
    if "status" in own:
        # Such a row would have to be left out without a reason.
        status = cast_column(table, "status", pa.string(), source)["status"]
        foreign = by_value(status, lambda of: pc.invert(pc.is_in(of, pa.array(STATUSES))))
        refuse(
            table,
            "status",
            pc.and_(foreign, pc.is_valid(table["status"])),
            source,
            f"is no status of a score ({', '.join(STATUSES)}); if the column says something else, "
            "give it another name: --map photo_status=status",
        )
    numbers = ("p_ai", *columns_of_variants(table), *NUMERIC_TAGS)
    table = meaning.with_decimal_points(table, numbers, notes)
    if not ours:
        table = meaning.with_scores(table, score_is, source, notes)
        table = cast_column(table, "dataset", pa.string(), source)
        table = with_column(table, "dataset", trimmed(table["dataset"]))
    if "dataset" not in own:
        if is_numbered(table["image"].type):
            dataset = all_alike(path.stem, len(table))
        else:
            dataset = pc.fill_null(table["dataset"], path.stem)
        table = with_column(table, "dataset", dataset)
    if "label" not in own:
        labelled = pc.is_valid(table["label"])
        unlabelled = value_counts(table["dataset"].filter(pc.invert(labelled)))
        table, info = table.filter(labelled), info.model_copy(update={"unlabelled": unlabelled})
    table, said = standardise(table, source)
    notes += [*said, *suspected_missing(table)]
    table = validate(table, "scores", source)
    look_up = None
    if raw.files and not tags:
        named = {name: mapping.get(name, name) for name in NAMES if name in table.column_names}
        look_up = partial(_names, raw.files, named, tuple(as_words(missing)))
    if look_up is not None and is_numbered(table["image"].type):
        _refuse_repeated(table, look_up, source)
    # Of every data set and tag it is said where it comes from, if that is not known yet.
    counts = value_counts(table["dataset"])
    tag_sources = dict(info.tag_sources)
    for tag in stated_columns(table):
        words = dict(tag_sources.get(tag, {}))
        otherwise = words.pop("", f"as given in {path.name}")
        if tag in DERIVED_TAGS and tag not in own and not words:
            otherwise = f"derived from {DERIVED_TAGS[tag][0]}"
        tag_sources[tag] = dict.fromkeys(counts, otherwise) | words
    update = {
        "notes": [*info.notes, *(f"{path.name}: {note}" for note in notes)],
        "tag_sources": tag_sources,
        "datasets": {
            name: info.datasets.get(name) or DatasetInfo(indexed=n) for name, n in counts.items()
        },
        "versions": info.versions if ours else library_versions(),
        "inputs": [*read, *chain.from_iterable(tag_table.inputs for tag_table in tags)],
    }
    return Scores(table, info.model_copy(update=update), look_up)


def _refuse_repeated(table: pa.Table, look_up: LookUp, source: str) -> None:
    """Refuse a table without the names of its images if one stands there twice."""

    def named(rows: RowNumbers) -> pa.Table:
        datasets = table.select(["dataset"]).take(pa.array(rows))
        return with_column(datasets, "image", look_up(rows)["image"])

    if found := repeated(keys_of(table), named):
        refuse_repeated(source, *found)


def _stamp(file: Path) -> Stamp:
    """Return what changes with a file."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def names_apart(
    mapping: Mapping[str, str | Sequence[str]], missing: Sequence[str], columns: Sequence[str]
) -> dict[str, Numbering]:
    """Say which columns hold names that an audit looks up, and how their cells are numbered."""
    fitting = _fitting(mapping, columns)
    of_each = {ours: fitting.get(ours, ours) for ours in ("image", "sha256")}
    # What is something else besides is needed as it stands there.
    used = Counter([*(fitting | of_each).values()])
    return {
        theirs: partial(_numbered, name=ours, missing=missing)
        for ours, theirs in of_each.items()
        if theirs in columns and used[theirs] == 1
    }


def _numbered(column: pa.ChunkedArray, name: str, missing: Sequence[str]) -> pa.Array:
    return numbered_text(_as_read(pa.table({name: column}), missing)[name])


def _names(
    stamps: Mapping[Path, Stamp],
    named: Mapping[str, str],
    missing: Sequence[str],
    rows: RowNumbers,
) -> pa.Table:
    """Read some rows of a table again, the names of their images alone, as `read_scores` does."""
    for file, stamp in stamps.items():
        # Of another file they would be the names of other images.
        if not file.is_file() or _stamp(file) != stamp:
            raise FaceAuditError(f"{file}: has changed since its scores were read; audit it again")
    table = read_rows([*stamps], [*named.values()], rows)
    return _as_read(pa.table({ours: table[theirs] for ours, theirs in named.items()}), missing)


def _as_read(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """Read the names of images as `read_scores` does."""
    for name in table.column_names:
        table = cast_column(table, name, pa.string(), "")
    if "copy_of" in table.column_names:
        table = with_column(table, "copy_of", trimmed(table["copy_of"]))
    return meaning.mark_missing(table, missing)


def expect_scores(
    given: Readable,
    mapping: Mapping[str, str | Sequence[str]] | None = None,
    *,
    missing: object = (),
    ai_label: object = (),
    called: str = "the scores",
    others: Collection[str] = (),
    named: Collection[str] = (),
) -> None:
    """Refuse what `read_scores` would refuse first, whatever tags are joined.

    Parameters are those of `read_scores`.
    """
    raw = read_raw(given, called, "scores")
    if raw.metadata is None:
        source, fitting = str(raw.path), _fitting(mapping or {}, raw.table.column_names)
        table = _without(_rename(raw.table, fitting, source, fitting), others)
        table = _without_further_tags(table, {*named, *fitting}, [])
        table = meaning.with_whole_numbers(meaning.mark_missing(table, as_words(missing)))
        _with_labels(table, ("image", "p_ai"), as_words(ai_label), source, [])


def read_tags(
    given: Readable,
    mapping: Mapping[str, str | Sequence[str]] | None = None,
    missing: object = (),
    ai_label: object = (),
    called: str = "the tags",
    others: Collection[str] = (),
    named: Collection[str] = (),
) -> TagTable:
    """Read a table whose tags are to be joined to scores: a manifest, or any with ``image``.

    Parameters are those of `read_scores`; columns of `mapping` that it lacks are passed over.
    """
    raw = read_raw(given, called)
    path, table, metadata, notes = raw.path, raw.table, raw.metadata, [*raw.notes]
    source, mapping = str(path), _fitting(mapping or {}, table.column_names)
    _refuse_unread(raw, mapping)
    read = _inputs("tags", raw)
    renamed = frozenset(ours for ours, theirs in mapping.items() if theirs in table.column_names)
    table = _without(_rename(table, mapping, source, mapping), others)
    table = _without_further_tags(table, {*named, *mapping}, notes)
    table = meaning.mark_missing(table, as_words(missing))
    whose = ", which says whose tags these are"
    table = _with_labels(
        table, ("image",), as_words(ai_label), source, notes, whose=whose, strict=False
    )
    info: TableInfo | None = None
    if metadata is not None:
        # Scores of one classifier may carry the tags for those of another.
        scores = b'"kind":"scores"' in metadata
        info = _parse_info(ScoresInfo if scores else ManifestInfo, metadata, path)
    else:
        table = meaning.with_whole_numbers(table)
    table = _in_standard_words(table, source, notes)
    notes = [f"{path.name}: {note}" for note in notes]
    return TagTable(path, table, info, renamed, notes, read)


def read_raw(
    given: Readable,
    called: str,
    needed: Literal["scores"] | None = None,
    apart: Apart | None = None,
) -> RawTable:
    """Read a file or a table in memory; where a file has its path, the latter has its name.

    What was read before is taken as it is, so that a table of many classifiers is read once. With
    `apart` Parquet is read a part at a time, as `faceaudit.reading.in_parts` says.
    """
    if isinstance(given, RawTable):
        return given
    notes: list[str] = []
    unread: dict[str, str] = {}
    if isinstance(given, Path | str):
        if needed is not None:
            expect(given, needed)
        path = Path(given)
        files = {file: _stamp(file) for file in parquet_files(path)} if path.exists() else {}
        read = read_file(path, notes, apart, unread)
        return RawTable(given, path, *read, tuple(notes), files, unread)
    frame: Frame
    if isinstance(given, Scores | Manifest):
        metadata = {METADATA_KEY: given.info.model_dump_json().encode()}
        frame = given.table.replace_schema_metadata(metadata)
    else:
        frame = given
    read = read_frame(frame, called, notes, unread)
    return RawTable(given, Path(called), *read, tuple(notes), {}, unread)


def _inputs(
    role: Literal["scores", "tags"], raw: RawTable, read_as: dict[str, Any] | None = None
) -> list[Input]:
    """Say what was read; of what was read before, from which files it was."""
    if isinstance(raw.given, Scores) and raw.given.info.inputs:
        return raw.given.info.inputs
    name = raw.path.absolute().name if raw.in_file else "a table in memory"
    rows = len(raw.table)
    return [Input(role=role, name=name, sha256=raw.sha256, rows=rows, read_as=read_as or {})]


def sha256_of_cells(table: pa.Table) -> str:
    """Return the SHA-256 of a table as CSV, but for what is no text: lists, bytes."""
    names, columns = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        with suppress(pa.ArrowException):
            columns.append(column.cast(pa.string()))
            names.append(name)
    cells = _Hash()
    pa_csv.write_csv(pa.table(columns, names), cells)
    return cells.sha256.hexdigest()


class _Hash(io.RawIOBase):
    """What is written to it is hashed and not kept."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.sha256.update(part)
        return len(part)


def inputs_of(*tables: Scores) -> list[Input]:
    """Return what scores were read from, each once."""
    found: list[Input] = []
    raws = (RawTable(of, Path(), of.table, None, ()) for of in tables)
    for one in chain.from_iterable(_inputs("scores", raw) for raw in raws):
        found += [one] if one not in found else []
    return found


def _fitting(
    mapping: Mapping[str, str | Sequence[str]], columns: Collection[str]
) -> dict[str, str]:
    """Take the first column that a table has, where tables call one of ours differently."""
    fitting = {}
    for ours, theirs in mapping.items():
        there = [name for name in listed(theirs) if name in columns]
        fitting[ours] = next(iter([*there, *listed(theirs)]), "")
    return fitting


def _refuse_unread(raw: RawTable, mapping: Mapping[str, str]) -> None:
    """Refuse a table of which a column was not read that says what its rows are, or is named."""
    for ours in dict.fromkeys(["image", "label", "dataset", "p_ai", *mapping]):
        if why := raw.unread.get(theirs := mapping.get(ours, ours)):
            raise FaceAuditError(
                f"{raw.path}: column '{theirs}' cannot be read: {why}; mend it, or name another "
                f"with --map {ours}=COLUMN"
            )


def _rename(
    table: pa.Table, mapping: Mapping[str, str], source: str, optional: Collection[str]
) -> pa.Table:
    """Give columns our names; a column that bears one already makes room.

    `mapping` is our column name to the table's. Those of our names that are in `optional` the
    table may have already, or not at all.
    """
    for ours, theirs in mapping.items():
        if theirs not in table.column_names and ours not in optional:
            raise FaceAuditError(
                f"{source}: --map {ours}={theirs}: there is no column '{theirs}'; "
                f"the columns are {', '.join(table.column_names)}"
            )
    named = {ours: theirs for ours, theirs in mapping.items() if theirs in table.column_names}
    taken = {*named, *named.values()}
    columns = {name: table[name] for name in table.column_names if name not in taken}
    return pa.table(columns | {ours: table[theirs] for ours, theirs in named.items()})


def _without(table: pa.Table, names: Collection[str]) -> pa.Table:
    # In one step: dropping columns one by one goes through all others each time.
    return table.select([name for name in table.column_names if name not in names])


def _without_further_tags(table: pa.Table, named: Collection[str], notes: list[str]) -> pa.Table:
    """Leave out the tags that nobody named beyond the first few, and note it."""
    origins = {*NUMERIC_TAGS, *(of for of, _ in DERIVED_TAGS.values())}
    unnamed = [tag for tag in tag_columns(table) if tag not in named and tag not in origins]
    if further := unnamed[UNNAMED_TAGS:]:
        notes.append(
            f"Not read, being named nowhere and beyond the first {UNNAMED_TAGS} tags: "
            f"{counted(len(further), 'column')} ('{further[0]}', …)."
        )
    return _without(table, {*further})


def _require(table: pa.Table, names: Sequence[str], source: str, why: str = "") -> None:
    if missing := [name for name in names if name not in table.column_names]:
        likely = likely_columns(table.column_names)
        options = (f"--map {name}={shlex.quote(likely.get(name, 'COLUMN'))}" for name in missing)
        are = "columns {} are" if len(missing) > 1 else "column {} is"
        raise FaceAuditError(
            f"{source}: {are.format(', '.join(map(repr, missing)))} missing{why}; name yours "
            f"with {' '.join(options)} (the columns are {', '.join(table.column_names)})"
        )


def _with_labels(
    table: pa.Table,
    needed: Sequence[str],
    ai_label: Sequence[str],
    source: str,
    notes: list[str],
    *,
    whose: str = "",
    strict: bool = True,
) -> pa.Table:
    """Give a table our labels, if it has any; what it lacks besides is refused in the same line."""

    def labelled() -> pa.Table:
        if "label" not in table.column_names:
            return table
        return meaning.with_labels(table, ai_label, source, notes, strict=strict)

    _, found = all_at_once(source, lambda: _require(table, needed, source, whose), labelled)
    return found


def _in_standard_words(table: pa.Table, source: str, notes: list[str]) -> pa.Table:
    """Read the tags of a table in the standard vocabulary, and derive none."""
    read, said = standardise(meaning.with_decimal_points(table, NUMERIC_TAGS, notes), source)
    notes += said
    return read.select(table.column_names)


def read_manifest_into(info: ManifestInfo, path: Path | str) -> pa.Table:
    """Read one of several manifests, and add what is known of its data sets and tags to `info`.

    Its images of a data set must lie in the same place as those before.
    """
    manifest = read_manifest(path)
    for name, dataset in manifest.info.datasets.items():
        known = info.datasets.setdefault(name, dataset)
        if known.root != dataset.root:
            raise FaceAuditError(
                f"{path}: the images of '{name}' lie in {dataset.root}, but another manifest has "
                f"them in {known.root}; index both from one place"
            )
    _add_sources(info, manifest.info)
    return manifest.table


def read_manifests(paths: Path | str | Iterable[Path | str]) -> Manifest:
    """Read manifests, at least one, and put them together; each must have images of its own."""
    info, paths = ManifestInfo(), listed(paths)
    parts = [read_manifest_into(info, path) for path in paths]
    if not parts:
        raise FaceAuditError("no manifest was given")
    table = together(parts)
    if pair := repeated_keys(table):
        ends = np.cumsum([len(part) for part in parts])
        first, second = (paths[int(np.searchsorted(ends, row, side="right"))] for row in pair)
        raise FaceAuditError(
            f"{second}: {table['image'][pair[1]].as_py()!r} of '{table['dataset'][pair[1]]}' is in "
            f"{first} too; give every image once"
        )
    return Manifest(table, info)


def concat_scores(parts: Iterable[Scores]) -> Scores:
    """Put scores of one classifier on several manifests together; each must have its own images.

    Of each table, one at a time, is kept what is counted (`faceaudit.image_names`).
    """
    kept = Kept()

    def added(part: Scores) -> ScoresInfo:
        kept.add(part.table, part.look_up)
        return part.info

    infos = [added(part) for part in parts]
    models = [info.model for info in infos if info.model]
    if (several := len({model.sha256 or model.id for model in models})) > 1:
        raise FaceAuditError(
            f"the scores come from {several} different classifiers; audit them one by one, "
            "or use 'faceaudit compare'"
        )
    table = kept.together()
    pa.default_memory_pool().release_unused()  # what was read is several times what is kept
    if len(infos) == 1:
        return Scores(table, infos[0], names=kept.names)
    table, notes = standardise(table, "the given scores")
    table = pa.table([encoded(column) for column in table.columns], table.column_names)
    nameless = [i for i, info in enumerate(infos) if info.model is None]
    if models and nameless:
        notes.append(
            f"{out_of(len(nameless), len(infos), 'table', ('names', 'name'))} no classifier: taken "
            "for scores of the one that is named."
        )
    # Tables without data sets are each a data set, and an image of two would be two images.
    if repeated := kept.repeated_paths(nameless):
        notes.append(
            f"In more than one of the tables: {counted(repeated, 'path')}. The same picture would "
            "count more than once."
        )
    refuse_many_datasets(table, "the given scores")
    if twice := kept.repeated(table):
        number, row, image = twice
        refuse_repeated(f"table {number + 1} of the given scores", row, image)
    info = _of_all(infos, notes)
    info.model = models[0] if models else None
    return Scores(table, info, names=kept.names)


def _of_all(infos: Sequence[ScoresInfo], notes: Sequence[str]) -> ScoresInfo:
    """Put together what is known of several tables."""
    finders = {info.face_finder for info in infos if info.face_finder}
    all_notes = [*(note for info in infos for note in info.notes), *notes]
    info = infos[0].model_copy(deep=True)
    info.face_finder = " or ".join(sorted(finders)) or None
    info.notes = all_notes
    for other in infos[1:]:
        info.unlabelled = dict(Counter(info.unlabelled) + Counter(other.unlabelled))
        info.inputs += [one for one in other.inputs if one not in info.inputs]
        _add_sources(info, other)
        for name, dataset in other.datasets.items():
            known = info.datasets.get(name)
            if known is None:
                info.datasets[name] = dataset.model_copy()
                continue
            unknown = known.found is None or dataset.found is None
            known.found = None if unknown else (known.found or 0) + (dataset.found or 0)
            known.indexed += dataset.indexed
            known.rejected += dataset.rejected
    return info


def renamed(scores: Scores, name: str) -> Scores:
    """Give the classifier a name of the user's; scores from elsewhere have none of their own."""
    model = scores.info.model or ModelInfo(id=name)
    update = {"model": model.model_copy(update={"id": name})}
    return replace(scores, info=scores.info.model_copy(update=update))


def _add_sources(info: TableInfo, other: TableInfo) -> None:
    """Add whose word the tags of another table are."""
    for tag, sources in other.tag_sources.items():
        info.tag_sources.setdefault(tag, {}).update(sources)


InfoT = TypeVar("InfoT", bound=TableInfo)


def _parse_info(kind: type[InfoT], metadata: bytes | None, path: Path | str) -> InfoT:
    expected = kind.model_fields["kind"].default
    if metadata is None:
        raise refusal(path, "was not written by faceaudit (no file metadata)", expected)
    try:
        stated = parse_json(metadata)
        version, given = stated.get("schema_version"), stated.get("kind")
        if version != SCHEMA_VERSION:
            raise FaceAuditError(
                f"{path}: schema version {version}, but this faceaudit reads version "
                f"{SCHEMA_VERSION}; make the file again with this version"
            )
        if given != expected:
            raise refusal(path, f"is of kind '{given}'", expected)
        return kind.model_validate(stated)
    except (ValueError, AttributeError) as error:
        raise FaceAuditError(f"{path}: damaged file metadata ({first_line(error)})") from None


def scored(scores: Scores) -> pa.Table:
    """Return the rows that have a score: their status is one of `SCORED`."""
    has_score = is_scored(scores.table)
    return scores.table if pc.all(has_score).as_py() else scores.table.filter(has_score)


def is_scored(table: pa.Table) -> pa.ChunkedArray:
    """Tell which rows have a score."""
    return by_value(table["status"], lambda status: pc.is_in(status, pa.array(SCORED)))


def status_counts(table: pa.Table) -> dict[str, int]:
    """Return how many rows have each status."""
    return value_counts(table["status"])
