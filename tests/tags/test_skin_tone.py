"""Skin tone of flat colours, whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit.tags.skin_tone import (
    MONK_COLOURS,
    MONK_TONES,
    measure_skin,
    tone_of_colour,
)
from tests.tags.faces import drawn_face

pytest.importorskip("skimage", reason="needs the extra 'landmarks'")
FACE = drawn_face() + np.array([128, 90])


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((256, 256, 3), colour, np.uint8)


def test_every_tone_is_nearest_to_itself_and_darker_than_the_last():
    tones = [
        tone_of_colour([int(colour[at : at + 2], 16) for at in (0, 2, 4)])
        for colour in MONK_COLOURS
    ]
    assert [tone.monk for tone in tones] == list(MONK_TONES)
    # The angle orders the tones from the fifth on; the lightest four differ mostly in hue.
    angles = [tone.typology_angle for tone in tones]
    assert angles[4:] == sorted(angles[4:], reverse=True)


def test_the_typology_angle_of_a_known_colour():
    # sRGB (198, 161, 128) is CIELAB (69.0, 10.1, 21.9) under D65.
    assert tone_of_colour((198, 161, 128)).typology_angle == pytest.approx(
        np.degrees(np.arctan((68.97 - 50) / 22.05)), abs=1.0
    )


def test_the_cheeks_are_measured_and_nothing_else():
    pixels = flat((0, 0, 255))
    for corners in ((2, 31, 41), (14, 35, 46)):
        x, y = FACE[list(corners)].mean(axis=0).astype(int)
        pixels[y - 12 : y + 13, x - 12 : x + 13] = (160, 126, 86)
    assert measure_skin(pixels, FACE).monk == "Monk 6"


def test_less_light_makes_the_same_skin_darker():
    light = measure_skin(flat((215, 189, 150)), FACE)
    dark = measure_skin(flat((172, 151, 120)), FACE)
    assert light.monk == "Monk 5"
    assert dark.typology_angle < light.typology_angle
    assert MONK_TONES.index(dark.monk) > MONK_TONES.index(light.monk)


def test_cheeks_outside_the_picture():
    assert measure_skin(flat((160, 126, 86)), FACE + 5000) is None
