"""The one pipeline that reads pictures: in order, bounded, in threads or processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from faceaudit import worker_process
from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.read_ahead import in_processes, read_ahead
from faceaudit.worker_process import LostProcessError, WorkerProcess
from tests.processes import assert_ended


def _process_and_square(number: int) -> tuple[int, int]:
    return os.getpid(), number * number


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_processes_answer_in_order(platform, monkeypatch):
    monkeypatch.setattr("faceaudit.read_ahead.sys", SimpleNamespace(platform=platform))
    answers = list(read_ahead(_process_and_square, range(10), 2, chunk=3, processes=True))
    assert [square for _, square in answers] == [n * n for n in range(10)]
    assert os.getpid() not in {process for process, _ in answers}


def test_no_more_is_taken_than_is_to_be_held():
    taken = []
    items = (taken.append(number) or number for number in range(100))
    answers = read_ahead(str, items, 2, ahead=3, chunk=4)
    for number in range(20):
        assert next(answers) == str(number)
        assert len(taken) <= number + 1 + 4 * 4
    answers.close()


def test_an_error_reaches_the_consumer():
    answers = read_ahead(lambda number: 1 // number, [1, 1, 0, 1], 2)
    assert [next(answers), next(answers)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_few_pictures_are_worth_no_process_and_progress_reaches_the_end():
    seen: list[tuple[int, int]] = []
    answers = in_processes(_process_and_square, range(3), 3, lambda *now: seen.append(now))
    assert {process for process, _ in answers} == {os.getpid()}
    assert seen == [(1, 3), (2, 3), (3, 3)]


def _killed_once(place: Path) -> str:
    if place.exists():
        return place.read_text()
    place.write_text("killed before")
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def _killed(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are joblib's elsewhere")


@linux
def test_what_a_killed_process_was_at_is_done_by_another(tmp_path):
    places = [tmp_path / str(i) for i in range(6)]
    answers = read_ahead(_killed_once, places, 2, chunk=2, processes=True)
    assert list(answers) == ["killed before"] * 6


@linux
def test_a_process_that_starts_beside_another_does_not_hide_its_death(monkeypatch):
    beside: list[WorkerProcess[int, int]] = []
    thread = Thread(target=lambda: beside.append(WorkerProcess(_killed, [])), daemon=True)
    fork = get_context("fork")

    class Slow(fork.Process):
        def start(self) -> None:
            super().start()
            if thread.ident is None:  # the other one begins while this one does, if it can
                thread.start()
                thread.join(2)

    slow = SimpleNamespace(Pipe=fork.Pipe, Process=Slow)
    monkeypatch.setattr(worker_process, "get_context", lambda _: slow)
    first = WorkerProcess(_killed, [])
    thread.join()
    monkeypatch.undo()
    said = []

    def ask() -> None:
        try:
            first(5)
        except LostProcessError as error:
            said.append(str(error))

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(30)
    for process in (first, *beside):
        process.stop()
        process.close()
    assert said == ["SIGKILL, 3 times at the same work"]


@linux
def test_what_kills_every_process_is_one_line():
    answers = read_ahead(_killed, range(10), 2, processes=True)
    assert [next(answers) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(FaceAuditError, match="was killed \\(SIGKILL, 3 times") as error:
        next(answers)
    assert "\n" not in str(error.value)


def _refused(number: int) -> int:
    if number == 1:
        raise MissingExtraError("a test", "none")
    return 1 // number


@linux
def test_errors_of_another_process_are_told(tmp_path):
    with pytest.raises(FaceAuditError, match="'a test' needs the extra 'none'"):
        list(read_ahead(_refused, [2, 1], 2, processes=True))
    with pytest.raises(RuntimeError, match="ZeroDivisionError") as error:
        list(read_ahead(_refused, [2, 0], 2, processes=True))
    assert "return 1 // number" in error.value.__notes__[0]


PARENT = """
import os, sys, time
from faceaudit.read_ahead import read_ahead
def work(number):
    if number == 2:  # one is at work when the end comes, the other waits for some
        time.sleep(600)
    return os.getpid()
answers = read_ahead(work, range(3), 2, ahead=3, processes=True)
try:
    print(next(answers), next(answers), flush=True)
    next(answers)
except KeyboardInterrupt:  # in the middle of the line, too, outside of what is to be closed
    answers.close()
    print("stopped", flush=True)
"""


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_their_parent(number):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pids = {int(pid) for pid in parent.stdout.readline().split()}
    # As Ctrl-C does: everybody is told.
    for pid in (*pids, parent.pid) if number == signal.SIGINT else (parent.pid,):
        os.kill(pid, number)
    said, errors = parent.communicate()
    assert (said, errors) == ("stopped\n" if number == signal.SIGINT else "", "")
    assert_ended(pids)
