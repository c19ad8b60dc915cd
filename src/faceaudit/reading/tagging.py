"""Tags from another table, joined to scores: ``audit scores.csv --tags manifest.parquet``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import alike, as_text, value_counts
from faceaudit.reading.matching import match
from faceaudit.schema import FIXED_COLUMNS, ScoresInfo, TableInfo
from faceaudit.wording import counted

#: What only scores have: never taken from a table of tags.
_OF_SCORES = ("image", "p_ai", "status", "in_training", "attention")


@dataclass(frozen=True)
class TagTable:
    """Tagged images without scores, from a manifest or any table with a column ``image``.

    Attributes
    ----------
    path : Path
    table : pyarrow.Table
    info : TableInfo or None
        Data sets and sources of the tags, where faceaudit wrote the table.
    renamed : frozenset of str
    notes : tuple of str
    """

    path: Path
    table: pa.Table
    info: TableInfo | None
    #: Our names that ``--map`` gave to columns of it.
    renamed: frozenset[str] = frozenset()
    #: What was read otherwise than it stood there, as sentences.
    notes: tuple[str, ...] = ()

    def source(self, tag: str, dataset: str | None = None) -> str:
        """Say whose word a tag is, in one of its data sets or in all."""
        told = self.info.tag_sources.get(tag, {}) if self.info else {}
        if dataset in told:
            return told[dataset]
        return "; ".join(sorted(set(told.values()))) or f"as given in {self.path.name}"


def join_tags(
    table: pa.Table, info: ScoresInfo, tags: TagTable, source: str, *, own_dataset: bool
) -> tuple[pa.Table, ScoresInfo, list[str]]:
    """Add the columns of a table of tags to the scores of the same images.

    What the scores say themselves stays, and what an earlier table said; an empty cell says
    nothing. Images are matched by path, else by hash, else by a file name that is unique
    (`faceaudit.reading.matching`).

    Parameters
    ----------
    table : pyarrow.Table
        With ``dataset``, unless `tags` brings it.
    info : ScoresInfo
    tags : TagTable
    source : str
        The scores' file, for messages.
    own_dataset : bool
        Whether ``dataset`` is the scores' own; that of another table of tags is not heeded.

    Returns
    -------
    table : pyarrow.Table
    info : ScoresInfo
        With the sources of the tags that were added.
    notes : list of str

    Raises
    ------
    FaceAuditError
        If no image is found, or an image has another label there.
    """
    known = table if own_dataset else table.select(set(table.column_names) - {"dataset"})
    found = match(known, tags.table)
    there = found.index >= 0
    if not there.any():
        several = f"; of these {found.ambiguous:,} there more than once" if found.ambiguous else ""
        raise FaceAuditError(
            f"{source}: none of its images is in {tags.path}; images are matched by path, hash "
            f"or a file name that is unique (here {table['image'][0].as_py()!r}, there "
            f"{tags.table['image'][0].as_py()!r}){several}"
        )
    rows = pa.array(found.index, mask=~there)
    joined = {
        name: tags.table[name].take(rows)
        for name in tags.table.column_names
        if name not in _OF_SCORES
    }
    if "label" in table.column_names and "label" in joined:
        _refuse_other_label(table, joined["label"], tags, source)
    differing = [
        f"'{name}' in {counted(n, 'row')}"
        for name, column in joined.items()
        if name in table.column_names and name not in FIXED_COLUMNS
        if (n := _differing(table[name], column))
    ]
    added: dict[str, pa.ChunkedArray] = {}
    given = {}
    for name, theirs in joined.items():
        added[name] = pc.is_valid(theirs)
        if name not in table.column_names:
            table = table.append_column(name, theirs)
            continue
        ours, theirs = alike(table[name], theirs)
        if ours.null_count < len(ours):
            given[name] = f"as given in {Path(source).name}"
        added[name] = pc.and_(pc.is_null(ours), added[name])
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.coalesce(ours, theirs))
    ways = " and ".join(f"{n:,} by {way}" for way, n in found.ways.items() if n)
    notes = [
        *tags.notes,
        f"tags of {tags.path.name} joined to {there.sum():,} of {counted(len(table), 'image')} "
        f"({ways}).",
    ]
    if lost := int((~there).sum()):
        by = _by_dataset(table, ~there) if own_dataset else counted(lost, "image")
        for n, how in ((found.ambiguous, "more than once"), (found.other_picture, "otherwise")):
            by += f", of which {n:,} {how}" if n else ""
        notes.append(f"not in {tags.path.name}: {by}.")
    if differing:
        notes.append(
            f"{tags.path.name} has other values for {', '.join(differing)}; "
            "those that were given before it were used."
        )
    sources = {}
    for tag in added.keys() - FIXED_COLUMNS.keys():
        sources[tag] = dict(info.tag_sources.get(tag, {}))
        # A data set that a later table names is not known yet.
        for name in value_counts(pc.fill_null(table["dataset"], "").filter(added[tag])):
            words = [tags.source(tag, None if own_dataset else name)]
            if tag in given:
                before = sources[tag].get("", given[tag])
                words.insert(0, sources[tag].get(name, before))
            sources[tag][name] = "; ".join(dict.fromkeys(words))
    datasets = {} if own_dataset or tags.info is None else dict(tags.info.datasets)
    update = {
        "tag_sources": info.tag_sources | sources,
        "datasets": datasets | info.datasets,
    }
    return table, info.model_copy(update=update), notes


def _refuse_other_label(
    table: pa.Table, label: pa.ChunkedArray, tags: TagTable, source: str
) -> None:
    differ = pc.fill_null(pc.not_equal(table["label"], label), False)
    row = pc.index(differ, True).as_py()
    if row >= 0:
        raise FaceAuditError(
            f"{source}: column 'label', row {row + 1}: {table['image'][row].as_py()!r} is "
            f"{table['label'][row].as_py()} here and {label[row].as_py()} in {tags.path}"
        )


def _differing(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> int:
    """Count the rows in which both have a value, and another one."""
    return int(pc.sum(pc.not_equal(as_text(ours), as_text(theirs))).as_py() or 0)


def _by_dataset(table: pa.Table, rows: NDArray[np.bool_]) -> str:
    counts = value_counts(table["dataset"].filter(pa.array(rows)))
    return ", ".join(f"{n:,} of '{name}'" for name, n in counts.items())
