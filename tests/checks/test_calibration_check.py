from __future__ import annotations

import numpy as np
import pytest

from faceaudit.audit import run_check
from faceaudit.checks.calibration import CHECK, CalibrationOptions


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


def test_the_group_whose_scores_mislead_is_named_with_what_chance_gives(half_calibrated):
    result = run(half_calibrated)
    assert result.status == "info"
    (finding,) = result.findings
    assert finding.sentence.startswith(
        "Scores of images tagged group 'b' are furthest from what they say"
    )
    assert "by group, 1 of 2 groups is off by more than chance explains" in finding.sentence
    assert "(0.1 would be if all were calibrated)" in finding.sentence
    table = result.details[-1]
    rows = {row[0]: row for row in table.rows}
    assert rows["a"][3] <= rows["a"][5]
    assert rows["b"][6] == pytest.approx(0.25, abs=0.05)
    assert rows["c"][3:] == [None] * 4 + ["real photographs only: not estimable"]


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
