from __future__ import annotations

import numpy as np
import pytest

from faceaudit.stats.clusters import design_effects
from faceaudit.stats.gap_change import gap_change


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
    (effect,) = design_effects(person, np.zeros(len(person), int), 1, difference)
    assert effect < 1.3
    (alike,) = design_effects(person, np.zeros(len(person), int), 1, difference[::4][person])
    assert alike == pytest.approx(4, abs=0.1)
