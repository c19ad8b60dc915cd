"""A table from elsewhere becomes a scores table: names, labels, scores, tags, and what was done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import cast_column, mark_missing, value_counts, with_decimal_points
from faceaudit.reading.meaning import ScoreIs, with_labels, with_scores
from faceaudit.reading.tagging import TagTable, join_tags
from faceaudit.schema import FIXED_COLUMNS, STATUSES, DatasetInfo, ScoresInfo, tag_columns
from faceaudit.tags.vocabulary import DERIVED_TAGS, NUMERIC_TAGS, standardise, suspected_missing

#: Columns in which a word is never taken for a missing value.
KEY = ("image", "label", "dataset")


def rename(
    table: pa.Table, mapping: Mapping[str, str], source: Path | str, optional: Collection[str] = ()
) -> pa.Table:
    """Give columns our names; a column that bears one already makes room.

    Parameters
    ----------
    table : pyarrow.Table
    mapping : mapping of str to str
        Our column name to the table's.
    source : Path or str
        The file, for messages.
    optional : collection of str
        Those of our names that the table may have already, or not at all.

    Raises
    ------
    FaceAuditError
        If the table lacks another column that `mapping` names.
    """
    mapping = {
        ours: name
        for ours, name in mapping.items()
        if ours not in optional or name in table.column_names
    }
    for ours, theirs in mapping.items():
        if theirs not in table.column_names:
            raise FaceAuditError(
                f"{source}: --map {ours}={theirs}: there is no column '{theirs}'; "
                f"the columns are {', '.join(table.column_names)}"
            )
    taken = {*mapping, *mapping.values()}
    columns = {name: table[name] for name in table.column_names if name not in taken}
    return pa.table(columns | {ours: table[theirs] for ours, theirs in mapping.items()})


def adopt(
    table: pa.Table,
    info: ScoresInfo | None,
    path: Path,
    *,
    missing: Sequence[str] = (),
    ai_label: Sequence[str] = (),
    score_is: ScoreIs = "probability",
    tags: Sequence[TagTable] = (),
) -> tuple[pa.Table, ScoresInfo]:
    """Read the columns of a table as those of a scores table.

    Parameters
    ----------
    table : pyarrow.Table
        Of plain columns under our names.
    info : ScoresInfo or None
        What faceaudit wrote into a file of its own; None for a table from elsewhere.
    path : Path
        The file, for messages and for the name of a data set that has none.
    missing, ai_label, score_is, tags
        As in `faceaudit.tables.read_scores`.

    Returns
    -------
    table : pyarrow.Table
    info : ScoresInfo
        With a note for everything that was read otherwise than it stood there.

    Raises
    ------
    FaceAuditError
        Naming column and row.
    """
    source, notes = str(path), []
    table = mark_missing(table, missing, keep=KEY)
    if info is None and "label" in table.column_names:
        table, told = with_labels(table, ai_label, source)
        notes += told
    _require(table, ("image", "p_ai"), source)
    own = set(table.column_names)
    known = info or ScoresInfo()
    if tags:
        table, told = read_words(table, source)
        notes += told
        if "dataset" not in own:
            brought = any("dataset" in tag_table.table.column_names for tag_table in tags)
            name = pa.scalar(None if brought else path.stem, pa.string())
            table = table.append_column("dataset", pa.repeat(name, len(table)))
    for tag_table in tags:
        table, known, told = join_tags(
            table, known, tag_table, source, own_dataset="dataset" in own
        )
        notes += told
    _require(table, ("label",), source)
    if "status" in table.column_names:
        _refuse_foreign_status(table, source)
    table, commas = with_decimal_points(table, ("p_ai", *NUMERIC_TAGS))
    notes += commas
    if info is None:
        table, told = with_scores(table, score_is, source)
        notes += told
    for name in table.column_names:
        if name in FIXED_COLUMNS:
            table = cast_column(table, name, FIXED_COLUMNS[name], source)
        if name in ("dataset", "status") and info is None:
            text = pc.utf8_trim_whitespace(table[name])
            text = pc.if_else(pc.equal(text, ""), None, text)
            table = table.set_column(table.column_names.index(name), name, text)
    if "dataset" not in table.column_names:
        table = table.append_column("dataset", pa.repeat(pa.scalar(path.stem), len(table)))
    elif "dataset" not in own:
        named = pc.fill_null(table["dataset"], path.stem)
        table = table.set_column(table.column_names.index("dataset"), "dataset", named)
    if "label" not in own:
        table, known = _without_unlabelled(table, known)
    table, repaired = standardise(table, source)
    notes += [*repaired, *suspected_missing(table)]
    known = _described(table, known, own, path)
    notes = [f"{path.name}: {note}" for note in notes]
    return table, known.model_copy(update={"notes": [*known.notes, *notes]})


def read_words(table: pa.Table, source: str) -> tuple[pa.Table, list[str]]:
    """Read the tags of a table in the standard vocabulary, and derive none."""
    table, commas = with_decimal_points(table, NUMERIC_TAGS)
    read, notes = standardise(table, source)
    return read.select(table.column_names), [*commas, *notes]


def _require(table: pa.Table, names: Sequence[str], source: str) -> None:
    for name in names:
        if name not in table.column_names:
            raise FaceAuditError(
                f"{source}: column '{name}' is missing; name yours with --map {name}=COLUMN "
                f"(the columns are {', '.join(table.column_names)})"
            )


def _without_unlabelled(table: pa.Table, known: ScoresInfo) -> tuple[pa.Table, ScoresInfo]:
    """Leave out and count what no table of tags has a label for."""
    labelled = pc.is_valid(table["label"])
    counts = value_counts(table["dataset"].filter(pc.invert(labelled)))
    return table.filter(labelled), known.model_copy(update={"unlabelled": counts})


def _described(table: pa.Table, known: ScoresInfo, own: set[str], path: Path) -> ScoresInfo:
    """Say of every data set and tag where it comes from, if that is not known yet."""
    counts = value_counts(table["dataset"])
    sources = dict(known.tag_sources)
    for tag in tag_columns(table):
        told = dict(sources.get(tag, {}))
        said = told.pop("", f"as given in {path.name}")
        if tag in DERIVED_TAGS and tag not in own and not told:
            said = f"derived from {DERIVED_TAGS[tag][0]}"
        sources[tag] = dict.fromkeys(counts, said) | told
    datasets = {
        name: known.datasets.get(name) or DatasetInfo(indexed=count)
        for name, count in counts.items()
    }
    return known.model_copy(update={"datasets": datasets, "tag_sources": sources})


def _refuse_foreign_status(table: pa.Table, source: str) -> None:
    """A row whose status is not known would have to be left out without a reason."""
    foreign = pc.invert(pc.is_in(table["status"].cast(pa.string()), pa.array(STATUSES)))
    row = pc.index(pc.and_(foreign, pc.is_valid(table["status"])), True).as_py()
    if row >= 0:
        raise FaceAuditError(
            f"{source}: column 'status', row {row + 1}: {table['status'][row].as_py()!r} is no "
            f"status of a score ({', '.join(STATUSES)}); if the column says something else, give "
            "it another name: --map photo_status=status"
        )
