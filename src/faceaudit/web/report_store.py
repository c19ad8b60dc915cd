"""The reports of a folder: listed, opened, and two laid side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faceaudit.errors import FaceAuditError
from faceaudit.report.index_page import RESULT_NAMES, Entry, find_results
from faceaudit.result import CheckResult, Estimate, Forest, Result, read_result


@dataclass(frozen=True)
class ForestPair:
    """The same figure of two results: estimates by group, None where one has no such group."""

    title: str
    measure: str
    scale: str
    rows: list[tuple[str, Estimate | None, Estimate | None]]

    @property
    def top(self) -> float:
        """End of the axis on which both are drawn."""
        ends = [
            end
            for _, *pair in self.rows
            for one in pair
            if one is not None
            for end in (one.value, one.high)
            if end is not None
        ]
        return max([*ends, 0.01])


@dataclass(frozen=True)
class CheckPair:
    """One check in two results, None where one does not have it."""

    title: str
    first: CheckResult | None
    second: CheckResult | None
    forests: list[ForestPair]


class Library:
    """The results in a folder and below it.

    Parameters
    ----------
    folder : Path
        Need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[Entry]:
        """List the results, the newest first; one that is unreadable says why."""
        return find_results(self._folder) if self._folder.is_dir() else []

    def read(self, path: str) -> Result:
        """Read one result.

        Parameters
        ----------
        path : str
            As `entries` gives it. Anything that leads out of the folder, or to another kind of
            file, is not there.

        Raises
        ------
        FileNotFoundError
        FaceAuditError
            If the file is damaged.
        """
        root = self._folder.resolve()
        try:
            target = (root / path).resolve()
            inside = target.is_relative_to(root) and target.is_file()
        except (OSError, ValueError):  # a name that no file can have
            inside = False
        if not inside or target.name not in RESULT_NAMES:
            raise FileNotFoundError(path)
        try:
            return read_result(target)
        except FaceAuditError as error:
            # The way to the folder is the server's own business.
            raise FaceAuditError(str(error).replace(str(target), path)) from None


def pair_checks(first: Result, second: Result) -> list[CheckPair]:
    """Match the checks of two results by id, in the order of the first."""
    ours = {check.id: check for check in first.checks}
    theirs = {check.id: check for check in second.checks}
    return [
        CheckPair(
            title=(ours.get(name) or theirs[name]).title,
            first=ours.get(name),
            second=theirs.get(name),
            forests=_pair_forests(ours.get(name), theirs.get(name)),
        )
        for name in dict.fromkeys([*ours, *theirs])
    ]


def _pair_forests(first: CheckResult | None, second: CheckResult | None) -> list[ForestPair]:
    ours, theirs = _forests(first), _forests(second)
    return [
        ForestPair(
            title=title,
            measure=ours[title].measure,
            scale=ours[title].scale,
            rows=_pair_rows(ours[title].rows, theirs[title].rows),
        )
        for title in ours
        if title in theirs and ours[title].scale == theirs[title].scale == "percent"
    ]


def _forests(check: CheckResult | None) -> dict[str, Forest]:
    details = check.details if check else []
    return {detail.title: detail for detail in details if isinstance(detail, Forest)}


def _pair_rows(
    first: list[Estimate], second: list[Estimate]
) -> list[tuple[str, Estimate | None, Estimate | None]]:
    ours, theirs = {row.group: row for row in first}, {row.group: row for row in second}
    return [(g, ours.get(g), theirs.get(g)) for g in dict.fromkeys([*ours, *theirs])]
