"""What a method of post-processing is: fitted on some scored images, applied to others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images

#: Groups and kinds of picture with fewer images of a label say too little to be fitted.
SMALLEST_GROUP = 30
#: A remapped score from here on is called AI-generated.
THRESHOLD = 0.5


@dataclass(frozen=True)
class Given:
    """For what a method is fitted.

    Attributes
    ----------
    groups : sequence of str
        Tags; their values, combined, are the groups whose errors count.
    threshold : float
        The classifier's own.
    target_fpr : float
        The largest share of any group's real photographs that may be called AI-generated, for
        methods that aim at one.
    """

    groups: Sequence[str]
    threshold: float
    target_fpr: float = 0.05
    confidence: float = 0.95


class Method(BaseModel, ABC):
    """A method as it was fitted; what was learned are its fields, so that it is JSON.

    Attributes
    ----------
    id : str
    decides_by : str
        What it looks at when it decides on a picture, in words.
    for_study : bool
        Whether it treats people differently by their tags.
    ranks : bool
        Whether its scores rank images, beyond the calls that they make.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: ClassVar[str]
    decides_by: ClassVar[str] = "the score alone"
    for_study: ClassVar[bool] = False
    ranks: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def fit(cls, images: Images, given: Given) -> Self:
        """Learn from labelled images.

        Raises
        ------
        FaceAuditError
            If they do not suffice; it says what is missing.
        """

    @abstractmethod
    def apply(self, images: Images) -> FloatArray:
        """Give scores from 0 to 1, shape (images,), called AI-generated from `THRESHOLD` on."""

    @property
    @abstractmethod
    def told(self) -> str:
        """What was learned, in a few words."""


def moved(score: ArrayLike, threshold: float) -> FloatArray:
    """Move scores so that `threshold` comes to lie at `THRESHOLD`; their order stays."""
    score = np.asarray(score, float)
    below = THRESHOLD * score / max(threshold, 1e-9)
    above = THRESHOLD + (1 - THRESHOLD) * (score - threshold) / max(1 - threshold, 1e-9)
    return np.where(score >= threshold, above.clip(THRESHOLD, 1), below)
