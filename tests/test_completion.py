"""What the shell completes, and that it loads nothing heavy for it."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

import faceaudit.datasets
from faceaudit import bundled
from faceaudit.cli import main
from faceaudit.datasets import all_datasets
from faceaudit.errors import FaceAuditError
from faceaudit.packaged import ready_specs

RUN = "from faceaudit.cli import main; main(prog_name='faceaudit')"


def completed(*words):
    *before, begun = words
    items = ShellComplete(main, {}, "faceaudit", "_X").get_completions(before, begun)
    return [(item.type, item.value) for item in items]


@pytest.mark.parametrize("command", ["audit", "compare", "plan"])
def test_a_specification_is_a_ready_name_or_a_yaml_file(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("up.yaml", "old.yml", "utk.csv", "sub/in it.yaml", "sub/u.txt"):
        (tmp_path / name).write_text("")
    everything = [*ready_specs(), "old.yml", "up.yaml"]
    assert completed(command, "--spec", "") == [("plain", name) for name in everything]
    both = [("plain", "utkface-demographics"), ("plain", "up.yaml")]
    assert completed(command, "--spec", "u") == both
    assert completed(command, "--spec", "sub/") == [("plain", "sub/in it.yaml")]
    assert completed(command, "--spec", f"{tmp_path}/o") == [("plain", f"{tmp_path}/old.yml")]
    # A folder is the shell's to complete.
    assert completed(command, "--spec", "su") == [("file", "su")]
    assert completed(command, "--spec", "none/x") == [("file", "none/x")]


@pytest.mark.parametrize("words", [("score",), ("serve", "--model")])
def test_models_are_bundled_names_or_files(words):
    names = [name for _, name in completed(*words, "bundled:")]
    assert names == ["bundled:default", *(f"bundled:{name}" for name in bundled.model_names())]
    assert all(bundled.resolve_model(name).is_dir() for name in names)
    assert completed(*words, "my-mod") == [("file", "my-mod")]


def test_data_sets_are_ids_and_a_broken_plug_in_stops_nothing(monkeypatch):
    assert [name for _, name in completed("index", "")] == [*all_datasets()]
    assert ("plain", "utkface") in completed("index", "ut")

    def broken():
        raise FaceAuditError("the plug-in is broken")

    monkeypatch.setattr(faceaudit.datasets, "all_datasets", broken)
    assert completed("index", "ut") == []


def test_files_commands_and_options_are_completed_too():
    assert completed("audit", "sco") == [("file", "sco")]
    assert ("plain", "init") in completed("in")
    assert completed("audit", "--sp") == [("plain", "--spec")]


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["audit", "--spec", "u"], ["torch", "pandas", "pyarrow", "scipy"]),
        (["score", "bundled:d"], ["torch", "pandas", "pyarrow", "scipy"]),
        (["index", "ut"], ["torch", "pandas", "fastai"]),
    ],
)
def test_it_is_fast(words, heavy):
    code = (
        "import json, sys\n"
        "from click.shell_completion import ShellComplete\n"
        "from faceaudit.cli import main\n"
        "*before, begun = sys.argv[1:]\n"
        "found = ShellComplete(main, {}, 'faceaudit', '_X').get_completions(before, begun)\n"
        "print(json.dumps([[one.value for one in found], [*sys.modules]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    found, loaded = json.loads(done.stdout)
    assert found
    assert {*heavy} & {*loaded} == set()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_takes_what_it_is_given(tmp_path):
    program = tmp_path / "faceaudit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{RUN}" "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(_FACEAUDIT_COMPLETE=bash_source faceaudit)"
        COMP_WORDS=(faceaudit audit s.csv --spec utk) COMP_CWORD=4
        _faceaudit_completion faceaudit
        echo "${COMPREPLY[@]}"
    """
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout == "utkface-demographics\n", done.stderr
