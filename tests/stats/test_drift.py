from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from faceaudit.stats.drift import split_change


def drawn(n=4000, seed=0, groups=3, kinds=4):
    rng = np.random.default_rng(seed)
    second = rng.random(n) < 0.4
    people, kind = rng.integers(0, groups, n), rng.integers(0, kinds, n)
    people = np.where(second & (rng.random(n) < 0.3), 0, people)
    kind = np.where(second & (rng.random(n) < 0.3), kinds - 1, kind)
    wrong = rng.random(n) < 0.05 + 0.05 * people * second + 0.03 * kind
    return wrong, second, people, kind, np.arange(n)


def test_the_parts_are_the_means_over_all_orders_and_add_up():
    wrong, second, people, kind, cluster = drawn()

    def factors(rows):
        n, x = np.zeros((3, 4)), np.zeros((3, 4))
        np.add.at(n, (people[rows], kind[rows]), 1)
        np.add.at(x, (people[rows], kind[rows]), wrong[rows])
        return n.sum(1) / n.sum(), n / n.sum(1, keepdims=True), x / n

    def rate(p, q, r):
        return float((p[:, None] * q * r).sum())

    first, last = factors(~second), factors(second)
    parts = np.zeros(3)
    for order in permutations(range(3)):
        now = list(first)
        for part in order:
            before = rate(*now)
            now[part] = last[part]
            parts[part] += (rate(*now) - before) / 6
    found = split_change(wrong, second, people, kind, cluster)
    assert found.value[:3] == pytest.approx(parts)
    assert found.value[3] == 0
    assert found.value[4] == pytest.approx(wrong[second].mean() - wrong[~second].mean())
    assert found.value[:4].sum() == pytest.approx(found.value[4])
    assert (found.n == [(~second).sum(), second.sum()]).all()
    assert (found.compared == found.n).all()


@pytest.mark.parametrize("row", [0, 17, 1234])
def test_the_influence_of_an_image_is_what_leaving_it_out_changes(row):
    data = drawn()
    kept = np.arange(4000) != row
    found, without = split_change(*data), split_change(*(of[kept] for of in data))
    change = (found.value - without.value)[[0, 1, 2, 4]]
    assert found.influence[[0, 1, 2, 4], row] == pytest.approx(change, rel=0.03, abs=1e-7)


def test_what_one_set_alone_has_is_told_apart_and_not_extrapolated():
    wrong, second, people, kind, cluster = drawn()
    people = np.where(second & (kind == 3), 3, people)
    found = split_change(wrong, second, people, kind, cluster)
    shared = ~(second & (kind == 3)) & ~(~second & (kind == 3))
    of_shared = split_change(*(of[shared] for of in (wrong, second, people, kind, cluster)))
    assert found.value[:3] == pytest.approx(of_shared.value[:3])
    assert found.value[3] == pytest.approx(found.value[4] - of_shared.value[4])
    assert found.compared.tolist() == of_shared.n.tolist()
    low, high = found.interval(0.95)
    assert low[3] < found.value[3] < high[3]


def test_sets_with_nothing_in_common_are_not_compared():
    wrong, second, people, _, cluster = drawn()
    found = split_change(wrong, second, people, second.astype(int), cluster)
    assert np.isnan(found.value[:3]).all() and (found.compared == 0).all()
    assert found.value[3] == pytest.approx(found.value[4])


def test_intervals_are_wider_where_pictures_hang_together():
    wrong, second, people, kind, cluster = drawn()
    # Each picture ten times.
    ten = [np.repeat(of, 10) for of in (wrong, second, people, kind, cluster)]
    alone = split_change(wrong, second, people, kind, cluster).interval(0.95)
    copies = split_change(*ten).interval(0.95)
    apart = split_change(*ten[:4], np.arange(40_000)).interval(0.95)
    width = [high[2] - low[2] for low, high in (alone, copies, apart)]
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[2] == pytest.approx(width[0] / np.sqrt(10), rel=0.05)


def test_without_an_error_in_one_set_there_is_still_an_interval():
    second = np.repeat([False, True], 300)
    wrong = np.zeros(600, bool)
    none = np.zeros(600, int)
    low, high = split_change(wrong, second, none, none, np.arange(600)).interval(0.95)
    assert low[4] < -0.005 and high[4] > 0.005 and low[2] < -0.005


def test_a_gap_is_the_difference_of_two_changes():
    one, other = (split_change(*drawn(seed=seed)) for seed in (0, 1))
    gap = one - other
    assert gap.value == pytest.approx(one.value - other.value)
    assert gap.rate == pytest.approx(one.rate - other.rate)
    width = [np.ptp(of.interval(0.95), axis=0)[2] for of in (one, other, gap)]
    assert width[2] == pytest.approx(np.hypot(width[0], width[1]), rel=0.02)
