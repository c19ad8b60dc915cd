"""The result as Markdown, for pull requests and summaries of continuous integration."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from faceaudit.files import write_text
from faceaudit.gate import Outcome
from faceaudit.report import numbers
from faceaudit.report.as_table import as_table
from faceaudit.report.base import ReportFormat
from faceaudit.report.text import STATUS, TEXT
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Curve,
    Distribution,
    Forest,
    Result,
    ScoresSummary,
    Slopes,
)

#: Longer tables are cut: a comment is read at a glance, the HTML report has every row.
MOST_ROWS = 30

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~^$@:])")


def to_markdown(result: Result, outcomes: Sequence[Outcome] = ()) -> str:
    """Return the verdict, the findings, the limits of the data and the tables of the checks.

    With the outcomes of a gate, what it judged comes after the verdict.

    Text from outside is escaped, so that a group named ``<b>`` or ``[x](y)`` shows as it is.
    """
    return "\n\n".join(_parts(result, outcomes)) + "\n"


def write_markdown(result: Result, path: Path | str, outcomes: Sequence[Outcome] = ()) -> Path:
    """Write `to_markdown` to a file and return the path."""
    return write_text(path, to_markdown(result, outcomes))


def _parts(result: Result, outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield f"# {_text(result.title)}"
    yield f"**{STATUS[result.status]}.** {_text(result.verdict)}"
    if result.scores:
        yield _table(
            _heads("classifier", "data", "n_real", "n_ai", "threshold"),
            [
                [s.name, ", ".join(s.datasets), s.n_real, s.n_ai, _threshold(s)]
                for s in result.scores
            ],
        )
    for account in (summary.rows for summary in result.scores):
        if account is not None:
            shares = (f"- {_text(share)}" for share in account.shares)
            yield "\n".join([f"{TEXT['rows']}: {_text(account.sentence)}", *shares])
    if outcomes:
        yield f"## {TEXT['judged']}"
        yield _table(
            _heads("status", "baseline", "check", "gap", "answer", "note"),
            [
                [
                    STATUS[o.status],
                    o.baseline and STATUS[o.baseline],
                    o.check,
                    o.name,
                    o.found,
                    o.remark or None,
                ]
                for o in outcomes
            ],
        )
    for heading, mark, lines in (
        ("findings", "1.", [finding.sentence for finding in result.findings]),
        ("limitations", "-", result.limitations),
    ):
        if lines:
            yield f"## {TEXT[heading]}"
            yield "\n".join(f"{mark} {_text(line)}" for line in lines)
    if result.checks:
        yield f"## {TEXT['checks']}"
        yield _table(
            _heads("status", "check", "answer"),
            [[STATUS[check.status], check.title, check.sentence] for check in result.checks],
        )
    for check in result.checks:
        yield from _check(check)


def _check(check: CheckResult) -> Iterator[str]:
    yield f"### {_text(check.title)}"
    yield _text(check.sentence)
    for detail in check.details:
        # A curve's hundreds of points say nothing as rows of text.
        if isinstance(detail, Curve | Distribution):
            continue
        table = as_table(detail)
        # A column without a single value (a note that nobody needed) is left out.
        kept = [
            i
            for i in range(len(table.columns))
            if not table.rows or any(row[i] is not None for row in table.rows)
        ]
        yield f"**{_text(table.title)}**"
        yield _table(
            [table.columns[i] for i in kept],
            [[row[i] for i in kept] for row in table.rows[:MOST_ROWS]],
        )
        if len(table.rows) > MOST_ROWS:
            yield TEXT["rows_left"].format(n=len(table.rows) - MOST_ROWS)
        if isinstance(detail, Forest) and detail.limit is not None:
            yield f"*{TEXT['chosen_limit']}*"
        if isinstance(detail, Forest | Slopes) and detail.tag_source:
            yield _text(TEXT["tag_source"].format(source=detail.tag_source))
        if table.note:
            yield _text(table.note)


def _threshold(summary: ScoresSummary) -> str:
    return f"{numbers.exact(summary.threshold)} ({summary.threshold_rule})"


def _heads(*keys: str) -> list[Column]:
    """Head a table of our own; the columns of numbers are those of images."""
    return [
        Column(title=TEXT[key], kind="count" if key.startswith("n_") else "text") for key in keys
    ]


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> str:
    lines = [
        [_text(column.title) for column in columns],
        ["---" if column.kind == "text" else "---:" for column in columns],
        *(
            [_text(numbers.cell(value, c.kind)) for value, c in zip(row, columns, strict=True)]
            for row in rows
        ),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    one_line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))


REPORT = ReportFormat("markdown", ".md", write_markdown)
