"""Scoring: a classifier over images. Importing this is cheap; torch comes with the first use."""

from faceaudit.scoring.classifier import Classifier, ImageScore, score_images
from faceaudit.scoring.local import score

__all__ = ["Classifier", "ImageScore", "score", "score_images"]
