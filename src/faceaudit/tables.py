"""The two tables between stages, manifest and scores: reading and writing.

A table is Arrow data with typed file metadata; its schema is in `faceaudit.schema`.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError
from faceaudit.files import whole_file
from faceaudit.schema import (
    DELIVERY_COLUMNS,
    FIXED_COLUMNS,
    LABELS,
    METADATA_KEY,
    SCHEMA_VERSION,
    SCORED,
    DatasetInfo,
    ManifestInfo,
    ModelInfo,
    ScoresInfo,
    TableInfo,
    tag_columns,
)
from faceaudit.validation import cast_column, validate

__all__ = [
    "DELIVERY_COLUMNS",
    "FIXED_COLUMNS",
    "LABELS",
    "METADATA_KEY",
    "SCORED",
    "DatasetInfo",
    "Manifest",
    "ManifestInfo",
    "ModelInfo",
    "Scores",
    "ScoresInfo",
    "TableInfo",
    "concat_scores",
    "library_versions",
    "read_manifest",
    "read_manifest_into",
    "read_scores",
    "scored",
    "status_counts",
    "tag_columns",
    "validate",
    "write_table",
]


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

    @property
    def tags(self) -> list[str]:
        """Names of the tag columns."""
        return tag_columns(self.table)


def library_versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of faceaudit, Python and `packages`."""
    versions = {"python": platform.python_version()}
    for package in ("faceaudit", *packages):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


# --- writing -------------------------------------------------------------------------------


def write_table(path: Path | str, table: pa.Table, info: TableInfo) -> Path:
    """Write a manifest or scores table as Parquet, whole or not at all.

    Parameters
    ----------
    path : Path or str
        The Parquet file to write.
    table : pyarrow.Table
        The rows; validated before anything is written.
    info : TableInfo
        Stored as JSON in the file metadata.

    Raises
    ------
    FaceAuditError
        If the rows break the schema.
    """
    table = validate(table, info.kind, str(path))
    table = table.replace_schema_metadata({METADATA_KEY: info.model_dump_json().encode()})
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return Path(path)


# --- reading -------------------------------------------------------------------------------


def read_manifest(path: Path | str) -> Manifest:
    """Read and validate a manifest that `write_table` wrote."""
    table, metadata = _read_parquet(path)
    info = _parse_info(ManifestInfo, metadata, path)
    return Manifest(validate(table, "manifest", str(path)), info)


def read_scores(path: Path | str, mapping: Mapping[str, str] | None = None) -> Scores:
    """Read and validate scores from a Parquet or CSV file.

    Parameters
    ----------
    path : Path or str
        A scores table, or any ``.csv``/``.parquet`` with ``image``, ``label``, ``p_ai`` and tags.
    mapping : mapping of str to str, optional
        Our column name to the file's column name, for tables with other headings.

    Raises
    ------
    FaceAuditError
        Naming file, column and row, if the file cannot be read or breaks the schema.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        table, metadata = _read_csv(path), None
    else:
        table, metadata = _read_parquet(path)
    table = _rename(table, mapping or {}, path)
    if metadata is not None:
        info = _parse_info(ScoresInfo, metadata, path)
    else:
        table, info = _adopt(table, path)
    return Scores(validate(table, "scores", str(path)), info)


def read_manifest_into(info: ManifestInfo, path: Path | str) -> pa.Table:
    """Read one of several manifests, and add what is known of its data sets and tags to `info`.

    Raises
    ------
    FaceAuditError
        If it cannot be read, or has the images of a data set in another place than those before.
    """
    manifest = read_manifest(path)
    for name, dataset in manifest.info.datasets.items():
        known = info.datasets.setdefault(name, dataset)
        if known.root != dataset.root:
            raise FaceAuditError(
                f"{path}: the images of '{name}' lie in {dataset.root}, but another manifest has "
                f"them in {known.root}; index both from one place"
            )
    for tag, sources in manifest.info.tag_sources.items():
        info.tag_sources.setdefault(tag, {}).update(sources)
    return manifest.table


def concat_scores(parts: Sequence[Scores]) -> Scores:
    """Put scores of one classifier on several manifests together.

    Raises
    ------
    FaceAuditError
        If the parts come from different classifiers, or hold the same image twice.
    """
    models = {part.info.model.sha256 or part.info.model.id for part in parts if part.info.model}
    if len(models) > 1:
        raise FaceAuditError(
            f"the scores come from {len(models)} different classifiers; audit them one by one, "
            "or use 'faceaudit compare'"
        )
    table = pa.concat_tables([part.table for part in parts], promote_options="permissive")
    info = parts[0].info.model_copy(deep=True)
    finders = {part.info.face_finder for part in parts} - {None}
    info.face_finder = " or ".join(sorted(map(str, finders))) or None
    for part in parts[1:]:
        for name, dataset in part.info.datasets.items():
            known = info.datasets.get(name)
            info.datasets[name] = (
                dataset
                if known is None
                else known.model_copy(
                    update={
                        "found": _add(known.found, dataset.found),
                        "indexed": known.indexed + dataset.indexed,
                        "rejected": known.rejected + dataset.rejected,
                    }
                )
            )
        for tag, sources in part.info.tag_sources.items():
            info.tag_sources.setdefault(tag, {}).update(sources)
        info = info.model_copy(update={"model": info.model or part.info.model})
    return Scores(validate(table, "scores", "the given scores"), info)


def _add(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def _read_parquet(path: Path | str) -> tuple[pa.Table, bytes | None]:
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise FaceAuditError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise FaceAuditError(
            f"{path}: not a readable Parquet file ({_first_line(error)}); "
            "a table of another kind must end in .csv"
        ) from None
    return table, (table.schema.metadata or {}).get(METADATA_KEY)


def _read_csv(path: Path) -> pa.Table:
    try:
        # Tags such as "01" or "true" are names, not numbers: types are decided in `_adopt`.
        with pa_csv.open_csv(path) as probe:
            names = probe.schema.names
        table = pa_csv.read_csv(
            path,
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                strings_can_be_null=True,
                null_values=["", "NA", "N/A", "NaN", "nan", "null", "None"],
            ),
        )
    except FileNotFoundError:
        raise FaceAuditError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise FaceAuditError(
            f"{path}: not a readable CSV file with a header line ({_first_line(error)})"
        ) from None
    return table


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _rename(table: pa.Table, mapping: Mapping[str, str], path: Path) -> pa.Table:
    for ours, theirs in mapping.items():
        if theirs not in table.column_names:
            raise FaceAuditError(
                f"{path}: --map {ours}={theirs}: there is no column '{theirs}'; "
                f"the columns are {', '.join(table.column_names)}"
            )
    theirs_to_ours = {theirs: ours for ours, theirs in mapping.items()}
    # A mapped name replaces a column that already bears it.
    kept = [name for name in table.column_names if name in theirs_to_ours or name not in mapping]
    return table.select(kept).rename_columns([theirs_to_ours.get(name, name) for name in kept])


InfoT = TypeVar("InfoT", ManifestInfo, ScoresInfo)


def _parse_info(kind: type[InfoT], metadata: bytes | None, path: Path | str) -> InfoT:
    expected = kind.model_fields["kind"].default
    if metadata is None:
        raise FaceAuditError(f"{path}: not a {expected} that faceaudit wrote (no file metadata)")
    try:
        stated = json.loads(metadata)
        version, given = stated.get("schema_version"), stated.get("kind")
        if version != SCHEMA_VERSION:
            raise FaceAuditError(
                f"{path}: schema version {version}, but this faceaudit reads version "
                f"{SCHEMA_VERSION}; make the file again with this version"
            )
        if given != expected:
            raise FaceAuditError(f"{path}: is a {given} table, and a {expected} is needed")
        return kind.model_validate(stated)
    except (ValueError, AttributeError) as error:
        raise FaceAuditError(f"{path}: damaged file metadata ({_first_line(error)})") from None


def _adopt(table: pa.Table, path: Path) -> tuple[pa.Table, ScoresInfo]:
    """Give a table from elsewhere the columns and metadata of a scores table."""
    from faceaudit.tags.vocabulary import DERIVED_TAGS, standardise

    for name in ("image", "label", "p_ai"):
        if name not in table.column_names:
            raise FaceAuditError(
                f"{path}: column '{name}' is missing; name yours with --map {name}=COLUMN "
                f"(the columns are {', '.join(table.column_names)})"
            )
    for name in table.column_names:
        if name in FIXED_COLUMNS:
            table = cast_column(table, name, FIXED_COLUMNS[name], str(path))
    if "dataset" not in table.column_names:
        table = table.append_column("dataset", pa.repeat(pa.scalar(path.stem), len(table)))
    given = table.column_names
    table, _ = standardise(table, str(path))
    counts = {
        entry["values"]: entry["counts"] for entry in pc.value_counts(table["dataset"]).to_pylist()
    }
    tags = tag_columns(table)
    return table, ScoresInfo(
        datasets={str(name): DatasetInfo(indexed=count) for name, count in counts.items()},
        tag_sources={
            tag: dict.fromkeys(
                map(str, counts),
                f"as given in {path.name}"
                if tag in given
                else f"derived from {DERIVED_TAGS[tag][0]}",
            )
            for tag in tags
        },
        versions=library_versions(),
    )


def scored(scores: Scores) -> pa.Table:
    """Return the rows that have a score: their status is one of `SCORED`."""
    return scores.table.filter(pc.is_in(scores.table["status"], pa.array(SCORED)))


def status_counts(table: pa.Table) -> dict[str, int]:
    """Return how many rows have each status."""
    pairs: Iterable[dict[str, object]] = pc.value_counts(table["status"]).to_pylist()
    return {str(pair["values"]): int(str(pair["counts"])) for pair in pairs}
