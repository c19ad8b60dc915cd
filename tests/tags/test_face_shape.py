"""Ratios, shapes and head poses of faces drawn to measure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.tags.face_shape import LONG_FROM, ROUND_BELOW, measure, shape_of
from faceaudit.tags.landmarks import Pose, estimate_pose
from tests.tags.faces import MIRRORED, drawn_face, mirrored

STRAIGHT = Pose(0.0, 0.0)


@pytest.mark.parametrize("face_ratio", [0.7, 0.85, 1.0])
@pytest.mark.parametrize("jaw_ratio", [0.7, 0.9])
def test_ratios_are_those_that_were_drawn(face_ratio, jaw_ratio):
    ratios = measure(drawn_face(face_ratio, jaw_ratio))
    assert ratios.face_ratio == pytest.approx(face_ratio)
    assert ratios.jaw_ratio == pytest.approx(jaw_ratio)
    assert 60 < ratios.chin_angle < 180


def test_a_pointed_chin_has_a_smaller_angle():
    flat, pointed = drawn_face(), drawn_face()
    pointed[[5, 11], 1] -= 20
    assert measure(pointed).chin_angle < measure(flat).chin_angle


@settings(deadline=None)
@given(
    turn=st.floats(-40, 40),
    scale=st.floats(0.2, 5),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    face_ratio=st.floats(0.6, 1.2),
)
def test_ratios_and_pose_depend_on_neither_tilt_nor_size_nor_place(turn, scale, shift, face_ratio):
    face = drawn_face(face_ratio)
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = face @ rotation * scale + shift
    assert measure(moved) == pytest.approx(measure(face))
    assert estimate_pose(moved) == pytest.approx(estimate_pose(face), abs=1e-6)


@pytest.mark.parametrize(
    ("face_ratio", "shape"),
    [
        (ROUND_BELOW - 0.001, "round"),
        (ROUND_BELOW + 0.001, "oval"),
        (LONG_FROM - 0.001, "oval"),
        (LONG_FROM + 0.001, "long"),
    ],
)
def test_shapes_at_their_cut_points(face_ratio, shape):
    assert shape_of(drawn_face(face_ratio), STRAIGHT) == shape


@pytest.mark.parametrize(
    ("pose", "shape"),
    [
        (Pose(19.0, 0.0), "oval"),
        (Pose(-21.0, 0.0), None),
        (Pose(0.0, 14.0), "oval"),
        (Pose(0.0, -16.0), None),
    ],
)
def test_turned_heads_get_no_shape(pose, shape):
    assert shape_of(drawn_face(), pose) == shape


def test_the_pose_is_estimated_where_it_is_not_known():
    straight, turned = drawn_face(), drawn_face()
    assert estimate_pose(straight).yaw == pytest.approx(0)
    turned[27:36, 0] += 45
    assert estimate_pose(turned).yaw > 20
    assert estimate_pose(mirrored(turned, 1)).yaw == pytest.approx(-estimate_pose(turned).yaw)
    assert shape_of(turned) is None
    lower_nose = drawn_face()
    lower_nose[30, 1] += 30
    assert estimate_pose(lower_nose).pitch < estimate_pose(straight).pitch


def test_mirroring_twice_changes_nothing():
    assert sorted(MIRRORED) == list(range(68))
    face = drawn_face() + np.array([100, 90])
    face[5] += (3, 4)
    once = mirrored(face, 256)
    assert not np.allclose(once, face)
    assert np.allclose(mirrored(once, 256), face)
