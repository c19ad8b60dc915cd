"""The answer on the first screen: short, true, about the question that was asked."""

import re

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.answer import status_of
from faceaudit.checks.parts.sentences import MOST_WORDS, words
from faceaudit.result import CheckResult, GapVerdict
from faceaudit.runner import audit
from faceaudit.spec import Spec, find_spec, ready_specs
from faceaudit.tables import Scores
from tests.drawn import drawn_scores

NAMES = [
    "Middle Eastern or North African, by own account",
    "b",
    "60 and older",
    "<i>&",
    "東京の人々",
]


def spec(**changes):
    asked = {"name": "t", "title": "T", "question": "?", "attributes": ["group"]}
    return Spec.model_validate(asked | changes)


def drawn_at_random(seed):
    """Draw groups of any size and error rate, some with names of many words."""
    draw = np.random.default_rng(seed)
    groups = {}
    for name in NAMES[: draw.integers(1, len(NAMES) + 1)]:
        n = int(draw.choice([3, 29, 30, 200, 3000]))
        groups[name] = (n, int(draw.binomial(n, draw.choice([0, 0.01, 0.1, 0.6, 1]))))
    n = int(draw.choice([0, 40, 900]))
    return drawn_scores(groups, ai=(n, int(draw.binomial(n, 0.1))))


@pytest.mark.parametrize("seed", range(40))
def test_headlines_are_short_and_name_no_small_group(seed):
    scores = drawn_at_random(seed)
    limits = [{}, {"fpr_gap": None, "fnr_gap": None}, {"fpr_gap": 0, "fnr_gap": None}][seed % 3]
    result = audit(scores, spec(limits=limits, rate=[None, "fpr", "fnr"][seed % 4 % 3]))
    assert 3 <= words(result.verdict) <= MOST_WORDS, result.verdict
    # A headline about a gap tells its limit however long the names are.
    if " gap " in result.verdict or "Not settled" in result.verdict:
        assert seed % 3 == 1 or "your limit is" in result.verdict, result.verdict
    sizes = {row["group"]: 0 for row in scores.table.to_pylist() if row["group"]}
    for row in scores.table.to_pylist():
        if row["group"] and row["label"] == "real":
            sizes[row["group"]] += 1
    small = [name for name, n in sizes.items() if n < 30]
    said = " ".join([result.verdict, result.answer.who])
    assert not [name for name in small if f"'{name}'" in said], said


def test_the_gap_that_fails_is_told_with_both_rates_the_limit_and_the_least_it_can_be():
    scores = drawn_scores({"dark": (1000, 184), "light": (1000, 58)})
    result = audit(scores, spec(limits={"fpr_gap": 0.05, "fnr_gap": None}))
    (verdict,) = next(c for c in result.checks if c.verdicts).verdicts
    assert result.status == "fail"
    assert result.verdict == (
        "Real photographs tagged 'dark' are called AI-generated 3.2 times as often as 'light' "
        f"(18.4 % against 5.8 %), by at least {100 * verdict.low:.1f} points; your limit is 5."
    )
    assert "'dark' (184 of 1,000) most, 'light' (58 of 1,000) least" in result.answer.who
    assert f"{100 * verdict.value:.1f} points" in result.answer.how_much
    assert "chosen limit, not a legal test" in result.answer.how_much
    overall = {of.rate: (of.events, of.n) for of in result.answer.overall}
    assert overall["fpr"] == (242, 2000)


def two_tags():
    """Photographs pass by group and are open by pair; AI faces fail by group."""
    scores = drawn_scores({"a": (3000, 0), "b": (3000, 0)}, ai=(0, 0))
    missed = drawn_scores({"a": (600, 0), "b": (600, 600)}, ai=(0, 0)).table
    missed = missed.set_column(
        missed.column_names.index("label"), "label", pa.array(["ai"] * len(missed))
    )
    score = pa.array([0.9] * 600 + [0.1] * 600, pa.float32())
    missed = missed.set_column(missed.column_names.index("p_ai"), "p_ai", score)
    names = pa.array([f"ai/{i}" for i in range(len(missed))])
    missed = missed.set_column(missed.column_names.index("image"), "image", names)
    return Scores(pa.concat_tables([scores.table, missed]), scores.info)


@pytest.mark.parametrize(
    ("rate", "status", "told"),
    [
        ("fpr", "pass", "No real photograph of 6,000 is called AI-generated."),
        ("fnr", "fail", "AI-generated faces tagged 'b' are called real"),
        # Without one both are asked about, and what fails decides.
        (None, "fail", "AI-generated faces tagged 'b' are called real"),
    ],
)
def test_status_and_headline_are_of_the_rate_that_is_asked_about(rate, status, told):
    result = audit(two_tags(), spec(rate=rate))
    assert (result.status, result.verdict[: len(told)]) == (status, told)
    # What is not asked about stands on the first screen too.
    assert "1 beyond the limit" in result.answer.how_sure or status == "fail"
    figure = result.first_figure
    assert figure.kind == "forest" and figure.attribute == "group"
    assert ("real photographs" in figure.measure) == (rate == "fpr")


def test_where_both_rates_are_asked_about_who_says_of_which():
    who = audit(two_tags(), spec(rate=None)).answer.who
    assert who == (
        "AI-generated faces called real: by group 'b' (600 of 600) most, 'a' (0 of 600) least. "
        "Real photographs called AI-generated: no difference is shown by group."
    )


def test_the_limit_is_told_once_whatever_the_headline_is_about():
    fails = audit(drawn_scores({"a": (900, 300), "b": (900, 9)}), spec(rate="fpr"))
    guesses = audit(drawn_scores({"a": (900, 500), "b": (900, 480)}, ai=(900, 450)), spec())
    assert fails.verdict.endswith("your limit is 5.")
    assert fails.answer.how_much.endswith("), against a chosen limit, not a legal test.")
    assert "guessing" in guesses.verdict
    assert "; the limit is 5.0 points, a chosen limit" in guesses.answer.how_much


def test_the_only_gap_is_not_told_as_one_of_many():
    scores = drawn_scores({"a": (3000, 3), "b": (3000, 3)})
    result = audit(scores, spec(rate="fpr"))
    assert result.verdict.startswith("The gap in real photographs called AI-generated, by group, ")
    assert result.verdict.endswith(" points; your limit is 5.")


def verdicts(check, *pairs):
    gaps = [
        GapVerdict(
            tags=["g"], rate=rate, limit=0, value=None, low=None, high=None, confidence=0.9,
            status=status,
        )
        for rate, status in pairs
    ]  # fmt: skip
    return CheckResult(
        id=check, title=check, description="", status="info", sentence="", verdicts=gaps
    )


def test_the_status_is_the_gravest_of_the_asked_gaps_and_of_no_others():
    both = verdicts("x", ("fpr", "pass"), ("fpr", "insufficient-evidence"), ("fnr", "fail"))
    assert status_of([both], "fpr") == "insufficient-evidence"
    assert status_of([both]) == "fail"
    some = verdicts("x", ("fpr", "pass"), ("fpr", "not-estimable"), ("fnr", "fail"))
    none = verdicts("y", ("fpr", "not-estimable"))
    assert status_of([some], "fpr") == "pass"
    # A check none of whose gaps can be judged blocks a pass.
    assert status_of([some, none], "fpr") == "not-estimable"
    broken = verdicts("z").model_copy(update={"status": "error"})
    assert status_of([some, broken], "fpr") == "error"
    vetoed = verdicts("z").model_copy(update={"status": "fail"})
    assert status_of([some, vetoed], "fpr") == "fail"


@pytest.mark.parametrize("name", ready_specs())
def test_the_ready_questions_about_photographs_name_their_rate(name):
    ready = find_spec(name)
    asked = "photographs" in ready.question and name != "recorded-comparison"
    assert (ready.rate == "fpr") == asked


def test_a_tag_that_only_one_source_has_is_told():
    scores = drawn_scores({"a": (300, 3), "b": (300, 3)}, ai=(100, 5))
    table = scores.table
    names = ["first" if of == "a" else "second" for of in table["group"].to_pylist()]
    place = table.column_names.index("dataset")
    table = table.set_column(place, "dataset", pa.array(names))
    tagged = [of if of == "a" else None for of in table["group"].to_pylist()]
    table = table.append_column("skin", pa.array(tagged))
    datasets = dict.fromkeys(("first", "second"), scores.info.datasets["drawn"])
    info = scores.info.model_copy(update={"datasets": datasets})
    why = audit(Scores(table, info), spec(attributes=["group", "skin"])).answer.why
    assert "All 300 real photographs tagged by skin are of first: tag and source coincide." in why
    assert not re.search(r"with [^.]*group", why)


def test_what_the_first_screen_tells_is_no_finding_beside_it():
    scores = drawn_scores({"dark": (1000, 184), "light": (1000, 58)})
    result = audit(scores, spec(limits={"fpr_gap": 0.05, "fnr_gap": None}))
    told = [(found.check, found.rate) for found in result.findings]
    assert told and not [
        check for check, rate in told if check in ("group-error-rates", "equalized-odds-gap")
    ]


def test_what_keeps_narrow_gaps_from_passing_is_said():
    always_real = drawn_scores({"a": (900, 0), "b": (900, 0)}, ai=(500, 500))
    answer = audit(always_real, spec(limits={"fpr_gap": 0.05, "fnr_gap": None})).answer
    assert (
        "Nothing passes because of 'The classifier does hardly better than guessing'."
        in answer.how_sure
    )
    good = drawn_scores({"a": (900, 0), "b": (900, 0)}, ai=(500, 5))
    answer = audit(good, spec(limits={"fpr_gap": 0.05, "fnr_gap": None})).answer
    assert "Nothing passes" not in answer.how_sure


def test_nobody_is_said_to_be_accused_only_if_no_image_of_any_group_is():
    both = {"a": (3000, 0), "b": (3000, 0)}
    limits = {"fpr_gap": 0.05, "fnr_gap": None}
    # Errors in a group too small to be compared are errors all the same.
    some = audit(drawn_scores(both | {"tiny": (20, 20)}), spec(limits=limits))
    assert some.status == "pass" and some.answer.overall[0].events == 20
    assert some.verdict.startswith("The gap in real photographs called AI-generated, by group, is")
    none = audit(drawn_scores(both | {"tiny": (20, 0)}), spec(limits=limits))
    assert none.verdict.startswith("No real photograph of 6,020 is called AI-generated. The gap")
    few = audit(drawn_scores({"a": (40, 0), "b": (40, 0)}), spec(limits=limits))
    assert few.status == "insufficient-evidence"
    assert few.verdict.startswith("No real photograph of 80 is called AI-generated. Not settled")


def test_a_headline_counts_the_images_of_its_own_rate():
    table = two_tags().table
    label = table["label"].to_pylist()
    score = pa.array([0.1 if of == "real" else 0.9 for of in label], pa.float32())
    right = table.set_column(table.column_names.index("p_ai"), "p_ai", score)
    # Fewer photographs than AI-generated faces, and no error in either.
    fewer = pa.concat_tables([right.slice(2600, 800), right.slice(6000)])
    result = audit(Scores(fewer, two_tags().info), spec())
    assert [of.n for of in result.answer.overall] == [800, 1200]
    assert result.verdict.startswith("No real photograph of 800 is called AI-generated.")
