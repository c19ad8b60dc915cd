"""What remains of a gap at one delivery, and what of it was delivery."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks.equal_delivery import EqualDeliveryOptions, run
from faceaudit.errors import FaceAuditError
from faceaudit.result import Slopes
from faceaudit.runner import audit
from faceaudit.schema import called_ai
from faceaudit.spec import Spec
from faceaudit.tables import Scores
from planted_delivery import DELIVERY, audited, cause, drawn, jpeg_reader
from tests.drawn import drawn_scores


def columns_of(groups: dict[str, int]):
    return drawn(np.random.default_rng(0), groups)


def planted(first: dict[str, tuple[int, int]], second: dict[str, int], **options):
    """Photographs by group as (n, called AI as delivered), and called AI at one delivery."""
    scores = drawn_scores(first)
    table = scores.table
    again = np.array(table["p_ai"].to_pylist(), np.float32)
    group = np.array(table["group"].to_pylist(), object)
    for name, wrong in second.items():
        rows = np.flatnonzero(group == name)
        again[rows] = np.where(np.arange(len(rows)) < wrong, 0.9, 0.1)
    table = table.append_column(f"p_ai[{DELIVERY}]", pa.array(again, pa.float32()))
    spec = Spec(name="t", title="T", question="?", attributes=["group"], **options)
    return Scores(table, scores.info), spec


@pytest.mark.parametrize(
    ("second", "shows", "so"),
    [
        ({"a": 60, "b": 300}, (True, False), "the gap remains"),
        ({"a": 60, "b": 60}, (False, True), "none is shown to remain"),
        ({"a": 60, "b": 150}, (True, True), "part of it was delivery"),
        ({"a": 200, "b": 60}, (True, True), "it turns round"),
        ({"a": 30, "b": 400}, (True, True), "delivery had made it smaller"),
        ({"a": 180, "b": 200}, (False, True), "none is shown to remain"),
    ],
)
def test_a_gap_is_split_into_what_remains_and_what_was_delivery(second, shows, so):
    scores, spec = planted({"a": (1000, 60), "b": (1000, 300)}, second)
    result = audit(scores, spec)
    (check,) = (of for of in result.checks if of.id == "equal-delivery")
    found, other = check.findings[0], check.details[0].rows
    one = found.one_delivery
    assert [of.group for of in found.groups] == [["b"], ["a"]]
    assert one.value + one.part == pytest.approx(0.24)
    assert one.value == pytest.approx((second["b"] - second["a"]) / 1000)
    assert one.low < one.value < one.high and one.part_low < one.part < one.part_high
    assert one.shows == shows
    assert found.sentence.endswith(f"were delivery: {so}.")
    assert [row[4] for row in other] == ["audited", "of the same FPR"]
    assert so in result.answer.why and result.answer.why.startswith("Between 'b' and 'a', with")
    slopes = next(of for of in check.details if isinstance(of, Slopes))
    assert [row.difference for row in slopes.rows] == pytest.approx(
        [second["a"] / 1000 - 0.06, second["b"] / 1000 - 0.3]
    )


def test_the_threshold_of_the_same_fpr_calls_as_many_photographs():
    scores, spec = planted({"a": (500, 30), "b": (500, 60)}, {"a": 30, "b": 60})
    table = scores.table
    rng = np.random.default_rng(0)
    again = rng.random(len(table)).astype(np.float32)
    name = f"p_ai[{DELIVERY}]"
    table = table.set_column(table.column_names.index(name), name, pa.array(again))
    result = audit(Scores(table, scores.info), spec)
    (check,) = (of for of in result.checks if of.id == "equal-delivery")
    overall = check.details[1]
    real = np.array(table["label"].to_pylist()) == "real"
    assert called_ai(again[real], 0.5).mean() == pytest.approx(overall.rows[0][6])
    (same,) = (row for row in overall.rows if row[2] == "of the same FPR")
    ordered = np.sort(again[real])
    threshold = np.nextafter(ordered[-91], np.float32(1))
    assert same[6] == pytest.approx((again[~real] < threshold).mean())


def test_a_picture_without_that_score_is_counted_and_left_out():
    scores, spec = planted({"a": (400, 40), "b": (400, 80)}, {"a": 40, "b": 40})
    name = f"p_ai[{DELIVERY}]"
    lacking = np.arange(len(scores.table)) % 4 == 0
    column = pa.array(np.array(scores.table[name]), pa.float32(), mask=lacking)
    table = scores.table.set_column(scores.table.column_names.index(name), name, column)
    result = audit(Scores(table, scores.info), spec)
    (check,) = (of for of in result.checks if of.id == "equal-delivery")
    assert "Without a score at that delivery: 250 images." in check.details[0].note
    assert [of.n for of in check.findings[0].groups] == [300, 300]


def test_the_delivery_can_be_named_and_must_be_there():
    scores, spec = planted({"a": (90, 9), "b": (90, 9)}, {"a": 9, "b": 9})
    named = spec.model_copy(update={"checks": {"equal-delivery": {"delivery": "jpeg=50"}}})
    with pytest.raises(FaceAuditError, match=r"no column p_ai\[jpeg=50\].* score with --deliver"):
        audit(scores, named)


def test_it_runs_where_there_is_one_delivery_and_else_not():
    scores = drawn_scores({"a": (60, 6), "b": (60, 6)})
    spec = Spec(name="t", title="T", question="?", attributes=["group"])
    assert "equal-delivery" not in [of.id for of in audit(scores, spec).checks]


def test_the_surest_pair_is_told_where_the_extreme_one_is_too_small():
    columns, group, _ = columns_of({"a": 1000, "b": 1000, "c": 31})
    real = np.array(columns["label"]) == "real"
    i = np.arange(len(group))
    delivered = real & (((group == "b") & (i % 9 == 0)) | ((group == "a") & (i % 50 == 0)))
    data = audited(columns, {"p_ai": delivered, f"p_ai[{DELIVERY}]": real & (i % 50 == 0)})
    first, *rest = (f for f in run(data, EqualDeliveryOptions()).findings if f.rate == "fpr")
    assert [of.group for of in first.groups] == [["b"], ["a"]]
    assert first.one_delivery.shows == (False, True)
    assert [of.group for of in rest[0].groups] == [["b"], ["c"]]


def test_planted_causes_are_named():
    """40 seeded trials of each; benchmarks/planted_delivery.py has many more."""
    for person in (False, True):
        for delivery in (False, True):
            told = [cause(np.random.default_rng(i), person, delivery, 1000) for i in range(40)]
            right, false, _ = np.array(told).sum(axis=0)
            assert right >= 36 and false <= 4, (person, delivery)


def test_a_classifier_that_reads_jpeg_alone_falls_to_chance(tmp_path):
    """It is fitted to the edges of JPEG's blocks: photographs were saved badly, the others not."""
    before, after = jpeg_reader(np.random.default_rng(0), tmp_path)
    assert before > 0.95
    # Of 60 and 60 pictures that are alike an AUC has a standard error of .053.
    assert abs(after - 0.5) < 2.6 * 0.053
