"""The result as one HTML file that needs no network, no server and no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceaudit.files import write_text
from faceaudit.report import alt_text, figures, numbers
from faceaudit.report.as_table import flat, moved_columns
from faceaudit.report.text import GLOSSARY, KIND, LANGUAGE, SCRIPT_TEXT, STATUS, TEXT
from faceaudit.result import (
    Curve,
    Detail,
    Forest,
    Heatmap,
    Result,
    ScoresSummary,
    Slopes,
    Table,
)

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
#: The script of a report, in this order.
_SCRIPTS = ("start.js", "tables.js", "curves.js", "threshold.js", "page.js")
_APPENDIX = {
    "about-rows": "rows_account",
    "about-tests": "tests",
    "about-provenance": "provenance",
    "about-glossary": "glossary",
    "about-citing": "cite",
}


def write_html(result: Result, path: Path | str, *, images: bool = True) -> Path:
    """Write a result as one offline HTML file, whole or not at all.

    Parameters
    ----------
    result : Result
        An audit, a comparison or a study.
    path : Path or str
        The file to write.
    images : bool
        False leaves no pixel of any photograph in the file.

    Returns
    -------
    Path
        `path`.
    """
    return write_text(path, render_html(result, images=images))


def render_html(result: Result, images: bool = True) -> str:
    """Return the HTML that `write_html` writes."""
    import yaml
    from markupsafe import Markup

    anchors = _anchors(result)
    curves = any(isinstance(detail, Curve) for _, detail in _details(result, anchors))
    tests = [(check, test) for check in result.checks for test in check.tests]
    moves = any(moved_columns(detail) for _, detail in _details(result, anchors))
    code = script()
    plotly = static("plotly-basic.min.js") if curves else ""

    return (
        environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            anchors=anchors,
            titles={check.id: check.title for check in result.checks},
            tests=tests,
            appendix=[
                (anchor, TEXT[key])
                for anchor, key in _APPENDIX.items()
                if anchor != "about-rows" or any(summary.rows for summary in result.scores)
            ],
            facts=_facts(result),
            limit_unsaid=_limit_unsaid(result),
            data=_data(result, anchors, tests),
            thresholds=_thresholds(result),
            spec=yaml.safe_dump(result.spec, sort_keys=False, allow_unicode=True),
            citation=_citation(result),
            images=images,
            supplements=_supplements,
            policy=policy(code, plotly),
            moves=moves,
            # Our own files, which hold neither "</style" nor "</script" (tested).
            style=Markup(static("report.css")),
            script=Markup(code),
            plotly=Markup(plotly),
        )
    )


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = numbers.prose
    environment.globals.update(
        t=TEXT,
        STATUS=STATUS,
        KIND=KIND,
        GLOSSARY=GLOSSARY,
        LANGUAGE=LANGUAGE,
        figures=figures,
        flat=flat,
        alt_text=alt_text,
        cell=numbers.cell,
        count=numbers.count,
        exact=numbers.exact,
        percent=numbers.percent,
        interval=numbers.interval,
        words=numbers.words,
    )
    return environment


@cache
def static(name: str) -> str:
    """Return the text of a style sheet or script of the reports."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def script() -> str:
    """Return the script of a report: its parts share one scope, which is nobody else's."""
    return "".join(['"use strict";\n(() => {\n', *map(static, _SCRIPTS), "})();\n"])


def policy(*scripts: str) -> str:
    """Return the content security policy of a page: no request, and no script but these."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
        if script
    )
    allowed = hashes or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _anchors(result: Result) -> dict[str, str]:
    """Name the place of every check: its id, which is made safe for an address."""
    return {check.id: re.sub(r"[^A-Za-z0-9-]+", "-", check.id) for check in result.checks}


def _details(result: Result, anchors: dict[str, str]) -> Iterator[tuple[str, Detail]]:
    for check in result.checks:
        for i, detail in enumerate(check.details, start=1):
            yield f"{anchors[check.id]}-{i}", detail


def _data(result: Result, anchors: dict[str, str], tests: list) -> dict[str, Any]:
    """Gather what the page's script needs: the tables' values, the curves, its words."""
    tables: dict[str, dict[str, Any]] = {}
    curves: dict[str, dict[str, Any]] = {}
    for key, detail in _details(result, anchors):
        table = flat(detail)
        tables[key] = {
            "title": table.title,
            "columns": [column.title for column in table.columns],
            "kinds": [column.kind for column in table.columns],
            # What a curve is drawn from is downloaded too, and need not stand here twice.
            "rows": [] if isinstance(detail, Curve) else table.rows,
        }
        if moves := moved_columns(detail):
            tables[key]["moves"] = moves
        if moves and isinstance(detail, Forest):
            tables[key] |= _moving_forest(detail)
        if isinstance(detail, Curve):
            curves[key] = {
                "layout": figures.plotly_layout(detail),
                "told": alt_text.curve(detail),
                "percent": detail.y_percent,
                "marker": detail.marker,
                "slider": detail.x_is_threshold,
                "series": figures.curve_lines(detail),
                "drawn": figures.MOST_LINES,
            }
    heads = ("check", "test", "method", "p", "p_holm", "p_bh")
    tables["tests"] = {
        "title": TEXT["tests"],
        "columns": [TEXT[head] for head in heads],
        "kinds": ["text"] * 3 + ["p"] * 3,
        "rows": [
            [check.title, test.name, test.method, test.p, test.p_holm, test.p_bh]
            for check, test in tests
        ],
    }
    return {
        "name": result.name,
        "text": SCRIPT_TEXT,
        "tables": tables,
        "curves": curves,
        "thresholds": _thresholds(result),
    }


def _moving_forest(forest: Forest) -> dict[str, Any]:
    """Gather what moves in a forest plot beside its rows: the axis and the reference line."""
    reference = (forest.by_threshold or {}).get("reference")
    return {
        "axes": [
            {"low": axis.low, "high": axis.high, "steps": axis.steps, "ticks": axis.ticks}
            for axis in figures.wider_axes(forest)
        ],
        "limit": forest.limit,
        "reference": reference
        and {
            "moved": reference,
            "audited": forest.reference,
            "label": forest.reference_label or TEXT["reference"],
            "n": numbers.count(forest.reference_n or 0),
        },
    }


def _thresholds(result: Result) -> dict[str, Any]:
    """Return the thresholds to choose from, and the place of the audited one among them.

    An older result names none: then those at which its curves have points.
    """
    audited = result.scores[0].threshold if result.scores else 0.5
    values = result.thresholds
    if values is None:
        curves = [d for c in result.checks for d in c.details if isinstance(d, Curve)]
        places = (s.x for d in curves if d.x_is_threshold for s in d.series)
        values = sorted({audited, *(x for xs in places for x in xs)})
    return {"values": values, "audited": values.index(audited)}


@dataclass
class _Facts:
    """What was audited, and by which classifiers it was seen."""

    summary: ScoresSummary
    names: list[str]
    thresholds: list[float]


def _facts(result: Result) -> list[_Facts]:
    """Say what was audited once for all classifiers that saw the same."""
    facts: list[_Facts] = []
    for summary in result.scores:
        for known in facts:
            if _same_but_for_the_classifier(summary, known.summary):
                break
        else:
            known = _Facts(summary, [], [])
            facts.append(known)
        known.names.append(summary.name)
        if summary.threshold not in known.thresholds:
            known.thresholds.append(summary.threshold)
    return facts


def _same_but_for_the_classifier(a: ScoresSummary, b: ScoresSummary) -> bool:
    shown = ("n_real", "n_ai", "unscored", "rows", "threshold_rule")
    return list(a.datasets) == list(b.datasets) and all(
        getattr(a, name) == getattr(b, name) for name in shown
    )


def _supplements(details: list[Detail], i: int) -> bool:
    """Tell whether a table may be folded: a drawing or another table went before it."""
    if not isinstance(details[i], Table) or i == 0:
        return False
    drawn = isinstance(details[i - 1], Forest | Slopes | Heatmap)
    return drawn or any(isinstance(detail, Table) for detail in details[:i])


def _limit_unsaid(result: Result) -> bool:
    """Tell whether limits were judged, and another check than one of those gives the answer."""
    answering = next((check for check in result.checks if check.status == result.status), None)
    if answering is None or answering.verdicts or result.status in ("info", "not-estimable"):
        return False
    details = (detail for check in result.checks for detail in check.details)
    return any(isinstance(detail, Forest) and detail.limit is not None for detail in details)


def _citation(result: Result) -> str:
    return TEXT["cite_text"].format(
        title=result.title,
        kind=KIND[result.kind],
        name=result.name,
        created=result.created[:10],
        version=result.versions.get("faceaudit", ""),
    )
