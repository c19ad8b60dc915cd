from __future__ import annotations

import numpy as np
import pytest

from faceaudit.stats.clusters import design_effects
from faceaudit.stats.gap_change import gap_change, highest_change, lowest_change
from faceaudit.stats.intervals import paired_difference_interval


@pytest.fixture
def cells():
    """Both wrong, only the first, only the second, neither; of five groups."""
    random = np.random.default_rng(4)
    wrong = random.uniform(0.02, 0.2, (3, 5))
    chances = np.array([*wrong, 1 - wrong.sum(axis=0)]).T
    return np.array(
        [random.multinomial(n, p) for n, p in zip((50, 90, 400, 400, 900), chances, strict=True)]
    ).T


def test_it_is_the_second_gap_minus_the_first(cells):
    found = gap_change(cells)
    n = cells.sum(axis=0)
    first, second = np.ptp((cells[0] + cells[1]) / n), np.ptp((cells[0] + cells[2]) / n)
    assert (found.first, found.second, found.value) == pytest.approx(
        (first, second, second - first)
    )
    assert -1 <= found.low < found.value < found.high <= 1


def test_exchanged_classifiers_give_the_mirrored_change(cells):
    there, back = gap_change(cells), gap_change(cells[[0, 2, 1, 3]])
    assert (back.value, back.low, back.high) == pytest.approx(
        (-there.value, -there.high, -there.low)
    )


def test_shared_errors_make_it_shorter_and_design_effects_longer():
    alone = np.array([[0, 0], [80, 40], [80, 40], [840, 920]])
    shared = np.array([[70, 35], [10, 5], [10, 5], [910, 955]])
    width = [found.high - found.low for found in map(gap_change, (alone, shared))]
    assert width[1] < 0.5 * width[0]
    four = gap_change(alone, effects=4)
    assert four.value == gap_change(alone).value
    # As with a quarter of the images.
    quarter = gap_change(alone / 4)
    assert (four.low, four.high) == pytest.approx((quarter.low, quarter.high))
    for which in range(3):
        effects = np.ones((3, 2))
        effects[which] = 4
        found = gap_change(shared, effects=effects)
        assert found.high - found.low >= width[1]


def test_a_gap_that_moves_to_another_group_has_not_changed():
    """The first is worse for one group and the second for another, both by ten points."""
    cells = np.array([[100, 100, 100], [200, 0, 0], [0, 200, 0], [1900, 1900, 2100]])
    found = gap_change(cells)
    assert found.value == 0
    assert -0.06 < found.low < 0 < found.high < 0.06


def test_differences_that_cancel_are_not_taken_for_few():
    random = np.random.default_rng(5)
    person = np.repeat(np.arange(500), 4)
    difference = random.integers(-1, 2, len(person))
    assert abs(difference.mean()) < 0.05
    ((effect,),) = design_effects(person, np.zeros(len(person), int), 1, difference)
    assert effect < 1.3
    ((alike,),) = design_effects(person, np.zeros(len(person), int), 1, difference[::4][person])
    assert alike == pytest.approx(4, abs=0.1)


def test_the_highest_and_the_lowest_rate_change_by_what_they_do(cells):
    n = cells.sum(axis=0)
    first, second = (cells[0] + cells[1]) / n, (cells[0] + cells[2]) / n
    highest, lowest = highest_change(cells), lowest_change(cells)
    assert (highest.first, highest.second) == pytest.approx((first.max(), second.max()))
    assert (lowest.first, lowest.second) == pytest.approx((first.min(), second.min()))
    for found in (highest, lowest):
        assert found.value == pytest.approx(found.second - found.first)
        assert -1 <= found.low < found.value < found.high <= 1
    back = highest_change(cells[[0, 2, 1, 3]])
    assert (back.low, back.high) == pytest.approx((-highest.high, -highest.low))


def test_of_one_group_it_is_the_paired_difference(cells):
    one = cells[:, :1]
    limits = paired_difference_interval(*one, 0.95)
    for found in (highest_change(one), lowest_change(one)):
        assert (found.low, found.high) == pytest.approx([float(of[0]) for of in limits])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.1] * 5, [0.1] * 5),
        ([0.3, 0.1, 0.1, 0.05, 0.02], [0.1, 0.3, 0.1, 0.05, 0.02]),
        ([0.3, 0.1, 0.1, 0.05, 0.02], [0.1] * 5),
        ([0.02] * 5, [0.02, 0.02, 0.02, 0.1, 0.1]),
    ],
)
@pytest.mark.parametrize("change", [highest_change, lowest_change])
def test_the_interval_holds_the_true_change_whichever_group_is_extreme(change, first, second):
    random = np.random.default_rng(8)
    extreme = max if change is highest_change else min
    true = extreme(second) - extreme(first)
    held = []
    for _ in range(300):
        hard = random.random((5, 80))
        own = random.random((5, 80))
        p = hard < np.array(first)[:, None]
        q = np.where(random.random((5, 80)) < 0.7, hard, own) < np.array(second)[:, None]
        of = np.array([(a & b).sum(axis=1) for a, b in ((p, q), (p, ~q), (~p, q), (~p, ~q))])
        found = change(of)
        held.append(found.low <= true <= found.high)
    # At 95 %, three standard errors.
    assert np.mean(held) >= 0.912
