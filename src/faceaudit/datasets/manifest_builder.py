"""From the files of a source to the rows of a manifest, with everything else in the ledger."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.datasets.base import Dataset, Reader, Tagged
from faceaudit.datasets.duplicates import conflicts
from faceaudit.datasets.images import Facts, expected_format, inspect
from faceaudit.datasets.rejects import Entry, Ledger, Reject
from faceaudit.datasets.sources import Member, Source, UnreadableError, is_side_file, left_behind
from faceaudit.read_ahead import read_ahead
from faceaudit.tables import (
    FIXED_COLUMNS,
    DatasetInfo,
    ManifestInfo,
    library_versions,
    validate,
)
from faceaudit.tags.vocabulary import tag_type, with_derived_tags

#: Rows of one row group of the manifest.
ROW_GROUP = 8192
OTHER_TAGS = "copy with other tags"
#: Files that a worker is handed at a time, and from how many on processes earn back their start.
BATCH = 512
WORTH_PROCESSES = 4_000

Progress = Callable[[int, int], None]
_COLUMNS = ("image", "label", "dataset", *Facts._fields)


class Row(NamedTuple):
    """One usable image: its name, what the data set says of it, and what its file says."""

    path: str
    tagged: Tagged
    facts: Facts


class Run:
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
        standard, self._derived = with_derived_tags(self._given.empty_table())
        self.schema: pa.Schema = standard.schema

    def rows(self, source: Source, workers: int) -> Iterator[Row]:
        """Yield the usable images in the source's order; the others go to the ledger."""
        named, ahead = tee(self._named(source))
        inspected = read_ahead(
            partial(_inspect, source),
            (member for member, tagged in ahead if not isinstance(tagged, Reject)),
            workers,
            chunk=BATCH,
            # Half of the work holds the interpreter's lock, so threads do not fill two cores.
            processes=workers > 1 and self.total >= WORTH_PROCESSES and source.shareable,
        )
        for member, tagged in named:
            self.found += 1
            facts = tagged if isinstance(tagged, Reject) else next(inspected)
            if isinstance(facts, Reject):
                self._reject(member, facts)
            elif not isinstance(tagged, Reject):
                self.indexed += 1
                self.labels[tagged.label] += 1
                self._digests.append(_digest(facts.sha256))
                yield Row(member.path, tagged, facts)
            if self.progress and (self.found % BATCH == 0 or self.found == self.total):
                self.progress(self.found, self.total)

    def _named(self, source: Source) -> Iterator[tuple[Member, Tagged | Reject]]:
        """Yield every file that could be an image with what its name and the tag files say."""
        # Paths of a folder are unique; an archive can hold a name twice.
        seen: set[int] | None = None if source.root.is_dir() else set()
        for member in source.members():
            if is_side_file(member.path) or left_behind(member.path):
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

    def table(self, rows: list[Row]) -> pa.Table:
        """Return rows as a table of the run's schema."""
        paths, tagged, facts = zip(*rows, strict=True)
        labels, tags = zip(*tagged, strict=True)
        columns = [paths, labels, [self.dataset] * len(rows), *zip(*facts, strict=True)]
        columns += [[given.get(tag) for given in tags] for tag in self.reader.tags]
        arrays = [
            pa.array(column, kind) for column, kind in zip(columns, self._given.types, strict=True)
        ]
        table = with_derived_tags(pa.table(arrays, schema=self._given))[0]
        # As it will be read: what is called written must be readable.
        return validate(table, "manifest", self.dataset)

    def copies_note(self) -> list[str]:
        """Say how many images are byte for byte copies of another."""
        copies = len(self._repeated())
        are = "image is a copy" if copies == 1 else "images are copies"
        return [f"{copies:,} {are} of another, byte for byte."] if copies else []

    def _repeated(self) -> npt.NDArray[np.uint64]:
        """Return every digest once for each time that it was there before."""
        digests = np.frombuffer(self._digests, np.uint64)
        digests.sort()  # in place: of a million images nothing is copied
        return digests[1:][digests[1:] == digests[:-1]]

    def copies(self, manifest: Path) -> Iterator[Entry]:
        """Yield a remark for every copy of an image before it, with the tags that differ."""
        wanted = set(self._repeated().tolist())
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


def _inspect(source: Source, member: Member) -> Facts | Reject:
    try:
        return inspect(member.path, source.read(member))
    except UnreadableError as error:
        return Reject("cannot be read", str(error))
    except Reject as reject:
        return reject


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
