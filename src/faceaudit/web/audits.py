"""Audits started from the page: one at a time, each in a process of its own that can be ended."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from faceaudit.errors import FaceAuditError
from faceaudit.given import Reading
from faceaudit.packaged import ready_specs
from faceaudit.report.html import write_with_page
from faceaudit.runner import audit
from faceaudit.spec import EVERY_TAG, QUESTION, Spec, every_tag, find_spec, parse_spec
from faceaudit.tables import Scores
from faceaudit.web.apart import Limits, StoppedError
from faceaudit.web.held_tables import UploadedTable, read_uploaded, slug

#: Finished audits that are remembered; their reports stay in the folder.
REMEMBERED = 50
MAX_WAITING = 4
#: An audit that takes longer is ended, and so is one that asks for more memory.
LIMITS = Limits(
    600.0, 8_000_000_000, "ask by fewer tags or of fewer rows, or use 'faceaudit audit'"
)

STOPPED = "It was stopped."
FAULT = "Something went wrong here; the server's log says what."


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

    def start(
        self, table: UploadedTable, reading: Reading, spec: Spec, form: str | None = None
    ) -> Job:
        """Start an audit, or put it in line; `FaceAuditError` if too many wait already."""
        waiting = sum(job.state == "waiting" for job in self._jobs.values())
        if waiting >= MAX_WAITING:
            raise FaceAuditError(f"{waiting} audits are waiting already; try again later")
        job = Job(id=secrets.token_urlsafe(8), name=spec.title, form=form)
        self._jobs[job.id] = job
        finished = [one.id for one in self._jobs.values() if one.state in ("done", "failed")]
        for old in finished[: max(0, len(self._jobs) - REMEMBERED)]:
            del self._jobs[old]
        self._pool.submit(self._run, job, table, reading, spec)
        return job

    def stop(self, job: Job) -> None:
        """End an audit, whether it has begun or not."""
        if job.state in ("waiting", "running"):
            job.stopped = True
            job.fail(STOPPED)

    def _run(self, job: Job, table: UploadedTable, reading: Reading, spec: Spec) -> None:
        def follow(step: tuple[str, int, int]) -> None:
            job.step, job.done, job.total = step

        place = f"{slug(spec.name)}-{job.id}"
        try:
            if job.stopped:
                raise StoppedError
            job.state, job.step = "running", "counting"
            table.apart(
                LIMITS,
                audit_apart,
                reading,
                spec,
                self._folder / place,
                follow=follow,
                stopped=lambda: job.stopped,
            )
            job.report, job.state = f"{place}/audit.json", "done"
        except StoppedError:
            job.fail(STOPPED)
        except FaceAuditError as error:
            job.fail(str(error))
        except Exception:  # nobody asks this thread, and the page would wait for ever
            traceback.print_exc()
            job.fail(FAULT)


def audit_apart(
    tell: Callable[[str, int, int], None], path: Path, reading: Reading, spec: Spec, folder: Path
) -> None:
    """Audit an uploaded table, in a process of its own, and tell of each check."""
    result = audit(read_uploaded(path, reading), spec, tell)
    tell("writing the report", len(result.checks), len(result.checks))
    # No thumbnails: a table from elsewhere is not to show pictures of this machine.
    write_with_page(result, folder, images=False)


def parse_mapping(text: str) -> dict[str, str]:
    """Read column names from ``ours=theirs`` pairs, one a line."""
    mapping = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        ours, separator, theirs = (part.strip() for part in line.partition("="))
        if not (ours and separator and theirs):
            raise FaceAuditError(f"column names: '{line}' is not of the form NAME=COLUMN")
        mapping[ours] = theirs
    return mapping


def asked(path: Path, mapping: dict[str, str], chosen: str, text: str) -> Spec:
    """Return the specification that the JSON interface was asked for, of an uploaded table."""
    return choose_spec(chosen, text, read_uploaded(path, {"mapping": mapping}))


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
