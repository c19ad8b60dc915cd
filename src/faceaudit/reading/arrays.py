"""Arrays as scikit-learn and fairlearn take them, ``y_true, y_score, …``, as a table of scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.one_or_many import Word, as_words, is_frame
from faceaudit.reading.columns import plain
from faceaudit.reading.frames import arrow_array, arrow_table, refuse_other_index
from faceaudit.schema import KEY, LABEL_WORDS

#: Labels of which scikit-learn takes 1 for the positive class, as Arrow writes them.
_BINARY = ({"0", "1"}, {"-1", "1"}, {"false", "true"})


def table_of_arrays(
    y_true: Any, y_score: Any, y_pred: Any, sensitive_features: Any, pos_label: Word | None
) -> tuple[pa.Table, list[str]]:
    """Return a table of scores whose images are named by position, from 1 on, and what was read.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        Labels: 0 and 1, -1 and 1, false and true (1, true: AI-generated), or words.
    y_score : array-like, shape (n,), or None
        Probability of the positive class.
    y_pred : array-like, shape (n,), or None
        Predicted labels, in the place of `y_score`.
    sensitive_features : table, mapping or array-like, shape (n,) or (n, features)
        Their values are the groups.
    pos_label : str, int, float, bool or None
        The label that means AI-generated, where that is not clear from the labels.

    Raises
    ------
    FaceAuditError
        If one is missing, lengths or pandas indexes differ, or a label cannot be told.
    """
    if y_true is None or sensitive_features is None or (y_score is None) == (y_pred is None):
        raise FaceAuditError(
            "without a table of scores give y_true, sensitive_features, and y_score or y_pred"
        )
    name, given = ("y_score", y_score) if y_pred is None else ("y_pred", y_pred)
    arrays = {"y_true": y_true, name: given}
    inside = sensitive_features if isinstance(sensitive_features, Mapping) else {}
    features_given = {f"sensitive_features[{key!r}]": of for key, of in inside.items()}
    refuse_other_index(arrays | (features_given or {"sensitive_features": sensitive_features}))
    for called, array in arrays.items():
        if np.ndim(array) != 1:
            hint = "; of predict_proba give the positive class alone: [:, 1]"
            raise FaceAuditError(
                f"{called} has {np.ndim(array)} dimensions and not one"
                + hint * (called == "y_score" and np.ndim(array) == 2)
            )
    columns = {key: _column(array, key) for key, array in arrays.items()}
    features = _features(sensitive_features)
    lengths = {key: len(of) for key, of in columns.items()} | {"sensitive_features": len(features)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} {n:,}" for key, n in lengths.items())
        raise FaceAuditError(f"the arrays differ in length: {told}")
    if taken := [tag for tag in features.column_names if tag in (*KEY, "p_ai", "status")]:
        raise FaceAuditError(
            f"sensitive_features: '{taken[0]}' is a name with a meaning of its own; rename it"
        )
    truth = columns["y_true"].cast(pa.string())
    if truth.null_count:
        row = pc.index(pc.is_null(truth), True).as_py() + 1
        raise FaceAuditError(f"y_true, row {row}: the label is missing; leave the row out")
    words = {*truth.unique().to_pylist()}
    p_ai = columns[name]
    if y_pred is not None:
        words |= {*p_ai.cast(pa.string()).unique().drop_null().to_pylist()}
    positive = _positive(words, pos_label)
    is_ai = pc.is_in(truth, pa.array(sorted(positive), pa.string()))
    n_ai = pc.sum(is_ai).as_py() or 0
    named = " and ".join(sorted(positive & words) or sorted(positive))
    notes = [
        f"Labels: y_true {named} ({n_ai:,} of {len(truth):,} rows) is read as AI-generated, the "
        "positive class, and every other label as real."
    ]
    if y_pred is not None:
        called = pc.is_in(p_ai.cast(pa.string()), pa.array(sorted(positive), pa.string()))
        p_ai = pc.if_else(pc.is_null(p_ai), None, called.cast(pa.float64()))
        notes.append("Scores: made of y_pred, 1 where it is the positive class and else 0.")
    table = pa.table(
        {
            "image": [str(row + 1) for row in range(len(truth))],
            "label": pc.if_else(is_ai, "ai", "real"),
            "p_ai": p_ai,
        }
    )
    for tag, column in zip(features.column_names, features.columns, strict=True):
        table = table.append_column(tag, column)
    return table, notes


def _column(values: Any, called: str) -> pa.ChunkedArray:
    array = arrow_array(values, called, "the arrays")
    column = plain(array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array]))
    if column is None:
        raise FaceAuditError(f"{called}: each entry must be one text, number or boolean")
    return column


def is_positive(classes: Any, pos_label: Word | None) -> NDArray[np.bool_]:
    """Tell which classes mean AI-generated, read as `table_of_arrays` reads ``y_true``."""
    words = _column(classes, "classes_").cast(pa.string()).to_pylist()
    return np.isin(words, [*_positive({*words}, pos_label)])


def _positive(words: set[str], pos_label: Word | None) -> set[str]:
    """Return the labels that mean AI-generated."""
    if pos_label is not None:
        (positive,) = as_words(pos_label)
        positive = positive.lower() if isinstance(pos_label, bool | np.bool_) else positive
        if len(words - {positive}) > 1 or (len(words) > 1 and positive not in words):
            raise FaceAuditError(
                f"pos_label={pos_label!r}: the labels are {', '.join(sorted(words))}; there must "
                "be two, and it one of them"
            )
        return {positive}
    if any(words <= pair for pair in _BINARY):
        return {"1", "true"}
    if all(word.strip().lower() in LABEL_WORDS for word in words):
        return {word for word in words if LABEL_WORDS[word.strip().lower()] == "ai"}
    raise FaceAuditError(
        f"y_true: the labels are {', '.join(sorted(words)[:5])}; say which of them means "
        "AI-generated, as in pos_label='fake'"
    )


def _features(given: Any) -> pa.Table:
    """Lay out sensitive features, each a column; those without a name are numbered."""
    if hasattr(given, "to_frame") and np.ndim(given) == 1:  # a series of pandas or polars
        name = getattr(given, "name", None)
        given = {"sensitive_feature" if name is None or name == "" else name: given}
    elif not isinstance(given, Mapping) and not is_frame(given):
        array = np.asarray(given, dtype=object)
        if array.ndim not in (1, 2):
            raise FaceAuditError(f"sensitive_features has {array.ndim} dimensions and not 1 or 2")
        several = array.ndim == 2
        given = {
            f"sensitive_feature_{i}" if several else "sensitive_feature": column
            for i, column in enumerate(array.T if several else [array])
        }
    elif hasattr(given, "reset_index"):
        given = given.reset_index(drop=True)
    return arrow_table(given, "sensitive_features")
