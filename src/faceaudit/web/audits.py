"""Audits started from the page: one at a time in the background, each telling how far it is."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
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


class Audits:
    """The audits that were started here; each result goes to a place of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="audit")

    def close(self) -> None:
        """Forget the audits that have not begun, and wait for the one at work."""
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

    def _run(self, job: Job, scores: Scores, spec: Spec) -> None:
        def on_check(title: str, done: int, total: int) -> None:
            job.step, job.done, job.total = title, done, total

        job.state, job.step = "running", "counting"
        try:
            result = audit(scores, spec, on_check)
            # No thumbnails: a table from elsewhere is not to show pictures of this machine.
            job.step, job.done = "writing the report", job.total
            place = f"{slug(spec.name)}-{job.id}"
            write_with_page(result, self._folder / place, images=False)
        except FaceAuditError as error:
            job.state, job.problem = "failed", str(error)
        except Exception as error:  # a worker that dies in silence would leave the page waiting
            job.state, job.problem = "failed", f"{type(error).__name__}: {error}"
            raise
        else:
            job.report, job.state = f"{place}/audit.json", "done"


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
