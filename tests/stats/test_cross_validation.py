"""Rules learned from other rows, and how well they rank: against other ways, and by chance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from faceaudit.stats.cross_validation import (
    cross_validated_auc,
    deal,
    even_sample,
    foretold,
    foretold_by_step,
)
from faceaudit.stats.ranking import Runs, group_ranking, rank_scores


def drawn(n: int = 400, seed: int = 0):
    random = np.random.default_rng(seed)
    positive = random.random(n) < 0.3
    return random, positive, (random.normal(size=n) + positive).round(1), np.zeros(n, np.int64)


def test_of_one_fold_it_is_delongs_auc_and_interval():
    _, positive, score, one = drawn()
    found = cross_validated_auc(score, positive, one, one, np.arange(len(score)))
    runs = Runs.of(rank_scores(score.astype(np.float32), positive), one, 1)
    theirs = group_ranking(runs).subgroup
    assert found.value == pytest.approx(theirs.value)
    assert found.low == pytest.approx(theirs.low, abs=1e-3)
    assert found.high == pytest.approx(theirs.high, abs=1e-3)


def test_strata_are_weighted_as_mantel_and_haenszel_do_and_folds_err_together():
    random, positive, score, one = drawn()
    fold, equal = random.integers(0, 2, (2, len(score)))
    rows = np.arange(len(score))
    auc, weight = [], []
    for of in (fold + 2 * equal == i for i in range(4)):
        n = positive[of].sum(), (~positive[of]).sum()
        auc.append(roc_auc_score(positive[of], score[of]))
        weight.append(n[0] * n[1] / sum(n))
    found = cross_validated_auc(score, positive, fold, equal, rows)
    assert found.value[0] == pytest.approx(np.average(auc, weights=weight))
    independent = cross_validated_auc(score, positive, one, 2 * equal + fold, rows)
    assert found.variance[0] == pytest.approx(2 * independent.variance[0], rel=0.05)


def test_copies_are_worth_one_row():
    _, positive, score, one = drawn(80)
    alone = cross_validated_auc(score, positive, one, one, np.arange(80))
    four = (np.repeat(of, 4) for of in (score, positive, one, one, np.arange(80)))
    copies = cross_validated_auc(*four)
    for end in ("value", "low", "high"):
        assert getattr(copies, end) == pytest.approx(getattr(alone, end), abs=2e-3)


def test_a_stratum_of_one_kind_says_nothing_and_none_is_not_a_number():
    _, positive, score, one = drawn(60)
    rows = np.arange(60)
    found = cross_validated_auc(score, positive, one, one, rows)
    more = [
        np.append(of, [added] * 9)
        for of, added in ((score, 9.0), (positive, True), (one, 0), (one, 5))
    ]
    assert cross_validated_auc(*more, np.arange(69)).value == pytest.approx(found.value)
    nothing = cross_validated_auc(score, np.ones(60, bool), one, one, rows)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_a_rule_that_is_never_wrong_has_an_interval():
    _, positive, _, one = drawn(60)
    found = cross_validated_auc(positive * 1.0, positive, one, one, np.arange(60))
    assert found.value[0] == 1 and 0.8 < found.low[0] < 1 == found.high[0]


def test_samples_are_even_and_folds_share_no_cluster():
    random = np.random.default_rng(3)
    stratum = np.repeat([0, 2, 5], [1000, 40, 300])
    drawn = even_sample(stratum, 300, random)
    assert np.bincount(stratum[drawn]).tolist() == [100, 0, 40, 0, 0, 100]
    assert len(even_sample(stratum, 10_000, random)) == 1340
    cluster = np.repeat(np.arange(335), 4)
    fold = deal(stratum, cluster, random)
    assert (fold.reshape(-1, 4) == fold[::4, None]).all()
    for one in (0, 2, 5):
        assert abs(np.diff(np.bincount(fold[stratum == one]))[0]) <= 4


def test_rules_see_nothing_of_their_own_fold():
    random, positive, _, _ = drawn(300)
    step, fold = random.integers(0, 4, 300), random.integers(0, 2, 300)
    features = step[:, None] == np.arange(4)
    other = positive.copy()
    other[fold == 0] = random.random((fold == 0).sum()) < 0.5
    for rule in (
        lambda of: foretold(features, of.astype(np.int64), fold)[:, 1],
        lambda of: foretold_by_step(step, of, fold),
    ):
        same = rule(positive) == rule(other)
        assert same[fold == 0].all() and not same[fold == 1].any()


def test_a_class_that_other_folds_lack_has_no_chance():
    fold = np.repeat([0, 1], 30)
    chance = foretold(np.ones((60, 1)), np.where(fold == 0, 0, 2), fold)
    assert chance.shape == (60, 3)
    assert chance[fold == 0].tolist() == [[0, 0, 1]] * 30


def test_where_there_is_nothing_to_learn_the_interval_seldom_excludes_chance():
    alarms = []
    for seed in range(120):
        random, positive, _, one = drawn(160, seed)
        fold = deal(positive.astype(np.int64), np.arange(160), random)
        score = foretold_by_step(random.integers(0, 6, 160), positive, fold)
        found = cross_validated_auc(score, positive, fold, one, np.arange(160))
        alarms.append(not found.low[0] <= 0.5 <= found.high[0])
    # With folds taken as independent every seventh would.
    assert np.mean(alarms) <= 0.06
