"""The attack on all that is brought in notices what gives way."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

import hostile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")

PART = """
import os, socket, subprocess, sys, tempfile
from pathlib import Path

def attack(given):
    if given.real:
        subprocess.Popen(["sleep", "600"], start_new_session=True, **dict.fromkeys(
            ("stdin", "stdout", "stderr"), subprocess.DEVNULL
        ))
        tempfile.mkdtemp()
        (Path(given.real) / "outside").mkdir()
        (Path(given.real) / "outside" / "file").write_text("x")
        looked_up = lambda: socket.getaddrinfo("name.invalid", 80)
        for ask in (looked_up, lambda: socket.socket().connect(("192.0.2.1", 80))):
            try:
                ask()
            except OSError as error:
                assert str(error) == "blocked"
        print("Traceback (most recent call last):", file=sys.stderr)
    Path("file").write_text("x")
    os.symlink("/etc/passwd", "link")
    socket.socket().bind(("127.0.0.1", 0))
    return {"files": 1}
"""


@pytest.fixture(autouse=True)
def planted(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(PART)
    monkeypatch.syspath_prepend(tmp_path)


def test_what_gives_way_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(hostile, "MEMORY", 1)
    faults: list[str] = []
    hostile.attacked("planted", [f"--real={tmp_path}"], faults)
    told = "\n".join(faults)
    os.kill(int(re.search(r"planted: (\d+) \(sleep", told)[1]), signal.SIGKILL)
    for noticed in (
        "a traceback",
        "outlives it",
        "planted: left /",
        f"os.mkdir '{tmp_path}/outside'",
        f"open '{tmp_path}/outside/file'",
        "socket.getaddrinfo 'name.invalid'",
        "socket.connect ('192.0.2.1', 80)",
        "a process of ",
    ):
        assert noticed in told, told


def test_what_holds_is_no_fault():
    faults: list[str] = []
    found = hostile.attacked("planted", [], faults)
    assert faults == [] and found["files"] == 1 and found["MB"] > 0


def test_a_part_that_fails_or_hangs_is_a_fault(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("def attack(given): raise ValueError('odd')")
    faults: list[str] = []
    assert "files" not in hostile.attacked("planted", [], faults)
    assert "exit code 1" in faults[0] and "ValueError: odd" in faults[0]
    (tmp_path / "planted.py").write_text("def attack(given):\n    while True: pass")
    monkeypatch.setattr(hostile, "SECONDS", 0.5)
    hostile.attacked("planted", [], faults)
    assert "planted: it hangs" in faults
