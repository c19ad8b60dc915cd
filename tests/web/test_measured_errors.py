"""What a prediction is worth: the right rates, of the right people, from the right images."""

from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.stats.intervals import rate_interval
from faceaudit.tables import write_table
from faceaudit.web.measured_errors import Record, open_records
from tests.web.drawn_web import AUDITED, BrightnessDetector, group, recorded


def recorded_of(scores, threshold=0.5):
    return Record(BrightnessDetector("m", threshold), scores)


def rates(rows):
    return {row.source: (row.wrong, row.n) for row in rows}


def test_rates_are_those_of_the_people_chosen():
    record = recorded_of([AUDITED])
    everybody = record.measured_errors({})
    assert rates(everybody.real_called_ai) == {"portraits": (42, 240), "street": (0, 50)}
    assert rates(everybody.ai_called_real) == {"generator": (8, 200)}
    men = record.measured_errors({"gender": "male"})
    assert rates(men.real_called_ai) == {"portraits": (2, 100)}
    assert rates(men.ai_called_real) == {"generator": (8, 200)}
    older_women = record.measured_errors({"gender": "female", "age_band": "60–69"})
    assert rates(older_women.real_called_ai) == {"portraits": (30, 40)}


def test_sentences_state_the_number_its_interval_and_its_source():
    record = recorded_of([AUDITED])
    low, high = rate_interval(30, 40)
    said = record.measured_errors({"gender": "female", "age_band": "60–69"}).if_called_ai
    assert said.startswith("Of 40 real photographs of such people (portraits), it wrongly called")
    assert "30 AI-generated: 75.0\u202f%" in said
    assert f"{100 * float(low):.1f}" in said and f"{100 * float(high):.1f}" in said
    everybody = record.measured_errors({})
    assert "0.0\u202f% (street) to 17.5\u202f% (portraits)" in everybody.if_called_ai
    assert "8 real: 4.0\u202f%" in everybody.if_called_real


def test_nobody_like_that_is_said_to_be_unmeasured():
    record = recorded_of([AUDITED])
    measured = record.measured_errors({"gender": "male", "age_band": "60–69"})
    assert measured.real_called_ai == []
    assert measured.if_called_ai.startswith("Not measured")


def test_a_few_images_are_said_to_be_few():
    rows = group("a", "real", "female", "20–29", 5, 5) + group("b", "real", "male", "20–29", 4, 0)
    both = recorded_of([recorded(rows)])
    assert "Hardly measured: no source holds 30" in both.measured_errors({}).if_called_ai
    assert "9." in both.measured_errors({}).if_called_ai
    assert "That is few" in both.measured_errors({"gender": "female"}).if_called_ai


def test_extremes_of_tiny_sources_do_not_make_the_sentence():
    rows = [
        *group("large", "real", "female", "20–29", 100, 10),
        *group("larger", "real", "female", "20–29", 100, 20),
        *group("tiny", "real", "female", "20–29", 2, 2),
    ]
    measured = recorded_of([recorded(rows)]).measured_errors({})
    assert "tiny" not in measured.if_called_ai and "20.0" in measured.if_called_ai
    assert "tiny" in rates(measured.real_called_ai)


def test_images_that_the_model_was_trained_on_do_not_count():
    learned = recorded(group("portraits", "real", "male", "20–29", 900, 0), in_training=True)
    record = recorded_of([AUDITED, learned])
    assert rates(record.measured_errors({"gender": "male"}).real_called_ai) == {
        "portraits": (2, 100)
    }


def test_only_audited_groups_can_be_chosen():
    record = recorded_of([AUDITED])
    assert record.choices == {"gender": ["female", "male"], "age_band": ["20–29", "60–69"]}
    with pytest.raises(FaceAuditError, match="was not audited for gender 'other'"):
        record.measured_errors({"gender": "other"})


def test_without_scores_nothing_is_known_and_that_is_said():
    record = recorded_of([])
    assert record.choices == {}
    assert "not known" in record.measured_errors({}).if_called_ai


def test_the_threshold_is_the_models_own():
    rows = [("a", "real", "male", "20–29", p) for p in (0.1, 0.3, 0.5, 0.7, 0.9)]
    measured = [recorded_of([recorded(rows)], t).measured_errors({}) for t in (0.0, 0.5, 0.7, 1.0)]
    assert [one.real_called_ai[0].wrong for one in measured] == [5, 3, 2, 0]


def test_whose_word_the_tags_are_is_told():
    measured = recorded_of([AUDITED]).measured_errors({"gender": "male"})
    assert measured.tag_sources == ["gender (portraits): drawn by the test"]


def test_given_scores_count_for_the_model_that_gave_them_alone(tmp_path, detectors):
    low = detectors[0]
    info = AUDITED.info.model_copy(deep=True)
    info.model.sha256 = low.info.sha256
    mine = write_table(tmp_path / "mine.parquet", AUDITED.table, info)
    records = open_records(detectors, [mine])
    assert len(records["low"].table) == 490 and records["high"].table is None
    info.model.sha256 = "0" * 64
    others = write_table(tmp_path / "others.parquet", AUDITED.table, info)
    assert all(record.table is None for record in open_records(detectors, [others]).values())
