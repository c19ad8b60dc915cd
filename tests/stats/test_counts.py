"""Counting: every row is counted once, in its group, or said to be left out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.errors import FaceAuditError
from faceaudit.stats.counts import Images
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
    found = Images(table).counts(attributes, threshold, empty_cells=empty_cells)
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
    found = Images(table).counts(attributes, grid, empty_cells=empty_cells)
    for threshold in grid:
        at_once = found.at(threshold)
        alone = Images(table).counts(attributes, threshold, empty_cells=empty_cells)
        assert at_once.groups == alone.groups
        assert at_once.missing == alone.missing
        for name in ("n_real", "real_called_ai", "n_ai", "ai_called_real"):
            np.testing.assert_array_equal(getattr(at_once, name), getattr(alone, name))


def test_a_score_of_the_threshold_is_called_ai_in_float32() -> None:
    # 0.1 is not a float32: the score that is nearest to it must count as equal to it.
    table = pa.table({"label": ["real"] * 3, "p_ai": np.float32([0.1, np.nextafter(0.1, 0), 0.2])})
    found = Images(table).counts((), (0.1, 0.2, 0.3))
    assert found.real_called_ai[:, 0].tolist() == [
        int((table["p_ai"].to_numpy() >= np.float32(t)).sum()) for t in (0.1, 0.2, 0.3)
    ]
    assert found.at(0.1).real_called_ai[0] >= 2


def test_thresholds_must_rise() -> None:
    table = pa.table({"label": ["real"], "p_ai": np.float32([0.1])})
    with pytest.raises(ValueError, match="rise"):
        Images(table).counts((), (0.5, 0.5 + 1e-12))


def table_of(**columns: object) -> pa.Table:
    return pa.table({"label": ["real", "real", "ai"], "p_ai": [0.2, 0.7, 0.7], **columns})


def test_reading_order_labels_and_empty_cells() -> None:
    table = table_of(age_band=["10-19", "3-9", "70+"], gender=["weiblich", "männlich", "männlich"])
    found = Images(table).counts(["age_band", "gender"], 0.5)
    assert found.labels == ["3-9 × männlich", "10-19 × weiblich", "70+ × männlich"]
    every = Images(table).counts(["age_band", "gender"], 0.5, empty_cells=True)
    assert len(every.groups) == 6
    assert every.n.tolist() == [1, 0, 0, 1, 1, 0]
    assert every.total().n_real.tolist() == [2]


def test_score_at_the_threshold_is_called_ai_in_float32() -> None:
    # 0.1 in float32 is above 0.1 in float64; 0.3 is below its float64.
    for threshold in (0.1, 0.3):
        table = pa.table({"label": ["real"], "p_ai": pa.array([threshold], pa.float32())})
        assert Images(table).counts([], threshold).real_called_ai.tolist() == [1]


def test_images_without_a_tag_are_said() -> None:
    table = pa.table({"label": ["real"] * 2, "p_ai": np.float32([0.2, 0.9]), "tag": [None, "a"]})
    found = Images(table).counts(["tag"], 0.5)
    assert (found.n.tolist(), found.missing) == ([1], 1)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_an_image_without_a_score_is_no_error_and_no_right_answer(missing: float | None) -> None:
    table = pa.table({"label": ["real"] * 2, "p_ai": pa.array([missing, 0.2], pa.float32())})
    with pytest.raises(ValueError, match="without a score"):
        Images(table).counts([], 0.5)


def test_tag_without_any_value_has_no_group() -> None:
    found = Images(table_of(tag=pa.array([None] * 3, pa.string()))).counts(["tag"], 0.5)
    assert (found.groups, found.missing, found.n.tolist()) == ([], 3, [])
    assert found.total().n.tolist() == [0]


def test_codes_and_dictionaries_are_groups() -> None:
    codes = pa.array([1, 0, 1])
    dictionary = pa.array(["b", "a", "b"]).dictionary_encode()
    found = Images(table_of(codes=codes, coded=dictionary)).counts(["codes", "coded"], 0.5)
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
        Images(table_of(**columns)).counts(attributes, 0.5)


def test_refuses_tags_that_name_single_images() -> None:
    names = [f"{i}.jpg" for i in range(1_100)]
    table = pa.table({"label": ["real"] * 1_100, "p_ai": [0.1] * 1_100, "a": names, "b": names})
    with pytest.raises(FaceAuditError, match="1,000,000 combinations"):
        Images(table).counts(["a", "b"], 0.5)


def test_what_was_counted_is_kept() -> None:
    images = Images(table_of(tag=["a", "b", "b"]))
    first = images.counts(["tag"], (0.1, 0.5))
    assert images.counts(["tag"], (0.1, 0.5)) is first
    assert first.real_called_ai.tolist() == [[1, 1], [0, 1]]
    assert first.at(0.1).real_called_ai.tolist() == [1, 1]


def test_groups_are_picked_at_every_threshold() -> None:
    counts = Images(table_of(tag=["a", "b", "b"])).counts(["tag"], (0.1, 0.5))
    picked = counts.pick(counts.n_ai > 0)
    assert (picked.groups, picked.n_real.tolist(), picked.n_ai.tolist()) == ([("b",)], [1], [1])
    assert picked.real_called_ai.tolist() == [[1], [1]]


def test_a_tag_of_many_values_is_numbered_without_searching_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unsearched(list[str]):
        def index(self, *given: object) -> int:
            raise AssertionError("a search for every value is quadratic")

    order = "faceaudit.stats.counts.group_order"
    monkeypatch.setattr(order, lambda tag, found: Unsearched(sorted(found)))
    codes, values = Images(table_of(tag=["b", "a", None])).codes("tag")
    assert (codes.tolist(), values) == ([1, 0, -1], ["a", "b"])
