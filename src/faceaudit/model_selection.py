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
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from faceaudit.checks.base import AuditInput
from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError, validated
from faceaudit.one_or_many import Word
from faceaudit.reading.arrays import is_positive, table_of_arrays
from faceaudit.reading.columns import with_column
from faceaudit.schema import SCORED
from faceaudit.spec import Spec, of_features
from faceaudit.stats.rates import estimate_of
from faceaudit.tables import Scores, read_scores, scored


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


class _Asked(BaseModel):
    """`Options` that make sense, of the ranges that a specification has."""

    model_config = ConfigDict(extra="forbid")

    rate: str = "fpr"
    threshold: float = Field(default=0.5, ge=0, le=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    small_group: int = Field(default=30, ge=1)
    pos_label: Any = None


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
        of at most ``(1 - confidence) / 2``: then the limit of that very group is too low. An image
        without a score counts as an error, so that no model wins by declining.
    """
    scores, spec, asked = _read(y_true, y_score, sensitive_features, options)
    rate = ERROR_RATES[asked.rate]
    data = AuditInput(_declined_as_errors(scores.table), scores.info, spec, asked.threshold)
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
        of images without a tag and the scores of images without one are.
    """
    scores, spec, asked = _read(y_true, y_score, sensitive_features, options)
    rate = ERROR_RATES[asked.rate]
    without = scores.table.filter(pc.invert(_has_score(scores.table)))
    data = AuditInput(scored(scores), scores.info, spec, asked.threshold, without)
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


@dataclass(frozen=True)
class _Scorer:
    """A metric of the probability of AI-generated, whichever of the classes that is.

    scikit-learn's own takes the last class where no label is named: of ai and real, real.
    """

    metric: Callable[..., float]
    options: Options

    def __call__(self, estimator: Any, X: Any, y_true: Any, *, sensitive_features: Any) -> float:
        is_ai = is_positive(estimator.classes_, self.options.get("pos_label"))
        # The sum of several classes may be above 1 by what rounding did.
        p_ai = np.minimum(estimator.predict_proba(X)[:, is_ai].sum(axis=1), 1)
        return -self.metric(y_true, p_ai, sensitive_features=sensitive_features, **self.options)

    def get_metadata_routing(self) -> Any:
        """Ask scikit-learn for the sensitive features."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=self)
        request.score.add_request(param="sensitive_features", alias=True)
        return request


def _scorer(metric: Callable[..., float], options: Options) -> Any:
    import sklearn

    if not sklearn.get_config()["enable_metadata_routing"]:
        raise FaceAuditError(
            "scikit-learn hands sensitive_features to a scorer only with "
            "sklearn.set_config(enable_metadata_routing=True)"
        )
    # Now, for what is refused within a search becomes a score of NaN.
    _asked(options)
    return _Scorer(metric, options)


def _read(
    y_true: Any, y_score: Any, sensitive_features: Any, options: Options
) -> tuple[Scores, Spec, _Asked]:
    """Read the arrays as an audit without a specification does."""
    asked = _asked(options)
    pos_label = options.get("pos_label")
    table, _ = table_of_arrays(y_true, y_score, None, sensitive_features, pos_label)
    scores = read_scores(table)
    update = {"confidence": asked.confidence, "small_group": asked.small_group}
    return scores, of_features(scores.table).model_copy(update=update), asked


def _asked(options: Options) -> _Asked:
    if (rate := options.get("rate", "fpr")) not in [*ERROR_RATES]:
        raise FaceAuditError(f"rate={rate!r}: there are {', '.join(ERROR_RATES)}")
    return validated(_Asked, options, "")


def _has_score(table: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(table["status"], pa.array(SCORED))


def _declined_as_errors(table: pa.Table) -> pa.Table:
    """Give images without a score the one that is most wrong."""
    wrong = pc.cast(pc.equal(table["label"], "real"), pa.float32())
    p_ai = pc.if_else(_has_score(table), table["p_ai"], wrong)
    return with_column(table, "p_ai", p_ai)
