"""Whether an audit is the same as an earlier one, and what is said if it is not."""

import hashlib
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from faceaudit import api
from faceaudit.cli import main
from faceaudit.reproduction import reproduction
from faceaudit.result import Result, read_result
from faceaudit.runner import audit
from faceaudit.spec import Spec
from faceaudit.tables import concat_scores, inputs_of, read_scores, read_tags, write_table
from tests.drawn import drawn_scores

SPEC = "name: t\ntitle: T\nquestion: '?'\nattributes: [group]\nlimits: {fpr_gap: 0.05}\n"
GROUPS = {"a": (300, 3), "b": (300, 30), "c": (40, 9)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with scores, tags, a specification and their audit."""
    folder = tmp_path_factory.mktemp("audited")
    table = drawn_scores(GROUPS).table
    pa_csv.write_csv(table.select(["image", "label", "p_ai"]), folder / "scores.csv")
    pa_csv.write_csv(table.select(["image", "group"]), folder / "tags.csv")
    (folder / "spec.yaml").write_text(SPEC)
    run(folder, "first")
    return folder


def run(folder, out, *options, scores="scores.csv", spec="spec.yaml"):
    tags = ["--tags", str(folder / "tags.csv")]
    given = [str(folder / scores), "--spec", str(folder / spec), "-o", str(folder / out)]
    return CliRunner().invoke(main, ["audit", *given, *tags, *options])


def check_same(folder, *options, **files):
    done = run(folder, "again", "--check-same", str(folder / "first/audit.json"), *options, **files)
    return done.exit_code, " ".join(done.output.split())


def changed(folder, change):
    """The first result beside itself with one thing changed in its JSON."""
    text = (folder / "first/audit.json").read_text()
    content = json.loads(text)
    change(content)
    first = Result.model_validate_json(text)
    return reproduction(first, Result.model_validate_json(json.dumps(content)))


def the_check(content, name):
    return next(check for check in content["checks"] if check["id"] == name)


def forest(content):
    return the_check(content, "group-error-rates")["details"][0]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_result_says_what_was_read(folder):
    read = read_result(folder / "first/audit.json").inputs
    assert [(one.role, one.name, one.rows) for one in read] == [
        ("scores", "scores.csv", 840),
        ("tags", "tags.csv", 840),
        ("specification", "spec.yaml", None),
    ]
    assert [one.sha256 for one in read] == [sha256(folder / one.name) for one in read]
    assert str(folder) not in (folder / "first/audit.json").read_text(), "but not from where"


def test_the_same_is_said_in_one_line(folder):
    code, output = check_same(folder)
    assert code == 0
    assert output.endswith("verdicts and numbers, from the same inputs and versions.")


def test_a_result_may_be_held_against_the_one_that_it_replaces(folder):
    run(folder, "replaced", "--threshold", "0.95")
    old = folder / "replaced" / "audit.json"
    done = run(folder, "replaced", "--check-same", str(old))
    assert done.exit_code == 1
    assert read_result(old).scores[0].threshold == 0.5


@pytest.mark.parametrize("seed", ["0", "1"])
def test_a_second_run_writes_the_same_bytes(folder, seed):
    """Whatever the seed of Python's hashes and the number of threads."""
    threads = {name: str(1 + 2 * int(seed)) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    out = folder / f"seed-{seed}"
    command = [sys.executable, "-m", "faceaudit", "audit", folder / "scores.csv", "-o", out]
    command += ["--spec", folder / "spec.yaml", "--tags", folder / "tags.csv"]
    subprocess.run(command, check=True, env=os.environ | threads | {"PYTHONHASHSEED": seed})
    lines = [
        [line for line in file.read_text().splitlines() if not line.startswith(' "created":')]
        for file in (folder / "first/audit.json", out / "audit.json")
    ]
    assert lines[0] == lines[1]
    assert len(lines[0]) > 500


def test_other_scores_are_named_with_the_number_that_they_change(folder):
    text = (folder / "scores.csv").read_text()
    before = '"a/9.jpg","real",0.1'
    assert before in text
    (folder / "other.csv").write_text(text.replace(before, '"a/9.jpg","real",0.9'))
    code, output = check_same(folder, scores="other.csv")
    assert code == 1
    assert " counts differ, most " in output
    assert f"scores: scores.csv (SHA-256 {sha256(folder / 'scores.csv')[:12]}" in output
    assert f"→ other.csv (SHA-256 {sha256(folder / 'other.csv')[:12]}…, 840 rows)" in output
    assert output.index("counts differ") < output.index("scores: "), "numbers come first"


def test_inputs_of_other_bytes_with_the_same_numbers_are_the_same_and_said(folder):
    (folder / "moved").mkdir()
    (folder / "moved/scores.csv").write_text((folder / "scores.csv").read_text() + "\n")
    code, output = check_same(folder, scores="moved/scores.csv")
    assert code == 0
    assert "in all" in output
    assert "scores: scores.csv" in output
    assert "specification:" not in output


def test_another_reading_of_the_same_bytes_is_told(folder):
    code, output = check_same(folder, "--score-is", "p-real")
    assert code == 1
    assert 'rows, read as {"score_is": "p-real"})' in output


def test_each_key_of_the_specification_is_told(folder):
    (folder / "strict.yaml").write_text(SPEC.replace("0.05", "0.01") + "confidence: 0.9\n")
    _, output = check_same(folder, spec="strict.yaml")
    assert "specification: confidence: 0.95 → 0.9" in output
    assert 'specification: limits: {"fpr_gap": 0.05' in output
    assert "specification: attributes" not in output


def test_a_verdict_that_turns_comes_first(folder):
    def change(content):
        the_check(content, "equalized-odds-gap")["verdicts"][0]["status"] = "pass"

    found = changed(folder, change)
    assert found.code == 1
    assert found.numbers[0] == "equalized-odds-gap › verdicts › group, fpr › status: fail → pass"


def test_the_largest_difference_is_told_with_its_place(folder):
    def change(content):
        forest(content)["rows"][0]["value"] += 0.001
        forest(content)["rows"][1]["high"] += 0.002
        del forest(content)["by_threshold"]

    numbers = changed(folder, change).numbers
    (estimates,) = [line for line in numbers if "estimates differ" in line]
    assert estimates.startswith("2 of ")
    assert "by group › b › high: 0.1" in estimates
    assert any("numbers only in the earlier" in line for line in numbers)


def test_a_difference_at_another_threshold_alone_is_a_difference(folder):
    def change(content):
        forest(content)["by_threshold"]["value"][3][0] += 0.001

    found = changed(folder, change)
    assert found.code == 1
    assert "by_threshold › value › at " in found.numbers[0]


def test_six_digits_are_compared(folder):
    def change(content, by):
        forest(content)["rows"][0]["value"] *= 1 + by

    assert changed(folder, lambda content: change(content, 1e-8)).code == 0
    assert changed(folder, lambda content: change(content, 1e-5)).code == 1


def test_rows_in_another_order_are_the_same(folder):
    def change(content):
        del forest(content)["by_threshold"]
        forest(content)["rows"].reverse()

    assert not [line for line in changed(folder, change).numbers if "differ" in line]


def test_a_group_that_is_gone_is_told(folder):
    def change(content):
        del forest(content)["by_threshold"]
        forest(content)["rows"].pop()

    assert (
        changed(folder, change).numbers[0].endswith("by group › by_threshold › events › at 0 › 0")
    )


def test_other_versions_and_another_classifier_are_no_other_numbers(folder):
    def change(content):
        content["versions"]["numpy"] = "1.0"
        content["scores"][0]["name"] = "another"
        content["verdict"] = "Otherwise worded."

    found = changed(folder, change)
    assert found.code == 0
    assert [line.partition(" ")[0] for line in found.origins] == [
        "classifier:",
        "version:",
        "words:",
    ]
    assert 'name: "scores" → "another"' in found.origins[0]


def test_of_an_older_result_the_inputs_are_not_known(folder):
    content = json.loads((folder / "first/audit.json").read_text())
    del content["inputs"], content["versions"]["faceaudit source"]
    (folder / "old").mkdir()
    (folder / "old/audit.json").write_text(json.dumps(content | {"result_version": 4}))
    done = run(folder, "again", "--check-same", str(folder / "old/audit.json"), "--json")
    assert done.exit_code == 0
    told = json.loads(done.output)["check_same"]
    assert told["numbers"] == []
    assert told["origins"][0].startswith("inputs: not known of the earlier audit")


def test_what_is_no_audit_is_refused_before_the_work(folder):
    done = run(folder, "never", "--check-same", str(folder / "scores.csv"))
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert not (folder / "never").exists()


def test_a_table_in_memory_is_known_by_its_cells():
    def inputs(scores):
        (one,) = audit(scores, Spec(name="t", title="T", question="?", attributes=["group"])).inputs
        assert (one.name, one.rows) == ("a table in memory", len(scores.table))
        return one.sha256

    one, parts = drawn_scores(GROUPS), drawn_scores(GROUPS)
    halves = [parts.table.slice(0, 9), parts.table.slice(9)]
    parts = type(parts)(pa.concat_tables(halves), parts.info)
    assert inputs(one) == inputs(parts), "however it is cut"
    maps = one.table.append_column("attention", pa.array([b"\xff"] * len(one.table)))
    assert inputs(type(parts)(maps, one.info)) == inputs(one)
    assert inputs(one) != inputs(drawn_scores(GROUPS | {"a": (300, 4)}))


def test_frames_are_inputs_and_what_they_were_read_as_is_told():
    frame = drawn_scores(GROUPS).table.select(["image", "label", "p_ai", "group"]).to_pandas()
    tags = frame[["image", "group"]]
    renamed = frame.rename(columns={"p_ai": "score"}).drop(columns="group")
    result = api.audit(renamed, ["group"], mapping={"p_ai": "score"}, tags=tags)
    scores, of_tags = result.inputs
    assert scores.read_as == {"map": {"p_ai": "score"}}
    assert [(one.role, one.rows) for one in (scores, of_tags)] == [("scores", 840), ("tags", 840)]
    again = api.audit(renamed.copy(), ["group"], mapping={"p_ai": "score"}, tags=tags.copy())
    assert again.inputs == result.inputs
    assert reproduction(result, again).origins == []


def test_each_file_stands_once_and_the_list_is_written_into_no_table(tmp_path):
    files = []
    for name in ("x", "y"):
        scores = drawn_scores({name: (5, 1)}, ai=(0, 0))
        files.append(write_table(tmp_path / f"{name}.parquet", scores.table, scores.info))
    tags = [read_tags(files[0])]
    together = concat_scores([read_scores(files[0], tags=tags), read_scores(files[1])])
    named = [(one.role, one.name) for one in inputs_of(together, together)]
    assert named == [("scores", "x.parquet"), ("tags", "x.parquet"), ("scores", "y.parquet")]
    written = write_table(tmp_path / "z.parquet", together.table, together.info)
    assert b"inputs" not in pq.read_metadata(written).metadata[b"faceaudit"]


def test_a_folder_of_parquet_is_known_by_its_files(tmp_path):
    table = drawn_scores(GROUPS).table
    (tmp_path / "scores").mkdir()
    pq.write_table(table, tmp_path / "scores" / "0.parquet")
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    first = api.audit([tmp_path / "scores"], spec, tmp_path / "out").inputs[0]
    pq.write_table(table.slice(1), tmp_path / "scores" / "0.parquet")
    second = api.audit([tmp_path / "scores"], spec, tmp_path / "out").inputs[0]
    assert (first.name, first.rows, second.rows) == ("scores", 840, 839)
    assert first.sha256 != second.sha256
