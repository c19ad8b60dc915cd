"""The result as one HTML file that needs no network, no server and no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceaudit import figures
from faceaudit.error_rates import ERROR_RATES
from faceaudit.figures.axes import Axis, forest_axes
from faceaudit.figures.drawing import style as figures_style
from faceaudit.files import write_text, write_texts
from faceaudit.report import alt_text, numbers, visible
from faceaudit.report.as_table import as_table
from faceaudit.report.base import ReportFormat
from faceaudit.report.script_data import is_moved, packed, script_data
from faceaudit.report.text import GLOSSARY, KIND, PART, SCRIPT_TEXT, STATUS, TEXT
from faceaudit.result import (
    SEVERITY,
    CheckResult,
    Column,
    Curve,
    Detail,
    Forest,
    Heatmap,
    Result,
    Slopes,
    Table,
    Test,
    files_in,
    to_json,
)
from faceaudit.wording import LIMIT_NOTE, capitalised, counted, natural_frequency, tag_title

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
#: The script of a report, in this order.
_SCRIPTS = ("start.js", "tables.js", "threshold.js", "figures.js", "gallery.js", "page.js")


def write_html(result: Result, path: Path | str, *, images: bool = True) -> Path:
    """Write an audit, a comparison or a study as one offline HTML file, and return the path.

    Parameters
    ----------
    result : Result
    path : Path or str
        The file, which is written whole or not at all.
    images : bool
        False leaves no pixel of any photograph in the file.
    """
    return write_text(path, render_html(result, images=images))


def write_with_page(result: Result, folder: Path | str, *, images: bool = True) -> None:
    """Write a result and its page into a folder, each under its own name; never one beside an old.

    Parameters are those of `write_html`.
    """
    file, page = files_in(folder, result.kind)
    write_texts({file: to_json(result), page: render_html(result, images=images)})


def render_html(result: Result, images: bool = True) -> str:
    """Return the HTML that `write_html` writes."""
    import yaml
    from markupsafe import Markup

    if not images:
        result = visible.without_pictures(result)
    result = visible.large_groups_first(result)
    # The place of every check is its id, made safe for an address.
    anchors = {check.id: re.sub(r"[^A-Za-z0-9-]+", "-", check.id) for check in result.checks}
    details = {
        f"{anchors[check.id]}-{i}": detail
        for check in result.checks
        for i, detail in enumerate(check.details, start=1)
    }
    tests = [(check, test) for check in result.checks for test in check.tests]
    axes = {
        key: shared
        for check in result.checks
        for key, shared in _axes(anchors[check.id], check).items()
    }
    code = script()
    template = environment().get_template("report.html.j2")
    at = result.answer and result.answer.figure
    return template.render(
        result=result,
        first=at and f"{anchors[at.check]}-{at.detail + 1}",
        first_figure=_without_notes(result.first_figure),
        parts=visible.by_part(result),
        anchors=anchors,
        titles={check.id: check.title for check in result.checks},
        tests=tests,
        facts=_facts(result),
        limit_unsaid=limit_unsaid(result),
        data={
            "name": result.name,
            "title": result.title,
            "made": {
                "version": result.versions.get("faceaudit", ""),
                "date": result.created[:10],
                "confidence": result.spec.get("confidence", 0.95),
                "threshold": result.scores[0].threshold if result.scores else None,
            },
            "text": SCRIPT_TEXT,
            "thresholds": _thresholds(result),
        },
        numbers={
            key: packed(script_data(detail, axes.get(key)))
            for key, detail in [*details.items(), ("tests", _tests(tests))]
        },
        axes={key: shared[0] for key, shared in axes.items()},
        spec=yaml.safe_dump(result.spec, sort_keys=False, allow_unicode=True),
        supplements=_supplements,
        policy=policy(code),
        moves=any(map(is_moved, details.values())),
        # Our own files, which hold neither "</style" nor "</script" (tested).
        style=Markup(style() + static("figures.css")),
        figures_style=Markup(figures_style()),
        script=Markup(code),
    )


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = numbers.prose
    environment.globals["tag_title"] = tag_title
    environment.tests["picture"] = visible.is_picture
    numbers_as_text = ("cell", "count", "exact", "interval", "percent")
    environment.globals |= {name: getattr(numbers, name) for name in numbers_as_text}
    environment.globals |= {"t": TEXT, "STATUS": STATUS, "KIND": KIND, "GLOSSARY": GLOSSARY}
    environment.globals["svg"] = lambda *of, **how: Markup(figures.svg(*of, **how, alone=False))
    environment.globals |= {"PART": PART, "ERROR_RATES": ERROR_RATES, "SEVERITY": SEVERITY}
    environment.globals |= {"counted": counted, "natural_frequency": natural_frequency}
    environment.filters["capitalised"] = capitalised
    environment.globals |= {"figures": figures, "visible": visible, "is_moved": is_moved}
    environment.globals |= {"as_table": as_table, "alt_text": alt_text}
    return environment


@cache
def static(name: str) -> str:
    """Return the text of a style sheet or script of the reports."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def style() -> str:
    """Return the style sheet of every page."""
    return "".join(map(static, ("colours.css", "marks.css", "answer.css", "report.css")))


def script() -> str:
    """Return the script of a report: its parts share one scope, which is nobody else's."""
    parts = "".join(map(static, _SCRIPTS))
    # Comments and indents are for who reads the files.
    lines = re.sub(r"^\s*(//.*\n)?", "", parts, flags=re.MULTILINE)
    return f'"use strict";\n(() => {{\n{lines}}})();\n'


def policy(*scripts: str) -> str:
    """Return the content security policy of a page: no request, and no script but these."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts if script)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    allowed = hashes or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


# --- what the page's script needs ----------------------------------------------------------


def _axes(anchor: str, check: CheckResult) -> dict[str, list[Axis]]:
    """Give the forest plots of a check that show one measure one axis, for each threshold."""
    places = {f"{anchor}-{i}": detail for i, detail in enumerate(check.details, start=1)}
    forests = {key: detail for key, detail in places.items() if isinstance(detail, Forest)}
    together = {
        measure: forest_axes([of for of in forests.values() if (of.scale, of.measure) == measure])
        for measure in {(of.scale, of.measure) for of in forests.values()}
    }
    return {key: together[of.scale, of.measure] for key, of in forests.items()}


def _tests(tests: Sequence[tuple[CheckResult, Test]]) -> Table:
    heads = ("check", "test", "method", "p", "p_holm", "p_bh")
    return Table(
        title=TEXT["tests"],
        columns=[
            Column(title=TEXT[head], kind="text" if i < 3 else "p") for i, head in enumerate(heads)
        ],
        rows=[
            [check.title, test.name, test.method, test.p, test.p_holm, test.p_bh]
            for check, test in tests
        ],
    )


def _thresholds(result: Result) -> dict[str, Any]:
    """Return the thresholds to choose from, and the place of the audited one among them.

    An older result names none: then those at which its curves have points.
    """
    audited = result.scores[0].threshold if result.scores else 0.5
    values = result.thresholds
    if values is None:
        curves = (d for d in result.details if isinstance(d, Curve) and d.x_is_threshold)
        values = sorted({audited, *(x for d in curves for line in d.series for x in line.x)})
    return {"values": values, "audited": values.index(audited)}


# --- what the templates need ---------------------------------------------------------------


def _facts(result: Result) -> list[dict[str, Any]]:
    """Say what was audited once for all classifiers that saw the same."""
    facts: dict[str, dict[str, Any]] = {}
    for summary in result.scores:
        same = ("n_real", "n_ai", "unscored", "rows", "threshold_rule")
        seen = repr((list(summary.datasets), *(getattr(summary, name) for name in same)))
        known = facts.setdefault(seen, {"summary": summary, "names": [], "thresholds": []})
        known["names"].append(summary.name)
        if summary.threshold not in known["thresholds"]:
            known["thresholds"].append(summary.threshold)
    return list(facts.values())


def _without_notes(detail: Detail | None) -> Detail | None:
    """Leave out what a figure's check says of it."""
    notes = {"note": None, "tag_source": None}
    return detail and detail.model_copy(
        update={k: v for k, v in notes.items() if hasattr(detail, k)}
    )


def _supplements(details: Sequence[Detail], i: int) -> bool:
    """Tell whether a detail may be folded: a drawing of the same or a table went before it."""
    before = details[:i]
    match details[i]:
        case Table():
            drawn = i > 0 and isinstance(before[-1], Forest | Slopes | Heatmap)
            return drawn or any(isinstance(detail, Table) for detail in before)
        case Forest():
            return i > 0 and isinstance(before[-1], Heatmap)
        case _:
            return False


def limit_unsaid(result: Result) -> bool:
    """Tell whether limits were judged, and another check than one of those gives the answer."""
    answering = next((check for check in result.checks if check.status == result.status), None)
    judged = result.status in ("pass", "fail", "insufficient-evidence")
    if not judged or answering is None or answering.verdicts:
        return False
    if result.answer and LIMIT_NOTE in result.answer.how_much:
        return False
    return any(isinstance(detail, Forest) and detail.limit is not None for detail in result.details)


REPORT = ReportFormat("html", ".html", write_html)
