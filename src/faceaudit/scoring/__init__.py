"""Scoring: a detector over images. Importing this is cheap; torch comes with the first use."""

from faceaudit.scoring.detectors import Detector, open_detector
from faceaudit.scoring.runs import score
from faceaudit.scoring.shards import join

__all__ = ["Detector", "join", "open_detector", "score"]
