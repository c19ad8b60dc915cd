"""Drawn glasses, and as a control the same drawing where nobody wears any.

A classifier may react to glasses, or to anything that is drawn into a photograph. The control, the
*sham*, is the very same layer of paint (as many pixels of the same shape, turn and colours), moved
up to the forehead or down below the mouth, whichever changes the picture most nearly as much.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from faceaudit.tags.landmarks import Points
from faceaudit.variants.base import Edit, Variant

#: Drawn so many times larger than it is pasted, for smooth edges.
FINE = 4
#: Where a sham may go, in distances between the eyes, downwards: to the forehead or below the
#: mouth; only where a picture is cropped too tightly for those, over the lower face.
MOVES = ((-0.85, -1.0, -1.15, 1.75, 1.9), (0.9, 1.1, 1.3))
#: So far apart they do not overlap.
APART = 0.8

Colour = tuple[int, int, int, int]


class Style(NamedTuple):
    """A pair of glasses; lengths are in widths of an eye, between its corners."""

    #: Half the height of a lens, and the exponent of its superellipse: 2 is round.
    height: float
    corners: float
    stroke: float
    frame: Colour


STYLES = (
    Style(0.72, 2.2, 0.07, (84, 76, 68, 245)),
    Style(0.54, 4.5, 0.13, (26, 24, 26, 250)),
    Style(0.64, 3.0, 0.11, (74, 46, 30, 250)),
)
CLEAR: Colour = (225, 235, 245, 24)
DARK: Colour = (22, 22, 28, 225)


def worn(picture: Image.Image, points: Points | None, lens: Colour = CLEAR) -> Image.Image | None:
    """Draw glasses on a face; which style, hangs on nothing but its pixels."""
    return None if points is None else _pasted(picture, *_layer(picture, points, lens))


def sham(picture: Image.Image, points: Points | None, lens: Colour = CLEAR) -> Image.Image | None:
    """Draw the same elsewhere on the head; None also where there is no room for all of it."""
    if points is None:
        return None
    layer, place = _layer(picture, points, lens)
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    down = (right - left)[::-1] * (-1, 1)
    change = _change(picture, _pasted(picture, layer, place))
    for moves in MOVES:
        there = (place + np.rint(of * down).astype(int) for of in moves)
        inside = [np.clip(to, 0, np.subtract(picture.size, layer.size)) for to in there]
        apart = [to for to in inside if abs((to - place) @ down) >= APART * (down @ down)]
        if drawn := [_pasted(picture, layer, to) for to in apart]:
            return min(drawn, key=lambda of: abs(_change(picture, of) - change))
    return None


def _layer(
    picture: Image.Image, points: Points, lens: Colour
) -> tuple[Image.Image, NDArray[np.int64]]:
    """Draw glasses on transparent ground, cut to what the picture shows; and where they belong."""
    style = STYLES[crc32(picture.tobytes()) % len(STYLES)]
    corners = points[[36, 39, 42, 45]]
    across = corners[2:].mean(axis=0) - corners[:2].mean(axis=0)
    across /= np.linalg.norm(across)
    down = across[::-1] * (-1, 1)
    widths = (corners[[1, 3]] - corners[[0, 2]]) @ across
    wide = widths.max()
    stroke = style.stroke * wide

    # All in pixels of the picture: two rims, and from each its bridge and its arm to the ear.
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rim = np.sign(circle) * np.abs(circle) ** (2 / style.corners)
    rims, bridge, arms = [], [], []
    for side, width, eye, ear in zip(
        (-1, 1), widths, (slice(36, 42), slice(42, 48)), points[[0, 16]], strict=True
    ):
        half = 0.86 * width
        centre = points[eye].mean(axis=0) + 0.1 * side * width * across + 0.14 * wide * down
        rims.append(centre + rim[:, :1] * half * across + rim[:, 1:] * style.height * wide * down)
        high = centre - 0.3 * style.height * wide * down
        bridge.append(high - side * half * across)
        hinge = high + side * half * across
        if side * (ear - hinge) @ across > 0:
            arms.append(np.array([hinge, ear]))
    middle = sum(bridge) / 2 - 0.12 * wide * down
    lines = [np.array([bridge[0], middle, bridge[1]]), *arms]

    every = np.concatenate([*rims, *lines])
    edge = stroke + 0.1 * wide
    start = np.maximum(np.floor(every.min(axis=0) - edge), 0).astype(int)
    end = np.minimum(np.ceil(every.max(axis=0) + edge), picture.size).astype(int)
    size = tuple((end - start).tolist())
    canvas = Image.new("RGBA", tuple((FINE * (end - start)).tolist()), (*style.frame[:3], 0))
    draw = ImageDraw.Draw(canvas)

    def fine(of: NDArray[np.float64]) -> list[tuple[float, float]]:
        return [tuple(at) for at in (FINE * (of - start)).tolist()]

    thick = max(round(FINE * stroke), FINE)
    for of in rims:
        draw.polygon(fine(of), fill=lens)
    for of in [*(np.concatenate([of, of[:2]]) for of in rims), *lines]:
        draw.line(fine(of), fill=style.frame, width=thick, joint="curve")
    return canvas.resize(size, Image.Resampling.BOX), start


def _pasted(picture: Image.Image, layer: Image.Image, place: NDArray[np.int64]) -> Image.Image:
    drawn = picture.copy()
    drawn.paste(layer, tuple(place.tolist()), layer)
    return drawn


def _change(picture: Image.Image, drawn: Image.Image) -> float:
    return float(np.abs(np.asarray(drawn, np.int16) - np.asarray(picture)).sum())


def edit(name: str, lens: Colour) -> Edit:
    """Name both drawings as variants."""
    how = ("", worn), ("-sham", sham)
    variants = (
        Variant(name + end, partial(of, lens=lens), needs_landmarks=True) for end, of in how
    )
    return Edit(name, tuple(variants))


EDIT = edit("glasses", CLEAR)
