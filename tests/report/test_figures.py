from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.figures.axes import forest_axes, linear_axis, ratio_axis
from faceaudit.report import alt_text
from faceaudit.result import Curve, Estimate, Forest, Series
from tests.report import invented_details

shares = st.floats(0, 1, allow_nan=False)


@settings(deadline=None)
@given(st.lists(shares, min_size=1, max_size=20))
def test_every_share_lies_on_its_axis_and_the_axis_is_round(values: list[float]) -> None:
    axis = linear_axis(values, "percent")
    assert axis.low == 0 <= min(values) and max(values) <= axis.high + 1e-9
    assert axis.high <= 1 + 1e-9
    assert 1 <= axis.steps <= 6
    for value in values:
        assert axis.place(value) == pytest.approx(100 * value / axis.high, abs=0.01)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1))
def test_every_value_lies_within_a_linear_axis(values: list[float]) -> None:
    axis = linear_axis(values, "number", from_zero=False)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low - slack <= min(values) and max(values) <= axis.high + slack
    assert (axis.ticks[0][0], axis.ticks[-1][0]) == (0, 100)


@settings(deadline=None)
@given(st.floats(-1, -0.001), st.floats(0.001, 1))
def test_the_zero_of_an_axis_is_a_tick_that_reads_zero(low: float, high: float) -> None:
    labels = [label for _, label in linear_axis([low, high], "points").ticks]
    assert "0" in labels
    assert all(len(label) < 8 for label in labels)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1))
def test_ratios_are_placed_by_their_logarithm(values: list[float]) -> None:
    axis = ratio_axis(values)
    assert axis.place(1) == pytest.approx(100 * -axis.low / (axis.high - axis.low), abs=0.01)
    for value in values:
        place = 100 * (math.log2(value) - axis.low) / (axis.high - axis.low)
        assert axis.place(value) == pytest.approx(place, abs=0.01)


def test_a_ratio_beyond_the_axis_stays_at_its_end() -> None:
    axis = ratio_axis([1e9, 0.0])
    assert axis.place(1e9) == 100 and axis.place(0.0) == 0
    assert [axis.beyond(value) for value in (1e9, 0.0, 1.0)] == [1, -1, 0]


def test_reading_a_forest_names_the_extremes_and_what_is_missing() -> None:
    forest = Forest(
        title="t",
        measure="False positive rate",
        attribute="age_band",
        rows=[
            Estimate(group="young", n=100, value=0.02, low=0.01, high=0.05),
            Estimate(group="old", n=80, value=0.3, low=0.2, high=0.4),
            Estimate(group="unknown", n=0),
        ],
    )
    said = alt_text.extremes(forest)
    assert "age band: lowest" in said
    assert "lowest young with 2.0" in said
    assert "highest old with 30.0\u202f% (20.0–40.0\u202f%)" in said
    assert "Not estimable for 1" in said


def test_reading_a_forest_whose_groups_are_alike() -> None:
    rows = [Estimate(group=group, n=50, value=0.0, low=0.0, high=0.1) for group in ("a", "b")]
    said = alt_text.extremes(Forest(title="t", measure="FPR", attribute="race", rows=rows))
    assert said == "FPR by race: 0.0\u202f% throughout."


def test_reading_a_forest_without_any_value() -> None:
    forest = Forest(title="t", measure="FNR", attribute="race", rows=[Estimate(group="a", n=0)])
    assert alt_text.extremes(forest) == "FNR by race: not estimable for any."
    assert forest_axes([forest])[0].steps >= 1


def test_a_curve_is_read_at_its_marker() -> None:
    curve = invented_details.curve(random.Random(1))
    (women, _, _), _ = alt_text.readout(curve)
    assert women == "women"
    assert alt_text.readout(curve)[0][1] == f"{90 * math.exp(-2):.1f}\u202f%"


def test_a_curve_without_a_marker_is_read_from_end_to_end() -> None:
    series = Series(name="all", x=[0.1, 0.9], y=[0.0, 0.5])
    curve = Curve(title="t", x_title="score", y_title="share", y_percent=True, series=[series])
    assert alt_text.readout(curve) == []
    assert alt_text.curve(curve) == (
        "Share against score from 0.1 to 0.9: all from 0.0\u202f% to 50.0\u202f%."
    )
