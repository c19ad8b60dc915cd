"""Errors under two conditions, counted pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from faceaudit.stats.intervals import paired_difference_interval
from faceaudit.stats.paired import paired_errors

RANDOM = np.random.default_rng(1)
#: Conditions, thresholds, images.
WRONG = RANDOM.random((3, 2, 500)) < 0.2
CODE = RANDOM.integers(-1, 2, 500)


def test_cells_rates_intervals_and_tests_by_pair_and_group():
    found = paired_errors(WRONG, [(0, 1), (2, 0)], CODE, 2)
    assert found.cells.shape == (4, 2, 4)
    for place, (first, second, group) in enumerate([(0, 1, 0), (0, 1, 1), (2, 0, 0), (2, 0, 1)]):
        one, other = (WRONG[of, 1, group == CODE] for of in (first, second))
        cells = [int(of.sum()) for of in (one & other, one & ~other, other & ~one, ~one & ~other)]
        assert found.cells[:, 1, place].tolist() == cells
        assert found.n[place] == sum(cells)
        assert found.rates[:, 1, place].tolist() == pytest.approx([one.mean(), other.mean()])
        low, high = paired_difference_interval(*cells, 0.98)
        mean = found.difference(0.98)
        assert [mean.low[1, place], mean.high[1, place]] == pytest.approx([low, high])
        assert mean.value[1, place] == pytest.approx(other.mean() - one.mean())
        p = binomtest(cells[1], cells[1] + cells[2]).pvalue
        assert found.p()[1, place] == pytest.approx(p)


def test_images_that_change_together_are_worth_fewer():
    person = np.arange(500) // 10
    first = np.zeros((1, 500), bool)
    wrong = np.stack([first, (RANDOM.random(50) < 0.3).repeat(10)[None]])
    code = np.zeros(500, int)
    alone, together = (paired_errors(wrong, [(0, 1)], code, 1, of) for of in (None, person))
    assert alone.effects.tolist() == [1] and together.effects[0] > 5
    assert together.difference(0.95).value == alone.difference(0.95).value
    assert together.p()[0, 0] > alone.p()[0, 0]
