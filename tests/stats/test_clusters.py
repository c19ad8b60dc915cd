"""Which images hang together, and how many independent ones they are worth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.stats.clusters import INDEPENDENT, clusters_of, design_effects, joined
from faceaudit.stats.counts import Images
from faceaudit.stats.intervals import rate_interval
from faceaudit.stats.rates import estimate_of, rate_counts


def table(**columns: list[str | None]) -> pa.Table:
    n = len(next(iter(columns.values())))
    return pa.table(
        {"dataset": ["a"] * n, "image": [f"{i}.jpg" for i in range(n)]}
        | {name: pa.array(values, pa.string()) for name, values in columns.items()}
    )


def together(found: np.ndarray | None) -> list[set[int]]:
    assert found is not None
    sets = [set(np.flatnonzero(found == code).tolist()) for code in range(int(found.max()) + 1)]
    assert sum(map(len, sets)) == len(found)
    return sorted((members for members in sets if len(members) > 1), key=min)


def test_persons_copies_and_near_copies_hang_together() -> None:
    given = table(
        person=["p", "p", None, None, "q", "q", None, None],
        sha256=["1", "2", "2", "3", "4", "5", "6", "7"],
        copy_of=[None, None, None, None, None, None, None, "6.jpg"],
    )
    assert together(clusters_of(given)) == [{0, 1, 2}, {4, 5}, {6, 7}]
    assert together(clusters_of(given, INDEPENDENT)) == [{1, 2}, {6, 7}]
    assert together(
        clusters_of(
            given.rename_columns(["dataset", "image", "who", *given.column_names[3:]]), "who"
        )
    ) == [{0, 1, 2}, {4, 5}, {6, 7}]


def test_a_name_is_a_person_of_its_data_set() -> None:
    given = table(person=["1", "1", "1", "1"])
    given = given.set_column(0, "dataset", pa.array(["a", "a", "b", "b"]))
    assert together(clusters_of(given)) == [{0, 1}, {2, 3}]


def test_rows_that_share_nothing_are_independent() -> None:
    assert clusters_of(table(person=["p", "q", None], sha256=["1", "2", "3"])) is None
    assert clusters_of(table(other=["x", "x"])) is None
    assert joined([np.array([-1, -1])]) is None


def test_copies_count_once_and_single_images_whole() -> None:
    """Each image of the first group four times; the second group once."""
    random = np.random.default_rng(4)
    wrong = random.random(400) < 0.2
    cluster = np.append(np.repeat(np.arange(400), 4), np.arange(400, 800))
    group = np.repeat([0, 1], [1600, 400])
    value = np.append(np.repeat(wrong, 4), random.random(400) < 0.2)
    (effects,) = design_effects(cluster, group, 2, value)
    assert effects[0] == pytest.approx(4, abs=0.05)
    assert effects[1] == 1


@pytest.mark.parametrize("correlation", [0.05, 0.3, 0.7])
def test_the_design_effect_of_persons(correlation: float) -> None:
    random = np.random.default_rng(5)
    shape = np.array([0.2, 0.8]) * (1 - correlation) / correlation
    value = random.random((2000, 10)) < random.beta(*shape, (2000, 1))
    person, group = np.repeat(np.arange(2000), 10), np.repeat(np.arange(2000) % 3, 10)
    (effects,) = design_effects(person, group, 3, value.ravel())
    assert effects == pytest.approx(1 + 9 * correlation, rel=0.12)
    # Independent images of the same persons are worth themselves, nearly.
    assert (design_effects(person, group, 3, random.random(20_000) < 0.2) < 1.06).all()


def test_without_an_error_a_cluster_counts_once() -> None:
    (effects,) = design_effects(np.repeat(np.arange(30), 5), np.zeros(150, int), 1, np.zeros(150))
    assert effects == pytest.approx([5])


def test_counts_of_clusters_are_worth_less_and_say_the_same() -> None:
    random = np.random.default_rng(6)
    person = np.repeat(np.arange(200), 10)
    wrong = np.repeat(random.random(200) < 0.3, 10)
    given = table(group=list(np.array(["a", "b"])[person % 2]))
    given = given.append_column("label", pa.array(["real"] * 2000))
    given = given.append_column("p_ai", pa.array(np.where(wrong, 0.9, 0.1), pa.float32()))
    images = Images(given, person, 0.5)
    counts = images.counts(("group",), (0.25, 0.5, 0.75))
    plain, worth = rate_counts(counts, "fpr"), rate_counts(counts.effective, "fpr")
    np.testing.assert_allclose(worth[0] / worth[1], plain[0] / plain[1])
    assert worth[1] == pytest.approx(plain[1] / 10, rel=0.05)
    found = estimate_of(counts.at(0.5), "fpr", 0.95)
    assert found.n.tolist() == [1000, 1000]
    np.testing.assert_array_equal(found.low, rate_interval(worth[0][1], worth[1], 0.95)[0])
    total = counts.at(0.5).total()
    assert total.effective.n_real == pytest.approx(worth[1].sum())
    picked = counts.pick(np.array([False, True])).effective
    np.testing.assert_allclose(picked.n_real, worth[1][1:])
    assert counts.effective.effective is counts.effective or counts.effective.design_effects is None
    assert Images(given).counts(("group",), 0.5).design_effects is None
