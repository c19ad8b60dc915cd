"""What an audit says of tables whose error rates are known."""

import pytest

from faceaudit.audit import audit
from faceaudit.errors import FaceAuditError
from faceaudit.result import read_result, write_result
from faceaudit.spec import Spec, find_spec, parse_spec, ready_specs
from tests.drawn import drawn_scores


def spec(**changes):
    given = {"name": "t", "title": "T", "question": "?", "attributes": ["group"]}
    return Spec.model_validate(given | changes)


def check(result, name):
    return next(check for check in result.checks if check.id == name)


def test_a_wide_gap_fails_and_a_narrow_one_passes():
    wide = audit(drawn_scores({"a": (1000, 10), "b": (1000, 200)}), spec())
    assert check(wide, "equalized-odds-gap").status == "fail"
    assert wide.status == "fail"
    narrow = audit(drawn_scores({"a": (4000, 40), "b": (4000, 44)}), spec(limits={"fnr_gap": None}))
    assert check(narrow, "equalized-odds-gap").status == "pass"
    small = audit(drawn_scores({"a": (20, 0), "b": (20, 2)}), spec())
    assert check(small, "equalized-odds-gap").status == "insufficient-evidence"


def test_a_constant_classifier_never_passes():
    always_real = audit(drawn_scores({"a": (4000, 0), "b": (4000, 0)}, ai=(500, 500)), spec())
    assert always_real.status == "fail"
    assert check(always_real, "equalized-odds-gap").status != "pass"


def test_real_only_data_have_no_false_negative_rate():
    result = audit(drawn_scores({"a": (500, 5), "b": (500, 5)}, ai=(0, 0)), spec())
    assert any("no AI-generated image" in note for note in result.limitations)
    text = result.model_dump_json()
    assert "NaN" not in text
    rates = check(result, "group-error-rates")
    forests = [d for d in rates.details if d.kind == "forest" and "negative" in d.measure.lower()]
    assert all(row.value is None for forest in forests for row in forest.rows)


def test_p_values_are_adjusted_over_the_whole_audit():
    groups = {f"g{i}": (100, i % 7) for i in range(12)}
    result = audit(drawn_scores(groups), spec())
    tests = [test for c in result.checks for test in c.tests]
    assert len(tests) > 12
    for test in tests:
        assert test.p <= test.p_bh <= test.p_holm
    smallest = min(tests, key=lambda test: test.p)
    assert smallest.p_holm == pytest.approx(min(1, smallest.p * len(tests)))


def test_rows_and_slice():
    scores = drawn_scores({"a": (50, 1), "b": (60, 1), "c": (70, 1)})
    result = audit(scores, spec(rows="group in ['a', 'b'] or label == 'ai'", slice="group == 'a'"))
    assert result.scores[0].n_real == 110
    assert result.spec["attributes"] == ["slice", "group"]
    rates = check(result, "group-error-rates")
    assert any(
        {row.group for row in d.rows} >= {"group == 'a'", "all others"}
        for d in rates.details
        if d.kind == "forest"
    )
    with pytest.raises(FaceAuditError, match="no row satisfies"):
        audit(scores, spec(rows="group == 'z'"))


def test_result_survives_the_file(tmp_path):
    result = audit(drawn_scores({"a": (50, 1), "b": (60, 9)}), spec())
    assert read_result(write_result(tmp_path / "audit.json", result)) == result
    (tmp_path / "bad.json").write_text('{"kind": "audit"}')
    with pytest.raises(FaceAuditError, match=r"bad\.json: not a result"):
        read_result(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "line 1"),
        ("- a", "is a mapping"),
        ("name: a\ntitle: b\nquestion: c\nattributes: [x]\nlimit: 1", "limit: unknown key"),
        (
            "name: a\ntitle: b\nquestion: c\nattributes: [x]\nlimits: {fpr: 1}",
            "limits.fpr: unknown key; the keys here are fpr_gap, fnr_gap",
        ),
        ("name: a\ntitle: b\nquestion: c\nattributes: []", "attributes: List should have"),
        ("name: a\ntitle: b\nquestion: c\nattributes: [x]\nthreshold: 2", "threshold: Input"),
        (
            "name: a\ntitle: b\nquestion: c\nattributes: [x]\nintersections: [[x]]",
            "intersections: an intersection names at least two",
        ),
    ],
)
def test_specifications_are_refused_at_the_wrong_key(text, message):
    with pytest.raises(FaceAuditError) as refused:
        parse_spec(text, "s.yaml")
    assert str(refused.value).startswith("s.yaml: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_names_are_refused_before_any_work():
    scores = drawn_scores({"a": (5, 1)})
    with pytest.raises(FaceAuditError, match="asks for the tag 'race', which the scores do not"):
        audit(scores, spec(attributes=["race"]))
    with pytest.raises(FaceAuditError, match=r"checks\.nonsense: no such check"):
        audit(scores, spec(checks=["nonsense"]))
    with pytest.raises(FaceAuditError, match=r"checks\.power\.nonsense: unknown key"):
        audit(scores, spec(checks=[{"power": {"nonsense": 1}}]))


def test_ready_specifications_are_valid_and_found_by_name():
    names = ready_specs()
    assert {"utkface-demographics", "ffhq-glasses-age-gender", "fairface-demographics"} <= set(
        names
    )
    for name in names:
        assert find_spec(name).name == name
    with pytest.raises(FaceAuditError, match="no such specification"):
        find_spec("nonsense")
