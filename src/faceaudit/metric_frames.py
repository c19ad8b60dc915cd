"""fairlearn's MetricFrame of counted images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError

if TYPE_CHECKING:
    from fairlearn.metrics import MetricFrame
    from pandas import DataFrame


def metric_frame(groups: DataFrame, tags: Sequence[str], control: Sequence[str]) -> MetricFrame:
    """Return the standard metrics of every group; 1 is AI-generated.

    Parameters
    ----------
    groups : pandas.DataFrame
        ``group``, ``rate``, ``n`` and ``errors`` of every group, as `faceaudit.notebook` lays out.
    tags : sequence of str
        Whose groups they are.
    control : sequence of str
        Those of them that are control features; the others are sensitive features.

    Raises
    ------
    FaceAuditError
        If there is no image, a group cannot be told apart into its tags, or a tag is named as one
        of fairlearn's own columns.
    """
    import pandas as pd
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score

    if taken := {"y_true", "y_pred"} & set(tags):
        raise FaceAuditError(f"a MetricFrame has no room for a tag '{min(taken)}'; rename it")
    sensitive = [tag for tag in tags if tag not in control]
    if not sensitive:
        raise FaceAuditError("every tag is a control feature; name one whose groups are compared")
    outcomes = []
    for row in groups.to_dict("records"):
        values = row["group"].split(" × ") if len(tags) > 1 else [row["group"]]
        if len(values) != len(tags):
            raise FaceAuditError(f"group '{row['group']}' cannot be told apart by {tags}")
        if (label := ERROR_RATES[row["rate"]].label) and row["n"]:
            truth, wrong = int(label == "ai"), int(row["errors"])
            outcomes.append([*values, truth, 1 - truth, wrong])
            outcomes.append([*values, truth, truth, int(row["n"]) - wrong])
    counted = pd.DataFrame(outcomes, columns=[*tags, "y_true", "y_pred", "images"])
    images = counted.loc[counted.index.repeat(counted["images"])]
    if images.empty:
        raise FaceAuditError(f"no image has a tag for {' and '.join(tags)}")
    return metrics.MetricFrame(
        metrics={
            "false_positive_rate": partial(_rate, metrics.false_positive_rate, 0),
            "false_negative_rate": partial(_rate, metrics.false_negative_rate, 1),
            "selection_rate": metrics.selection_rate,
            "accuracy": accuracy_score,
            "count": metrics.count,
        },
        y_true=images["y_true"],
        y_pred=images["y_pred"],
        sensitive_features=images[sensitive],
        control_features=images[list(control)] if control else None,
    )


def _rate(metric: Any, label: int, y_true: Any, y_pred: Any) -> float:
    # Without an image of the label fairlearn says 0, which nobody has counted.
    return float(metric(y_true, y_pred)) if (y_true == label).any() else float("nan")
