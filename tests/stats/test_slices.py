from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.significance import more_often
from faceaudit.stats.slices import Conditions, find_slices, halves, put_to_test


def conditions(codes, known=None):
    """Name every value of every fact."""
    facts = range(len(codes))
    values = [(fact, value) for fact in facts for value in range(codes[fact].max() + 1)]
    holds = np.stack([codes[fact] == value for fact, value in values], axis=1)
    there = np.stack([of >= 0 for of in codes], axis=1)
    return Conditions(
        [f"{fact}{value}" for fact, value in values], np.array(values)[:, 0], holds, there
    )


def drawn(n=4000, facts=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng, [rng.integers(0, 4, n) for _ in range(facts)], rng.integers(0, 3, n)


def test_halves_keep_together_what_hangs_together_and_share_each_stratum():
    stratum = np.repeat([0, 1, 2], [400, 100, 7])
    clusters = np.arange(507) // 3
    first = halves(stratum, clusters, 0)
    assert all(len({*first[clusters == of]}) == 1 for of in range(169))
    assert [int(first[stratum == of].sum()) for of in (0, 1)] == pytest.approx([200, 50], abs=6)
    assert (halves(stratum, clusters, 0) == first).all()
    assert (halves(stratum, clusters, 1) != first).any()
    alone = halves(stratum, None, 0)
    assert [int(alone[stratum == of].sum()) for of in (0, 1)] == [200, 50]


@pytest.mark.parametrize(
    "x, n, rest, m", [(7, 20, 9, 100), (0, 5, 3, 8), (3, 3, 0, 4), (2, 9, 5, 7)]
)
def test_in_one_stratum_the_test_is_fisher_s(x, n, rest, m):
    fisher = stats.fisher_exact([[x, n - x], [rest, m - rest]], alternative="greater").pvalue
    assert more_often([x], [n], [rest], [m]) == pytest.approx(fisher)
    # A stratum without any of the group, or without others, says nothing.
    assert more_often([x, 0, 4], [n, 0, 6], [rest, 5, 0], [m, 9, 0]) == pytest.approx(fisher)


def test_in_several_strata_every_table_is_added_up():
    x, n, rest, m = np.array([[3, 2], [10, 6], [5, 1], [30, 12]])
    chances = [stats.hypergeom(m[i] + n[i], x[i] + rest[i], n[i]) for i in (0, 1)]
    p = sum(
        chances[0].pmf(i) * chances[1].pmf(j) for i in range(11) for j in range(7) if i + j >= 5
    )
    assert more_often(x, n, rest, m) == pytest.approx(p)


def test_two_conditions_that_matter_together_are_found_as_one_slice():
    rng, codes, stratum = drawn()
    rate = np.where((codes[0] == 1) & (codes[2] == 3), 0.4, 0.05)
    given = conditions(codes)
    found = find_slices(given, rng.random(4000) < rate, stratum, 30, 5)
    assert [given.names[of] for of in found[0]] == ["01", "23"]
    assert (0 * 4 + 1,) not in found, "one of them alone is that slice, diluted"


def test_no_slice_is_better_than_the_best_that_was_found():
    rng, codes, stratum = drawn(1500, 3, 1)
    given, wrong = conditions(codes), rng.random(1500) < 0.1 + 0.1 * (codes[0] == 2)

    def score(slice_):
        inside, parts = given.inside(slice_), []
        for around in given.around(slice_):
            more = mean = variance = 0.0
            for of in range(3):
                rows = around & (stratum == of)
                n, m = rows.sum(), (rows & inside).sum()
                p = wrong[rows].mean()
                more += wrong[rows & inside].sum()
                mean += m * p
                variance += m * (n - m) / (n - 1) * p * (1 - p)
            parts.append((more - 0.5 - mean) / np.sqrt(variance) if variance else -np.inf)
        return parts

    every = [of for k in (1, 2) for of in combinations(range(12), k)]
    clear = {}
    for slice_ in every:
        parts = score(slice_)
        if given.inside(slice_).sum() >= 30 and min(parts) > (2.326 if len(slice_) == 1 else 3.0):
            clear[slice_] = parts[-1]
    (best,) = find_slices(given, wrong, stratum, 30, 1)
    assert best == max(clear, key=clear.get)


def test_what_is_not_known_is_in_no_slice_and_not_among_the_others():
    rng, codes, stratum = drawn()
    # Where the fact is not known, hardly anything is called wrongly.
    unknown = rng.random(4000) < 0.5
    wrong = rng.random(4000) < np.where(unknown, 0.01, 0.3)
    codes[0] = np.where(unknown, -1, codes[0])
    given = conditions(codes)
    assert not [of for of in find_slices(given, wrong, stratum, 30, 5) if min(of) < 4]
    tested = put_to_test(given, wrong, stratum, None, (1,), 0.95)
    assert tested.n + tested.rest_n == (~unknown).sum()
    assert tested.rest == pytest.approx(0.3, abs=0.05)


def test_a_data_set_that_has_no_others_is_not_compared():
    inside = np.r_[np.ones(100, bool), np.ones(50, bool), np.zeros(50, bool)]
    stratum = np.repeat([0, 1], 100)
    wrong = np.r_[np.ones(100, bool), np.tile([True, False], 25), np.tile([True, False], 25)]
    given = conditions([inside.astype(int)])
    tested = put_to_test(given, wrong, stratum, None, (1,), 0.95)
    assert (tested.n, tested.events, tested.rest_n, tested.rest) == (50, 25, 50, 0.5)
    assert tested.p > 0.5


def test_an_idle_condition_is_not_confirmed():
    rng, codes, stratum = drawn()
    wrong = rng.random(4000) < np.where(codes[0] == 1, 0.4, 0.05)
    given = conditions(codes)
    alone, with_idle = (put_to_test(given, wrong, stratum, None, of, 0.95) for of in ((1,), (1, 6)))
    assert alone.p < 1e-6 < 0.05 < with_idle.p


def test_pictures_of_one_person_are_worth_less():
    person = np.repeat(np.arange(100), 20)
    inside = person < 20
    wrong = np.isin(person, [0, 1, 2, 3, 30, 31])
    given = conditions([inside.astype(int)])
    one = np.zeros(2000, int)
    apart = put_to_test(given, wrong, one, None, (1,), 0.95)
    together = put_to_test(given, wrong, one, person, (1,), 0.95)
    assert apart.p < 1e-9 < 0.01 < together.p
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_there_may_be_nothing_to_search():
    nothing = Conditions([], np.zeros(0, int), np.zeros((50, 0), bool), np.zeros((50, 0), bool))
    assert find_slices(nothing, np.zeros(50, bool), np.zeros(50, int), 30, 5) == []
