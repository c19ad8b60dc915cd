"""Two classifiers on the same images, with differences that are known."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from faceaudit.checks.parts.sentences import MOST_WORDS, words
from faceaudit.cli import main
from faceaudit.comparison.runner import compare
from faceaudit.errors import FaceAuditError
from faceaudit.result import read_result
from faceaudit.spec import Spec
from faceaudit.tables import Scores
from faceaudit.wording import percent
from tests.drawn import drawn_scores

SPEC = Spec(name="t", title="T", question="?", attributes=["group"])


def rescored(scores, p_ai):
    column = scores.table.column_names.index("p_ai")
    p_ai = pa.array(np.asarray(p_ai, np.float32))
    return Scores(scores.table.set_column(column, "p_ai", p_ai), scores.info)


def unscored(scores, rows, status="unreadable"):
    """The scores without those of some rows."""
    table = scores.table
    lost = np.zeros(len(table), bool)
    lost[rows] = True
    p_ai = pc.if_else(pa.array(~lost), table["p_ai"], None)
    stated = pc.if_else(pa.array(~lost), table["status"], status)
    for name, column in (("p_ai", p_ai), ("status", stated)):
        table = table.set_column(table.column_names.index(name), name, column)
    return Scores(table, scores.info)


def with_column(scores, name, values):
    table = scores.table
    column = pa.array(values)
    if name in table.column_names:
        return Scores(table.set_column(table.column_names.index(name), name, column), scores.info)
    return Scores(table.append_column(name, column), scores.info)


def slopes(result, check):
    found = next(c for c in result.checks if c.id == check)
    return [d for d in found.details if d.kind == "slopes"]


def test_rates_and_paired_difference():
    first = drawn_scores({"a": (100, 30), "b": (50, 5)}, ai=(40, 4))
    p_ai = first.table["p_ai"].to_numpy().copy()
    p_ai[:20] = 0.1  # of group a's 30 errors, 20 are mended
    p_ai[100] = 0.1  # in group b one is mended and one is new
    p_ai[149] = 0.9
    result = compare([first, rescored(first, p_ai)], SPEC, names=("old", "new"))
    (fpr,) = slopes(result, "compare-group")  # no AI image has a group: no slopes of the FNR
    a, b = fpr.rows
    assert (a.group, a.n, a.first, a.second) == ("a", 100, 0.3, 0.1)
    assert a.difference == pytest.approx(-0.2)
    assert a.low < -0.2 < a.high < 0
    assert (b.first, b.second, b.difference) == (0.1, 0.1, 0)
    assert b.low < 0 < b.high
    overall, missed = slopes(result, "compare-overall")
    assert overall.rows[0].n == 150
    assert missed.rows[0].difference == 0
    mcnemar = {t.name: t.p for c in result.checks for t in c.tests}
    assert mcnemar["Group: FPR, a"] == pytest.approx(2 * 0.5**20)
    assert mcnemar["Group: FPR, b"] == 1
    holm = {t.name: t.p_holm for c in result.checks for t in c.tests}
    assert holm["Group: FPR, a"] == pytest.approx(len(holm) * 2 * 0.5**20)
    assert result.verdict == (
        "new wrongly accuses fewer real photographs than old (10.0 % against 23.3 %); "
        "no difference is shown on AI-generated faces."
    )


def test_the_order_of_rows_does_not_matter():
    first = drawn_scores({"a": (30, 3), "b": (30, 9)})
    second = rescored(first, 1 - first.table["p_ai"].to_numpy())
    order = np.random.default_rng(0).permutation(first.table.num_rows)
    first, second = unscored(first, [0, 5]), unscored(second, [1, 2, 40])
    shuffled = Scores(second.table.take(pa.array(order)), second.info)
    kept = compare([first, second], SPEC).model_dump(exclude={"created", "inputs"})
    assert compare([first, shuffled], SPEC).model_dump(exclude={"created", "inputs"}) == kept


def test_refusals():
    first = drawn_scores({"a": (30, 3)})
    other = Scores(
        first.table.set_column(0, "image", pa.array([f"x{i}" for i in range(230)])), first.info
    )
    with pytest.raises(FaceAuditError, match="share no image"):
        compare([first, other], SPEC)
    flipped = pa.array(["ai", *first.table["label"].to_pylist()[1:]])
    with pytest.raises(FaceAuditError, match=r"'a/0\.jpg' is real in first and ai in sec"):
        compare([first, Scores(first.table.set_column(1, "label", flipped), first.info)], SPEC)
    with pytest.raises(FaceAuditError, match="has a tag 'race'; the tags are group"):
        compare([first, first], SPEC.model_copy(update={"attributes": ["race"]}))


def test_a_score_at_the_threshold_is_called_ai():
    scores = drawn_scores({"a": (10, 0)}, ai=(0, 0))
    at = rescored(scores, [0.5, *[0.1] * 9])
    result = compare([scores, at], SPEC)
    assert slopes(result, "compare-overall")[0].rows[0].second == 0.1


def test_without_a_specification_every_category_is_compared():
    scores = drawn_scores({"a": (30, 3), "b": (30, 9)})
    # A number is no category, whatever its values.
    scores = with_column(scores, "sharpness", [0.5 + i % 2 for i in range(260)])
    result = compare([scores, scores])
    assert [check.id for check in result.checks] == [
        "compare-overall",
        "compare-gaps",
        "compare-group",
    ]


# --- what is claimed -----------------------------------------------------------------------------


def pair_of(groups, ai=((0, 0), (0, 0)), tags=("group",)):
    """Two tables on the same images: real photographs by group as (n, first wrong, second wrong).

    The second errs on others than the first.
    """
    first = drawn_scores({name: (n, wrong) for name, (n, wrong, _) in groups.items()}, ai=ai[0])
    p_ai = first.table["p_ai"].to_numpy().copy()
    start = 0
    for n, wrong, others in groups.values():
        p_ai[start : start + n] = 0.1
        p_ai[start + wrong : start + wrong + others] = 0.9
        start += n
    p_ai[start:] = 0.8
    p_ai[start + ai[0][1] : start + ai[0][1] + ai[1][1]] = 0.2
    for tag in tags[1:]:
        first = with_column(first, tag, first.table["group"].to_pylist())
    return first, rescored(first, p_ai), SPEC.model_copy(update={"attributes": [*tags]})


@pytest.mark.parametrize(
    ("real", "ai", "said"),
    [
        (
            (300, 40, 50),
            ((300, 40), (300, 50)),
            "No difference is shown between old and new on real photographs or AI-generated faces.",
        ),
        (
            (300, 90, 20),
            ((300, 90), (300, 20)),
            "new wrongly accuses fewer real photographs than old (6.7 % against 30.0 %) and misses "
            "fewer AI-generated faces (6.7 % against 30.0 %).",
        ),
        (
            (300, 20, 90),
            ((300, 50), (300, 40)),
            "new wrongly accuses more real photographs than old (30.0 % against 6.7 %); no "
            "difference is shown on AI-generated faces.",
        ),
        (
            (300, 20, 90),
            ((300, 90), (300, 20)),
            "new wrongly accuses more real photographs than old (30.0 % against 6.7 %) but misses "
            "fewer AI-generated faces (6.7 % against 30.0 %).",
        ),
    ],
)
def test_who_wins_over_all_images(real, ai, said):
    first, second, spec = pair_of({"a": real}, ai)
    assert compare([first, second], spec, names=("old", "new")).verdict == said


def test_the_asked_error_rate_leads():
    first, second, spec = pair_of({"a": (300, 20, 90)}, ((300, 90), (300, 20)))
    spec = spec.model_copy(update={"rate": "fnr"})
    result = compare([first, second], spec, names=("old", "new"))
    assert result.verdict.startswith("new misses fewer AI-generated faces than old (6.7 % against")
    assert " but wrongly accuses more real photographs (" in result.verdict
    assert [of.rate for of in result.answer.overall] == ["fnr", "fpr"]
    assert result.answer.rate == "fnr"


def test_a_name_of_many_words_leaves_the_headline_short():
    first, second, spec = pair_of({"a": (300, 20, 90)}, ((300, 90), (300, 20)))
    for length, said in (
        (6, "b b b b b b wrongly accuses more real photographs than a a a a a a but misses fewer "),
        (9, "The second wrongly accuses more real photographs than the first (30.0 % against 6.7 "),
    ):
        names = (" ".join("a" * length), " ".join("b" * length))
        assert compare([first, second], spec, names=names).verdict.startswith(said)


def test_the_first_screen_says_who_how_much_how_sure_and_why():
    """Group a gains, b loses, c is as it was; d is too small to be told, whatever it suffers."""
    groups = {"a": (400, 90, 20), "b": (300, 10, 70), "c": (400, 20, 20), "d": (29, 29, 0)}
    first, second, spec = pair_of(groups, ((1_500, 100), (1_500, 100)))
    datasets = [image.split("/")[0] for image in first.table["image"].to_pylist()]
    first, second = (with_column(of, "dataset", datasets) for of in (first, second))
    result = compare([first, second], spec, names=("old", "new"))
    answer = result.answer
    assert answer.who == (
        "Gain among real photographs: group 'a' (22.5 % to 5.0 %); lose among real photographs: "
        "group 'b' (3.3 % to 23.3 %)."
    )
    fpr, fnr = answer.overall
    assert (fpr.n, fpr.first, fpr.events) == (1_129, 149, 110)
    assert fpr.low < 110 / 1_129 < fpr.high
    assert (fnr.n, fnr.first, fnr.events) == (1_500, 100, 100)
    assert answer.how_much.startswith(
        "new minus old: real photographs called AI-generated -3.5 points (-7.1 to +0.2); "
    )
    assert "AI-generated faces called real +0.0 points (-" in answer.how_much
    assert answer.how_sure == (
        "2 of 3 group differences are more than chance; all intervals hold together at 95 %."
    )
    # The clearest group is among those drawn first.
    assert answer.tags == ["group"]
    assert result.first_figure.title == "False positive rate by group"
    parts = {check.id: check.part for check in result.checks}
    assert parts == {"compare-overall": "rates", "compare-gaps": "gaps", "compare-group": "gaps"}
    table = next(of for of in result.checks[0].details if of.kind == "table")
    assert table.rows == [["group", "real photographs", 1, 1, 1]]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (
            {"a": (400, 190, 20), "b": (600, 20, 18)},
            "Of the 400 real photographs of a, new wrongly accuses 170 fewer; of the 600 others, "
            "2 fewer.",
        ),
        (
            {"a": (400, 190, 20), "b": (600, 18, 20)},
            "Of the 400 real photographs of a, new wrongly accuses 170 fewer; of the 600 others, "
            "2 more.",
        ),
        # That most of a change lies where most images are says nothing.
        ({"a": (700, 190, 20), "b": (600, 18, 20)}, ""),
        ({"a": (500, 190, 90), "b": (500, 190, 90)}, ""),
        # No change is shown over all images.
        ({"a": (400, 90, 20), "b": (600, 20, 90)}, ""),
        # A data set of few images is not named.
        ({"a": (29, 29, 0), "b": (600, 20, 19)}, ""),
    ],
)
def test_a_change_that_lies_in_one_data_set_is_told(groups, said):
    first, second, spec = pair_of(groups)
    datasets = [image.split("/")[0] for image in first.table["image"].to_pylist()]
    first, second = (with_column(of, "dataset", datasets) for of in (first, second))
    assert compare([first, second], spec, names=("old", "new")).answer.why == said


def test_the_more_is_asked_the_surer_a_sentence_must_be():
    groups = {"a": (200, 10, 27), "b": (200, 20, 20)}
    for tags, shown in ((("group",), True), (("group", *"bcdefghij"), False)):
        first, second, spec = pair_of(groups, tags=tags)
        result = compare([first, second], spec)
        (fpr,) = slopes(result, "compare-group")
        # In the figure each stands on its own, and this one lacks 0.
        assert fpr.rows[0].low > 0
        (told,) = (
            of
            for check in result.checks
            for of in check.findings
            if of.check == "compare-group" and "'a'" in of.sentence
        )
        assert told.interval.together and told.interval.confidence > 0.95
        assert (told.interval.low > 0) is shown
        assert ("no difference is shown" in told.sentence) is not shown
        # What is shown comes before what is not.
        weights = [of.weight for of in result.findings]
        assert [w > 0 for w in weights] == sorted((w > 0 for w in weights), reverse=True)


def test_groups_too_small_to_speak_of_are_in_the_table_alone():
    first, second, spec = pair_of({"a": (200, 10, 10), "b": (29, 29, 0)})
    result = compare([first, second], spec)
    assert [row.n for row in slopes(result, "compare-group")[0].rows] == [200, 29]
    told = [of.sentence for check in result.checks for of in check.findings]
    assert not any("'b'" in sentence or "the gap" in sentence for sentence in told)
    assert "'b'" not in result.answer.who
    first, second, spec = pair_of({"a": (29, 3, 3), "b": (29, 3, 3)})
    small = compare([first, second], spec)
    by_group = next(check for check in small.checks if check.id == "compare-group")
    assert by_group.status == "not-estimable"
    assert by_group.sentence == (
        "No group has at least 30 images of one label that both classifiers scored."
    )


def test_the_change_of_the_gap_is_told_with_its_interval():
    first, second, spec = pair_of({"a": (1_000, 150, 70), "b": (1_000, 50, 50)})
    result = compare([first, second], spec, names=("old", "new"))
    gaps = next(check for check in result.checks if check.id == "compare-gaps")
    (told,) = gaps.findings
    assert told.sentence.startswith(
        "By group, real photographs: the gap is 2.0 points with new, 10.0 with old, -8.0 points ("
    )
    assert gaps.sentence == told.sentence
    assert told.interval.low < -0.08 < told.interval.upper < 0
    (table,) = gaps.details
    row = table.rows[0][1:]
    assert row[:6] == ["FPR", 2, 2000, *map(pytest.approx, (0.1, 0.02, -0.08))][:6]
    # On its own it may be narrower.
    assert told.interval.low < row[6] < row[7] < told.interval.upper


def test_images_of_one_person_count_as_what_they_are_worth():
    first, second, spec = pair_of({"a": (100, 10, 30), "b": (100, 20, 25)})

    def repeated(scores, copies, person):
        table = pa.concat_tables([scores.table] * copies)
        table = table.set_column(0, "image", pa.array([f"{i}.jpg" for i in range(len(table))]))
        if person:
            one = [str(i) for i in range(len(scores.table))] * copies
            table = table.append_column("person", pa.array(one))
        return Scores(table, scores.info)

    def found(copies, person=False):
        result = compare([repeated(first, copies, person), repeated(second, copies, person)], spec)
        told = [of.interval for check in result.checks for of in check.findings]
        widths = {of.value: of.upper - of.low for of in told}
        p = {test.name: test.p for check in result.checks for test in check.tests}
        return result, widths, p

    (_, once, p_once), (_, five, p_five), (known, worth, p_worth) = (
        found(1),
        found(5),
        found(5, person=True),
    )
    for value in once:
        assert five[value] < 0.6 * once[value] <= 0.6 * worth[value]
    assert p_five["Group: FPR, a"] < p_once["Group: FPR, a"] <= p_worth["Group: FPR, a"]
    assert any("hang together (person)" in note for note in known.limitations)
    # Telling that no two hang together is believed.
    _, apart, _ = found(5)
    spec.cluster = "none"
    assert found(5, person=True)[1] == apart


def test_a_cluster_that_neither_table_has_is_refused():
    first = drawn_scores({"a": (30, 3)})
    with pytest.raises(FaceAuditError, match="neither first nor second has a tag 'film'"):
        compare([first, first], SPEC.model_copy(update={"cluster": "film"}))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_told_of_drawn_classifiers_is_short_and_true(seed):
    """Headline, lines and sentences, against counts of their own; small groups are never named."""
    rng = np.random.default_rng(seed)
    sizes = {f"large {i}": int(rng.integers(30, 400)) for i in range(rng.integers(1, 5))}
    sizes |= {f"small {i}": int(rng.integers(1, 30)) for i in range(3)}
    first = drawn_scores(dict.fromkeys(sizes, (0, 0)) | {g: (n, 0) for g, n in sizes.items()})
    table = first.table
    real = np.array(table["label"].to_pylist()) == "real"
    group = np.array([of or "" for of in table["group"].to_pylist()])
    # Errors depend on the group, the small ones' most.
    wrong = [
        rng.random(len(real))
        < np.select(
            [np.char.startswith(group, "small"), group == "large 0"], rng.random((2, 1)), 0.1
        )
        for _ in range(2)
    ]
    told = [rescored(first, np.where(of != real, 0.1, 0.9)) for of in wrong]
    lost = rng.random(len(real)) < rng.choice([0, 0.01])
    told[1] = unscored(told[1], lost)
    result = compare(told, SPEC, names=("old", "new"))
    both = ~lost
    headline, answer = result.verdict, result.answer
    sentences = [headline, *(of.sentence for check in result.checks for of in check.findings)]
    assert all(words(sentence) <= MOST_WORDS for sentence in sentences)
    assert not any("small" in text for text in (*sentences, answer.who, answer.why))
    shown = {
        of.rate: int(np.sign(of.interval.value)) * (of.interval.low > 0 or of.interval.upper < 0)
        for of in result.checks[0].findings
    }
    for rate, verb, images, label in (
        ("fpr", "wrongly accuses", "real photographs", real),
        ("fnr", "misses", "AI-generated faces", ~real),
    ):
        of = next(overall for overall in answer.overall if overall.rate == rate)
        old, new = (int(np.sum(each & label & both)) for each in wrong)
        assert (of.first, of.events, of.n) == (old, new, int(np.sum(label & both)))
        for way, more in ((-1, "fewer"), (1, "more")):
            assert (f"{verb} {more} {images}" in headline) == (shown[rate] == way)
        if shown[rate]:
            assert np.sign(new - old) == shown[rate]
            assert f"({percent(new / of.n)} against {percent(old / of.n)})" in headline
        else:
            assert re.search(f"[Nn]o difference is shown .*{images}", headline)
    assert (" but " in headline) == (shown["fpr"] * shown["fnr"] < 0)
    for gained, names in re.findall(
        r"(gain|lose) among real photographs: ([^;]*)", answer.who.lower()
    ):
        for name in re.findall(r"'(.*?)'", names):
            here = (group == name) & both
            assert (wrong[1][here].sum() < wrong[0][here].sum()) == (gained == "gain")


# --- images that one of the two did not score ------------------------------------------------


def detail(result, title):
    found = next(c for c in result.checks if c.id == "compare-overall")
    return next(d for d in found.details if d.title == title)


@pytest.mark.parametrize("how", ["no row", "no score"])
def test_who_skips_its_own_errors_does_not_win(how):
    """The second skips all 30 photographs that both would get wrong, and seems to be better."""
    first = drawn_scores({"a": (100, 30)})
    second = drawn_scores({"a": (100, 30)})
    p_ai = first.table["p_ai"].to_numpy().copy()
    p_ai[30] = 0.9  # one error more, which both scored
    first = rescored(first, p_ai)
    if how == "no row":
        second = Scores(second.table.slice(30), second.info)
    else:
        second = unscored(second, range(30))
    result = compare([first, second], SPEC, names=("old", "new"))
    (fpr, _) = slopes(result, "compare-overall")
    assert (fpr.rows[0].n, fpr.rows[0].difference) == (70, pytest.approx(-1 / 70))
    # On the images of both no difference is shown. Had the second got those wrong that the first
    # gets wrong: 31 and 30 errors of 100; all else is between all right (31 and 0) and all wrong.
    said = result.limitations[0]
    assert said == (
        "30 real photographs were scored by old alone (100.0 % wrongly, against 1.4 % of the "
        "70 that both scored). That could turn the answer: over all images of either, the "
        "difference found is between -31.0 and -1.0 points."
    )
    p_ai[:30] = 0.1  # and were the first right there, the second could be worse by 29 points
    turned = compare([rescored(first, p_ai), second], SPEC, names=("old", "new"))
    assert turned.verdict.endswith("; unscored images could turn this.")
    assert "30 real photographs that old alone scored could turn" in turned.answer.how_sure
    assert "between -1.0 and +29.0 points" in turned.limitations[0]
    back = compare([second, rescored(first, p_ai)], SPEC, names=("new", "old"))
    assert back.verdict.endswith("; unscored images could turn this.")
    assert "between -29.0 and +1.0 points" in back.limitations[0]
    table = detail(turned, "Images that one of the two alone scored")
    assert table.rows == [["drawn", "real", "old", 30, 0.0, 70, pytest.approx(1 / 70)]]
    rows = turned.scores[0].rows
    why = "not in its table" if how == "no row" else "unreadable"
    assert [(left.reason, left.by) for left in rows.left_out] == [
        (f"without a score of new ({why}), scored by old", {"drawn": {"real": 30}})
    ]
    assert (rows.read, rows.used) == (300, 270)
    (group,) = slopes(turned, "compare-group")[0].rows
    assert group.note == "30 more scored by old alone (0.0 % wrong); that could turn the difference"
    by_group = next(check for check in turned.checks if check.id == "compare-group")
    assert by_group.findings[0].sentence.endswith("; unscored images could turn it.")


@pytest.mark.parametrize(("skipped", "could"), [(15, True), (3, False)])
def test_equal_rates_are_an_answer_that_skipped_errors_could_turn(skipped, could):
    first = drawn_scores({"a": (100, 15)}, ai=(0, 0))
    result = compare([first, Scores(first.table.slice(skipped), first.info)], SPEC)
    # Three errors, all mended, would be no evidence that the second errs less.
    assert ("could turn this" in result.verdict) is could
    assert ("could turn the answer" in result.answer.how_sure) is could
    assert f"between -{skipped}.0 and +0.0 points" in result.limitations[0]
    assert f"That {'could' if could else 'cannot'} turn the answer" in result.limitations[0]


def test_a_winner_stays_one_where_skipped_images_could_not_turn_it():
    first = drawn_scores({"a": (200, 80)}, ai=(0, 0))
    p_ai = first.table["p_ai"].to_numpy().copy()
    p_ai[:40] = 0.1
    second = rescored(first, p_ai)
    for skipped, said in ((5, "cannot turn"), (60, "could turn")):
        result = compare([first, unscored(second, range(200 - skipped, 200))], SPEC)
        assert result.verdict.startswith("second wrongly accuses fewer real photographs than first")
        assert f"That {said} the answer" in result.limitations[0]


def test_images_that_only_the_second_scored_are_said_too():
    first = drawn_scores({"a": (50, 5)}, ai=(40, 4))
    fewer = Scores(first.table.slice(0, 70), first.info)  # 20 AI images less, all right
    result = compare([fewer, first], SPEC)
    assert result.limitations[0].startswith(
        "20 AI-generated faces were scored by second alone (0.0 % wrongly, "
        "against 20.0 % of the 20 that both scored). That could turn the answer"
    )


def test_images_without_any_score_are_counted():
    first = drawn_scores({"a": (50, 5)})
    rows = compare([unscored(first, [0, 1]), unscored(first, [1, 2])], SPEC).scores[1].rows
    assert {left.reason: left.n for left in rows.left_out} == {
        "without a score of first (unreadable), scored by second": 1,
        "without a score of second (unreadable), scored by first": 1,
        "without a score of either": 1,
    }


def test_a_group_that_one_of_the_two_never_scored_is_shown():
    first = drawn_scores({"a": (50, 5), "b": (20, 5)})
    result = compare(
        [
            first,
            Scores(
                first.table.filter(pc.not_equal(pc.fill_null(first.table["group"], ""), "b")),
                first.info,
            ),
        ],
        SPEC,
    )
    rows = slopes(result, "compare-group")[0].rows
    assert (rows[1].group, rows[1].n, rows[1].first) == ("b", 0, None)
    assert rows[1].note == (
        "no real photographs that both scored; 20 more scored by first alone (25.0 % wrong)"
    )


# --- which images count ------------------------------------------------------------------------


def test_training_images_of_either_are_left_out():
    first = drawn_scores({"a": (100, 10)}, ai=(100, 10))
    n = len(first.table)
    in_first = with_column(first, "in_training", [i < 10 for i in range(n)])
    in_second = with_column(first, "in_training", [5 <= i < 30 for i in range(n)])
    reasons = {"in the training data of first": 10, "in the training data of second": 20}
    result = compare([in_first, in_second], SPEC)
    assert {left.reason: left.n for left in result.scores[0].rows.left_out} == reasons
    assert slopes(result, "compare-overall")[0].rows[0].n == 70
    assert compare([in_first, first], SPEC).scores[0].n_real == 90
    assert compare([first, in_first], SPEC).scores[0].n_real == 90
    # They are no images that one alone scored, though the other lacks them.
    without = compare([in_first, Scores(first.table.slice(10), first.info)], SPEC)
    assert "alone" not in " ".join(without.limitations)
    kept = compare([in_first, in_second], SPEC.model_copy(update={"include_training": True}))
    assert kept.scores[0].n_real == 100
    notes = " ".join(kept.limitations)
    assert "first: 10 of 200 images were in this classifier's training data" in notes
    assert "second: 25 of 200 images were in this classifier's training data" in notes


def test_no_image_is_left():
    first = drawn_scores({"a": (30, 3)}, ai=(0, 0))
    seen = with_column(first, "in_training", [True] * 30)
    with pytest.raises(
        FaceAuditError, match=r"--include-training\): .* 30 left out: in the training data of"
    ):
        compare([seen, first], SPEC)
    with pytest.raises(FaceAuditError, match="no image is left that both scored"):
        compare([unscored(first, range(15)), unscored(first, range(15, 30))], SPEC)


def test_rows_and_slice_of_the_specification_hold_and_are_accounted_for():
    scores = drawn_scores({"a": (50, 5), "b": (50, 25)}, ai=(20, 2))
    rows = SPEC.model_copy(update={"rows": "group != 'a'"})
    result = compare([scores, scores], rows)
    assert {left.reason: left.n for left in result.scores[0].rows.left_out} == {
        "outside rows: group != 'a'": 50,
        "without a tag that 'rows' needs": 20,
    }
    sliced = compare([scores, scores], SPEC.model_copy(update={"slice": "group == 'b'"}))
    groups = {row.group: row.n for row in slopes(sliced, "compare-slice")[0].rows}
    assert groups == {"group == 'b'": 50, "all others": 50}
    assert "20 rows are on neither side of the slice" in " ".join(sliced.limitations)


def test_exchanged_tables_give_the_mirrored_answer():
    rng = np.random.default_rng(3)
    first = drawn_scores({"a": (60, 20), "b": (60, 9)}, ai=(50, 9))
    n = len(first.table)
    second = rescored(first, rng.random(n))
    first = with_column(first, "in_training", rng.random(n) < 0.1)
    second = with_column(second, "in_training", rng.random(n) < 0.1)
    first = unscored(first, rng.choice(n, 10, replace=False))
    second = Scores(second.table.filter(pa.array(rng.random(n) < 0.8)), second.info)
    there = compare([first, second], SPEC, names=("x", "y"))
    back = compare([second, first], SPEC, names=("y", "x"))

    def told(result):
        return {
            (row.group, detail.measure): (row.n, row.first, row.second, row.difference)
            for check in result.checks
            for detail in check.details
            if detail.kind == "slopes"
            for row in detail.rows
        }

    mirrored = {
        key: (n, second, first, pytest.approx(-difference))
        for key, (n, first, second, difference) in told(back).items()
    }
    assert told(there) == mirrored
    accounts = [
        {left.reason: left.by for left in result.scores[0].rows.left_out}
        for result in (there, back)
    ]
    assert accounts[0].keys() == accounts[1].keys() and len(accounts[0]) >= 4
    assert sum(n for by in accounts[0].values() for n in by["drawn"].values()) == sum(
        n for by in accounts[1].values() for n in by["drawn"].values()
    )
    tables = [
        sorted(map(str, detail(result, "Images that one of the two alone scored").rows))
        for result in (there, back)
    ]
    assert tables[0] == tables[1]
    assert len(there.limitations) == len(back.limitations)


# --- matching, tags, names ---------------------------------------------------------------------


def test_images_match_by_hash_and_the_answer_says_how():
    first = drawn_scores({"a": (30, 3)}, ai=(10, 1))
    hashes = [f"{i:064x}" for i in range(40)]
    first = with_column(first, "sha256", hashes)
    moved = with_column(first, "image", [f"D:\\moved\\{i}.png" for i in range(40)])
    result = compare([first, moved], SPEC)
    assert result.scores[0].rows.used == 40
    assert "not matched by their paths: 40 by hash." in " ".join(result.limitations)
    other = with_column(first, "sha256", ["f" * 64, *hashes[1:]])
    result = compare([first, other], SPEC)
    assert result.scores[0].rows.used == 39
    assert "under that path second scored a picture with another hash" in " ".join(
        result.limitations
    )


def test_images_that_fit_several_are_not_compared_and_counted():
    first = drawn_scores({"a": (30, 3)}, ai=(10, 1))
    images = first.table["image"].to_pylist()
    second = with_column(first, "image", ["b/0.jpg", *images[1:-1], "c/0.jpg"])
    result = compare([first, second], SPEC)
    assert result.scores[0].rows.used == 38
    # 'a/0.jpg' may be either of two; 'ai/9.jpg' is not there, and shares its name with none left.
    assert "1 image of first cannot be compared: several images have that hash or file name" in (
        " ".join(result.limitations)
    )


def test_tables_named_after_their_files_match_by_image():
    first = drawn_scores({"a": (30, 3)}, ai=(10, 1))
    second = with_column(first, "dataset", ["vendor"] * 40)
    result = compare([first, second], SPEC)
    assert result.scores[0].rows.used == 40
    assert "no data set's name in common (drawn; vendor)" in " ".join(result.limitations)


def test_tags_of_either_table_count_and_differences_are_said():
    first = drawn_scores({"a": (30, 3), "b": (30, 9)})
    info = first.info.model_copy(update={"tag_sources": {}})
    bare = Scores(first.table.drop_columns(["group"]), info)
    (there, back) = (compare([bare, first], SPEC), compare([first, bare], SPEC))
    for result in (there, back):
        (fpr,) = slopes(result, "compare-group")
        assert [row.n for row in fpr.rows] == [30, 30]
        assert fpr.tag_source == "drawn by the test"
    assert "'group' of 60 images is known from second alone, and taken from there." in (
        there.limitations
    )
    assert not any("known from" in note for note in back.limitations)
    other = with_column(first, "group", ["b"] * 5 + first.table["group"].to_pylist()[5:])
    result = compare([first, other], SPEC)
    assert "The tables differ in 'group' of 5 images; what first says is used." in (
        result.limitations
    )
    assert [row.n for row in slopes(result, "compare-group")[0].rows] == [30, 30]


def test_one_tag_as_numbers_and_as_text():
    first = drawn_scores({"a": (30, 3)}, ai=(10, 1))
    numbers = [i % 2 for i in range(40)]
    spec = SPEC.model_copy(update={"attributes": ["fold"]})
    for other in (list(map(str, numbers)), list(map(float, numbers))):
        result = compare(
            [with_column(first, "fold", numbers), with_column(first, "fold", other)], spec
        )
        assert {row.group: row.n for row in slopes(result, "compare-fold")[0].rows} == {
            "0": 15,
            "1": 15,
        }
        assert not any("differ in" in note for note in result.limitations)


def test_one_classifier_given_twice_is_said():
    first = drawn_scores({"a": (30, 3)})
    assert "give every image the same score" in " ".join(compare([first, first], SPEC).limitations)
    info = first.info.model_copy(deep=True)
    info.model.sha256 = "ab" * 32
    p_ai = first.table["p_ai"].to_numpy() * 0.9
    result = compare([Scores(first.table, info), Scores(rescored(first, p_ai).table, info)], SPEC)
    assert "are scores of one classifier (drawn)" in " ".join(result.limitations)


def test_what_holds_of_both_is_said_once():
    scores = drawn_scores({"a": (30, 3)}, ai=(10, 1))
    faceless = [with_column(scores, "status", ["no_face"] * n + ["ok"] * (40 - n)) for n in (3, 5)]
    notes = compare(faceless, SPEC).limitations
    (both, second) = (note for note in notes if "found no face" in note)
    assert both.startswith("first: 3 of 40 predictions rest on a picture in which a face finder f")
    assert "Such predictions count like the others" in both
    assert second == (
        "second: 5 of 40 predictions rest on a picture in which a face finder found no face."
    )


def test_images_without_the_tag_are_said():
    scores = drawn_scores({"a": (30, 3), "b": (30, 9)}, ai=(7, 1))
    fpr = slopes(compare([scores, scores], SPEC), "compare-group")[0]
    assert fpr.note == "7 images have no tag for group and are in no group here."


def test_words_for_missing_and_rows_without_a_label_are_heeded():
    scores = drawn_scores({"a": (30, 3), "unknown": (30, 9)}, ai=(7, 1))
    info = scores.info.model_copy(update={"unlabelled": {"drawn": 4}})
    spec = SPEC.model_copy(update={"missing": ["unknown"]})
    result = compare([scores, Scores(scores.table, info)], spec)
    assert [row.group for row in slopes(result, "compare-group")[0].rows] == ["a"]
    assert "second: 4 rows without a label in any table of tags are left out." in result.limitations


# --- as a command ------------------------------------------------------------------------------


def write_csv(path, rows, header="image,label,p_ai,group"):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def run(*arguments):
    done = CliRunner().invoke(main, ["compare", "--verbose", *map(str, arguments)])
    if done.exit_code not in (0, 2):
        raise AssertionError(done.output) from done.exception
    return done


def told(*arguments):
    """Give all that the command prints, as one line."""
    return " ".join(run(*arguments).output.split())


def test_two_columns_of_one_file(tmp_path):
    rows = [f"{i}.jpg,real,{i < 3:d},{i < 1:d},g{i % 2}" for i in range(10)]
    both = write_csv(tmp_path / "both.csv", rows, "image,label,vendor_a,vendor_b,group")
    out = tmp_path / "out"
    assert "vendor_b calls AI-generated 10.0 % of 10 real photographs, vendor_a 30.0 %" in (
        told(both, "--score-column", "vendor_a", "--score-column", "vendor_b", "-o", out)
    )
    result = read_result(out / "compare.json")
    # The other's scores are no tag, though they have few values.
    assert [check.id for check in result.checks] == ["compare-overall", "compare-group"]
    named = told(
        both,
        "-o",
        out,
        *("--score-column", "vendor_b", "--score-column", "vendor_a"),
        *("--name", "New", "--name", "Old"),
    )
    assert "Old calls AI-generated 30.0 % of 10 real photographs, New 10.0 %" in named


def test_a_column_p_ai_beside_another(tmp_path):
    rows = [f"{i}.jpg,real,{i < 3:d},{i < 1:d}" for i in range(10)]
    both = write_csv(tmp_path / "both.csv", rows, "image,label,p_ai,other")
    options = ("--score-column", "other", "--score-column", "p_ai", "-o", tmp_path / "out")
    assert "p_ai calls AI-generated 30.0 % of 10 real photographs, other 10.0 %" in told(
        both, *options
    )


def test_files_that_have_one_name_are_told_apart_by_their_folders(tmp_path):
    rows = [f"{i}.jpg,real,{i < 3:d},g" for i in range(10)]
    old, new = (write_csv(tmp_path / folder / "scores.csv", rows) for folder in ("old", "new"))
    out = tmp_path / "out"
    assert "new/scores calls AI-generated 30.0 % of 10 real photographs, old/scores" in (
        told(old, new, "-o", out)
    )
    assert "scores (1) and scores (2) give every image the same score" in (
        told(old, old, "-o", out)
    )


def test_what_reading_says_of_a_file_is_said_once(tmp_path):
    both = write_csv(
        tmp_path / "both.csv", [f"{i}.jpg,fake,0.9,0.{i}" for i in range(10)], "image,label,a,b"
    )
    out = tmp_path / "out"
    run(both, "--score-column", "a", "--score-column", "b", "-o", out)
    notes = read_result(out / "compare.json").limitations
    assert [note for note in notes if "'fake'" in note] == [
        "both.csv: Labels: 'fake' (10 rows) read as AI-generated."
    ]
    real = write_csv(tmp_path / "c.csv", [f"{i}.jpg,ai,0.9" for i in range(10)], "image,label,p_ai")
    run(both, real, "--score-column", "a", "--score-column", "p_ai", "-o", out)
    notes = read_result(out / "compare.json").limitations
    assert "both.csv: Labels: 'fake' (10 rows) read as AI-generated." in notes


def test_windows_and_absolute_paths_match(tmp_path):
    ours = write_csv(tmp_path / "ours.csv", [f"utk/{i}.jpg,real,0.9,g" for i in range(10)])
    theirs = write_csv(
        tmp_path / "theirs.csv", [f"C:\\faces\\utk\\{i}.jpg,real,0.1,g" for i in range(10)]
    )
    assert "theirs calls AI-generated 0.0 % of 10 real photographs, ours 100.0 %" in (
        told(ours, theirs, "-o", tmp_path / "out")
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            (),
            "name the column of each classifier, as in --score-column a --score-column b, or a sec",
        ),
        (("--score-column", "p_ai"), "name the column of each classifier"),
        (("--score-column", "p_ai", "--score-column", "p_ai"), "2 names that differ"),
        (("--score-column", "p_ai", "--score-column", "b"), "there is no column 'b'"),
        (("both.csv", "--name", "x"), "2 names that differ, not 'x'"),
        (("both.csv", "--name", "x", "--name", "x"), "2 names that differ, not 'x' and 'x'"),
        (("both.csv", "--score-column", "p_ai"), "name the column of each classifier"),
    ],
)
def test_calls_that_are_wrong_are_one_line(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "both.csv", ["0.jpg,real,0.2,g"])
    done = run("both.csv", *options, "-o", "out")
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_first_lines_account_for_every_image(tmp_path):
    old = write_csv(
        tmp_path / "old.csv", [f"{i}.jpg,real,{0.9 if i < 4 else 0.1},g" for i in range(20)]
    )
    new = write_csv(tmp_path / "new.csv", [f"{i}.jpg,real,0.1,g" for i in range(4, 25)])
    text = told(old, new, "-o", tmp_path / "out")
    first_lines = text[: text.index("status what each check found")]
    for said in (
        "; unscored images could turn this.",
        "Rows: 16 of 25 read were compared (16 of 25 real photographs); 9 left out: ",
        "5 without a score of old (not in its table), scored by new",
    ):
        assert said in first_lines


def test_training_images_count_if_it_is_asked_for(tmp_path):
    rows = [f"{i}.jpg,real,{i < 3:d},{str(i < 5).lower()}" for i in range(10)]
    old = write_csv(tmp_path / "old.csv", rows, "image,label,p_ai,in_training")
    new = write_csv(tmp_path / "new.csv", [f"{i}.jpg,real,0.1,g" for i in range(10)])
    for pair in ((old, new), (new, old)):
        without = told(*pair, "-o", tmp_path / "out")
        assert "Rows: 5 of 10 read were compared" in without
        assert "5 left out: in the training data of old." in without
        everything = told(*pair, "--include-training", "-o", tmp_path / "out")
        assert "Rows: all 10 read were compared." in everything
        assert read_result(tmp_path / "out" / "compare.json").spec["include_training"]
