from __future__ import annotations

import numpy as np
import pytest

from faceaudit.stats.intervals import rate_interval
from faceaudit.studies.seed_intervals import across_seeds


def test_one_seed_has_the_interval_of_its_images():
    low, high = rate_interval([[3]], [[40]])
    found = across_seeds([[3 / 40]], low, high)
    assert (found.low[0], found.high[0]) == pytest.approx((low[0, 0], high[0, 0]))


def test_seeds_that_agree_add_nothing_and_seeds_that_differ_do():
    low, high = rate_interval([[8], [8], [8]], 100)
    agreeing = across_seeds([[0.08]] * 3, low, high)
    assert (agreeing.low[0], agreeing.high[0]) == pytest.approx((low[0, 0], high[0, 0]))
    value = np.array([[0.02], [0.08], [0.14]])
    differing = across_seeds(value, *rate_interval(value * 100, 100))
    assert differing.low[0] < agreeing.low[0] and differing.high[0] > agreeing.high[0]
    assert (differing.smallest[0], differing.largest[0]) == (0.02, 0.14)


def test_no_error_in_any_seed_is_not_certainty():
    found = across_seeds([[0.0]] * 3, *rate_interval([[0]] * 3, 40))
    assert found.high[0] == pytest.approx(float(rate_interval(0, 40)[1]))


def test_nothing_beyond_what_can_be():
    found = across_seeds([[0.1], [0.9]], [[0.0], [0.8]], [[0.2], [1.0]])
    assert (found.low[0], found.high[0]) == (0, 1)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("scatter", [0.0, 0.5, 1.5])
def test_covers_the_rate_over_all_images_and_all_seeds(seeds, scatter):
    """Images differ in how hard they are and seeds in how strict they are."""
    rng = np.random.default_rng(seeds)

    def rate(strict):
        return 1 / (1 + np.exp(2 + strict - hard))

    hard = rng.normal(0, 2, 40_000)
    truth = np.mean([rate(s).mean() for s in rng.normal(0, scatter, 400)])
    inside = 0
    for _ in range(400):
        hard = rng.normal(0, 2, 200)
        events = np.array(
            [[(rng.random(200) < rate(s)).sum()] for s in rng.normal(0, scatter, seeds)]
        )
        found = across_seeds(events / 200, *rate_interval(events, 200))
        inside += bool(found.low[0] <= truth <= found.high[0])
    # 400 draws: 92 % is three standard errors below 95 %.
    assert inside / 400 > 0.92
