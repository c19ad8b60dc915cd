"""An annex for who files an audit: a fixed list of items, each with its answer or what is missing.

One page to print. Which texts its items are informed by is said in ``documents.toml``; it states no
conformity with any.
"""

from __future__ import annotations

from pathlib import Path

from faceaudit.files import write_text
from faceaudit.report.answers import DOCUMENTS, answer
from faceaudit.report.base import ReportFormat
from faceaudit.report.html import environment, policy, static
from faceaudit.result import Result, read_audit


def write_annex(result: Result, path: Path | str) -> Path:
    """Write the annex of an audit as one HTML page.

    Raises
    ------
    FaceAuditError
        If the result is of another kind.
    """
    from markupsafe import Markup

    words = DOCUMENTS["annex"]
    keys = ("id", "title", "informed", "where", "missing")
    items = [dict(zip(keys, item, strict=True)) for item in words["items"]]
    page = environment().get_template("annex.html.j2")
    text = page.render(
        result=read_audit(result),
        words=words,
        items=[item | {"told": answer(item["id"], result)} for item in items],
        policy=policy(),
        style=Markup(static("annex.css")),
    )
    return write_text(path, text)


REPORT = ReportFormat("annex", ".annex.html", write_annex)
