"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceaudit.errors import FaceAuditError


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Give a temporary file beside `path` to write to, and rename it to `path` on success.

    Missing parent folders are made. The temporary file is removed if the block raises.

    Raises
    ------
    FaceAuditError
        If `path` is a folder, or nothing can be written there.
    """
    target = Path(path)
    if target.is_dir():
        raise FaceAuditError(f"{path}: a folder, and a file is to be written; name a file in it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.", suffix=".part"
        )
    except OSError as error:
        raise FaceAuditError(f"{path}: cannot be written ({error})") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; a result is as readable as any file its user writes.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> Path:
    """Write `text` as UTF-8 to `path`, whole or not at all, and return the path."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def sha256_of(path: Path | str, pattern: str = "*") -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits.

    That of a folder is of the paths and digests of all files in it that match `pattern`.
    """
    path = Path(path)
    if path.is_dir():
        within = sorted(file.relative_to(path).as_posix() for file in path.rglob(pattern))
        files = (f"{name} {sha256_of(path / name)}\n" for name in within if (path / name).is_file())
        return hashlib.sha256("".join(files).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
