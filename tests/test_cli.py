"""The command line as a user meets it: whole processes and exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from tests.drawn import drawn_scores
from tests.pictures import write_manifest

HEAVY = ("torch", "pandas", "fastai", "timm", "fairlearn", "scipy", "pyarrow", "plotly")
SPEC = "name: t\ntitle: T\nquestion: '?'\nattributes: [group]\nlimits: {fnr_gap: null}\n"


@pytest.fixture
def folder(tmp_path):
    scores = drawn_scores({"a": (4000, 40), "b": (4000, 44)}).table
    pa_csv.write_csv(scores.drop_columns(["status"]), tmp_path / "good.csv")
    scores = drawn_scores({"a": (4000, 40), "b": (4000, 900)}).table
    pa_csv.write_csv(scores.drop_columns(["status"]), tmp_path / "bad.csv")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def test_audit_gate_report_compare(folder):
    for name, code in (("good", 0), ("bad", 1)):
        done = run(
            "audit", folder / f"{name}.csv", "--spec", folder / "spec.yaml", "-o", folder / name
        )
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith(("Fail: T\n", "Pass: T\n")[name == "good"])
        assert (folder / name / "report.html").stat().st_size > 10_000
        gate = run(
            "gate",
            folder / name / "audit.json",
            "--junit",
            folder / "j.xml",
            "--markdown",
            folder / "m.md",
        )
        assert gate.exit_code == code, gate.output
        assert "<testsuite" in (folder / "j.xml").read_text()
        assert (folder / "m.md").read_text().startswith("**" + ("Failed", "Passed")[code == 0])
    (folder / "bad" / "report.html").unlink()
    assert run("report", folder / "bad" / "audit.json", "--no-images").exit_code == 0
    assert (folder / "bad" / "report.html").is_file()
    gate = run("gate", folder / "bad" / "audit.json", "--baseline", folder / "bad" / "audit.json")
    assert gate.exit_code == 0
    done = run(
        "compare",
        folder / "good.csv",
        folder / "bad.csv",
        "-o",
        folder / "c",
        "--map",
        "dataset=dataset",
    )
    assert done.exit_code == 0, done.output
    assert json.loads((folder / "c" / "compare.json").read_text())["kind"] == "compare"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "none.csv", "--spec", "utkface-demographics", "-o", "out"], "none.csv: no such"),
        (["audit", "good.csv", "--spec", "nonsense", "-o", "out"], "nonsense: no such spec"),
        (["audit", "good.csv", "--spec", "spec.yaml", "-o", "out", "--where", "x ="], "--where"),
        (
            ["audit", "good.csv", "--spec", "spec.yaml", "-o", "out", "--where", "label == 'reel'"],
            "--where \"label == 'reel'\": no row has label 'reel'; did you mean 'real'?",
        ),
        (["audit", "good.csv", "--spec", "spec.yaml", "-o", "out", "--map", "x"], "NAME=COLUMN"),
        (
            ["audit", "good.csv", "--spec", "spec.yaml", "-o", "out", "--threshold", "nan"],
            "threshold: Input should be less than or equal to 1",
        ),
        (
            ["audit", "good.csv", "--spec", "spec.yaml", "-o", "good.csv"],
            "good.csv/audit.json: cannot be written",
        ),
        (
            ["compare", "good.csv", "-o", "c", "--score-column", "p_ai", "--score-column", "x"],
            "--score-column x: there is no column 'x'",
        ),
        (["gate", "good.csv"], "good.csv: is a table; a result is needed: faceaudit audit"),
        (["report", "none.json"], "none.json: no such file; a result is needed"),
        (["index", "nonsense", ".", "-o", "m.parquet"], "nonsense"),
        (["index", "utkface", "none", "-o", "m.parquet"], "none"),
        (["score", "nonsense", "good.csv", "-o", "s.parquet"], "nonsense"),
        (["train", "none.parquet", "-o", "model"], "none.parquet"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    before = set(folder.iterdir())
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    if done.stderr.startswith("faceaudit:"):
        assert done.stderr.count("\n") == 1
    assert set(folder.iterdir()) == before


def test_rows_that_do_not_count_are_said_and_training_images_are_asked_for(folder):
    header, *rows = (folder / "good.csv").read_text().splitlines()
    marked = [f"{row},{'true' if i % 4 == 0 else 'false'}" for i, row in enumerate(rows)]
    (folder / "seen.csv").write_text("\n".join([header + ',"in_training"', *marked]))
    audit = ("audit", folder / "seen.csv", "--spec", folder / "spec.yaml", "-o", folder / "out")
    done = run(*audit)
    assert done.exit_code == 0, done.output
    assert " · 6,150 of 8,200 rows used" in done.stdout
    told = " ".join(run(*audit, "--verbose").stdout.split())
    assert (
        "Rows: 6,150 of 8,200 read were audited (6,000 of 8,000 real photographs, 150 of 200 "
        "AI-generated images); 2,050 left out: in the classifier's training data."
    ) in told
    kept = json.loads((folder / "out" / "audit.json").read_text())["scores"][0]["rows"]
    assert (kept["read"], kept["used"], kept["left_out"][0]["n"]) == (8200, 6150, 2050)
    everything = run(*audit, "--include-training", "-v")
    assert "Rows: all 8,200 read were audited." in everything.stdout
    assert "2,050 of 8,200 images were in this classifier's training data" in " ".join(
        everything.stdout.split()
    )
    slices = run(*audit, "--where", "in_training")
    assert slices.exit_code == 2
    assert "images seen in training count with --include-training" in slices.stderr
    assert run(*audit, "--where", "in_training", "--include-training").exit_code == 0


def test_without_a_specification_every_tag_is_compared_and_that_is_said(folder):
    done = run("audit", folder / "good.csv", "-o", folder / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Pass: Every tag in the table\n")
    assert done.stderr == (
        "note: no --spec: every tag is compared; 'faceaudit init' writes one to choose from\n"
    )
    told = "No specification was given: what makes 2 to 50 groups is compared (group)"
    assert told in (folder / "out" / "report.html").read_text()
    result = json.loads((folder / "out" / "audit.json").read_text())
    assert any(told in note for note in result["limitations"])
    assert result["spec"]["attributes"] == ["group"]
    with_one = run("audit", folder / "good.csv", "--spec", folder / "spec.yaml", "-o", folder / "b")
    assert with_one.stderr == ""


@pytest.mark.parametrize("label", ["label", "truth"])
def test_all_that_foreign_files_lack_is_asked_for_in_one_line(tmp_path, monkeypatch, label):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i}.png,{i % 2},0.{i}" for i in range(9)]
    Path("vendor.csv").write_text("\n".join([f"file,{label},prob", *rows]) + "\n")
    Path("people.csv").write_text("\n".join(["path,race", "0.png,a", "1.png,b"]) + "\n")
    columns = (
        "columns 'image', 'p_ai' are missing; name yours with --map image=file --map p_ai=prob"
    )
    code = "say which label is AI-generated, as in --ai-label 1"
    done = run("audit", "vendor.csv", "--tags", "people.csv", "-o", "out")
    assert done.exit_code == 2
    assert done.stderr.startswith("faceaudit: people.csv: column 'image' is missing")
    assert f"; and vendor.csv: {columns}" in done.stderr
    # In another column it is not known to be a label.
    assert (code in done.stderr) == (label == "label")
    assert done.stderr.count("\n") == 1, "nor is it said what is compared: nothing is"
    alone = run("audit", "vendor.csv", "-o", "out")
    assert alone.stderr.startswith("faceaudit: vendor.csv: columns 'image', ")
    assert (code in alone.stderr) == (label == "label")
    assert alone.stderr.count("vendor.csv") == 1


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_with_an_example(name):
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"faceaudit {name}" in done.output


def loaded_by(code):
    """Which heavy packages a fresh interpreter has loaded after some code."""
    script = f"{code}\nimport sys\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy():
    code = "from faceaudit.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(code) == set()


def test_audit_compare_gate_and_report_never_load_torch(folder):
    code = f"""
from faceaudit import api
api.audit([r'{folder}/good.csv'], r'{folder}/spec.yaml', r'{folder}/o')
api.compare(r'{folder}/good.csv', r'{folder}/good.csv', out=r'{folder}/c')
api.gate(r'{folder}/o/audit.json')
api.report(r'{folder}/o/audit.json')
"""
    assert "torch" not in loaded_by(code)


def test_a_missing_extra_is_named_in_one_line(tmp_path):
    manifest = write_manifest(tmp_path, ["a.jpg"], ["ai"])
    code = f"""
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, *given):
        return None if name in ('torch', 'fastai', 'timm') else self.finder.find_spec(name, *given)
sys.meta_path[:] = map(Without, sys.meta_path)
from faceaudit.cli import main
main(['score', 'bundled:default', r'{manifest}', '-o', r'{tmp_path}/s.parquet'])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install '.[model]' in a checkout" in done.stderr
    assert done.stderr.count("\n") == 1
