from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from faceaudit.stats.calibration import group_calibration, group_losses, image_losses
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


def test_by_chance_is_the_mean_error_of_calibrated_groups():
    rng = np.random.default_rng(2)
    groups, n = 300, 40
    score = rng.beta(0.5, 0.5, groups * n).astype(np.float32)
    group = np.repeat(np.arange(groups), n)
    found = calibration(score, rng.random(groups * n) < score, group)
    # What every small group has without being off.
    assert found.error.mean() > 0.07
    beyond = found.error - found.by_chance
    assert abs(beyond.mean()) < 3 * beyond.std() / np.sqrt(groups)
    # A design effect of 4 is as much chance as a quarter of the images brings.
    quarter = calibration(score[::4], np.arange(len(score[::4])) % 2 == 0, group[::4])
    fewer = calibration(score, rng.random(groups * n) < score, group, effect=np.full(groups, 4.0))
    assert fewer.by_chance.mean() == pytest.approx(quarter.by_chance.mean(), rel=0.1)


@pytest.mark.parametrize("n", [40, 1000])
@pytest.mark.parametrize(
    ("off", "shift", "overconfidence"),
    [
        (lambda p: p, 0, 0),
        (lambda p: p + 0.1, 0.1, 0.025),
        (lambda p: p - 0.1, -0.1, 0.025),
        (lambda p: np.where(p > 0.5, p + 0.1, p - 0.1), 0, 0.1),
        (lambda p: 0.5 + 0.8 * (p - 0.5), 0, -0.04),
    ],
)
def test_what_scores_are_off_by_is_found_at_any_size(off, shift, overconfidence, n):
    rng = np.random.default_rng(n)
    groups = {40: 2000, 1000: 400}[n]
    true = rng.uniform(0.1, 0.9, groups * n)
    score = off(true)
    found = calibration(score, rng.random(len(true)) < true, np.repeat(np.arange(groups), n))
    # As far off as the scores are, and not as the mean of absolute values would have it.
    sure = np.where(score >= 0.5, score - true, true - score)
    for estimate, so, about in (
        (found.shift(), (score - true).mean(), shift),
        (found.overconfidence(), sure.mean(), overconfidence),
    ):
        assert so == pytest.approx(about, abs=0.002)
        error = 3 * estimate.value.std() / np.sqrt(groups)
        assert estimate.value.mean() == pytest.approx(so, abs=error)
        assert np.mean((estimate.low <= so) & (estimate.high >= so)) >= 0.93


def test_intervals_are_those_of_the_effective_number_of_images():
    rng = np.random.default_rng(4)
    score = rng.random(400)
    is_ai = rng.random(400) < score
    four = calibration(score, is_ai, effect=4.0)
    repeated = calibration(np.repeat(score, 4), np.repeat(is_ai, 4), effect=4.0)
    once = calibration(score, is_ai)
    for name in ("shift", "overconfidence"):
        of_once, of_four, of_repeated = (getattr(of, name)() for of in (once, four, repeated))
        assert of_repeated.low == pytest.approx(of_once.low)
        assert of_repeated.high == pytest.approx(of_once.high)
        assert of_four.high - of_four.low > 1.8 * (of_once.high - of_once.low)
    assert repeated.bin_low == pytest.approx(once.bin_low)


def losses(score, is_ai, group, **options):
    score, is_ai = np.asarray(score, np.float32), np.asarray(is_ai, bool)
    of = image_losses(score, is_ai)
    group = np.asarray(group)
    return group_losses(of, group, np.bincount(group[group >= 0]), **options)


def test_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(5)
    score = rng.beta(0.2, 0.2, 3000).astype(np.float32)
    score[:4] = [0, 1, 1e-20, 1]
    is_ai = rng.random(3000) < score
    is_ai[:4] = [True, True, True, False]
    group = rng.integers(-1, 4, 3000)
    group[:4] = [0, 0, 0, 1]
    found = losses(score, is_ai, group)
    for i in range(4):
        y, p = is_ai[group == i], score[group == i].astype(float)
        assert found.brier.value[i] == pytest.approx(brier_score_loss(y, p), rel=1e-12)
        assert found.log_loss[i] == pytest.approx(log_loss(y, p), rel=1e-12)
        assert found.cut[i] == np.sum(np.where(y, p, 1 - p) < 2**-52)
    assert found.cut[0] >= 2


@pytest.mark.parametrize("spread", [0.05, 1.0])
@pytest.mark.parametrize("n", [40, 400])
def test_interval_of_the_brier_score_covers_it(spread, n):
    rng = np.random.default_rng(n)
    score = rng.beta(spread, spread, 1000 * n).astype(np.float32).astype(float)
    group = np.repeat(np.arange(1000), n)
    found = losses(score, rng.random(len(score)) < score, group).brier
    true = np.mean(score * (1 - score))
    assert np.mean((found.low <= true) & (found.high >= true)) >= 0.93
    # … and not because it is needlessly wide.
    assert np.mean(found.high - found.low) < 4 * found.value.std() * 1.6


def test_one_label_alone_has_no_calibration_error():
    found = calibration([0.1, 0.3, 0.2, 0.9], [0, 0, 0, 1], [0, 0, 1, 1])
    for of in (found.error, found.by_chance, found.shift().value, found.overconfidence().high):
        assert np.isnan(of).tolist() == [True, False]
    assert found.bin_n[0].sum() == 2


def test_scores_of_exactly_zero_and_one_need_no_luck():
    found = calibration([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    assert found.error[0] == found.by_chance[0] == found.shift().value[0] == 0


def test_empty_group_and_no_images():
    ranked = rank_scores(np.array([0.5], np.float32), np.array([True]))
    found = group_calibration(Runs.of(ranked, np.array([-1]), 2))
    assert np.isnan(found.error).all()
    assert np.isnan(found.shift().low).all()
    assert found.bin_n.sum() == 0
