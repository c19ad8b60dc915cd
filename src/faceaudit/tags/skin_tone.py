"""Skin tone of a picture: the individual typology angle, and the nearest Monk tone.

This measures pixels, not people: light, camera and retouching change it. It is off unless
asked for, and docs/tags.md says how far a change of the light moves it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceaudit.tags.base import Tag, TagValue
from faceaudit.tags.landmarks import Face, Pixels, Points

MONK_TONES = tuple(f"Monk {tone}" for tone in range(1, 11))
#: The scale's ten colours as published (E. Monk, The Monk Skin Tone Scale, 2019), sRGB.
MONK_COLOURS = (
    *("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96"),
    *("a07e56", "825c43", "604134", "3a312a", "292420"),
)
#: What benchmarks/index_skin_tone.py measured; goes with the tag into every report.
LIGHTING = (
    "20 % less light moves the angle by 8 degrees and 37 % of faces to another Monk tone, and "
    "the two cheeks of one face differ by 12 degrees (990 FFHQ photographs)"
)
#: Side of a cheek patch, in distances between the outer corners of the eyes.
PATCH_SIDE = 0.15


class SkinTone(NamedTuple):
    """Skin tone as a picture shows it.

    `typology_angle` is the individual typology angle (ITA) in degrees, arctan((L* - 50) / b*): the
    larger, the lighter; above 55 very light, below -30 dark (Chardon, Cretois and Hourseau, 1991).
    `monk` is the nearest tone of the Monk scale by the CIEDE2000 colour difference.
    """

    typology_angle: float
    monk: str


def measure_skin(pixels: Pixels, points: Points) -> SkinTone | None:
    """Measure the skin tone by the median colour of patches on both cheeks.

    `points` are landmarks in `pixels`. If both patches lie outside the picture, there is no tone.
    """
    side = PATCH_SIDE * np.linalg.norm(points[45] - points[36])
    patches = []
    # Midway between the cheek's outline, the nostril and the lower eyelid.
    for corners in ((2, 31, 41), (14, 35, 46)):
        left, top = np.round(points[list(corners)].mean(axis=0) - side / 2).astype(int)
        size = max(1, round(float(side)))
        patch = pixels[max(0, top) : top + size, max(0, left) : left + size]
        patches.append(patch.reshape(-1, 3))
    skin = np.concatenate(patches)
    return None if len(skin) == 0 else tone_of_colour(np.median(skin, axis=0))


def tone_of_colour(colour: npt.ArrayLike) -> SkinTone:
    """Return the skin tone of one sRGB colour, three numbers from 0 to 255."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    lab = rgb2lab(np.asarray(colour, dtype=float) / 255)
    scale = rgb2lab(np.array([list(bytes.fromhex(tone)) for tone in MONK_COLOURS]) / 255)
    nearest = int(np.argmin(deltaE_ciede2000(scale, np.tile(lab, (len(scale), 1)))))
    lightness, _, yellow = lab
    return SkinTone(float(np.degrees(np.arctan2(lightness - 50, yellow))), MONK_TONES[nearest])


def _look(face: Face) -> dict[str, TagValue]:
    if face.pixels is None or face.found is None:
        return {}
    tone = measure_skin(face.pixels, face.found)
    return {} if tone is None else {"typology_angle": tone.typology_angle, "skin_tone": tone.monk}


TAG = Tag(
    "skin_tone",
    values=MONK_TONES,
    look=_look,
    beside=("typology_angle",),
    needs="found landmarks",
    source=f"derived from the pixels of both cheeks by {{landmarks}}: {LIGHTING}",
    help="Derive the skin tone that the pixels show.",
)
