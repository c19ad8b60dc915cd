from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import interpolate, optimize, stats
from sklearn.metrics import roc_auc_score, roc_curve

from faceaudit.stats.ranking import Runs, auc_difference, group_ranking, rank_scores


def ranking(score, is_ai, group, groups=None, confidence=0.95):
    score, is_ai, group = np.asarray(score, np.float32), np.asarray(is_ai, bool), np.asarray(group)
    groups = int(group.max()) + 1 if groups is None else groups
    return group_ranking(Runs.of(rank_scores(score, is_ai), group, groups), confidence)


def brute(ai, real):
    """AUC and DeLong variance from the full matrix of pairs."""
    kernel = (ai[:, None] > real) + 0.5 * (ai[:, None] == real)
    variance = np.nan
    if len(ai) > 1 and len(real) > 1:
        variance = kernel.mean(1).var(ddof=1) / len(ai) + kernel.mean(0).var(ddof=1) / len(real)
    return kernel.mean(), variance


@st.composite
def tables(draw):
    n = draw(st.integers(1, 60))
    # Few distinct scores, so that ties are everywhere, and exact ones at the ends.
    score = draw(hnp.arrays(np.float32, n, elements=st.sampled_from([0, 0.2, 0.5, 0.7, 1])))
    is_ai = draw(hnp.arrays(bool, n))
    group = draw(hnp.arrays(np.int64, n, elements=st.integers(-1, 3)))
    return score, is_ai, group


@settings(max_examples=200, deadline=None)
@given(tables())
def test_agrees_with_all_pairs_written_out(table):
    score, is_ai, group = table
    found = ranking(score, is_ai, group, groups=4)
    for g in range(4):
        real, ai = score[(group == g) & ~is_ai], score[(group == g) & is_ai]
        for auc, positives, negatives in (
            (found.subgroup, ai, real),
            (found.bpsn, score[is_ai], real),
            (found.bnsp, ai, score[~is_ai]),
        ):
            if len(positives) == 0 or len(negatives) == 0:
                assert np.isnan([auc.value[g], auc.variance[g], auc.low[g], auc.high[g]]).all()
                continue
            value, variance = brute(positives, negatives)
            assert auc.value[g] == pytest.approx(value, abs=1e-12)
            assert auc.variance[g] == pytest.approx(variance, abs=1e-12, nan_ok=True)
            assert 0 <= auc.low[g] <= value <= auc.high[g] <= 1


@settings(max_examples=200, deadline=None)
@given(tables())
def test_equal_error_rate_is_where_the_roc_curve_meets_the_diagonal(table):
    score, is_ai, group = table
    found = ranking(score, is_ai, group, groups=4)
    for g in range(4):
        label, value = is_ai[group == g], score[group == g]
        if len(set(label.tolist())) < 2:
            assert np.isnan(found.eer[g])
            continue
        fpr, tpr, _ = roc_curve(label, value)
        # Along the curve FPR + TPR grows from 0 to 2; it is 1 where FPR equals FNR.
        expected = np.interp(1.0, fpr + tpr, fpr)
        assert found.eer[g] == pytest.approx(expected, abs=1e-9)


def test_agrees_with_scikit_learn_on_smooth_scores():
    rng = np.random.default_rng(1)
    is_ai = rng.random(5000) < 0.4
    score = (1 / (1 + np.exp(-rng.normal(is_ai * 1.5, 1)))).astype(np.float32)
    found = ranking(score, is_ai, np.zeros(5000, int))
    assert found.subgroup.value[0] == pytest.approx(roc_auc_score(is_ai, score), abs=1e-12)
    fpr, tpr, _ = roc_curve(is_ai, score)
    curve = interpolate.interp1d(fpr, tpr)
    eer = optimize.brentq(lambda x: 1 - x - curve(x), 0, 1)
    assert found.eer[0] == pytest.approx(eer, abs=1e-3)


@pytest.mark.parametrize("label", [True, False], ids=["ai", "real"])
def test_agrees_with_all_pairs_where_the_square_of_a_count_needs_eight_bytes(label):
    random = np.random.default_rng(2)
    many, few = random.normal(0.6, 0.2, 120_000), random.normal(0.4, 0.2, 40)
    score = np.float32(np.append(many, few))
    is_ai = np.append(np.full(len(many), label), np.full(len(few), not label))
    found = ranking(score, is_ai, np.zeros(len(score), int))
    value, variance = brute(score[is_ai], score[~is_ai])
    for auc in (found.subgroup, found.bpsn, found.bnsp):
        assert auc.value[0] == pytest.approx(value)
        assert auc.variance[0] == pytest.approx(variance, rel=1e-6)
        assert auc.low[0] == pytest.approx(value - 1.96 * np.sqrt(variance), abs=0.02)


def test_low_bpsn_points_at_the_group_whose_photographs_look_generated():
    rng = np.random.default_rng(2)
    n = 3000
    is_ai, group = np.repeat([False, True], n // 2), rng.integers(0, 3, n)
    score = rng.normal(np.where(is_ai, 2, 0) + 1.5 * (~is_ai & (group == 1)), 1)
    found = ranking(score, is_ai, group)
    assert found.bpsn.high[1] < found.bpsn.low[[0, 2]].min()
    # The faces of group 1 are no harder to tell from all photographs than others'.
    assert found.bnsp.low[1] < found.bnsp.value[0] < found.bnsp.high[1]


def test_groups_of_real_photographs_only_have_a_bpsn():
    found = ranking([0.1, 0.8, 0.9], [False, False, True], [0, 0, -1])
    assert np.isnan(found.subgroup.value[0])
    assert found.bpsn.value[0] == 1
    assert found.n_ai[0] == 0


def test_separated_groups_get_a_real_interval():
    score = [0.1] * 20 + [0.9] * 30
    found = ranking(score, np.repeat([False, True], [20, 30]), np.zeros(50, int))
    assert found.subgroup.value[0] == 1
    assert found.subgroup.variance[0] == 0
    assert found.subgroup.high[0] == 1
    # About as careful as with as many successes in a row as the smaller label has images.
    assert 0.75 < found.subgroup.low[0] < stats.beta.ppf(0.025, 30, 1)


def test_empty_groups_are_kept():
    found = ranking([0.1, 0.9], [False, True], [2, 2], groups=5)
    assert found.n_real.tolist() == [0, 0, 1, 0, 0]
    assert np.isnan(found.bpsn.value[[0, 1, 3, 4]]).all()


def binormal(rng, m, n):
    return rng.normal(2.5, 1, m), rng.normal(0, 1, n), stats.norm.cdf(2.5 / np.sqrt(2))


def failing_photographs(rng, m, n):
    real = np.where(rng.random(n) < 0.05, 3, 0) + rng.normal(0, 0.1, n)
    return rng.normal(2, 0.1, m), real, 0.95


def two_scores(rng, m, n):
    return rng.random(m) > 0.02, rng.random(n) < 0.02, 0.98


@pytest.mark.parametrize("draw", [binormal, failing_photographs, two_scores])
@pytest.mark.parametrize(("m", "n"), [(5, 5), (10, 1000), (1000, 100)])
def test_interval_covers_near_one(draw, m, n):
    trials = 400
    rng = np.random.default_rng(11)
    score, is_ai, group, truth = [], [], [], 0.0
    for trial in range(trials):
        ai, real, truth = draw(rng, m, n)
        score += [np.asarray(ai, float), np.asarray(real, float)]
        is_ai += [np.ones(m, bool), np.zeros(n, bool)]
        group.append(np.full(m + n, trial))
    found = ranking(np.concatenate(score), np.concatenate(is_ai), np.concatenate(group))
    covered = np.mean((found.subgroup.low <= truth) & (truth <= found.subgroup.high))
    # Nominal 95 %; 400 trials at 95 % fall below 92 % less than once in a hundred times.
    assert covered >= 0.92
    # The usual logit interval on DeLong's variance is what this one has to beat.
    value, deviation = found.subgroup.value, np.sqrt(found.subgroup.variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        logit, half = np.log(value / (1 - value)), 1.96 * deviation / (value * (1 - value))
        usual = np.abs(logit - np.log(truth / (1 - truth))) <= half
    assert covered >= np.mean(usual) - 0.02


def placements(score, is_ai):
    """The share of the other label that scores below each image, written out."""
    return np.array(
        [
            np.mean((score[is_ai != ai] < of) + 0.5 * (score[is_ai != ai] == of))
            for of, ai in zip(score, is_ai, strict=True)
        ]
    )


def test_the_variance_of_a_difference_is_delongs():
    """Against the covariance matrix of both kernels, and against the bootstrap."""
    rng = np.random.default_rng(4)
    m, n = 80, 120
    is_ai = np.arange(m + n) < m
    face = rng.normal(is_ai * 1.0)
    scores = [np.round(face + rng.normal(0, noise, m + n), 1) for noise in (0.4, 1.2)]
    found = auc_difference(*(placements(of, is_ai) for of in scores), is_ai)

    def kernels(rows_ai, rows_real):
        return [
            (of[rows_ai][:, None] > of[rows_real]) + 0.5 * (of[rows_ai][:, None] == of[rows_real])
            for of in scores
        ]

    ai, real = np.flatnonzero(is_ai), np.flatnonzero(~is_ai)
    both = kernels(ai, real)
    cov = np.cov([of.mean(1) for of in both]) / m + np.cov([of.mean(0) for of in both]) / n
    assert found.value == pytest.approx(both[1].mean() - both[0].mean())
    assert found.variance == pytest.approx(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    drawn = [
        np.subtract(*(of.mean() for of in kernels(rng.choice(ai, m), rng.choice(real, n))))
        for _ in range(600)
    ]
    assert found.variance == pytest.approx(np.var(drawn), rel=0.2)
    assert found.low < found.value < found.high < 0 and found.p < 0.01
    # Unpaired it would be wider by what the two share.
    assert found.variance < 0.8 * (cov[0, 0] + cov[1, 1])


def test_equal_scores_of_few_images_do_not_prove_that_classifiers_are_alike():
    is_ai = np.arange(20) < 10
    same = placements(is_ai.astype(float), is_ai)
    found = auc_difference(same, same, is_ai)
    assert (found.value, found.variance, found.p) == (0, 0, 1)
    assert found.low == -found.high < -0.2
    # Images that hang together are worth fewer.
    assert auc_difference(same, same, is_ai, effects=(4, 4)).high > 3 * found.high
