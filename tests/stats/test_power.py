"""Power: what is said to be decided in four audits of five is decided in so many."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.gaps import gap_limits
from faceaudit.stats.intervals import difference_interval
from faceaudit.stats.power import (
    images_to_decide,
    images_to_fail,
    images_to_pass,
    minimum_detectable_gap,
    power_to_fail,
    power_to_pass,
)


def every_outcome(rates: list[float], n: int, limit: float, error: float) -> tuple[float, float]:
    """Chance of `pass` and of `fail`, summed over all that can be counted in groups of n."""
    events = np.array(list(product(range(n + 1), repeat=len(rates))))
    chance = stats.binom.pmf(events, n, rates).prod(axis=1)
    images = np.full(events.shape, n)
    low, _ = gap_limits(events, images, len(rates), 1 - error)
    _, high = gap_limits(events, images, len(rates), 1 - 2 * error)
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


@pytest.mark.parametrize("n", [5, 30, 400])
@pytest.mark.parametrize(("reference_events", "reference_n"), [(0, 500), (20, 1000), (300, 1000)])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_detected_with_the_stated_power(
    n: int, reference_events: int, reference_n: int, power: float
) -> None:
    gap = minimum_detectable_gap(n, reference_events, reference_n, power=power)
    rate = reference_events / reference_n + gap
    events = np.arange(n + 1)
    low, _ = difference_interval(events, n, reference_events, reference_n)
    assert stats.binom.pmf(events, n, rate)[low > 0].sum() == pytest.approx(power, abs=1e-9)


def test_too_small_to_detect_anything() -> None:
    gaps = minimum_detectable_gap([0, 1, 5, 50], [30, 30, 30, 0], [100, 100, 100, 0])
    np.testing.assert_array_equal(np.isnan(gaps), [True, True, False, True])


def test_more_images_detect_smaller_gaps() -> None:
    gaps = minimum_detectable_gap([10, 100, 1_000, 100_000], 50, 1_000)
    assert (np.diff(gaps) < 0).all()
    # Even endless images of one group cannot make up for a small reference.
    _, high = difference_interval(50, 1_000, 5_000_000, 100_000_000)
    assert gaps[-1] > high / 2
