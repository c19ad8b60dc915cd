"""A face of sixty-eight points, drawn to measure."""

from __future__ import annotations

import numpy as np

from faceaudit.tags.landmarks import Points

#: The points' places in a mirrored picture.
MIRRORED = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)


def drawn_face(face_ratio: float = 0.85, jaw_ratio: float = 0.8, cheeks: float = 140.0) -> Points:
    """A symmetrical face of the given ratios, looking straight into the camera.

    The eyes lie at the height of the origin; the widest place is at their height.
    """
    points = np.zeros((68, 2))
    length = face_ratio * cheeks
    # Jaw line: half an ellipse from ear to ear by way of the chin.
    angles = np.linspace(np.pi, 0, 17)
    points[:17, 0] = cheeks / 2 * np.cos(angles)
    points[:17, 1] = length * 0.95 * np.sin(angles)
    points[[4, 12], 0] = np.array([-1, 1]) * jaw_ratio * cheeks / 2
    points[27:31, 1] = np.linspace(-0.05, 0.35, 4) * length
    points[31:36] = np.stack([np.linspace(-0.1, 0.1, 5) * cheeks, np.full(5, 0.45 * length)], 1)
    for eye, side in ((range(36, 42), -1), (range(42, 48), 1)):
        around = np.linspace(0, 2 * np.pi, 6, endpoint=False)
        points[list(eye), 0] = side * 0.22 * cheeks + 0.08 * cheeks * np.cos(np.pi + around)
        points[list(eye), 1] = -0.03 * cheeks * np.sin(np.pi + around)
    points[48:, 1] = 0.65 * length
    points[17:27, 1] = -0.15 * length
    points[8] = (0, points[27, 1] + length)
    # As symmetrical as the numbering says.
    flipped = points[list(MIRRORED)] * (-1, 1)
    return (points + flipped) / 2


def mirrored(points: Points, width: int) -> Points:
    """Return the landmarks that the mirrored picture of `width` pixels has."""
    flipped = points[list(MIRRORED)].copy()
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return flipped
