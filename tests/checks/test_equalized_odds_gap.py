from __future__ import annotations

import pytest

from faceaudit.audit import run_check
from faceaudit.checks import Options
from faceaudit.checks.equalized_odds_gap import CHECK
from faceaudit.stats.gaps import max_min_gap


def run(data):
    return run_check(CHECK, data, Options())


def test_wide_gap_fails(counted):
    result = run(counted({"a": (500, 150, 500, 10), "b": (500, 10, 500, 10)}))
    assert result.status == "fail"
    assert result.sentence.startswith(
        "By group, the share of real photographs called AI-generated differs by 28.0 points "
        "between group 'a' (30.0 % of 500) and group 'b' (2.0 % of 500), allowing for "
        "chance by at least "
    )
    assert "beyond the chosen limit of 5.0 points" in result.sentence
    assert "a chosen limit, not a legal test" in result.sentence
    fail = next(finding for finding in result.findings if finding.status == "fail")
    assert fail.weight > 1


def test_narrow_gap_passes(counted):
    cells = {"a": (5000, 100, 5000, 110), "b": (5000, 95, 5000, 105)}
    result = run(counted(cells))
    assert result.status == "pass"
    assert "2 of 2 gaps are within the limit" in result.sentence
    # The same counts against a limit below the upper bound are not enough.
    tight = run(counted(cells, limits={"fpr_gap": 0.002, "fnr_gap": None}))
    assert tight.status == "insufficient-evidence"


def test_few_images_do_not_decide_and_the_needed_number_does(counted):
    result = run(counted({"a": (100, 3, 50, 1), "b": (100, 4, 50, 1)}))
    assert result.status == "insufficient-evidence"
    table = result.details[-1]
    needed = table.rows[0][9]
    assert needed > 200
    assert f"about {needed:,} images instead of 200 would decide it" in result.findings[0].sentence
    times = needed / 200
    gap = max_min_gap([3 * times, 4 * times], [100 * times, 100 * times], 0.95)
    assert gap.high <= 0.05


@pytest.mark.parametrize("answer", ["always AI", "always real"])
def test_constant_classifier_never_passes(counted, answer):
    wrong = (5000, 5000, 5000, 0) if answer == "always AI" else (5000, 0, 5000, 5000)
    result = run(counted({"a": wrong, "b": wrong}))
    assert result.status == "insufficient-evidence"
    assert "not shown to do better than guessing, so nothing passes" in result.sentence


def test_real_only_group_leaves_fnr_not_estimable(counted):
    result = run(counted({"a": (500, 150, 500, 10), "b": (500, 10, 0, 0)}))
    rows = {row[1]: row for row in result.details[-1].rows}
    assert rows["FPR"][8] == "fail"
    assert rows["FNR"][8] == "not-estimable"
    assert rows["FNR"][4:7] == [None, None, None]
    assert rows["FNR"][-1] == "1 group with fewer than 30 AI-generated faces left out"


def test_real_only_data_cannot_pass(counted):
    # Always calling everything real would look the same.
    result = run(counted({"a": (5000, 50, 0, 0), "b": (5000, 50, 0, 0)}))
    assert result.status == "insufficient-evidence"
    assert "nothing passes" in result.sentence


def test_more_verdicts_need_wider_bounds(counted):
    cells = {"a": (500, 50, 500, 10), "b": (500, 30, 500, 10)}
    names = {(("group",), rate): 0.005 for rate in ("fpr", "fnr")}
    one, many = counted(cells), counted(cells, errors=names)
    first, second = (run(data).details[-1].rows[0] for data in (one, many))
    assert second[5] <= first[5]
    assert second[6] > first[6]
    assert "no more than 5 % chance is a verdict wrong; of 2 gaps any verdict at all" in (
        run(many).details[-1].note
    )


def test_no_limit_no_verdict(counted):
    result = run(counted({"a": (50, 5, 50, 5)}, limits={"fpr_gap": None, "fnr_gap": None}))
    assert result.status == "info"
    assert result.details == []


def test_intersections_are_judged_too(drawn):
    data = drawn(
        ["real"] * 400 + ["ai"] * 400,
        [0.9] * 60 + [0.1] * 340 + [0.9] * 400,
        {"x": (["u"] * 200 + ["v"] * 200) * 2, "y": ["p", "q"] * 400},
        attributes=["x"],
        intersections=[["x", "y"]],
    )
    table = run(data).details[-1]
    assert [row[:2] for row in table.rows] == [
        ["x", "FPR"],
        ["x", "FNR"],
        ["x × y", "FPR"],
        ["x × y", "FNR"],
    ]


def test_awkward_tables(awkward):
    result = run(awkward)
    for detail in result.details:
        if detail.kind == "forest":
            for row in detail.rows:
                if row.status == "pass":
                    assert row.high <= detail.limit
                if row.status == "fail":
                    assert row.low > detail.limit
    assert result.model_dump_json()


def test_small_groups_are_left_out_of_the_gap_and_counted(counted):
    cells = {"a": (4000, 40, 4000, 40), "b": (4000, 44, 4000, 44), "tiny": (3, 3, 2, 2)}
    result = run(counted(cells))
    assert result.status == "pass"
    notes = [row[-1] for row in result.details[-1].rows]
    assert notes == [
        "1 group with fewer than 30 real photographs left out",
        "1 group with fewer than 30 AI-generated faces left out",
    ]


def test_only_small_groups_are_no_evidence(counted):
    result = run(counted({"a": (400, 4, 400, 4), "b": (20, 0, 20, 0), "c": (9, 9, 9, 9)}))
    assert result.status == "insufficient-evidence"
    assert "1 of 3 groups has at least 30 real photographs, and two are needed" in result.sentence
