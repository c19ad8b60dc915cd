"""Every figure as SVG and with plotly."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from faceaudit.figures import interactive, svg
from faceaudit.figures.axes import forest_axes
from faceaudit.report import alt_text
from faceaudit.report.numbers import interval, percent
from faceaudit.result import (
    Curve,
    Distribution,
    Estimate,
    Forest,
    Heatmap,
    Result,
    Scatter,
    ScatterPoint,
    Series,
    SlopeRow,
    Slopes,
)
from tests.report import invented_details
from tests.report.hostile import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
SMALL = "small: 3 photographs"
FOREST = Forest(
    title="FPR by race",
    measure="FPR",
    attribute="race",
    reference=0.1,
    reference_n=240,
    limit=0.3,
    rows=[
        Estimate(group="a", n=100, events=20, value=0.2, low=0.1, high=0.3, status="fail"),
        Estimate(group="b", n=3, events=3, value=1.0, low=0.3, high=1.0, note=SMALL),
        Estimate(group="c", n=0, note="no photographs"),
    ],
)
SLOPES = Slopes(
    title="Rates under both",
    measure="FPR",
    attribute="race",
    first_name="old",
    second_name="new",
    rows=[
        SlopeRow(group="a", n=9, first=0.1, second=0.3, difference=0.2, low=0.1, high=0.3),
        SlopeRow(group="b", n=0, first=None, second=None, note="no photographs"),
    ],
)
BARS = Distribution(
    title="Scores",
    x_title="score",
    edges=[0, 0.5, 1],
    series={"a": [0.04, 0.64]},
    n={"a": 25},
    marker=0.5,
)
CURVE = invented_details.curve(random.Random(1))
HEAT = invented_details.heatmap(random.Random(1))
POINTS = invented_details.scatter()
ALL = [FOREST, SLOPES, BARS, CURVE, HEAT, POINTS]


def tree(detail: Forest | Slopes | Distribution | Curve | Heatmap | Scatter) -> ElementTree.Element:
    return ElementTree.fromstring(svg(detail))


def classed(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [of for of in root.iter() if name in of.get("class", "").split()]


def words(of: ElementTree.Element) -> str:
    return "".join(of.itertext())


@pytest.mark.parametrize("detail", ALL, ids=lambda detail: detail.kind)
def test_a_figure_is_fluid_told_in_words_and_stands_alone(
    detail: Forest | Slopes | Distribution | Curve | Heatmap | Scatter,
) -> None:
    root = tree(detail)
    assert root.get("width") == "100%" and int(root.get("height", "")) > 40
    (image,) = [of for of in root.iter() if of.get("role") == "img"]
    assert image.get("aria-label") == alt_text.of(detail)
    assert root.find(f"{SVG}style") is not None and detail.title in words(root)
    inside = svg(detail, alone=False)
    assert inside.split(">", 1)[1] in svg(detail)
    # Programs other than browsers know no variables; a narrow screen is a browser's.
    assert "var(" not in (root.findtext(f"{SVG}style") or "").split("@media screen")[0]
    assert "<style" not in inside and detail.title not in inside.split(">", 1)[1]


@pytest.mark.parametrize("detail", ALL, ids=lambda detail: detail.kind)
def test_hostile_text_is_text(
    detail: Forest | Slopes | Distribution | Curve | Heatmap | Scatter,
) -> None:
    def spoil(value: object) -> object:
        if isinstance(value, dict):
            return {k if k in FIELDS else spoil(k): spoil(v) for k, v in value.items()}
        if isinstance(value, list):
            return [spoil(of) for of in value]
        return HOSTILE + "\x07\x1b" if isinstance(value, str) and value not in KEPT else value

    given = spoil(detail.model_dump(mode="json"))
    spoilt = type(detail).model_validate(given)
    clean, root = tree(detail), tree(spoilt)
    names = {of.tag for of in root.iter()}
    assert names <= {of.tag for of in clean.iter()} | {f"{SVG}title", f"{SVG}tspan"}
    assert not [name for of in root.iter() for name in list(of.attrib) if name.startswith("on")]
    explored = interactive(spoilt).to_dict()
    for trace in explored["data"]:
        # Never shown.
        trace.pop("customdata", None)
    assert "<script" not in str(explored) and "<img" not in str(explored)


KEPT = {
    "forest",
    "slopes",
    "distribution",
    "curve",
    "heatmap",
    "scatter",
    "percent",
    "linear",
    "fail",
}
MODELS = (
    Forest,
    Estimate,
    Slopes,
    SlopeRow,
    Distribution,
    Curve,
    Series,
    Heatmap,
    Scatter,
    ScatterPoint,
)
FIELDS = {field for model in MODELS for field in model.model_fields}


def test_each_row_of_a_forest_has_its_numbers_and_marks() -> None:
    first, small, missing = classed(tree(FOREST), "row")
    for row, estimate in ((first, FOREST.rows[0]), (small, FOREST.rows[1])):
        value, low, high = estimate.value, estimate.low, estimate.high
        assert value is not None
        told = f"{percent(value)}{interval(low, high, 'percent')}"
        assert words(classed(row, "num")[0]) == told
        assert f"{estimate.events} of {estimate.n}" in words(row)
    assert classed(first, "status") and "Fail" in words(first)
    assert "b small" in words(small) and SMALL in words(small) and classed(small, "hole")
    assert not classed(first, "hole")
    assert "not estimable: no photographs" in words(missing) and not classed(missing, "dot")


def test_forests_of_a_check_share_their_axis_at_every_threshold() -> None:
    low = FOREST.model_copy(
        update={
            "rows": [Estimate(group="x", n=9, events=0, value=0.0, low=0.0, high=0.01)],
            "limit": None,
            "by_threshold": {"value": [[0.0], [0.0]], "high": [[0.01], [0.9]]},
        }
    )
    alone, together = forest_axes([low]), forest_axes([low, FOREST])
    assert [axis.high for axis in alone] == pytest.approx([0.1, 0.1, 1.0])
    assert [axis.high for axis in together] == pytest.approx([1.0, 1.0, 1.0])
    places = [
        classed(ElementTree.fromstring(svg(of, axis=together[0])), "plot-ticks")[0]
        for of in (low, FOREST)
    ]
    assert words(places[0]) == words(places[1]) != ""


def test_what_has_no_place_on_a_log_axis_is_an_arrow() -> None:
    rows = [
        Estimate(group="a", n=9, value=2.0, low=0.0, high=1e9),
        Estimate(group="b", n=9, value=2.0, low=1.0, high=4.0),
    ]
    ratios = Forest(title="t", measure="ratio", scale="ratio", attribute="race", rows=rows)
    endless, plain = classed(tree(ratios), "row")
    assert len(classed(endless, "arrow")) == 2 and not classed(plain, "arrow")


def test_measured_points_have_marks_and_sweeps_have_none() -> None:
    few = Series(name="few", x=[1, 2, 3], y=[0.1, None, 0.3])
    sweep = Series(name="sweep", x=list(range(100)), y=[0.5] * 100)
    drawn = tree(CURVE.model_copy(update={"series": [few, sweep], "x_is_threshold": False}))
    (marks,) = classed(drawn, "marks")
    assert marks.get("d", "").count("M") == 2
    first, second = (of for of in classed(drawn, "line") if of.tag == f"{SVG}path")
    # A value that is missing leaves a gap.
    assert first.get("d", "").count("M") == 2 and second.get("d", "").count("M") == 1


def test_reliability_is_a_panel_each_with_equal_axes() -> None:
    lines = [Series(name=name, x=[0.0, 1.0], y=[0.0, 0.5]) for name in ("a", "b", "c")]
    drawn = tree(CURVE.model_copy(update={"diagonal": True, "series": lines, "marker": None}))
    panels = classed(drawn, "panel")
    assert [words(panel)[0] for panel in panels] == ["a", "b", "c"]
    for panel in panels:
        (line,) = classed(panel, "line")
        assert line.get("d") == "M0 1000L1000 500"


def test_bars_are_on_a_square_root_scale() -> None:
    (bars,) = classed(tree(BARS), "bar")
    assert [part.split("H")[0] for part in bars.get("d", "").split("v-")[1:]] == ["250", "1000"]


def test_lines_that_share_a_colour_differ_in_their_dashes() -> None:
    lines = [Series(name=f"{i}", x=[0, 1], y=[0, 1]) for i in range(24)]
    drawn = tree(CURVE.model_copy(update={"series": lines, "marker": None}))
    styles = [of.get("class") for of in classed(drawn, "line") if of.tag == f"{SVG}path"]
    assert len(styles) == len(set(styles)) == 24


def test_long_names_are_cut_and_whole_in_their_title() -> None:
    name = "a name so long that no row of any figure has room for it, whichever way it is set"
    rows = [FOREST.rows[0].model_copy(update={"group": name})]
    (row,) = classed(tree(FOREST.model_copy(update={"rows": rows})), "row")
    title = row.find(f".//{SVG}text/{SVG}title")
    assert title is not None and title.text == name
    assert "…" in words(row)


def test_interactive_points_have_intervals_and_their_n() -> None:
    (trace,) = interactive(FOREST).data
    assert list(trace.x) == [0.2, 1.0]
    assert trace.error_x.array == pytest.approx((0.1, 0.0))
    assert trace.error_x.arrayminus == pytest.approx((0.1, 0.7))
    assert "20 of 100" in trace.hovertext[0]
    (slope,) = interactive(SLOPES).data
    assert list(slope.x) == [0.2] and "n 9" in slope.hovertext[0]
    assert len(interactive(CURVE).data) == 6  # two lines, each with two ends of a band
    (heat,) = interactive(HEAT).data
    assert [list(row) for row in heat.z] == HEAT.values
    assert interactive(BARS).data[0].name == "a (n 25)"


def test_a_caption_names_no_small_group(audit: Result) -> None:
    assert "highest a with 20.0" in alt_text.extremes(
        FOREST.model_copy(update={"rows": [*FOREST.rows, Estimate(group="d", n=50, value=0.1)]})
    )


def test_a_marked_row_runs_off_the_axis_instead_of_ruling_it() -> None:
    large = Estimate(group="a", n=900, events=9, value=0.01, low=0.005, high=0.02)
    small = Estimate(group="b", n=2, events=0, value=0.0, low=0.0, high=0.8, note="small")
    moved = {"value": [[0.01, 0.0], [0.02, 0.0]], "high": [[0.02, 0.8], [0.03, 0.9]]}
    plot = FOREST.model_copy(
        update={"rows": [large, small], "limit": None, "reference": None, "by_threshold": moved}
    )
    assert [axis.high for axis in forest_axes([plot])] == pytest.approx([0.02, 0.02, 0.03])
    drawn = classed(ElementTree.fromstring(svg(plot)), "row")
    assert [len(classed(row, "arrow")) for row in drawn] == [0, 1]
    # Where every row is marked there is no other axis.
    alone = plot.model_copy(update={"rows": [small], "by_threshold": None})
    assert forest_axes([alone])[0].high == pytest.approx(0.8)


def test_a_scatter_plot_has_both_intervals_and_points_at_one_place_share_a_label() -> None:
    root = tree(POINTS)
    (points,) = classed(root, "points")
    dots = classed(points, "dot")
    places = (
        [float(of.get("x1", "").rstrip("%")) for of in dots],
        [float(of.get("y1", "")) for of in dots],
    )
    # The axes go up to 10 and to 30 %, over 89 % of the width and 240 pixels.
    assert places[0] == pytest.approx([9 + 89 * x for x in (0.2, 0.201, 0.8)])
    assert places[1] == pytest.approx([24 + 240 * (1 - y) for y in (1 / 3, 1 / 3, 1)], abs=0.1)
    lines = [of for of in points if of.tag == f"{SVG}line"]
    across = [of for of in lines if of.get("y1") == of.get("y2")]
    assert (len(across), len(lines)) == (3, 5), "one has no interval upwards"
    assert [words(of) for of in points if of.tag == f"{SVG}text"] == ["1, 2", "3"]
    key = [words(of) for of in classed(root, "point")]
    assert [of[0] for of in key] == ["1", "2", "3"] and "other" in key[2]
    assert "other 8.0 % (7.0–10.0 %) and 30.0 %, race 'Other'" in alt_text.of(POINTS).replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    )
    trace = interactive(POINTS).to_dict()["data"][0]
    assert trace["customdata"] == ["old", "new", "other"] and trace["x"] == [0.02, 0.0201, 0.08]
    assert trace["error_y"]["array"] == pytest.approx([0.1, 0.1, 0.0])
