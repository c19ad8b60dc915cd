from __future__ import annotations

import numpy as np
import pytest

from faceaudit.checks import Options
from faceaudit.checks.equalized_odds_gap import CHECK
from faceaudit.runner import run_check
from faceaudit.stats.gaps import gap_bounds


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
    needed = result.details[-1].rows[0][9]
    assert 100 < needed < 1000
    assert (
        f"about {needed:,} real photographs of each group would show four times in five that it is "
        "within, if there is none"
    ) in result.findings[0].sentence
    # So many images of groups that err alike pass in four audits of five.
    random, trials = np.random.default_rng(1), 400
    events = random.binomial(needed, 7.5 / 201, (trials, 2))
    passed = gap_bounds(events, [needed, needed], 0.05)[1] <= 0.05
    assert 0.74 < passed.mean() < 0.9


def test_no_number_of_images_shows_that_there_is_no_gap_at_all(counted):
    cells = {"a": (100, 3, 50, 1), "b": (100, 4, 50, 1)}
    result = run(counted(cells, limits={"fpr_gap": 0, "fnr_gap": None}))
    assert "no number of images shows that there is none at all" in result.findings[0].sentence
    assert result.details[-1].rows[0][9] is None


def test_images_without_a_tag_could_hide_a_gap(counted):
    cells = {"a": (2000, 40, 2000, 40), "b": (2000, 40, 2000, 40), None: (300, 200, 0, 0)}
    limits = {"fpr_gap": 0.05, "fnr_gap": None}
    result = run(counted(cells, limits=limits))
    assert result.status == "insufficient-evidence"
    assert "images without a tag or a score could hide a gap of up to 1" in result.sentence
    assert run(counted(cells, limits=limits, assume_missing="random")).status == "pass"
    (verdict, *_) = result.verdicts
    assert verdict.high <= 0.05 < verdict.worst
    few = cells | {None: (20, 2, 0, 0)}
    passed = run(counted(few, limits=limits))
    (verdict, *_) = passed.verdicts
    assert passed.status == "pass"
    assert verdict.high < verdict.worst <= 0.05
    told = f"({100 * verdict.worst:.1f} points whatever the images without a tag or a score are)"
    assert told in passed.sentence


def test_a_column_whose_images_err_alike_holds_verdicts_back(drawn):
    person = [f"p{i // 10}" for i in range(2000)]
    wrong = np.repeat(np.random.default_rng(2).random(200) < 0.1, 10)[:1000]
    data = drawn(
        ["real"] * 1000 + ["ai"] * 1000,
        np.append(np.where(wrong, 0.9, 0.1), np.full(1000, 0.9)),
        {"group": ["a", "b"] * 1000, "subject": person},
        limits={"fpr_gap": 0.09, "fnr_gap": 0.05},
        small_group=5,
    )
    result = run(data)
    assert {verdict.status for verdict in result.verdicts} == {"insufficient-evidence"}
    assert "images that share a 'subject' err alike" in result.sentence
    data.spec.cluster = "none"
    again = run(type(data)(data.table, data.info, data.spec, data.threshold))
    assert "pass" in {verdict.status for verdict in again.verdicts}


def test_wrong_tags_widen_the_gap_and_a_pass_says_how_many_it_stands(counted):
    cells = {"a": (8000, 400, 8000, 400), "b": (8000, 400, 8000, 400)}
    plain, wider = (
        run(counted(cells, tag_error=given)).details[-1].rows[0] for given in ({}, {"group": 0.2})
    )
    assert wider[6] == pytest.approx(plain[6] / 0.6)
    assert plain[5] == wider[5]
    stands = plain[10]
    # What is said to be wrong is in the bounds, and no share of it stands beside them.
    assert wider[10] is None
    turned = run(counted(cells, tag_error={"group": stands + 0.01}))
    assert run(counted(cells, tag_error={"group": stands - 0.01})).verdicts[0].status == "pass"
    assert turned.verdicts[0].status == "insufficient-evidence"
    assert "allowing for chance and wrong tags" in turned.findings[0].sentence
    hopeless = run(counted(cells, tag_error={"group": 0.5})).findings[0].sentence
    assert "with so many wrong tags no number of images would do" in hopeless


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
