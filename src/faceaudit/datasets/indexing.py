"""From a published data set on disk to a manifest: one pass, in place, in flat memory."""

from __future__ import annotations

import os
import warnings
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.datasets.copies import conflicts
from faceaudit.datasets.description import Dataset, Options, Reader, Tagged
from faceaudit.datasets.images import Facts, expected_format
from faceaudit.datasets.inspection import BATCH, in_parallel
from faceaudit.datasets.ledger import Entry, Ledger, Reject, ledger_path, open_ledger
from faceaudit.datasets.registry import get_dataset
from faceaudit.datasets.sources import (
    Member,
    SideFiles,
    Source,
    is_side_file,
    open_source,
)
from faceaudit.errors import FaceAuditError
from faceaudit.files import whole_file
from faceaudit.tables import (
    FIXED_COLUMNS,
    METADATA_KEY,
    DatasetInfo,
    Manifest,
    ManifestInfo,
    library_versions,
    read_manifest,
)
from faceaudit.tags.vocabulary import tag_type, with_standard_tags

OTHER_TAGS = "copy with other tags"
#: Rows of one row group of the manifest.
ROW_GROUP = 8192

Progress = Callable[[int, int], None]
_COLUMNS = ("image", "label", "dataset", *Facts._fields)


@dataclass(frozen=True)
class IndexReport:
    """What `index` did.

    Attributes
    ----------
    dataset : str
        What the manifest calls the data set.
    manifest, ledger : Path
        The files that it wrote.
    found, indexed, rejected : int
        Files that could be images; ``indexed + rejected == found``.
    labels : dict of str to int
        Indexed images by label.
    reasons : dict of str to int
        Rejected files by reason.
    remarks : dict of str to int
        The ledger's remarks, which left nothing out, by kind.
    notes : list of str
        Sentences for the user.
    """

    dataset: str
    manifest: Path
    ledger: Path
    found: int
    indexed: int
    rejected: int
    labels: dict[str, int]
    reasons: dict[str, int]
    remarks: dict[str, int]
    notes: list[str]

    def read(self) -> Manifest:
        """Read the manifest that was written."""
        return read_manifest(self.manifest)


def index(
    dataset: str,
    root: Path | str,
    out: Path | str,
    *,
    name: str | None = None,
    tags_from: Path | str | None = None,
    label: Literal["real", "ai"] | None = None,
    photoshopped_as: Literal["skip", "real", "ai"] = "skip",
    workers: int | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Write the manifest of a data set, and its reject ledger beside it.

    Every file below the root that is neither table nor text ends up in the manifest or in
    the ledger, which is ``NAME.rejects.csv`` beside ``NAME.parquet``.

    Parameters
    ----------
    dataset : str
        Which set it is: an id of `faceaudit.datasets.all_datasets`.
    root : Path or str
        A folder, a ``.zip`` or a ``.tar``; nothing is unpacked or changed.
    out : Path or str
        The manifest to write, a Parquet file.
    name : str, optional
        What the manifest calls the data set; `dataset` if not given.
    tags_from : Path or str, optional
        A tag file, or a folder of tag files, that does not lie below the root.
    label : {'real', 'ai'}, optional
        Label of every image, for a folder that says nothing about it.
    photoshopped_as : {'skip', 'real', 'ai'}
        What a photograph retouched by hand counts as.
    workers : int, optional
        Threads that read files; one a core if not given.
    progress : callable, optional
        Called with the number of files done and the number of all files.

    Raises
    ------
    FaceAuditError
        If the root cannot be read, or nothing in it could be indexed.
    """
    description = get_dataset(dataset)
    options = Options(None if tags_from is None else Path(tags_from), label, photoshopped_as)
    description.refuse_foreign(options)
    source, out = open_source(root), Path(out)
    total, side = _survey(source)
    reader = description.reader(SideFiles([*_extra(options.tags_from), *side]), options)
    with open_ledger(ledger_path(out)) as ledger, warnings.catch_warnings():
        # Pillow warns of very large pictures and odd metadata; what matters is in the ledger.
        warnings.simplefilter("ignore")
        run = _Run(name or description.id, reader, ledger, total, progress)
        with whole_file(out) as temporary:
            # Without Arrow's own copy of the schema, metadata can be added at the end.
            with closing(
                pq.ParquetWriter(temporary, run.schema, compression="zstd", store_schema=False)
            ) as writer:
                rows = run.rows(source, workers or os.cpu_count() or 1)
                while batch := list(islice(rows, ROW_GROUP)):
                    writer.write_table(run.table(batch))
                for path, reason in source.problems:
                    ledger.add(Entry(path, "remark", "could not be looked into", reason))
                for entry in reader.remarks():
                    ledger.add(entry)
                if run.indexed == 0:
                    raise FaceAuditError(
                        f"{root}: none of its {run.found:,} files could be indexed as "
                        f"{description.title} (expected: {description.layout}); "
                        f"{ledger_path(out)} says why"
                    )
                notes = [*_count_note(description, run.indexed), *reader.notes, *run.copies_note()]
                info = run.info(source, description, notes)
                writer.add_key_value_metadata({METADATA_KEY: info.model_dump_json().encode()})
            for entry in run.copies(temporary):
                ledger.add(entry)
            if told := ledger.remarks[OTHER_TAGS]:
                notes.append(f"{told:,} of the copies have other tags; the ledger lists them.")
    return IndexReport(
        dataset=run.dataset,
        manifest=out,
        ledger=ledger_path(out),
        found=run.found,
        indexed=run.indexed,
        rejected=ledger.rejected.total(),
        labels=dict(run.labels),
        reasons=dict(ledger.rejected),
        remarks=dict(ledger.remarks),
        notes=notes,
    )


def _survey(source: Source) -> tuple[int, list[tuple[Source, Member]]]:
    """Count the files that could be images, and list the others."""
    total, side = 0, []
    for member in source.members():
        if is_side_file(member.path):
            side.append((source, member))
        else:
            total += 1
    return total, side


def _extra(tags_from: Path | None) -> list[tuple[Source, Member]]:
    """List the tag files that the user named besides the root."""
    if tags_from is None:
        return []
    if tags_from.is_file() and is_side_file(tags_from.name):
        return [(open_source(tags_from.parent), Member(tags_from.name))]
    return _survey(open_source(tags_from))[1]


def _count_note(description: Dataset, indexed: int) -> list[str]:
    """Say that a copy holds fewer or more images than published."""
    published = description.published
    if published is None or indexed == published:
        return []
    relation = "fewer" if indexed < published else "more"
    return [f"{indexed:,} images, {relation} than the {published:,} that were published."]


class _Row(NamedTuple):
    path: str
    tagged: Tagged
    facts: Facts


class _Run:
    """One run's counters, and the way from files to rows."""

    def __init__(
        self, dataset: str, reader: Reader, ledger: Ledger, total: int, progress: Progress | None
    ) -> None:
        self.dataset = dataset
        self.reader = reader
        self.ledger = ledger
        self.total = total
        self.progress = progress
        self.found = 0
        self.indexed = 0
        self.labels: Counter[str] = Counter()
        self._digests = array("Q")
        self._given = pa.schema(
            [(column, FIXED_COLUMNS[column]) for column in _COLUMNS]
            + [(tag, tag_type(tag)) for tag in reader.tags]
        )
        standard, self._derived = with_standard_tags(self._given.empty_table(), dataset)
        self.schema: pa.Schema = standard.schema

    def rows(self, source: Source, workers: int) -> Iterator[_Row]:
        """Yield the usable images in the source's order; the others go to the ledger."""
        for member, tagged, facts in in_parallel(source, self._named(source), workers, self.total):
            self.found += 1
            if isinstance(tagged, Reject):
                self._reject(member, tagged)
            elif isinstance(facts, Reject):
                self._reject(member, facts)
            elif facts is not None:
                self.indexed += 1
                self.labels[tagged.label] += 1
                self._digests.append(_digest(facts.sha256))
                yield _Row(member.path, tagged, facts)
            if self.progress and (self.found % BATCH == 0 or self.found == self.total):
                self.progress(self.found, self.total)

    def _named(self, source: Source) -> Iterator[tuple[Member, Tagged | Reject]]:
        """Yield every file that could be an image with what its name and the tag files say."""
        # Paths of a folder are unique; an archive can hold a name twice.
        seen: set[int] | None = None if source.root.is_dir() else set()
        for member in source.members():
            if is_side_file(member.path):
                continue
            try:
                if seen is not None:
                    _refuse_repeated(member.path, seen)
                expected_format(member.path)
                yield member, self.reader.read(_text(member.path))
            except Reject as reject:
                yield member, reject

    def _reject(self, member: Member, reject: Reject) -> None:
        self.ledger.add(Entry(member.path, "rejected", reject.reason, reject.remedy))

    def table(self, rows: list[_Row]) -> pa.Table:
        """Return rows as a table of the run's schema."""
        paths, tagged, facts = zip(*rows, strict=True)
        labels, tags = zip(*tagged, strict=True)
        columns = [paths, labels, [self.dataset] * len(rows), *zip(*facts, strict=True)]
        columns += [[given.get(tag) for given in tags] for tag in self.reader.tags]
        arrays = [
            pa.array(column, kind) for column, kind in zip(columns, self._given.types, strict=True)
        ]
        return with_standard_tags(pa.table(arrays, schema=self._given), self.dataset)[0]

    def copies_note(self) -> list[str]:
        """Say how many images are byte for byte copies of another."""
        copies = self.indexed - len(np.unique(self._digests))
        return [f"{copies:,} images are copies of another, byte for byte."] if copies else []

    def copies(self, manifest: Path) -> Iterator[Entry]:
        """Yield a remark for every copy of an image before it, with the tags that differ."""
        digests, counts = np.unique(self._digests, return_counts=True)
        wanted = set(digests[counts > 1].tolist())
        first: dict[str, dict[str, Any]] = {}
        for batch in pq.ParquetFile(manifest).iter_batches(ROW_GROUP) if wanted else ():
            hashes = batch["sha256"].to_pylist()
            places = [at for at, sha256 in enumerate(hashes) if _digest(sha256) in wanted]
            for row in batch.take(pa.array(places, pa.int64())).to_pylist():
                original = first.setdefault(row["sha256"], row)
                if original is row:
                    continue
                differing = conflicts(
                    [{tag: seen[tag] for tag in self.reader.tags} for seen in (original, row)]
                )
                told = "".join(f"; {tag}: {a} there, {b} here" for tag, (a, b) in differing.items())
                kind = OTHER_TAGS if differing else "copy"
                yield Entry(row["image"], "remark", kind, f"of {original['image']}{told}")

    def info(self, source: Source, description: Dataset, notes: list[str]) -> ManifestInfo:
        """Return the manifest's file metadata."""
        sources = self.reader.tags | {
            tag: f"{how} ({self.reader.tags[how.rsplit(' ', 1)[-1]]})"
            for tag, how in self._derived.items()
        }
        return ManifestInfo(
            datasets={
                self.dataset: DatasetInfo(
                    root=str(source.root.resolve()),
                    licence=description.licence,
                    found=self.found,
                    indexed=self.indexed,
                    rejected=self.found - self.indexed,
                    note=" ".join(notes) or None,
                )
            },
            tag_sources={tag: {self.dataset: source} for tag, source in sources.items()},
            versions=library_versions("pillow", "pyarrow"),
        )


def _digest(sha256: str) -> int:
    """Return the first 64 bits of a hash: 8 bytes an image find all repeated ones."""
    return int(sha256[:16], 16)


def _refuse_repeated(path: str, seen: set[int]) -> None:
    # 64-bit hashes take a third of the memory of names, and never meet in practice.
    key = hash(path)
    if key in seen:
        raise Reject("the same name again", "the archive holds it twice; the first was used")
    seen.add(key)


def _text(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Reject("name is not valid text", "rename it") from None
    return path
