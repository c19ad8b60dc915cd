"""What an audit says of tables whose error rates are known."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from faceaudit.checks import Check, Product, all_checks
from faceaudit.decision import gate
from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import with_column
from faceaudit.result import PARTS, Finding, read_result, write_result
from faceaudit.runner import audit, headline
from faceaudit.schema import ModelInfo
from faceaudit.spec import Spec, find_spec, parse_spec, ready_specs
from faceaudit.stats.gaps import gap_bounds
from faceaudit.stats.intervals import difference_interval
from faceaudit.stats.verdicts import LimitedGap, holm_errors
from faceaudit.tables import Scores
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
            "name: a\ntitle: b\nquestion: c\nattributes: [x]\nrate: tpr",
            "rate: 'tpr' is none of fpr, fnr",
        ),
        (
            "name: a\ntitle: b\nquestion: c\nattributes: [x]\nintersections: [[x]]",
            "intersections: an intersection names at least two",
        ),
        ("name: a\nlimits: {fpr_gap: 1}\nlimits: {}", "line 1 on gives 'limits' twice"),
        ("name: a\nlimits:\n  fpr_gap: 1\n  'fpr_gap': 0", "line 3 on gives 'fpr_gap' twice"),
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


# --- what passes, and at which confidence --------------------------------------------------

NO_LIMITS = {"fpr_gap": None, "fnr_gap": None}
ALIKE = {"a": (4000, 40), "b": (4000, 40)}
SOURCE = {"generator-source": {"dataset": "ffhq"}}


def by_dataset(groups):
    """Draw scores whose photographs are of the data set named like their group."""
    scores = drawn_scores(groups)
    names = pa.compute.coalesce(scores.table["group"], "generated")
    table = scores.table.set_column(scores.table.column_names.index("dataset"), "dataset", names)
    datasets = dict.fromkeys((*groups, "generated"), scores.info.datasets["drawn"])
    return Scores(table, scores.info.model_copy(update={"datasets": datasets}))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"limits": {"fnr_gap": None}}, "pass"),
        ({"limits": NO_LIMITS}, "info"),
        ({"checks": ["triviality"]}, "info"),
        ({"checks": ["triviality", "group-error-rates"]}, "info"),
        ({"checks": {"triviality": {}, **SOURCE}}, "not-estimable"),
        ({"checks": SOURCE}, "not-estimable"),
        ({"checks": {"equalized-odds-gap": {}, **SOURCE}}, "not-estimable"),
        ({"checks": SOURCE, "limits": NO_LIMITS}, "not-estimable"),
        ({"checks": {"triviality": {}, **SOURCE}, "limits": {"fpr_gap": None}}, "not-estimable"),
        ({"limits": {"fpr_gap": None, "fnr_gap": 0.05}}, "not-estimable"),
        ({"checks": ["triviality", "equalized-odds-gap"], "limits": {"fnr_gap": None}}, "pass"),
    ],
)
def test_only_a_judged_limit_passes(changes, status):
    result = audit(drawn_scores(ALIKE), spec(**changes))
    assert result.status == status
    assert ("cannot answer the question" in result.verdict) == (status == "not-estimable")
    if status == "pass":
        assert "at most" in result.verdict and "your limit is 5" in result.verdict
        assert any(verdict.status == "pass" for c in result.checks for verdict in c.verdicts)


def test_a_check_without_limits_vetoes():
    always_real = drawn_scores({"a": (400, 0), "b": (400, 0)}, ai=(500, 500))
    for limits in (NO_LIMITS, {"fpr_gap": 0.05}):
        result = audit(always_real, spec(limits=limits))
        assert result.status == "fail"
        assert "tells nothing apart" in result.verdict
    few = audit(drawn_scores({"a": (4, 0), "b": (4, 0)}, ai=(4, 1)), spec(limits=NO_LIMITS))
    assert few.status == "insufficient-evidence"
    assert "Too few images" in few.verdict


def test_reversed_scores_take_the_verdicts_place():
    reversed_scores = drawn_scores({"a": (400, 390), "b": (400, 200)}, ai=(400, 390))
    result = audit(reversed_scores, spec())
    assert check(result, "equalized-odds-gap").status == "fail"
    assert result.verdict.startswith("The scores look reversed: ")
    assert check(result, "triviality").title == "The scores look reversed"


@pytest.mark.parametrize(
    ("checks", "limits", "together", "judged"),
    [
        # No AI face has a tag, so no gap in FNR can be judged, and it costs the others nothing.
        (["equalized-odds-gap"], {}, 6, 3),
        (["equalized-odds-gap"], {"fnr_gap": None}, 3, 3),
        ({"equalized-odds-gap": {}, **SOURCE}, {}, 7, 4),
        ({"equalized-odds-gap": {}, **SOURCE}, {"fpr_gap": None}, 3, 0),
        (SOURCE, {}, 1, 1),
        (SOURCE, {"fnr_gap": None}, 1, 1),
        ({}, {}, 6, 3),
    ],
)
def test_the_verdicts_of_an_audit_share_its_confidence(checks, limits, together, judged):
    # None is decided, so Holm's first step is the last.
    scores = by_dataset({"ffhq": (60, 1), "b": (60, 1)})
    tags = {"attributes": ["group", "dataset"], "intersections": [["group", "dataset"]]}
    result = audit(scores, spec(**tags, checks=checks, limits=limits, confidence=0.9))
    verdicts = [verdict for c in result.checks for verdict in c.verdicts]
    assert len(verdicts) == together
    able = [verdict.confidence for verdict in verdicts if verdict.value is not None]
    assert able == pytest.approx([1 - 0.1 / max(judged, 1)] * judged)


def test_a_gap_that_is_decided_leaves_its_share_to_the_others():
    gaps = {
        "clear": LimitedGap(lambda error: (0.2, 0.4), 0.1),
        "close": LimitedGap(lambda error: (0.0, 0.1 if error > 0.02 else 0.11), 0.1),
        "far": LimitedGap(lambda error: (0.0, 0.5), 0.1),
    }
    assert holm_errors(gaps, 0.05) == pytest.approx(
        {"clear": 0.05 / 3, "close": 0.025, "far": 0.05}
    )
    assert holm_errors({}, 0.05) == {}


def test_a_label_without_images_makes_no_verdict():
    scores = drawn_scores({"a": (50, 5), "b": (50, 5)}, ai=(0, 0))
    gaps = check(audit(scores, spec()), "equalized-odds-gap").verdicts
    assert [(v.rate, v.status, v.confidence) for v in gaps] == [
        ("fpr", "insufficient-evidence", 0.95),
        ("fnr", "not-estimable", 0.95),
    ]


def test_a_verdict_has_the_numbers_of_its_gap():
    scores = drawn_scores({"a": (1000, 10), "b": (1000, 200)})
    (fpr, fnr) = check(audit(scores, spec(limits={"fpr_gap": 0.1})), "equalized-odds-gap").verdicts
    low, high = gap_bounds([10, 200], [1000, 1000], 0.05)
    assert fpr.model_dump() == {
        "tags": ["group"],
        "group": None,
        "classifier": None,
        "rate": "fpr",
        "limit": 0.1,
        "value": pytest.approx(0.19),
        "low": pytest.approx(low),
        "high": pytest.approx(high),
        "worst": None,
        "confidence": 0.95,
        "status": "fail",
    }
    assert (fnr.rate, fnr.limit, fnr.value, fnr.status) == ("fnr", 0.05, None, "not-estimable")
    of_source = {"checks": SOURCE, "limits": {"fpr_gap": 0.1}}
    result = audit(by_dataset({"ffhq": (1000, 10), "b": (1000, 200)}), spec(**of_source))
    (verdict,) = result.checks[0].verdicts
    low, high = difference_interval(10, 1000, 200, 1000, 0.9)
    assert (verdict.tags, verdict.rate, verdict.status) == (["dataset"], "fpr", "pass")
    assert (verdict.value, verdict.low, verdict.high) == pytest.approx((-0.19, low, high))


def test_checks_are_read_by_the_question_that_they_answer():
    result = audit(drawn_scores({"a": (1000, 10), "b": (1000, 300), "c": (9, 1)}), spec())
    parts = [PARTS.index(c.part) for c in result.checks]
    assert parts == sorted(parts) and len(set(parts)) == len(PARTS)
    assert [c.id for c in result.checks[:3]] == [
        "group-error-rates",
        "equalized-odds-gap",
        "intersections",
    ]


def test_findings_are_the_gravest_and_heaviest_of_different_checks():
    def found(sentence, status, check, weight):
        return Finding(sentence=sentence, status=status, check=check, weight=weight)

    result = audit(drawn_scores({"a": (50, 1), "b": (60, 9)}), spec()).checks[0]
    findings = [
        found("light", "info", "x", 5.0),
        found("heavy", "info", "x", 9.0),
        found("fails", "fail", "y", 0.2),
        found("other", "info", "z", 0.5),
    ]
    told = [of.sentence for of in headline([result.model_copy(update={"findings": findings})])]
    assert told == ["fails", "heavy", "other"]


BROKEN = Check(
    id="broken",
    title="Broken",
    description="A check with a fault.",
    run=lambda data, options: Product("info", str(1 // 0)),
)


def test_a_check_that_breaks_off_says_so_in_one_line(monkeypatch):
    fault = replace(BROKEN, run=lambda data, options: ModelInfo(id="x", threshold=7))
    monkeypatch.setattr("faceaudit.runner.all_checks", lambda: {"broken": fault})
    told = "(ValidationError: threshold: Input should be less than or equal to 1)"
    sentence = check(audit(drawn_scores(ALIKE), spec(checks=["broken"])), "broken").sentence
    assert sentence == f"'Broken' broke off {told}, so it answers nothing."


@pytest.mark.parametrize("where", ["run", "judges"])
def test_a_check_that_breaks_off_is_an_error_and_the_others_go_on(monkeypatch, tmp_path, where):
    fault = replace(BROKEN, **{where: BROKEN.run})
    monkeypatch.setattr("faceaudit.runner.all_checks", lambda: {**all_checks(), "broken": fault})
    asked = ["equalized-odds-gap", "broken", "group-error-rates"]
    result = audit(drawn_scores(ALIKE), spec(checks=asked))
    assert check(result, "broken").status == result.status == "error"
    assert "ZeroDivisionError" in check(result, "broken").sentence
    assert "1 // 0" in check(result, "broken").traceback
    assert check(result, "equalized-odds-gap").verdicts
    assert check(result, "group-error-rates").details
    decision = gate(read_result(write_result(tmp_path / "audit.json", result)))
    assert decision.code == 2
    assert any(outcome.status == "error" for outcome in decision.outcomes)


def test_a_failure_is_not_hidden_by_a_check_that_breaks_off(monkeypatch):
    monkeypatch.setattr("faceaudit.runner.all_checks", lambda: {**all_checks(), "broken": BROKEN})
    failing = drawn_scores({"a": (1000, 10), "b": (1000, 300)})
    result = audit(failing, spec(checks=["equalized-odds-gap", "broken"]))
    assert result.status == "fail"
    assert gate(result).code == 2


def test_what_its_user_can_mend_ends_the_audit(monkeypatch):
    def run(data, options):
        raise FaceAuditError("mend the options")

    known = {"broken": replace(BROKEN, run=run)}
    monkeypatch.setattr("faceaudit.runner.all_checks", lambda: known)
    with pytest.raises(FaceAuditError, match="mend the options"):
        audit(drawn_scores(ALIKE), spec(checks=["broken"]))


def test_the_specification_that_was_run_can_be_run_again():
    limits = {"fpr_gap": None, "fnr_gap": 0.1}
    given = spec(limits=limits, rows="label != 'x'", slice="group == 'a'")
    result = audit(drawn_scores(ALIKE), given)
    again = parse_spec(yaml.safe_dump(result.spec, sort_keys=False), "again")
    assert audit(drawn_scores(ALIKE), again).spec == result.spec
    assert again.model_dump(exclude={"attributes"}) == given.model_dump(exclude={"attributes"})


def test_the_chance_of_any_wrong_verdict_is_that_of_the_audit():
    """Two gaps of independent tags lie at their limit, where each verdict would be wrong."""
    limit, n, trials = 0.1, 400, 2000
    given = {"checks": {"equalized-odds-gap": {}, **SOURCE}, "limits": {"fnr_gap": None}}
    alike = by_dataset({"ffhq": (60, 6), "b": (60, 6)})
    result = audit(alike, spec(**given, confidence=0.8))
    # Neither is decided, so each has half of the chance.
    assert {verdict.confidence for c in result.checks for verdict in c.verdicts} == {0.9}
    # Rows are data sets, columns are groups.
    wrong = np.random.default_rng(7).binomial(n, [[0.3, 0.4], [0.2, 0.3]], (trials, 2, 2))
    of = np.array([2 * n, 2 * n])
    (x, y), gaps = wrong.sum(axis=2).T, gap_bounds(wrong.sum(axis=1), of, 0.1)
    low, high = difference_interval(x, 2 * n, y, 2 * n, 0.8)
    for wrongly in ((low > limit) | (gaps[0] > limit), (high <= limit) | (gaps[1] <= limit)):
        assert 0.1 < wrongly.mean() < 0.2 + 3 * np.sqrt(0.2 * 0.8 / trials)


@pytest.mark.parametrize(
    "given",
    [
        "attributes: [gender, gender]",
        "{attributes: [gender], intersections: [[gender, race, gender]]}",
        "{attributes: [gender], intersections: [[gender, race], [race, gender]]}",
    ],
)
def test_nothing_is_asked_twice(given):
    keys = {"name": "s", "title": "S", "question": "Q?", **yaml.safe_load(given)}
    with pytest.raises(FaceAuditError, match=r"twice|each once"):
        parse_spec(yaml.safe_dump(keys), "spec.yaml")


def saved_as(tables, real=400, ai=200, **columns):
    """Scores with a JPEG table for each image, the photographs first."""
    scores = drawn_scores({"a": (real, 5)}, ai=(ai, 5))
    table = scores.table.append_column("jpeg_table", pa.array(tables, pa.string()))
    for name, column in columns.items():
        table = table.append_column(name, pa.array(column))
    return Scores(table, scores.info)


def told_by_files(scores):
    # Where 'delivery-shortcut' runs it has more to say.
    notes = audit(scores, spec(checks=["triviality"])).limitations
    return next((note for note in notes if note.startswith("The JPEG table alone")), None)


def test_files_that_tell_the_label_are_said_with_the_area_under_the_curve():
    rng = np.random.default_rng(1)
    real, ai = (
        rng.choice(["p", "q", "r"], n, p=p)
        for n, p in ((400, [0.7, 0.28, 0.02]), (200, [0.05, 0.6, 0.35]))
    )
    tables = [*real, *ai]
    share = {
        table: float(np.mean(ai == table) / np.mean(np.array(tables) == table)) for table in "pqr"
    }
    auc = roc_auc_score([0] * 400 + [1] * 200, [share[table] for table in tables])
    told = told_by_files(saved_as(tables))
    assert "400 real photographs from 200 AI-generated images" in told
    assert f"AUC {auc:.3f}, where" in told and f"photographs drawn {auc:.3f})" in told


def test_files_that_do_not_tell_the_label_are_no_matter():
    assert told_by_files(drawn_scores({"a": (400, 5)})) is None
    assert told_by_files(saved_as(["q", "p"] * 300)) is None
    assert told_by_files(saved_as([None] * 600)) is None
    assert told_by_files(saved_as(["p"] * 400, ai=0)) is None
    alone = [f"table {i}" for i in range(600)]
    assert told_by_files(saved_as(alone)) is None, "each picture its own table tells nothing"
    # Of a JPEG file without a table it is not known; a file of another type has none.
    kinds = {"format": ["JPEG"] * 400 + ["PNG"] * 200}
    assert "AUC 1.000" in told_by_files(saved_as(["p"] * 400 + [None] * 200, **kinds))
    kinds = {"format": ["JPEG"] * 600}
    assert told_by_files(saved_as(["p"] * 400 + [None] * 200, **kinds)) is None


def test_files_are_told_by_data_set():
    scores = saved_as(["p"] * 300 + ["q"] * 300)
    names = ["first"] * 300 + ["second"] * 100 + ["drawn"] * 200
    table = with_column(scores.table, "dataset", pa.array(names))
    told = told_by_files(Scores(table, scores.info))
    assert "AUC 0.875" in told and "photographs first 1.000; second 0.500)" in told


def test_videos_are_groups_if_asked_for_by_name():
    scores = drawn_scores({"a": (50, 9), "b": (50, 1)}, tag="video")
    rates = check(audit(scores, spec(attributes=["video"])), "group-error-rates")
    assert rates.details and rates.details[0].tag_source == "drawn by the test"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "cluster: persom",
            "cluster: the scores have no column 'persom' that is a tag; they have group",
        ),
        ("cluster: label", "cluster: the scores have no column 'label' that is a tag"),
        ("tag_error: {gendr: 0.1}", "tag_error: the scores have no column 'gendr'"),
        ("tag_error: {group: second}", "tag_error: group: the scores have no column 'second'"),
        ("tag_error: {group: group}", "tag_error: group: that is the tag itself"),
        ("tag_error: {group: {a: 0.1}}", "t: tag_error: group: nothing is said of 'b'"),
        ("tag_error: {group: 0.7}", "tag_error: group: 0.7 is not a share from 0 to 0.5"),
        ("tag_error: {group: {a: 2}}", "tag_error: group: a: 2 is not a share from 0 to 1"),
        (
            "tag_error: {group: {a: {a: 0.5}}}",
            "group: a: the shares of who they truly are sum to 1",
        ),
        ("assume_missing: yes", "assume_missing: Input should be 'worst' or 'random'"),
    ],
)
def test_what_is_said_wrongly_of_the_unknown_is_one_line(given, said):
    with pytest.raises(FaceAuditError, match=re.escape(said)) as refused:
        text = f"{{name: t, title: T, question: Q, attributes: [group], {given}}}"
        audit(drawn_scores(ALIKE), parse_spec(text, "spec"))
    assert "\n" not in str(refused.value)
