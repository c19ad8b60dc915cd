"""The reports of a folder: listed, opened, and two laid side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from faceaudit.errors import FaceAuditError
from faceaudit.report.index_page import RESULT_NAMES, FoundResult, find_results
from faceaudit.result import CheckResult, Estimate, Forest, Result, read_result

T = TypeVar("T")


def list_reports(folder: Path) -> list[FoundResult]:
    """List the results in a folder, which need not exist, and below it."""
    return find_results(folder) if folder.is_dir() else []


def read_report(folder: Path, path: str) -> Result:
    """Read one result by its path as `list_reports` gives it.

    HTTP status 404 also for what leads out of the folder, or to another kind of file.
    """
    root = folder.resolve()
    try:
        target = (root / path).resolve()
        inside = target.is_relative_to(root) and target.is_file()
    except (OSError, ValueError):  # a name that no file can have
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
