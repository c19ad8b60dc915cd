"""Audits started from the page: one at a time in the background, each telling how far it is."""

from __future__ import annotations

import re
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from faceaudit.audit import audit
from faceaudit.errors import FaceAuditError
from faceaudit.report.html import write_html
from faceaudit.result import write_result
from faceaudit.spec import EVERY_TAG, Spec, every_tag, find_spec, parse_spec, ready_specs
from faceaudit.tables import Scores, read_scores

#: Finished audits that are remembered; their reports stay in the folder.
REMEMBERED = 50
MAX_WAITING = 4
#: A Parquet file of a few bytes can hold a billion equal rows.
MAX_ROWS = 5_000_000
MAX_COLUMNS = 200


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

    def start(self, scores: Scores, spec: Spec) -> Job:
        """Start an audit, or put it in line; `FaceAuditError` if too many wait already."""
        waiting = sum(job.state == "waiting" for job in self._jobs.values())
        if waiting >= MAX_WAITING:
            raise FaceAuditError(f"{waiting} audits are waiting already; try again later")
        job = Job(id=secrets.token_urlsafe(8), name=spec.title)
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
            place = f"{_slug(spec.name)}-{job.id}"
            write_result(self._folder / place / "audit.json", result)
            write_html(result, self._folder / place / "report.html", images=False)
        except FaceAuditError as error:
            job.state, job.problem = "failed", str(error)
        except Exception as error:  # a worker that dies in silence would leave the page waiting
            job.state, job.problem = "failed", f"{type(error).__name__}: {error}"
            raise
        else:
            job.report, job.state = f"{place}/audit.json", "done"


def read_uploaded(name: str, content: bytes, mapping: dict[str, str]) -> Scores:
    """Read a scores table that was uploaded; what touches the disk is deleted at once.

    The ending of `name` says what it is; messages and the data set bear it. `mapping` leads from
    our column names to the file's. `FaceAuditError` if it is no scores table, or an absurd one.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise FaceAuditError(f"{name}: scores are a .csv or a .parquet file")
    if suffix == ".parquet":
        _refuse_absurd(name, content)
    with tempfile.TemporaryDirectory(prefix="faceaudit-") as folder:
        path = Path(folder) / f"{_slug(Path(name).stem)}{suffix}"
        path.write_bytes(content)
        try:
            return read_scores(path, mapping)
        except FaceAuditError as error:
            raise FaceAuditError(str(error).replace(str(path), name)) from None


def _refuse_absurd(name: str, content: bytes) -> None:
    try:
        metadata = pq.read_metadata(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError):
        return  # `read_scores` says what is wrong with it
    if metadata.num_rows > MAX_ROWS or metadata.num_columns > MAX_COLUMNS:
        raise FaceAuditError(
            f"{name}: {metadata.num_rows:,} rows and {metadata.num_columns:,} columns; here "
            f"{MAX_ROWS:,} and {MAX_COLUMNS} are the most, use 'faceaudit audit' for more"
        )


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
    question = "Does the classifier err more often about some groups of people than others?"
    return every_tag(scores.table, "Every tag in the table", question)


def _slug(name: str) -> str:
    """Return a name fit for a file: ASCII letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "scores"
