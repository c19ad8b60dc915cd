"""A face of sixty-eight points as they lie in photographs on average, and pictures of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from faceaudit.tags.landmarks import Points
from tests.pictures import write_manifest

#: The left half of an average face, symmetrical: hundredths of the distance between the eyes, from
#: the middle between them; and where the right half goes on.
_JAW = [(-118, 3), (-117, 34), (-114, 64), (-108, 95), (-96, 122), (-77, 147), (-54, 167)]
_BROW = [(-93, -21), (-79, -34), (-58, -39), (-37, -36), (-18, -28)]
_NOSE = [(0, -3), (0, 17), (0, 36), (0, 56)]
_NOSTRILS = [(-24, 70), (-12, 74), (0, 78), (12, 74), (24, 70)]
_EYE = [(-70, 0), (-57, -7), (-42, -7), (-30, 3), (-43, 5), (-58, 5)]
_LIPS = [(-45, 107), (-29, 100), (-12, 97), (0, 100), (12, 97), (29, 100), (45, 107)]
_LOWER = [(29, 123), (13, 131), (0, 132), (-13, 131), (-29, 123)]
_INNER = [(-38, 108), (-12, 107), (0, 108), (12, 107), (38, 108), (12, 116), (0, 117), (-12, 116)]


def _mirrored(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(-x, y) for x, y in points]


_jaw = [*_JAW, (-29, 184), (0, 189)]
AVERAGE = np.array(
    [
        *(*_jaw, *_mirrored(_jaw[-2::-1])),
        *(*_BROW, *_mirrored(_BROW[::-1])),
        *(*_NOSE, *_NOSTRILS),
        *(*_EYE, *_mirrored([_EYE[i] for i in (3, 2, 1, 0, 5, 4)])),
        *(*_LIPS, *_LOWER, *_INNER),
    ],
    float,
)


def face(middle: tuple[float, float], between: float, degrees: float = 0.0) -> Points:
    """Place the average face by the middle of its eyes and their distance, turned clockwise."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return AVERAGE @ turn * (between / 100) + middle


def portrait(points: Points, side: int, rng: np.random.Generator | None = None) -> Image.Image:
    """Draw a plain face at these points; with `rng`, grainy and of a colour of its own."""
    rng_of = rng or np.random.default_rng(0)
    skin = (200, 160, 140) if rng is None else tuple(rng_of.integers(120, 220, 3).tolist())
    image = Image.new("RGB", (side, side), (90, 110, 130))
    draw = ImageDraw.Draw(image)
    middle, between = points[36:48].mean(axis=0), np.ptp(points[[36, 45], 0]) / 1.4
    across, down = np.array([between * 1.25, 0]), np.array([0, between * 1.8])
    draw.ellipse([*(middle - across - down), *(middle + across + down * 1.1)], fill=skin)
    for outline in (points[36:42], points[42:48], points[48:60]):
        draw.polygon([tuple(of) for of in outline.tolist()], fill=(60, 40, 40))
    grain = rng_of.normal(0, 0 if rng is None else 6, (side, side, 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def draw_faces(folder: Path, labels: Sequence[str], points: Points, side: int, seed: int) -> Path:
    """Draw a face for each label below `folder`, all at these points, and return their manifest."""
    rng = np.random.default_rng(seed)
    names = [f"{i}.png" for i in range(len(labels))]
    for name in names:
        portrait(points, side, rng).save(folder / name)
    return write_manifest(folder, names, list(labels))
