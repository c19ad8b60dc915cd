from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta, binom

from faceaudit.checks.threshold_transfer import CHECK, ThresholdTransferOptions
from faceaudit.errors import FaceAuditError
from faceaudit.runner import run_check


def run(data, **options):
    return run_check(CHECK, data, ThresholdTransferOptions(**options))


@pytest.fixture
def two_sets(drawn):
    """Photographs of `street` look generated; the threshold that suits `studio` fails there."""
    rng = np.random.default_rng(9)
    score = np.concatenate([rng.beta(2, 8, 400), rng.beta(5, 5, 300), rng.beta(8, 2, 200)]).astype(
        np.float32
    )
    return drawn(
        ["real"] * 700 + ["ai"] * 200,
        score.tolist(),
        {"group": ["a", "b"] * 350 + [None] * 200},
        dataset=["studio"] * 400 + ["street"] * 300 + ["faces"] * 200,
    )


def test_realised_rates_are_counted_on_the_other_sets(two_sets):
    result = run(two_sets, target_fpr=0.05)
    score = two_sets.table["p_ai"].to_numpy()
    threshold = np.sort(score[:400])[-21]
    realised = np.mean(score[400:700] > threshold)
    missed = np.mean(score[700:] <= threshold)
    by_set = result.details[0]
    rows = {row[0]: row for row in by_set.rows}
    assert set(rows) == {"street", "faces"}
    assert rows["street"][1:3] == [300, pytest.approx(realised)]
    assert rows["street"][3] < realised < rows["street"][4]
    assert rows["street"][5:] == [0, None, None, None]
    assert rows["faces"][5:7] == [200, pytest.approx(missed)]
    assert "which calls 20 of 400 real photographs of studio AI-generated (target 5.0 %)" in (
        result.sentence
    )
    assert f"{100 * realised:.1f} % of 300 real photographs of street" in result.sentence
    facts = {found.groups[0].group[0]: found for found in result.findings}
    assert (facts["street"].rate, facts["faces"].rate) == ("fpr", "fnr")
    assert facts["street"].interval.value == pytest.approx(realised)
    assert facts["faces"].n == 200


def test_by_group_on_every_other_set(two_sets):
    table = run(two_sets).details[1]
    assert [row[:3] for row in table.rows] == [["street", "a", 150], ["street", "b", 150]]
    assert "drawn by lot" in table.note


def test_named_validation_set_and_its_mistakes(two_sets):
    assert "of street AI-generated" in run(two_sets, validation_dataset="street").sentence
    for name in ("faces", "nowhere"):
        with pytest.raises(FaceAuditError, match=f"no real photograph of '{name}'.*street, studio"):
            run(two_sets, validation_dataset=name)


def test_group_thresholds_are_for_study_only(two_sets):
    table = next(
        d for d in run(two_sets, target_fpr=0.1).details if d.title.startswith("For study")
    )
    score = two_sets.table["p_ai"].to_numpy()
    for i, row in enumerate(table.rows):
        photographs = score[:400][i::2]
        assert np.mean(photographs >= np.float32(row[3])) == pytest.approx(0.1)
        assert row[4] == pytest.approx(np.mean(score[700:] < np.float32(row[3])))
    assert "would treat people differently by their looks" in table.note


def promises(result):
    (table,) = (d for d in result.details if d.title.startswith("What a threshold promises"))
    return table


def test_the_safe_threshold_stands_beside_the_plain_one(two_sets):
    result = run(two_sets, target_fpr=0.05)
    score = two_sets.table["p_ai"].to_numpy()
    plain, safe = promises(result).rows
    # 12 is the most that so seldom come of 400 where 5 % or more are called AI-generated.
    assert binom.cdf(12, 400, 0.05) <= 0.05 < binom.cdf(13, 400, 0.05)
    for row, called in ((plain, 20), (safe, 12)):
        assert row[2] == called
        assert np.sum(score[:400] >= np.float32(row[1])) == called
        assert binom.cdf(called, 400, row[3]) == pytest.approx(0.05)
        assert row[4] == np.mean(score[700:] < np.float32(row[1]))
    assert plain[3] > 0.05 >= safe[3]
    assert (
        f"may call up to {100 * plain[3]:.1f} % AI-generated (95 % confidence)" in result.sentence
    )
    assert f"; a threshold of {safe[1]:.4g} keeps to 5.0 % as surely." in result.sentence
    (by_group,) = (d for d in result.details if d.title.startswith("For study"))
    for i, row in enumerate(by_group.rows):
        assert np.sum(score[:400][i::2] >= np.float32(row[5])) == 4
        assert binom.cdf(4, 200, 0.05) <= 0.05 < binom.cdf(5, 200, 0.05)
        assert row[6] == np.mean(score[700:] < np.float32(row[5]))


def test_too_few_photographs_for_a_safe_threshold(drawn):
    few = drawn(
        ["real"] * 101, np.arange(101) / 200, {"g": ["a"] * 101}, dataset=["x"] * 100 + ["y"]
    )
    result = run(few)
    assert promises(result).rows[1][1:] == [None] * 4
    assert (
        "one that keeps to 1.0 % as surely takes 299 photographs instead of 100." in result.sentence
    )
    assert "takes a target above 0." in run(few, target_fpr=0).sentence


def test_photographs_of_one_person_count_as_what_they_are_worth(drawn):
    score = np.append(np.repeat(np.arange(400) / 400, 5), 0.5)
    tags = {"g": ["a"] * 2001, "person": [f"{i // 5}" for i in range(2001)]}
    data = drawn(["real"] * 2001, score, tags, dataset=["x"] * 2000 + ["y"])
    result = run(data)
    plain, safe = promises(result).rows
    assert (plain[2], safe[2]) == (20, 0)
    # All five are called alike, so they are worth one: 400, of which 4 are called AI-generated.
    assert plain[3] == pytest.approx(beta.ppf(0.95, 5, 396), rel=0.1)
    assert "Chosen on 2,000 real photographs, worth 400 independent ones." in promises(result).note
    few = drawn(
        ["real"] * 501,
        score[-501:],
        {name: of[-501:] for name, of in tags.items()},
        dataset=["x"] * 500 + ["y"],
    )
    assert "takes 299 independent photographs instead of 100." in run(few).sentence


def test_only_a_threshold_above_every_score_is_safe(drawn):
    score = np.append(np.linspace(0, 0.9, 398), [1, 1, 0.5])
    data = drawn(["real"] * 401, score, {"g": ["a"] * 401}, dataset=["x"] * 400 + ["y"])
    result = run(data)
    assert promises(result).rows[1][2:4] == [0, 0]
    assert "none that calls anything AI-generated keeps to 1.0 % as surely" in result.sentence


def test_curves_hold_both_rates_at_the_threshold_in_force(two_sets):
    curves = [d for d in run(two_sets).details if d.kind == "curve"]
    # No AI-generated face carries the tag, so there is no FNR to draw.
    (fpr,) = curves
    assert fpr.marker == 0.5
    series = fpr.series[0]
    assert len(series.x) <= 101
    score = two_sets.table["p_ai"].to_numpy()[:700:2]
    at = series.x.index(0.5)
    assert series.y[at] == pytest.approx(np.mean(score >= 0.5))
    assert series.y == sorted(series.y, reverse=True)


def test_one_data_set_has_nowhere_to_transfer_to(counted):
    result = run(counted({"a": (40, 5, 40, 5)}))
    assert result.status == "not-estimable"
    assert "There is only one data set (drawn)" in result.sentence


def test_photographs_with_a_score_of_one(drawn):
    data = drawn(["real"] * 4, [1.0, 0.2, 1.0, 0.3], {"g": list("aabb")}, dataset=list("xxxy"))
    assert "2 of 3 real photographs score 1, so no threshold meets" in run(data).sentence


def test_awkward_tables(awkward):
    result = run(awkward)
    assert result.status == "not-estimable"
    assert not result.findings


def test_awkward_tables_of_two_data_sets(awkward):
    table = awkward.table
    names = pa.array([("x", "y")[i % 2] for i in range(len(table))])
    table = table.set_column(table.column_names.index("dataset"), "dataset", names)
    result = run(replace(awkward, table=table))
    for detail in result.details:
        if detail.title.startswith("The threshold of"):
            assert all(0 <= row[-7] <= 1 for row in detail.rows if row[-8])
