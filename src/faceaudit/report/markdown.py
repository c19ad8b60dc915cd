"""The result as Markdown, for pull requests and summaries of continuous integration."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceaudit.decision import Outcome
from faceaudit.files import write_text
from faceaudit.report.base import ReportFormat
from faceaudit.report.html import environment
from faceaudit.report.numbers import minus_signs
from faceaudit.report.visible import by_part
from faceaudit.result import Result

if TYPE_CHECKING:
    from jinja2 import Environment

#: Longer tables are cut: a comment is read at a glance, the HTML report has every row.
MOST_ROWS = 30

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~^$@:])")


def to_markdown(result: Result, outcomes: Sequence[Outcome] = ()) -> str:
    """Return the answer, the findings, the limits of the data and the tables of the checks.

    With the outcomes of a gate, what it judged comes after the verdict.

    Text from outside is escaped, so that a group named ``<b>`` or ``[x](y)`` shows as it is.
    """
    page = _environment().get_template("report.md.j2")
    return page.render(result=result, parts=by_part(result), outcomes=outcomes)


def write_markdown(result: Result, path: Path | str, outcomes: Sequence[Outcome] = ()) -> Path:
    """Write `to_markdown` to a file and return the path."""
    return write_text(path, to_markdown(result, outcomes))


@cache
def _environment() -> Environment:
    # The pages' own environment, with another kind of escaping for all that is filled in.
    markdown = environment().overlay(autoescape=False, finalize=_text, keep_trailing_newline=True)
    markdown.globals = markdown.globals | {"most_rows": MOST_ROWS}
    return markdown


def _text(text: Any) -> str:
    from markupsafe import Markup

    if isinstance(text, Markup):
        return text
    one_line = minus_signs(" ".join(str(text).split()))
    return _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))


REPORT = ReportFormat("markdown", ".md", write_markdown)
