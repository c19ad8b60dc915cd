"""Parts of the picture, hidden one at a time: what an answer rests on, for any classifier.

A hidden part is filled with what surrounds it: each pixel is the mean of the rest of the picture,
the nearer the heavier. A blur would keep the part's colours and dark spots, which are evidence
too; one grey for all would add an edge and a colour that is in no photograph.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter

from faceaudit.tags.landmarks import Points
from faceaudit.variants.base import Edit, Variant

#: In distances between the eyes: the soft edge of a part, and how far the means reach that fill it.
SOFT, REACH = 0.03, (0.8, 0.4, 0.2, 0.1, 0.05)
#: How little a mean that reaches further counts for where a nearer one sees anything.
FADE = 0.01
#: The longer side, in pixels, of the picture whose means are taken.
SMALL = 96
#: The whole picture in parts; each is without those before it.
PARTS = ("eyes", "mouth", "nose", "hair", "border", "cheeks")


def hidden(picture: Image.Image, points: Points | None, *, part: str) -> Image.Image | None:
    """Hide a part; ``nothing`` gives the picture as it is, but without the facts of its file."""
    if points is None:
        return None
    if part == "nothing":
        return picture.copy()
    between = float(np.linalg.norm(_down(points)))
    mask = Image.fromarray(_mask(picture.size, points, part))
    # Outside alone the edge is soft.
    edge = ImageChops.lighter(mask, mask.filter(ImageFilter.GaussianBlur(SOFT * between)))
    return Image.composite(_surroundings(picture, mask, between), picture, edge)


def _down(points: Points) -> NDArray[np.float64]:
    """Return the way from the eyes to the mouth, as far as the eyes are apart."""
    across = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    return np.array([-across[1], across[0]])


def _mask(size: tuple[int, int], points: Points, part: str) -> NDArray[np.uint8]:
    """Draw where a part is, 255 there."""
    down = _down(points)
    across = np.array([down[1], -down[0]])
    between, middle = float(np.linalg.norm(down)), points[36:48].mean(axis=0)

    def drawn(outline: NDArray[np.float64], around: float = 0.0) -> NDArray[np.bool_]:
        canvas = Image.new("1", size)
        draw, corners = ImageDraw.Draw(canvas), [tuple(of) for of in outline.tolist()]
        draw.polygon(corners, fill=1)
        if width := round(2 * around * between):
            draw.line([*corners, *corners[:2]], fill=1, width=width, joint="curve")
        return np.asarray(canvas)

    angle = np.linspace(0, 2 * np.pi, 90)[:, None]
    head = middle + 1.75 * np.cos(angle) * across + (0.2 + 2.2 * np.sin(angle)) * down
    face = np.concatenate([points[:17], points[26:16:-1]])
    height = ((np.indices(size[::-1])[::-1].T - middle) @ down / between**2).T
    # Room for glasses below the eyes.
    below = points[[45, 46, 47, 42, 39, 40, 41, 36]] + 0.3 * down
    found = {
        "eyes": drawn(np.concatenate([points[17:27], below]), 0.17),
        "mouth": drawn(points[48:60], 0.1),
        "nose": drawn(points[[27, 31, 32, 33, 34, 35]], 0.1),
        "hair": drawn(head) & ~drawn(face) & (height < 1),
        "border": ~drawn(head),
        "cheeks": np.ones(size[::-1], bool),
    }
    before = [found[of] for of in PARTS[: PARTS.index(part)]]
    return np.where(found[part] & ~np.any([~found[part], *before], axis=0), 255, 0).astype(np.uint8)


def _surroundings(picture: Image.Image, mask: Image.Image, between: float) -> Image.Image:
    """Give each pixel the mean of those outside the mask, the nearer the heavier."""
    scale = min(SMALL / max(picture.size), 1.0)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # Black where hidden: all that is averaged is what is seen.
    seen = Image.composite(Image.new("RGB", picture.size), picture, mask)
    colour = np.asarray(seen.resize(size, Image.Resampling.BOX), float)
    weight = 1 - np.asarray(mask.resize(size, Image.Resampling.BOX), float)[..., None] / 255
    # Where nothing seen is within reach, it is the mean of all that is.
    sums, weights = (of.mean(axis=(0, 1)) for of in (colour, weight))
    for reach in REACH:
        sigma = (reach * between * scale, reach * between * scale, 0)
        sums = FADE * sums + gaussian_filter(colour, sigma)
        weights = FADE * weights + gaussian_filter(weight, sigma)
    filled = np.rint(sums / np.maximum(weights, 1e-12)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(filled).resize(picture.size, Image.Resampling.BICUBIC)


EDIT = Edit(
    "parts",
    tuple(
        Variant(f"hidden-{part}", partial(hidden, part=part), needs_landmarks=True)
        for part in (*PARTS, "nothing")
    ),
)
