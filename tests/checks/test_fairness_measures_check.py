from __future__ import annotations

import pytest

from faceaudit.checks import Options
from faceaudit.checks.fairness_measures import CHECK
from faceaudit.runner import run_check
from faceaudit.stats.fairness_measures import MEASURES


def run(data):
    return run_check(CHECK, data, Options())


def test_every_measure_stands_beside_the_constant_answers(counted):
    result = run(counted({"a": (100, 10, 50, 5), "b": (200, 40, 100, 30), "c": (50, 2, 40, 4)}))
    (table,) = result.details
    rows = {row[0]: row[1:] for row in table.rows}
    assert len(rows) == len(MEASURES) == 22
    assert rows["equalized odds difference"][:4] == pytest.approx([0.2, 0, 0, 0])
    assert rows["F_EFPR (AI-Face)"][1:3] == [0, 0]
    # A constant answer is as bad as can be here, and shows it.
    assert rows["worst-group accuracy"][1] == pytest.approx(50 / 150)
    assert result.sentence == (
        "By group, the equalized odds difference is 0.200 (0 is equal) and the lowest share of "
        "photographs called real is 0.833 of the highest (1 is equal), without an interval."
    )


def test_real_only_data_leave_a_reason_in_place_of_a_number(counted):
    result = run(counted({"a": (100, 10, 0, 0), "b": (200, 40, 0, 0)}))
    rows = {row[0]: row[1:] for row in result.details[0].rows}
    assert rows["equalized odds difference"][0] is None
    assert rows["equalized odds difference"][-1].startswith("fewer than two groups with ")
    assert rows["F_EFPR divided by the groups"][0] is not None
    assert "0.889 of the highest" in result.sentence


def test_awkward_tables(awkward):
    result = run(awkward)
    assert result.status in ("info", "not-estimable")
    assert result.model_dump_json()
