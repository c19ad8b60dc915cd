"""A forked process that does what it is handed, over a pipe that it shares with no other.

Of several that share a queue, one that is killed while it reads or writes leaves the others, and
whoever waits for them, waiting for ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import RLock
from typing import Any, Generic, TypeVar

from faceaudit.errors import FaceAuditError, in_one_line

#: Processes that are tried before what is killed every time is given up.
ATTEMPTS = 3
_PR_SET_PDEATHSIG = 1
#: One process is started at a time, in whatever threads: one that begins before another's end of
#: its pipe is closed here keeps that open, and nobody notices that one's death; and a pipe that is
#: being closed is closed in it once more, where its number may be that of another pipe.
_STARTING = RLock()

Given = TypeVar("Given")
Answer = TypeVar("Answer")


class LostProcessError(Exception):
    """Whichever process did the work was killed."""


class WorkerProcess(Generic[Given, Answer]):
    """Does `work` in another process, which ends with this one.

    If it is killed, another is started and does the same again. It leaves to this
    process what all are told: Ctrl-C, and that the terminal was closed.

    Parameters
    ----------
    work : callable
        Such as can be pickled, as what it is given and what it answers.
    beside : collection of WorkerProcess
        Those that run already.
    """

    def __init__(
        self, work: Callable[[Given], Answer], beside: Collection[WorkerProcess[Given, Answer]]
    ) -> None:
        self._work, self._beside, self._stopped = work, beside, False
        self._start()

    def _start(self) -> None:
        with _STARTING:
            self._pipe, theirs = get_context("fork").Pipe()
            # A copy of our end in one of them would keep another from noticing that we are gone.
            ours = [self._pipe, *(other._pipe for other in self._beside)]
            self._process = get_context("fork").Process(
                target=_serve, args=(theirs, ours, os.getpid()), daemon=True
            )
            self._process.start()
            theirs.close()
        with suppress(OSError):  # it is killed already, which whoever hands it work will notice
            self._pipe.send(self._work)

    def __call__(self, given: Given) -> Answer:
        """Do it there, and wait for the answer.

        Raises
        ------
        LostProcessError
            If it was killed every time.
        """
        for _ in range(ATTEMPTS):
            try:
                self._pipe.send(given)
                done, answer = self._pipe.recv()
            except (EOFError, OSError):
                self._process.join()
                if self._stopped:
                    break
                code = self._process.exitcode or 0
                with _STARTING:
                    self._pipe.close()
                    self._start()
            else:
                if not done:
                    raise answer
                told: Answer = answer
                return told
        else:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise LostProcessError(f"{how}, {ATTEMPTS} times at the same work")
        raise LostProcessError("stopped")

    def stop(self) -> None:
        """End it, in the middle of its work if it is at any."""
        self._stopped = True
        self._process.kill()

    def close(self) -> None:
        """Wait for its end, after `stop`."""
        self._pipe.close()
        self._process.join()


def _serve(pipe: Connection, ours: Collection[Connection], parent: int) -> None:
    """Answer until the other end is closed; without any of the parent's cleaning up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        for end in ours:
            end.close()
        with suppress(EOFError, OSError):
            # By pickling a file that is open here becomes one of its own.
            work = pipe.recv()
            while True:
                pipe.send(_answer(work, pipe.recv()))
    os._exit(0)


def _answer(work: Callable[[Any], Any], given: Any) -> tuple[bool, Any]:
    try:
        return True, work(given)
    except FaceAuditError as error:
        return False, FaceAuditError(str(error))
    except Exception as error:  # not every exception can be pickled, and none takes its traceback
        told = RuntimeError(in_one_line(error))
        told.add_note(traceback.format_exc())
        return False, told
