"""However a command ends, its exit code says so: 1 is the gate's alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from functools import partial
from urllib.request import urlopen

import click
import pytest
from click.testing import CliRunner

from faceaudit import api
from faceaudit.cli import main
from faceaudit.errors import FaceAuditError

FAULTS = (ValueError("odd"), RecursionError("too deep"), MemoryError(), OSError(5, "I/O error"))


def ended_by(error: BaseException, monkeypatch, *before: str, words=("gate", "audit.json")):
    def fail(*given, **options):
        raise error

    for name in ("gate", "audit"):
        monkeypatch.setattr(api, name, fail)
    monkeypatch.setattr("faceaudit.studies.mitigation.Mitigation.of_scores", fail)
    return CliRunner().invoke(main, [*before, *words])


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "words",
    [
        ("gate", "audit.json"),
        ("audit", "scores.csv", "-o", "out"),
        ("study", "mitigation", "--scores", "scores.csv", "-o", "out"),
    ],
    ids=lambda words: words[0],
)
def test_a_fault_of_ours_is_one_line_and_70(error, words, monkeypatch):
    done = ended_by(error, monkeypatch, words=words)
    assert done.exit_code == 70
    assert done.stderr.startswith(f"faceaudit: {type(error).__name__}")
    assert "(test_exit_codes.py, line" in done.stderr and "please report it" in done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == ""


def test_a_fault_of_ours_is_told_in_a_line_that_a_terminal_can_show(monkeypatch):
    done = ended_by(ValueError("\x1b[2J" + 5_000 * "x"), monkeypatch)
    assert done.exit_code == 70 and len(done.stderr) < 2_100 and "\x1b" not in done.stderr


def test_a_folder_that_nobody_may_look_into_is_no_fault_of_ours(monkeypatch):
    done = ended_by(PermissionError(13, "Permission denied", "shut/audit.json"), monkeypatch)
    told = "faceaudit: shut/audit.json: cannot be opened (Permission denied)\n"
    assert (done.exit_code, done.stderr) == (2, told)


@pytest.mark.parametrize("command", ["gate", "report", "join", "compare"])
def test_a_name_that_no_file_can_have_is_no_fault_of_ours(command):
    words = [command, *["a" * 5_000] * (1 + (command == "compare"))]
    words += ["-o", "out"] * (command != "gate")
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert "cannot be opened (File name too long)" in done.stderr


def test_the_traceback_is_there_for_the_asking(monkeypatch):
    for error in (FAULTS[0], FaceAuditError("what is given is wrong")):
        done = ended_by(error, monkeypatch, "--debug")
        assert "Traceback (most recent call last)" in done.stderr
        monkeypatch.setenv("FACEAUDIT_DEBUG", "1")
        again = ended_by(error, monkeypatch)
        assert "Traceback (most recent call last)" in again.stderr
        assert again.exit_code == done.exit_code == (2 if isinstance(error, FaceAuditError) else 70)
        monkeypatch.delenv("FACEAUDIT_DEBUG")
        assert "Traceback" not in ended_by(error, monkeypatch).stderr


def commands(group=main, words=()):
    """Every command, and the words that lead to it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


def wrong(command):
    """What cannot be said to a command: an option that it has not, and a bad value of each."""
    yield ["--no-such-option"]
    yield ["-"]
    yield ["x"] * 40 if all(of.nargs == 1 for of in command.params) else ["--", ""]
    for of in command.params:
        if not isinstance(of, click.Option) or of.is_flag or of.count:
            continue
        yield [of.opts[0]]
        for value in ("", "x\n\x1b[2J", "-7", "nan"):
            if isinstance(of.type, (click.Choice, click.types._NumberRangeBase)):
                yield [of.opts[0], value]


@pytest.mark.parametrize(("words", "command"), [*commands()], ids=lambda of: str(of)[:40])
def test_what_cannot_be_said_is_one_line_that_names_the_help(words, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    needed = ["x" for of in command.params if isinstance(of, click.Argument) and of.required]
    needed += [word for of in command.params if of.opts[0] == "-o" for word in ("-o", "out")]
    for given in wrong(command):
        done = CliRunner().invoke(main, [*words, *needed, *given])
        assert done.exit_code == 2, (given, done.output)
        assert done.stderr.startswith("faceaudit: ") and done.stderr.count("\n") == 1, done.stderr
        assert "Usage:" not in done.output and "\x1b" not in done.stderr and not done.stdout
        if given == ["--no-such-option"]:
            assert f"'main {' '.join(words)} --help' says what can be given" in done.stderr


@pytest.mark.parametrize("words", [["--nope"], ["audti"], ["model", "nope"], ["audit"]])
def test_what_is_no_command_is_one_line_too(words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2 and done.stderr.count("\n") == 1 and not done.stdout
    assert "--help' says what can be given" in done.stderr


def test_what_is_raised_reaches_python(monkeypatch):
    with pytest.raises(FaceAuditError):
        api.gate("none.json")


def test_ctrl_c(monkeypatch):
    done = ended_by(KeyboardInterrupt("3 of 4 are kept"), monkeypatch)
    assert (done.exit_code, done.stderr) == (130, "faceaudit: stopped: 3 of 4 are kept\n")


#: A command that waits with a temporary file, and is told to stop once more as it cleans up.
WAITS = """
import os, signal, sys
from pathlib import Path
from faceaudit import api, files
from faceaudit.cli import main
def waits(*given, **options):
    with files.atomic_file('page.html'):
        try:
            print('waiting', flush=True)
            while True:
                signal.pause()
        finally:
            print('a bar', file=sys.stderr, flush=True)
def told_again(path, unlink=Path.unlink, **how):
    os.kill(os.getpid(), signal.SIGTERM)
    unlink(path, **how)
api.report, Path.unlink = waits, told_again
# Whatever the tests were started with.
signal.signal(signal.SIGHUP, signal.SIG_IGN if 'NOHUP' in os.environ else signal.SIG_DFL)
main()
"""
posix = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")


@posix
@pytest.mark.parametrize(
    ("signals", "ignored", "code"),
    [(["SIGTERM"], {}, 143), (["SIGHUP"], {}, 129), (["SIGHUP", "SIGTERM"], {"NOHUP": "1"}, 143)],
)
def test_what_is_stopped_cleans_up(signals, ignored, code, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, "report", "a.json"],
        cwd=tmp_path,
        env=os.environ | ignored,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "waiting\n"
    assert len(list(tmp_path.iterdir())) == 1
    for name in signals:
        process.send_signal(getattr(signal, name))
    assert process.communicate()[1].splitlines() == ["a bar", "faceaudit: stopped"]
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_server_that_is_stopped_says_so_in_one_line(name, code, tmp_path):
    pytest.importorskip("uvicorn", reason="needs the extra 'web'")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = ["serve", "--port", port, "--model", "bundled:default"]
    process = subprocess.Popen(
        [sys.executable, "-m", "faceaudit", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # What the tests were started with, it would have too, such as nohup.
        preexec_fn=partial(signal.signal, getattr(signal, name), signal.SIG_DFL),
    )
    address = process.stderr.readline().split()[1]
    urlopen(address).close()  # which is answered once it waits for signals, too
    process.send_signal(getattr(signal, name))
    assert process.communicate()[1] == "faceaudit: stopped\n"
    assert process.returncode == code


@posix
def test_what_loses_its_terminal_cleans_up(tmp_path):
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-c", WAITS, "report", "a.json"])
    assert os.read(terminal, 100).startswith(b"waiting")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="there are no such pipes")
def test_nobody_reads_on():
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "faceaudit", "specs"]
    process = subprocess.run(
        words,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (128 + signal.SIGPIPE, "")
