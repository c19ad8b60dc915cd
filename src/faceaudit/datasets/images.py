"""One image file from its bytes: size, type and hash, and whether it is whole."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from struct import unpack_from
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name, suffix_of
from faceaudit.pictures import PictureError, TooLargeError, open_picture

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
#: Names of chroma subsampling, by how many luma samples there are to one of chroma each way.
_SUBSAMPLINGS = {"1 x 1": "4:4:4", "2 x 1": "4:2:2", "2 x 2": "4:2:0", "1 x 2": "4:4:0"}


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
    """Return the facts of an image, which is decoded in the cheapest way that tells it is whole.

    The name, `path`, promises a type.

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
            samplings = [layer[1:3] for layer in getattr(image, "layer", ())]
            table = _named_table(_hashable(image))
            delivery = (table, _subsampling(samplings), image.mode)
            if kind != "PNG" or not _is_whole_png(data):
                _decode(image)
    except TooLargeError as error:
        raise Reject("absurd size in pixels", str(error)) from None
    except PictureError as error:
        # Of these Pillow wants to see the end before it says what they are.
        webp_is_cut = data.startswith(b"RIFF") and len(data) < 8 + int.from_bytes(
            data[4:8], "little"
        )
        if webp_is_cut or data[4:12] == b"ftypavif":
            raise Reject("truncated image", "fetch it again") from None
        raise Reject("not a readable image", str(error)) from None
    digest = hashlib.sha256(data).hexdigest()
    return Facts(width, height, len(data), expected, *delivery, digest)


def _decode(image: Image.Image) -> None:
    """Decode a picture, of a usual JPEG the means of its blocks alone: half the time."""
    if not image.info.get("progressive"):
        image.draft("L", (1, 1))
    try:
        image.load()
    except Exception as error:  # decoders raise nearly anything
        raise Reject("truncated image", f"fetch it again ({error})") from None


def _is_whole_png(data: bytes) -> bool:
    """Tell by lengths and checksums that a PNG file is whole; if False, only decoding can tell."""
    at, lengths = 8, [0]
    while at + 12 <= len(data):
        length, kind = unpack_from(">I4s", data, at)
        end = at + 8 + length
        if data[end : end + 4] != crc32(data[at + 4 : end]).to_bytes(4, "big"):
            return False
        if kind == b"IDAT":
            lengths.append(length)
        if kind == b"IEND":  # the last part of the pixels is as long as the others only by chance
            return lengths[-1] != lengths[-2:][0]
        at = end + 4
    return False


def _hashable(image: Image.Image) -> tuple[tuple[int, ...], ...]:
    tables: Tables = getattr(image, "quantization", {})
    return tuple(tuple(table) for _, table in sorted(tables.items()))


@lru_cache(maxsize=1024)
def _named_table(tables: tuple[tuple[int, ...], ...]) -> str | None:
    """Name the tables of a file; a set's files share a few."""
    return jpeg_table(dict(enumerate(tables)))


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
            tables.append(_hashable(image))
    return np.array(tables)
