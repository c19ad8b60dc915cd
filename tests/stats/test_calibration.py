from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from faceaudit.stats.calibration import group_calibration
from faceaudit.stats.ranking import Runs, rank_scores


def calibration(score, is_ai, group=None, **options):
    score, is_ai = np.asarray(score, np.float32), np.asarray(is_ai, bool)
    group = np.zeros(len(score), int) if group is None else np.asarray(group)
    runs = Runs.of(rank_scores(score, is_ai), group, int(group.max()) + 1)
    return group_calibration(runs, **options)


def test_agrees_with_scikit_learn_where_bins_are_the_same():
    rng = np.random.default_rng(0)
    score = rng.random(4000).astype(np.float32)
    is_ai = rng.random(4000) < score**2
    found = calibration(score, is_ai, bins=8)
    share, mean = calibration_curve(is_ai, score, n_bins=8, strategy="quantile")
    assert found.bin_n[0].tolist() == [500] * 8
    # scikit-learn interpolates its bin edges, so an image at an edge may fall on the other side.
    assert found.bin_ai[0] == pytest.approx(share, abs=0.003)
    assert found.bin_score[0] == pytest.approx(mean, abs=0.003)
    assert found.error[0] == pytest.approx(np.mean(np.abs(share - mean)), abs=0.003)


def test_hand_counted_example():
    found = calibration([0.2, 0.2, 0.2, 0.2, 0.9, 0.9, 0.9, 0.9], [0, 1, 0, 0, 1, 1, 1, 1], bins=2)
    assert found.bin_ai[0].tolist() == [0.25, 1.0]
    assert found.error[0] == pytest.approx(0.5 * 0.05 + 0.5 * 0.1, abs=1e-7)
    assert (found.bin_low[0] <= found.bin_ai[0]).all()
    assert (found.bin_ai[0] <= found.bin_high[0]).all()


def test_equal_scores_stay_together_whatever_their_order():
    score, is_ai = np.array([0.0] * 30 + [1.0] * 10), np.array([0] * 29 + [1] * 11)
    first = calibration(score, is_ai)
    shuffled = np.random.default_rng(1).permutation(40)
    second = calibration(score[shuffled], is_ai[shuffled])
    assert first.error == second.error
    assert np.count_nonzero(first.bin_n) == 2
    assert np.isnan(first.bin_ai[0, first.bin_n[0] == 0]).all()


def test_small_calibrated_group_has_error_but_no_excess():
    rng = np.random.default_rng(2)
    groups, n = 300, 40
    score = rng.beta(0.5, 0.5, groups * n).astype(np.float32)
    group = np.repeat(np.arange(groups), n)
    found = calibration(score, rng.random(groups * n) < score, group)
    use = ~np.isnan(found.error)
    # The bias that the raw number has at n = 40 …
    assert found.error[use].mean() > 0.07
    # … is what chance alone is said to give, and 5 % exceed the 95 % mark.
    deviation = found.excess[use].std() / np.sqrt(use.sum())
    assert abs(found.excess[use].mean()) < 3 * deviation
    beyond = np.mean(found.error[use] > found.by_chance_high[use])
    assert 0.01 <= beyond <= 0.10


def test_miscalibrated_group_is_beyond_chance():
    rng = np.random.default_rng(3)
    score = rng.random(2000).astype(np.float32)
    is_ai = rng.random(2000) < np.where(np.arange(2000) < 1000, score, score**3)
    found = calibration(score, is_ai, np.repeat([0, 1], 1000))
    assert found.error[0] <= found.by_chance_high[0]
    assert found.error[1] > 2 * found.by_chance_high[1]
    assert found.excess[1] == pytest.approx(0.25, abs=0.05)


def test_one_label_alone_has_no_calibration_error():
    found = calibration([0.1, 0.3, 0.2, 0.9], [0, 0, 0, 1], [0, 0, 1, 1])
    assert np.isnan([found.error[0], found.by_chance[0], found.by_chance_high[0]]).all()
    assert not np.isnan(found.error[1])
    assert found.bin_n[0].sum() == 2


def test_scores_of_exactly_zero_and_one_need_no_luck():
    found = calibration([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    assert found.error[0] == 0
    assert found.by_chance[0] == 0


def test_empty_group_and_no_images():
    ranked = rank_scores(np.array([0.5], np.float32), np.array([True]))
    found = group_calibration(Runs.of(ranked, np.array([-1]), 2))
    assert np.isnan(found.error).all()
    assert found.bin_n.sum() == 0
