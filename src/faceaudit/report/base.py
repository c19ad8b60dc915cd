"""What an output format is, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from faceaudit.errors import FaceAuditError
from faceaudit.plugins import offers
from faceaudit.result import Result


@dataclass(frozen=True)
class ReportFormat:
    r"""An output format: ``faceaudit report audit.json --format NAME`` writes it.

    A module of this folder that calls one ``REPORT`` is a format:

    >>> from faceaudit.report.base import ReportFormat
    >>> def write(result, path):
    ...     lines = [f"{check.status}\t{check.sentence}\n" for check in result.checks]
    ...     path.write_text("".join(lines), encoding="utf-8")
    >>> REPORT = ReportFormat(name="lines", suffix=".txt", write=write)

    Another package names the same in its ``pyproject.toml``::

        [project.entry-points."faceaudit.reports"]
        lines = "my_package:REPORT"

    A format draws what the `Result` holds and computes nothing. Whatever a check shows is one of
    the eight kinds of `faceaudit.result.Detail`; `faceaudit.report.as_table.as_table` gives any of
    them as rows and columns, `faceaudit.report.numbers.cell` writes a cell as all reports do, and
    `faceaudit.report.alt_text` says in words what a figure shows.

    Attributes
    ----------
    name : str
        What ``--format`` takes.
    suffix : str
        The ending of its files, for instance ``.txt``.
    write : callable
        Takes the result, of any kind, and the path to write to, which becomes the user's file
        only if nothing is raised. A `FaceAuditError` says in one line why this result cannot be
        written so. Pictures that the user does not want shown have been taken out before.
    """

    name: str
    suffix: str
    write: Callable[[Result, Path], Any]


@cache
def all_formats() -> dict[str, ReportFormat]:
    """Return every output format by name: those of this folder and of installed packages."""
    return offers("reports", "REPORT", "name", folder="report", fault=_fault)


def _fault(offered: object) -> str | None:
    return None if isinstance(offered, ReportFormat) else "it is no ReportFormat"


def get_format(name: str) -> ReportFormat:
    """Return the output format called `name`.

    Raises
    ------
    FaceAuditError
        If there is none of that name; says which there are.
    """
    known = all_formats()
    if name not in known:
        raise FaceAuditError(f"no output format '{name}'; there are {', '.join(sorted(known))}")
    return known[name]
