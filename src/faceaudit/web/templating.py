"""The pages' templates: the look of the reports, with everything escaped."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse

from faceaudit.report import html
from faceaudit.web.measured_errors import PEOPLE_TAGS
from faceaudit.web.uploads import MAX_PICTURE_BYTES, MAX_PICTURES

_HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    # The reports' own environment, so that words, numbers and small parts are the same.
    reports = html.environment()
    assert reports.loader is not None
    own = FileSystemLoader(_HERE / "templates")
    environment = reports.overlay(loader=ChoiceLoader([own, reports.loader]))
    environment.globals = reports.globals | {
        "tag_titles": PEOPLE_TAGS,
        "max_pictures": MAX_PICTURES,
        "plotly_version": version("plotly"),
        "max_megabytes": MAX_PICTURE_BYTES // 1_000_000,
    }
    return environment


def wants_fragment(request: Request) -> bool:
    """Tell whether a script asks for a part of a page, by a header that no other site can send."""
    return "x-faceaudit-fragment" in request.headers


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Fill a template."""
    return HTMLResponse(fragment(template, **values), status)


def fragment(template: str, **values: Any) -> str:
    """Fill a template of a part of a page."""
    return _environment().get_template(template).render(**values)


@cache
def static_files() -> dict[str, tuple[str, str]]:
    """Return the style sheets and scripts: name -> (text, media type)."""
    own = _HERE / "static"
    return {
        "report.css": (html.style(), "text/css"),
        "web.css": ((own / "web.css").read_text(encoding="utf-8"), "text/css"),
        "web.js": ((own / "web.js").read_text(encoding="utf-8"), "text/javascript"),
        "explore.css": ((own / "explore.css").read_text(encoding="utf-8"), "text/css"),
        "explore.js": ((own / "explore.js").read_text(encoding="utf-8"), "text/javascript"),
    }


@cache
def plotly_script() -> bytes:
    """Return plotly's script as the package brings it, compressed: 1.5 of 4.8 MB."""
    from plotly.offline import get_plotlyjs

    return gzip.compress(get_plotlyjs().encode(), mtime=0)
