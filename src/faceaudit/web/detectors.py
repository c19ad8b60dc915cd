"""The detectors that the server offers, and what one of them says of one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.model.preprocess import Floats, Prepared
from faceaudit.schema import called_ai
from faceaudit.scoring import Detector, open_detector


@dataclass(frozen=True)
class Judged:
    """What a detector says of one picture.

    Attributes
    ----------
    p_ai : float
        Probability of AI-generated.
    called_ai : bool
    evidence : ndarray of float32, shape (h, w), or None
        See `Detector.explain`.
    distance, limit : float or None
        See `Detector.distance`.
    """

    p_ai: float
    called_ai: bool
    evidence: Floats | None
    distance: float | None = None
    limit: float | None = None


def judge(detector: Detector, pixels: Prepared) -> Judged:
    """Judge one picture; a detector judges one at a time."""
    batch = np.stack([pixels])
    p_ai = detector.p_ai(batch)
    called = called_ai(p_ai, detector.info.threshold)
    evidence = detector.explain(batch, called)
    known = detector.distance(batch)
    return Judged(
        float(p_ai[0]),
        bool(called[0]),
        None if evidence is None else evidence[0],
        *((float(known[0][0]), known[1]) if known else ()),
    )


def open_detectors(models: Sequence[Path | str] | None) -> list[Detector]:
    """Open models by name; None means all that are bundled.

    Raises
    ------
    FaceAuditError
        If one is not there, or two have the same name.
    """
    if models is None:
        # The default one first.
        names = sorted(bundled.model_names(), key=lambda name: name != bundled.DEFAULT_MODEL)
        models = [f"{bundled.PREFIX}{name}" for name in names]
    detectors = [open_detector(model) for model in models]
    for name, count in Counter(detector.name for detector in detectors).items():
        if count > 1:
            raise FaceAuditError(f"two of the models are called '{name}'; rename one folder")
    return detectors
