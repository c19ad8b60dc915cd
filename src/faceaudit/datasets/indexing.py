"""From a published data set on disk to a manifest: one pass, in place, in flat memory."""

from __future__ import annotations

import gc
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.datasets.base import Dataset, IndexOptions, get_dataset
from faceaudit.datasets.derivation import add_tags, refuse_without_extra
from faceaudit.datasets.duplicates import near_copies
from faceaudit.datasets.manifest_builder import OTHER_TAGS, ManifestBuilder, Progress
from faceaudit.datasets.rejects import ledger_path, open_ledger, remark
from faceaudit.datasets.sources import (
    BINARY_SUFFIXES,
    Member,
    SideFiles,
    Source,
    base_name,
    is_side_file,
    is_unfinished,
    left_behind,
    open_source,
    suffix_of,
)
from faceaudit.errors import FaceAuditError
from faceaudit.files import address_of, expect_writable, scratch_folder
from faceaudit.known_roots import remember_root
from faceaudit.one_or_many import Word, as_words, listed
from faceaudit.plugins import blamed
from faceaudit.reading.columns import united
from faceaudit.schema import METADATA_KEY, validate
from faceaudit.tables import Manifest, library_versions, read_manifest, write_into
from faceaudit.tags.base import picture_tags
from faceaudit.unfinished import unfinished
from faceaudit.wording import counted


@dataclass(frozen=True)
class IndexReport:
    """What `index` did.

    Of the files that could be images, `found` in number, `reasons` counts those that were rejected
    and `labels` those that are rows now; `remarks` counts by kind what left nothing out. `notes`
    are sentences for the user.
    """

    dataset: str
    manifest: Path | None
    ledger: Path | None
    found: int
    indexed: int
    rejected: int
    labels: dict[str, int]
    reasons: dict[str, int]
    remarks: dict[str, int]
    notes: list[str]
    #: The manifest itself, where none was written.
    held: Manifest | None = None

    def read(self) -> Manifest:
        """Return the manifest, read from where it was written."""
        return self.held or read_manifest(str(self.manifest))


def index(
    dataset: str,
    root: Path | str,
    out: Path | str | None = None,
    *,
    name: str | None = None,
    tags_from: Path | str | None = None,
    label: Literal["real", "ai"] | None = None,
    photoshopped_as: Literal["skip", "real", "ai"] = "skip",
    missing: Word | Iterable[Word] = (),
    real_dir: Path | str | Iterable[Path | str] = (),
    ai_dir: Path | str | Iterable[Path | str] = (),
    look_for_near_copies: bool = False,
    delivery_facts: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    **derive: bool,
) -> IndexReport:
    """Make the manifest of a data set, and its reject ledger beside it.

    Every file below the root that is neither table nor text ends up in the manifest or in
    the ledger, which is ``NAME.rejects.csv`` beside ``NAME.parquet``. Without `out` neither is
    kept as a file: `IndexReport.read` gives the manifest, `IndexReport.reasons` counts the rest.

    Parameters
    ----------
    dataset : str
        Which set it is: an id of `faceaudit.datasets.all_datasets`.
    root : Path or str
        A folder, a ``.zip`` or a ``.tar``, or the address of a folder or ``.zip`` in a store
        (``s3://bucket/folder``); nothing is unpacked or changed.
    out : Path or str, optional
        The manifest to write, a Parquet file.
    name : str, optional
        What the manifest calls the data set; `dataset` if not given.
    tags_from, label, photoshopped_as, missing, real_dir, ai_dir
        See `faceaudit.datasets.base.IndexOptions`.
    look_for_near_copies : bool
        Look at every picture to note which ones show the same: in the ledger, and as ``copy_of``.
    delivery_facts : bool
        Decode every picture to measure `faceaudit.schema.PIXEL_COLUMNS` too; they are empty for
        one that cannot be decoded.
    workers : int, optional
        How many read files at once; one a core if not given.
    progress : callable, optional
        Called with the number of files done and of all files, from the start again for every
        further look at the pictures.
    **derive : bool
        ``face_shape``, ``skin_tone`` or another of `faceaudit.tags.base.picture_tags`: look at
        every picture to derive this tag.

    Raises
    ------
    FaceAuditError
        If the root cannot be read, nothing in it could be indexed, or the tag file that
        was named is not one that the data set has a use for; MissingExtraError if a tag is asked
        for whose extra is not installed.
    """
    kind = get_dataset(dataset)
    if out is not None:
        expect_writable(out, ledger_path(Path(out)), inputs=[root, tags_from])
    wanted = [tag for tag, asked in derive.items() if asked]
    options = IndexOptions(
        None if tags_from is None else Path(tags_from),
        label,
        photoshopped_as,
        tuple(word.strip() for word in as_words(missing)),
        tuple(_below(root, folder) for folder in listed(real_dir)),
        tuple(_below(root, folder) for folder in listed(ai_dir)),
    )
    _refuse_foreign(kind, options)
    source, extra = open_source(root), _extra(options)
    total, side, skipped, listing = _survey(source, [] if out is None else _own(Path(out)))
    files = SideFiles([*extra, *side])
    with blamed("data set", kind.id, kind.__module__):
        copy = kind(files, options)
    if extra and files.used.isdisjoint(base_name(member.path) for _, member in extra):
        raise FaceAuditError(
            f"--tags-from {tags_from}: {kind.title} reads no tag file of that name "
            f"(it expects {kind.layout})"
        )
    tags = [tag for name, tag in picture_tags().items() if name in wanted]
    with blamed("data set", kind.id, kind.__module__):
        published = copy.landmarks() if any(tag.needs == "landmarks" for tag in tags) else None
    refuse_without_extra(wanted, published is not None)
    run = {
        "data set": f"{kind.id} in {source.place}, called {name or kind.id}",
        "options": f"{options} {wanted} {look_for_near_copies} {delivery_facts}",
        "files": listing,
        "tag file": " ".join(of.stamp() or of.stamp(member) for of, member in extra),
        "versions of libraries": str(library_versions("pillow", "dlib-bin", "imagehash")),
    }
    with (
        _place(out) as at,
        unfinished(out, run) as kept,
        open_ledger(at) as (temporary, ledger),
        warnings.catch_warnings(),
        _rare_collections(),
    ):
        # Pillow warns of very large pictures and odd metadata; what matters is in the ledger.
        warnings.simplefilter("ignore")
        builder = ManifestBuilder(
            name or kind.id, copy, ledger, total, progress, delivery_facts, kept
        )
        # Without Arrow's own copy of the schema, metadata can be added at the end.
        with closing(
            pq.ParquetWriter(
                temporary,
                builder.schema,
                compression="zstd",
                store_schema=False,
                write_page_checksum=True,
            )
        ) as writer:
            for table in builder.tables(source, workers or os.cpu_count() or 1):
                writer.write_table(table)
            for path, reason in source.problems:
                ledger.add(remark(path, "could not be looked into", reason))
            try:
                with blamed("data set", kind.id, kind.__module__):
                    for entry in copy.remarks():
                        ledger.add(entry)
                if builder.indexed == 0:
                    why = f"{ledger_path(at)} says why"
                    if out is None or at.exists():
                        reasons = [f"{n:,}: {reason}" for reason, n in ledger.rejected.items()]
                        why = ", ".join(reasons) or "there is no image"
                    raise FaceAuditError(
                        f"{root}: of {counted(builder.found, 'file')} none could be indexed as "
                        f"'{kind.id}' (expected: {kind.layout}); {why}"
                    )
            except FaceAuditError:
                kept.forget()  # whoever mends the input starts another run
                raise
            counts = _count_note(kind.published, builder.indexed), _skipped_note(skipped)
            told = [*counts, *files.notes(), *copy.notes, builder.copies_note()]
            notes = [note for note in told if note]
            info = builder.info(source, notes)
            writer.add_key_value_metadata({METADATA_KEY: info.model_dump_json().encode()})
        for entry in builder.copies(temporary):
            ledger.add(entry)
        if n := ledger.remarks[OTHER_TAGS]:
            have = "has" if n == 1 else "have"
            notes.append(f"{n:,} of the copies {have} other tags; the ledger lists them.")
        if wanted:
            given = {builder.name: published} if published else {}
            manifest = add_tags(
                read_manifest(temporary), *wanted, published=given, progress=progress, kept=kept
            )
            write_into(temporary, validate(manifest.table, "manifest", str(at)), manifest.info)
        if source.path is None:  # no report asks a store
            notes.append("Reports show no pictures of a store, unless --images-from names it.")
        else:
            try:
                remember_root(builder.name, source.path)
            except OSError as error:
                notes.append(f"Where the images lie could not be noted for reports ({error}).")
        if look_for_near_copies:
            manifest, copy_of = read_manifest(temporary), dict[str, str]()
            for group in near_copies(manifest, progress=progress, kept=kept):
                first = group.copies[0].image
                copy_of |= {copy.image: first for copy in group.copies}
                for other in group.copies[1:]:
                    ledger.add(remark(other.image, "near copy", f"of {first}"))
            found = pa.array(map(copy_of.get, manifest.table["image"].to_pylist()), pa.string())
            by = {builder.name: "found by perceptual hash"}
            manifest.info.tag_sources.setdefault("copy_of", by)
            table = united(manifest.table, pa.table({"copy_of": found}))[0]
            write_into(temporary, validate(table, "manifest", str(at)), manifest.info)
        held = read_manifest(temporary) if out is None else None
    return IndexReport(
        dataset=builder.name,
        manifest=None if out is None else at,
        ledger=None if out is None else ledger_path(at),
        found=builder.found,
        indexed=builder.indexed,
        rejected=ledger.rejected.total(),
        labels=dict(builder.labels),
        reasons=dict(ledger.rejected),
        remarks=dict(ledger.remarks),
        notes=notes,
        held=held,
    )


@contextmanager
def _place(out: Path | str | None) -> Iterator[Path]:
    """Give the place for a manifest, for the time being where none is named."""
    if out is not None:
        yield Path(out)
    else:
        with scratch_folder() as folder:
            yield folder / "manifest.parquet"


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Search for cyclic garbage rarely: rows make none, and it takes a seventh of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _refuse_foreign(kind: type[Dataset], options: IndexOptions) -> None:
    """Refuse an option that a data set has no use for."""
    for name in ("label", "photoshopped_as", "missing", "real_dir", "ai_dir"):
        given = getattr(options, name)
        if given != getattr(IndexOptions, name) and name not in kind.takes:
            shown = given if isinstance(given, str) else given[0]
            raise FaceAuditError(
                f"--{name.replace('_', '-')} {shown}: {kind.title} takes no such option "
                f"(its images are {kind.label})"
            )


def _below(root: Path | str, folder: Path | str) -> str:
    """Return a folder that the user named, seen from the root."""
    if address := address_of(root):
        return (address_of(folder) or Path(folder).as_posix()).removeprefix(f"{address}/")
    path = Path(folder)
    if path.exists() and path.resolve().is_relative_to(Path(root).resolve()):
        path = path.resolve().relative_to(Path(root).resolve())
    return path.as_posix()


def _survey(
    source: Source, own: Collection[str]
) -> tuple[int, list[tuple[Source, Member]], Counter[str], str]:
    """Count the files that could be images, list those beside them, count what is neither.

    The last is a hash of what there is, but for files of our `own`: another if a file is changed.
    """
    total, side = 0, []
    skipped: Counter[str] = Counter()
    listing = hashlib.sha256(source.stamp().encode())
    for member in source.members():
        path = f"{source.place}/{member.path}"
        if source.by_name and not is_unfinished(member.path) and path not in own:
            seen = f"{member.path}\0{source.stamp(member)}\n"
            listing.update(seen.encode(errors="surrogateescape"))
        if kind := left_behind(member.path):
            skipped[kind] += 1
        elif is_side_file(member.path):
            side.append((source, member))
        else:
            total += 1
    return total, side, skipped, listing.hexdigest()


def _own(out: Path) -> list[str]:
    """Name what we write, which may lie below the root of what is indexed."""
    return [os.path.realpath(path) for path in (out, ledger_path(out))]


def _extra(options: IndexOptions) -> list[tuple[Source, Member]]:
    """List the tag files that the user named besides the root."""
    given = options.tags_from
    if given is None:
        return []
    if address := address_of(given):
        raise FaceAuditError(
            f"--tags-from {address}: tag files are read beside the images, or from this machine; "
            "fetch it first"
        )
    if name := options.tag_file(""):
        if suffix_of(name) in BINARY_SUFFIXES:
            raise FaceAuditError(f"{given}: tag files are text; save it as CSV")
        return [(open_source(given.parent), Member(name))]
    found = _survey(open_source(given), ())[1]
    if not found:
        raise FaceAuditError(f"--tags-from {given}: there is no table and no text in it")
    return found


def _count_note(published: int | None, indexed: int) -> str | None:
    """Say that a copy holds fewer or more images than published."""
    if published is None or indexed == published:
        return None
    relation = "fewer" if indexed < published else "more"
    return f"{counted(indexed, 'image')}, {relation} than the {published:,} that were published."


def _skipped_note(skipped: Counter[str]) -> str | None:
    """Say what was not even looked at."""
    told = ", ".join(f"{kind} {n:,}" for kind, n in sorted(skipped.items()))
    n = skipped.total()
    return f"Skipped {counted(n, 'file')} that other programs left ({told})." if n else None
