"""A page that lists the reports of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from faceaudit.errors import FaceAuditError
from faceaudit.files import write_text
from faceaudit.report.html import environment, policy, static
from faceaudit.result import SEVERITY, Result, read_result

#: What results are called in the folders that faceaudit writes.
RESULT_NAMES = ("audit.json", "compare.json", "study.json")


@dataclass(frozen=True)
class FoundResult:
    """One result, at `path` below the folder; None if it could not be read, for a `problem`."""

    path: str
    result: Result | None
    #: Address of the report beside it, relative to the folder.
    link: str | None
    problem: str | None = None


def find_results(folder: Path | str) -> list[FoundResult]:
    """List the results in a folder and below it, as they are to be read.

    Comparisons and studies come before audits, graver results before others, and among equals
    the newest first; what could not be read is last.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FaceAuditError(f"{root}: not a folder")
    paths = sorted(path for name in RESULT_NAMES for path in root.rglob(name))
    found = [_read(root, path) for path in paths]
    found.sort(key=lambda one: one.result.created if one.result else "", reverse=True)
    return sorted(found, key=_rank)


def _read(root: Path, path: Path) -> FoundResult:
    below = path.relative_to(root).as_posix()
    report = path.with_name("report.html")
    # "./" first: a folder named "javascript:…" must stay a folder.
    link = f"./{quote(report.relative_to(root).as_posix())}" if report.is_file() else None
    try:
        return FoundResult(below, read_result(path), link)
    except FaceAuditError as error:
        return FoundResult(below, None, link, str(error))


def _rank(found: FoundResult) -> tuple[int, int]:
    if found.result is None:
        return 2, 0
    return int(found.result.kind == "audit"), SEVERITY.index(found.result.status)


def write_index(folder: Path | str) -> Path:
    """Write ``index.html`` into a folder of reports and return its path."""
    from markupsafe import Markup

    page = environment().get_template("index.html.j2")
    text = page.render(
        entries=find_results(folder),
        folder_name=Path(folder).resolve().name,
        policy=policy(),
        style=Markup(static("report.css")),
    )
    return write_text(Path(folder) / "index.html", text)
