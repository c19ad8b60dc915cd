"""A threshold for each group, by fairlearn: for study only, as it treats people by their tags."""

from __future__ import annotations

from typing import Any, NamedTuple, Self
from zlib import crc32

import numpy as np
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.mitigation.base import SMALLEST_GROUP, THRESHOLD, Given, Method
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.wording import counted


class Mixed(NamedTuple):
    """With these chances a score is held against the one or the other threshold, or a coin.

    The coin says AI-generated with the chance `coin`.
    """

    ignore: float
    coin: float
    p0: float
    threshold0: float
    p1: float
    threshold1: float


class ThresholdOptimizer(Method):
    """fairlearn's ``ThresholdOptimizer`` for equalized odds: alike FPR and FNR in all groups.

    A group's threshold may be drawn by lot; the lot hangs on the image's name, so that it always
    falls alike. Images of no fitted group keep the classifier's own threshold.

    References
    ----------
    Hardt, Price & Srebro (2016), Advances in Neural Information Processing Systems 29.
    """

    id = "threshold-optimizer"
    decides_by = "the score and the person's tags"
    for_study = True
    ranks = False

    tags: tuple[str, ...]
    threshold: float
    groups: dict[str, Mixed]

    @classmethod
    def fit(cls, images: Images, given: Given) -> Self:
        """Let fairlearn choose, over the groups that have enough of both labels."""
        from fairlearn.postprocessing import ThresholdOptimizer as Fairlearn

        counts = images.counts(given.groups, given.threshold)
        large = np.minimum(counts.n_real, counts.n_ai) >= SMALLEST_GROUP
        if large.sum() < 2:
            raise FaceAuditError(
                f"it needs two groups with {SMALLEST_GROUP} images of each label, and "
                f"{int(large.sum())} of {counted(len(large), 'group')} has"
            )
        code = images.grouping(given.groups).code
        rows = (code >= 0) & large[code]
        optimizer = Fairlearn(
            estimator=_as_it_is(),
            constraints="equalized_odds",
            objective="balanced_accuracy_score",
            prefit=True,
            predict_method="predict_proba",
        )
        optimizer.fit(
            images.score[rows, None].astype(float),
            images.is_ai[rows].astype(int),
            sensitive_features=code[rows],
        )
        chosen = optimizer.interpolated_thresholder_.interpolation_dict
        groups = {counts.labels[group]: _mixed(of) for group, of in chosen.items()}
        return cls(tags=tuple(given.groups), threshold=given.threshold, groups=groups)

    def apply(self, images: Images) -> FloatArray:
        """Draw each image's threshold by lot and hold its score against it."""
        chance = (images.score >= np.float32(self.threshold)).astype(float)
        grouping = images.grouping(self.tags)
        for number, label in enumerate(grouping.labels):
            if of := self.groups.get(label):
                rows = grouping.code == number
                score = images.score[rows]
                above = of.p0 * (score > of.threshold0) + of.p1 * (score > of.threshold1)
                chance[rows] = of.ignore * of.coin + (1 - of.ignore) * above
        return np.where(chance > _lots(images), THRESHOLD + chance / 2, chance / 2.001)

    @property
    def told(self) -> str:
        """How many groups have a threshold."""
        return f"{counted(len(self.groups), 'group')} by {' × '.join(self.tags)}"


def _as_it_is() -> Any:
    """Make what stands where fairlearn wants an estimator: its input is the score."""
    from sklearn.base import BaseEstimator

    members = {
        "fit": lambda self: self,
        "__sklearn_is_fitted__": lambda self: True,
        "predict_proba": lambda self, score: np.hstack([1 - score, score]),
    }
    return type("AsItIs", (BaseEstimator,), members)()


def _mixed(of: Any) -> Mixed:
    # Infinity has no place in JSON, and no score is beyond 0 or 1.
    thresholds = [float(np.clip(each._threshold, -1, 2)) for each in (of.operation0, of.operation1)]
    numbers = of.p_ignore, of.prediction_constant, of.p0, thresholds[0], of.p1, thresholds[1]
    return Mixed(*map(float, numbers))


def _lots(images: Images) -> FloatArray:
    """Draw a number from 0 to 1 for each image, always the same."""
    keys = pc.binary_join_element_wise(images.table["dataset"], images.table["image"], "\n")
    return np.array([crc32(key.encode()) for key in keys.to_pylist()]) / 2**32


METHOD = ThresholdOptimizer
