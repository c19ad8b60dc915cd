"""Head pose: bands of the yaw angle, in one place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.tags.base import Tag, in_bands

#: Lower edges of the bands in degrees to either side of straight into the camera.
HEAD_POSE_EDGES = (0, 15, 45)
HEAD_POSES = ("frontal", "half-profile", "profile")


def head_pose(yaw: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Cut yaw angles in degrees into `HEAD_POSES`, left and right alike."""
    return in_bands(pc.abs(yaw), HEAD_POSE_EDGES, HEAD_POSES)


TAG = Tag("head_pose", values=HEAD_POSES, origin="yaw", derive=head_pose)
