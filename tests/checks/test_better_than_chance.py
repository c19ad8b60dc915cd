from __future__ import annotations

import numpy as np
import pytest

from faceaudit.checks import Options, all_checks
from faceaudit.checks.better_than_chance import CHECK
from faceaudit.runner import run_check
from faceaudit.wording import interval_title, percent_range


def run(data):
    return run_check(CHECK, data, Options())


def test_good_classifier_passes_beside_its_baselines(counted):
    result = run(counted({"a": (300, 30, 100, 5)}))
    assert result.status == "pass"
    assert "92.5 % of cases" in result.sentence
    assert "300 real, 100 AI-generated" in result.sentence
    confusion, table = result.details
    assert (confusion.real_called_real, confusion.real_called_ai) == (270, 30)
    assert (confusion.ai_called_real, confusion.ai_called_ai) == (5, 95)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["this classifier"] == pytest.approx([0.1, 0.05, 0.9125, 0.925])
    assert rows["always real"] == pytest.approx([0, 1, 0.75, 0.5])
    assert rows["always AI-generated"] == pytest.approx([1, 0, 0.25, 0.5])
    coin = rows["a coin that says AI-generated as often as the classifier"]
    assert coin == pytest.approx([0.3125, 0.6875, 0.75 * 0.6875 + 0.25 * 0.3125, 0.5])


@pytest.mark.parametrize(
    ("cells", "answer"),
    [((300, 300, 100, 0), "AI-generated"), ((300, 0, 100, 100), "real")],
)
def test_constant_classifier_fails_however_accurate(counted, cells, answer):
    result = run(counted({"a": cells}))
    assert result.status == "fail"
    assert f"calls all 400 images {answer}" in result.sentence
    assert result.findings[0].status == "fail"


def test_near_chance_fails_and_few_images_do_not_decide(counted):
    assert run(counted({"a": (4000, 2000, 4000, 1950)})).status == "fail"
    assert run(counted({"a": (6, 1, 5, 1)})).status == "insufficient-evidence"


def test_the_headline_is_not_the_share_of_all_images(counted):
    # 1,850 of 2,600 images (71.2 %) are right: 8.3 % of photographs, 90 % of AI faces.
    brief = run(counted({"a": (600, 550, 2000, 200)})).findings[0].brief
    assert "averaged over both kinds it is right in 49.2 %" in brief


def test_real_only_says_what_it_can(counted):
    result = run(counted({"a": (40, 5, 0, 0)}))
    assert result.status == "not-estimable"
    assert "5 of 40 real photographs AI-generated (12.5 %)" in result.sentence
    assert result.details[1].rows[0] == ["this classifier", 0.125, None, 0.875, None]


def test_ai_only_says_what_it_can(counted):
    result = run(counted({"a": (0, 0, 40, 5)}))
    assert result.status == "not-estimable"
    assert "5 of 40 AI-generated faces real (12.5 %)" in result.sentence


def scored(n, auc):
    """Draw 2 n scores that rank an AI face above a real photograph in a share `auc` of pairs."""
    real = np.linspace(0.2, 0.8, n)
    swapped = round(auc * n)
    ai = np.where(np.arange(n) < swapped, 0.9, 0.1)
    return ["real"] * n + ["ai"] * n, [*real, *ai], {"g": ["x"] * (2 * n)}


@pytest.mark.parametrize("threshold", [0.0, 0.001, 0.5, 0.85, 1.0])
def test_reversed_scores_are_called_reversed_at_any_threshold(drawn, threshold):
    result = run(drawn(*scored(300, 0.1), threshold=threshold))
    assert result.status == result.findings[0].status == "fail"
    assert result.title == "The scores look reversed"
    assert result.sentence == result.findings[0].sentence
    assert "in only 10.0 % of pairs (95 % interval " in result.sentence
    assert "--score-is p-real" in result.sentence
    assert "guessing." not in result.sentence


def test_surely_below_40_percent_is_far_enough(drawn):
    assert run(drawn(*scored(5000, 0.38))).title == "The scores look reversed"


@pytest.mark.parametrize(
    ("n", "auc"),
    [
        (2000, 0.5),
        (2000, 0.45),  # surely below one half, yet not far
        (2000, 0.39),  # perhaps at 40 %
        (10, 0.3),  # too few to say so
        (300, 0.95),
    ],
)
def test_scores_that_rank_badly_are_not_called_reversed(drawn, n, auc):
    result = run(drawn(*scored(n, auc)))
    assert result.title == (CHECK.failure_title if result.status == "fail" else CHECK.title)
    assert "reversed" not in result.sentence
    assert (result.status == "pass") == (auc > 0.9)


def test_the_interval_of_reversed_scores_is_that_of_the_ranking_check(drawn):
    data = drawn(*scored(200, 0.2))
    ranking = run_check(all_checks()["ranking"], data, Options())
    row = next(d for d in ranking.details if d.kind == "forest").rows[0]
    assert f"({interval_title(0.95)} {percent_range(row.low, row.high)})" in run(data).sentence


def test_awkward_tables(awkward):
    result = run(awkward)
    assert result.status != "pass" or result.details[1].rows[0][4] > 0.55
    assert result.model_dump_json()
