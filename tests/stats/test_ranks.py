"""Ranges of ranks: what is not excluded, and that all true ranks are among it."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit.stats.intervals import paired_difference_interval
from faceaudit.stats.ranks import rank_ranges


def test_what_is_shown_to_be_lower_comes_before():
    """Of a, b, c: a is shown to be below c, and nothing else is shown."""
    low, high = np.full((3, 3), -1.0), np.full((3, 3), 1.0)
    low[0, 2], high[2, 0] = 0.1, -0.1
    best, worst = rank_ranges(low, high)
    assert (best.tolist(), worst.tolist()) == ([1, 1, 2], [2, 3, 3])


def ranks_of(wrong, confidence):
    """Ranges for drawn errors, shape (classifiers, images)."""
    both = wrong @ wrong.T
    first, second = wrong.sum(1)[:, None] - both, wrong.sum(1) - both
    rest = wrong.shape[1] - both - first - second
    k = len(wrong)
    each = 1 - (1 - confidence) / (k * (k - 1) / 2)
    return rank_ranges(*paired_difference_interval(both, first, second, rest, each))


@pytest.mark.parametrize("rates", [[0.1] * 5, [0.05, 0.1, 0.1, 0.1, 0.2]])
def test_all_true_ranks_are_held_together(rates):
    """Those that are alike share the ranks that they take together, and may have each."""
    rng, rates = np.random.default_rng(7), np.array(rates)
    first = 1 + (rates < rates[:, None]).sum(1)
    last = (rates <= rates[:, None]).sum(1)
    held = []
    for _ in range(200):
        hard = rng.random(600)
        wrong = 0.6 * hard + 0.4 * rng.random((5, 600)) < np.quantile(hard, rates)[:, None] * 0.9
        best, worst = ranks_of(wrong.astype(float), 0.9)
        held.append(bool(((best <= first) & (last <= worst)).all()))
    assert np.mean(held) >= 0.9
