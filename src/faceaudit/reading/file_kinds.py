"""What a file is that somebody gave in another's place, and which command makes the right one."""

from __future__ import annotations

import re
from contextlib import suppress
from mimetypes import guess_type
from pathlib import Path
from typing import Literal

from faceaudit.errors import FaceAuditError
from faceaudit.files import address_of, text_of

Needed = Literal["manifest", "scores", "result", "specification", "model", "images"]

_RESULTS = {
    "audit": "the result of an audit",
    "compare": "the result of a comparison",
    "study": "the result of a study",
}
#: What a file may be where one is needed (of what `kind_of` does not know, its reader decides),
#: and what makes one.
_NEEDED: dict[Needed, tuple[tuple[str, ...], str]] = {
    "manifest": (
        ("a manifest",),
        "a manifest is needed: faceaudit index DATASET FOLDER -o manifest.parquet",
    ),
    "scores": (
        ("a scores table", "a table", "a folder"),
        "scores are needed: a table with image, label and p_ai, or "
        "faceaudit score MODEL manifest.parquet -o scores.parquet",
    ),
    "result": (
        tuple(_RESULTS.values()),
        "a result is needed: faceaudit audit SCORES --spec SPEC -o OUT makes OUT/audit.json",
    ),
    "specification": (
        ("a specification",),
        "a specification is needed: a YAML file, or the name of a ready one",
    ),
    "model": (
        ("a model directory", "a folder"),
        "a model directory is needed: bundled:default, or faceaudit train manifest.parquet "
        "-o MODEL",
    ),
    "images": (
        ("a folder",),
        "the images' folder, .zip or .tar is needed: faceaudit index DATASET FOLDER --tags-from "
        "TABLE -o manifest.parquet",
    ),
}


def expect(path: Path | str, needed: Needed) -> None:
    """Refuse a file that is known to be of another kind than the one that is needed.

    The error names what the file is, what is needed, and the command that makes it.
    """
    if address := address_of(path):
        raise refusal(address, "only images are read where they lie; fetch it first", needed)
    if not Path(path).exists():
        raise refusal(path, "no such file", needed)
    kind = kind_of(path)
    if kind is not None and kind not in _NEEDED[needed][0]:
        raise refusal(path, f"is {kind}", needed)


def read_text(path: Path | str, needed: Needed) -> str:
    """Return the text of a file that is not known to be of another kind; errors as of `expect`."""
    expect(path, needed)
    try:
        return text_of(Path(path))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise refusal(path, f"cannot be read as text ({why})", needed) from None


def refusal(path: Path | str, why: str, needed: Needed) -> FaceAuditError:
    """Give the error for a file that its reader could not take for what is needed."""
    return FaceAuditError(f"{path}: {why}; {_NEEDED[needed][1]}")


def kind_of(path: Path | str) -> str | None:
    """Say what a file or folder is, by its first bytes or else its name; None if that is unclear.

    >>> kind_of("somewhere/face.jpg"), kind_of("somewhere/notes")
    ('a picture', None)
    """
    path = Path(path)
    if path.is_dir():
        return "a model directory" if (path / "model.json").is_file() else "a folder"
    start = b""
    if path.is_file():
        with suppress(OSError), path.open("rb") as file:
            start = file.read(200)
    if start.startswith(b"PAR1"):
        return _parquet(path)
    if found := re.match(rb'\{\s*"kind":\s*"(audit|compare|study)"', start):
        return _RESULTS[found[1].decode()]
    if path.suffix.lower() in (".yaml", ".yml"):
        return "a specification"
    name, compression = guess_type(path)
    if name in ("text/csv", "text/tab-separated-values"):
        return "a table"
    if name == "text/html" and compression is None:
        return "a web page"
    return "a picture" if name and name.startswith("image/") else None


def _parquet(path: Path) -> str | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from faceaudit.schema import METADATA_KEY

    try:
        stated = (pq.read_metadata(path).metadata or {}).get(METADATA_KEY)
    except (pa.ArrowInvalid, OSError):
        return None
    if stated is None:
        return "a table"
    ours = re.search(rb'"kind":\s*"(manifest|scores)"', stated)
    return {b"manifest": "a manifest", b"scores": "a scores table"}[ours[1]] if ours else None
