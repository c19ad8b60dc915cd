"""Files that appear whole or not at all, where links lead, and over nothing that was read."""

from __future__ import annotations

import ctypes
import errno
import glob
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from faceaudit.errors import FaceAuditError
from faceaudit.limits import TEXT_BYTES

if sys.platform != "win32":
    import fcntl

#: What an `OSError` says if it is about where is written, and not about what was read.
_OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EPIPE, errno.EBUSY}


#: As of an object store; one letter is a drive of Windows.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(/?)")


def address_of(place: Path | str) -> str | None:
    """Return what is no path but an address, such as ``s3://bucket/folder``; else None.

    A `Path` takes one of the two slashes, which is given back.
    """
    found = _ADDRESS.match(text := str(place))
    return None if found is None else f"{found[1].lower()}://{text[found.end() :]}"


def expect_writable(*outputs: Path | str, inputs: Iterable[object] = ()) -> None:
    """Refuse, before the work, outputs that could not be written after it, or that are inputs.

    Of `inputs` those are looked at that name a file, as ``onnx:FILE`` too.

    Raises
    ------
    FaceAuditError
        If one is no place for a file, or an input, or both are one.
    """
    given = [str(one) for one in inputs if isinstance(one, Path | str)]
    given += [one.partition(":")[2] for one in given]
    places = [_place(out) for out in outputs]
    for out, place in zip(outputs, places, strict=True):
        if places.count(place) > 1:
            raise FaceAuditError(f"{out}: more than one output; name a file for each")
        for one in given:
            if _mode(Path(one)) and _mode(place) and place.samefile(one):
                raise FaceAuditError(
                    f"{out}: is read by this command, which would write over it; name another file"
                )
        try:
            if _mode(place) and not os.access(place, os.W_OK):
                raise PermissionError(errno.EACCES, "it is read-only")
            if not is_stream(place):
                above = next(folder for folder in place.parents if _mode(folder))
                prefix, suffix = _around(place)
                with tempfile.NamedTemporaryFile(dir=above, prefix=prefix, suffix=suffix) as file:
                    file.write(bytes(4096))
        except OSError as error:
            raise _unwritable(out, error) from None


#: Of Linux's ``renameat2``.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def atomic_files(*paths: Path | str) -> Iterator[list[Path]]:
    """Give temporary files to write to, and put them where they belong on success.

    Never is a new one of them beside an old one: whoever is killed between two has left the first
    alone. Missing folders are made, and what others left is removed who were killed. A device or a
    pipe is written to; a link is followed.

    Raises
    ------
    FaceAuditError
        If one is a folder, or cannot be written.
    """
    places = [_place(path) for path in paths]
    with ExitStack() as stack:
        try:
            temporaries = []
            for path, place in zip(paths, places, strict=True):
                try:
                    temporaries.append(stack.enter_context(_temporary(place)))
                except OSError as error:
                    raise _unwritable(path, error) from None
            yield temporaries
            for place in places[1:]:
                if not is_stream(place):
                    place.unlink(missing_ok=True)
            for temporary, place in zip(temporaries, places, strict=True):
                _put(temporary, place)
        except OSError as error:
            if error.errno not in _OF_OUTPUT:
                raise
            raise _unwritable(paths[0], error) from None


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Give a temporary file to write to, and put it at `path` on success; see `atomic_files`."""
    with atomic_files(path) as (temporary,):
        yield temporary


@contextmanager
def whole_folder(path: Path | str, names: Sequence[str]) -> Iterator[Path]:
    """Give a new folder for files of these names, and swap it for `path` on success, in one step.

    Where that cannot be done (on some systems, for a mounted folder or the current one, or beside
    files of other names, which stay), the files go over one by one, and meanwhile the first of the
    names is not there.

    Raises
    ------
    FaceAuditError
        If nothing can be written there.
    """
    place = Path(os.path.realpath(path))
    new = place.with_name(f".{place.name}.part")
    try:
        if new.exists():  # of who was killed
            shutil.rmtree(new)
        new.mkdir(parents=True)
        yield new
        if not place.exists():
            new.rename(place)
        elif {found.name for found in place.iterdir()} - {*names} or not _exchanged(new, place):
            for name in names:
                (place / name).unlink(missing_ok=True)
            for name in reversed(names):
                if (new / name).exists():
                    (new / name).replace(place / name)
    except OSError as error:
        if error.errno not in {*_OF_OUTPUT, errno.EACCES, errno.ENOTDIR}:
            raise
        raise _unwritable(path, error) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Have two folders change places in one step, if that can be done."""
    if Path.cwd().is_relative_to(other):  # whoever is in it would be in one that is gone
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, TypeError, OSError):
        return False
    return not rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)


#: Of folders for the time being. Short: the name of a socket in one must be, too.
_SCRATCH = ".faceaudit-tmp-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder for the time being, and remove those of this user whose makers were killed."""
    if sys.platform == "win32":
        with tempfile.TemporaryDirectory(prefix=_SCRATCH) as name:
            yield Path(name)
        return
    for left in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            _remove_left_folder(left)
    while True:
        place = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        with suppress(FileNotFoundError):  # it was taken for one that somebody had left
            handle = os.open(place, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            if place.exists():
                break
            os.close(handle)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def _remove_left_folder(left: Path) -> None:
    """Remove a folder of this user whose lock nobody holds; never what a link leads to."""
    handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_uid == os.geteuid():
            shutil.rmtree(left)
    finally:
        os.close(handle)


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write texts as UTF-8, which belong together, see `atomic_files`."""
    with atomic_files(*texts) as temporaries:
        for temporary, text in zip(temporaries, texts.values(), strict=True):
            temporary.write_text(text, encoding="utf-8")


def write_text(path: Path | str, text: str) -> Path:
    """Write `text` as UTF-8 to `path`, whole or not at all, and return the path."""
    write_texts({Path(path): text})
    return Path(path)


def _unwritable(path: Path | str, error: OSError) -> FaceAuditError:
    return FaceAuditError(f"{path}: cannot be written ({error.strerror or error})")


def _place(path: Path | str) -> Path:
    """Return where a file comes to lie."""
    if not str(path):
        raise FaceAuditError("no file is named that is to be written: its name is empty")
    if address := address_of(path):
        raise FaceAuditError(f"{address}: files are written to this machine alone; name one here")
    place = Path(os.path.realpath(path))
    if stat.S_ISDIR(_mode(place)):
        raise FaceAuditError(f"{path}: a folder, and a file is to be written; name a file in it")
    if any(at.is_symlink() for at in (place, *place.parents)):
        raise FaceAuditError(f"{path}: cannot be written (a link that leads to itself)")
    for folder in place.parents:
        if _mode(folder) and not stat.S_ISDIR(_mode(folder)):
            raise FaceAuditError(f"{path}: cannot be written ({folder} is a file and no folder)")
    # What is a pipe has no place that a link could lead to.
    return Path(path) if is_stream(Path(path)) else place


def is_stream(path: Path) -> bool:
    """Tell devices, pipes and sockets from files and folders: they are written to, not replaced."""
    return stat.S_IFMT(_mode(path)) not in (0, stat.S_IFREG, stat.S_IFDIR)


def _mode(path: Path) -> int:
    """Return what there is at a path, as `os.stat` says it; 0 if nothing can be found there."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _around(place: Path) -> tuple[str, str]:
    """Return what stands around the random part of a temporary file's name: what it is for."""
    return f".{place.name}.", ".part"


@contextmanager
def _temporary(place: Path) -> Iterator[Path]:
    """Give an empty file, beside the one that it will replace; it is locked while it is in use."""
    folder = None
    if not is_stream(place):
        folder = place.parent
        folder.mkdir(parents=True, exist_ok=True)
        _remove_left(folder, place.name)
    while True:
        prefix, suffix = _around(place)
        handle, name = tempfile.mkstemp(suffix, prefix, folder)
        if sys.platform == "win32":  # where nothing is replaced that is open
            os.close(handle)
            break
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if _mode(Path(name)):
            break
        os.close(handle)  # it was taken for one that somebody had left
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)


def _remove_left(folder: Path, name: str) -> None:
    """Remove temporary files whose writers were killed: nobody holds their locks."""
    if sys.platform == "win32":
        return
    for left in folder.glob(f".{glob.escape(name)}.*.part"):
        with suppress(OSError), left.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _put(temporary: Path, place: Path) -> None:
    if is_stream(place):
        with temporary.open("rb") as source, place.open("wb") as stream:
            shutil.copyfileobj(source, stream)
        return
    mode = stat.S_IMODE(_mode(place))
    if not mode:
        # mkstemp makes files private; a result is as readable as any file its user writes.
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    temporary.chmod(mode)
    temporary.replace(place)


def text_of(path: Path) -> str:
    """Read UTF-8 text; one that is longer than any that is needed is an `OSError`, too."""
    with path.open("rb") as file:
        content = file.read(TEXT_BYTES + 1)
    if len(content) > TEXT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {TEXT_BYTES / 1e6:g} MB", str(path))
    return content.decode("utf-8")


def sha256_of(path: Path | str, pattern: str = "*") -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits.

    That of a folder is of the paths and digests of all files in it that match `pattern`.
    """
    path = Path(path)
    if path.is_dir():
        within = sorted(file.relative_to(path).as_posix() for file in path.rglob(pattern))
        files = (f"{name} {sha256_of(path / name)}\n" for name in within if (path / name).is_file())
        return hashlib.sha256("".join(files).encode()).hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FaceAuditError(f"{path}: cannot be read ({error.strerror or error})") from None
