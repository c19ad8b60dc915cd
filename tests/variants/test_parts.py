"""A hidden part is hidden: nothing in it is left, and nothing else is changed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from faceaudit.variants import asked_for
from faceaudit.variants.parts import PARTS, _mask
from tests.variants.faces import face, portrait

SIDE = 160
POINTS = face((80, 75), 38, 3)
VARIANTS = {variant.name.removeprefix("hidden-"): variant for variant in asked_for(edit=["parts"])}


def test_the_parts_are_the_whole_picture_each_pixel_once():
    masks = np.stack([_mask((SIDE, SIDE), POINTS, part) for part in PARTS]) > 0
    assert (masks.sum(axis=0) == 1).all()
    within = {"eyes": POINTS[36:48], "mouth": POINTS[48:], "nose": POINTS[31:36]}
    for part, points in within.items():
        x, y = np.rint(points).astype(int).T
        assert masks[PARTS.index(part), y, x].all(), part
    assert masks[PARTS.index("border"), 0, 0] and masks[PARTS.index("hair"), 25, 80]
    assert masks[PARTS.index("cheeks"), 155, 80] or masks[PARTS.index("cheeks"), 140, 80]


@pytest.mark.parametrize("part", PARTS)
def test_nothing_in_a_part_is_left_and_the_rest_is_as_it_was(part):
    image = np.asarray(portrait(POINTS, SIDE, np.random.default_rng(1)))
    inside = _mask((SIDE, SIDE), POINTS, part) > 0
    other = np.where(inside[..., None], 255 - image, image)
    hidden, hidden_other = (
        np.asarray(VARIANTS[part].change(Image.fromarray(of), POINTS)) for of in (image, other)
    )
    assert (hidden[inside] == hidden_other[inside]).all()
    assert np.abs(hidden[inside].astype(int) - image[inside]).mean() > 2
    near = np.asarray(Image.fromarray(np.uint8(255 * inside)).filter(ImageFilter.MaxFilter(11)))
    assert (hidden[near == 0] == image[near == 0]).all()


def test_nothing_hidden_is_the_picture_and_no_face_is_no_variant():
    image = portrait(POINTS, SIDE)
    assert (np.asarray(VARIANTS["nothing"].change(image, POINTS)) == np.asarray(image)).all()
    assert all(variant.change(image, None) is None for variant in VARIANTS.values())
