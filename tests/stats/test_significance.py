"""Tests: against scipy, against full enumeration, and for their level."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.significance import adjust, all_alike, each_against_rest


def test_large_counts_take_chi_square() -> None:
    events, n = [40, 60, 50], [200, 210, 220]
    found = all_alike(events, n)
    expected = stats.chi2_contingency([events, np.subtract(n, events)], correction=False).pvalue
    assert found is not None
    assert found.p == pytest.approx(expected)
    assert found.method == "Pearson's chi-square"


def test_two_small_groups_take_fisher() -> None:
    found = all_alike([3, 0], [8, 9])
    assert found is not None
    assert found.p == pytest.approx(stats.fisher_exact([[3, 0], [5, 9]]).pvalue)


def test_permutation_agrees_with_full_enumeration() -> None:
    events, n = np.array([5, 0, 2]), np.array([8, 9, 7])
    total, size = events.sum(), n.sum()

    def statistic(x: np.ndarray) -> float:
        return float(((x - n * total / size) ** 2 / n).sum())

    exact = sum(
        comb(8, a) * comb(9, b) * comb(7, c) / comb(size, total)
        for a, b, c in itertools.product(range(9), range(10), range(8))
        if a + b + c == total and statistic(np.array([a, b, c])) >= statistic(events) - 1e-9
    )
    found = all_alike(events, n)
    assert found is not None
    assert found.method == "chi-square by permutation"
    assert exact < 0.05
    assert found.p == pytest.approx(exact, rel=0.25)
    # Seeded: the same numbers every time.
    assert all_alike(events, n) == found


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_level_holds_with_small_groups(rate: float) -> None:
    random = np.random.default_rng(5)
    n = np.array([5, 10, 30, 200])
    trials = 400
    rejected = 0
    for events in random.binomial(n, rate, (trials, len(n))):
        found = all_alike(events, n)
        rejected += found is not None and found.p <= 0.05
    # 5 % of 400 is 20; the level may be missed by chance alone by three standard errors.
    assert rejected <= 20 + 3 * np.sqrt(19)


def test_real_differences_between_small_groups_are_found() -> None:
    found = all_alike([9, 1, 1, 0], [10, 10, 10, 10])
    assert found is not None
    assert found.p < 0.001


def test_nothing_to_compare() -> None:
    assert all_alike([3], [10]) is None
    assert all_alike([3, 0], [10, 0]) is None
    none_wrong = all_alike([0, 0], [10, 20])
    assert none_wrong is not None
    assert none_wrong.p == 1


def test_each_group_against_the_rest() -> None:
    events, n = [1, 8, 0], [10, 20, 0]
    found = each_against_rest(events, n)
    expected = stats.fisher_exact([[1, 9], [8, 12]]).pvalue
    np.testing.assert_allclose(found, [expected, expected, np.nan])
    assert np.isnan(each_against_rest([3], [10])).all()


def test_fisher_is_exact_for_every_small_table() -> None:
    """By whole numbers, so that equally likely tables are told from nearly equally likely ones."""
    for n, size in itertools.combinations(range(1, 15), 2):
        for total in range(size + 1):
            ways = {
                x: comb(n, x) * comb(size - n, total - x)
                for x in range(max(0, n + total - size), min(n, total) + 1)
            }
            for x, here in ways.items():
                exact = sum(w for w in ways.values() if w <= here) / comb(size, total)
                found = each_against_rest([x, total - x], [n, size - n])
                np.testing.assert_allclose(found, exact, rtol=1e-13)


@pytest.mark.parametrize(
    ("size", "n", "total", "x", "y"),
    [(31, 11, 14, 1, 9), (74, 20, 35, 3, 16), (86, 23, 41, 4, 18), (117, 20, 32, 2, 9)],
)
def test_fisher_tells_equally_likely_tables_from_nearly_equal_ones(
    size: int, n: int, total: int, x: int, y: int
) -> None:
    ways = {k: comb(n, k) * comb(size - n, total - k) for k in range(min(n, total) + 1)}
    for k in (x, y):
        exact = sum(w for w in ways.values() if w <= ways[k]) / comb(size, total)
        found = each_against_rest([k, total - k], [n, size - n])
        np.testing.assert_allclose(found, exact, rtol=1e-12)


@pytest.mark.parametrize("size", [40, 1_000, 30_000, 90_000])
@pytest.mark.parametrize("spread", [1, 6])
def test_fisher_agrees_with_scipy(size: int, spread: int) -> None:
    random = np.random.default_rng(size + spread)
    for share in (0.001, 0.05, 0.5, 0.99):
        n = random.integers(1, size)
        total = int(np.ceil(share * size))
        lowest, highest = max(0, n + total - size), min(n, total)
        sd = np.sqrt(n * share * (1 - share) * (1 - n / size))
        x = int(np.clip(random.normal(n * share, spread * sd), lowest, highest))
        table = [[x, n - x], [total - x, size - n - total + x]]
        found = each_against_rest([x, total - x], [n, size - n])
        np.testing.assert_allclose(found, stats.fisher_exact(table).pvalue, rtol=1e-12)


def test_fisher_of_many_images_against_whole_numbers() -> None:
    """Where scipy is off by 1e-11, since its chances are logarithms then."""
    size, n, total, x = 300_000, 2_000, 1_500, 22
    weight, weights = comb(size - n, total), []
    for k in range(201):
        weights.append(weight)
        weight = weight * (n - k) * (total - k) // ((k + 1) * (size - n - total + k + 1))
    exact = Fraction(sum(w for w in weights if w <= weights[x]), sum(weights))
    found = each_against_rest([x, total - x], [n, size - n])
    np.testing.assert_allclose(found, float(exact), rtol=1e-12)


def test_fisher_beyond_what_a_float_can_hold() -> None:
    found = each_against_rest([900_000, 0], [1_000_000, 1_000_000])
    np.testing.assert_array_equal(found, [0, 0])


def test_many_groups_each_have_the_p_value_of_their_own_counts() -> None:
    random = np.random.default_rng(3)
    n = random.integers(0, 30, 200)
    events = random.binomial(n, 0.1)
    found = each_against_rest(events, n)
    total, size = events.sum(), n.sum()
    for x, m, p in zip(events, n, found, strict=True):
        table = [[x, m - x], [total - x, size - m - total + x]]
        expected = stats.fisher_exact(table).pvalue if m else np.nan
        np.testing.assert_allclose(p, expected, rtol=1e-12)


def test_adjustment_agrees_with_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 200):
        p = np.round(rng.beta(0.5, 2, n), 2)
        holm, bh = adjust(p.tolist())
        assert holm == pytest.approx(multipletests(p, method="holm")[1])
        assert bh == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_adjustment_by_hand() -> None:
    holm, bh = adjust([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm, [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(bh, [0.02, 0.04, 0.04, 0.02])
    assert [len(p) for p in adjust([])] == [0, 0]
