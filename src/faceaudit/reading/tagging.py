"""Tags from another table, joined to scores: ``audit scores.csv --tags manifest.parquet``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import first_true, united, value_counts
from faceaudit.reading.matching import match
from faceaudit.schema import Input, ScoresInfo, TableInfo, columns_of_variants, stated_columns
from faceaudit.wording import counted

#: What only scores have: never taken from a table of tags.
_OF_SCORES = ("image", "p_ai", "status", "in_training", "attention", "features")


@dataclass(frozen=True)
class TagTable:
    """Tagged images without scores, from a manifest or any table with a column ``image``."""

    path: Path
    table: pa.Table
    #: Data sets and sources of the tags, where faceaudit wrote the table.
    info: TableInfo | None
    #: Our names that ``--map`` gave to columns of it.
    renamed: frozenset[str]
    #: What was read otherwise than it stood there, as sentences.
    notes: list[str]
    #: What it was read from.
    inputs: list[Input]

    def source(self, tag: str, dataset: str | None) -> str:
        """Say whose word a tag is, in one of its data sets or in all."""
        words = self.info.tag_sources.get(tag, {}) if self.info else {}
        if dataset in words:
            return words[dataset]
        return "; ".join(sorted(set(words.values()))) or f"as given in {self.path.name}"


def join_tags(
    table: pa.Table,
    info: ScoresInfo,
    tags: TagTable,
    source: str,
    notes: list[str],
    *,
    own_dataset: bool,
) -> tuple[pa.Table, ScoresInfo]:
    """Add the columns of a table of tags to the scores of the same images, and whose word they are.

    What the scores (the file `source`) say themselves stays, and what an earlier table said; an
    empty cell says nothing. Images are matched as `faceaudit.reading.matching.match` says; where
    ``dataset`` is not the scores' own, that of the tags is taken. `notes` gets sentences on what
    was joined and what was not.

    Raises
    ------
    FaceAuditError
        If no image is found, or an image has another label there.
    """
    found = match(table if own_dataset else table.drop_columns("dataset"), tags.table)
    there = found.index >= 0
    if not there.any():
        several = f"; of these {found.ambiguous:,} there more than once" if found.ambiguous else ""
        raise FaceAuditError(
            f"{source}: none of its images is in {tags.path}; images are matched by path, hash "
            f"or a file name that is unique (here {table['image'][0].as_py()!r}, there "
            f"{tags.table['image'][0].as_py()!r}){several}"
        )
    left = {*_OF_SCORES, *columns_of_variants(tags.table)}
    given = tags.table.select([name for name in tags.table.column_names if name not in left])
    given = given.take(pa.array(found.index, mask=~there))
    if "label" in table.column_names and "label" in given.column_names:
        ours, theirs = table["label"], given["label"]
        if (row := first_true(pc.not_equal(ours, theirs))) >= 0:
            raise FaceAuditError(
                f"{source}: column 'label', row {row + 1}: {table['image'][row].as_py()!r} is "
                f"{ours[row].as_py()} here and {theirs[row].as_py()} in {tags.path}"
            )
    before, (table, differing) = table, united(table, given)
    ways = " and ".join(f"{n:,} by {way}" for way, n in found.ways.items() if n)
    notes += tags.notes
    notes.append(
        f"tags of {tags.path.name} joined to {there.sum():,} of {counted(len(table), 'image')} "
        f"({ways})."
    )
    if lost := int((~there).sum()):
        by = counted(lost, "image")
        if own_dataset:
            counts = value_counts(table["dataset"].filter(pa.array(~there)))
            by = ", ".join(f"{n:,} of '{name}'" for name, n in counts.items())
        for n, how in ((found.ambiguous, "more than once"), (found.other_picture, "otherwise")):
            by += f", of which {n:,} {how}" if n else ""
        notes.append(f"not in {tags.path.name}: {by}.")
    names = stated_columns(given)
    others = [f"'{name}' in {counted(differing[name], 'row')}" for name in names if differing[name]]
    if others:
        notes.append(
            f"{tags.path.name} has other values for {', '.join(others)}; "
            "those that were given before it were used."
        )
    # A data set that a later table names is not known yet.
    dataset = pc.fill_null(table["dataset"], "")
    tag_sources = dict(info.tag_sources)
    for tag in names:
        sources = tag_sources[tag] = dict(tag_sources.get(tag, {}))
        added = pc.is_valid(given[tag])
        earlier = None
        if tag in before.column_names:
            added = pc.and_(added, pc.is_null(before[tag]))
            if before[tag].null_count < len(before):
                earlier = sources.get("", f"as given in {Path(source).name}")
        for name in value_counts(dataset.filter(added)):
            words = [tags.source(tag, None if own_dataset else name)]
            if earlier is not None:
                words.insert(0, sources.get(name, earlier))
            sources[name] = "; ".join(dict.fromkeys(words))
    datasets = {} if own_dataset or tags.info is None else tags.info.datasets
    update = {"tag_sources": tag_sources, "datasets": datasets | info.datasets}
    return table, info.model_copy(update=update)
