"""Scoring: a detector over images. Importing this is cheap; torch comes with the first use."""

from faceaudit.scoring.detectors import Detector, open_detector
from faceaudit.scoring.local import score

__all__ = ["Detector", "open_detector", "score"]
