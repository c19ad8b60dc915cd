"""Means by group: Student's and Welch's intervals, but certain only of what was seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.means import beside, group_means, means_of_others

RANDOM = np.random.default_rng(3)
CODE = RANDOM.integers(-1, 3, 300)
VALUES = RANDOM.gamma(2, 1, (2, 300))


def test_means_and_their_intervals_are_students():
    found = group_means(VALUES, CODE, 3).estimate(0.9)
    assert found.value.shape == (6,), "by number and then by group"
    for row, values in enumerate(VALUES):
        for group in range(3):
            of = values[group == CODE]
            low, high = stats.ttest_1samp(of, 0).confidence_interval(0.9)
            at = found.at(3 * row + group)
            assert at == pytest.approx({"value": of.mean(), "low": low, "high": high})


def test_differences_from_all_others_are_welchs():
    found = group_means(VALUES, CODE, 3).minus(means_of_others(VALUES, CODE, 3), 0.99)
    one, rest = VALUES[1][CODE == 2], VALUES[1][(CODE >= 0) & (CODE != 2)]
    low, high = stats.ttest_ind(one, rest, equal_var=False).confidence_interval(0.99)
    expected = {"value": one.mean() - rest.mean(), "low": low, "high": high}
    assert found.at(5) == pytest.approx(expected)
    both = beside([found, found])
    assert both.low.tolist() == [*found.low, *found.low]


def test_where_all_are_alike_or_few_nothing_is_certain():
    code = np.repeat([0, 1, 2], [100, 1, 30])
    found = group_means(np.ones((1, 131)), code, 4, ends=(0, 1)).estimate(0.95)
    assert found.value[[0, 2]].tolist() == [1, 1] and (found.high[[0, 2]] == 1).all()
    # As a rate's: of 100 the rest may be 3.6 %.
    assert 0.96 < found.low[0] < 0.985 and found.low[2] < 0.95
    assert np.isnan(found.value[[1, 3]]).all(), "one image and none"


@pytest.mark.parametrize(("share", "n"), [(0.02, 60), (0.1, 60), (0.5, 30), (0.01, 300)])
def test_rare_ones_are_covered(share, n):
    values = np.random.default_rng(7).random((3_000, n)) < share
    found = group_means(values, np.zeros(n, int), 1, ends=(0, 1)).estimate(0.95)
    assert np.mean((found.low <= share) & (share <= found.high)) > 0.93


def test_images_of_a_person_are_worth_fewer():
    person = np.arange(300) // 10
    values = RANDOM.normal(0, 1, (1, 30)).repeat(10, axis=1)
    code = np.zeros(300, int)
    alone, together = (group_means(values, code, 1, of) for of in (None, person))
    assert together.value == alone.value and together.worth[0] < 40
    assert together.variance[0] > 7 * alone.variance[0]
