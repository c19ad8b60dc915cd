"""From the files of a source to the rows of a manifest, with everything else in the ledger."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, tee
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.duplicates import conflicts
from faceaudit.datasets.images import Facts, expected_format, inspect
from faceaudit.datasets.pixels import PixelFacts, measure
from faceaudit.datasets.rejects import Ledger, LedgerEntry, Reject, remark
from faceaudit.datasets.sources import (
    LEADS_OUT,
    Member,
    Source,
    UnreadableError,
    is_side_file,
    leads_out,
    left_behind,
)
from faceaudit.limits import CELL_BYTES
from faceaudit.plugins import blamed
from faceaudit.read_ahead import read_ahead
from faceaudit.schema import FIXED_COLUMNS, DatasetInfo, ManifestInfo, validate
from faceaudit.tables import library_versions
from faceaudit.tags.vocabulary import tag_type, with_derived_tags
from faceaudit.unfinished import NOTHING, Kept

#: Rows of one row group of the manifest.
ROW_GROUP = 8192
#: Files that a worker is handed at a time, and from how many on processes earn back their start.
BATCH = 512
WORTH_PROCESSES = 4_000
#: The same where every picture is decoded.
DECODED_BATCH, WORTH_DECODING_PROCESSES = 16, 200
OTHER_TAGS = "copy with other tags"

Progress = Callable[[int, int], None]


@dataclass
class ManifestBuilder:
    """Counts the files of a copy of a data set, and turns them into rows.

    `name` is what the manifest calls the data set, `total` how many files there are, `measured`
    whether pictures are decoded to measure their pixels.
    """

    name: str
    copy: Dataset
    ledger: Ledger
    total: int
    progress: Progress | None
    measured: bool = False
    kept: Kept = NOTHING
    found: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    _digests: array[int] = field(default_factory=lambda: array("Q"))

    def __post_init__(self) -> None:
        facts = (*Facts._fields, *(PixelFacts._fields if self.measured else ()))
        columns = [(name, FIXED_COLUMNS[name]) for name in ("image", "label", "dataset", *facts)]
        self._given = pa.schema(columns + [(tag, tag_type(tag)) for tag in self.copy.given])
        standard, self._derived = with_derived_tags(self._given.empty_table())
        self.schema: pa.Schema = standard.schema

    @property
    def indexed(self) -> int:
        return self.labels.total()

    def tables(self, source: Source, workers: int) -> Iterator[pa.Table]:
        """Yield the usable images in the source's order; the others go to the ledger."""
        rows = self._rows(source, workers)
        while batch := list(islice(rows, ROW_GROUP)):
            paths, tagged, facts, pixels = zip(*batch, strict=True)
            labels, tags = zip(*tagged, strict=True)
            columns = [paths, labels, [self.name] * len(batch), *zip(*facts, strict=True)]
            columns += zip(*pixels, strict=True) if self.measured else ()
            with self._blamed():
                columns += [[given.get(tag) for given in tags] for tag in self.copy.given]
                arrays = list(map(pa.array, columns, self._given.types))
            table = with_derived_tags(pa.table(arrays, schema=self._given))[0]
            # As it will be read: what is called written must be readable.
            yield validate(table, "manifest", self.name)

    def _rows(
        self, source: Source, workers: int
    ) -> Iterator[tuple[str, Tagged, Facts, PixelFacts | None]]:
        named, ahead = tee(self._named(source))
        worth = WORTH_DECODING_PROCESSES if self.measured else WORTH_PROCESSES
        chunk = DECODED_BATCH if self.measured else BATCH

        def inspect_all(members: Iterator[Member], before: int) -> Iterator[_Inspected]:
            return read_ahead(
                partial(_inspect, source, self.measured),
                members,
                source.threads(workers),
                # From a store each file is waited for by itself.
                chunk=chunk if source.path else 1,
                # Half of the work holds the interpreter's lock: threads do not fill two cores.
                processes=workers > 1 and self.total - before >= worth and source.shareable,
            )

        members = (member for member, tagged in ahead if not isinstance(tagged, Reject))
        inspected = map(_read, self.kept.mapped("files", inspect_all, members, self.total))
        for member, tagged in named:
            self.found += 1
            inspection = tagged if isinstance(tagged, Reject) else next(inspected)
            if isinstance(inspection, Reject):
                self.ledger.add(LedgerEntry(member.path, "rejected", *inspection.args))
            elif not isinstance(tagged, Reject):
                facts, pixels = inspection
                self.labels[tagged.label] += 1
                self._digests.append(_digest(facts.sha256))
                yield member.path, tagged, facts, pixels
            if self.progress and (self.found % BATCH == 0 or self.found == self.total):
                self.progress(self.found, self.total)

    def _named(self, source: Source) -> Iterator[tuple[Member, Tagged | Reject]]:
        """Yield every file that could be an image with what its name and the tag files say."""
        # Of names, which an archive can hold twice, 64-bit hashes take a third of the memory, and
        # never meet in practice.
        archive, seen = not source.by_name, set[int]()
        for member in source.members():
            path = member.path
            if is_side_file(path) or left_behind(path):
                continue
            try:
                if leads_out(path):
                    raise Reject("cannot be read", LEADS_OUT)
                if archive and hash(path) in seen:
                    told = "the archive holds it twice; the first was used"
                    raise Reject("the same name again", told)
                if archive:
                    seen.add(hash(path))
                expected_format(path)
                if len(path.encode()) > CELL_BYTES:  # no table with it would be read
                    raise Reject("name too long", f"rename it; {CELL_BYTES:,} bytes at most")
                tagged = self.copy.read(path)
            except UnicodeEncodeError:
                yield member, Reject("name is not valid text", "rename it")
            except Reject as reject:
                yield member, reject
            except Exception:
                with self._blamed():
                    raise
            else:
                if not isinstance(tagged, Tagged):
                    with self._blamed():
                        raise TypeError(f"read gave {tagged!r} of {path!r} and no Tagged")
                yield member, tagged

    def _blamed(self) -> AbstractContextManager[None]:
        return blamed("data set", self.copy.id, self.copy.__module__)

    def copies_note(self) -> str | None:
        """Say how many images are byte for byte copies of another."""
        n = len(self._repeated())
        are = "image is a copy" if n == 1 else "images are copies"
        return f"{n:,} {are} of another, byte for byte." if n else None

    def _repeated(self) -> npt.NDArray[np.uint64]:
        """Return every digest once for each time that it was there before."""
        digests: npt.NDArray[np.uint64] = np.frombuffer(self._digests, np.uint64)
        digests.sort()  # in place: of a million images nothing is copied
        return np.compress(digests[1:] == digests[:-1], digests[1:])

    def copies(self, manifest: Path) -> Iterator[LedgerEntry]:
        """Yield a remark for every copy of an image before it, with the tags that differ."""
        wanted = set(self._repeated().tolist())
        first: dict[str, dict[str, Any]] = {}
        for batch in pq.ParquetFile(manifest).iter_batches(ROW_GROUP) if wanted else ():
            hashes = batch["sha256"].to_pylist()
            places = [at for at, sha256 in enumerate(hashes) if _digest(sha256) in wanted]
            for row in batch.take(pa.array(places, pa.int64())).to_pylist():
                original = first.setdefault(row["sha256"], row)
                if original is not row:
                    both = ({tag: one[tag] for tag in self.copy.given} for one in (original, row))
                    differing = conflicts(list(both)).items()
                    told = "".join(f"; {tag}: {a} there, {b} here" for tag, (a, b) in differing)
                    kind = OTHER_TAGS if differing else "copy"
                    yield remark(row["image"], kind, f"of {original['image']}{told}")

    def info(self, source: Source, notes: list[str]) -> ManifestInfo:
        """Return the manifest's file metadata."""
        given = self.copy.given
        sources = given | {
            tag: f"{how} ({given[how.rsplit(' ', 1)[-1]]})" for tag, how in self._derived.items()
        }
        described = DatasetInfo(
            root=source.place,
            licence=self.copy.licence,
            found=self.found,
            indexed=self.indexed,
            rejected=self.found - self.indexed,
            note=" ".join(notes) or None,
        )
        return ManifestInfo(
            datasets={self.name: described},
            tag_sources={tag: {self.name: told} for tag, told in sources.items()},
            versions=library_versions("pillow", "pyarrow"),
        )


#: Facts and, if they are measured, those of the pixels; or what a `Reject` says.
_Inspected = tuple[Facts, PixelFacts | None] | tuple[str, str]


def _inspect(source: Source, measured: bool, member: Member) -> _Inspected:
    try:
        data = source.read(member)
        return inspect(member.path, data), measure(data) if measured else None
    except UnreadableError as error:
        return "cannot be read", str(error)
    except Reject as reject:
        return reject.reason, reject.remedy


def _read(inspected: Any) -> tuple[Facts, PixelFacts | None] | Reject:
    """Read what `_inspect` returned, even if it was kept in between."""
    first, second = inspected
    if isinstance(first, str):
        return Reject(first, second)
    return Facts(*first), None if second is None else PixelFacts(*second)


def _digest(sha256: str) -> int:
    """Return the first 64 bits of a hash: 8 bytes an image find all repeated ones."""
    return int(sha256[:16], 16)
