"""The gate: what it judges, its exit codes, and the ratchet."""

import json
import re
import xml.etree.ElementTree as ET
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from faceaudit.decision import FAILED, PASSED, UNDECIDED, Decision, Outcome, gate, read_judged
from faceaudit.errors import FaceAuditError
from faceaudit.report.junit import write_junit
from faceaudit.report.markdown import decision_to_markdown
from faceaudit.result import write_result
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ModelInfo, ScoresInfo
from faceaudit.spec import Spec
from faceaudit.tables import Scores

GIVEN = {
    "name": "t",
    "title": "T",
    "question": "?",
    "attributes": ["gender", "glasses"],
    "checks": ["triviality", "equalized-odds-gap"],
    "limits": {"fpr_gap": 0.05, "fnr_gap": 0.05},
}
#: Share of wrong calls on (female, male) × (none, glasses).
FAIR = ((0.02, 0.02), (0.02, 0.02))
BY_GENDER = ((0.02, 0.02), (0.2, 0.2))
BY_BOTH = ((0.02, 0.3), (0.2, 0.48))


def result(real=FAIR, ai=FAIR, n=1000, own=0.5, model="drawn", sha256=None, **changes):
    """Audit `n` images of each label in every cell, with the given shares of errors."""
    columns = {name: [] for name in ("image", "label", "p_ai", "gender", "glasses")}
    for label, (i, gender), (j, glasses) in product(
        ("real", "ai"), enumerate(["female", "male"]), enumerate(["none", "glasses"])
    ):
        size = n if real is not None or label == "ai" else 0
        wrong = round(size * (ai if label == "ai" else real)[i][j])
        called_ai = [True] * wrong + [False] * (size - wrong)
        scores = np.where(called_ai, 0.9, 0.1)
        columns["p_ai"] += (1 - scores if label == "ai" else scores).tolist()
        columns["image"] += [f"{label}/{gender}/{glasses}/{k}" for k in range(size)]
        for name, value in (("label", label), ("gender", gender), ("glasses", glasses)):
            columns[name] += [value] * size
    rows = len(columns["image"])
    table = pa.table(
        columns
        | {
            "p_ai": np.array(columns["p_ai"], np.float32),
            "dataset": ["drawn"] * rows,
            "status": ["ok"] * rows,
        }
    )
    info = ScoresInfo(
        datasets={"drawn": DatasetInfo(indexed=rows)},
        tag_sources={tag: {"drawn": "the test"} for tag in ("gender", "glasses")},
        model=ModelInfo(id=model, sha256=sha256, threshold=own),
    )
    return audit(Scores(table, info), Spec.model_validate(GIVEN | changes))


def told(decision):
    return {
        (outcome.check, outcome.name): (outcome.status, outcome.code, outcome.remark)
        for outcome in decision.outcomes
    }


def test_codes():
    assert gate(result()).code == PASSED == 0
    assert gate(result(BY_GENDER)).code == FAILED == 1
    assert gate(result(n=30)).code == UNDECIDED == 3
    # A failure is one beside whatever is undecided, too.
    both = result(BY_GENDER, ai=((0.02, 0.02), (0.06, 0.06)))
    assert {verdict.status for c in both.checks for verdict in c.verdicts} == {
        "fail",
        "pass",
        "insufficient-evidence",
    }
    assert gate(both).code == FAILED


def test_it_says_what_it_judged():
    outcomes = gate(result(BY_GENDER, attributes=["gender"])).outcomes
    assert [(o.check, o.name, o.status, o.code) for o in outcomes] == [
        ("equalized-odds-gap", "gender, FPR", "fail", FAILED),
        ("equalized-odds-gap", "gender, FNR", "pass", PASSED),
        ("triviality", "The classifier beside guessing", "pass", PASSED),
    ]
    assert outcomes[0].found.startswith("18.0 points (15.8 ")
    assert outcomes[0].found.endswith(" points); limit 5.0 points")
    assert {outcome.baseline for outcome in outcomes} == {None}
    assert {outcome.remark for outcome in outcomes} == {""}


@pytest.mark.parametrize(
    "changes",
    [
        {"checks": ["top-losses"]},
        {"checks": ["triviality"]},
        {"checks": ["triviality", "group-error-rates"], "limits": {}},
        {"limits": {"fpr_gap": None, "fnr_gap": None}},
        {"checks": ["triviality", {"generator-source": {"dataset": "ffhq"}}]},
        {"checks": ["equalized-odds-gap", {"generator-source": {"dataset": "ffhq"}}]},
    ],
)
def test_what_was_not_judged_does_not_pass(changes, tmp_path):
    """Neither is the audit a pass, nor the gate, nor its JUnit."""
    found = result(**changes)
    decision = gate(found)
    assert found.status not in ("pass", "fail")
    assert decision.code == UNDECIDED
    assert {outcome.code for outcome in decision.outcomes} >= {UNDECIDED}
    suite = ET.parse(write_junit(found, tmp_path / "junit.xml", decision.outcomes)).getroot()
    assert int(suite.get("errors")) > 0
    assert int(suite.get("failures")) == 0


def test_one_gap_that_cannot_be_estimated_does_not_keep_the_others_from_passing():
    found = result(ai=((0.02, 0.02), (0.02, 0.02)), attributes=["gender"], rows="label == 'real'")
    assert gate(found).code == UNDECIDED  # without an AI-generated image nothing passes
    only = result(attributes=["gender"], rows="label == 'real' or gender == 'male'")
    assert told(gate(only))["equalized-odds-gap", "gender, FNR"] == ("not-estimable", None, "")
    assert gate(only).code == PASSED


@pytest.mark.parametrize("real", [FAIR, BY_GENDER, ((0.5, 0.5), (0.5, 0.5))])
@pytest.mark.parametrize("n", [0, 5, 30, 1000])
@pytest.mark.parametrize("limits", [{}, {"fpr_gap": None}, {"fpr_gap": None, "fnr_gap": None}])
def test_the_gate_agrees_with_the_status_of_the_audit(real, n, limits, tmp_path):
    ai = FAIR if real != ((0.5, 0.5), (0.5, 0.5)) else real
    found = result(real, ai, n=n or 8, limits=limits, rows="label == 'real'" if n == 0 else None)
    decision = gate(found)
    assert decision.code == {"pass": PASSED, "fail": FAILED}.get(found.status, UNDECIDED)
    assert decision.code in {outcome.code for outcome in decision.outcomes}


# --- the ratchet ---------------------------------------------------------------------------


def test_what_failed_before_does_not_fail_again():
    found = result(BY_GENDER)
    decision = gate(found, baseline=found)
    assert decision.code == PASSED
    assert told(decision)["equalized-odds-gap", "gender, FPR"] == (
        "fail",
        PASSED,
        "failed in the baseline too",
    )
    assert decision.notes == []
    assert {o.baseline for o in decision.outcomes if o.status == "fail"} == {"fail"}


def test_a_gap_of_another_tag_is_a_new_failure():
    decision = gate(result(BY_BOTH), baseline=result(BY_GENDER))
    assert decision.code == FAILED
    assert told(decision)["equalized-odds-gap", "glasses, FPR"] == ("fail", FAILED, "new failure")
    assert told(decision)["equalized-odds-gap", "gender, FPR"][1] == PASSED


def test_a_gap_of_the_other_rate_is_a_new_failure():
    decision = gate(result(BY_GENDER, ai=BY_GENDER), baseline=result(BY_GENDER))
    assert decision.code == FAILED
    assert told(decision)["equalized-odds-gap", "gender, FNR"] == ("fail", FAILED, "new failure")
    assert told(decision)["equalized-odds-gap", "gender, FPR"][1] == PASSED


def test_the_check_is_part_of_what_failed():
    spec = {"attributes": ["dataset"], "checks": ["equalized-odds-gap"]}
    both = spec | {"checks": ["equalized-odds-gap", {"generator-source": {"dataset": "b"}}]}
    found = result(BY_GENDER, **both | {"attributes": ["gender"]})
    gender = next(c for c in found.checks if c.id == "equalized-odds-gap").verdicts[0]
    source = next(c for c in found.checks if c.id == "generator-source")
    # As if the same tag and rate failed in one check before, and in another now.
    source.verdicts, source.status = [gender], "fail"
    before = found.model_copy(
        update={"checks": [c for c in found.checks if c.id != "generator-source"]}
    )
    decision = gate(found, baseline=before)
    assert told(decision)["generator-source", "gender, FPR"][2] == "new failure"
    assert told(decision)["equalized-odds-gap", "gender, FPR"][1] == PASSED


def test_a_combination_is_the_same_whatever_the_order_of_its_tags():
    one = result(BY_GENDER, intersections=[["gender", "glasses"]])
    other = result(
        BY_GENDER, intersections=[["glasses", "gender"]], attributes=["glasses", "gender"]
    )
    assert gate(other, baseline=one).code == PASSED
    assert gate(one, baseline=other).notes == []


def test_an_undecided_gap_that_now_fails_is_new():
    before = result(((0.02, 0.02), (0.08, 0.08)), attributes=["gender"], n=100)
    assert told(gate(before))["equalized-odds-gap", "gender, FPR"][0] == "insufficient-evidence"
    decision = gate(result(BY_GENDER, attributes=["gender"]), baseline=before)
    assert decision.code == FAILED
    assert told(decision)["equalized-odds-gap", "gender, FPR"][2] == "new failure"


@pytest.mark.parametrize("before", [FAIR, BY_GENDER])
def test_what_is_now_undecided_is_undecided(before):
    decision = gate(result(n=40), baseline=result(before))
    assert decision.code == UNDECIDED
    assert decision.outcomes[0].baseline in ("pass", "fail")


def test_a_failure_that_gets_worse_by_more_than_chance_fails_again():
    before = result(((0.02, 0.02), (0.1, 0.1)))
    slightly = gate(result(((0.02, 0.02), (0.11, 0.11))), baseline=before)
    assert slightly.code == PASSED
    decision = gate(result(BY_GENDER), baseline=before)
    assert decision.code == FAILED
    remark = told(decision)["equalized-odds-gap", "gender, FPR"][2]
    assert remark.startswith("worse than in the baseline: 8.0 points (")


def test_a_check_without_limits_is_held_finding_by_finding():
    coin, backwards = ((0.5, 0.5), (0.5, 0.5)), ((0.9, 0.9), (0.9, 0.9))
    guessing, reversed_scores = result(coin, coin), result(backwards, backwards)
    assert gate(guessing, baseline=result()).code == FAILED
    # Nothing passes beside a guess, so the gaps stay undecided.
    assert gate(guessing, baseline=guessing).code == UNDECIDED
    decision = gate(reversed_scores, baseline=guessing)
    assert told(decision)["triviality", "The scores look reversed"] == (
        "fail",
        FAILED,
        "new failure",
    )


@pytest.mark.parametrize("real", [FAIR, BY_GENDER])
def test_what_can_no_longer_be_judged_is_said_and_is_no_pass(real):
    before = result(real, attributes=["gender"])
    # No AI-generated face of the women: a gap of which nothing can be said.
    after = result(attributes=["gender"], ai=FAIR)
    gone = after.model_copy(deep=True)
    check = next(c for c in gone.checks if c.verdicts)
    check.verdicts[0] = check.verdicts[0].model_copy(
        update={"status": "not-estimable", "value": None, "low": None, "high": None}
    )
    decision = gate(gone, baseline=before)
    assert decision.code == UNDECIDED
    assert told(decision)["equalized-odds-gap", "gender, FPR"] == (
        "not-estimable",
        UNDECIDED,
        "judged in the baseline, not judged here",
    )
    # Nor does it count as judged if the check is gone.
    gone.checks = [c for c in gone.checks if c is check]
    assert told(gate(gone, baseline=before))["triviality", "The classifier beside guessing"] == (
        "not-estimable",
        UNDECIDED,
        "judged in the baseline, not judged here",
    )
    assert gate(after, baseline=gone).code == PASSED


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({}, {"limits": {"fpr_gap": 0.1}}, "limits.fpr_gap: 0.05 → 0.1 (looser)"),
        ({}, {"limits": {"fnr_gap": None}}, "limits.fnr_gap: 0.05 → null (looser)"),
        ({}, {"attributes": ["gender"]}, 'attributes: ["gender", "glasses"] → ["gender"]'),
        ({"attributes": ["gender"]}, {}, 'attributes: ["gender"] → ["gender", "glasses"]'),
        ({}, {"intersections": [["gender", "glasses"]]}, 'intersections: [] → [["gender", "gla'),
        ({}, {"confidence": 0.8}, "confidence: 0.95 → 0.8"),
        ({}, {"small_group": 500}, "small_group: 30 → 500"),
        ({}, {"rows": "glasses == 'none'"}, "rows: null → \"glasses == 'none'\""),
        ({}, {"slice": "gender == 'male'"}, "slice: null → \"gender == 'male'\""),
        ({}, {"include_training": True}, "include_training: false → true"),
        ({}, {"checks": ["equalized-odds-gap"]}, 'checks: {"triviality": {}, "equalized-odds-gap"'),
        ({}, {"name": "other"}, 'name: "t" → "other"'),
        (
            {},
            {"threshold": 0.3},
            "threshold: 0.5 (0.5 by convention) → 0.3 (chosen for this audit)",
        ),
        ({}, {"threshold": 0.05}, "threshold: 0.5 ("),
    ],
)
def test_a_baseline_that_was_audited_otherwise_is_refused_by_name(before, now, said):
    old, new = result(**before), result(**now)
    with pytest.raises(FaceAuditError, match="--accept-changes") as refused:
        gate(new, baseline=old)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    decision = gate(new, baseline=old, accept_changes=True)
    assert any(said in note for note in decision.notes)


def test_every_key_of_a_specification_is_held():
    """A key that is added must be compared, or be added here with its reason."""
    words = {"title", "question", "rate", "no_worse_by"}  # no audit has a margin
    compared = {"limits", "threshold"}  # by whether it is looser, and as it was in force
    for key in Spec.model_fields.keys() - words - compared:
        old = result()
        new = old.model_copy(update={"spec": old.spec | {key: _another(key, old.spec[key])}})
        with pytest.raises(FaceAuditError, match=f"otherwise: {key}: "):
            gate(new, baseline=old)


def test_a_population_of_several_rows_is_compared_in_any_order():
    rows = [{"gender": "f", "share": 0.5}, {"gender": "m", "share": 0.5}]
    old = result()
    old = old.model_copy(update={"spec": old.spec | {"population": rows}})
    again = old.model_copy(update={"spec": old.spec | {"population": rows[::-1]}})
    assert gate(again, baseline=old).code == gate(old).code
    with pytest.raises(FaceAuditError, match="otherwise: population: "):
        gate(result(), baseline=old)


def _another(key, value):
    of_key = {
        "assume_missing": "random",
        "intersections": [["x", "y"]],
        "population": [{"gender": "f", "share": 1}],
        "tag_error": {"gender": 0.1},
        "unsure": [0.4, 0.6],
    }
    of_type = {
        str: lambda: value + "x",
        bool: lambda: not value,
        int: lambda: value + 1,
        float: lambda: value - 0.01,
        list: lambda: [*value, "x"],
        dict: lambda: value | {"power": {}},
        type(None): lambda: "x == 'y'",
    }
    return of_key[key] if key in of_key else of_type[type(value)]()


@pytest.mark.parametrize(
    "changes",
    [
        {"limits": {"fpr_gap": 0.04, "fnr_gap": 0.05}},
        {"title": "Other", "question": "Why?"},
        {"attributes": ["glasses", "gender"]},
        {"threshold": 0.5},
    ],
)
def test_what_asks_the_same_or_more_is_no_change(changes):
    decision = gate(result(**changes), baseline=result())
    assert decision.code == PASSED
    assert decision.notes == []


def test_a_limit_that_neither_sets_is_no_change():
    found = result(limits={"fnr_gap": None})
    assert gate(found, baseline=found).notes == []


def test_a_stricter_limit_fails_what_passed():
    real = ((0.02, 0.02), (0.045, 0.045))
    before = result(real)
    assert gate(before).code == PASSED
    strict = result(real, limits={"fpr_gap": 0.01})
    assert told(gate(strict, baseline=before))["equalized-odds-gap", "gender, FPR"] == (
        "fail",
        FAILED,
        "new failure",
    )
    loose = result(real, limits={"fpr_gap": None})
    assert gate(before, baseline=loose).code == PASSED


def test_accepted_changes_leave_out_what_they_say():
    decision = gate(result(attributes=["gender"]), baseline=result(BY_BOTH), accept_changes=True)
    assert told(decision)["equalized-odds-gap", "glasses, FPR"] == (
        "not-estimable",
        None,
        "judged in the baseline, not judged here",
    )
    assert decision.code == PASSED


def test_what_was_not_judged_before_either_is_not_missed():
    before = result()
    gaps = next(c for c in before.checks if c.verdicts).verdicts
    gaps[0] = gaps[0].model_copy(update={"status": "not-estimable"})
    decision = gate(result(attributes=["glasses"]), baseline=before, accept_changes=True)
    assert ("equalized-odds-gap", "gender, FPR") not in told(decision)
    assert ("equalized-odds-gap", "gender, FNR") in told(decision)


def test_another_classifier_and_other_images_are_said_and_no_change():
    old, new = result(model="a", sha256="1"), result(model="b", sha256="2", n=1200)
    decision = gate(new, baseline=old)
    assert decision.code == PASSED
    assert decision.notes == [
        "classifier: a → b",
        "images: 4,000 real photographs and 4,000 AI-generated of drawn → "
        "4,800 real photographs and 4,800 AI-generated of drawn",
    ]
    # Its own threshold, found in the same way, is no change either; a moved one is.
    moved = gate(result(sha256="2", own=0.4), baseline=result(sha256="1"))
    assert moved.code == PASSED
    assert "threshold: 0.5 (0.5 by convention) → 0.4 (0.5 by convention)" in moved.notes[0]
    with pytest.raises(FaceAuditError, match=r"otherwise: threshold: 0\.5 .* → 0\.4"):
        gate(result(sha256="1", own=0.4), baseline=result(sha256="1"))
    with pytest.raises(FaceAuditError, match=r"otherwise: threshold: 0\.5 .* → 0\.4"):
        gate(result(sha256="2", threshold=0.4), baseline=result(sha256="1", threshold=0.5))
    by_hand = result(sha256="2", own=0.4)
    by_hand.scores[0].threshold_rule = "by hand"
    with pytest.raises(FaceAuditError, match=r"otherwise: threshold: 0\.5 .* → 0\.4 \(by hand\)"):
        gate(by_hand, baseline=result(sha256="1"))


# --- what is read and written --------------------------------------------------------------


def test_only_what_records_its_verdicts_is_read(tmp_path):
    path = write_result(tmp_path / "a.json", result(n=9))
    assert read_judged(path).kind == "audit"
    write_result(path, result(n=9).model_copy(update={"kind": "study"}))
    with pytest.raises(FaceAuditError, match=r"a\.json: of kind 'study', which judges no limit"):
        read_judged(path)
    write_result(path, result(n=9).model_copy(update={"result_version": 1}))
    with pytest.raises(FaceAuditError, match=r"a\.json: .*audit the scores again"):
        read_judged(path)


def test_the_command(tmp_path):
    old = str(write_result(tmp_path / "old.json", result(BY_GENDER)))
    new = str(write_result(tmp_path / "new.json", result(BY_BOTH, confidence=0.9)))

    def run(*arguments):
        done = CliRunner().invoke(main, ["gate", *arguments])
        return done.exit_code, " ".join(done.output.split())

    assert run(old)[0] == FAILED
    code, output = run(old, "--baseline", old)
    assert code == PASSED
    assert "equalized-odds-gap Fail gender, FPR 18.0 points (" in output
    assert "limit 5.0 points (before: Fail; failed in the baseline too)" in output
    assert run(new, "--baseline", old)[0] == 2
    code, output = run(new, "--baseline", old, "--accept-changes", "--junit", f"{tmp_path}/j.xml")
    assert code == FAILED
    assert "other than the baseline: confidence: 0.95 → 0.9" in output
    assert 'failures="1"' in (tmp_path / "j.xml").read_text("utf-8")


def test_junit_fails_on_what_makes_the_gate_fail(tmp_path):
    def cases(decision):
        suite = ET.parse(write_junit(found, tmp_path / "junit.xml", decision.outcomes)).getroot()
        children = {case.get("name"): [child.tag for child in case] for case in suite}
        for kind in ("failure", "error", "skipped"):
            total = suite.get(kind if kind == "skipped" else kind + "s")
            assert int(total) == sum(tags == [kind] for tags in children.values())
        assert int(suite.get("tests")) == len(children)
        return children

    found = result(BY_BOTH)
    assert cases(gate(found)) == {
        "gender, FPR": ["failure"],
        "gender, FNR": [],
        "glasses, FPR": ["failure"],
        "glasses, FNR": [],
        "The classifier beside guessing": [],
    }
    beside = cases(gate(found, baseline=result(BY_GENDER)))
    assert (beside["gender, FPR"], beside["glasses, FPR"]) == (["skipped"], ["failure"])
    text = (tmp_path / "junit.xml").read_text("utf-8")
    assert 'message="new failure: 28.0 points (' in text
    assert 'message="failed in the baseline too: 18.0 points (' in text
    found = result(n=40)
    assert cases(gate(found, baseline=result()))["gender, FPR"] == ["error"]


def test_markdown_has_what_was_judged():
    found = result(BY_BOTH)
    text = decision_to_markdown(found, gate(found, baseline=result(BY_GENDER)))
    assert text.startswith("**Failed \\(exit 1\\)\\: glasses, FPR.** ")
    (line,) = [line for line in text.splitlines() if line.startswith("| Fail | glasses, FPR")]
    assert line.startswith("| Fail | glasses, FPR | 28.0 points \\(")
    assert line.endswith("| before\\: Pass; new failure |")
    # What passes is folded.
    assert text.index("| Pass | gender, FNR") > text.index("<details>") > text.index(line)


def test_words_for_missing_that_the_command_was_given_are_part_of_the_question(tmp_path):
    rows = [
        f"{n},{'ai' if n % 2 else 'real'},{n % 2},{'no' if n % 3 else 'yes'}" for n in range(90)
    ]
    (tmp_path / "s.csv").write_text("image,label,p_ai,tag\n" + "\n".join(rows))
    (tmp_path / "spec.yaml").write_text("{name: s, title: s, question: s, attributes: [tag]}")
    call = ["audit", f"{tmp_path}/s.csv", "--spec", f"{tmp_path}/spec.yaml"]
    CliRunner().invoke(main, [*call, "-o", f"{tmp_path}/old"])
    CliRunner().invoke(main, [*call, "-o", f"{tmp_path}/new", "--missing", "yes"])
    old, new = f"{tmp_path}/old/audit.json", f"{tmp_path}/new/audit.json"
    done = CliRunner().invoke(main, ["gate", new, "--baseline", old])
    assert done.exit_code == 2
    assert 'missing: [] → ["yes"]' in done.stderr


# --- what insufficient evidence counts as ---------------------------------------------------


@pytest.mark.parametrize(
    ("undecided", "code", "remark", "element"),
    [
        ("3", UNDECIDED, "", "error"),
        ("pass", PASSED, "undecided, taken for a pass", "skipped"),
        ("fail", FAILED, "undecided, taken for a failure", "failure"),
    ],
)
def test_insufficient_evidence_counts_as_one_says_and_is_still_called_so(
    undecided, code, remark, element, tmp_path
):
    found = result(n=30)
    decision = gate(found, undecided=undecided)
    assert decision.code == code
    open_ = [of for of in decision.outcomes if of.status == "insufficient-evidence"]
    assert {(of.code, of.remark) for of in open_} == {(code, remark)}
    cases = ET.parse(write_junit(found, tmp_path / "j.xml", decision.outcomes)).getroot()
    assert len(cases.findall(f".//{element}[@type='insufficient-evidence']")) == len(open_)
    assert "| Not enough evidence | gender, FPR" in decision_to_markdown(found, decision)


@pytest.mark.parametrize("undecided", ["pass", "fail"])
def test_that_nothing_was_judged_never_passes(undecided):
    found = result(limits={"fpr_gap": None, "fnr_gap": None})
    assert gate(found, undecided=undecided).code == UNDECIDED
    # Neither does what the baseline judged and this does not.
    before, now = result(), result()
    for check in now.checks:
        check.verdicts = [gap for gap in check.verdicts if gap.tags != ["glasses"]]
    assert gate(now, before, undecided=undecided).code == UNDECIDED


def test_a_failure_is_one_whatever_is_undecided():
    both = result(BY_GENDER, ai=((0.02, 0.02), (0.06, 0.06)))
    decision = gate(both, undecided="pass")
    assert decision.code == FAILED
    assert decision.verdict == "Failed (exit 1): gender, FPR."
    assert gate(both).verdict == "Failed (exit 1): gender, FPR; 1 undecided."


def test_markdown_is_escaped_and_long_tables_are_cut():
    name = "<img src=x>|a\n# head [x](javascript:1) @team </details>"
    outcomes = [Outcome("c", f"{name} {i}", "fail", name, FAILED) for i in range(40)]
    open_ = Outcome("c", "open", "insufficient-evidence", "", UNDECIDED)
    text = decision_to_markdown(result(n=9), Decision(FAILED, [open_, *outcomes], [name]))
    rows = [line for line in text.splitlines() if line.startswith("| Fail |")]
    assert len(rows) == 30
    assert "More rows in the HTML report: 11." in text
    assert not re.search(r"<img|(?<!\\)@team|(?<!\\)\[x\]|^# head", text, re.M)
    assert text.count("</details>") == text.count("<details>") == 1
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)


def test_a_comparison_without_a_margin_is_undecided_and_one_has_no_baseline(tmp_path):
    drawn = result()
    compared = drawn.model_copy(update={"kind": "compare", "checks": [], "spec": {}})
    decision = gate(compared, undecided="pass")
    assert decision.code == UNDECIDED
    assert [of.found for of in decision.outcomes] == [
        "No margin was set: compare with --no-worse-by 0.02, or say no_worse_by."
    ]
    for one, other in ((compared, drawn), (drawn, compared), (compared, compared)):
        with pytest.raises(FaceAuditError, match="a comparison has its baseline, the first class"):
            gate(one, other)
    file = str(write_result(tmp_path / "compare.json", compared))
    done = CliRunner().invoke(main, ["gate", file, "--github", "--json"])
    assert done.exit_code == 2 and "give one of them" in done.output
    done = CliRunner().invoke(main, ["gate", file, "--github"])
    assert done.exit_code == 3
    assert done.output == (
        "::warning title=faceaudit%3A limits::Not estimable: No margin was set: compare with "
        "--no-worse-by 0.02, or say no_worse_by.\n"
    )


def _edited(path, change):
    made = json.loads(path.read_text())
    for check in made["checks"]:
        if check["verdicts"]:
            change(check)
    path.write_text(json.dumps(made))


@pytest.mark.parametrize(
    ("real", "change", "said"),
    [
        (BY_GENDER, lambda of: [gap.update(status="pass") for gap in of["verdicts"]], "changed"),
        (FAIR, lambda of: [gap.update(status="fail") for gap in of["verdicts"]], "changed"),
        (FAIR, lambda of: [gap.update(worst=0.5) for gap in of["verdicts"]], "changed"),
        (BY_GENDER, lambda of: of.update(status="pass"), "changed"),
        (BY_GENDER, lambda of: [gap.update(limit=2) for gap in of["verdicts"]], "limit"),
    ],
)
def test_a_result_whose_verdicts_its_numbers_do_not_bear_out_is_refused(
    real, change, said, tmp_path
):
    path = write_result(tmp_path / "audit.json", result(real))
    assert CliRunner().invoke(main, ["gate", str(path)]).exit_code != 2
    _edited(path, change)
    for given in (["gate", str(path)], ["gate", str(path), "--baseline", str(path)]):
        run = CliRunner().invoke(main, given)
        assert run.exit_code == 2
        assert said in run.output
        assert str(path) in run.output


@pytest.mark.parametrize("option", ["--junit", "--markdown"])
def test_a_folder_where_a_file_is_to_be_written_is_refused(option, tmp_path):
    path = write_result(tmp_path / "audit.json", result())
    (folder := tmp_path / "folder").mkdir()
    run = CliRunner().invoke(main, ["gate", str(path), option, str(folder)])
    assert run.exit_code == 2
    assert f"{folder}: a folder" in run.output
    written = CliRunner().invoke(main, ["report", str(path), "-o", str(folder)])
    assert (written.exit_code, f"{folder}: a folder" in written.output) == (2, True)
    assert {of.name for of in tmp_path.rglob("*")} == {"audit.json", "folder"}
