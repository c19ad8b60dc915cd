"""Rates agree with fairlearn and scikit-learn on the full rows, where those are defined."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from fairlearn import metrics
from hypothesis import given, settings
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score

from faceaudit.errors import FaceAuditError
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.rates import RATES, group_rates, metric_frame, of_large_groups, rate_counts
from tests.stats.conftest import scores_tables

FULL_ROWS = {
    "fpr": metrics.false_positive_rate,
    "fnr": metrics.false_negative_rate,
    "tpr": metrics.true_positive_rate,
    "tnr": metrics.true_negative_rate,
    "accuracy": accuracy_score,
    "selection_rate": metrics.selection_rate,
    "precision": precision_score,
    "balanced_error": lambda true, called: 1 - balanced_accuracy_score(true, called),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:y_pred contains classes:UserWarning")
@settings(max_examples=20, deadline=None)
@given(scores_tables())
def test_agrees_with_fairlearn_and_scikit_learn_on_the_rows(table: pa.Table) -> None:
    counts = Images(table).counts(["first"], 0.5)
    ours = group_rates(counts)
    known = table.filter(table["first"].is_valid())
    true = np.array(known["label"].to_pylist()) == "ai"
    called = known["p_ai"].to_numpy() >= 0.5
    group = np.array(known["first"].to_pylist(), object)
    for i, (name,) in enumerate(counts.groups):
        rows = group == name
        for rate, values in ours.items():
            if rate == "balanced_error":
                defined = counts.n_real[i] > 0 and counts.n_ai[i] > 0
            else:
                defined = rate_counts(counts, rate)[1][i] > 0
            assert np.isnan(values[i]) != defined, rate
            if defined:
                theirs = FULL_ROWS[rate](true[rows].astype(int), called[rows].astype(int))
                assert values[i] == pytest.approx(theirs, rel=0, abs=1e-12), rate


@settings(max_examples=8, deadline=None)
@given(scores_tables(missing=False))
def test_point_values_are_events_over_denominator(table: pa.Table) -> None:
    counts = Images(table).counts(["first", "second"], 0.1)
    overall = group_rates(counts.total(), tuple(RATES))
    for rate, values in group_rates(counts, tuple(RATES)).items():
        events, n = rate_counts(counts, rate)
        expected = np.where(n > 0, events / np.maximum(n, 1), np.nan)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
        whole = events.sum() / n.sum() if n.sum() else np.nan
        np.testing.assert_allclose(overall[rate], whole, rtol=0, atol=1e-12)


def test_real_only_group_has_no_miss_rate() -> None:
    table = pa.table({"label": ["real"] * 3, "p_ai": [0.1, 0.2, 0.9], "tag": ["a", "a", "b"]})
    rates = group_rates(Images(table).counts(["tag"], 0.5))
    np.testing.assert_equal(rates["fpr"], [0.0, 1.0])
    for rate in ("fnr", "tpr", "balanced_error"):
        assert np.isnan(rates[rate]).all(), f"{rate} of a real-only group is not a number"
    # Precision has no denominator where nothing is called AI.
    np.testing.assert_equal(rates["precision"], [np.nan, 0.0])


def test_groups_may_have_any_names_and_keep_their_order() -> None:
    groups = [("b × c", ""), ("b", "c × "), ("", ""), ("a", "y_true")]
    n = np.array([10, 0, 40, 50])
    counts = Counts(("y_true", "fpr_sample_weight"), groups, n, n // 10, n * 2, n // 5)
    rates = group_rates(counts, ("fpr", "fnr"))
    np.testing.assert_array_equal(rates["fpr"], [0.1, np.nan, 0.1, 0.1])
    np.testing.assert_array_equal(rates["fnr"], [0.1, np.nan, 0.1, 0.1])
    np.testing.assert_array_equal(group_rates(counts, ("fpr",))["fpr"], rates["fpr"])
    none = Counts(("tag",), [], n[:0], n[:0], n[:0], n[:0])
    assert [len(values) for values in group_rates(none, ("fpr", "precision")).values()] == [0, 0]


@settings(max_examples=8, deadline=None)
@given(scores_tables(missing=False))
def test_metric_frame_has_the_tags_and_the_rates_of_the_images(table: pa.Table) -> None:
    counts = Images(table).counts(["first", "second"], 0.5)
    frame = metric_frame(counts)
    assert frame.sensitive_levels == ["first", "second"]
    of_all = group_rates(counts.total())
    for rate, values in group_rates(counts).items():
        np.testing.assert_array_equal(frame.by_group[rate].loc[counts.groups], values)
        np.testing.assert_array_equal(frame.overall[rate], of_all[rate])
    defined = counts.n > 0
    accuracy = group_rates(counts, ("accuracy",))["accuracy"][defined]
    assert frame.difference()["accuracy"] == np.ptp(accuracy)


def test_metric_frame_says_what_it_cannot_hold() -> None:
    table = pa.table({"label": ["real", "ai"], "p_ai": [0.1, 0.9], "y_true": ["a", "b"]})
    with pytest.raises(FaceAuditError, match="tag named 'y_true'; rename it"):
        metric_frame(Images(table).counts(["y_true"], 0.5))
    with pytest.raises(FaceAuditError, match="at least one group"):
        metric_frame(Images(table).counts([], 0.5))
    with pytest.raises(FaceAuditError, match="at least one group"):
        metric_frame(Images(table.slice(0, 0)).counts(["y_true"], 0.5))


def test_a_group_of_the_smallest_size_counts_and_one_below_does_not() -> None:
    found = Counts(
        tags=("tag",),
        groups=[("just",), ("below",)],
        n_real=np.array([30, 29]),
        real_called_ai=np.array([[3, 2], [1, 0]]),
        n_ai=np.array([29, 30]),
        ai_called_real=np.array([[5, 4], [6, 6]]),
    )
    events, n = of_large_groups(found, "fpr", 30)
    assert (events.tolist(), n.tolist()) == ([[3, 0], [1, 0]], [30, 0])
    events, n = of_large_groups(found, "fnr", 30)
    assert (events.tolist(), n.tolist()) == ([[0, 4], [0, 6]], [0, 30])
