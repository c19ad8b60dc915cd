"""Model cards and annexes: their numbers are the audit's, and what nobody supplied stays open."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner

import faceaudit as fa
from faceaudit import bundled
from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.report.annex import write_annex
from faceaudit.report.answers import DOCUMENTS, ITEMS, answer
from faceaudit.report.card import to_card
from faceaudit.report.numbers import cell
from faceaudit.result import Forest, Result
from tests.documents import ROOT, blocks
from tests.drawn import drawn_scores
from tests.report.parsed_page import Page

GROUPS = {"a": (300, 3), "b": (300, 30), "c": (9, 2), "d": (30, 2)}
ANNEX = DOCUMENTS["annex"]["items"]
CARD = [item for items in DOCUMENTS["card"]["sections"].values() for item in items]
DEFAULT = bundled.resolve_model("bundled:with-ffhq")


@pytest.fixture(scope="module")
def audit():
    """Of the recorded scores, which are real, with two limits, intersections and pairs."""
    scores = bundled.recorded_scores("with-ffhq")
    return fa.audit(scores, "ffhq-glasses-age-gender", images=False)


@pytest.fixture(scope="module")
def bare():
    """Of scores of which nobody says anything."""
    return fa.audit(drawn_scores(GROUPS).table, ["group"], name="x")


def annex(result, tmp_path):
    return write_annex(result, tmp_path / "annex.html").read_text("utf-8")


def plain(markdown):
    """Markdown without its marks and escapes."""
    return re.sub(r"\\(.)", r"\1", markdown)


def rates_by_group(result):
    """Every row of a forest of error rates, as cells that a reader sees."""
    checks = [check for check in result.checks if check.part in ("rates", "combined")]
    for of in (detail for check in checks for detail in check.details):
        for row in of.rows if isinstance(of, Forest) and of.rate else ():
            shares = (cell(share, "percent") for share in (row.value, row.low, row.high))
            yield [row.group, cell(row.n, "count"), cell(row.events, "count"), *shares]


def test_each_rate_by_group_stands_in_both_documents_as_in_the_audit(audit, tmp_path):
    lines = plain(to_card(None, [audit])).splitlines()
    rows = {tuple(line.strip("| ").split(" | ")[:6]) for line in lines if line.startswith("| ")}
    page = re.sub(r"</?bdi>", "", annex(audit, tmp_path))
    expected = list(rates_by_group(audit))
    assert len(expected) > 50
    for row in expected:
        assert tuple(of.replace("\u202f", " ") for of in row) in rows
        cells = [f"<td>{row[0]}</td>", *(f'<td class="number">{of}</td>' for of in row[1:])]
        assert "".join(cells) in page


def test_what_is_laid_out_anew_is_what_was_drawn(bare):
    """639 photographs with 37 errors, 200 AI-generated faces with 4; 30 are not too few."""

    def rows(item):
        return answer(item, bare)[0].rows

    fpr, fnr = rows("overall")
    assert fpr[1:4] == [639, 37, pytest.approx(37 / 639)]
    assert fnr[1:4] == [200, 4, pytest.approx(0.02)]
    assert fpr[4] < fpr[3] < fpr[5]
    assert [row[2:4] for row in rows("data_sets")] == [[639, 200]]
    sizes = {row[1]: row[2:] for row in rows("group_sizes")}
    assert sizes["real photographs called AI-generated (FPR)"] == [4, 9, 300, 1]
    (worst,) = [row for row in rows("worst") if row[:2] == ["group", "FPR"]]
    assert worst[2:9] == ["b", 300, 0.1, "a", 300, 0.01, pytest.approx(0.09)]
    assert worst[9] < worst[8] < worst[10]
    assert [row[2:] for row in rows("missing")] == [[200, 200]]


def numbers_in(text):
    return set(re.findall(r"\d(?:[\d,]*\d)?(?:\.\d+)?", text))


def test_every_number_of_the_card_is_one_of_the_audit_or_the_model(audit):
    """Counts, shares and points as written, and the numbers within the audit's own sentences."""
    known = set()

    def collect(value):
        if isinstance(value, dict):
            known.update(*map(numbers_in, value), set())
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                collect(inner)
        elif isinstance(value, str):
            known.update(numbers_in(value))
        elif isinstance(value, int | float):
            written = [cell(value, kind) for kind in ("count", "percent", "points", "number")]
            known.update(*map(numbers_in, [*written, f"{value:g}"]))

    counted = len(answer("gaps", audit)[0].rows), sum(len(of.tests) for of in audit.checks)
    collect([json.loads(audit.model_dump_json()), json.loads((DEFAULT / "model.json").read_text())])
    collect([fa.__name__, yaml.safe_dump(DOCUMENTS), *counted])
    sizes = [n for part in answer("group_sizes", audit)[:1] for row in part.rows for n in row[2:]]
    text = plain(to_card(DEFAULT, [audit]).partition("\n---\n")[2])
    made = {audit.created[:10].split("-")[i] for i in range(3)} | numbers_in("0.1.0")
    strange = numbers_in(text) - known - made - {str(n) for n in sizes}
    (sha256,) = set(re.findall(r"[0-9a-f]{64}", text))
    assert strange - numbers_in(sha256) == set()
    assert len(numbers_in(text)) > 200


@pytest.mark.parametrize("place", range(3))
def test_a_number_that_changes_in_the_audit_changes_in_the_documents(audit, tmp_path, place):
    changed = Result.model_validate_json(audit.model_dump_json())
    if place == 0:
        (check,) = [of for of in changed.checks if of.id == "group-error-rates"]
        check.details[0].rows[1].value = 0.123
        before, after = "29.9", "12.3"
    elif place == 1:
        changed.answer.overall[0].events = 100
        before, after = "29.1", "18.5"
    else:
        (check,) = [of for of in changed.checks if of.verdicts]
        (table,) = [of for of in check.details if of.kind == "table"]
        table.rows[0][4] = 0.0777
        before, after = "+9.1", "+7.8"
    for write in (lambda of: plain(to_card(None, [of])), lambda of: annex(of, tmp_path)):
        old, new = write(audit), write(changed)
        if place:
            assert before in old
        assert old.count(after) < new.count(after)


def test_the_front_matter_is_of_a_hugging_face_card(audit):
    text = to_card(DEFAULT, [audit])
    front = yaml.safe_load(text.split("---\n")[1])
    (model,) = front["model-index"]
    (result,) = model["results"]
    rates = [(of["type"], of["value"]) for of in result["metrics"]]
    assert rates == [(of.rate, of.value) for of in audit.answer.overall]
    assert "license" not in front and "datasets" not in front, "nobody said"
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(text)
    assert card.data.model_name == "with-ffhq"
    assert [of.metric_value for of in card.data.eval_results] == [value for _, value in rates]
    assert card.data.eval_results[0].dataset_type == audit.name


def test_without_an_audit_there_are_no_results():
    text = to_card(DEFAULT, [])
    assert "model-index" not in text
    assert "| utkface | 1,501 | – |" in text
    assert plain(text).count("*Not supplied.*") == sum(
        item not in ("classifier", "training") for item, *_ in CARD
    )


def test_what_nobody_supplied_is_marked_in_the_card_and_what_is_there_is_not(bare):
    text = plain(to_card(None, [bare]))
    for title in DOCUMENTS["card"]["sections"]:
        assert f"\n## {title}\n" in text
    for item, title, missing in CARD:
        section = text.partition(f"### {title}\n")[2]
        section = re.split(r"\n##", section)[0]
        told = answer(item, bare)
        assert (f"*Not supplied.* Write here: {missing}." in section) is not bool(told), title


def test_what_nobody_supplied_heads_the_annex(bare, tmp_path):
    page = Page(annex(bare, tmp_path))
    missing = [(title, missing) for item, title, *_, missing in ANNEX if not answer(item, bare)]
    assert len(missing) > 10
    listed = page.text.partition("What was not supplied")[2].partition(f"1. {ANNEX[0][1]} Inf")[0]
    for title, what in missing:
        assert f"{title} : {what}" in listed
        assert f"{title} Informed by" in page.text
    assert page.text.count("Not supplied.") == len(missing)
    assert len(page.all("section")) == len(ANNEX) + 1
    for _, title, *_ in ANNEX:
        assert f". {title} Informed by: " in page.text


def test_what_a_specification_supplies_is_no_longer_missing(bare, tmp_path):
    table = drawn_scores(GROUPS).table
    table = table.append_column("person", pa.array([str(i // 2) for i in range(len(table))]))
    given = {"attributes": ["group"], "tag_error": {"group": 0.01}, "cluster": "person"}
    given["population"] = [{"group": name, "share": 1 / 4} for name in GROUPS]
    result = fa.audit(table, given)
    for item in ("tag_error", "dependence", "population"):
        assert answer(item, bare) == []
        assert answer(item, result) != []
    text = Page(annex(result, tmp_path)).text
    assert "0.01" in text.partition("How many tags are wrong Informed")[2][:400]


def test_the_annex_states_no_conformity_and_asks_no_network(audit, tmp_path):
    page = Page(annex(audit, tmp_path))
    assert "this is no statement of conformity" in page.text
    assert "a chosen limit, not a legal test" in page.text
    assert "Tags are somebody’s estimate of appearance" in page.text
    assert not {"script", "img", "link", "iframe"} & {name for name, _ in page.elements}
    assert all(of["href"].startswith("#item-") for of in page.all("a"))


def test_text_from_outside_is_text(hostile_audit, tmp_path):
    page = Page(annex(hostile_audit, tmp_path))
    assert not {"script", "img"} & {name for name, _ in page.elements}
    text = to_card(None, [hostile_audit])
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(front)["tags"] == ["faceaudit", "face"]
    assert "<script" not in body and "<img" not in body and "](javascript" not in body
    assert all(
        line.startswith(("# ", "## ", "### ")) for line in body.splitlines() if line[:1] == "#"
    )


@pytest.fixture
def hostile_audit():
    from tests.report.hostile import hostile

    return hostile()


def test_several_audits_stand_apart_and_what_is_the_same_stands_once(audit, bare):
    other = audit.model_copy(update={"title": "Another", "question": "Another question?"})
    text = plain(to_card(None, [audit, other]))
    metrics = text.partition("## Metrics")[2].partition("## Evaluation")[0]
    assert "Audit: Another" in metrics
    assert metrics.count("A score of 0.5 or more") == 1
    with pytest.raises(FaceAuditError, match="one classifier, and these are of several"):
        to_card(None, [audit, bare])
    with pytest.raises(FaceAuditError, match="by the SHA-256 of their weights 2"):
        to_card(bundled.resolve_model("bundled:without-ffhq"), [audit])


def test_scores_without_a_hash_are_the_word_of_who_makes_the_card(bare, audit):
    told = "the word of who made this card"
    assert told in to_card(DEFAULT, [bare])
    assert told not in to_card(DEFAULT, [audit])


def test_the_commands(bare, tmp_path):
    from faceaudit.result import write_result

    file = write_result(tmp_path / "audit.json", bare)
    call = ["card", "--audit", str(file), "-o", str(tmp_path / "card.md")]
    assert CliRunner().invoke(main, call).exit_code == 0
    (tmp_path / "card.md").write_text("written by people")
    again = CliRunner().invoke(main, call)
    assert (again.exit_code, again.output.count("\n")) == (2, 1)
    assert (tmp_path / "card.md").read_text() == "written by people"
    nothing = CliRunner().invoke(main, ["card", "-o", str(tmp_path / "none.md")])
    assert (nothing.exit_code, nothing.output.count("\n")) == (2, 1)
    assert CliRunner().invoke(main, ["report", str(file), "--format", "annex"]).exit_code == 0
    assert (tmp_path / "report.annex.html").is_file()


def test_neither_loads_torch(bare, tmp_path):
    code = (
        "import sys, faceaudit as fa; fa.card('bundled:default', [], sys.argv[1]);"
        "import faceaudit.report.annex; assert not {'torch', 'pandas'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "card.md")], check=True)


def test_every_item_has_an_answer_or_people_to_give_it():
    ids = {item for item, *_ in (*ANNEX, *CARD)}
    assert ids - {""} == ITEMS.keys(), "the rest only people know"
    assert all(len(item) == 5 for item in ANNEX)


PAGE = ROOT / "docs" / "documents.md"


def test_the_examples_of_the_page_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for language, name, text in blocks(PAGE):
        if name:
            Path(name).write_text(text)
        if language == "python":
            exec(compile(text, str(PAGE), "exec"), {})
        for line in re.findall(r"^\$ faceaudit (.*)$", text, re.M) if language == "console" else ():
            done = CliRunner().invoke(main, shlex.split(line))
            assert done.exit_code == 0, f"{line}\n{done.output}"
    assert {"card.md", "default.md", "our-card.md"} <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "out" / "report.annex.html").is_file()
