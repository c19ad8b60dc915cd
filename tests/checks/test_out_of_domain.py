from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from faceaudit.checks.out_of_domain import CHECK, OutOfDomainOptions
from faceaudit.runner import run_check


def pictures(drawn):
    """Forty faces, ten patterns, six cats: 0.05 and 0.95 are sure answers, 0.3 is not."""
    p_ai = [0.05] * 40 + [0.05] * 6 + [0.3] * 2 + [0.95] * 2 + [0.05] * 5 + [0.95]
    dataset = ["faces"] * 40 + ["patterns"] * 10 + ["mixed"] * 6
    label = ["real"] * 40 + ["ai"] * 16
    tags = {"animal": [None] * 50 + ["cat"] * 6}
    return drawn(label, p_ai, tags, dataset=dataset)


def test_sure_answers_on_no_face_are_counted(drawn):
    result = run_check(CHECK, pictures(drawn), OutOfDomainOptions(datasets=["patterns"]))
    assert result.status == "info"
    assert result.sentence.startswith(
        "Of 10 pictures outside what the classifier was made for, 80.0 % are called real, 60.0 % "
        "with high confidence (95 % interval 26.2 to 87.8 %), and 20.0 % are called AI-generated"
    )
    assert "No face finder has looked" in result.sentence
    (found,) = result.findings
    assert found.brief == (
        "Of 10 pictures outside its domain 80.0 % are called real, 60.0 % with high confidence "
        "(at least 0.9)."
    )
    assert [row[:4] for row in result.details[0].rows] == [["patterns", 10, 0.8, 0.6]]


def test_a_row_expression_names_pictures_and_none_counts_twice(drawn):
    options = OutOfDomainOptions(datasets=["patterns"], rows="animal == 'cat' or p_ai == 0.3")
    table = run_check(CHECK, pictures(drawn), options).details[0]
    assert [row[:2] for row in table.rows] == [
        ["patterns", 10],
        ["animal == 'cat' or p_ai == 0.3", 6],
        ["all of these", 16],
    ]


def test_what_counts_as_sure_is_an_option(drawn):
    options = OutOfDomainOptions(datasets=["patterns"], sure=0.97)
    assert run_check(CHECK, pictures(drawn), options).details[0].rows[0][3] == 0


def marked(drawn, count, finder="a drawn finder"):
    """The same with the last `count` marked as without a face."""
    data = pictures(drawn)
    table = data.table
    status = pa.array(["ok"] * (len(table) - count) + ["no_face"] * count)
    if "status" in table.column_names:
        table = table.drop_columns("status")
    info = data.info.model_copy(update={"face_finder": finder})
    return replace(data, table=table.append_column("status", status), info=info)


def test_predictions_that_rest_on_no_face(drawn):
    result = run_check(CHECK, marked(drawn, 6), OutOfDomainOptions())
    assert result.sentence.startswith(
        "6 of 56 predictions here rest on a picture in which a drawn finder found no face: 83.3 %"
    )
    assert [row[:2] for row in result.details[0].rows] == [["no face found", 6]]


def test_what_the_finder_marked_stands_apart_from_what_is_known(drawn):
    result = run_check(CHECK, marked(drawn, 16), OutOfDomainOptions(datasets=["patterns"]))
    assert result.sentence.startswith("Of 10 pictures outside what the classifier was made for")
    assert "16 of 56 predictions here" in result.sentence
    assert [row[:2] for row in result.details[0].rows] == [["patterns", 10], ["no face found", 16]]


def test_a_finder_that_found_a_face_everywhere(drawn):
    result = run_check(CHECK, marked(drawn, 0), OutOfDomainOptions())
    assert result.status == "not-estimable"
    assert "0 of 56 predictions here" in result.sentence


def test_nothing_known_to_be_without_a_face(drawn):
    result = run_check(CHECK, pictures(drawn), OutOfDomainOptions(datasets=["cats"]))
    assert result.status == "not-estimable"
    assert not result.findings


def test_awkward_tables(awkward):
    result = run_check(CHECK, awkward, OutOfDomainOptions(datasets=["drawn"]))
    assert result.status == "info"
    assert sum(result.details[2].series["drawn"]) == pytest.approx(1)
    assert result.model_dump_json()
