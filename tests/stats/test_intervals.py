"""Intervals: known values, and coverage computed exactly over every possible outcome."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from faceaudit.stats.intervals import (
    difference_interval,
    paired_difference_interval,
    rate_interval,
    ratio_interval,
    ratio_to_rest,
)

COUNTS = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCE = st.sampled_from([0.8, 0.95, 0.999])


def test_clopper_pearson_of_the_textbook() -> None:
    # Agresti, Categorical Data Analysis: no success in 25; the rule of three says about 3/25.
    low, high = rate_interval(0, 25)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 25), abs=1e-12)


@given(COUNTS, CONFIDENCE)
def test_clopper_pearson_agrees_with_statsmodels(counts: tuple[int, int], level: float) -> None:
    events, n = counts
    expected = proportion_confint(events, n, alpha=1 - level, method="beta")
    np.testing.assert_allclose(rate_interval(events, n, level), expected, atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_far_tails_of_tiny_groups_are_found() -> None:
    # What the gap of ten thousand groups asks for.
    low, high = rate_interval([0, 1, 2], 2, confidence=1 - 2e-10)
    np.testing.assert_allclose(low, [0, 5e-11, 1e-5], rtol=1e-6)
    np.testing.assert_allclose(high, [1 - 1e-5, 1 - 5e-11, 1], rtol=1e-6)


def test_no_image_no_interval() -> None:
    nothing, some = 0, np.array([0, 5])
    for low, high in (
        rate_interval(0, nothing),
        difference_interval(0, nothing, some, 10),
        difference_interval(some, 10, 0, nothing),
        ratio_interval(0, nothing, some, 10),
        ratio_interval(some, 10, 0, nothing),
        paired_difference_interval(0, 0, 0, 0),
    ):
        assert np.isnan(low).all()
        assert np.isnan(high).all()


@settings(max_examples=200)
@given(COUNTS, COUNTS, CONFIDENCE)
def test_limits_hold_the_point_and_turn_with_the_groups(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    (x, n), (y, m) = first, second
    difference = x / n - y / m
    low, high = difference_interval(x, n, y, m, level)
    assert -1 - 1e-12 <= low <= difference <= high <= 1 + 1e-12
    back = difference_interval(y, m, x, n, level)
    np.testing.assert_allclose((low, high), (-back[1], -back[0]), atol=1e-12)

    low, high = ratio_interval(x, n, y, m, level)
    assert 0 <= low <= high
    if x and y:
        assert low <= x / n / (y / m) <= high
        back = ratio_interval(y, m, x, n, level)
        np.testing.assert_allclose((low, high), (1 / back[1], 1 / back[0]), rtol=1e-9)
    # Both say the same about whether the groups differ.
    wide = difference_interval(x, n, y, m, level)
    if abs(wide[0]) > 1e-9 and abs(wide[1]) > 1e-9:
        assert ((low > 1) or (high < 1)) == ((wide[0] > 0) or (wide[1] < 0))


def test_zero_errors_are_no_evidence_about_a_ratio() -> None:
    low, high = ratio_interval([0, 0, 5], [10, 10, 10], [0, 5, 0], [10, 10, 10])
    np.testing.assert_array_equal(low[:2], 0)
    assert low[2] > 0
    assert np.isinf(high[[0, 2]]).all()
    assert np.isfinite(high[1])


def exact_coverage_of_difference(n: int, m: int, p: float, q: float, ratio: bool) -> float:
    x, y = np.arange(n + 1)[:, None], np.arange(m + 1)
    chance = stats.binom.pmf(x, n, p) * stats.binom.pmf(y, m, q)
    low, high = (ratio_interval if ratio else difference_interval)(x, n, y, m)
    true = p / q if ratio else p - q
    return float(chance[(low <= true + 1e-9) & (true - 1e-9 <= high)].sum())


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (5, 100), (30, 30), (30, 300), (100, 100)])
def test_coverage_of_differences_and_ratios(n: int, m: int, ratio: bool) -> None:
    rates = (0.002, 0.02, 0.1, 0.3, 0.5)
    worst = min(exact_coverage_of_difference(n, m, p, q, ratio) for p in rates for q in rates)
    assert 0.95 <= worst < 1


@pytest.mark.parametrize("n", [5, 10, 25])
def test_coverage_of_paired_differences(n: int) -> None:
    first, second = np.nonzero(np.add.outer(np.arange(n + 1), np.arange(n + 1)) <= n)
    low, high = paired_difference_interval(0, first, second, n - first - second)
    coverage = []
    for p in (0, 0.005, 0.02, 0.1, 0.3, 0.5, 0.9):
        # At the end of each, the classifiers disagree on every image.
        for q in (0, 0.005, 0.1 * (1 - p), 0.5 * (1 - p), 0.95 * (1 - p), 1 - p):
            chance = stats.multinomial.pmf(
                np.stack([first, second, n - first - second], axis=1), n, [p, q, 1 - p - q]
            )
            covers = (low <= q - p + 1e-9) & (q - p - 1e-9 <= high)
            coverage.append(chance[covers].sum())
    assert 0.95 <= min(coverage) < 0.99


def test_pairing_narrows_the_interval_when_both_err_alike() -> None:
    both, only_first, only_second, neither = 40, 2, 6, 52
    paired = paired_difference_interval(both, only_first, only_second, neither)
    apart = difference_interval(46, 100, 42, 100)
    assert paired[1] - paired[0] < (apart[1] - apart[0]) / 2
    assert paired[0] < 0.04 < paired[1]


def test_ratio_to_the_rest() -> None:
    ratio, low, high = ratio_to_rest([1, 5, 0, 0], [10, 30, 20, 0])
    np.testing.assert_allclose(ratio, [(1 / 10) / (5 / 50), (5 / 30) / (1 / 30), 0, np.nan])
    expected = ratio_interval([1, 5, 0, 0], [10, 30, 20, 0], [5, 1, 6, 6], [50, 30, 40, 60])
    np.testing.assert_array_equal((low, high), expected)
    assert np.isnan([low[3], high[3]]).all()
    ratio, low, high = ratio_to_rest([3, 0], [10, 20])
    np.testing.assert_array_equal((ratio[0], high[0], ratio[1], low[1]), (np.inf, np.inf, 0, 0))
    # Nothing to nothing has no ratio, and any ratio could be behind it.
    ratio, low, high = ratio_to_rest([0, 0], [10, 20])
    np.testing.assert_array_equal((ratio[0], low[0], high[0]), (np.nan, 0, np.inf))
