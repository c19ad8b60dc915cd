"""One image file from its bytes: size, type and hash, without decoding its pixels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from struct import unpack_from
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name, suffix_of
from faceaudit.pictures import MAX_PIXELS, PictureError, TooLargeError, open_picture

if TYPE_CHECKING:
    from PIL import Image

#: Quantisation tables of 64 numbers each, as Pillow has them in ``quantization``.
Tables = Mapping[int, Sequence[int]]
#: Horizontal and vertical sampling of each component of a JPEG file.
Samplings = Sequence[tuple[int, int]]
#: Width, height, the names of the JPEG tables and of the chroma subsampling, colour mode.
_Header = tuple[int, int, str | None, str | None, str]

#: Pillow's name of a file type, by the suffix that files of that type bear.
FORMATS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "JPEG"),
    **dict.fromkeys(("tif", "tiff"), "TIFF"),
    **{suffix: suffix.upper() for suffix in ("png", "webp", "bmp", "gif", "avif")},
}
# Markers of the frames that Pillow decodes, and of what may stand before a frame: tables,
# restart interval, application data, comment.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_TABLES = 0xDB
_SEGMENTS = frozenset({0xC4, _TABLES, 0xDD, 0xFE, *range(0xE0, 0xF0)})
#: Names of chroma subsampling, by how many luma samples there are to one of chroma each way.
_SUBSAMPLINGS = {"1 x 1": "4:4:4", "2 x 1": "4:2:2", "2 x 2": "4:2:0", "1 x 2": "4:4:0"}
#: Pillow's colour mode of a JPEG file by the number of its components.
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
#: A frame of one grey pixel, and the beginning of its scan: a header needs no more.
_FRAME = b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0" + b"\xff\xda\0\2"


class Facts(NamedTuple):
    """How a picture was delivered, as against who is in it."""

    width: int
    height: int
    bytes: int
    format: str
    jpeg_table: str | None
    chroma_subsampling: str | None
    colour_mode: str
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
    header = _jpeg_header(data) if expected == "JPEG" and _ends_properly(data, "JPEG") else None
    if header is None or header[0] * header[1] > MAX_PIXELS:
        header = _header_by_pillow(path, data, expected)
    width, height, table, subsampling, mode = header
    digest = hashlib.sha256(data).hexdigest()
    return Facts(width, height, len(data), expected, table, subsampling, mode, digest)


def _jpeg_header(data: bytes) -> _Header | None:
    """Read size and tables of a JPEG file up to its frame, several times faster than Pillow.

    ITU-T T.81, annex B: segments of a marker, a length and data follow each other. None if
    anything is out of the ordinary, for Pillow to judge.
    """
    at, tables = 2, b""
    while data.startswith(b"\xff\xd8") and at + 9 < len(data) and data[at] == 0xFF:
        _, marker, length, depth, height, width, parts = unpack_from(">BBHBHHB", data, at)
        if marker in _FRAMES:
            sound = depth == 8 and length == 8 + 3 * parts and width and height
            mode, table = _MODES.get(parts), _table_of(tables) if sound else None
            if not table or not mode:
                return None
            samplings = [divmod(both, 16) for both in data[at + 11 : at + 2 + length : 3]]
            return width, height, table, _subsampling(samplings), mode
        if marker not in _SEGMENTS or length < 2:
            return None
        if marker == _TABLES:
            tables += data[at : at + 2 + length]
        at += 2 + length
    return None


@lru_cache(maxsize=1024)
def _table_of(segments: bytes) -> str | None:
    """Name the tables that segments of a JPEG file define; None if there is none, or no table.

    A set's files share a few, and so Pillow reads each once.
    """
    try:
        with open_picture(b"\xff\xd8" + segments + _FRAME) as image:
            return jpeg_table(_quantization(image))
    except PictureError:
        return None


def _quantization(image: Image.Image) -> Tables:
    tables: Tables = getattr(image, "quantization", {})
    return tables


def _subsampling(samplings: Samplings) -> str | None:
    """Name the chroma subsampling of a JPEG file; None of any other file, and without chroma."""
    if len(samplings) < 3:
        return None
    (width, height), (chroma_width, chroma_height) = samplings[:2]
    ratio = f"{width / max(chroma_width, 1):g} x {height / max(chroma_height, 1):g}"
    return _SUBSAMPLINGS.get(ratio, ratio)


def jpeg_table(tables: Tables) -> str | None:
    """Name quantisation tables, which say how coarsely a JPEG file was saved.

    ``quality 75`` where each number is at most one from what libjpeg, and so nearly every program,
    writes at that quality, as programs round differently. For others the sum of the luminance
    table, smaller if finer, and the beginning of a hash of all: ``sum 1213, 0a1b2c``.
    """
    if not tables:
        return None
    given = np.array([table for _, table in sorted(tables.items())])
    off = np.abs(_of_libjpeg()[:, np.arange(len(given)).clip(max=1)] - given)
    nearest = int(off.sum((1, 2)).argmin())
    if off[nearest].max() <= 1:
        return f"quality {nearest + 1}"
    digits = hashlib.sha256(str(given.tolist()).encode()).hexdigest()[:6]
    return f"sum {given[0].sum()}, {digits}"


@cache
def _of_libjpeg() -> npt.NDArray[np.int64]:
    """Return libjpeg's two tables at each quality, as Pillow writes them; (100, 2, 64)."""
    from PIL import Image

    tables = []
    for quality in range(1, 101):
        Image.new("RGB", (1, 1)).save(file := io.BytesIO(), "JPEG", quality=quality)
        with open_picture(file.getvalue()) as image:
            tables.append(list(_quantization(image).values()))
    return np.array(tables)


def _header_by_pillow(path: str, data: bytes, expected: str) -> _Header:
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
            samplings = [layer[1:3] for layer in getattr(image, "layer", ())]
            table, subsampling = jpeg_table(_quantization(image)), _subsampling(samplings)
            return width, height, table, subsampling, image.mode
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
