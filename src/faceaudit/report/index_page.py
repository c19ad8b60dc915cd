"""A page that lists the reports of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from faceaudit.errors import FaceAuditError
from faceaudit.files import write_text
from faceaudit.report.html import environment, policy, style
from faceaudit.result import SEVERITY, OverallRate, Result, read_result

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
    found = [_read(root, path) for path in paths if path.is_file()]
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


def asked_rate(result: Result) -> OverallRate | None:
    """Return the error rate that a result's question is about, over all images."""
    rates = result.answer.overall if result.answer else []
    asked = [of for of in rates if result.answer and of.rate == result.answer.rate]
    return next(iter([*asked, *rates]), None)


def questions(found: Sequence[FoundResult]) -> dict[tuple[str, str], dict[str, list[FoundResult]]]:
    """Lay audits out by name and title of what was asked, and by classifier."""
    table: dict[tuple[str, str], dict[str, list[FoundResult]]] = {}
    for one in found:
        if one.result is not None and one.result.kind == "audit":
            row = table.setdefault((one.result.name, one.result.title), {})
            row.setdefault(classifiers(one.result), []).append(one)
    return table


def classifiers(result: Result) -> str:
    """Name the classifiers of a result, or the specification of one without."""
    return ", ".join(summary.name for summary in result.scores) or result.name


def distinct(found: Sequence[FoundResult]) -> dict[str, str]:
    """Say, by path, what tells results of one title apart: classifiers, data, date or path."""
    told = {}
    for one in found:
        if one.result is None:
            continue
        alike = [of for of in found if of.result and of.result.title == one.result.title]
        if len(alike) == 1:
            continue
        parts = [
            own
            for say in (classifiers, _data, lambda result: result.created[:10])
            for own in [say(one.result)]
            if any(of.result and say(of.result) != own for of in alike)
        ]
        told[one.path] = ", ".join(parts)
    # What is alike in all that has its place.
    said = Counter((one.result.title, told.get(one.path)) for one in found if one.result)
    for one in found:
        if one.result and said[one.result.title, told.get(one.path)] > 1:
            told[one.path] = ", ".join(filter(None, [told.get(one.path), one.path]))
    return told


def _data(result: Result) -> str:
    return ", ".join(dict.fromkeys(name for of in result.scores for name in of.datasets))


def write_index(folder: Path | str) -> Path:
    """Write ``index.html`` into a folder of reports and return its path.

    Audits are a table of questions and classifiers, each cell the error rate that was asked about;
    comparisons and studies follow.
    """
    from markupsafe import Markup

    page = environment().get_template("index.html.j2")
    found = find_results(folder)
    table = questions(found)
    text = page.render(
        questions=table,
        classifiers=list(dict.fromkeys(name for row in table.values() for name in row)),
        others=[one for one in found if one.result is None or one.result.kind != "audit"],
        found=found,
        asked_rate=asked_rate,
        distinct=distinct(found),
        folder_name=Path(folder).resolve().name,
        policy=policy(),
        style=Markup(style()),
    )
    return write_text(Path(folder) / "index.html", text)
