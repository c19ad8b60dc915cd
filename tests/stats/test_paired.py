"""The change of each group's images: limits that hold, and differences of them."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit.stats.intervals import paired_difference_interval
from faceaudit.stats.paired import Change


def test_of_errors_that_come_and_go_it_is_the_paired_difference():
    group = np.array([0] * 10 + [1] * 20 + [-1] * 5)
    change = np.zeros(35)
    change[:3], change[3], change[10:12], change[30:] = 1, -1, -1, 1
    found = Change.of(change, group, 2, 0.9)
    assert found.n.tolist() == [10, 20]
    assert found.value.tolist() == pytest.approx([0.2, -0.1])
    low, high = paired_difference_interval([0, 0], [1, 2], [3, 0], [6, 18], 0.9)
    assert found.low.tolist() == low.tolist() and found.high.tolist() == high.tolist()


def test_images_that_hang_together_count_as_what_they_are_worth():
    rng = np.random.default_rng(0)
    change = np.repeat(rng.integers(-1, 2, 40), 5).astype(float)
    group = np.zeros(200, int)
    alone = Change.of(change, group, 1, 0.95)
    together = Change.of(change, group, 1, 0.95, np.arange(200) // 5)
    width = (together.high - together.low) / (alone.high - alone.low)
    assert width[0] == pytest.approx(5**0.5, rel=0.15)
    assert together.value == alone.value


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_limits_of_a_difference_hold(scale):
    """Two groups of which one changes more: 95 % limits, 400 samples; halves count as halves."""
    rng, held = np.random.default_rng(1), 0
    share, group = np.array([0.05, 0.2]), np.repeat([0, 1], [60, 300])
    for _ in range(400):
        change = (rng.random(360) < share[group]) * rng.choice([1.0, scale], 360)
        value, low, high = Change.of(change, group, 2, 0.95).minus(1, 0)
        assert low < value < high
        held += low < 0.15 * (1 + scale) / 2 < high
    assert held / 400 > 0.95 - 2 * (0.95 * 0.05 / 400) ** 0.5


def test_a_group_in_which_nothing_changes_is_not_sure_to_be_another():
    group = np.repeat([0, 1], [40, 2000])
    change = np.zeros(2040)
    change[40:80] = 1
    _, low, _ = Change.of(change, group, 2, 0.95).minus(1, 0)
    assert low < 0, "two in a hundred of forty are often none"
