"""Each method on drawn scores: what it promises, on images that it was not fitted on."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit

from faceaudit.errors import FaceAuditError
from faceaudit.mitigation import Given, all_methods
from faceaudit.mitigation.base import THRESHOLD, moved
from faceaudit.mitigation.threshold_optimizer import ThresholdOptimizer
from faceaudit.reading.columns import with_column
from faceaudit.stats.counts import Images
from field import scored_faces


def drawn(log_odds, n=400, seed=0, groups=("a", "b"), **columns):
    """Draw n faces of each group and label; `log_odds` of random, is_ai, group."""
    random = np.random.default_rng(seed)
    is_ai = np.tile(np.repeat([False, True], n), len(groups))
    group = np.repeat(groups, 2 * n)
    given = {name: of(is_ai, group) for name, of in columns.items()}
    table = scored_faces(is_ai, is_ai, {"group": group, **given}).table
    p_ai = pa.array(expit(log_odds(random, is_ai, group)), pa.float32())
    return Images(with_column(table, "p_ai", p_ai))


def uneven(random, is_ai, group):
    """Group b scores higher throughout, and its labels overlap."""
    return random.normal(np.where(is_ai, 1, -1) * np.where(group == "a", 3, 1) + (group == "b"))


def rate(scores, images, *, ai, group):
    wrong = (scores >= THRESHOLD) != images.is_ai
    return wrong[(images.is_ai == ai) & (np.array(images.table["group"]) == group)].mean()


GIVEN = Given(["group"], 0.5)


@pytest.mark.parametrize("method", all_methods().values(), ids=all_methods())
def test_what_was_learned_is_json_and_decides_alike_when_it_is_read_back(method):
    facts = {"width": lambda is_ai, group: pa.array(np.where(group == "a", 100, 200), pa.int32())}
    fitted = method.fit(drawn(uneven, **facts), GIVEN)
    again = method.model_validate(json.loads(fitted.model_dump_json()))
    other = drawn(uneven, seed=1, **facts)
    scores = fitted.apply(other)
    assert again == fitted
    assert scores.shape == (len(other),) and scores.min() >= 0 and scores.max() <= 1
    np.testing.assert_array_equal(again.apply(other), scores)
    assert fitted.told


def test_only_what_looks_at_tags_is_for_study_only():
    for method in all_methods().values():
        assert method.for_study == ("tag" in method.decides_by)
        if not method.for_study:
            images = drawn(
                uneven, width=lambda is_ai, group: pa.array([9] * len(group), pa.int32())
            )
            hidden = Images(images.table.drop_columns("group"))
            fitted = method.fit(images, GIVEN)
            np.testing.assert_array_equal(fitted.apply(hidden), fitted.apply(images))


@pytest.mark.parametrize("threshold", [0.0, 1e-6, 0.3, 0.5, 0.99999, 1.0000001])
def test_moved_scores_are_called_as_before_and_keep_their_order(threshold):
    score = np.unique(np.float32([0, 1e-7, threshold, *np.linspace(0, 1, 999)])).clip(0, 1)
    near = np.nextafter(np.float32(threshold), np.float32([0, 2])).clip(0, 1)
    score = np.unique(np.concatenate([score, near]))
    at = float(np.float32(threshold))
    there = moved(score, at).astype(np.float32)
    np.testing.assert_array_equal(there >= np.float32(0.5), score >= np.float32(at))
    assert (np.diff(there) >= 0).all()


def test_the_minimax_threshold_is_the_best_of_all_for_the_worst_group():
    images = drawn(uneven)
    fitted = all_methods()["minimax-threshold"].fit(images, GIVEN)

    def worst(threshold):
        scores = np.where(images.score >= np.float32(threshold), 1.0, 0.0)
        return max(rate(scores, images, ai=ai, group=of) for ai in (False, True) for of in "ab")

    best = min(worst(threshold) for threshold in np.unique(images.score))
    assert worst(fitted.threshold) == pytest.approx(best)
    assert worst(fitted.threshold) < worst(0.5) - 0.05


def test_between_labels_that_part_the_threshold_is_in_the_middle():
    images = drawn(lambda random, is_ai, group: np.where(is_ai, 1.0, -3.0))
    fitted = all_methods()["minimax-threshold"].fit(images, GIVEN)
    assert fitted.threshold == pytest.approx((expit(1) + expit(-3)) / 2, abs=1e-6)


def test_a_safe_threshold_keeps_its_target_in_every_group_nearly_always():
    method, given = all_methods()["safe-threshold"], Given(["group"], 0.5, 0.1, 0.9)
    true = drawn(uneven, n=20_000, seed=99)
    kept, spent = [], []
    for seed in range(100):
        scores = method.fit(drawn(uneven, n=150, seed=seed), given).apply(true)
        found = [rate(scores, true, ai=False, group=of) for of in "ab"]
        kept.append(max(found) <= 0.1)
        spent.append(max(found))
    # At 90 %, three standard errors.
    assert np.mean(kept) >= 0.81
    assert np.mean(spent) > 0.03, "it is no safer than need be"


def test_a_target_that_so_few_photographs_cannot_carry_is_refused_with_how_many_can():
    with pytest.raises(FaceAuditError, match=r"to be sure of 1\.0 %, a, b need 368 independent"):
        all_methods()["safe-threshold"].fit(drawn(uneven, n=100), Given(["group"], 0.5, 0.01))


def test_fairlearns_thresholds_are_fairlearns():
    from fairlearn.postprocessing import ThresholdOptimizer as Fairlearn
    from sklearn.linear_model import LogisticRegression

    images, other = drawn(uneven), drawn(uneven, seed=1)
    fitted = ThresholdOptimizer.fit(images, GIVEN)
    stump = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    stump.predict_proba = lambda x: np.hstack([1 - x, x])
    theirs = Fairlearn(
        estimator=stump,
        constraints="equalized_odds",
        objective="balanced_accuracy_score",
        prefit=True,
        predict_method="predict_proba",
    ).fit(
        images.score[:, None].astype(float),
        images.is_ai.astype(int),
        sensitive_features=np.array(images.table["group"]),
    )
    chance = theirs._pmf_predict(
        other.score[:, None].astype(float), sensitive_features=np.array(other.table["group"])
    )[:, 1]
    called = fitted.apply(other) >= THRESHOLD
    assert called[chance == 1].all() and not called[chance == 0].any()
    assert called.mean() == pytest.approx(chance.mean(), abs=0.03)
    apart = [
        abs(
            rate(fitted.apply(other), other, ai=ai, group="a")
            - rate(fitted.apply(other), other, ai=ai, group="b")
        )
        for ai in (False, True)
    ]
    assert max(apart) < 0.08, "odds are about equal on other images too"


def test_of_groups_without_both_labels_nothing_is_learned_and_they_keep_their_threshold():
    images = drawn(uneven, groups=("a", "b", "c"))
    real_only = Images(
        images.table.filter(pa.array(~((np.array(images.table["group"]) == "c") & images.is_ai)))
    )
    fitted = ThresholdOptimizer.fit(real_only, GIVEN)
    assert set(fitted.groups) == {"a", "b"}
    of_c = np.array(images.table["group"]) == "c"
    np.testing.assert_array_equal(
        (fitted.apply(images) >= THRESHOLD)[of_c], images.score[of_c] >= np.float32(0.5)
    )
    alone = Images(images.table.filter(pa.array(of_c)))
    with pytest.raises(FaceAuditError, match="and 1 of 1 group has"):
        ThresholdOptimizer.fit(alone, GIVEN)


def by_size(random, is_ai, group):
    """Pictures of group b, all large, are scored higher than they should be."""
    return random.normal(np.where(is_ai, 2, -2)) + 2.5 * (group == "b")


SIZE = {"width": lambda is_ai, group: pa.array(np.where(group == "b", 512, 256), pa.int32())}


def test_recalibration_mends_what_hangs_on_the_delivery():
    method = all_methods()["delivery-recalibration"]
    other = drawn(by_size, seed=1, **SIZE)
    scores = method.fit(drawn(by_size, **SIZE), GIVEN).apply(other)
    assert rate(other.score, other, ai=False, group="b") > 0.6
    assert rate(scores, other, ai=False, group="b") < 0.06
    assert rate(scores, other, ai=True, group="b") < 0.06


def test_the_share_of_ai_faces_in_a_kind_is_no_evidence_against_it():
    """Nine in ten large pictures are AI-generated: the photographs among them are not blamed."""
    images = drawn(by_size, n=1000, **SIZE)
    few = (
        (np.array(images.table["group"]) == "b") & ~images.is_ai & (np.arange(len(images)) % 10 > 0)
    )
    fitted = all_methods()["delivery-recalibration"].fit(
        Images(images.table.filter(pa.array(~few))), GIVEN
    )
    other = drawn(by_size, seed=1, **SIZE)
    assert rate(fitted.apply(other), other, ai=False, group="b") < 0.08


def test_a_kind_of_one_label_keeps_its_scores():
    images = drawn(by_size, **SIZE)
    one = Images(
        images.table.filter(pa.array((np.array(images.table["group"]) == "a") | images.is_ai))
    )
    fitted = all_methods()["delivery-recalibration"].fit(one, GIVEN)
    assert list(fitted.kinds) == ["256"]
    of_b = np.array(images.table["group"]) == "b"
    np.testing.assert_allclose(fitted.apply(images)[of_b], images.score[of_b], rtol=1e-6)
    with pytest.raises(FaceAuditError, match="no kind of picture has 30 images of each label"):
        all_methods()["delivery-recalibration"].fit(
            Images(one.table.filter(pa.array(one.is_ai))), GIVEN
        )
    with pytest.raises(FaceAuditError, match="nothing is known of the delivery"):
        all_methods()["delivery-recalibration"].fit(drawn(by_size), GIVEN)


def test_without_enough_of_a_label_no_method_pretends():
    images = drawn(uneven)
    real = Images(images.table.filter(pa.array(~images.is_ai)))
    with pytest.raises(FaceAuditError, match="no group has 30 AI-generated faces"):
        all_methods()["minimax-threshold"].fit(real, GIVEN)
    ai = Images(images.table.filter(pa.array(images.is_ai)))
    with pytest.raises(FaceAuditError, match="no group has 30 real photographs"):
        all_methods()["safe-threshold"].fit(ai, GIVEN)
