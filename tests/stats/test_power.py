"""Power: what is said to be decided in four audits of five is decided in so many."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.gaps import gap_bounds
from faceaudit.stats.intervals import paired_difference_interval
from faceaudit.stats.power import (
    excess_to_fail,
    images_to_decide,
    images_to_fail,
    images_to_pass,
    pairs_to_decide,
    power_of_pairs,
    power_to_fail,
    power_to_pass,
)


def every_outcome(rates: list[float], n: int, limit: float, error: float) -> tuple[float, float]:
    """Chance of `pass` and of `fail`, summed over all that can be counted in groups of n."""
    events = np.array(list(product(range(n + 1), repeat=len(rates))))
    chance = stats.binom.pmf(events, n, rates).prod(axis=1)
    images = np.full(events.shape, n)
    low, high = gap_bounds(events, images, error)
    return float(chance[high <= limit].sum()), float(chance[low > limit].sum())


@pytest.mark.parametrize(("groups", "n"), [(2, 50), (3, 13), (4, 7)])
@pytest.mark.parametrize("rate", [0.02, 0.1])
@pytest.mark.parametrize("error", [0.05, 0.005])
def test_power_is_that_of_every_possible_outcome(
    groups: int, n: int, rate: float, error: float
) -> None:
    for limit in (0.3, 0.6):
        to_pass, _ = every_outcome([rate] * groups, n, limit, error)
        assert power_to_pass(groups, n, rate, limit, error) == pytest.approx(to_pass, abs=1e-7)
    for limit in (0.0, 0.1):
        _, to_fail = every_outcome([rate + 0.8] + [rate] * (groups - 1), n, limit, error)
        found = power_to_fail(groups, n, rate, 0.8, limit, error)
        assert to_fail - error <= found <= to_fail + 1e-7
        assert found > 0.01 or error < 0.01


@pytest.mark.parametrize(("rate", "less"), [(0.001, 0.05), (0.02, 0.02), (0.2, 0.02)])
@pytest.mark.parametrize("groups", [2, 9])
def test_so_many_images_and_no_fewer(rate: float, less: float, groups: int) -> None:
    def passes(n: float) -> float:
        return power_to_pass(groups, round(n), rate, 0.05, 0.005)

    def fails(n: float) -> float:
        return power_to_fail(groups, round(n), rate, 0.1, 0.05, 0.005)

    for power_of, n in (
        (passes, images_to_pass(groups, rate, 0.05, 0.005, 0.8)),
        (fails, images_to_fail(groups, rate, 0.1, 0.05, 0.005, 0.8)),
    ):
        assert power_of(n) >= 0.8 > power_of(n - max(2, 0.02 * n))
        assert min(power_of(of) for of in np.linspace(n, 1.5 * n, 50)) > 0.8 - less


def test_images_to_decide_do_and_are_always_said() -> None:
    events, n = np.array([1, 2, 0, 3, 2, 2, 1, 0]), np.array([80] * 7 + [0])
    needed = images_to_decide(events, n, 0.05, 0.005)
    assert 450 < needed < 600
    assert power_to_pass(7, needed, (11 + 0.5) / (560 + 1), 0.05, 0.005) >= 0.8
    for wrong in (0, 40, 80):  # none, half and all of each group
        assert images_to_decide(np.full(7, wrong), n[:7], 0.05, 0.005) > 0


@pytest.mark.parametrize("n", [[200, 200], [60, 5000], [300] * 7, [50] * 20 + [5000]])
@pytest.mark.parametrize("rate", [0.002, 0.02, 0.3])
@pytest.mark.parametrize(("limit", "error"), [(0.0, 0.05), (0.05, 0.005)])
def test_the_excess_fails_with_the_stated_power(
    n: list[int], rate: float, limit: float, error: float
) -> None:
    events = np.array(n) * rate
    for group in (0, len(n) - 1):
        excess = excess_to_fail(events, n, limit, error)[group]
        rest = (events.sum() - events[group] + 0.5) / (sum(n) - n[group] + 1)
        rates = np.full(len(n), rest)
        rates[group] += excess
        drawn = np.random.default_rng(5).binomial(n, rates, (2000, len(n)))
        low, _ = gap_bounds(drawn, np.broadcast_to(n, drawn.shape), error)
        assert np.mean(low > limit) == pytest.approx(0.8, abs=0.05)


def test_too_small_to_exceed_anything() -> None:
    excess = excess_to_fail([0, 0, 5, 1], [1, 0, 100, 40], 0.05, 0.01)
    np.testing.assert_array_equal(np.isnan(excess), [True, True, False, False])
    assert np.isnan(excess_to_fail([3, 0], [100, 0], 0.05, 0.01)).all()
    # Above a rate of nearly 1 there is no room.
    assert np.isnan(excess_to_fail([48, 485, 98], [48, 500, 100], 0.05, 0.01)).all()


def test_many_groups_of_any_size() -> None:
    n = np.geomspace(30, 5000, 300)
    excess = excess_to_fail(n / 20, n, 0.05, 0.005)
    assert np.isfinite(excess).all()
    assert excess[0] > excess[100] > excess[-1] > 0.05


@pytest.mark.parametrize(
    ("n", "first", "second", "margin", "error"),
    [
        (300, 0.025, 0.025, 0.02, 0.05),
        (2_000, 0.03, 0.04, 0.02, 0.01),
        (900, 0.01, 0.06, 0.02, 0.01),
        (400, 0.002, 0.002, 0.02, 0.002),
        (300, 0.08, 0.01, 0.0, 0.002),
        (50_000, 0.05, 0.05, 0.003, 0.001),
    ],
)
def test_the_power_of_pairs_is_that_of_drawn_ones(n, first, second, margin, error):
    rest = 1 - first - second
    drawn = np.random.default_rng(0).multinomial(n, [0, first, second, rest], 8_000).T
    low, high = paired_difference_interval(*drawn, 1 - 2 * error)
    right = low > margin if second - first > margin else high <= margin
    found = power_of_pairs(n, first, second, margin, error)
    assert found == pytest.approx(right.mean(), abs=0.03)


@pytest.mark.parametrize(("first", "second"), [(10, 10), (0, 0), (4, 30), (30, 2)])
def test_so_many_pairs_decide(first, second):
    needed = pairs_to_decide(first, second, 400, 0.03, 0.01)
    shares = (first + 0.5) / 401, (second + 0.5) / 401
    assert power_of_pairs(needed, *shares, 0.03, 0.01) >= 0.8
    assert power_of_pairs(int(0.9 * needed), *shares, 0.03, 0.01) < 0.8


def test_no_number_of_pairs_shows_which_side_of_the_margin_it_is():
    assert pairs_to_decide(0, 12, 400, 12 / 401, 0.01) is None
