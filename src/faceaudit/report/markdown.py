"""The result as Markdown, for pull requests and summaries of continuous integration."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceaudit.decision import BROKEN, FAILED, Decision
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


def to_markdown(result: Result) -> str:
    """Return the answer, the findings, the limits of the data and the tables of the checks.

    Text from outside is escaped, so that a group named ``<b>`` or ``[x](y)`` shows as it is.
    """
    page = markdown_environment().get_template("report.md.j2")
    return page.render(result=result, parts=by_part(result))


def write_markdown(result: Result, path: Path | str) -> Path:
    """Write `to_markdown` to a file and return the path."""
    return write_text(path, to_markdown(result))


def decision_to_markdown(result: Result, decision: Decision) -> str:
    """Return what the gate decided, as a comment on a pull request.

    The verdict comes first, then a table of what does not pass; the rest is folded. Escaped alike.
    """
    passing = [of for of in decision.outcomes if of.status == "pass" or of.code is None]
    others = [of for of in decision.outcomes if of not in passing]
    # Where the table is cut, what fails is still in it.
    others.sort(key=lambda of: of.code not in (FAILED, BROKEN))
    page = markdown_environment().get_template("gate.md.j2")
    return page.render(result=result, decision=decision, others=others, passing=passing)


@cache
def markdown_environment() -> Environment:
    """Return the templates' environment for Markdown: everything is escaped."""
    # The pages' own environment, with another kind of escaping for all that is filled in.
    markdown = environment().overlay(autoescape=False, finalize=escaped, keep_trailing_newline=True)
    markdown.globals = markdown.globals | {"most_rows": MOST_ROWS}
    return markdown


def escaped(text: Any) -> str:
    """Return a text on one line in which nothing is Markdown or HTML."""
    from markupsafe import Markup

    if isinstance(text, Markup):
        return text
    one_line = minus_signs(" ".join(str(text).split()))
    return _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))


REPORT = ReportFormat("markdown", ".md", write_markdown)
