"""What docs/findings.md says of the suspicions is what the recorded study has, and no more."""

from __future__ import annotations

import runpy
from pathlib import Path

import pyarrow.compute as pc
import pytest

from faceaudit import api
from faceaudit.bundled import recorded_scores
from faceaudit.result import read_result
from faceaudit.schema import called_ai
from faceaudit.stats.risk_ratios import odds_ratio
from faceaudit.studies.hypotheses_by_seed import POPULATION, PUBLISHED_ERROR, conclude
from faceaudit.studies.mitigation import PLAIN, Mitigation
from faceaudit.tables import read_scores
from faceaudit.wording import percent

DOCS = Path(__file__).parents[1] / "docs"
TEXT = " ".join((DOCS / "findings.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def suspected():
    result = read_result(DOCS / "studies" / "data-in-training.json")
    (check,) = (check for check in result.checks if check.id == "suspected")
    return check


def row(check, side, who):
    titles = [column.title for column in check.details[0].columns]
    (found,) = (
        dict(zip(titles, cells, strict=True))
        for cells in check.details[0].rows
        if cells[:2] == [f"{side} ffhq", "ffhq"] and cells[2].startswith(who)
    )
    return found


def test_the_recorded_conclusion_is_what_its_numbers_give(suspected):
    rows = [cells[:-3] for cells in suspected.details[0].rows]
    again = conclude(rows, "", 0.95)
    assert again.sentence == suspected.sentence
    assert again.details[0].rows == suspected.details[0].rows


def test_the_population_is_told_with_its_p_among_all_rows(suspected):
    assert len(suspected.details[0].rows) == 20
    for side, words in (
        ("with", "{:.2f} times as high ({:.2f} to {:.2f}; five seeds; p = {:.3f})"),
        ("with", "with FFHQ in training ({1:.2f} to {2:.2f}, p = {3:.3f};"),
        ("with", "with all of them allowed for (Holm), p = {4:.2f}, which chance alone"),
        ("with", "by Holm over all of them this one has {4:.2f}:"),
        ("without", "{:.2f} times ({:.2f} to {:.2f}, p = {:.2f})"),
    ):
        found = row(suspected, side, POPULATION)
        numbers = [found[name] for name in ("ratio", "ratio: from", "ratio: to", "p", "p (Holm)")]
        assert words.format(*numbers) in TEXT, words


@pytest.mark.parametrize("who", ["people with glasses", "middle-aged", "people with round"])
def test_what_is_excluded_is_told_as_odds_too(suspected, who):
    found = row(suspected, "without", who)
    ratio, low, high = (found[f"ratio, others equal{end}"] for end in ("", ": from", ": to"))
    odds = odds_ratio(high, PUBLISHED_ERROR)
    assert f"{ratio:.2f}" in TEXT and f"({low:.2f} to {high:.2f})" in TEXT
    assert f"more than {high:.2f} times ({odds:.1f} times the odds) is excluded" in TEXT


@pytest.mark.parametrize("arm", ["without-ffhq", "with-ffhq"])
def test_errors_before_re_encoding_are_the_recorded_ones(arm):
    recorded = read_scores(recorded_scores(arm))
    called = called_ai(recorded.table["p_ai"], recorded.info.model.threshold)
    wrong = called != pc.equal(recorded.table["label"], "ai").to_numpy()
    _, _, told = (DOCS / "findings.md").read_text("utf-8").partition(f"\n| {arm} | n | wrong |")
    lines = told.partition("\n\n")[0].splitlines()[2:]
    for name, n, before, *_ in ([cell.strip() for cell in line[1:].split("|")] for line in lines):
        here = pc.equal(recorded.table["dataset"], name).to_numpy()
        assert (n, before) == (f"{here.sum():,}", percent(wrong[here].mean())), name
    assert len(lines) == 9


def test_what_not_seen_excludes():
    odds = odds_ratio(1.25, PUBLISHED_ERROR)
    assert f"1.25 times as often is {odds:.1f} times the odds" in TEXT
    assert "not replicated" not in TEXT


def test_what_the_detector_trained_at_one_delivery_gets_right_is_recorded():
    recorded = read_scores(recorded_scores("equal-delivery"))
    is_ai = pc.equal(recorded.table["label"], "ai").to_numpy()
    right = [
        called_ai(recorded.table[column], recorded.info.model.threshold) == is_ai
        for column in ("p_ai", "p_ai[size=224,jpeg=85]")
    ]
    _, _, told = (DOCS / "findings.md").read_text("utf-8").partition("\n| | n | with-ffhq, one")
    lines = told.partition("\n\n")[0].splitlines()[2:]
    for name, n, _, *shares in ([c.strip() for c in line[1:-1].split("|")] for line in lines):
        here = pc.equal(recorded.table["dataset"], name).to_numpy()
        assert n == f"{here.sum():,}", name
        assert [s.partition(" (")[0] for s in shares] == [percent(r[here].mean()) for r in right]
    assert len(lines) == 11


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("without-ffhq", "{1:.1f} remain ({2:.1f} to {3:.1f}) and {4:.1f} were delivery ({5:.1f}"),
        ("with-ffhq", "is {0:.1f} points: {1:.1f} remain ({2:.1f} to {3:.1f}), and {4:.1f} were"),
    ],
)
def test_what_remains_of_the_collapse_at_one_delivery_is_what_the_scores_give(model, words):
    result = api.audit([recorded_scores(model)], "person-or-delivery")
    (check,) = (check for check in result.checks if check.id == "equal-delivery")
    gap = next(of for of in check.findings if of.tags == ["dataset"] and of.rate == "fpr")
    assert [of.group for of in gap.groups] == [["ffhq"], ["celeba"]]
    one, (most, least) = gap.one_delivery, gap.groups
    numbers = (most.value - least.value, one.value, one.low, one.high, one.part, one.part_low)
    assert words.format(*(100 * of for of in numbers)) in TEXT


@pytest.mark.parametrize("arm", ["without-ffhq", "with-ffhq", "equal-delivery"])
def test_what_mends_the_recorded_scores_is_what_the_study_finds(arm):
    recorded = read_scores(recorded_scores(arm))
    unseen = recorded.table.filter(pc.invert(recorded.table["in_training"]))
    judged = Mitigation().judge({PLAIN: [(unseen, recorded.info.model.threshold)]})
    assert "helps" not in {of.verdict for of in judged.found}, "no remedy helps without a price"
    for of in judged.found:
        fpr, fnr = of.by_group[0], of.overall[1]
        cells = []
        for counts, group in ((fpr, "ffhq"), (fnr, "all images")):
            i = counts.groups.index(group)
            was, now = (100 * counts.rates(0.95, plain=side).mean[i] for side in (True, False))
            change, low, high = (100 * end[i] for end in counts.changes(0.95)[:3])
            cells += [f"{was:.1f} → {now:.1f}", f"{change:+.1f} ({low:+.1f} to {high:+.1f})"]
        assert f"| {arm} | {of.setting.name} | {' | '.join(cells)} |" in TEXT
        if of.setting.name == "delivery-recalibration":
            missed = of.by_group[1]
            i = missed.groups.index("one-million-fake-faces")
            was, now = (100 * missed.rates(0.95, plain=side).mean[i] for side in (True, False))
            told = f"{now:.1f} % for {f'{was:.1f} %' if was else 'none'} (`{arm}`)"
            assert told in TEXT


def test_claims_at_one_delivery_are_the_recorded_ones():
    script = runpy.run_path(str(DOCS.parent / "data" / "claims_at_one_delivery.py"))
    told = list(script["rows"]())
    assert len(told) == 14
    for line in told:
        assert " ".join(line.split()) in TEXT, line


def test_remedies_are_told_as_the_recorded_study_has_them():
    checks = {one.id: one for one in read_result(DOCS / "studies" / "mitigation.json").checks}
    _, _, overall, worst = checks["mitigation"].details
    told = {row[0]: row for row in worst.rows if row[1] == "real photographs called AI-generated"}
    for name, *_, missed, low, high, auc, auc_low, auc_high in overall.rows:
        end = (
            f"{100 * missed:.1f} % ({100 * low:.1f} to {100 * high:.1f}) | "
            f"{auc:.3f} ({auc_low:.3f} to {auc_high:.3f}) |"
        )
        if name == "plain":
            assert "| plain | 35.4 % | – | " + end in TEXT
            continue
        assert told[name][2] == "ffhq"
        rate, (more, least, most) = told[name][3], told[name][6:9]
        points = f"{100 * more:+.1f} ({100 * least:+.1f} to {100 * most:+.1f})"
        assert f"| {name} | {100 * rate:.1f} % | {points} | {end}" in TEXT, name
