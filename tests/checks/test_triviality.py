from __future__ import annotations

import pytest

from faceaudit.checks import Options
from faceaudit.checks.triviality import CHECK


def run(data):
    return CHECK.run(data, Options())


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


def test_real_only_says_what_it_can(counted):
    result = run(counted({"a": (40, 5, 0, 0)}))
    assert result.status == "not-estimable"
    assert "5 of 40 real photographs AI-generated (12.5 %)" in result.sentence
    assert result.details[1].rows[0] == ["this classifier", 0.125, None, 0.875, None]


def test_ai_only_says_what_it_can(counted):
    result = run(counted({"a": (0, 0, 40, 5)}))
    assert result.status == "not-estimable"
    assert "5 of 40 AI-generated faces real (12.5 %)" in result.sentence


def test_awkward_tables(awkward):
    result = run(awkward)
    assert result.status != "pass" or result.details[1].rows[0][4] > 0.55
    assert result.model_dump_json()
