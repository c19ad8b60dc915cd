"""From an image file to the pixels a network sees: one way, for training and for scoring.

A classifier of this kind reacts to how a picture was resampled, so nothing here may differ
between the two. Pillow and numpy only; no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceaudit.pictures import FORMATS, PictureError, TooLargeError, as_seen, open_picture

RESIZE_RULE = (
    "EXIF orientation applied; transparency on white; largest centred square, "
    "then antialiased bilinear (Pillow)"
)

Status = Literal["ok", "no_face", "missing", "unreadable", "too_large", "replaced"]
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
#: What a classifier that prepares pictures its own way makes of one; of one shape in a batch.
Prepared = npt.NDArray[Any]


@dataclass(frozen=True)
class Picture:
    """What became of one image file."""

    #: ``no_face`` only where a face was looked for; ``replaced`` only where it is known which file
    #: there was.
    status: Status
    #: RGB, shape (size, size, 3), unless the classifier prepares pictures its own way; None unless
    #: the status is ``ok`` or ``no_face``.
    pixels: Prepared | None = None
    #: Of the file's bytes; None if they could not be read.
    sha256: str | None = None
    #: Why there are no pixels.
    reason: str = ""
    #: As `pixels`, of each variant that was asked for; None if it cannot be made of the picture.
    variants: tuple[Prepared | None, ...] = ()
    #: Of each of them, which share of the picture's pixels an edit changed; else not-a-number.
    changed: tuple[float, ...] = ()


def prepare(content: bytes, size: int, formats: tuple[str, ...] = FORMATS) -> Picture:
    """Make a whole file the square of `size` pixels that `RESIZE_RULE` says, as of `prepare_by`."""
    return prepare_by(lambda opened: square_pixels(opened, size), content, formats)


def prepare_by(
    how: Callable[[Image.Image], Prepared],
    content: bytes,
    formats: tuple[str, ...] = FORMATS,
) -> Picture:
    """Prepare a picture in a way of one's own; never raises for a bad one.

    Parameters
    ----------
    how : callable
        From an opened picture, of which no pixel need be decoded yet, to what a network takes.
    content : bytes
        A whole JPEG, PNG, WebP … file.
    formats : tuple of str
        As in `open_picture`.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        with open_picture(content, formats) as opened:
            pixels = how(opened)
    except PictureError as error:
        status: Status = "too_large" if isinstance(error, TooLargeError) else "unreadable"
        return Picture(status, None, sha256, str(error))
    except Exception as error:  # decoders raise nearly anything on damaged files
        return Picture("unreadable", None, sha256, f"{type(error).__name__}: {error}")
    return Picture("ok", pixels, sha256)


def square_pixels(image: Image.Image, size: int) -> Pixels:
    """Turn a picture of any shape and mode into the RGB square that `RESIZE_RULE` says.

    In uint8, shape (size, size, 3).
    """
    # Lets a JPEG decode at half or a quarter of its size, but only while that stays four times
    # finer than what is needed: closer than that, the shortcut would show in the pixels.
    image.draft(None, (4 * size, 4 * size))
    image = as_seen(image)
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    square = image.resize(
        (size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side)
    )
    return np.asarray(square)
