"""Whether one classifier may replace another: limits of comparisons, and what the gate says."""

import pyarrow as pa
import pytest

from faceaudit.checks.parts.sentences import MOST_WORDS, words
from faceaudit.comparison.runner import compare
from faceaudit.decision import FAILED, PASSED, UNDECIDED, gate
from faceaudit.errors import FaceAuditError
from faceaudit.report.html import render_html
from faceaudit.spec import parse_spec
from faceaudit.tables import Scores
from tests.test_compare import pair_of, rescored, unscored, with_column

#: Real photographs by group as (n, the first's errors, the second's).
SAME = {"a": (900, 20, 20), "b": (900, 30, 30), "c": (900, 25, 25), "d": (20, 1, 1)}
#: One group gets worse by 8 points, the others better: all images are as they were.
ONE_WORSE = {"a": (900, 56, 20), "b": (900, 10, 82), "c": (900, 56, 20), "d": (20, 1, 1)}
AI = ((2_000, 60), (2_000, 60))


def judged(groups, margin=0.04, ai=AI, **changes):
    first, second, spec = pair_of(groups, ai)
    spec = spec.model_copy(update={"no_worse_by": {"fpr": margin, "fnr": margin}} | changes)
    return compare([first, second], spec, names=("old", "new"))


def verdicts(result):
    return {(gap.group, gap.rate): gap.status for check in result.checks for gap in check.verdicts}


def test_alike_classifiers_pass_in_every_group():
    result = judged(SAME)
    assert result.status == "pass"
    assert verdicts(result) == dict.fromkeys(
        [("all images", "fpr"), ("all images", "fnr"), *((group, "fpr") for group in "abc")], "pass"
    )
    assert result.verdict.startswith("new is no more than 4 points worse than old in every group")
    assert gate(result).code == PASSED


def test_a_regression_of_one_group_alone_is_found_and_nobody_else_is_blamed():
    result = judged(ONE_WORSE)
    assert sum(n for n, _, _ in ONE_WORSE.values()) == 2_720
    assert sum(a - b for _, a, b in ONE_WORSE.values()) == 0
    found = verdicts(result)
    assert found.pop(("b", "fpr")) == "fail"
    assert set(found.values()) == {"pass"}
    assert result.status == "fail"
    assert "worse than old for group 'b' (real photographs called AI-gen" in result.verdict
    assert result.verdict.endswith("; your margin is 4 points.")
    decision = gate(result)
    assert decision.code == FAILED
    assert decision.verdict == "Failed (exit 1): group 'b', FPR."


def test_too_few_images_settle_nothing_and_it_is_said_how_many_would():
    few = {"a": (60, 2, 2), "b": (60, 3, 3)}
    result = judged(few)
    assert result.status == "insufficient-evidence"
    assert gate(result).code == UNDECIDED
    open_ = {of.groups[0].group[0]: of for c in result.checks for of in c.findings if of.needed}
    needed = open_["a"].needed
    assert 60 < needed < 1_000
    assert f"about {needed:,} such images would settle it" in open_["a"].sentence
    assert result.verdict.startswith("Not settled for group 'b' and ")
    # So many do, with the same shares of errors.
    scale = 2 * needed // 60
    assert judged({group: tuple(scale * n for n in of) for group, of in few.items()}).status == (
        "pass"
    )


def test_small_groups_are_shown_and_decide_nothing():
    result = judged({"a": (900, 20, 20), "d": (29, 0, 29)}, margin=0.05)
    assert result.status == "pass"
    check = next(check for check in result.checks if check.id == "non-inferiority")
    assert check.sentence.endswith(" 1 group with fewer than 30 images decides nothing.")
    rows = {row.group: row for of in check.details if of.kind == "forest" for row in of.rows}
    assert (rows["group 'd'"].note, rows["group 'd'"].status) == ("small", None)
    assert rows["group 'd'"].value == 1
    assert judged({"a": (900, 20, 20), "d": (30, 0, 29)}, margin=0.05).status == "fail"


@pytest.mark.parametrize("ai", [2_000, 0])
def test_what_may_be_guessing_never_passes(ai):
    """Neither a classifier that calls all real, nor one of which no AI image shows what it is."""
    first, _, spec = pair_of(SAME, ((ai, 0), (ai, 0)))
    real = rescored(first, [0.1] * len(first.table))
    result = compare([real, real], spec, names=("old", "new"), no_worse_by=0.04)
    assert set(verdicts(result).values()) == {"insufficient-evidence"}
    assert result.verdict == (
        "Nothing is settled: new is not shown to do better than guessing, so nothing passes."
    )


def test_who_skips_its_own_errors_does_not_pass():
    spec = pair_of(SAME)[2].model_copy(update={"no_worse_by": {"fpr": 0.04}})
    for wrong, skips, status in (
        (20, range(0), "pass"),
        (100, range(20, 100), "insufficient-evidence"),
        (150, range(0), "fail"),
        # It fails if it were right on all that it skips.
        (150, range(20, 40), "fail"),
    ):
        first, second, _ = pair_of(SAME | {"a": (900, 20, wrong)}, AI)
        second = unscored(second, skips)
        found = verdicts(compare([first, second], spec))
        assert (found["a", "fpr"], found["b", "fpr"]) == (status, "pass")
        taken = spec.model_copy(update={"assume_missing": "random"})
        assert verdicts(compare([first, second], taken))["a", "fpr"] == (
            "pass" if len(skips) == 80 else status
        )


def test_who_is_not_shown_to_be_worse_of_all_does_not_fail():
    """On what it skips the second may be right and the first was wrong."""
    first, second, spec = pair_of({"a": (900, 60, 110), "b": (900, 20, 20)}, AI)
    spec = spec.model_copy(update={"no_worse_by": {"fpr": 0.04}})
    assert verdicts(compare([first, unscored(second, range(60))], spec))["a", "fpr"] != "fail"
    taken = spec.model_copy(update={"assume_missing": "random"})
    assert verdicts(compare([first, unscored(second, range(60))], taken))["a", "fpr"] == "fail"


def test_images_without_a_tag_could_be_of_any_group():
    first, second, spec = pair_of(SAME | {"x": (100, 0, 60)}, AI)
    spec = spec.model_copy(update={"no_worse_by": {"fpr": 0.05}})
    tags = [None if of == "x" else of for of in first.table["group"].to_pylist()]
    first, second = (with_column(of, "group", tags) for of in (first, second))
    found = verdicts(compare([first, second], spec))
    assert {found[group, "fpr"] for group in "abc"} == {"insufficient-evidence"}
    taken = spec.model_copy(update={"assume_missing": "random"})
    assert {verdicts(compare([first, second], taken))[group, "fpr"] for group in "abc"} == {"pass"}


def test_pictures_of_one_person_settle_less():
    first, second, spec = pair_of({"a": (900, 20, 20), "b": (900, 20, 20)}, AI)
    spec = spec.model_copy(update={"no_worse_by": {"fpr": 0.03}})
    assert compare([first, second], spec).status == "pass"
    copied = [
        Scores(
            pa.concat_tables([of.table] * 5)
            .set_column(0, "image", pa.array([f"{i}.jpg" for i in range(5 * len(of.table))]))
            .append_column("person", pa.array([str(i) for i in range(len(of.table))] * 5)),
            of.info,
        )
        for of in (first, second)
    ]
    gaps = {
        people: next(
            gap.high - gap.value
            for check in compare(copied, spec.model_copy(update={"cluster": people})).checks
            for gap in check.verdicts
            if gap.group == "a"
        )
        for people in ("person", "none")
    }
    assert gaps["person"] > 1.8 * gaps["none"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.02", {"fpr": 0.02, "fnr": 0.02}),
        ("{fpr: 0.01, fnr: 0.05}", {"fpr": 0.01, "fnr": 0.05}),
        ("{fpr: 0.01}", {"fpr": 0.01}),
        ("0", {"fpr": 0, "fnr": 0}),
    ],
)
def test_how_margins_are_written(written, meant):
    text = f"{{name: n, title: t, question: q, attributes: [a], no_worse_by: {written}}}"
    assert parse_spec(text, "s.yaml").no_worse_by == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2", "fpr: 2 is not a share from 0 to 1"),
        ("{fnr: -0.1}", "fnr: -0.1 is not a share"),
        ("{auc: 0.1}", "'auc' is none of fpr, fnr"),
        ("two", "fpr: 'two' is not a share"),
    ],
)
def test_margins_that_are_none_are_refused(written, said):
    text = f"{{name: n, title: t, question: q, attributes: [a], no_worse_by: {written}}}"
    with pytest.raises(FaceAuditError) as refused:
        parse_spec(text, "s.yaml")
    assert str(refused.value).startswith("s.yaml: no_worse_by: ") and said in str(refused.value)


def test_one_error_rate_alone_may_be_judged():
    first, second, spec = pair_of(SAME, ((2_000, 60), (2_000, 900)))
    result = compare([first, second], spec.model_copy(update={"no_worse_by": {"fpr": 0.04}}))
    assert {rate for _, rate in verdicts(result)} == {"fpr"}
    assert result.status == "pass"
    assert result.verdict == (
        "second is no more than 4 points worse than first on real photographs in every group: at "
        "most +2.0, for group 'b'."
    )


@pytest.mark.parametrize("margin", [0.001, 0.04, 0.2])
@pytest.mark.parametrize("groups", [SAME, ONE_WORSE, {"a": (60, 2, 2), "b": (60, 3, 50)}])
@pytest.mark.parametrize("names", [("old", "new"), ("a a a a a a", "b b b b b b b b")])
def test_headlines_are_short(groups, margin, names):
    first, second, spec = pair_of(groups, AI)
    result = compare([first, second], spec, names=names, no_worse_by=margin)
    assert words(result.verdict) <= MOST_WORDS
    assert "a chosen limit, not a legal test" in result.answer.how_much


def test_of_several_each_is_judged_and_the_worst_decides():
    first, worse, spec = pair_of(ONE_WORSE, AI)
    _, same, _ = pair_of({group: (n, a, a) for group, (n, a, _) in ONE_WORSE.items()}, AI)
    result = compare([first, same, worse], spec, names=["a", "b", "c"], no_worse_by=0.04)
    assert result.verdict == (
        "Against the margin of 4 points in every group: within it: b; beyond it: c."
    )
    judged = {check.id: check.status for check in result.checks if check.verdicts}
    assert judged == {"non-inferiority-1": "pass", "non-inferiority-2": "fail"}
    decision = gate(result)
    assert [of.name for of in decision.outcomes if of.code == FAILED] == ["c, group 'b', FPR"]
    # They share one chance of error: beside 'c' less is left for 'b' than alone.
    alone = compare([first, same], spec, no_worse_by=0.04)
    first_step = [
        min(gap.confidence for check in of.checks for gap in check.verdicts)
        for of in (alone, result)
    ]
    assert first_step == pytest.approx([1 - 0.05 / 5, 1 - 0.05 / 10])


@pytest.mark.parametrize("assume_missing", ["random", "worst"])
@pytest.mark.parametrize("left", [0, 29])
def test_a_group_that_the_second_did_not_score_is_undecided(assume_missing, left):
    first, second, spec = pair_of(SAME, AI)
    spec = spec.model_copy(
        update={"no_worse_by": {"fpr": 0.04}, "assume_missing": assume_missing, "small_group": 30}
    )
    result = compare([first, unscored(second, range(900 + left, 1800))], spec, names=("old", "new"))
    assert verdicts(result)["b", "fpr"] == "insufficient-evidence"
    assert ("d", "fpr") not in verdicts(result)  # Small to the first too.
    assert result.status == "insufficient-evidence"
    assert "every group" not in result.verdict
    assert result.verdict.startswith("Not settled for group 'b'")
    assert gate(result).code == UNDECIDED
    taken = gate(result, undecided="pass")
    assert any("'b'" in of.name and of.status != "pass" for of in taken.outcomes)


def test_a_label_that_the_second_did_not_score_is_undecided():
    first, second, spec = pair_of(SAME, AI)
    spec = spec.model_copy(update={"no_worse_by": {"fpr": 0.04, "fnr": 0.04}})
    n = len(first.table)
    result = compare([first, unscored(second, range(n - AI[0][0], n))], spec)
    assert verdicts(result)["all images", "fnr"] == "insufficient-evidence"
    assert gate(result).code != PASSED
    page = render_html(result)
    assert "too few scored by both" in page


def test_what_a_third_did_not_score_hides_nothing_of_the_second():
    first, worse, spec = pair_of(ONE_WORSE, AI)
    _, third, _ = pair_of(SAME, AI)
    spec = spec.model_copy(update={"no_worse_by": {"fpr": 0.04}, "assume_missing": "random"})
    skips = unscored(third, range(900, 1800))
    result = compare([first, worse, skips], spec, names=["a", "b", "c"])
    found = {
        (gap.classifier, gap.group): gap
        for check in result.checks
        for gap in check.verdicts
        if gap.rate == "fpr"
    }
    assert found["b", "b"].status == "fail"
    assert found["c", "b"].status == "insufficient-evidence"
    # As if there were no third, but for the chance of error that all share.
    alone = compare([first, worse], spec, names=("a", "b"))
    for check in alone.checks:
        for gap in check.verdicts:
            assert found["b", gap.group].value == pytest.approx(gap.value)
