"""The one way to open a picture: of a known format, within limits, its first frame alone.

Pillow reads some forty formats and hands EPS to Ghostscript, which runs what the file says. So
nothing else in this package opens pictures; a test holds it to that.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from PIL import Image

#: Pillow's names of the formats in which photographs of faces are kept. (A JPEG with further
#: pictures behind the first opens as a JPEG and then calls itself MPO.)
FORMATS = (
    *("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"),
    *(["AVIF"] if find_spec("PIL._avif") else []),
)
#: More pixels than any camera's portrait: a decompression bomb or a map. Never decoded.
MAX_PIXELS = 80_000_000

_USUAL_NAMES = {"WEBP": "WebP", "HEIF": "HEIC"}


class PictureError(Exception):
    """A picture that is not opened; the message says why."""


class TooLargeError(PictureError):
    """A picture of more than `MAX_PIXELS` pixels."""

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_PIXELS // 1_000_000} million pixels; it was not opened")


@contextmanager
def open_picture(content: bytes, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """Open a picture by its header; its pixels are decoded when they are first asked for.

    Of a file with several frames or pages the first is given. Pillow's warnings of odd metadata
    and large sizes are silenced while the picture is open: the limits here are what counts.

    Raises
    ------
    PictureError
        If it is no picture of these formats (Pillow's names), whatever the file is called, or
        `TooLargeError`. Decoders raise nearly anything else when the pixels of a damaged file are
        asked for.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(content), formats=formats)
        except Image.DecompressionBombError:
            raise TooLargeError from None
        except Exception:  # on damaged headers decoders raise nearly anything
            raise PictureError(_what_it_is(content, formats)) from None
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise TooLargeError
            yield image


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
