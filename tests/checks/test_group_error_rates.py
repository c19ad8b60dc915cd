from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from faceaudit.checks import Options
from faceaudit.checks.group_error_rates import CHECK
from faceaudit.runner import run_check
from faceaudit.stats.counts import Images
from faceaudit.stats.worst import worst_group


def run(data):
    return run_check(CHECK, data, Options())


def of_kind(result, kind):
    return [detail for detail in result.details if detail.kind == kind]


def test_rates_intervals_and_denominators(counted):
    result = run(counted({"a": (40, 10, 20, 1), "b": (60, 3, 50, 10)}))
    (table,) = of_kind(result, "table")
    low = stats.beta.ppf(0.025, 10, 31)
    high = stats.beta.ppf(0.975, 11, 30)
    assert table.rows[0][:5] == pytest.approx(["a", 40, 0.25, low, high])
    assert table.rows[0][5:7] == pytest.approx([20, 0.05])
    assert table.rows[0][9] == pytest.approx(49 / 60)
    assert table.rows[0][10] == "small: 20 AI-generated faces"
    assert table.rows[1][10] is None
    assert "drawn by lot" in table.note
    fpr, fnr = of_kind(result, "forest")
    assert fpr.reference == pytest.approx(13 / 100)
    assert fnr.reference == pytest.approx(11 / 70)
    assert [row.events for row in fpr.rows] == [10, 3]


def test_real_only_group_has_no_fnr_rather_than_zero(counted):
    result = run(counted({"a": (40, 5, 30, 2), "b": (35, 0, 0, 0)}))
    row = of_kind(result, "table")[0].rows[1]
    assert row[5:9] == [0, None, None, None]
    assert row[10] == "no AI-generated face"
    _, fnr = of_kind(result, "forest")
    assert fnr.rows[1].status == "not-estimable"
    assert fnr.rows[1].value is None
    # One group alone has an FNR: there is nothing to compare.
    assert not any("FNR" in test.name for test in result.tests)
    assert not any("called real most often" in found.sentence for found in result.findings)


def test_clear_difference_is_told_with_its_numbers(counted):
    result = run(counted({"a": (200, 60, 0, 0), "b": (100, 5, 0, 0), "c": (300, 30, 0, 0)}))
    assert result.status == "info"
    assert result.sentence.startswith(
        "Real photographs tagged group 'a' (30.0 %, 60 of 200; 22.5 to 36.9 %, as the highest of "
        "all) are called AI-generated most often, those tagged group 'b' (5.0 %, 5 of 100) least "
        "often: a difference of 25.0 points (95 % interval "
    )
    worst = worst_group([60, 5, 30], [200, 100, 300])
    (highest, _) = result.findings[0].groups
    assert (highest.low, highest.high) == (worst.low, worst.high)
    assert "chance" not in result.sentence
    assert result.findings[0].weight > 0
    names = [test.name for test in result.tests]
    assert names == [
        "FPR alike in all groups of group",
        "FPR of group 'a' against the rest",
        "FPR of group 'b' against the rest",
        "FPR of group 'c' against the rest",
    ]
    assert result.tests[0].p == pytest.approx(
        stats.chi2_contingency([[60, 5, 30], [140, 95, 270]]).pvalue
    )


def test_difference_within_chance_is_called_so(counted):
    result = run(counted({"a": (20, 2, 0, 0), "b": (20, 3, 0, 0)}))
    assert "which chance alone could explain" in result.sentence
    assert result.findings[0].weight == 0


def test_two_groups_are_one_comparison(counted):
    names = [test.name for test in run(counted({"a": (20, 2, 0, 0), "b": (20, 3, 0, 0)})).tests]
    assert names == [
        "FPR alike in all groups of group",
        "FPR of group 'a' against the rest",
    ]


def test_missing_tags_are_counted_and_shown(counted):
    result = run(counted({"a": (20, 2, 0, 0), "b": (20, 3, 0, 0), None: (4, 1, 3, 1)}))
    (table,) = of_kind(result, "table")
    assert table.rows[-1][0] == "(tag missing)"
    assert table.rows[-1][1:3] == [4, 0.25]
    assert table.rows[-1][5:7] == pytest.approx([3, 1 / 3])
    assert "7 images have no tag for group" in table.note
    # The reference line is over all images, tagged or not.
    fpr = of_kind(result, "forest")[0]
    assert fpr.reference == pytest.approx(6 / 44)
    assert len(fpr.rows) == 2


def test_every_table_says_whose_word_the_tag_is(drawn):
    data = drawn(["real"] * 4, [0.1, 0.9] * 2, {"g": list("aabb")}, attributes=["g", "dataset"])
    sources = [table.note.split(".")[0] for table in of_kind(run(data), "table")]
    assert sources == ["Tags: drawn by lot", "Tags: the data set that the image comes from"]
    unstated = replace(data, info=data.info.model_copy(update={"tag_sources": {}}))
    assert of_kind(run(unstated), "table")[0].note.startswith("Tags: source not stated.")


def test_always_ai_is_equal_and_said_to_be(counted):
    result = run(counted({"a": (30, 30, 0, 0), "b": (20, 20, 0, 0)}))
    assert result.sentence == (
        "Real photographs of every group are called AI-generated equally often: 100.0 % of 50."
    )


def test_hostile_names_stand_as_they_are(counted, hostile_names):
    (table,) = of_kind(run(counted(dict.fromkeys(hostile_names, (10, 1, 10, 1)))), "table")
    assert sorted(row[0] for row in table.rows) == sorted(hostile_names)


def test_agrees_with_the_counts_on_a_random_table(drawn):
    rng = np.random.default_rng(3)
    n = 500
    data = drawn(
        rng.choice(["real", "ai"], n).tolist(),
        rng.random(n).tolist(),
        {"race": rng.choice(["A", "B", "C"], n).tolist()},
    )
    counts = Images(data.table).counts(("race",), 0.5)
    (table,) = of_kind(run(data), "table")
    assert [row[2] for row in table.rows] == pytest.approx(
        (counts.real_called_ai / counts.n_real).tolist()
    )
    assert [row[6] for row in table.rows] == pytest.approx(
        (counts.ai_called_real / counts.n_ai).tolist()
    )


def test_awkward_tables(awkward):
    result = run(awkward)
    assert result.status in ("info", "not-estimable")
    for table in of_kind(result, "table"):
        for row in table.rows:
            for n, rate, low, high in (row[1:5], row[5:9]):
                if n == 0:
                    assert (rate, low, high) == (None, None, None)
                else:
                    assert 0 <= low <= rate <= high <= 1
    assert result.model_dump_json()
