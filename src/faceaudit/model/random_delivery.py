"""One delivery for all: pictures cut, resized and compressed at random, so that none tells a label.

The crops keep what is fine in a picture, which resizing alone would smooth away: the recipe of
O. Li et al., "Improving synthetic image detection towards generalization: an image
transformations perspective" (SAFE), 2025.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from faceaudit.model.preprocess import Pixels, square_pixels
from faceaudit.pictures import open_picture

#: Share of the picture's side that is kept, at least.
SMALLEST_CROP = 0.8
#: Side of the picture that is sent, as a share of the network's own.
SENT = (2 / 3, 7 / 6)
QUALITIES = (60, 95)
FILTERS = (
    *(Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.HAMMING),
    *(Image.Resampling.BICUBIC, Image.Resampling.LANCZOS),
)


def kept_side(size: int) -> int:
    """Return the side of the pictures from which those of a network of side `size` are cut.

    No more than 256 pixels, unless the network's own side asks for it.
    """
    return min(2 * size, max(256, round(size * 8 / 7)))


def deliver(pixels: Pixels, seed: int, size: int, smallest_crop: float = SMALLEST_CROP) -> Pixels:
    """Send a square picture the way that `seed` draws, and prepare what arrives as for scoring."""
    rng = np.random.default_rng(seed)
    side = len(pixels)
    crop = side * rng.uniform(smallest_crop, 1)
    left, top = rng.uniform(0, side - crop, 2)
    sent = max(8, round(size * rng.uniform(*SENT)))
    image = Image.fromarray(pixels).resize(
        (sent, sent), FILTERS[rng.integers(len(FILTERS))], (left, top, left + crop, top + crop)
    )
    quality = int(rng.integers(QUALITIES[0], QUALITIES[1], endpoint=True))
    chroma = "4:4:4" if rng.random() < 0.5 else "4:2:0"
    image.save(sending := io.BytesIO(), "JPEG", quality=quality, subsampling=chroma)
    with open_picture(sending.getvalue()) as arrived:
        return square_pixels(arrived, size)
