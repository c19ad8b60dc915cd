"""The one way to open a picture: of a known format, within limits, whole, its first frame alone.

Pillow reads some forty formats and hands EPS to Ghostscript, which runs what the file says. So
nothing else in this package opens pictures; a test holds it to that.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from threading import RLock

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

#: Pillow's names of the formats in which photographs of faces are kept. (A JPEG with further
#: pictures behind the first opens as a JPEG and then calls itself MPO.)
FORMATS = (
    *("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"),
    *(["AVIF"] if find_spec("PIL._avif") else []),
)
#: More pixels than any camera's portrait: a decompression bomb or a map. Never decoded.
MAX_PIXELS = 80_000_000
#: The same of either side: Pillow keeps a pointer and its surroundings for each row.
MAX_SIDE = 32_768
#: Bytes that a picture may take while it is decoded and made RGB.
MAX_MEMORY = 800_000_000
#: Bytes a pixel that this takes, somewhat above what was measured (benchmarks/hostile_pictures.py).
#: libwebp, libtiff, libheif and libavif hold further copies, and of a JPEG in several scans there
#: are its coefficients and a second picture, see `_refuse_cut`.
_BYTES_A_PIXEL = {"WEBP": 20, "TIFF": 16, "AVIF": 16, "HEIF": 16, "JPEG in several scans": 20}
_USUAL_BYTES_A_PIXEL = 10
#: Pictures that take more than a quarter of the limit are decoded one after the other.
_ONE_AT_A_TIME = RLock()
#: A JPEG has about ten scans where it has several; each takes the time of all its pixels.
MAX_SCANS = 30
#: Parts of a JPEG file, which Pillow reads one by one; those of a long profile are 64 kB each.
MAX_SEGMENTS = 10_000
#: Pixels from which those of a JPEG are compared at a time.
_STRIP = 2**20
# A marker that is no byte of a scan: no stuffed 0xFF, restart or fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_SCAN, _END = 0xDA, 0xD9
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
# What a scan that goes on would read: bytes of all kinds but 0xFF.
_FILLER = bytes(range(251, 0, -3))

_USUAL_NAMES = {"WEBP": "WebP", "HEIF": "HEIC"}


class PictureError(Exception):
    """A picture that is not opened; the message says why."""


class TooLargeError(PictureError):
    """A picture beyond `MAX_SIDE`, or beyond `MAX_PIXELS` or `MAX_MEMORY` when decoded."""


@contextmanager
def open_picture(content: bytes, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """Open a picture by its header; its pixels are decoded when they are first asked for.

    Of a file with several frames or pages the first is given. Pillow's warnings of odd metadata
    and large sizes are silenced while the picture is open: the limits here are what counts.

    Raises
    ------
    PictureError
        If it is no picture of these formats (Pillow's names), whatever the file is called, or
        `TooLargeError`; also when the pixels of a JPEG are asked for that was cut short. Decoders
        raise nearly anything else when the pixels of a damaged file are asked for.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scans, end = _scans(content) if content.startswith(b"\xff\xd8") else (0, None)
        try:
            image = Image.open(io.BytesIO(content), formats=formats)
        except Image.DecompressionBombError:
            raise _too_many(MAX_PIXELS) from None
        except Exception:  # on damaged headers decoders raise nearly anything
            raise PictureError(_what_it_is(content, formats)) from None
        with image:
            if image.mode == "F":
                raise PictureError("its pixels are floating-point numbers of unknown range")
            kind = str(image.format)
            if isinstance(image, JpegImageFile):
                kind = "JPEG in several scans" if scans > 1 else "JPEG"
                # Pillow calls it when the pixels are decoded.
                image.load_end = partial(  # type: ignore[method-assign]
                    _refuse_cut, image, content, scans, end
                )
            large = _memory(image, kind) > MAX_MEMORY // 4
            try:
                with _ONE_AT_A_TIME if large else nullcontext():
                    yield image
            finally:  # or picture and function would keep each other in memory
                vars(image).pop("load_end", None)


def as_seen(image: Image.Image) -> Image.Image:
    """Return an opened picture as people see it: RGB, turned as its EXIF says, on white.

    The picture itself is turned too.
    """
    turn(image)
    if not image.has_transparency_data and not image.mode.startswith("I"):
        return image.convert("RGB")
    # Some rows at a time, or a picture would be in memory four times over.
    seen = Image.new("RGB", image.size)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        seen.paste(_on_white(strip), (0, top))
    return seen


def turn(image: Image.Image) -> None:
    """Turn a picture in place as its EXIF data say; those that cannot be read say nothing."""
    image.load()
    with suppress(Exception):  # damaged metadata raise nearly anything
        ImageOps.exif_transpose(image, in_place=True)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow would clip it at 255
        grey = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        white = Image.new("RGBA", colour.size, "white")
        image = Image.alpha_composite(white, colour)
    return image.convert("RGB")


def _memory(image: Image.Image, kind: str) -> int:
    """Return the bytes that decoding takes, by the header, or raise `TooLargeError`."""
    width, height = image.size
    if isinstance(image, TiffImageFile):  # a tile is decoded whole, however little is shown of it
        across, down = (image.tag_v2.get(tag) for tag in (TILEWIDTH, TILELENGTH))
        width = max(width, across if isinstance(across, int) else 0)
        height = max(height, down if isinstance(down, int) else 0)
    if max(width, height) > MAX_SIDE:
        raise TooLargeError(f"a side of more than {MAX_SIDE:,} pixels; it was not opened")
    bytes_a_pixel = _BYTES_A_PIXEL.get(kind, _USUAL_BYTES_A_PIXEL)
    limit = min(MAX_PIXELS, MAX_MEMORY // bytes_a_pixel)
    if width * height > limit:
        told = "" if limit == MAX_PIXELS else f", the limit of a {_USUAL_NAMES.get(kind, kind)}"
        raise _too_many(limit, told)
    return width * height * bytes_a_pixel


def _too_many(limit: int, where: str = "") -> TooLargeError:
    return TooLargeError(f"more than {limit // 1_000_000} million pixels{where}; it was not opened")


def _scans(content: bytes) -> tuple[int, int | None]:
    """Count the scans of the first picture in a JPEG file, and say where its end marker is."""
    scans, at = 0, 2
    for _ in range(MAX_SEGMENTS):
        if not (found := _MARKER.search(content, at)):
            return scans, None
        at = found.start()
        if content[at + 1] == _END:
            return scans, at
        scans += content[at + 1] == _SCAN
        if scans > MAX_SCANS:
            raise PictureError(f"a JPEG of more than {MAX_SCANS} scans")
        # A segment says its length; what follows that of a scan is skipped by the search.
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise PictureError(f"a JPEG of more than {MAX_SEGMENTS:,} segments")


def _refuse_cut(image: JpegImageFile, content: bytes, scans: int, end: int | None) -> None:
    """Refuse a decoded JPEG whose data end before its pixels do, though an end marker follows.

    libjpeg makes what is missing grey and warns, which Pillow does not pass on. But only then do
    further bytes before the end marker change the picture. That is tried where the last pixel
    is the grey of no data, and where there are several scans, the last of which may be cut.
    """
    last = image.getpixel((image.width - 1, image.height - 1))
    grey = {*(last if isinstance(last, tuple) else (last,))} <= {127, 128}
    if end is None or (scans == 1 and not grey):
        return
    restarts = _RESTART.findall(content, 0, end)
    awaited = 0xD0 + (restarts[-1][0] + 1 & 7 if restarts else 0)
    longer = content[:end] + _FILLER + b"\xff%c" % awaited + _FILLER + content[end:]
    whole, other = (JpegImageFile(io.BytesIO(data)) for data in (content, longer))
    if scans == 1:  # the means of blocks tell
        for one in (whole, other):
            one.draft("L", (1, 1))
    elif (image.mode, image.size) == (whole.mode, whole.size):
        whole = image
    rows = max(1, _STRIP // whole.width)
    for top in range(0, whole.height, rows):
        box = (0, top, whole.width, min(top + rows, whole.height))
        if whole.crop(box).tobytes() != other.crop(box).tobytes():
            raise PictureError("cut short: its data end before its last row")


def _what_it_is(content: bytes, formats: tuple[str, ...]) -> str:
    start = content[:1000].lstrip().lower()
    if not content:
        return "the file is empty"
    if b"<svg" in start:
        return "an SVG is a drawing that can carry a program, not a photograph"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it holds a web page: the download failed, fetch it again"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer: run 'git lfs pull' where it came from"
    if start.startswith(b"%!ps") or content.startswith(b"\xc5\xd0\xd3\xc6"):
        return "PostScript (EPS) is a program, not a photograph"
    if not any(content[:64]):
        return "it begins with zeros: fetch it again"
    kinds = ", ".join(_USUAL_NAMES.get(name, name) for name in formats)
    return f"damaged, or not a picture of a kind that can be read here: {kinds}"
