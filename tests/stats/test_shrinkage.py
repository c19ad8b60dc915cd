from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from faceaudit.stats.shrinkage import shrunken_rates


def test_with_many_cells_it_is_the_posterior_mean_of_the_beta_that_they_were_drawn_from():
    random = np.random.default_rng(5)
    n = random.integers(20, 60, 4_000)
    events = random.binomial(n, random.beta(2, 18, 4_000))

    def unlikely(log):
        return -stats.betabinom.logpmf(events, n, *np.exp(log)).sum()

    a, b = np.exp(optimize.minimize(unlikely, np.zeros(2), method="Nelder-Mead").x)
    assert shrunken_rates(events, n) == pytest.approx((events + a) / (n + a + b), abs=0.005)


def test_cells_that_differ_by_no_more_than_chance_are_drawn_together():
    assert shrunken_rates([5, 4, 6], [100, 100, 100]) == pytest.approx([0.05] * 3)


def test_large_cells_that_differ_keep_their_rates():
    found = shrunken_rates([100, 5_000, 9_000], [10_000] * 3)
    assert found == pytest.approx([0.01, 0.5, 0.9], abs=0.001)


def test_every_threshold_is_shrunken_on_its_own_and_an_empty_cell_has_no_rate():
    events, n = np.array([[0, 0, 0], [2, 9, 0], [9, 30, 0]]), np.array([9, 30, 0])
    found = shrunken_rates(events, n)
    assert np.isnan(found[:, 2]).all()
    assert found[0, :2] == pytest.approx([0, 0])
    assert found[2, :2] == pytest.approx([1, 1])
    assert found[1] == pytest.approx(shrunken_rates(events[1], n), nan_ok=True)
