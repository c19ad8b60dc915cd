"""Audits started from the page: one at a time, each in a process of its own that can be ended."""

from __future__ import annotations

import multiprocessing
import secrets
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from faceaudit.errors import FaceAuditError
from faceaudit.packaged import ready_specs
from faceaudit.report.html import write_with_page
from faceaudit.runner import audit
from faceaudit.spec import EVERY_TAG, QUESTION, Spec, every_tag, find_spec, parse_spec
from faceaudit.tables import Scores
from faceaudit.web.held_tables import slug

#: Finished audits that are remembered; their reports stay in the folder.
REMEMBERED = 50
MAX_WAITING = 4
#: An audit that takes longer is ended, and so is one that asks for more memory.
MAX_SECONDS = 600.0
MAX_MEMORY_BYTES = 8_000_000_000

TOO_LONG = (
    f"It took longer than {MAX_SECONDS / 60:.0f} minutes and was ended; ask by fewer tags or of "
    "fewer rows, or use 'faceaudit audit'."
)
STOPPED = "It was stopped."
KILLED = "The audit was killed; the server may lack memory."
FAULT = "Something went wrong here; the server's log says what."
#: Seconds after which it is noticed that somebody stopped an audit.
HEARTBEAT = 0.2

#: A process that forks has the libraries loaded once for all audits; Windows has none.
if sys.platform == "win32":
    _PROCESSES = multiprocessing.get_context("spawn")
else:
    _PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


class Job(BaseModel):
    """One audit and how far it is."""

    id: str
    name: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    #: What is being done just now.
    step: str = "waiting for another audit to end"
    done: int = 0
    total: int = 0
    problem: str | None = None
    #: Where the result is, below the folder of reports.
    report: str | None = None
    #: Where the table can be read otherwise, and audited again, as long as it is held.
    form: str | None = Field(default=None, exclude=True)
    stopped: bool = Field(default=False, exclude=True)

    def fail(self, problem: str) -> None:
        """End it, saying why."""
        self.state, self.problem = "failed", problem


class Audits:
    """The audits that were started here; each result goes to a place of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="audit")

    def close(self) -> None:
        """End the audit at work, and forget those that have not begun."""
        for job in self._jobs.values():
            self.stop(job)
        self._pool.shutdown(cancel_futures=True)

    def job(self, job: str) -> Job:
        """Return an audit by its id; HTTP status 404 if there is none."""
        if job not in self._jobs:
            raise HTTPException(404, "There is no such audit; its report may be in the list.")
        return self._jobs[job]

    def start(self, scores: Scores, spec: Spec, form: str | None = None) -> Job:
        """Start an audit, or put it in line; `FaceAuditError` if too many wait already."""
        waiting = sum(job.state == "waiting" for job in self._jobs.values())
        if waiting >= MAX_WAITING:
            raise FaceAuditError(f"{waiting} audits are waiting already; try again later")
        job = Job(id=secrets.token_urlsafe(8), name=spec.title, form=form)
        self._jobs[job.id] = job
        finished = [one.id for one in self._jobs.values() if one.state in ("done", "failed")]
        for old in finished[: max(0, len(self._jobs) - REMEMBERED)]:
            del self._jobs[old]
        self._pool.submit(self._run, job, scores, spec)
        return job

    def stop(self, job: Job) -> None:
        """End an audit, whether it has begun or not."""
        if job.state in ("waiting", "running"):
            job.stopped = True
            job.fail(STOPPED)

    def _run(self, job: Job, scores: Scores, spec: Spec) -> None:
        try:
            self._follow(job, scores, spec)
        except Exception:  # nobody asks this thread, and the page would wait for ever
            traceback.print_exc()
            job.fail(FAULT)

    def _follow(self, job: Job, scores: Scores, spec: Spec) -> None:
        job.state, job.step = "running", "counting"
        place = f"{slug(spec.name)}-{job.id}"
        ours, theirs = _PROCESSES.Pipe(duplex=False)
        process = _PROCESSES.Process(
            target=audit_apart, args=(theirs, scores, spec, self._folder / place), daemon=True
        )
        process.start()
        theirs.close()
        until = time.monotonic() + MAX_SECONDS
        try:
            while job.state == "running" and not job.stopped:
                if time.monotonic() > until:
                    job.fail(TOO_LONG)
                elif ours.poll(HEARTBEAT):
                    told = ours.recv()
                    if isinstance(told, str):
                        job.fail(told)
                    elif told is None:
                        job.report, job.state = f"{place}/audit.json", "done"
                    else:
                        job.step, job.done, job.total = told
        except EOFError:  # it is gone; a fault of ours it has told on standard error
            process.join()
            job.fail(FAULT if (process.exitcode or 0) > 0 else KILLED)
        finally:
            process.kill()
            process.join()
            ours.close()
        if job.stopped:
            job.fail(STOPPED)


def audit_apart(page: Connection, scores: Scores, spec: Spec, folder: Path) -> None:
    """Audit, in a process of its own: tell the page each check (title, done, total) and the end.

    That is None, or in words what went wrong.
    """
    # Ctrl-C reaches the whole group; the server ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    end: str | None = None
    with suppress(BrokenPipeError):  # nobody waits for it any more
        try:
            result = audit(scores, spec, lambda *step: page.send(step))
            page.send(("writing the report", len(result.checks), len(result.checks)))
            # No thumbnails: a table from elsewhere is not to show pictures of this machine.
            write_with_page(result, folder, images=False)
        except FaceAuditError as error:
            end = str(error)
        except MemoryError:
            end = (
                f"It needs more than {MAX_MEMORY_BYTES // 1_000_000_000} GB; ask by fewer tags or "
                "of fewer rows."
            )
        page.send(end)


def parse_mapping(text: str) -> dict[str, str]:
    """Read column names from ``ours=theirs`` pairs, one a line."""
    mapping = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        ours, separator, theirs = (part.strip() for part in line.partition("="))
        if not (ours and separator and theirs):
            raise FaceAuditError(f"column names: '{line}' is not of the form NAME=COLUMN")
        mapping[ours] = theirs
    return mapping


def choose_spec(name: str, text: str, scores: Scores) -> Spec:
    """Return the specification `text` (YAML), or if that is blank the one called `name`.

    That is a ready one, or `EVERY_TAG` for the tags of `scores`; never a path, since only the
    server's own may be named.
    """
    if text.strip():
        return parse_spec(text, "your specification")
    if name in ready_specs():
        return find_spec(ready_specs()[name])
    if name != EVERY_TAG:
        raise FaceAuditError(f"'{name}': there is no such specification")
    return every_tag(scores.table, "Every tag in the table", QUESTION)
