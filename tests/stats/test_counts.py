"""Counting: every row is counted once, in its group, or said to be left out."""

from __future__ import annotations

import gc
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.errors import FaceAuditError
from faceaudit.stats import counts as counts_module
from faceaudit.stats.counts import OutcomeCounts, count_at_thresholds, count_outcomes
from faceaudit.stats.thresholds import reader_thresholds
from tests.stats.conftest import scores_tables

ATTRIBUTES = st.sampled_from([(), ("first",), ("second", "first")])


def by_hand(
    table: pa.Table, attributes: tuple[str, ...], threshold: float
) -> Counter[tuple[tuple[str, ...], str, bool]]:
    """Count (group, label, called AI) row by row."""
    tally: Counter[tuple[tuple[str, ...], str, bool]] = Counter()
    for row in table.to_pylist():
        group = tuple(row[name] for name in attributes)
        if None not in group:
            tally[group, row["label"], np.float32(row["p_ai"]) >= np.float32(threshold)] += 1
    return tally


@settings(max_examples=200, deadline=None)
@given(scores_tables(), ATTRIBUTES, st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.booleans())
def test_agrees_with_counting_row_by_row(
    table: pa.Table, attributes: tuple[str, ...], threshold: float, empty_cells: bool
) -> None:
    found = count_outcomes(table, attributes, threshold, empty_cells=empty_cells)
    expected = by_hand(table, attributes, threshold)
    for i, group in enumerate(found.groups):
        assert found.real_called_ai[i] == expected[group, "real", True]
        assert found.real_called_real[i] == expected[group, "real", False]
        assert found.ai_called_ai[i] == expected[group, "ai", True]
        assert found.ai_called_real[i] == expected[group, "ai", False]
    assert found.n.sum() == expected.total()
    assert found.n.sum() + found.missing == len(table)
    assert len(set(found.groups)) == len(found.groups)
    if not empty_cells and attributes:
        assert found.n.min(initial=1) > 0


@settings(max_examples=100, deadline=None)
@given(scores_tables(), ATTRIBUTES, st.booleans(), st.sampled_from([0.0, 0.1, 0.37, 1.0]))
def test_counts_at_many_thresholds_are_those_at_each(
    table: pa.Table, attributes: tuple[str, ...], empty_cells: bool, audited: float
) -> None:
    grid = reader_thresholds(audited)
    assert audited in grid
    found = count_at_thresholds(table, attributes, grid, empty_cells=empty_cells)
    for threshold, at_once in zip(grid, found, strict=True):
        alone = count_outcomes(table, attributes, threshold, empty_cells=empty_cells)
        assert at_once.groups == alone.groups
        assert at_once.missing == alone.missing
        for name in ("n_real", "real_called_ai", "n_ai", "ai_called_real"):
            np.testing.assert_array_equal(getattr(at_once, name), getattr(alone, name))


def test_a_score_of_the_threshold_is_called_ai_in_float32() -> None:
    # 0.1 is not a float32: the score that is nearest to it must count as equal to it.
    table = pa.table({"label": ["real"] * 3, "p_ai": np.float32([0.1, np.nextafter(0.1, 0), 0.2])})
    found = count_at_thresholds(table, (), (0.1, 0.2, 0.3))
    assert [int(counts.real_called_ai[0]) for counts in found] == [
        int((table["p_ai"].to_numpy() >= np.float32(t)).sum()) for t in (0.1, 0.2, 0.3)
    ]
    assert int(found[0].real_called_ai[0]) >= 2


def test_thresholds_must_rise() -> None:
    table = pa.table({"label": ["real"], "p_ai": np.float32([0.1])})
    with pytest.raises(ValueError, match="rise"):
        count_at_thresholds(table, (), (0.5, 0.5 + 1e-12))


def table_of(**columns: object) -> pa.Table:
    return pa.table({"label": ["real", "real", "ai"], "p_ai": [0.2, 0.7, 0.7], **columns})


def test_reading_order_labels_and_empty_cells() -> None:
    table = table_of(age_band=["10-19", "3-9", "70+"], gender=["weiblich", "männlich", "männlich"])
    found = count_outcomes(table, ["age_band", "gender"], 0.5)
    assert found.labels == ["3-9 × männlich", "10-19 × weiblich", "70+ × männlich"]
    every = count_outcomes(table, ["age_band", "gender"], 0.5, empty_cells=True)
    assert len(every.groups) == 6
    assert every.n.tolist() == [1, 0, 0, 1, 1, 0]
    assert every.total().n_real.tolist() == [2]


def test_score_at_the_threshold_is_called_ai_in_float32() -> None:
    # 0.1 in float32 is above 0.1 in float64; 0.3 is below its float64.
    for threshold in (0.1, 0.3):
        table = pa.table({"label": ["real"], "p_ai": pa.array([threshold], pa.float32())})
        assert count_outcomes(table, [], threshold).real_called_ai.tolist() == [1]


def test_rows_without_score_or_tag_are_said() -> None:
    table = pa.table(
        {
            "label": ["real"] * 4,
            "p_ai": pa.array([None, float("nan"), 0.2, 0.9], pa.float32()),
            "tag": ["a", "a", None, "a"],
        }
    )
    found = count_outcomes(table, ["tag"], 0.5)
    assert (found.n.tolist(), found.missing, found.unscored) == ([1], 1, 2)


def test_tag_without_any_value_has_no_group() -> None:
    found = count_outcomes(table_of(tag=pa.array([None] * 3, pa.string())), ["tag"], 0.5)
    assert (found.groups, found.missing, found.n.tolist()) == ([], 3, [])
    assert found.total().n.tolist() == [0]


def test_codes_and_dictionaries_are_groups() -> None:
    codes = pa.array([1, 0, 1])
    dictionary = pa.array(["b", "a", "b"]).dictionary_encode()
    found = count_outcomes(table_of(codes=codes, coded=dictionary), ["codes", "coded"], 0.5)
    assert found.groups == [("0", "a"), ("1", "b")]


@pytest.mark.parametrize(
    ("columns", "attributes", "message"),
    [
        ({"race": ["a", "b", "c"]}, ["gender"], "no tag 'gender' in the scores; the tags are race"),
        ({"age": pa.array([1, 2, 3], pa.float32())}, ["age"], "'age_band' instead"),
        ({"blur": [0.1, 0.2, 0.3]}, ["blur"], "'blur' is a number"),
    ],
)
def test_refuses_what_is_no_group(columns: dict, attributes: list[str], message: str) -> None:
    with pytest.raises(FaceAuditError, match=message):
        count_outcomes(table_of(**columns), attributes, 0.5)


def test_refuses_tags_that_name_single_images() -> None:
    names = [f"{i}.jpg" for i in range(1_100)]
    table = pa.table({"label": ["real"] * 1_100, "p_ai": [0.1] * 1_100, "a": names, "b": names})
    with pytest.raises(FaceAuditError, match="1,000,000 groups"):
        count_outcomes(table, ["a", "b"], 0.5)


def test_columns_are_read_once_and_go_with_their_table() -> None:
    table = table_of(tag=["a", "b", "b"])
    gc.collect()  # what earlier tests left
    before = len(counts_module._READ)
    first = count_outcomes(table, ["tag"], 0.5)
    assert len(counts_module._READ) == before + 1
    assert isinstance(first, OutcomeCounts)
    # The same answer from what was kept, and at another threshold.
    assert count_outcomes(table, ["tag"], 0.5).n.tolist() == [1, 2]
    assert count_outcomes(table, ["tag"], 0.1).real_called_ai.tolist() == [1, 1]
    del table
    gc.collect()
    assert len(counts_module._READ) == before


def test_a_group_of_the_smallest_size_counts_and_one_below_does_not() -> None:
    groups = [("just",), ("below",)]
    found = OutcomeCounts(
        attributes=("tag",),
        groups=groups,
        n_real=np.array([30, 29]),
        real_called_ai=np.array([3, 2]),
        n_ai=np.array([29, 30]),
        ai_called_real=np.array([5, 4]),
        missing=0,
    ).at_least(30)
    assert (found.groups, found.n_real.tolist(), found.n_ai.tolist()) == (groups, [30, 0], [0, 30])
    assert (found.real_called_ai.tolist(), found.ai_called_real.tolist()) == ([3, 0], [0, 4])
