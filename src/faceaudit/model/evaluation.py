"""What a model does on its validation images, and the threshold that follows from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceaudit.model.checkpoint import TopLoss, ValidationRecord

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

TOP_LOSSES = 20
THRESHOLD_RULE = (
    "highest balanced accuracy on the validation images; among equals the one nearest to 0.5"
)


def choose_threshold(p_ai: Floats, is_ai: Flags) -> float:
    """Return the threshold that `THRESHOLD_RULE` describes.

    Parameters
    ----------
    p_ai : ndarray of float32, shape (n,)
    is_ai : ndarray of bool, shape (n,)
        Both values occur.

    Returns
    -------
    float
        Exactly a float32, so that comparing with float32 scores means the same everywhere.
    """
    scores = np.unique(p_ai)
    # One candidate between each two neighbouring scores says all there is; 0.5 breaks ties.
    between = scores[:-1] + (scores[1:] - scores[:-1]) / 2
    candidates = np.unique(np.append(between, np.float32(0.5)))
    real, ai = np.sort(p_ai[~is_ai]), np.sort(p_ai[is_ai])
    specificity = np.searchsorted(real, candidates, side="left") / len(real)
    sensitivity = 1 - np.searchsorted(ai, candidates, side="left") / len(ai)
    balanced = specificity + sensitivity
    # Sums of two quotients: equal counts may differ in the last bit.
    best = candidates[balanced >= balanced.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])


def cross_entropy(p_ai: Floats, is_ai: Flags) -> npt.NDArray[np.float64]:
    """Return each image's loss in nats, -log of the probability given to its true label."""
    right = np.where(is_ai, p_ai.astype(np.float64), 1 - p_ai.astype(np.float64))
    return -np.log(np.clip(right, 1e-12, 1))


def summarise(p_ai: Floats, is_ai: Flags, threshold: float) -> ValidationRecord:
    """Count verdicts against labels."""
    called_ai = p_ai >= np.float32(threshold)
    return ValidationRecord(
        real_called_real=int((~is_ai & ~called_ai).sum()),
        real_called_ai=int((~is_ai & called_ai).sum()),
        ai_called_real=int((is_ai & ~called_ai).sum()),
        ai_called_ai=int((is_ai & called_ai).sum()),
        loss=float(cross_entropy(p_ai, is_ai).mean()),
    )


def top_losses(table: pa.Table, p_ai: Floats, is_ai: Flags) -> list[TopLoss]:
    """Return the images on which the model was most wrong, the worst first.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``image``, ``dataset``, ``label``; one row a score.
    p_ai, is_ai : ndarray, shape (n,)
    """
    loss = cross_entropy(p_ai, is_ai)
    worst = np.argsort(-loss, kind="stable")[:TOP_LOSSES]
    rows = table.select(["image", "dataset", "label"]).take(worst).to_pylist()
    return [
        TopLoss(**row, p_ai=float(p_ai[position]), loss=float(loss[position]))
        for row, position in zip(rows, worst, strict=True)
    ]
