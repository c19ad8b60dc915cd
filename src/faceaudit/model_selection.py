"""Fairness as a criterion for model selection: metrics and scorers for scikit-learn.

Each is a bound on what is not known of the data at hand, so that a model is not chosen for having
been lucky in a small group. The metrics are lower-is-better; the scorers are their negatives, as
scikit-learn's convention is.

scikit-learn hands sensitive features to a scorer by metadata routing::

    sklearn.set_config(enable_metadata_routing=True)
    cross_validate(model, X, y, scoring=gap_scorer(rate="fpr"), params={"sensitive_features": tags})
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.checks.base import AuditInput
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.errors import FaceAuditError
from faceaudit.one_or_many import Word
from faceaudit.reading.arrays import table_of_arrays
from faceaudit.schema import SCORED
from faceaudit.spec import of_features
from faceaudit.stats.rates import estimate_of
from faceaudit.tables import read_scores, scored


class Options(TypedDict, total=False):
    """How errors are counted."""

    #: ``fpr`` (if not given), ``fnr`` or another of `faceaudit.error_rates`.
    rate: str
    #: An image is called AI-generated when its score is at least this; 0.5.
    threshold: float
    #: Of the interval of each group, and of the bound of the gap; 0.95.
    confidence: float
    #: Groups with fewer images that could be such an error are left out; 30.
    small_group: int
    #: As `faceaudit.audit` takes it.
    pos_label: Word


def worst_group_error(
    y_true: Any, y_score: Any, *, sensitive_features: Any, **options: Unpack[Options]
) -> float:
    """Bound the error rate of the group that has the highest, from above.

    Parameters
    ----------
    y_true, y_score, sensitive_features
        As `faceaudit.audit` takes them.
    **options : Options

    Returns
    -------
    float
        The highest upper end of the groups' two-sided intervals (Clopper–Pearson), from 0 to 1;
        NaN without a group that is large enough. The highest true rate lies above it with a chance
        of at most ``(1 - confidence) / 2``: then the limit of that very group is too low.
    """
    data, rate = _data(y_true, y_score, sensitive_features, **options)
    highs = [np.nan]
    for tags in data.spec.groupings:
        counts = data.audited(tags)
        high = estimate_of(counts, rate.id, data.spec.confidence).high
        highs += [*high[rate.n(counts) >= data.spec.small_group]]
    return _highest(highs)


def gap_upper_bound(
    y_true: Any, y_score: Any, *, sensitive_features: Any, **options: Unpack[Options]
) -> float:
    """Bound the largest gap in an error rate between groups, from above.

    Parameters are those of `worst_group_error`.

    Returns
    -------
    float
        From 0 to 1; NaN without two groups that are large enough. What an audit holds against its
        limit: one-sided, wrong with a chance of at most ``1 - confidence``, and whatever the groups
        of images without a tag are.
    """
    data, rate = _data(y_true, y_score, sensitive_features, **options)
    error = 1 - data.spec.confidence
    return _highest([data.gap_bounds(tags, rate, error)[2] for tags in data.spec.groupings])


def _highest(values: list[float]) -> float:
    return max((float(value) for value in values if not np.isnan(value)), default=np.nan)


def worst_group_scorer(**options: Unpack[Options]) -> Any:
    """Return minus `worst_group_error` as a scorer for ``scoring=``; options are its own."""
    return _scorer(worst_group_error, options)


def gap_scorer(**options: Unpack[Options]) -> Any:
    """Return minus `gap_upper_bound` as a scorer for ``scoring=``; options are its own."""
    return _scorer(gap_upper_bound, options)


def _scorer(metric: Callable[..., float], options: Options) -> Any:
    import sklearn
    from sklearn.metrics import make_scorer

    if not sklearn.get_config()["enable_metadata_routing"]:
        raise FaceAuditError(
            "scikit-learn hands sensitive_features to a scorer only with "
            "sklearn.set_config(enable_metadata_routing=True)"
        )
    made = make_scorer(metric, greater_is_better=False, response_method="predict_proba", **options)
    return made.set_score_request(sensitive_features=True)


def _data(
    y_true: Any,
    y_score: Any,
    sensitive_features: Any,
    rate: str = "fpr",
    threshold: float = 0.5,
    confidence: float = 0.95,
    small_group: int = 30,
    pos_label: Word | None = None,
) -> tuple[AuditInput, ErrorRate]:
    """Read the arrays as an audit without a specification does."""
    if rate not in ERROR_RATES:
        raise FaceAuditError(f"rate={rate!r}: there are {', '.join(ERROR_RATES)}")
    table, _ = table_of_arrays(y_true, y_score, None, sensitive_features, pos_label)
    scores = read_scores(table)
    spec = of_features(scores.table).model_copy(
        update={"confidence": confidence, "small_group": small_group}
    )
    without = scores.table.filter(pc.invert(pc.is_in(scores.table["status"], pa.array(SCORED))))
    return AuditInput(scored(scores), scores.info, spec, threshold, without), ERROR_RATES[rate]
