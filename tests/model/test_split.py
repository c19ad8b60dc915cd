"""Copies of a file and pictures of a person stay on one side of the split."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.model.split import contradicted, validation_rows
from faceaudit.schema import CLUSTER_COLUMNS


def rows(label: list[str], sha256: list[str], **more: object) -> pa.Table:
    n = len(label)
    base = {"image": distinct(n), "dataset": ["d"] * n, "label": label, "sha256": sha256}
    return pa.table(base | more)


def distinct(n: int) -> list[str]:
    return [f"{i:064x}" for i in range(n)]


def test_share_is_met_in_every_data_set_and_label():
    table = pa.table(
        {
            "dataset": ["a"] * 300 + ["b"] * 100,
            "label": ["real"] * 200 + ["ai"] * 200,
            "sha256": distinct(400),
        }
    )
    held_out = validation_rows(table, 0.2, seed=3)
    assert [held_out[:200].sum(), held_out[200:300].sum(), held_out[300:].sum()] == [40, 20, 20]


def test_seed_decides():
    table = rows(["real"] * 100, distinct(100))
    first, again, other = (validation_rows(table, 0.2, seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_no_copy_and_no_person_on_both_sides(data):
    n = data.draw(st.integers(2, 60))
    sha = data.draw(st.lists(st.sampled_from("abcdefghij"), min_size=n, max_size=n))
    person = data.draw(
        st.lists(st.none() | st.sampled_from(["p", "q", "r", "s"]), min_size=n, max_size=n)
    )
    label = data.draw(st.lists(st.sampled_from(["real", "ai"]), min_size=n, max_size=n))
    table = rows(label, sha, person=pa.array(person, pa.string()))
    held_out = validation_rows(table, 0.3, seed=0)
    for key in (sha, person):
        for value in set(key) - {None}:
            assert len({bool(h) for h, k in zip(held_out, key, strict=True) if k == value}) == 1


@pytest.mark.parametrize("cluster", CLUSTER_COLUMNS)
def test_no_cluster_is_parted(cluster):
    known = pa.array([f"c{i // 3}" if i % 7 else None for i in range(90)], pa.string())
    held_out = validation_rows(rows(["real"] * 90, distinct(90), **{cluster: known}), 0.3, seed=0)
    sides = {}
    for value, side in zip(known.to_pylist(), held_out.tolist(), strict=True):
        sides.setdefault(value, set()).add(side)
    assert len(sides.pop(None)) == 2 and {len(side) for side in sides.values()} == {1}


def test_copies_link_persons():
    # One chain through a copy and a person: a-b share a file, b-c a person.
    table = rows(
        ["real"] * 43, ["x", "x", "y", *distinct(40)], person=[None, "p", "p"] + [None] * 40
    )
    sides = [validation_rows(table, 0.3, seed)[:3] for seed in range(30)]
    assert all(len(set(side.tolist())) == 1 for side in sides)
    assert {bool(side[0]) for side in sides} == {True, False}


def test_same_name_in_two_data_sets_is_two_persons():
    table = pa.table(
        {
            "dataset": ["a", "b"] * 50,
            "label": ["real"] * 100,
            "sha256": distinct(100),
            "person": ["Kim"] * 100,
        }
    )
    held_out = validation_rows(table, 0.5, seed=0)
    assert len(set(held_out[::2])) == 1 and len(set(held_out[1::2])) == 1


def test_contradicted_finds_both_copies():
    table = rows(["real", "ai", "real", "ai"], ["x", "x", "y", "z"])
    assert contradicted(table).tolist() == [True, True, False, False]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_one_large_cluster_is_never_cut(share):
    held_out = validation_rows(rows(["real"] * 50, ["same"] * 50), share, seed=0)
    assert len(np.unique(held_out)) == 1
