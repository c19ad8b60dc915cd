"""What a model does on its validation images, and the threshold that follows from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceaudit.model.preprocess import Floats
from faceaudit.model.records import TopLoss, ValidationRecord
from faceaudit.schema import called_ai

Flags = npt.NDArray[np.bool_]

TOP_LOSSES = 20
THRESHOLD_RULE = (
    "the one nearest to 0.5 whose balanced accuracy on the validation images is within one "
    "standard error of the best"
)
#: Added to the rule where the validation images were looked at twice.
EACH_SENT_ONCE = ", as delivered and each sent once at random"


def choose_threshold(p_ai: Floats, is_ai: Flags) -> float:
    """Return the threshold that `THRESHOLD_RULE` describes.

    The best threshold itself would follow single images of a validation set that a good model
    separates almost wholly; one standard error [1]_ leaves 0.5 only for a reason. The error is
    that of the best balanced accuracy, with one success and one failure added to each label, so
    that it is not zero where the validation images are separated.

    Both labels must occur. What is returned is exactly a float32, so that comparing with float32
    scores means the same everywhere.

    References
    ----------
    .. [1] L. Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3.
    """
    scores = np.unique(p_ai)
    # One candidate between each two neighbouring scores says all there is.
    between = scores[:-1] + (scores[1:] - scores[:-1]) / 2
    between = np.where(between > scores[:-1], between, scores[1:])  # for neighbouring floats
    candidates = np.unique(np.append(between, np.float32(0.5)))
    real, ai = np.sort(p_ai[~is_ai]), np.sort(p_ai[is_ai])
    right_real = np.searchsorted(real, candidates, side="left")
    right_ai = len(ai) - np.searchsorted(ai, candidates, side="left")
    balanced = (right_real / len(real) + right_ai / len(ai)) / 2
    best = int(np.argmax(balanced))
    variance = _variance(right_real[best], len(real)) + _variance(right_ai[best], len(ai))
    good = candidates[balanced >= balanced[best] - np.sqrt(variance) / 2]
    return float(good[np.argmin(np.abs(good - 0.5))])


def _variance(right: int, n: int) -> float:
    share = (right + 1) / (n + 2)
    return share * (1 - share) / (n + 2)


def cross_entropy(p_ai: Floats, is_ai: Flags) -> npt.NDArray[np.float64]:
    """Return each image's loss in nats, -log of the probability given to its true label."""
    right = np.where(is_ai, p_ai.astype(np.float64), 1 - p_ai.astype(np.float64))
    return np.asarray(-np.log(np.clip(right, 1e-12, 1)))


def summarise(p_ai: Floats, is_ai: Flags, threshold: float) -> ValidationRecord:
    """Count calls against labels."""
    called = called_ai(p_ai, threshold)
    return ValidationRecord(
        real_called_real=int((~is_ai & ~called).sum()),
        real_called_ai=int((~is_ai & called).sum()),
        ai_called_real=int((is_ai & ~called).sum()),
        ai_called_ai=int((is_ai & called).sum()),
        loss=float(cross_entropy(p_ai, is_ai).mean()),
    )


def top_losses(table: pa.Table, p_ai: Floats, is_ai: Flags) -> list[TopLoss]:
    """Return the images, rows of `table`, on which the model was most wrong, the worst first."""
    loss = cross_entropy(p_ai, is_ai)
    worst = np.argsort(-loss, kind="stable")[:TOP_LOSSES]
    rows = table.select(["image", "dataset", "label"]).take(worst).to_pylist()
    return [
        TopLoss(**row, p_ai=float(p_ai[position]), loss=float(loss[position]))
        for row, position in zip(rows, worst, strict=True)
    ]
