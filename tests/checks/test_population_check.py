from __future__ import annotations

import numpy as np
import pytest

from faceaudit.checks import Options
from faceaudit.checks.population import CHECK
from faceaudit.errors import FaceAuditError
from faceaudit.runner import audit, run_check
from faceaudit.schema import ScoresInfo
from faceaudit.spec import Spec, find_spec, parse_spec
from faceaudit.tables import Scores

HALVES = {"group": {"a": 0.5, "b": 0.5}}


def run(data):
    return run_check(CHECK, data, Options())


def rows(result, label="Real"):
    (table,) = (d for d in result.details if d.title.startswith(label))
    return {row[0]: row[1:] for row in table.rows}


def test_weighted_and_crude_rates_stand_side_by_side(counted):
    cells = {"a": (900, 9, 60, 6), "b": (100, 20, 40, 1), None: (50, 50, 0, 0)}
    result = run(counted(cells, population=HALVES))
    real = rows(result)["all images"]
    assert real[0] == 1050
    assert real[1] == pytest.approx(79 / 1050)
    assert real[4] == pytest.approx((0.01 + 0.2) / 2)
    assert real[5] < real[4] < real[6]
    # 900 images of weight 5/9 and 100 of weight 5.
    assert real[8] == pytest.approx((900 * (5 / 9) ** 2 + 100 * 25) / 1000)
    # Within one cell nothing is weighted.
    assert rows(result)["group: b"][4] == pytest.approx(0.2) == rows(result)["group: b"][1]
    assert rows(result, "AI")["all images"][4] == pytest.approx((0.1 + 0.025) / 2)
    assert (
        "Weighted to the population by group, 10.5 % of real photographs are called AI-generated "
        f"(95 % interval {100 * real[5]:.1f} to {100 * real[6]:.1f} %) and 2.9 % of the 1,000 here "
        "that have it."
    ) in result.sentence
    assert "% of the 100 here." in result.sentence
    assert (result.findings[0].n, result.findings[0].events) == (1000, 29)
    assert "50 images have no tag for group" in result.details[0].note


def test_groups_of_another_tag_have_the_population_s_cells_too(drawn):
    # Of each gender one errs; the reading ones are mostly female.
    gender = ["female"] * 40 + ["male"] * 40
    glasses = ["reading"] * 30 + ["none"] * 10 + ["reading"] * 10 + ["none"] * 30
    score = [0.9] * 40 + [0.1] * 40
    data = drawn(
        ["real"] * 80,
        score,
        {"glasses": glasses, "gender": gender},
        population={"gender": {"female": 0.2, "Male": 0.8}},
    )
    found = rows(run(data))
    assert found["glasses: reading"][1] == 0.75
    # Weights 0.2 / 40 and 0.8 / 40.
    assert found["glasses: reading"][4] == pytest.approx(30 * 0.2 / (30 * 0.2 + 10 * 0.8))
    assert found["glasses: none"][4] == pytest.approx(10 * 0.2 / (10 * 0.2 + 30 * 0.8))


def test_images_of_one_person_count_as_what_they_are_worth(drawn):
    score = np.repeat([0.1, 0.9, 0.1, 0.1] * 25, 5)
    tags = {"group": np.repeat(["a", "b"] * 50, 5).tolist()}
    person = [f"{i // 5}" for i in range(500)]
    alone = drawn(["real"] * 500, score, tags, population=HALVES)
    alike = drawn(["real"] * 500, score, {**tags, "person": person}, population=HALVES)
    narrow, wide = (rows(run(of))["all images"] for of in (alone, alike))
    assert narrow[4] == wide[4]
    # All five are called alike, so they are worth one.
    assert 1.8 < (wide[6] - wide[5]) / (narrow[6] - narrow[5]) < 2.6


def test_what_has_no_image_is_left_out_and_said(counted):
    population = {"group": {"a": 0.3, "b": 0.3, "c": 0.4}}
    data = counted(
        {"a": (40, 4, 0, 0), "b": (40, 0, 0, 0), "d": (9, 9, 0, 0)}, population=population
    )
    result = run(data)
    assert rows(result)["all images"][4] == pytest.approx(0.05)
    assert "Of 40.0 % of that population there is no real photograph" in result.sentence
    assert "no real photograph of: group 'c'." in result.details[0].note
    assert "9 real photographs are in no cell of the population" in result.details[0].note
    assert len(result.findings) == 1
    assert run(counted({"e": (40, 4, 0, 0)}, population=population)).status == "not-estimable"


def test_it_runs_where_a_population_is_given(counted):
    data = counted({"a": (40, 4, 40, 3), "b": (40, 2, 40, 9)}, population=HALVES)
    scores = Scores(data.table, ScoresInfo())
    assert "population" in [of.id for of in audit(scores, data.spec).checks]
    without = data.spec.model_copy(update={"population": []})
    assert "population" not in [of.id for of in audit(scores, without).checks]
    named = Spec(**{**without.model_dump(), "checks": ["population"]})
    assert audit(scores, named).checks[0].status == "not-estimable"


SPEC = "{name: n, title: t, question: q, attributes: [group], population: %s}"


def test_a_population_is_a_table_beside_the_specification(tmp_path):
    (tmp_path / "people.csv").write_text("gender;age_band;count\nf;0-2;30\nm;0-2;50\nf;3-9;20\n")
    (tmp_path / "s.yaml").write_text(SPEC % "people.csv")
    found = find_spec(tmp_path / "s.yaml").population
    assert found[1] == {"gender": "male", "age_band": "0-2", "share": 0.5}
    assert np.sum([row["share"] for row in found]) == 1
    # A specification that comes without a place opens nothing.
    with pytest.raises(FaceAuditError, match="rows, or the name of a table beside"):
        parse_spec(SPEC % "people.csv", "s")
    # What a result says of it can be run again.
    assert Spec(**find_spec(tmp_path / "s.yaml").model_dump()).population == found


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("{a: {x: 1}, b: {y: 1}}", "a mapping is of one tag"),
        ("{a: {x: 0.4, y: 0.4}}", "adds up to 0.8"),
        ("[{a: x, count: 1}, {b: y, count: 1}]", "names the same tags"),
        ("[{a: x, count: 1}, {a: null, count: 1}]", "names the same tags"),
        ("[{a: x, share: 1, count: 1}]", "either 'share' or 'count'"),
        ("[{a: x, count: 1}, {a: x, count: 1}]", "x is there twice"),
        ("[{a: x, count: -1}, {a: y, count: 3}]", "is a number from 0 on"),
        ("[{a: x, count: .nan}]", "is a number from 0 on"),
        ("[{a: x, count: many}]", "is a number from 0 on"),
        ("[{a: x, count: 0}]", "adds up to 0"),
        ("nowhere.csv", "nowhere.csv: no such file"),
        ("7", "a population is a mapping, rows"),
    ],
)
def test_what_a_population_must_be(given, complaint, tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC % given)
    with pytest.raises(FaceAuditError, match=complaint):
        find_spec(tmp_path / "s.yaml")


def test_awkward_tables(awkward):
    tag = awkward.spec.attributes[0]
    values = awkward.images.codes(tag)[1] or ["x"]
    population = [{tag: value, "share": 1 / len(values)} for value in values]
    awkward.spec = awkward.spec.model_copy(update={"population": population})
    result = run(awkward)
    assert result.sentence
    for detail in result.details:
        for row in detail.rows:
            assert row[5] is None or 0 <= row[6] <= row[5] <= row[7] <= 1
