"""Where images are read from: a folder, a ``.zip`` or a ``.tar``, in place and never unpacked.

Folders and ``.zip`` archives may lie in a store, see `faceaudit.datasets.stores`.
"""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from faceaudit.datasets.stores import AT_ONCE, Listed, Store, told
from faceaudit.errors import FaceAuditError, SourceLostError
from faceaudit.files import address_of, is_stream
from faceaudit.reading.file_kinds import expect, refusal
from faceaudit.schema import ManifestInfo

#: A single file above this is not a face picture, and would have to be held in memory.
MAX_BYTES = 256 * 2**20
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
#: Tables and texts lie beside images in every published set; they are no images to be found.
BINARY_SUFFIXES = frozenset({"mat", "npy", "npz", "pdf", "parquet", "gz", "xls", "xlsx"})
SIDE_SUFFIXES = BINARY_SUFFIXES | frozenset(
    {"csv", "tsv", "json", "jsonl", "txt", "md", "html", "xml", "yaml", "yml", "py"}
)
SIDE_NAMES = frozenset({"license", "readme", ".gitattributes", ".gitignore", ".ds_store"})
#: Folders that notebooks and macOS leave behind; what is in them is no part of any set.
LEFT_BEHIND = (".ipynb_checkpoints", "__MACOSX")


LEADS_OUT = "the name is no place below the root"
#: No photograph is a hundredth of its size in an archive.
MAX_RATIO = 100
#: Below this a file in an archive may be as small as it likes.
_SMALL = 2**20


class UnreadableError(Exception):
    """One file of a source that cannot be read; says why."""


class MissingFileError(UnreadableError):
    """A file that is not there."""


class Member(NamedTuple):
    """One file of a source: its name below the root, and where an archive holds it.

    `offset` is the place in a zip's table of contents, or that of the bytes in a tar; `stamp` what
    a store says of it that changes when it does.
    """

    path: str
    offset: int = -1
    size: int = -1
    stamp: str = ""


def is_side_file(path: str) -> bool:
    """Tell tables and texts, which may lie beside images, from everything else."""
    known = suffix_of(path) in SIDE_SUFFIXES or base_name(path).lower() in SIDE_NAMES
    return known or is_unfinished(path)


def is_unfinished(path: str) -> bool:
    """Tell what our commands keep beside what they write, which may lie below the root."""
    folder, _, name = path.rpartition("/")
    hidden = name.startswith(".") and name.endswith(".part")
    return hidden or (folder.endswith(".parts") and base_name(folder).startswith("."))


def left_behind(path: str) -> str | None:
    """Return what a file is that other programs left behind, or None for all others."""
    if base_name(path).startswith("._"):
        return "._*"
    return next((name for name in LEFT_BEHIND if f"/{name}/" in f"/{path}"), None)


def leads_out(path: str) -> bool:
    """Tell a name that is no place below a root: absolute, empty, with ``..`` or NUL in it."""
    parts = path.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or not parts[-1] or "\0" in path


def base_name(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def suffix_of(path: str) -> str:
    """Return what follows a path's last dot, in lower case."""
    # Ten times as fast as pathlib, and asked several times a file.
    return path.rpartition(".")[2].lower()


class Source(ABC):
    """A root that images are read from."""

    #: Whether another process may read it as well, given a copy of this object.
    shareable = True
    #: Whether a file is found by its name; in an archive it is by its place.
    by_name = False

    def __init__(self, place: Path | str) -> None:
        #: As a manifest states it: an absolute path, or an address.
        self.place = str(place if address_of(place) else Path(place).resolve())
        #: What could not be looked into, and why.
        self.problems: list[tuple[str, str]] = []

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """Yield every file, in an order that depends on the names or the archive alone."""

    @abstractmethod
    def read(self, member: Member) -> bytes:
        """Return a file's bytes.

        Raises
        ------
        UnreadableError
            If this file cannot be read.
        SourceLostError
            If none can any more.
        """

    @abstractmethod
    def stamp(self, member: Member | None = None) -> str:
        """Say of the root, or a file of it, what changes with it, unless the other does."""

    @property
    def path(self) -> Path | None:
        """Where it is on this machine; None if it is elsewhere."""
        return None if address_of(self.place) else Path(self.place)

    def threads(self, workers: int) -> int:
        """Say in how many threads to read where the processor is worth so many."""
        return workers if self.path else max(workers, AT_ONCE)


def open_source(root: Path | str) -> Source:
    """Return the source for a root, or raise FaceAuditError if it is no folder, zip or tar."""
    if address_of(root):
        store = Store(str(root))
        if not store.is_file:
            return StoreSource(store)
        if suffix_of(store.address) == "zip":
            return ZipSource(store.address, store)
        raise FaceAuditError(
            f"{store.address}: neither a folder that can be listed nor a .zip archive; other "
            "archives are read from this machine alone"
        )
    root = Path(root)
    if root.is_dir():
        return FolderSource(root)
    if not root.exists():
        raise FaceAuditError(f"{root}: no such folder or archive")
    no_images = refusal(root, "neither a folder nor a readable .zip or .tar archive", "images")
    if is_stream(root):  # which may have no end
        raise no_images
    if zipfile.is_zipfile(root):
        return ZipSource(root)
    if root.suffix.lower() in (".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"):
        raise FaceAuditError(
            f"{root}: a compressed archive can only be read from front to back; "
            "unpack it, or pack it as plain .tar or .zip"
        )
    with suppress(OSError):
        if tarfile.is_tarfile(root):
            return TarSource(root)
    expect(root, "images")
    raise no_images


class _Folders(Source):
    """A folder and all folders below it."""

    by_name = True

    def members(self) -> Iterator[Member]:
        """Yield every file by sorted path; only one folder's names are held at a time."""
        self.problems = []
        looked_at: dict[tuple[int, int], str] = {}
        # No recursion: folders can be a thousand deep.
        waiting = [""]
        while waiting:
            prefix = waiting.pop()
            try:
                files, folders = self._listed(prefix, looked_at)
            except OSError as error:
                self.problems.append((prefix or ".", error.strerror or str(error)))
                continue
            for name in sorted(files):
                yield Member(prefix + name, stamp=files[name])
            waiting += [f"{prefix}{folder}/" for folder in sorted(folders, reverse=True)]

    @abstractmethod
    def _listed(self, prefix: str, looked_at: dict[tuple[int, int], str]) -> Listed:
        """List a folder, or raise an OSError; `looked_at` is what a link may lead to again."""


class FolderSource(_Folders):
    """A folder of this machine, links included."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._device = root.stat().st_dev

    def stamp(self, member: Member | None = None) -> str:
        return "" if member is None else _stamp(f"{self.place}/{member.path}")

    def _listed(self, prefix: str, looked_at: dict[tuple[int, int], str]) -> Listed:
        """List a folder once: one that links make appear again is a problem."""
        here = f"{self.place}/{prefix}"
        found = Listed({}, [])
        try:
            status = Path(here).stat()
            known = looked_at.setdefault((status.st_dev, status.st_ino), prefix)
            if known != prefix:
                raise OSError(f"the same folder as {known or '.'}, which was looked at")
            with os.scandir(here) as entries:
                for entry in entries:
                    is_folder = False
                    with suppress(OSError):  # a link to itself, or to where we may not look
                        is_folder = entry.is_dir()
                    if is_folder:
                        found.folders.append(entry.name)
                    else:
                        found.files[entry.name] = ""
        except OSError as error:
            self._expect_there()
            raise OSError(
                f"folder cannot be read: {error.strerror}" if error.errno else error
            ) from None
        return found

    def read(self, member: Member) -> bytes:
        if leads_out(member.path):
            raise UnreadableError(LEADS_OUT)
        handle = -1
        try:
            # Non-blocking, or a named pipe would keep us waiting for ever.
            handle = os.open(f"{self.place}/{member.path}", _OPEN_FLAGS)
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("not a regular file")
            _refuse_large(status.st_size)
            # One byte more than there should be: a short answer then says that this is all.
            data = os.read(handle, status.st_size + 1)
            while len(data) != status.st_size and (part := os.read(handle, MAX_BYTES)):
                data += part
                _refuse_large(len(data))
            return data
        except FileNotFoundError:
            self._expect_there()
            raise MissingFileError("no such file") from None
        except (OSError, ValueError) as error:
            self._expect_there()
            raise UnreadableError(getattr(error, "strerror", None) or str(error)) from None
        finally:
            if handle >= 0:
                os.close(handle)

    def _expect_there(self) -> None:
        """Raise a SourceLostError if the folder has gone, as with a disk that is taken away."""
        try:
            os.scandir(self.place).close()
            if Path(self.place).stat().st_dev == self._device:
                return
            why = "another disk is in its place"
        except OSError as error:
            why = str(error.strerror)
        raise _lost(self.place, why)


class StoreSource(_Folders):
    """A folder of a store."""

    # Connections are no other process's.
    shareable = False

    def __init__(self, store: Store) -> None:
        super().__init__(store.address)
        self._store = store

    def stamp(self, member: Member | None = None) -> str:
        return "" if member is None else member.stamp

    def _listed(self, prefix: str, looked_at: dict[tuple[int, int], str]) -> Listed:
        return self._store.listed(prefix)

    def read(self, member: Member) -> bytes:
        if leads_out(member.path):
            raise UnreadableError(LEADS_OUT)
        try:
            data = self._store.read(member.path, MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise MissingFileError(str(error)) from None
        except OSError as error:
            raise UnreadableError(str(error)) from None
        _refuse_large(len(data))
        return data


class ZipSource(Source):
    """A ``.zip`` archive. Its table of contents is held in memory, about 0.6 kB a file."""

    # Each process would have to read the table of contents again.
    shareable = False

    def __init__(self, root: Path | str, store: Store | None = None) -> None:
        super().__init__(root)
        self._store = store
        try:
            self._archive = zipfile.ZipFile(store.open() if store else Path(root))
        except Exception as error:  # damaged archives raise nearly anything, as drivers do
            # Some web servers give no parts of files, and an archive is read in parts.
            remedy = "; if it is sound, fetch it and name the file" if store else ""
            raise FaceAuditError(
                f"{root}: not a readable .zip archive ({told(error)}){remedy}"
            ) from None

    def stamp(self, member: Member | None = None) -> str:
        if member is not None:
            return ""
        return self._store.stamp() if self._store else _stamp(self.place)

    def members(self) -> Iterator[Member]:
        for place, entry in enumerate(self._archive.infolist()):
            # Some programs on Windows write backslashes, against the format's rule.
            path = entry.filename.replace("\\", "/")
            if not path.endswith("/"):
                yield Member(path, place)

    def read(self, member: Member) -> bytes:
        entry = self._archive.infolist()[member.offset]
        _refuse_large(entry.file_size)
        if entry.file_size > max(_SMALL, MAX_RATIO * entry.compress_size):
            raise UnreadableError(f"unpacks to more than {MAX_RATIO} times its size")
        try:
            with self._archive.open(entry) as file:
                # A forged size must not unpack without end.
                data = file.read(MAX_BYTES + 1)
        except Exception as error:
            if self._store:
                self._store.expect_there()
            else:
                _expect_there(self.place)
            raise UnreadableError(f"damaged in the archive ({told(error)})") from None
        _refuse_large(len(data))
        return data


class TarSource(Source):
    """A plain ``.tar`` archive."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._file = root.open("rb")
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[TarSource], tuple[Path]]:
        """Open the archive anew in another process, which must not share our place in it."""
        return TarSource, (Path(self.place),)

    def stamp(self, member: Member | None = None) -> str:
        return _stamp(self.place) if member is None else ""

    def members(self) -> Iterator[Member]:
        self.problems = []
        last = "its beginning"
        try:
            with tarfile.open(self.place, "r:") as archive:
                for entry in archive:
                    archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                    if entry.isdir():
                        continue
                    last = entry.name
                    plain = entry.isreg() and not entry.issparse()
                    place = (entry.offset_data, entry.size) if plain else (-1, -1)
                    yield Member(entry.name.removeprefix("./"), *place)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            fault = f"archive is damaged after {last}: {error}"
            self.problems.append((base_name(self.place), fault))

    def read(self, member: Member) -> bytes:
        if member.offset < 0:
            raise UnreadableError("a link or special file inside the archive")
        _refuse_large(member.size)
        try:
            with self._lock:
                self._file.seek(member.offset)
                data = self._file.read(member.size)
        except OSError as error:
            _expect_there(self.place)
            raise UnreadableError(str(error.strerror)) from None
        if len(data) < member.size:
            raise UnreadableError("the archive ends before this file does")
        return data


def _expect_there(archive: str) -> None:
    """Raise a SourceLostError if an archive of which a file cannot be read has gone itself."""
    try:
        Path(archive).open("rb").close()
    except OSError as error:
        raise _lost(archive, str(error.strerror)) from None


def _lost(place: str, why: str) -> SourceLostError:
    return SourceLostError(f"{place}: can no longer be read ({why}); put it back, and start again")


def _stamp(path: str) -> str:
    """Say of a file what changes with it, without reading it; nothing if it is gone."""
    try:
        found = Path(path).stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def _refuse_large(size: int) -> None:
    if size > MAX_BYTES:
        raise UnreadableError(f"larger than {MAX_BYTES // 2**20} MB")


class SideFiles:
    """The files of a data set that are no images: tag files, licences, texts.

    They lie below the root, or were named by the user; of one name the first counts.
    """

    def __init__(self, found: Iterable[tuple[Source, Member]]) -> None:
        self._by_name: dict[str, list[tuple[Source, Member]]] = {}
        for source, member in found:
            self._by_name.setdefault(base_name(member.path), []).append((source, member))
        #: Names of those that were read, or will be.
        self.used: set[str] = set()

    def names(self, suffix: str) -> list[str]:
        """Return the base names that end in `suffix`."""
        return [name for name in self._by_name if name.lower().endswith(suffix)]

    def read(self, name: str) -> bytes | None:
        """Return the bytes of the first file called `name`, or None; or raise `UnreadableError`."""
        places = self._by_name.get(name)
        self.used.add(name)
        return places[0][0].read(places[0][1]) if places else None

    def notes(self) -> list[str]:
        """Say which tables were not read, though they lie there."""
        unread = sorted({*self.names(".csv"), *self.names(".tsv")} - self.used)
        more = f" and {len(unread) - 3:,} more" if len(unread) > 3 else ""
        said = [f"Not read: {', '.join(unread[:3])}{more}."] if unread else []
        return said + [
            f"Of {len(places):,} files called {name} only {places[0][1].path} was read."
            for name, places in sorted(self._by_name.items())
            if name in self.used and len(places) > 1
        ]


class StoredImages:
    """The images of a manifest, read from where its metadata says they lie.

    `roots` holds the root of each data set; one that is not stated or not there is a
    FaceAuditError.
    """

    def __init__(self, roots: Mapping[str, str | None]) -> None:
        self._sources: dict[str, Source] = {}
        #: What an archive holds, the first of a name; a folder is asked file by file.
        self._contents: dict[str, dict[str, Member]] = {}
        for name, root in roots.items():
            if root is None:
                raise _unstated(name)
            source = self._sources[name] = open_source(root)
            if not source.by_name:
                held = self._contents[name] = {}
                for member in source.members():
                    held.setdefault(member.path, member)

    @classmethod
    def of(cls, info: ManifestInfo) -> StoredImages:
        """Return the images of a manifest by its metadata."""
        return cls({name: dataset.root for name, dataset in info.datasets.items()})

    def read(self, dataset: str, image: str) -> bytes:
        """Return an image's bytes.

        Raises
        ------
        UnreadableError
            If this image cannot be read.
        FaceAuditError
            If there is no root; a SourceLostError if it is gone.
        """
        if dataset not in self._sources:
            raise _unstated(dataset)
        contents = self._contents.get(dataset)
        member = Member(image) if contents is None else contents.get(image)
        if member is None:
            raise MissingFileError("no such file in the archive")
        return self._sources[dataset].read(member)

    def threads(self, workers: int) -> int:
        """Say in how many threads to read where the processor is worth so many."""
        return max((of.threads(workers) for of in self._sources.values()), default=workers)

    def get(self, dataset: str, image: str) -> bytes | None:
        """Return an image's bytes, or None if it cannot be read."""
        try:
            return self.read(dataset, image)
        except UnreadableError:
            return None


def _unstated(dataset: str) -> FaceAuditError:
    return FaceAuditError(
        f"the manifest does not say where the images of '{dataset}' lie; index them again"
    )
