"""Results in the terminal: one screen, true to the result, at any width and in any encoding."""

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

from faceaudit import bundled
from faceaudit.cli import main
from faceaudit.comparison.runner import compare
from faceaudit.decision import gate
from faceaudit.result import read_result, write_result
from faceaudit.runner import audit
from faceaudit.screen import Screen
from faceaudit.spec import find_spec
from faceaudit.tables import read_scores
from faceaudit.terminal import print_decision, print_json, print_result
from faceaudit.wording import natural_frequency
from tests.pictures import draw, encode

STUDIES = Path(__file__).parents[1] / "docs" / "studies"
AUDITS = ("generator-source", "ffhq-glasses-age-gender", "utkface-demographics")
NAMES = [*AUDITS, "compare", "long", "narrow", *(path.stem for path in STUDIES.glob("*.json"))]
WIDE = "非常に長い名前の集団"


@pytest.fixture(scope="module")
def results():
    """Audits and a comparison of the recorded scores, the recorded studies, and odd names."""
    first, second = (read_scores(bundled.recorded_scores(n)) for n in ("without-ffhq", "with-ffhq"))
    found = {name: audit(first, find_spec(name)) for name in AUDITS}
    names = "without-ffhq", "with-ffhq"
    found["compare"] = compare([first, second], find_spec("recorded-comparison"), names=names)
    found |= {path.stem: read_result(path) for path in STUDIES.glob("*.json")}
    for name, kind in (("long", "a group whose name goes on and on " * 9), ("narrow", WIDE)):
        odd = found["utkface-demographics"].model_copy(deep=True)
        odd.title, odd.scores[0].name, odd.answer.why = kind * 3, kind * 3, kind * 30
        for i, row in enumerate(odd.first_figure.rows):
            row.group = f"{kind}{i}"
        found[name] = odd
    return found


@pytest.fixture(params=NAMES)
def result(request, results):
    return results[request.param]


def printed(result, capsys, width=80, **how):
    """What the command prints, as lines; the last one is of the report's path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        print_result(result, Path("out"), **({"verbose": False, "as_json": False} | how))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("width", "most"), [(40, 40), (60, 28), (80, 24), (120, 24)])
def test_a_result_takes_one_screen(result, width, most, capsys):
    lines = printed(result, capsys, width)
    assert len(lines) <= most
    assert {line for line in lines[:-1] if cell_len(line) > width} == set()
    assert lines[-1] == f"report: out/report.html ({result.kind}.json beside it)"


@pytest.mark.parametrize("width", [60, 120])
def test_everything_with_v_obeys_the_width_and_leaves_nothing_out(result, width, capsys):
    lines = printed(result, capsys, width, verbose=True)
    assert {line for line in lines[:-1] if cell_len(line) > width} == set()
    told = re.sub(r"\s", "", "".join(lines)).replace("−", "-")
    lines_of = ("who", "how_much", "how_sure", "why")
    answer = [getattr(result.answer, line) for line in lines_of]
    for text in (*answer, *(check.sentence for check in result.checks), *result.limitations):
        assert re.sub(r"\s", "", text).replace("−", "-") in told


@pytest.mark.parametrize("name", AUDITS)
def test_an_audit_tells_its_numbers(name, results, capsys):
    result = results[name]
    lines = printed(result, capsys)
    screen = " ".join(lines)
    assert result.verdict in screen
    rows = result.scores[0].rows
    assert f"without-ffhq · {rows.used:,} of {rows.read:,} rows used" in lines
    for of, verb in zip(result.answer.overall, ("wrongly accuses", "misses"), strict=True):
        share = natural_frequency(of.events, of.n)
        assert f"{verb} {share} ({of.events:,} of {of.n:,})" in screen
    line = next(line for line in lines if line.startswith("Checks: "))
    checks, _, limitations = line.partition(" · ")
    assert sum(map(int, re.findall(r"\d+", checks))) == len(result.checks)
    assert limitations == f"{len(result.limitations)} limitations (-v tells all)"


@pytest.mark.parametrize("name", AUDITS)
def test_the_figure_shows_who_is_accused_most_and_least_and_no_small_group(name, results, capsys):
    result = results[name]
    judged = [row for row in result.first_figure.rows if row.n >= result.spec["small_group"]]
    lines = printed(result, capsys)
    drawn = [
        (row, line)
        for line in lines
        for row in result.first_figure.rows
        if line.startswith(f"{row.group}  ") and line.endswith(f" {row.events:,} of {row.n:,}")
    ]
    assert 1 < len(drawn) <= 5
    rates = [row.value for row, _ in drawn]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == max(row.value for row in judged)
    assert rates[-1] == min(row.value for row in judged)
    assert all(row in judged for row, _ in drawn)
    bars = [line.count("█") for _, line in drawn]
    for row, line in drawn:
        assert abs(line.count("█") - bars[0] * row.value / rates[0]) < 1
        assert f"{100 * row.value:.1f} %" in line or 0 < row.value < 0.001
    left = len(result.first_figure.rows) - len(drawn)
    assert any(line.startswith(f"… and {left} more group") for line in lines)


def test_where_there_are_few_groups_the_small_ones_come_last(results, capsys):
    result = results["utkface-demographics"].model_copy(deep=True)
    figure = result.first_figure
    figure.rows = figure.rows[:3]
    small = figure.rows[0]
    small.n, small.events, small.value = 3, 3, 1.0
    lines = printed(result, capsys)
    shown = [line for row in figure.rows for line in lines if line.startswith(f"{row.group}  ")]
    assert sorted(shown, key=lines.index)[-1].endswith(" 3 of 3")


def test_groups_without_images_of_the_kind_are_no_small_groups(capsys):
    scores = read_scores(bundled.recorded_scores("with-ffhq"))
    lines = printed(audit(scores, find_spec("samples")), capsys)
    # Five of the eleven data sets are of photographs alone.
    assert "… and 1 more group" in lines


def test_a_comparison_tells_both_rates_and_draws_gains_to_the_left(results, capsys):
    lines = printed(results["compare"], capsys)
    screen = "\n".join(lines)
    assert "wrongly accuses 1 in 15 (565 of 8,468) → 1 in 54 (158 of 8,468)" in screen
    assert "misses 1 in 12 (152 of 1,860) → 1 in 4 (481 of 1,860)" in screen
    (gain,) = (line for line in lines if line.startswith("ffhq "))
    (loss,) = (line for line in lines if line.startswith("stylegan2 "))
    assert "█│" in gain
    assert "−69.4 pts" in gain
    assert "│█" in loss
    assert "+37.0 pts" in loss
    assert gain.index("│") == loss.index("│")
    assert abs(gain.count("█") / loss.count("█") - 69.4 / 37.0) < 0.5
    assert "For information" not in screen


def test_no_raw_status_no_colour_and_one_kind_of_minus(result, capsys):
    texts = [printed(result, capsys, verbose=verbose) for verbose in (False, True)]
    if result.kind == "audit":
        print_decision(gate(result, result), as_json=False, github=False)
        texts.append(capsys.readouterr().out.splitlines())
    for line in (line for text in texts for line in text):
        assert "insufficient-evidence" not in line
        assert "not-estimable" not in line
        assert "\x1b" not in line
        assert not re.search(r"(?:^|[\s(])-\d", line)


def test_colour_where_there_is_colour(results):
    status = Screen(results["generator-source"], Console(width=80)).lines()[0]
    assert status.plain.startswith("Fail: ")
    assert any("red" in str(span.style) for span in status.spans)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_blocks_gets_plain_signs(encoding, result, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setenv("COLUMNS", "80")
    print_result(result, Path("out"), verbose=False, as_json=False)
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert result.verdict[:20].replace("−", "-") in text
    assert "█" not in text
    if result.kind != "study" and result.answer.overall[0].events:
        assert "###" in text


def test_json_of_a_result_is_what_the_result_says(result, capsys):
    told = json.loads("\n".join(printed(result, capsys, as_json=True)))
    assert told["status"] == result.status
    assert told["verdict"] == result.verdict
    assert [of["id"] for of in told["checks"]] == [check.id for check in result.checks]
    assert told["answer"] == (result.answer and result.answer.model_dump(mode="json"))
    assert told["report"] == "out/report.html"


def test_json_of_the_commands(results, tmp_path):
    path = write_result(tmp_path / "audit.json", results["utkface-demographics"])
    done = CliRunner().invoke(main, ["gate", str(path), "--json"])
    told = json.loads(done.stdout)
    assert told["code"] == done.exit_code == 3
    assert {of["status"] for of in told["outcomes"]} >= {"pass", "insufficient-evidence"}
    done = CliRunner().invoke(main, ["report", str(path), "--json"])
    assert Path(json.loads(done.stdout)["report"]).is_file()
    for command in ("audit", "compare", "gate", "report"):
        shown = CliRunner().invoke(main, [command, "--help"]).stdout
        assert "--json | jq" in shown


def test_where_a_file_is_stands_in_one_line(tmp_path):
    deep = tmp_path / "a folder with a name as long as they are" / "and another one in it"
    (deep / "pictures" / "real").mkdir(parents=True)
    rng = np.random.default_rng(0)
    (deep / "pictures" / "real" / "0.png").write_bytes(encode(draw(rng, "real")))
    (deep / "pictures" / "real" / "1.png").write_bytes(b"no picture")
    (deep / "judge.py").write_text("def judge(image):\n    return 0.5\n")
    manifest, scores = deep / "m.parquet", deep / "s.parquet"

    def lines(*words: object) -> list[str]:
        done = CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "60"})
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    told = lines("index", "folder", deep / "pictures", "-o", manifest)
    assert f"manifest: {manifest}" in told
    assert any(line.startswith(f"reject ledger: {deep}") for line in told)
    told = lines("score", f"python:{deep / 'judge.py'}:judge", manifest, "-o", scores)
    assert f"scores: {scores}" in told


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "arguments",
    [
        "datasets",
        "plan --spec utkface-demographics --rates fpr=0.02,fnr=0.1 --groups race=5,gender=2,"
        "age_band=9",
    ],
)
def test_tables_obey_the_width_and_are_whole(width, arguments):
    done = CliRunner().invoke(main, arguments.split(), env={"COLUMNS": str(width)})
    assert done.exit_code == 0
    assert all(len(line) <= width for line in done.stdout.splitlines())
    assert "…" not in done.stdout.replace("/…", "")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_gate_is_whole_at_any_width(width, results, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    decision = gate(results["utkface-demographics"])
    print_decision(decision, as_json=False, github=False)
    shown = capsys.readouterr().out
    assert all(len(line) <= width for line in shown.splitlines())
    words = set(shown.replace("−", "-").replace(":", "").split())
    for of in decision.outcomes:
        assert set(f"{of.check} {of.name} {of.found}".replace(":", "").split()) <= words


def test_a_value_that_json_does_not_know_is_text(capsys):
    print_json({"path": Path("a/b")})
    assert json.loads(capsys.readouterr().out) == {"path": "a/b"}
