"""Head pose: bands of the yaw angle, in one place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

#: Lower edges of the bands in degrees to either side of straight into the camera.
HEAD_POSE_EDGES = (0, 15, 45)
HEAD_POSES = ("frontal", "half-profile", "profile")


def head_pose(yaw: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Cut yaw angles into `HEAD_POSES`, left and right alike.

    Parameters
    ----------
    yaw : pyarrow.Array of numbers
        Degrees; null and not-a-number become null.

    Returns
    -------
    pyarrow.Array of str
    """
    if isinstance(yaw, pa.ChunkedArray):
        yaw = yaw.combine_chunks()
    degrees = np.abs(yaw.cast(pa.float64()).to_numpy(zero_copy_only=False))
    known = np.isfinite(degrees)
    position = np.searchsorted(HEAD_POSE_EDGES, np.where(known, degrees, 0), side="right") - 1
    return pa.array(np.array(HEAD_POSES, dtype=object)[position], pa.string(), mask=~known)
