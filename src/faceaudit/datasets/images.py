"""One image file from its bytes: size, type and hash, without decoding its pixels."""

from __future__ import annotations

import hashlib
from struct import unpack_from
from typing import TYPE_CHECKING, NamedTuple

from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name, suffix_of
from faceaudit.pictures import MAX_PIXELS, PictureError, TooLargeError, open_picture

if TYPE_CHECKING:
    from PIL import Image

#: Pillow's name of a file type, by the suffix that files of that type bear.
FORMATS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "JPEG"),
    **dict.fromkeys(("tif", "tiff"), "TIFF"),
    **{suffix: suffix.upper() for suffix in ("png", "webp", "bmp", "gif", "avif")},
}
# Markers of the frames that Pillow decodes, and of what may stand before a frame: tables,
# restart interval, application data, comment.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_SEGMENTS = frozenset({0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)})


class Facts(NamedTuple):
    """How a picture was delivered, as against who is in it."""

    width: int
    height: int
    bytes: int
    format: str
    sha256: str


def expected_format(path: str) -> str:
    """Return the file type that a name promises, or raise `Reject` if it is no image."""
    suffix = suffix_of(path)
    if suffix not in FORMATS:
        told = f"the name ends in .{suffix}" if "." in base_name(path) else "the name has no ending"
        raise Reject("not an image file type", told)
    return FORMATS[suffix]


def inspect(path: str, data: bytes) -> Facts:
    """Return the facts of an image from its header.

    Pixels are decoded only if the end of the file is not where it should be. The name, `path`,
    promises a type.

    Raises
    ------
    Reject
        If the file is empty, no image, of another type than its name says, truncated, or
        of absurd size.
    """
    expected = expected_format(path)
    if not data:
        raise Reject("empty file", "fetch it again")
    size = _jpeg_size(data) if expected == "JPEG" and _ends_properly(data, "JPEG") else None
    if size is None or size[0] * size[1] > MAX_PIXELS:
        size = _size_by_pillow(path, data, expected)
    return Facts(*size, len(data), expected, hashlib.sha256(data).hexdigest())


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Read width and height from a JPEG file's frame header, several times faster than Pillow.

    ITU-T T.81, annex B: segments of a marker, a length and data follow each other. None if
    anything is out of the ordinary, for Pillow to judge.
    """
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 < len(data) and data[at] == 0xFF:
        _, marker, length, depth, height, width, parts = unpack_from(">BBHBHHB", data, at)
        if marker in _FRAMES:
            sound = depth == 8 and length == 8 + 3 * parts
            return (width, height) if sound and width and height else None
        if marker not in _SEGMENTS or length < 2:
            return None
        at += 2 + length
    return None


def _size_by_pillow(path: str, data: bytes, expected: str) -> tuple[int, int]:
    try:
        with open_picture(data) as image:
            # MPO is a JPEG file with further pictures behind the first.
            kind = "JPEG" if image.format == "MPO" else str(image.format)
            width, height = image.size
            if width < 1 or height < 1:
                raise PictureError(f"its header says {width} x {height} pixels")
            if kind != expected:
                raise Reject(
                    "wrong type behind the extension",
                    f"a {kind} image under a .{suffix_of(path)} name; rename it",
                )
            if not _ends_properly(data, kind):
                _decode(image)
            return width, height
    except TooLargeError as error:
        raise Reject("absurd size in pixels", str(error)) from None
    except PictureError as error:
        # Of these Pillow wants to see the end before it says what they are.
        cut = data.startswith(b"RIFF") and not _ends_properly(data, "WEBP")
        if cut or data[4:12] == b"ftypavif":
            raise Reject("truncated image", "fetch it again") from None
        raise Reject("not a readable image", str(error)) from None


def _decode(image: Image.Image) -> None:
    try:
        image.load()
    except Exception as error:  # decoders raise nearly anything
        raise Reject("truncated image", f"fetch it again ({error})") from None


def _ends_properly(data: bytes, kind: str) -> bool:
    """Tell by its last bytes that a file is complete; if False, only decoding can tell."""
    if kind == "JPEG":
        return data.endswith(b"\xff\xd9") or data[-64:].rstrip(b"\0\n\r ").endswith(b"\xff\xd9")
    if kind == "PNG":
        return data.endswith(b"IEND\xaeB`\x82")
    return kind == "WEBP" and int.from_bytes(data[4:8], "little") + 8 <= len(data)
