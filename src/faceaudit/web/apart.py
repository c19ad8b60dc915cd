"""Work on what was brought in: in a process of its own, with a limit of time and of memory."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from faceaudit.errors import FaceAuditError
from faceaudit.files import scratch_folder

Answer = TypeVar("Answer")

KILLED = "It was killed; the server may lack memory."
#: Seconds after which it is noticed that nobody waits for the answer any more.
HEARTBEAT = 0.2

#: A process that forks has the libraries loaded once for all, pandas too, which Arrow looks for;
#: Windows has none.
if sys.platform == "win32":
    _PROCESSES = multiprocessing.get_context("spawn")
else:
    _PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["faceaudit.web.explore", "faceaudit.web.table_form", "pandas"])


@cache
def get_ready() -> None:
    """Begin to load the libraries, for which the first to send a table would wait."""
    if sys.platform != "win32":
        from multiprocessing import forkserver

        # Where Python puts a socket. Of a folder that it makes itself the next server would not
        # know whose it is, if this one is killed.
        folder = scratch_folder()
        atexit.register(folder.__exit__, None, None, None)
        here = multiprocessing.current_process()
        here._config["tempdir"] = str(folder.__enter__())  # type: ignore[attr-defined]
        forkserver.ensure_running()


@dataclass(frozen=True)
class Limits:
    """How long work may take, how many bytes it may ask for, and what to do if that is too few."""

    seconds: float
    memory: int
    remedy: str


class StoppedError(Exception):
    """Nobody waits for the answer any more."""


def apart(
    limits: Limits,
    work: Callable[..., Answer],
    *given: Any,
    follow: Callable[[Any], None] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Answer:
    """Return what `work` makes of what it is given, in a process that ends with this one.

    Parameters
    ----------
    limits : Limits
        Of memory but on Windows.
    work : callable
        Such as can be pickled, as what it is given and what it returns.
    *given
    follow : callable, optional
        Told how far it is: `work` is given, before all else, what to call for that.
    stopped : callable
        Asked now and then whether nobody waits any more.

    Raises
    ------
    FaceAuditError
        What the work raises; or that it took too long, asked for too much memory or was killed.
    StoppedError
    RuntimeError
        If it broke off by a fault of ours, which standard error has told.
    """
    ours, theirs = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(
        target=_work, args=(theirs, limits.memory, follow is not None, work, given), daemon=True
    )
    process.start()
    theirs.close()
    until = time.monotonic() + limits.seconds
    try:
        while not stopped():
            if time.monotonic() > until:
                long = f"{limits.seconds / 60:.0f} minutes" if limits.seconds > 90 else "a minute"
                raise FaceAuditError(f"It took longer than {long} and was ended; {limits.remedy}.")
            if ours.poll(HEARTBEAT):
                kind, said = ours.recv()
                if kind == "done":
                    answer: Answer = said
                    return answer
                if kind == "refused":
                    raise FaceAuditError(said)
                if kind == "memory":
                    size = f"{limits.memory / 1e9:g} GB"
                    raise FaceAuditError(f"It needs more than {size}; {limits.remedy}.")
                if follow is not None:
                    follow(said)
        raise StoppedError
    except (EOFError, OSError):  # it is gone; a fault of ours it has told on standard error
        process.join()
        if (process.exitcode or 0) > 0:
            raise RuntimeError(f"{work.__name__}: exit code {process.exitcode}") from None
        raise FaceAuditError(KILLED) from None
    finally:
        process.kill()
        process.join()
        ours.close()


def _work(
    pipe: Connection, memory: int, tells: bool, work: Callable[..., Any], given: tuple[Any, ...]
) -> None:
    # Ctrl-C reaches the whole group; the server ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    told = (lambda *step: pipe.send(("step", step)),) if tells else ()
    with suppress(BrokenPipeError):  # nobody waits for it any more
        try:
            end: tuple[str, Any] = "done", work(*told, *given)
        except FaceAuditError as error:
            end = "refused", str(error)
        except MemoryError:
            end = "memory", None
        pipe.send(end)


def _end_with_the_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)
