from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.worst import worst_group


def test_limits_are_those_of_binomial_tests_the_lower_one_shared_by_the_groups():
    found = worst_group([3, 9, 0, 4], [40, 60, 0, 50], 0.95)
    assert (found.group, found.value) == (1, 9 / 60)
    lower = stats.binomtest(9, 60).proportion_ci(1 - 0.05 / 3).low
    assert found.low == pytest.approx(lower), "a group without images is no choice"
    assert found.high == pytest.approx(stats.binomtest(9, 60).proportion_ci(0.95).high)


def test_one_group_has_its_own_interval():
    low, high = stats.binomtest(5, 70).proportion_ci(0.9)
    assert worst_group([5], [70], 0.9)[2:] == pytest.approx((low, high))


@pytest.mark.parametrize("rates", [np.full(14, 0.1), np.linspace(0.02, 0.06, 80)])
@pytest.mark.parametrize("sizes", [[40], [2_000], [30, 3_000]])
def test_the_true_rate_of_the_chosen_group_is_held(rates, sizes):
    n = np.resize(sizes, len(rates))
    random, held = np.random.default_rng(3), []
    for events in random.binomial(n, rates, (400, len(rates))):
        found = worst_group(events, n)
        held.append(found.low <= rates[found.group] <= found.high)
    assert np.mean(held) >= 0.95
