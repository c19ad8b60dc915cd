"""Face shape from 68 landmarks: round, oval or long, by the facial index of anthropometry.

The facial index is the height of the face from the root of the nose (nasion) to the chin
(gnathion) over its greatest width across the cheeks (bizygomatic width). R. Martin's classes
(Lehrbuch der Anthropologie, 1914; Martin and Saller, 1957) call a face hypereuryprosopic,
very broad, below 0.80, and leptoprosopic, narrow, from 0.90.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from faceaudit.tags.base import Tag, TagValue
from faceaudit.tags.landmarks import Face, Points, Pose, estimate_pose

#: Facial index below which a face is round, and from which it is long; oval lies between.
ROUND_BELOW = 0.80
LONG_FROM = 0.90
FACE_SHAPES = ("round", "oval", "long")
#: Beyond these degrees the ratios of a flat picture say little: no shape is given.
MAX_YAW = 20.0
MAX_PITCH = 15.0
#: What benchmarks/index_face_shape.py measured; goes with the tag into every report.
RELIABILITY = (
    "on 712 FFHQ photographs 88 % kept their shape in the mirrored copy (kappa 0.80) and 89 % "
    "between two crops (0.81); 91 % of children under ten are 'round'"
)


class Ratios(NamedTuple):
    """Ratios of one face, none of which depends on its tilt or size.

    Facial index: nasion to gnathion over bizygomatic width. Bigonial over bizygomatic width: jaw
    over cheeks (Martin's jugo-mandibular index). Degrees between the two sides of the jaw line at
    the chin; the larger, the flatter.
    """

    face_ratio: float
    jaw_ratio: float
    chin_angle: float


def measure(points: Points) -> Ratios:
    """Measure the ratios of a face by its landmarks."""

    def distance(first: int, second: int) -> float:
        return float(np.linalg.norm(points[first] - points[second]))

    cheeks = max(distance(0, 16), distance(1, 15))
    sides = points[[5, 11]] - points[8]
    cosine = sides[0] @ sides[1] / np.prod(np.linalg.norm(sides, axis=1))
    chin_angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return Ratios(distance(27, 8) / cheeks, distance(4, 12) / cheeks, chin_angle)


def shape_of(points: Points, pose: Pose | None = None) -> str | None:
    """Return the shape of a face, or None if the head is turned too far to tell.

    `pose` is the head's if it is known better than `estimate_pose` can tell.
    """
    pose = pose or estimate_pose(points)
    if abs(pose.yaw) > MAX_YAW or abs(pose.pitch) > MAX_PITCH:
        return None
    index = measure(points).face_ratio
    if index < ROUND_BELOW:
        return "round"
    return "long" if index >= LONG_FROM else "oval"


def _look(face: Face) -> dict[str, TagValue]:
    shape = None if face.points is None else shape_of(face.points, face.pose)
    if face.points is None or shape is None:
        return {}
    return {"face_shape": shape, **measure(face.points)._asdict()}


TAG = Tag(
    "face_shape",
    values=FACE_SHAPES,
    look=_look,
    beside=Ratios._fields,
    needs="landmarks",
    source=f"derived from {{landmarks}}: {RELIABILITY}",
    help="Derive round, oval or long from landmarks.",
)
