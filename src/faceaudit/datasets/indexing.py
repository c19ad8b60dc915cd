"""From a published data set on disk to a manifest: one pass, in place, in flat memory."""

from __future__ import annotations

import gc
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from faceaudit.datasets.base import Dataset, Options
from faceaudit.datasets.duplicates import near_copies
from faceaudit.datasets.ffhq_metadata import NAME as FFHQ_METADATA
from faceaudit.datasets.manifest_builder import OTHER_TAGS, ROW_GROUP, Progress, Run
from faceaudit.datasets.registry import get_dataset
from faceaudit.datasets.rejects import Entry, ledger_path, open_ledger
from faceaudit.datasets.sources import (
    BINARY_SUFFIXES,
    Member,
    SideFiles,
    Source,
    base_name,
    is_side_file,
    left_behind,
    names_side_file,
    open_source,
    suffix_of,
)
from faceaudit.errors import FaceAuditError
from faceaudit.files import atomic_file
from faceaudit.known_roots import remember_root
from faceaudit.tables import METADATA_KEY, Manifest, read_manifest, write_table
from faceaudit.tags.landmarks import require_landmarks
from faceaudit.wording import counted


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
    missing: Sequence[str] = (),
    real_dir: Sequence[Path | str] = (),
    ai_dir: Sequence[Path | str] = (),
    face_shape: bool = False,
    skin_tone: bool = False,
    look_for_near_copies: bool = False,
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
    missing : sequence of str
        Words in a tag file of one's own that say that a tag is missing, besides the empty cell.
    real_dir, ai_dir : sequence of Path or str
        Folders of real photographs and of AI images below the root, as a path or by name,
        for a folder whose subfolders do not say so themselves.
    face_shape, skin_tone : bool
        Look at every picture to derive these tags; needs the extra ``landmarks``.
    look_for_near_copies : bool
        Look at every picture to note in the ledger which ones show the same.
    workers : int, optional
        How many read files at once; one a core if not given.
    progress : callable, optional
        Called with the number of files done and the number of all files; from the start
        again for every further look at the pictures.

    Raises
    ------
    FaceAuditError
        If the root cannot be read, nothing in it could be indexed, or the tag file that
        was named is not one that the data set has a use for.
    MissingExtraError
        If a tag is asked for whose extra is not installed.
    """
    description = get_dataset(dataset)
    options = Options(
        None if tags_from is None else Path(tags_from),
        label,
        photoshopped_as,
        tuple(word.strip() for word in missing),
        tuple(_below(Path(root), folder) for folder in real_dir),
        tuple(_below(Path(root), folder) for folder in ai_dir),
    )
    description.refuse_foreign(options)
    source, out = open_source(root), Path(out)
    total, side, skipped = _survey(source)
    metadata = _metadata(source, options) if description.id == "ffhq" else None
    if skin_tone or (face_shape and metadata is None):
        require_landmarks("face shape" if face_shape else "skin tone")
    extra = _extra(options.tags_from)
    files = SideFiles([*extra, *side])
    reader = description.reader(files, options)
    if extra and files.used.isdisjoint(base_name(member.path) for _, member in extra):
        raise FaceAuditError(
            f"--tags-from {tags_from}: {description.title} reads no tag file of that name "
            f"(it expects {description.layout})"
        )
    with open_ledger(ledger_path(out)) as ledger, warnings.catch_warnings(), _rare_collections():
        # Pillow warns of very large pictures and odd metadata; what matters is in the ledger.
        warnings.simplefilter("ignore")
        run = Run(name or description.id, reader, ledger, total, progress)
        with atomic_file(out) as temporary:
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
                        f"{root}: of {counted(run.found, 'file')} none could be indexed as "
                        f"'{description.id}' (expected: {description.layout}); "
                        f"{ledger_path(out)} says why"
                    )
                notes = [
                    *_count_note(description, run.indexed),
                    *_skipped_note(skipped),
                    *files.notes(),
                    *reader.notes,
                    *run.copies_note(),
                ]
                info = run.info(source, description, notes)
                writer.add_key_value_metadata({METADATA_KEY: info.model_dump_json().encode()})
            for entry in run.copies(temporary):
                ledger.add(entry)
            if told := ledger.remarks[OTHER_TAGS]:
                have = "has" if told == 1 else "have"
                notes.append(f"{told:,} of the copies {have} other tags; the ledger lists them.")
        if face_shape or skin_tone:
            _derive_tags(out, face_shape, skin_tone, metadata, progress)
        try:
            remember_root(run.dataset, source.root)
        except OSError as error:
            notes.append(f"Where the images lie could not be noted for reports ({error}).")
        if look_for_near_copies:
            for group in near_copies(read_manifest(out), progress=progress):
                first, *others = group.copies
                for copy in others:
                    ledger.add(Entry(copy.image, "remark", "near copy", f"of {first.image}"))
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


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cyclic garbage once in 100,000 new objects instead of once in 700.

    Rows make many objects and no cycles: the search costs a seventh of the time in vain.
    """
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _survey(source: Source) -> tuple[int, list[tuple[Source, Member]], Counter[str]]:
    """Count the files that could be images, list those beside them, count what is neither."""
    total, side = 0, []
    skipped: Counter[str] = Counter()
    for member in source.members():
        if kind := left_behind(member.path):
            skipped[kind] += 1
        elif is_side_file(member.path):
            side.append((source, member))
        else:
            total += 1
    return total, side, skipped


def _skipped_note(skipped: Counter[str]) -> list[str]:
    """Say what was not even looked at."""
    told = ", ".join(f"{kind} {n:,}" for kind, n in sorted(skipped.items()))
    n = skipped.total()
    return [f"Skipped {counted(n, 'file')} that other programs left ({told})."] if n else []


def _below(root: Path, folder: Path | str) -> str:
    """Return a folder that the user named, seen from the root."""
    path = Path(folder)
    if path.exists() and path.resolve().is_relative_to(root.resolve()):
        path = path.resolve().relative_to(root.resolve())
    return path.as_posix()


def _extra(tags_from: Path | None) -> list[tuple[Source, Member]]:
    """List the tag files that the user named besides the root."""
    if tags_from is None:
        return []
    if names_side_file(tags_from):
        if suffix_of(tags_from.name) in BINARY_SUFFIXES:
            raise FaceAuditError(f"{tags_from}: tag files are text; save it as CSV")
        return [(open_source(tags_from.parent), Member(tags_from.name))]
    found = _survey(open_source(tags_from))[1]
    if not found:
        raise FaceAuditError(f"--tags-from {tags_from}: there is no table and no text in it")
    return found


def _count_note(description: Dataset, indexed: int) -> list[str]:
    """Say that a copy holds fewer or more images than published."""
    published = description.published
    if published is None or indexed == published:
        return []
    relation = "fewer" if indexed < published else "more"
    images = counted(indexed, "image")
    return [f"{images}, {relation} than the {published:,} that were published."]


def _metadata(source: Source, options: Options) -> Path | None:
    """Return where FFHQ's metadata with landmarks lies, if it does."""
    places = (source.root, options.tags_from) if options.tags_from else (source.root,)
    files = (place if place.name == FFHQ_METADATA else place / FFHQ_METADATA for place in places)
    return next((file for file in files if file.is_file()), None)


def _derive_tags(
    path: Path,
    face_shape: bool,
    skin_tone: bool,
    metadata: Path | None,
    progress: Progress | None,
) -> None:
    """Look at the pictures of a manifest and write it again with their tags."""
    from faceaudit.tags.derivation import add_face_shape, add_skin_tone

    manifest = read_manifest(path)
    if face_shape:
        manifest = add_face_shape(manifest, metadata, progress)
    if skin_tone:
        manifest = add_skin_tone(manifest, progress)
    write_table(path, manifest.table, manifest.info)
