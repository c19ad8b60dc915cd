"""The reports of a folder: listed, opened, and two laid side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from faceaudit.errors import FaceAuditError
from faceaudit.report.index_page import RESULT_NAMES, asked_rate
from faceaudit.report.numbers import count
from faceaudit.result import (
    SEVERITY,
    CheckResult,
    Estimate,
    Forest,
    OverallRate,
    Result,
    Status,
    read_result,
)

T = TypeVar("T")
_ONE_READS = Lock()


@dataclass(frozen=True)
class Listed:
    """What a list tells of a result at `path` below the folder; of a bad one only its `problem`."""

    path: str
    problem: str | None = None
    kind: str = ""
    created: str = ""
    name: str = ""
    title: str = ""
    status: Status = "not-estimable"
    verdict: str = ""
    models: tuple[str, ...] = ()
    #: The error rate that its question is about, over all images.
    asked: OverallRate | None = None

    @property
    def folder(self) -> str:
        """Its folder, which tells reports of one title apart."""
        return PurePosixPath(self.path).parent.as_posix()


#: By what a list can be sorted; without a choice comparisons come first, then the gravest.
SORTS: dict[str, Callable[[Listed], Any]] = {
    "title": lambda one: (one.title.casefold(), one.path),
    "model": lambda one: one.models,
    "created": lambda one: one.created,
    "status": lambda one: SEVERITY.index(one.status),
    "rate": lambda one: one.asked.value if one.asked else -1.0,
}


def list_reports(folder: Path, sort: str = "") -> list[Listed]:
    """List the results in a folder, which need not exist, and below it.

    `sort` is one of `SORTS`, with a hyphen in front for falling order; what cannot be read is last.
    """
    paths = sorted(path for name in RESULT_NAMES for path in folder.rglob(name))
    root, listed = folder.resolve(), []
    for path in paths:
        if not (path.is_file() and path.resolve().is_relative_to(root)):
            continue  # a pipe, or a link to elsewhere; `read_report` does not open it either
        stat = path.stat()
        below = path.relative_to(folder).as_posix()
        with _ONE_READS:  # the others find it in the cache
            listed.append(_listed(path, below, stat.st_mtime_ns, stat.st_size))
    listed.sort(key=SORTS["created"], reverse=True)
    listed.sort(key=lambda one: (one.kind == "audit", SORTS["status"](one)))
    if key := SORTS.get(sort.removeprefix("-")):
        listed.sort(key=key, reverse=sort.startswith("-"))
    return sorted(listed, key=lambda one: one.problem is not None)


@lru_cache(2_000)
def _listed(path: Path, below: str, changed: int, size: int) -> Listed:
    # Reading a result takes a twentieth of a second, and every page of a report lists them all.
    try:
        result = read_result(path)
    except FaceAuditError as error:
        return Listed(below, str(error).replace(str(path), below))
    told = result.model_dump(include={"kind", "created", "name", "title", "status", "verdict"})
    models = tuple(one.name for one in result.scores)
    return Listed(below, models=models, asked=asked_rate(result), **told)


def neighbours(folder: Path, path: str) -> tuple[Listed | None, Listed | None]:
    """Return the reports before and after one in the list."""
    listed = [one for one in list_reports(folder) if one.problem is None]
    at = next((i for i, one in enumerate(listed) if one.path == path), None)
    if at is None:
        return None, None
    return (listed[at - 1] if at else None), (listed[at + 1] if at + 1 < len(listed) else None)


def read_report(folder: Path, path: str) -> Result:
    """Read one result by its path as `list_reports` gives it.

    HTTP status 404 also for what leads out of the folder, or to another kind of file.
    """
    root = folder.resolve()
    try:
        target = (root / path).resolve()
        inside = target.is_relative_to(root) and target.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, a link to itself
        inside = False
    if not inside or target.name not in RESULT_NAMES:
        raise HTTPException(404, "There is no such report.")
    try:
        return read_result(target)
    except FaceAuditError as error:
        # The way to the folder is the server's own business.
        raise FaceAuditError(str(error).replace(str(target), path)) from None


def pair_checks(first: Result, second: Result) -> list[dict[str, Any]]:
    """Match the checks of two results, and their figures of the same kind; None where one lacks it.

    Each pair has a ``title``, the two ``checks`` and ``forests``, whose ``rows`` are a group and
    its two estimates; ``top`` is the end of the axis on which both are drawn.
    """
    return [
        {
            "title": next(check.title for check in (one, two) if check),
            "checks": (one, two),
            "forests": [
                {"title": title, "measure": a.measure, "rows": rows, "top": _top(rows)}
                for title, a, b in _pairs(_forests(one), _forests(two), "title")
                if a and b and a.scale == b.scale == "percent"
                for rows in [_pairs(a.rows, b.rows, "group")]
            ],
        }
        for _, one, two in _pairs(first.checks, second.checks, "id")
    ]


def unrelated(first: Result, second: Result) -> list[str]:
    """Say why two results cannot be held against each other, if they cannot."""
    told = []
    if _images(first) != _images(second):
        told.append(
            f"Different images: the first rests on {_in_words(first)}, the second on "
            f"{_in_words(second)}. What differs between the two may be the images; hold two "
            "classifiers against each other on the same images."
        )
    if first.question != second.question or _question(first) != _question(second):
        told.append(
            f"Different questions: the first asks “{first.question}”, the second "
            f"“{second.question}”."
        )
    return told


def _images(result: Result) -> set[tuple[Any, ...]]:
    return {
        (
            *sorted((name, one.indexed) for name, one in scores.datasets.items()),
            scores.n_real,
            scores.n_ai,
        )
        for scores in result.scores
    }


def _in_words(result: Result) -> str:
    names = list(dict.fromkeys(name for scores in result.scores for name in scores.datasets))
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    real, ai = (sum(getattr(one, n) for one in result.scores) for n in ("n_real", "n_ai"))
    return f"{shown or 'no data set'} ({count(real)} real, {count(ai)} AI-generated)"


def _question(result: Result) -> list[Any]:
    return [result.spec.get(key) for key in ("attributes", "intersections", "rate", "rows")]


def _pairs(first: list[T], second: list[T], key: str) -> list[tuple[str, T | None, T | None]]:
    """Match what has the same `key`, in the order of the first."""
    ours, theirs = ({getattr(one, key): one for one in each} for each in (first, second))
    return [(name, ours.get(name), theirs.get(name)) for name in dict.fromkeys([*ours, *theirs])]


def _forests(check: CheckResult | None) -> list[Forest]:
    return [detail for detail in check.details if isinstance(detail, Forest)] if check else []


def _top(rows: list[tuple[str, Estimate | None, Estimate | None]]) -> float:
    shown = [one for _, *pair in rows for one in pair if one is not None]
    ends = [end for one in shown for end in (one.value, one.high) if end is not None]
    return max([*ends, 0.01])
