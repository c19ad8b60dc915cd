from __future__ import annotations

import re

import numpy as np
import pytest

from faceaudit.checks.calibration import CHECK, CalibrationOptions
from faceaudit.runner import run_check
from faceaudit.stats.calibration import group_calibration


def run(data, **options):
    return run_check(CHECK, data, CalibrationOptions(**options))


@pytest.fixture
def half_calibrated(drawn):
    """Scores of group a mean what they say, those of group b do not; c has one label."""
    rng = np.random.default_rng(8)
    score = rng.random(2050).astype(np.float32)
    is_ai = rng.random(2050) < np.where(np.arange(2050) < 1000, score, score**3)
    is_ai[2000:] = False
    return drawn(
        np.where(is_ai, "ai", "real").tolist(),
        score.tolist(),
        {"group": ["a"] * 1000 + ["b"] * 1000 + ["c"] * 50},
    )


def test_the_group_whose_scores_mislead_is_named_with_its_interval(half_calibrated):
    result = run(half_calibrated)
    assert result.status == "info"
    assert result.sentence.startswith("Of 2,050 images the mean score is 14.")
    (finding,) = result.findings
    assert finding.sentence.startswith(
        "Scores of images tagged group 'b' are furthest from what they say, beyond chance: their "
        "mean score is 2"
    )
    assert "(95 % interval of all 4 at once " in finding.sentence
    assert "n = 1,000. By group, 1 of 2 groups is off by more" in finding.sentence
    table = result.details[-1]
    titles = [column.title for column in table.columns]
    rows = {row[0]: dict(zip(titles, row, strict=True)) for row in table.rows}
    assert rows["b"]["shift"] == pytest.approx(0.25, abs=0.05)
    assert rows["a"]["calibration error"] <= 2 * rows["a"]["by chance"]
    assert rows["c"]["shift"] is rows["c"]["overconfidence"] is None
    assert rows["c"]["note"] == "real photographs only: calibration is not estimable"
    assert rows["c"]["Brier score"] == pytest.approx(1 / 3, abs=0.1)


def test_ranking_goes_by_what_chance_leaves_not_by_size(drawn):
    """The larger distance of the small group is no more than chance."""
    rng = np.random.default_rng(0)
    score = rng.uniform(0.2, 0.8, 3040)
    is_ai = rng.random(3040) < score - 0.1
    is_ai[3000:] = np.arange(40) < 40 * score[3000:].mean() - 6
    labels = np.where(is_ai, "ai", "real").tolist()
    result = run(drawn(labels, score.tolist(), {"group": ["large"] * 3000 + ["small"] * 40}))
    large, small = (row[3] for row in result.details[-1].rows)
    assert small > large > 0.07
    assert "group 'large'" in result.findings[0].sentence
    assert "1 of 2 groups is off" in result.findings[0].sentence


def test_what_is_told_holds_with_all_that_could_have_been(drawn):
    """Both tags' groups share the error; a group too small to be told of costs none of it."""
    rng = np.random.default_rng(3)
    score = rng.uniform(0, 0.8, 620)
    is_ai = rng.random(620) < score + 0.2
    tags = {"one": ["a", "b"] * 300 + ["c"] * 20, "two": ["d"] * 620}
    labels = np.where(is_ai, "ai", "real").tolist()
    data = drawn(labels, score.tolist(), tags, attributes=["one", "two"])
    first, second = run(data).findings
    assert "By one, 2 of 2 groups are off" in first.sentence
    assert second.sentence.startswith("Scores of images tagged two 'd' are furthest")
    found = group_calibration(data.images.runs(("two",))).shift(1 - 0.05 / 6)
    told = re.search(
        r"mean score is ([\d.]+) points below the share of AI-generated images "
        r"\(95 % interval of all 6 at once ([\d.]+) to ([\d.]+) points\)",
        second.sentence,
    )
    ends = [-100 * of[0] for of in (found.value, found.high, found.low)]
    assert [float(of) for of in told.groups()] == pytest.approx(ends, abs=0.051)


def test_chance_alone_is_said_to_explain_what_it_can(drawn):
    rng = np.random.default_rng(1)
    score = rng.random(400)
    labels = np.where(rng.random(400) < score, "ai", "real").tolist()
    (finding,) = run(drawn(labels, score.tolist(), {"group": ["a", "b"] * 200})).findings
    assert finding.sentence.startswith("Chance alone could explain how far scores are off")
    assert "0 of 2 groups are off" in finding.sentence
    assert finding.weight == 0


def test_what_is_certain_and_wrong_is_told(drawn):
    result = run(drawn(["real", "ai"] * 20, [0.0, 1.0] * 19 + [1.0, 0.9], {"group": ["a"] * 40}))
    (row,) = result.details[-1].rows
    assert row[-2] == pytest.approx((-np.log(2**-52) - np.log(0.9)) / 40, abs=1e-6)
    assert row[-1] == (
        "1 image scored 0 or 1 on the wrong side (to within 2e-16): infinite log loss counted as "
        "36.0"
    )


def test_five_pictures_of_a_person_are_worth_one(drawn):
    rng = np.random.default_rng(2)
    score, group, person = rng.random(400), ["a", "b"] * 200, [str(i) for i in range(400)]
    label = np.where(rng.random(400) < score, "ai", "real").tolist()
    once = run(drawn(label, score.tolist(), {"group": group}))
    often = run(drawn(label * 5, score.tolist() * 5, {"group": group * 5, "person": person * 5}))
    curves, tables = zip(*((of.details[-2], of.details[-1]) for of in (once, often)), strict=True)
    for i, column in enumerate(tables[0].columns[:-1]):
        single, repeated = ([row[i] for row in table.rows] for table in tables)
        if column.title == "to":
            assert repeated == pytest.approx(single, rel=0.05)
            assert np.all(np.subtract(repeated, single) > -1e-9)
        elif column.title in ("shift", "overconfidence", "Brier score"):
            assert repeated == pytest.approx(single)
        elif column.title == "by chance":
            assert repeated == pytest.approx(single, rel=0.2)
    of_once, of_five = (np.mean(of.series[0].high) for of in curves)
    assert of_five == pytest.approx(of_once, rel=0.05)


def test_curves_are_drawn_for_estimable_groups_only(half_calibrated):
    overall, by_group, _ = run(half_calibrated, bins=5).details
    assert overall.diagonal
    assert len(overall.series[0].x) == 5
    assert [series.name for series in by_group.series] == ["a", "b"]
    for series in by_group.series:
        assert all(
            low <= y <= high for low, y, high in zip(series.low, series.y, series.high, strict=True)
        )


def test_real_only_data_have_no_answer(counted):
    result = run(counted({"a": (40, 5, 0, 0)}))
    assert result.status == "not-estimable"
    assert "All images here have the same label" in result.sentence


def test_awkward_tables(awkward):
    assert run(awkward).model_dump_json()
