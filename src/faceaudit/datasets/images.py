"""One image file from its bytes: size, type and hash, without decoding its pixels."""

from __future__ import annotations

import hashlib
import io
from pathlib import PurePosixPath
from typing import NamedTuple

from PIL import Image

from faceaudit.datasets.ledger import Reject

#: Pillow's name of a file type, by the suffix that files of that type bear.
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
#: More pixels than any camera's portrait: a decompression bomb or a map. Never decoded.
MAX_PIXELS = 80_000_000
_TRIED = tuple(dict.fromkeys(FORMATS.values()))


class Facts(NamedTuple):
    """How a picture was delivered, as against who is in it."""

    width: int
    height: int
    bytes: int
    format: str
    sha256: str


def expected_format(path: str) -> str:
    """Return the file type that a name promises.

    Raises
    ------
    Reject
        If the name promises no image.
    """
    suffix = PurePosixPath(path).suffix.lower()
    try:
        return FORMATS[suffix]
    except KeyError:
        raise Reject("not an image file type", f"the name ends in '{suffix}'") from None


def inspect(path: str, data: bytes) -> Facts:
    """Return the facts of an image from its header.

    Pixels are decoded only if the end of the file is not where it should be.

    Parameters
    ----------
    path : str
        The file's name, for the type that it promises.
    data : bytes
        The whole file.

    Raises
    ------
    Reject
        If the file is empty, no image, of another type than its name says, truncated, or
        of absurd size.
    """
    expected = expected_format(path)
    if not data:
        raise Reject("empty file", "fetch it again")
    try:
        image = Image.open(io.BytesIO(data), formats=_TRIED)
        width, height = image.size
        # MPO is a JPEG file with further pictures behind the first.
        kind = "JPEG" if image.format == "MPO" else str(image.format)
    except Image.DecompressionBombError as error:
        raise Reject("absurd size in pixels", str(error)) from None
    except Exception as error:  # on damaged headers Pillow raises nearly anything
        if data.startswith(b"RIFF") and not _ends_properly(data, "WEBP"):
            raise Reject("truncated image", "fetch it again") from None
        raise Reject("not a readable image", _describe(data, expected, error)) from None
    if width < 1 or height < 1:
        raise Reject("not a readable image", f"its header says {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise Reject("absurd size in pixels", f"{width} x {height}; it was not decoded")
    if kind != expected:
        raise Reject(
            "wrong type behind the extension",
            f"a {kind} image under a '{PurePosixPath(path).suffix}' name; rename it",
        )
    if not _ends_properly(data, kind):
        try:
            image.load()
        except Exception as error:
            raise Reject("truncated image", f"fetch it again ({error})") from None
    return Facts(width, height, len(data), kind, hashlib.sha256(data).hexdigest())


def _ends_properly(data: bytes, kind: str) -> bool:
    """Tell by its last bytes that a file is complete; if False, only decoding can tell."""
    if kind == "JPEG":
        return data[-64:].rstrip(b"\0\n\r ").endswith(b"\xff\xd9")
    if kind == "PNG":
        return data.endswith(b"IEND\xaeB`\x82")
    if kind == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return False


def _describe(data: bytes, expected: str, error: Exception) -> str:
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it holds a web page: the download failed, fetch it again"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer: run 'git lfs pull' where it came from"
    if not any(data[:64]):
        return "it begins with zeros: fetch it again"
    if type(error).__name__ == "UnidentifiedImageError":
        return f"its bytes are not those of a {expected} file"
    return f"damaged {expected} header ({type(error).__name__})"
