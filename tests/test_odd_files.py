"""Whatever a path leads to, a device, a pipe, a folder, nothing: one line, no fault of ours."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from faceaudit.cli_shared import PATH
from tests.drawn import drawn_scores
from tests.pictures import write_manifest
from tests.test_exit_codes import commands

pytestmark = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux")

#: Every place of a command line that names what is read, as @; words that may name files are too.
PLACES = {
    "plan --spec": "--rates fpr=0.1 --spec @",
    "index root": "folder @ -o new",
    "index --tags-from": "folder . -o new --tags-from @",
    "train manifests": "@ -o new",
    "train --weights": "manifest.parquet -o new --weights @",
    "score model": "@ manifest.parquet -o new",
    "score manifests": "bundled:default @ -o new",
    "score --preprocess": "python:judge.py:judge manifest.parquet -o new --preprocess @",
    "join parts": "@ -o new",
    "model describe weights": "@",
    "init scores": "@ -o new",
    "init --tags": "s.csv -o new --tags @",
    "audit scores": "@ -o new",
    "audit --spec": "s.csv -o new --spec @",
    "audit --tags": "s.csv -o new --tags @",
    "audit --images-from": "s.csv -o new --images-from @",
    "audit --check-same": "s.csv -o new --check-same @",
    "compare scores": "s.csv @ -o new",
    "compare --spec": "s.csv s.csv --name x --name y -o new --spec @",
    "compare --tags": "s.csv s.csv --name x --name y -o new --tags @",
    "report result_json": "@ -o new",
    "card model": "@ -o new",
    "card --audit": "--audit @ -o new",
    "gate result_json": "@",
    "gate --baseline": "out/audit.json --baseline @",
    "study data-in-training manifests": "@ -o new",
    "study data-in-training --test": "manifest.parquet -o new --test @",
    "study learning-curve manifests": "@ -o new",
    "study learning-curve --test": "manifest.parquet -o new --test @",
    "study photoshopped manifests": "@ -o new",
    "study photoshopped --test": "manifest.parquet -o new --test @",
    "study mitigation manifests": "@ -o new",
    "study mitigation --test": "manifest.parquet -o new --test @",
    "study mitigation --scores": "-o new --scores @",
    "serve --token-file": "--token-file @",
    "serve --reports": "--reports @",
    "serve --model": "--model @",
    "serve --scores": "--scores @",
}
#: What is no mistake: a folder without reports or images, a token from a pipe, a new folder.
SOUND = {
    ("folder", "report result_json"),
    ("folder", "serve --reports"),
    ("folder", "audit --images-from"),
    ("pipe", "serve --token-file"),
    ("a name too long", "serve --reports"),
    ("none", "serve --reports"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with sound files and odd ones."""
    from pyarrow import csv

    folder = tmp_path_factory.mktemp("odd")
    table = drawn_scores({"a": (60, 3), "b": (60, 4)}).table.drop_columns(["status"])
    csv.write_csv(table, folder / "s.csv")
    write_manifest(folder, ["a.png", "b.png"], ["ai", "real"])
    done = CliRunner().invoke(main, ["audit", str(folder / "s.csv"), "-o", str(folder / "out")])
    assert done.exit_code == 0
    (folder / "judge.py").write_text("def judge(images):\n    return [0.5] * len(images)\n")
    (folder / "empty").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "junk").write_bytes(b"\x00\xff\x01junk\n" * 50)
    return folder


@pytest.fixture
def odd(folder, monkeypatch):
    """The odd files by what they are; a pipe is one that a sound table comes out of."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("uvicorn.Server.run", lambda *given, **options: None)
    reading, writing = os.pipe()
    os.write(writing, Path("s.csv").read_bytes())
    os.close(writing)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        yield {
            "device": "/dev/zero",
            "pipe": f"/dev/fd/{reading}",
            "socket": "socket",
            "folder": "empty",
            "one that cannot be read": "/proc/self/mem",
            "a link to itself": "loop",
            "a name too long": "x" * 300,
            "below a file": "junk/x",
            "none": "nothing",
            "junk": "junk",
        }
    Path("socket").unlink()
    os.close(reading)


def test_no_place_is_forgotten():
    named = {
        " ".join((*words, of.opts[0]))
        for words, command in commands()
        for of in command.params
        if of.type is PATH and of.name not in ("out", "junit", "markdown")
    }
    assert named <= {*PLACES}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_odd_is_refused_in_one_line(place, odd):
    command = place.split()[: 2 if place.startswith(("model", "study")) else 1]
    for kind, given in odd.items():
        if (kind, place) not in SOUND:
            words = PLACES[place].replace("@", given).split()
            done = CliRunner().invoke(main, [*command, *words])
            assert done.exit_code == 2, (kind, done.output, done.exception)
            assert done.stderr.startswith("faceaudit: ") and done.stderr.count("\n") == 1


def test_a_result_may_come_from_a_pipe_and_a_table_may_not(odd):
    """As of ``gate <(git show main:out/audit.json)``; a table is read more than once."""
    done = CliRunner().invoke(main, ["audit", odd["pipe"], "-o", "new"])
    assert "a device or a pipe; write what it gives to a file" in done.stderr
    of_file = CliRunner().invoke(main, ["gate", "out/audit.json"])
    with subprocess.Popen(["cat", "out/audit.json"], stdout=subprocess.PIPE) as process:
        of_pipe = CliRunner().invoke(main, ["gate", f"/dev/fd/{process.stdout.fileno()}"])
    assert (of_pipe.exit_code, of_pipe.stdout) == (of_file.exit_code, of_file.stdout)
