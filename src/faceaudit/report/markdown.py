"""The result as Markdown, for pull requests and summaries of continuous integration."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

from faceaudit.files import write_text
from faceaudit.gate import Outcome
from faceaudit.report import numbers
from faceaudit.report.as_table import flat
from faceaudit.report.text import STATUS, TEXT
from faceaudit.result import CheckResult, Curve, Distribution, Forest, Result, Slopes, Table

#: Longer tables are cut: a comment is read at a glance, the HTML report has every row.
MOST_ROWS = 30

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~^$@:])")


def to_markdown(result: Result, outcomes: Sequence[Outcome] = ()) -> str:
    """Return the verdict, the findings, the limits of the data and the tables of the checks.

    With the outcomes of a gate, what it judged comes after the verdict.

    Text from outside is escaped, so that a group named ``<b>`` or ``[x](y)`` shows as it is.
    """
    parts = [
        f"# {_text(result.title)}",
        f"**{STATUS[result.status]['word']}.** {_text(result.verdict)}",
        *_scores(result),
    ]
    if outcomes:
        parts.append(f"## {TEXT['judged']}")
        parts.append(_outcomes(outcomes))
    if result.findings:
        parts.append(f"## {TEXT['findings']}")
        parts.append("\n".join(f"1. {_text(f.sentence)}" for f in result.findings))
    if result.limitations:
        parts.append(f"## {TEXT['limitations']}")
        parts.append("\n".join(f"- {_text(line)}" for line in result.limitations))
    if result.checks:
        parts.append(f"## {TEXT['checks']}")
        parts.append(
            _table(
                [TEXT["status"], TEXT["check"], TEXT["answer"]],
                [[STATUS[c.status]["word"], c.title, c.sentence] for c in result.checks],
                ["text"] * 3,
            )
        )
    for check in result.checks:
        parts += _check(check)
    return "\n\n".join(parts) + "\n"


def write_markdown(result: Result, path: Path | str) -> Path:
    """Write `to_markdown` to a file and return the path."""
    return write_text(path, to_markdown(result))


def _scores(result: Result) -> list[str]:
    rows = [
        [
            s.name,
            ", ".join(s.datasets),
            s.n_real,
            s.n_ai,
            f"{numbers.exact(s.threshold)} ({s.threshold_rule})",
        ]
        for s in result.scores
    ]
    heads = ["classifier", "data", "n_real", "n_ai", "threshold"]
    kinds = ["text", "text", "count", "count", "text"]
    told = [
        "\n".join(
            [f"{TEXT['rows']}: {_text(s.rows.sentence)}", *(f"- {_text(x)}" for x in s.rows.shares)]
        )
        for s in result.scores
        if s.rows is not None
    ]
    return [_table([TEXT[head] for head in heads], rows, kinds), *told] if rows else []


def _outcomes(outcomes: Sequence[Outcome]) -> str:
    rows = [
        [
            STATUS[o.status]["word"],
            STATUS[o.baseline]["word"] if o.baseline else None,
            o.check,
            o.name,
            o.found,
            o.remark or None,
        ]
        for o in outcomes
    ]
    heads = ["status", "baseline", "check", "gap", "answer", "note"]
    return _table([TEXT[head] for head in heads], rows, ["text"] * len(heads))


def _check(check: CheckResult) -> list[str]:
    parts = [f"### {_text(check.title)}", _text(check.sentence)]
    for detail in check.details:
        # A curve's hundreds of points say nothing as rows of text.
        if isinstance(detail, Curve | Distribution):
            continue
        table = flat(detail)
        parts.append(f"**{_text(table.title)}**")
        parts.append(_detail_table(table))
        if isinstance(detail, Forest) and detail.limit is not None:
            parts.append(f"*{TEXT['chosen_limit']}*")
        if isinstance(detail, Forest | Slopes) and detail.tag_source:
            parts.append(_text(TEXT["tag_source"].format(source=detail.tag_source)))
        if table.note:
            parts.append(_text(table.note))
    return parts


def _detail_table(table: Table) -> str:
    # A column without a single value (a note that nobody needed) is left out.
    kept = [
        i
        for i in range(len(table.columns))
        if not table.rows or any(row[i] is not None for row in table.rows)
    ]
    text = _table(
        [table.columns[i].title for i in kept],
        [[row[i] for i in kept] for row in table.rows[:MOST_ROWS]],
        [table.columns[i].kind for i in kept],
    )
    left = len(table.rows) - MOST_ROWS
    return f"{text}\n\n{TEXT['rows_left'].format(n=left)}" if left > 0 else text


def _table(heads: list[str], rows: list[list], kinds: list[str]) -> str:
    lines = [
        [_text(head) for head in heads],
        ["---" if kind == "text" else "---:" for kind in kinds],
        *(
            [_text(numbers.cell(value, kind)) for value, kind in zip(row, kinds, strict=True)]
            for row in rows
        ),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    one_line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))
