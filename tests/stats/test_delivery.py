from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.stats.counts import Images
from faceaudit.stats.delivery import (
    FEWEST_IMAGES,
    clear_kinds,
    kinds_of_picture,
    split_gap,
    stratified_gap,
)
from faceaudit.stats.intervals import difference_interval

# Deaths of those given tolbutamide and placebo, below 55 years and from there on: University Group
# Diabetes Program, as in Rothman, Greenland & Lash (2008), Modern Epidemiology, chapter 15.
TRIAL = [8, 22], [106, 98], [5, 16], [120, 85]
# Simpson (1951), turned about: within each stratum the first has more, altogether fewer.
REVERSED = [90, 80], [900, 100], [0, 500], [100, 1000]


def images(n, wrong, **columns):
    table = {"label": ["real"] * n, "dataset": ["one"] * n, **columns}
    return kinds_of_picture(Images(pa.table({**table, "p_ai": np.zeros(n, np.float32)})), wrong)


def purest(kinds, truth):
    """Whether no kind holds pictures of two true kinds."""
    return len(np.unique(kinds * 100 + truth)) == len(np.unique(kinds))


@pytest.fixture
def delivered():
    """A kind of delivery of each of 3,000 photographs, and which of them are called wrongly."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 3000)
    return truth, random.random(3000) < np.array([0.02, 0.2, 0.5])[truth]


def test_the_published_difference_and_its_interval():
    found = stratified_gap(*TRIAL, confidence=0.9)
    assert found.value == pytest.approx(0.035, abs=5e-4)
    assert (found.low, found.high) == pytest.approx((-0.018, 0.087), abs=6e-3)
    assert found.overlap == 1


def test_sides_can_be_exchanged():
    there, back = stratified_gap(*TRIAL), stratified_gap(*TRIAL[2:], *TRIAL[:2])
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )


def test_what_only_one_side_has_says_nothing():
    found = stratified_gap([8, 22, 50], [106, 98, 60], [5, 16, 0], [120, 85, 0])
    assert found[:3] == pytest.approx(stratified_gap(*TRIAL)[:3])
    assert found.overlap == pytest.approx(409 / 469)
    nothing = stratified_gap([3, 0], [10, 0], [0, 4], [0, 10])
    assert nothing.overlap == 0
    assert np.isnan(nothing[:3]).all()


def test_without_an_error_in_common_the_interval_is_that_of_none_of_so_many():
    found = stratified_gap([0, 0, 4], [30, 20, 10], [0, 0, 0], [40, 10, 0])
    assert found.value == 0
    assert found[1:3] == pytest.approx(difference_interval(0, 50, 0, 50), rel=0.1)


def test_a_difference_can_be_reversed_within():
    first, second = sum(REVERSED[0]) / sum(REVERSED[1]), sum(REVERSED[2]) / sum(REVERSED[3])
    assert first < second
    assert stratified_gap(*REVERSED).low > 0


@pytest.mark.parametrize("strata", [4, 150])
def test_the_interval_is_no_wider_than_it_must_be_where_errors_are_many(strata):
    random = np.random.default_rng(strata)
    rate = random.uniform(0.3, 0.5, strata)
    # The first has many images where the second has few, so that they are worth fewer.
    size = np.linspace(0.1, 1.9, strata)
    n1, n2 = (random.poisson(400 / strata * of) for of in (size, size[::-1]))
    outside = 0
    for _ in range(600):
        found = stratified_gap(random.binomial(n1, rate), n1, random.binomial(n2, rate), n2)
        outside += not found.low <= 0 <= found.high
    # 5 % of 600 are 30, and two standard errors 11.
    assert 12 < outside < 44


@pytest.mark.parametrize("strata", [4, 150])
def test_the_interval_covers_in_few_large_strata_and_in_many_small(strata):
    random = np.random.default_rng(strata)
    rate = random.uniform(0.005, 0.05, strata)
    n1, n2 = (random.poisson(n / strata * random.uniform(0.2, 2, strata)) for n in (900, 90))
    inside = []
    for _ in range(600):
        x1, x2 = random.binomial(n1, rate + 0.05), random.binomial(n2, rate)
        found = stratified_gap(x1, n1, x2, n2)
        inside.append(found.low <= 0.05 <= found.high)
    # 600 trials at 95 %: 93 % is more than two standard errors away.
    assert np.mean(inside) > 0.93


def test_the_parts_add_up_to_the_difference():
    more = (7, 9, 0, 0)
    x1, n1, x2, n2 = (np.append(of, one) for of, one in zip(REVERSED, more, strict=True))
    parts = split_gap(x1, n1, x2, n2)
    assert sum(parts) == pytest.approx(x1.sum() / n1.sum() - x2.sum() / n2.sum(), abs=1e-12)
    assert parts.pictures < 0 < parts.rates < parts.alone + 1


def test_alike_within_is_all_pictures_and_equally_mixed_is_all_rates():
    pictures = split_gap([9, 50], [90, 100], [20, 5], [200, 10])
    assert pictures[1:] == pytest.approx((0, 0), abs=1e-12)
    rates = split_gap([9, 50], [90, 100], [2, 10], [45, 50])
    assert (rates.pictures, rates.alone) == pytest.approx((0, 0), abs=1e-12)


def test_kinds_are_those_that_the_classifier_treats_differently(delivered):
    truth, wrong = delivered
    n, names = len(truth), np.array(["jpeg", "png", "webp"])
    assert purest(images(n, wrong, format=names[truth]), truth)
    side = np.array([256, 512, 1024])[truth]
    assert purest(images(n, wrong, width=side, height=side), truth)
    assert purest(images(n, wrong, width=np.full(n, 256), height=side), truth)
    unknown = np.where(truth == 2, None, names[truth])
    assert purest(images(n, wrong, format=pa.array(unknown.tolist(), pa.string())), truth)
    size = pa.array(np.where(truth == 1, 900, 9000).tolist(), mask=truth == 2)
    assert purest(images(n, wrong, bytes=size), truth)


def test_a_kind_has_enough_images_and_few_errors_make_few_kinds(delivered):
    truth, wrong = delivered
    size = np.random.default_rng(1).integers(1, 10**6, len(truth))
    kinds = images(len(truth), wrong, bytes=size)
    assert np.bincount(kinds).min() >= FEWEST_IMAGES
    few = wrong & (np.cumsum(wrong) <= 20)
    assert images(len(truth), few, bytes=size).max() + 1 == 2
    assert images(len(truth), wrong & False, bytes=size).max() == 0


def test_data_sets_and_labels_share_no_kind(delivered):
    _, wrong = delivered
    n = len(wrong)
    label, dataset = np.arange(n) % 2, np.arange(n) % 3
    names = {
        "label": np.array(["real", "ai"])[label],
        "dataset": np.array(["a", "b", "c"])[dataset],
    }
    assert purest(images(n, wrong, **names), 2 * dataset + label)
    assert len(np.unique(images(n, wrong, **names))) == 6


def clear(n, wrong, effect=1.0, **columns):
    table = {"label": ["real"] * n, "dataset": ["one", "other"] * (n // 2), **columns}
    return clear_kinds(Images(pa.table({**table, "p_ai": np.zeros(n, np.float32)})), wrong, effect)


def test_clear_kinds_are_the_same_in_all_data_sets_and_none_is_by_luck(delivered):
    truth, wrong = delivered
    kinds = clear(3000, wrong, bytes=truth)
    assert len(np.unique(kinds)) == 3 and purest(kinds, truth)
    by_luck = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        facts = {name: random.integers(0, 1000, 3000) for name in ("bytes", "width", "height")}
        by_luck += len(np.unique(clear(3000, random.random(3000) < 0.1, **facts))) > 1
    assert by_luck <= 2


def test_a_split_of_pictures_that_hang_together_must_be_as_much_clearer(delivered):
    truth, wrong = delivered
    # The two sorts differ by a statistic of about 250.
    assert len(np.unique(clear(3000, wrong, 2.0, bytes=truth))) == 3
    assert len(np.unique(clear(3000, wrong, 60.0, bytes=truth))) == 1
