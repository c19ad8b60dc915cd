from __future__ import annotations

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import beta
from sklearn.base import BaseEstimator, ClassifierMixin

from faceaudit.stats.thresholds import (
    fewest_photographs,
    safe_share,
    threshold_grid,
    thresholds_for_fpr,
)

FEW = st.sampled_from([0, 0.1, 0.2, 0.5, 0.7, 1])


def one(score, target):
    score = np.asarray(score, np.float32)
    return thresholds_for_fpr(score, np.zeros(len(score), int), 1, target)[0]


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 50), elements=FEW), st.floats(0, 1))
def test_meets_the_target_and_no_lower_threshold_does(score, target):
    threshold = one(score, target)
    assert np.float32(threshold) == threshold
    assert np.mean(score >= np.float32(threshold)) <= target + 1e-9
    lower = np.nextafter(np.float32(threshold), np.float32(-1))
    assert lower < 0 or np.mean(score >= lower) > target


def test_hand_counted_targets():
    score = np.arange(100) / 100
    assert np.sum(score.astype(np.float32) >= np.float32(one(score, 0.01))) == 1
    # 0.29 × 100 is a hair below 29 in floating point.
    assert np.sum(score.astype(np.float32) >= np.float32(one(score, 0.29))) == 29
    assert one(score, 1.0) == 0
    assert one([0.3, 1.0], 0.0) > 1


def test_no_photograph_no_threshold():
    found = thresholds_for_fpr(np.array([0.5], np.float32), np.array([1]), 3, 0.1)
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] > 0.5


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3000), st.floats(0.001, 0.5), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_safe_share_is_the_largest_that_exceeds_the_target_seldom(n, target, confidence):
    share = safe_share(n, target, confidence)
    # The share of all scores that lie above the (k + 1)-th highest of n is a beta variable.
    too_many = 0 if np.isnan(share) else round(float(share) * n) + 1
    if not np.isnan(share):
        assert beta.sf(target, too_many, n + 1 - too_many) <= 1 - confidence + 1e-9
    if too_many < n:
        assert beta.sf(target, too_many + 1, n - too_many) > 1 - confidence
    assert np.isnan(share) == (n < fewest_photographs(target, confidence))


def test_a_safe_threshold_takes_299_photographs_for_one_in_a_hundred():
    assert fewest_photographs(0.01, 0.95) == 299
    assert np.isnan(safe_share([298, 298.9], 0.01, 0.95)).all()
    assert safe_share([299, 472, 473], 0.01, 0.95).tolist() == [0, 0, 1 / 473]
    assert fewest_photographs(0, 0.95) is None
    assert np.isnan(safe_share(10**6, 0, 0.95))


def test_each_group_has_its_own_target_or_none():
    score, group = np.arange(20, dtype=np.float32) / 20, np.arange(20) % 2
    found = thresholds_for_fpr(score, group, 2, [0.2, np.nan])
    assert np.sum(score[::2] >= found[0]) == 2
    assert np.isnan(found[1])


def faces(n=6000, seed=0):
    rng = np.random.default_rng(seed)
    is_ai, group = rng.random(n) < 0.5, rng.integers(0, 3, n)
    score = 1 / (1 + np.exp(-rng.normal(is_ai * 2.0 + group * 0.7 - 1, 1)))
    return score.astype(np.float32), is_ai, group


@pytest.mark.parametrize("target", [0.0, 0.02, 0.1, 0.5])
def test_every_group_meets_the_target_on_its_own(target):
    score, is_ai, group = faces()
    found = thresholds_for_fpr(score[~is_ai], group[~is_ai], 3, target)
    for g in range(3):
        real = ~is_ai & (group == g)
        fpr = np.mean(score[real] >= np.float32(found[g]))
        assert target - 1 / real.sum() < fpr <= target


def test_group_thresholds_are_those_of_fairlearn():
    score, is_ai, group = faces()
    x = score[:, None].astype(float)
    optimizer = ThresholdOptimizer(
        estimator=ScoreIsInput(),
        constraints="false_positive_rate_parity",
        objective="balanced_accuracy_score",
        prefit=True,
        predict_method="predict_proba",
    ).fit(x, is_ai, sensitive_features=group)
    # fairlearn gives all groups one FPR by drawing lots between two thresholds each. With that
    # FPR as the target, ours find as many AI-generated faces, without lots.
    called_ai = optimizer._pmf_predict(x, sensitive_features=group)[:, 1]
    fpr = [called_ai[~is_ai & (group == g)].mean() for g in range(3)]
    assert np.ptp(fpr) < 0.01
    assert 0.01 < np.mean(fpr) < 0.5
    ours = thresholds_for_fpr(score[~is_ai], group[~is_ai], 3, float(np.mean(fpr)))
    for g in range(3):
        ai = is_ai & (group == g)
        tpr = np.mean(score[ai] >= np.float32(ours[g]))
        assert tpr == pytest.approx(called_ai[ai].mean(), abs=0.01)
    assert np.ptp(ours) > 0.1


class ScoreIsInput(ClassifierMixin, BaseEstimator):
    """An estimator that has nothing to learn: its input is the score."""

    classes_ = np.array([False, True])

    def fit(self, x, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, x):
        return np.column_stack([1 - x[:, 0], x[:, 0]])


def test_grid_is_compact_and_reaches_both_ends():
    score, *_ = faces()
    grid = threshold_grid(score)
    assert len(grid) <= 101
    assert (grid[0], grid[-1]) == (0, 1)
    assert (np.diff(grid) > 0).all()
    assert len(threshold_grid(np.array([], np.float32))) <= 101
