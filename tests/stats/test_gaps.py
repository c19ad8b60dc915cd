"""The max−min gap: its interval, and the shortcut for many groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.stats.gaps import (
    MOST_PAIRS,
    Hidden,
    gap_bounds,
    gap_limits,
    max_min_gap,
    observed_gaps,
)
from faceaudit.stats.intervals import difference_interval

GROUPS = st.lists(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=2,
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(GROUPS, st.sampled_from([0.9, 0.95, 0.999]))
def test_leaving_out_groups_that_cannot_be_extreme_changes_nothing(
    groups: list[tuple[int, int]], confidence: float
) -> None:
    events, n = np.array(groups).T
    gap = max_min_gap(events, n, confidence)
    low, high = gap_limits(events, n, len(n), confidence)
    assert (gap.low, gap.high) == (low, high)
    assert 0 <= gap.low <= gap.value <= gap.high <= 1
    rate = events / n
    assert gap.value == rate[gap.highest] - rate[gap.lowest] == rate.max() - rate.min()


def test_upper_limit_is_that_of_the_widest_pair_alone() -> None:
    gap = max_min_gap([30, 10], [100, 100])
    _, high = difference_interval(30, 100, 10, 100)
    assert gap.high == pytest.approx(high)
    # The lower limit allows for having chosen the pair, and for the more groups the more.
    lows = [max_min_gap([300, 100] + [200] * more, [1000] * (2 + more)).low for more in (0, 3, 30)]
    assert lows == sorted(lows, reverse=True)
    assert 0 < lows[2] < lows[1] < lows[0] < difference_interval(300, 1000, 100, 1000)[0]


def test_groups_without_images_are_left_out_and_said() -> None:
    gap = max_min_gap([0, 30, 0, 10], [0, 100, 0, 100])
    assert gap.left_out == (0, 2)
    assert (gap.highest, gap.lowest) == (1, 3)
    alone = max_min_gap([30, 10], [100, 100])
    assert (gap.value, gap.low, gap.high) == (alone.value, alone.low, alone.high)


@pytest.mark.parametrize(("events", "n"), [([], []), ([3], [10]), ([3, 0], [10, 0])])
def test_one_group_has_no_gap(events: list[int], n: list[int]) -> None:
    gap = max_min_gap(events, n)
    assert np.isnan([gap.value, gap.low, gap.high]).all()
    assert gap.highest is None
    assert gap.lowest is None


def test_no_error_anywhere_is_no_proof_of_no_gap() -> None:
    gap = max_min_gap([0, 0], [30, 1000])
    assert (gap.value, gap.low) == (0, 0)
    # The rule of three: 0 of 30 does not exclude a tenth.
    assert 0.1 < gap.high < 0.12


def test_more_images_narrow_the_interval() -> None:
    gaps = [max_min_gap([3 * k, 1 * k, 2 * k], [10 * k] * 3) for k in (1, 10, 100, 1000)]
    widths = [gap.high - gap.low for gap in gaps]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.05


@pytest.mark.parametrize("groups", [2, 7, 120])
def test_gaps_of_many_times_are_those_of_each(groups: int) -> None:
    random = np.random.default_rng(groups)
    n = random.integers(0, 200, groups)
    n[:2] = 50
    # 60 times 120 groups are more pairs than are all looked at.
    events = random.binomial(n, random.uniform(0, 0.4, (60, 1)), (60, groups))
    assert (60 * np.count_nonzero(n) ** 2 > MOST_PAIRS) == (groups == 120)
    value, highest, lowest = observed_gaps(events, n)
    low, high = gap_bounds(events, n, 0.025)
    for i, row in enumerate(events):
        alone = max_min_gap(row, n)
        assert (highest[i], lowest[i]) == (alone.highest, alone.lowest)
        assert value[i] == alone.value
        one = max_min_gap(row, n, 0.975).low, alone.high
        np.testing.assert_allclose([low[i], high[i]], one, atol=1e-12)
        limits = gap_limits(row[n > 0], n[n > 0], np.count_nonzero(n))
        np.testing.assert_allclose([alone.low, alone.high], limits, atol=1e-12)


def test_gaps_of_one_group_are_not_a_number() -> None:
    assert np.isnan(observed_gaps([[3, 0], [4, 0]], [9, 0])[0]).all()
    assert np.isnan(gap_bounds([[3, 0], [4, 0]], [9, 0], 0.05)).all()


def test_the_upper_bound_holds_whatever_hidden_images_are() -> None:
    events, n, error = np.array([10.0, 12, 9]), np.array([100.0, 110, 90]), 0.025
    hidden = Hidden(np.full(3, 4.0), np.full(3, 6.0), np.array([1.0, 2, 3]))
    bound = gap_bounds(events, n, error, hidden=hidden)[1]
    seen = gap_bounds(events, n, error)[1]
    random = np.random.default_rng(1)
    for _ in range(200):
        wrong = random.multinomial(4, [1 / 3] * 3)
        right = random.multinomial(6, [1 / 3] * 3)
        errors = random.binomial([1, 2, 3], 0.5)
        x, m = events + wrong + errors, n + wrong + right + [1, 2, 3]
        assert gap_bounds(x, m, error)[1] <= bound + 1e-12
    assert bound > seen


def test_wrong_tags_widen_the_gap_to_what_two_true_rates_can_be() -> None:
    # A tenth of each group belongs to the other: 20 % and 10 % are seen as 19 % and 11 %.
    n = 10_000_000
    low, high = gap_bounds([0.19 * n, 0.11 * n], [n, n], 0.025, wrong_tags=0.1)
    assert low < 0.08
    assert 0.1 < high < 0.101
    assert gap_bounds([19, 11], [100, 100], 0.025, wrong_tags=[0.5, 0.5])[1] == 1
