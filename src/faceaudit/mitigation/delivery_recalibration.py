"""Scores recalibrated by the kind of picture: what a score means may hang on its delivery."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit, logit

from faceaudit.errors import FaceAuditError
from faceaudit.mitigation.base import SMALLEST_GROUP, Given, Method, moved
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.wording import counted

#: The facts that make a kind.
FACTS = ("format", "jpeg_table", "width", "height")
#: Scores nearer to 0 or 1 than this count as this near.
NEAREST = 1e-6


class DeliveryRecalibration(Method):
    """Platt scaling within each kind of picture; it looks at no person's tags.

    Notes
    -----
    Both labels weigh the same in each kind, however many images they have: else a kind in which
    most pictures are AI-generated would be evidence against a photograph that came that way,
    which is the shortcut that is to be mended. For the same reason a kind with few images of a
    label keeps its scores.

    References
    ----------
    Platt (1999), Advances in Large Margin Classifiers, 61–74.
    """

    id = "delivery-recalibration"
    decides_by = "the score and the picture's delivery"

    #: The classifier's own, for kinds that have no map.
    threshold: float
    #: Kind: slope and intercept over the log odds.
    kinds: dict[str, tuple[float, float]]

    @classmethod
    def fit(cls, images: Images, given: Given) -> Self:
        """Fit a logistic regression in each kind; one that reverses the order is not taken."""
        from sklearn.linear_model import LogisticRegression

        if not set(FACTS) & set(images.table.column_names):
            raise FaceAuditError(f"nothing is known of the delivery: no {', '.join(FACTS)}")
        kinds, is_ai, log_odds = _kinds(images), images.is_ai, _log_odds(images)
        of, n = np.unique(kinds, return_counts=True)
        n_ai = np.array([is_ai[kinds == kind].sum() for kind in of])
        own = of[np.minimum(n_ai, n - n_ai) >= SMALLEST_GROUP].tolist()
        if not own:
            raise FaceAuditError(f"no kind of picture has {SMALLEST_GROUP} images of each label")
        fitted = {}
        for kind in own:
            rows = kinds == kind
            model = LogisticRegression(class_weight="balanced")
            model.fit(log_odds[rows, None], is_ai[rows])
            slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
            if slope > 0:
                fitted[kind] = slope, intercept
        return cls(threshold=given.threshold, kinds=fitted)

    def apply(self, images: Images) -> FloatArray:
        """Map each score by its kind; the scores of all other kinds are moved only."""
        scores, log_odds, kinds = (
            moved(images.score, self.threshold),
            _log_odds(images),
            _kinds(images),
        )
        for kind, (slope, intercept) in self.kinds.items():
            rows = kinds == kind
            scores[rows] = expit(slope * log_odds[rows] + intercept)
        return scores

    @property
    def told(self) -> str:
        """How many kinds there are."""
        return counted(len(self.kinds), "kind of picture", "kinds of picture")


def _log_odds(images: Images) -> FloatArray:
    return np.asarray(logit(np.clip(images.score.astype(float), NEAREST, 1 - NEAREST)))


def _kinds(images: Images) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    facts = [images.table[name] for name in FACTS if name in images.table.column_names]
    texts = [pc.fill_null(of.cast(pa.string()), "unknown") for of in facts]
    return np.array(pc.binary_join_element_wise(*texts, ", ").to_pylist(), object)


METHOD = DeliveryRecalibration
