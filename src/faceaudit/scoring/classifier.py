"""A classifier ready to score pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceaudit.bundled import resolve_model
from faceaudit.model.checkpoint import load_checkpoint
from faceaudit.model.inference import Predictor
from faceaudit.model.preprocess import Picture, Status

if TYPE_CHECKING:
    from faceaudit.model.checkpoint import Checkpoint


@dataclass(frozen=True)
class ImageScore:
    """The score of one picture.

    Attributes
    ----------
    status : {'ok', 'missing', 'unreadable', 'too_large'}
    p_ai : float or None
        Probability of AI-generated; None unless the status is ``ok``.
    called_ai : bool or None
        The verdict at the classifier's threshold.
    reason : str
        Why there is no score.
    """

    status: Status
    p_ai: float | None = None
    called_ai: bool | None = None
    reason: str = ""


class Classifier:
    """A checkpoint and the machinery to apply it.

    Parameters
    ----------
    checkpoint : Checkpoint
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.prepare = checkpoint.record.input.prepare
        self._predict = Predictor(checkpoint.network, checkpoint.record.input)

    @classmethod
    def load(
        cls, model: Path | str, trust_pickle: bool = False, ai_class: str | None = None
    ) -> Classifier:
        """Load a model directory, ``bundled:NAME``, or a trusted checkpoint from elsewhere.

        Raises
        ------
        FaceAuditError
            If there is no such model, or it is damaged or an untrusted pickle.
        MissingExtraError
            If torch and its companions are not installed.
        """
        from faceaudit.model.architecture import require_model_extra

        require_model_extra("score")
        return cls(load_checkpoint(resolve_model(model), trust_pickle, ai_class))

    def p_ai(self, pictures: Sequence[Picture]) -> npt.NDArray[np.float32]:
        """Return the probability of AI-generated, not-a-number for pictures without pixels.

        Parameters
        ----------
        pictures : sequence of Picture
            Prepared by this classifier's `prepare`.

        Returns
        -------
        ndarray of float32, shape (n,)
        """
        scores = np.full(len(pictures), np.nan, np.float32)
        pixels = {i: p.pixels for i, p in enumerate(pictures) if p.pixels is not None}
        if pixels:
            scores[list(pixels)] = self._predict(np.stack(list(pixels.values())))
        return scores

    def moves_in_batch(self, pictures: Sequence[Picture]) -> float:
        """Return by how much the scores of pictures change at most when each is scored alone."""
        alone = np.concatenate([self.p_ai([picture]) for picture in pictures])
        return float(np.abs(self.p_ai(pictures) - alone).max())


def score_images(classifier: Classifier, images: Sequence[bytes | Image.Image]) -> list[ImageScore]:
    """Score a few pictures in memory.

    Parameters
    ----------
    classifier : Classifier
    images : sequence of bytes or PIL.Image.Image
        Whole image files, or decoded pictures.

    Returns
    -------
    list of ImageScore
        One for each image; a bad image has a status and a reason, and stops nothing.
    """
    pictures = [classifier.prepare(image) for image in images]
    threshold = np.float32(classifier.checkpoint.record.threshold)
    return [
        ImageScore("ok", float(p), bool(p >= threshold))
        if picture.status == "ok"
        else ImageScore(picture.status, reason=picture.reason)
        for picture, p in zip(pictures, classifier.p_ai(pictures), strict=True)
    ]
