"""Every command that is given a wrong file says what that is, and what makes the right one."""

from __future__ import annotations

import doctest
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from faceaudit.bundled import resolve_model
from faceaudit.cli import main
from faceaudit.comparison.runner import compare
from faceaudit.reading import file_kinds
from faceaudit.result import write_result
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ManifestInfo, ScoresInfo
from faceaudit.tables import write_table
from tests.test_sentences import Case

SPEC = "name: x\ntitle: X\nquestion: Q\nattributes: [gender]\n"
#: File -> what it is said to be.
KINDS = {
    "labels.csv": "a table",
    "plain.parquet": "a table",
    "manifest.parquet": "a manifest",
    "scores.parquet": "a scores table",
    "audit.json": "the result of an audit",
    "compare.json": "the result of a comparison",
    "spec.yaml": "a specification",
    "report.html": "a web page",
    "face.jpg": "a picture",
    "model": "a model directory",
    "folder": "a folder",
    "nothing.parquet": "no such file",
}
#: Command -> what it takes, and the command or file that it names for any other.
COMMANDS = {
    "train {} -o out": ({"manifest.parquet"}, "faceaudit index"),
    "score bundled:default {} -o out.parquet": ({"manifest.parquet"}, "faceaudit index"),
    "audit {} --spec spec.yaml -o out": (
        {"labels.csv", "plain.parquet", "scores.parquet", "folder"},
        "faceaudit score",
    ),
    "compare {} scores.parquet -o out": (
        {"labels.csv", "plain.parquet", "scores.parquet", "folder"},
        "faceaudit score",
    ),
    "report {} -o out.html": ({"audit.json", "compare.json", "model", "folder"}, "faceaudit audit"),
    "gate {}": ({"audit.json", "compare.json"}, "faceaudit audit"),
    "gate audit.json --baseline {}": ({"audit.json", "compare.json"}, "faceaudit audit"),
    "score {} manifest.parquet -o out.parquet": ({"model", "folder"}, "faceaudit train"),
    "audit scores.parquet --spec {} -o out": (
        {"spec.yaml", "folder", "model", "nothing.parquet"},
        "a YAML file",
    ),
    "index folder {} --label ai -o out.parquet": (
        {"folder", "model", "nothing.parquet"},
        "faceaudit index",
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files")
    rows = pa.table(
        {"image": ["a.jpg", "b.jpg"], "label": ["real", "ai"], "dataset": ["d", "d"]}
        | {"gender": ["male", "female"]}
    )
    scored = rows.append_column("p_ai", pa.array([0.1, 0.9], pa.float32()))
    datasets = {"d": DatasetInfo(indexed=2)}
    (root / "labels.csv").write_text("image,label,gender\na.jpg,real,male\n")
    pq.write_table(rows, root / "plain.parquet")
    write_table(root / "manifest.parquet", rows, ManifestInfo(datasets=datasets))
    write_table(root / "scores.parquet", scored, ScoresInfo(datasets=datasets))
    case = Case()
    write_result(root / "audit.json", audit(case.scores(), case.spec()))
    write_result(root / "compare.json", compare([case.scores(), case.scores(1)]))
    (root / "spec.yaml").write_text(SPEC)
    (root / "report.html").write_text("<!doctype html><p>,</p>")
    (root / "face.jpg").write_bytes(b"\xff\xd8\xff\xe0\0")
    shutil.copytree(resolve_model("bundled:default"), root / "model")
    (root / "folder").mkdir()
    return root


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"nothing.parquet"}))
def test_the_kind_of_a_file(files, name):
    assert file_kinds.kind_of(files / name) == KINDS[name]


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_wrong_file_is_named_with_the_command_that_makes_the_right_one(
    files, monkeypatch, command
):
    monkeypatch.chdir(files)
    taken, remedy = COMMANDS[command]
    for name in KINDS.keys() - taken:
        result = CliRunner().invoke(main, command.format(name).split())
        told = result.stderr
        assert result.exit_code == 2, (name, result.output)
        assert told.count("\n") == 1, told
        assert f"{name}: " in told and KINDS[name] in told and remedy in told, told


def test_what_nobody_can_tell_names_the_remedy_too(files, monkeypatch):
    monkeypatch.chdir(files)
    Path("notes").write_text("hello\nworld\n")
    for command, remedy in (("gate notes", "faceaudit audit"), ("train notes -o m", "index")):
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == 2 and remedy in result.stderr


def test_examples_in_the_docstrings():
    assert doctest.testmod(file_kinds) == doctest.TestResults(0, 1)
