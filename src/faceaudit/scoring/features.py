"""What a detector sees of its pictures, as few numbers as a table can keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from faceaudit.errors import FaceAuditError
from faceaudit.model.preprocess import Prepared
from faceaudit.schema import FEATURES
from faceaudit.scoring.detectors import Detector


def features(detector: Detector, pictures: Sequence[Prepared | None]) -> pa.Array:
    """Return `FEATURES` numbers of each prepared picture, null where there is none.

    Those of `Detector.features` at unit length, so that the classifier's own scale does not
    matter, on directions that are drawn once for all: distances stay about as they are (Johnson &
    Lindenstrauss), and tables of several runs can be put together.
    """
    numbers = np.zeros((len(pictures), FEATURES), np.float16)
    there = np.array([picture is not None for picture in pictures])
    if there.any():
        with detector.blamed():
            seen = detector.features(np.stack([one for one in pictures if one is not None]))
            if seen is None:
                raise FaceAuditError(f"{detector.name} gives no features; leave --features out")
            length = np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)
            directions = np.random.default_rng(0).normal(size=(seen.shape[1], FEATURES))
            numbers[there] = seen / length @ directions / np.sqrt(FEATURES)
    return pa.FixedSizeListArray.from_arrays(
        pa.array(numbers.ravel()), FEATURES, mask=pa.array(~there)
    )
