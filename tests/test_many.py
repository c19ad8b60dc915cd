"""Three classifiers and more on the same images, with differences that are known."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import binomtest

from faceaudit import api, tables
from faceaudit.checks.parts.sentences import MOST_WORDS, words
from faceaudit.cli import main
from faceaudit.comparison.runner import compare
from faceaudit.errors import FaceAuditError
from faceaudit.report.html import render_html
from faceaudit.report.markdown import to_markdown
from faceaudit.result import read_result
from faceaudit.spec import Spec
from faceaudit.tables import Scores
from tests.drawn import drawn_scores
from tests.test_compare import rescored, unscored, with_column

SPEC = Spec(name="t", title="T", question="?", attributes=["group"])
NAMES = ("old", "planted", "better")


def wrongly(scores, wrong):
    """The scores of a classifier that is wrong about just these images."""
    is_ai = np.array(scores.table["label"].to_pylist()) == "ai"
    return rescored(scores, np.where(is_ai != wrong, 0.9, 0.1))


def planted(n=400):
    """One worse for group b only, one better for real photographs and worse for AI faces."""
    first = drawn_scores({"a": (n, 0), "b": (n, 0), "c": (n, 0)}, ai=(n, 0))
    rng = np.random.default_rng(5)
    group = np.array([of or "ai" for of in first.table["group"].to_pylist()])
    old = rng.random(len(group)) < 0.1
    other = old | ((group == "b") & (rng.random(len(group)) < 0.2))
    better = np.where(
        group == "ai", old | (rng.random(len(group)) < 0.2), old & (rng.random(len(group)) < 0.3)
    )
    return [wrongly(first, wrong) for wrong in (old, other, better)], (old, other, better), group


def check(result, id):
    return next(of for of in result.checks if of.id == id)


def rows(detail):
    heads = [column.title for column in detail.columns]
    return [dict(zip(heads, row, strict=True)) for row in detail.rows]


def test_who_is_best_for_whom_and_at_what_price():
    scores, wrong, group = planted()
    result = compare(scores, SPEC, names=NAMES)
    rates = [np.mean(of[group != "ai"]) for of in wrong]
    assert result.verdict == (
        f"better wrongly accuses the fewest real photographs ({100 * rates[2]:.1f} %) of 3 "
        "classifiers; on AI-generated faces it ranks 3."
    )
    fpr, fnr = (check(result, f"compare-leaderboard-{rate}") for rate in ("fpr", "fnr"))
    (scatter, table, *_) = fpr.details
    assert scatter is result.first_figure
    assert [row["classifier"] for row in rows(table)] == ["better", "old", "planted"]
    assert [row["rank"] for row in rows(table)] == ["1", "2", "3"]
    assert [row["rank"] for row in rows(fnr.details[0])] == ["1 to 2", "1 to 2", "3"]
    of_planted = rows(table)[2]
    assert of_planted["wrong"] == pytest.approx(rates[1])
    assert of_planted["worst group"] == "group 'b'"
    in_b = wrong[1][group == "b"]
    assert of_planted["wrong in it"] == pytest.approx(in_b.mean())
    limits = binomtest(int(in_b.sum()), len(in_b)).proportion_ci(0.95)
    point = scatter.points[2]
    assert (point.name, point.y, point.y_high) == (
        "planted",
        in_b.mean(),
        pytest.approx(limits.high),
    )
    assert point.y_low < limits.low, "it allows for the choice among three"
    by_group = [np.mean(wrong[1][group == of]) for of in "abc"]
    assert of_planted["gap"] == pytest.approx(max(by_group) - min(by_group))
    # No AI-generated face has a group.
    assert [detail.kind for detail in fnr.details] == ["table"]


def test_a_classifier_that_is_worse_in_one_group_is_named_with_that_group_alone():
    scores, wrong, group = planted()
    result = compare(scores, SPEC, names=NAMES)
    told = re.search(r"Against old, planted: ([^.]*\.\d %[^;]*); (.*?)\. ", result.answer.who + " ")
    before, after = (100 * np.mean(of[group == "b"]) for of in wrong[:2])
    assert told.groups() == (
        f"worse for real photographs of group 'b' ({before:.1f} % to {after:.1f} %)",
        "undecided for 2 groups",
    )
    counted = rows(check(result, "compare-first").details[0])
    of_planted = next(of for of in counted if of["classifier"] == "planted")
    assert [of_planted[of] for of in ("better for", "worse for", "undecided")] == [0, 1, 2]
    (_, table) = check(result, "compare-1").details
    shown = {row["group"]: row["shown"] for row in rows(table) if row["groups by"] == "group"}
    assert shown == {"a": "undecided", "b": "worse", "c": "undecided"}


def test_more_classifiers_make_each_difference_harder_to_show_and_tests_are_one_family():
    scores, _, _ = planted()
    two = compare(scores[:2], SPEC, names=NAMES[:2])
    many = compare([*scores, *scores], SPEC, names=[*NAMES, "d", "e", "f"])

    def of_b(result, id):
        return next(
            of for of in check(result, id).findings if "'b'" in of.sentence and of.rate == "fpr"
        ).interval

    wide, narrow = of_b(many, "compare-1"), of_b(two, "compare-group")
    assert wide.low < narrow.low < narrow.value == wide.value
    # Five are held against the first: the half of the error for groups is shared by them all.
    assert 1 - wide.confidence == pytest.approx((1 - narrow.confidence) / 5)
    over_all = check(many, "compare-1").findings[0].interval, two.checks[0].findings[0].interval
    assert 1 - over_all[0].confidence == pytest.approx((1 - over_all[1].confidence) / 15)
    tests = [test for each in many.checks for test in each.tests]
    lowest = min(tests, key=lambda of: of.p)
    assert lowest.p_holm == pytest.approx(min(len(tests) * lowest.p, 1))
    assert sum(of.method == "DeLong" for of in tests) == 5
    assert "old and d give every image the same score" in " ".join(many.limitations)


@pytest.mark.parametrize("seed", range(6))
def test_ranks_agree_with_the_pairs_themselves(seed):
    """A rank is lost only where a comparison of the two, counted on its own, shows it."""
    rng = np.random.default_rng(seed)
    first = drawn_scores({"a": (300, 0), "b": (300, 0)}, ai=(200, 0))
    n = len(first.table)
    hard = rng.random(n)
    wrong = [
        hard * rng.uniform(0.5, 1) + rng.random(n) * 0.5 < rng.uniform(0.1, 0.4) for _ in range(4)
    ]
    people = rng.integers(0, n // 3, n).astype(str).tolist() if seed % 2 else None
    scores = [wrongly(first, of) for of in wrong]
    if people:
        scores = [with_column(of, "person", people) for of in scores]
    names = list("wxyz")
    result = compare(scores, SPEC, names=names)
    confidence = check(result, "compare-1").findings[0].interval.confidence
    behind = dict.fromkeys(names, 0)
    ahead = dict.fromkeys(names, 0)
    asked = SPEC.model_copy(update={"confidence": confidence, "small_group": 10_000})
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        alone = (
            compare([scores[i], scores[j]], asked, names=(one, other)).checks[0].details[0].rows[0]
        )
        if alone.low > 0 or alone.high < 0:
            best, worst = (one, other) if alone.low > 0 else (other, one)
            behind[best] += 1
            ahead[worst] += 1
    leaderboard = rows(check(result, "compare-leaderboard-fpr").details[1])
    for row in leaderboard:
        name = row["classifier"]
        first_rank, last_rank = 1 + ahead[name], 4 - behind[name]
        told = f"{first_rank}" if first_rank == last_rank else f"{first_rank} to {last_rank}"
        assert row["rank"] == told
    assert words(result.verdict) <= MOST_WORDS
    told_apart = re.search(
        r"Told apart, of 6 pairs of classifiers: (\d+) on real photographs, ",
        result.answer.how_sure,
    )
    assert int(told_apart[1]) == sum(behind.values())


@pytest.mark.parametrize("length", [1, 6, 12])
def test_names_of_many_words_leave_the_headline_short(length):
    scores, _, _ = planted()
    names = [" ".join([of] * length) for of in "abc"]
    assert words(compare(scores, SPEC, names=names).verdict) <= MOST_WORDS


def test_the_asked_error_rate_leads():
    scores, _, _ = planted()
    result = compare(scores, SPEC.model_copy(update={"rate": "fnr"}), names=NAMES)
    assert result.verdict.startswith("2 of 3 may be best on AI-generated faces, ")
    assert (result.answer.rate, result.answer.figure.check) == ("fnr", "compare-leaderboard-fnr")


# --- what differs between tables ---------------------------------------------------------------


def test_only_images_that_all_scored_count_and_what_each_lost_is_counted():
    scores, wrong, group = planted()
    scores[1] = unscored(scores[1], range(10))
    scores[2] = Scores(scores[2].table.slice(5), scores[2].info)
    result = compare(scores, SPEC, names=NAMES)
    assert (result.scores[0].rows.used, result.scores[0].rows.read) == (1_590, 1_600)
    assert {of.reason: of.n for of in result.scores[0].rows.left_out} == {
        "without a score of planted (unreadable), scored by another": 10
    }
    (table,) = check(result, "compare-common").details
    real = {row["classifier"]: row for row in rows(table) if row["images"] == "real photographs"}
    lost = [
        (row["compared"], row["without its score"], row["lost for others"]) for row in real.values()
    ]
    assert lost == [(1_190, 0, 10), (1_190, 10, 0), (1_190, 5, 5)]
    assert real["old"]["wrong on the lost"] == pytest.approx(np.mean(wrong[0][:10]))
    for row in rows(check(result, "compare-leaderboard-fpr").details[1]):
        of = NAMES.index(row["classifier"])
        assert row["wrong"] == pytest.approx(np.mean(wrong[of][10:][group[10:] != "ai"]))
    # The pairs are counted on the same images, also those that the two have beside the third.
    for id in ("compare-1", "compare-2"):
        everybody = rows(check(result, id).details[-1])[0]
        assert (everybody["group"], everybody["n"]) == ("all images", 1_190)
    assert "compare-common" not in {of.id for of in compare(planted()[0], SPEC, names=NAMES).checks}


def test_who_skips_its_own_errors_is_said():
    """The last one skips the images that all get wrong."""
    scores, wrong, _ = planted()
    skips = Scores(scores[0].table.filter(~wrong[0]), scores[0].info)
    result = compare([*scores[:2], skips], SPEC, names=("old", "planted", "skips"))
    assert "could turn the comparison with old of skips" in result.answer.how_sure


def test_refusals_name_the_tables_that_disagree():
    scores, _, _ = planted(40)
    labels = ["ai", *scores[0].table["label"].to_pylist()[1:]]
    other = with_column(scores[2], "label", labels)
    with pytest.raises(FaceAuditError, match=r"'a/0\.jpg' is real in old and ai in better"):
        compare([*scores[:2], other], SPEC, names=NAMES)
    apart = with_column(scores[2], "image", [f"x{i}" for i in range(160)])
    with pytest.raises(
        FaceAuditError, match=r"share no image: old has 'a/0\.jpg', better has 'x0'"
    ):
        compare([*scores[:2], apart], SPEC, names=NAMES)
    thirds = [unscored(of, [i for i in range(160) if i % 3 != k]) for k, of in enumerate(scores)]
    with pytest.raises(FaceAuditError, match="no image is left that all scored"):
        compare(thirds, SPEC, names=NAMES)
    with pytest.raises(FaceAuditError, match="neither old nor planted nor better has a tag 'race'"):
        compare(scores, SPEC.model_copy(update={"attributes": ["race"]}), names=NAMES)


def test_each_is_read_at_its_own_threshold_unless_one_is_chosen():
    scores, _, _ = planted(40)
    info = scores[2].info.model_copy(deep=True)
    info.model.threshold = 0.05
    scores[2] = Scores(scores[2].table, info)
    result = compare(scores, SPEC, names=NAMES)
    assert "(old 0.5, planted 0.5, better 0.05)" in " ".join(result.limitations)
    worst = rows(check(result, "compare-leaderboard-fpr").details[1])[-1]
    assert (worst["classifier"], worst["wrong"]) == ("better", 1.0)
    chosen = compare(scores, SPEC.model_copy(update={"threshold": 0.5}), names=NAMES)
    assert "own threshold" not in " ".join(chosen.limitations)
    assert {of.threshold for of in chosen.scores} == {0.5}


def test_images_of_one_label_and_a_slice_are_enough():
    scores, _, _ = planted(60)
    real = [Scores(of.table.slice(0, 180), of.info) for of in scores]
    result = compare(real, SPEC.model_copy(update={"slice": "group == 'b'"}), names=NAMES)
    assert [of.id for of in result.checks if "leaderboard" in of.id] == ["compare-leaderboard-fpr"]
    table = check(result, "compare-leaderboard-fpr").details[1]
    assert {row["worst group"] for row in rows(table)} & {"slice \"group == 'b'\"", "group 'b'"}
    assert not [test for of in result.checks for test in of.tests if test.method == "DeLong"]
    assert words(result.verdict) <= MOST_WORDS


# --- as a command, on a page -------------------------------------------------------------------


def test_columns_of_one_table_as_a_command(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = [
        f"{i}.jpg,{'real' if i % 2 else 'ai'},{(i % 7) / 10},{(i % 5) / 5},{(i % 3) / 3},g{i % 2}"
        for i in range(400)
    ]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["image,label,a,b,c,group", *lines]) + "\n")
    given = [of for name in "abc" for of in ("--score-column", name)]
    done = CliRunner().invoke(main, ["compare", str(path), *given, "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    screen = done.output.splitlines()
    assert screen[0] == "3 classifiers on the same images" and len(screen) <= 24
    assert all(len(line) <= 80 for line in screen[:-1])
    assert re.search(r"^[abc] .*█.* % .* worst +\d", done.output, re.MULTILINE)
    result = read_result(tmp_path / "out" / "compare.json")
    assert [of.name for of in result.scores] == ["a", "b", "c"]
    assert [of.name for of in result.inputs] == ["s.csv"] * 3
    # The others' scores are no tags.
    assert result.spec["attributes"] == ["group"]


def test_one_table_is_read_once_for_all_its_columns(tmp_path, monkeypatch):
    lines = [f"{i}.jpg,{'real' if i % 2 else 'ai'},.{i % 7},.{i % 5},.{i % 3}" for i in range(400)]
    scores, tags = tmp_path / "s.csv", tmp_path / "t.csv"
    scores.write_text("\n".join(["image,label,a,b,p_ai", *lines]) + "\n")
    tagged = [f"{i}.jpg,g{i % 4 // 2},g{i % 3}" for i in range(400)]
    tags.write_text("\n".join(["image,group,b", *tagged]) + "\n")
    read = Counter()

    def counting(work):
        def once_more(path, *rest):
            read[work, Path(path).name] += 1
            return work(path, *rest)

        return once_more

    for work in (tables.read_file, tables.sha256_of):
        monkeypatch.setattr(tables, work.__name__, counting(work))
    result = api.compare(scores, score_columns=("a", "b", "p_ai"), tags=tags)
    assert len(read) == 4 and set(read.values()) == {1}
    # Neither the others' scores nor a column of the tags that is called as one of them is a tag.
    assert result.spec["attributes"] == ["group"]


def test_page_and_markdown_have_the_leaderboard():
    scores, _, _ = planted(40)
    result = compare(scores, SPEC, names=("<i>old", "planted", "better"))
    page, markdown = render_html(result), to_markdown(result)
    assert "&lt;i&gt;old" in page and "<i>old" not in page
    assert 'class="figure scatter' in page
    assert "Leaderboard\\: false positive rate" in markdown and "| better |" in markdown
