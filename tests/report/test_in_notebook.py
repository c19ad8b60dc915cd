"""What a notebook shows, in a real browser: its styles reach it alone, and it fits any cell."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceaudit.notebook import Result
from tests.browser import assert_accessible, width_needed
from tests.report import invented
from tests.report.hostile import hostile

Open = Callable[..., Any]
#: Names of classes that the styles speak of, on elements that are not ours.
OTHERS = (
    "row", "lines", "figure", "status", "note", "first", "title", "pass", "fail", "info", "line",
    "item", "verdict", "pill", "overall", "question", "away", "arrow", "bar", "band", "end",
)  # fmt: skip


def page(cells: list[str], attributes: str = "", width: str = "100%") -> str:
    others = "".join(
        f'<p class="{name}">x</p><dl class="{name}"><div><dt>x</dt><dd>y</dd></div></dl>'
        f'<svg class="{name}"><line class="{name}" x2="9"/>'
        f'<g class="row {name}"><text>x</text></g></svg>'
        for name in OTHERS
    )
    return (
        f'<!doctype html><html lang="en"><title>n</title><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><body {attributes}>'
        f'<div id="others">{others}</div><main style="width:{width}">{"".join(cells)}</main>'
    )


@pytest.fixture(scope="module")
def cells() -> list[str]:
    audit, comparison = Result.of(invented.answered()), Result.of(invented.compared())
    return [
        audit._repr_html_(),
        comparison._repr_html_(),
        audit.svg()._repr_html_(),
        comparison.svg()._repr_html_(),
    ]


STYLES = """() => [...document.querySelectorAll("#others *")].map(of =>
    [...getComputedStyle(of)].map(name => getComputedStyle(of).getPropertyValue(name)).join())"""


def test_nothing_else_changes(open_page: Open, tmp_path: Path, cells: list[str]) -> None:
    (tmp_path / "with.html").write_text(page(cells), "utf-8")
    bare = [re.sub(r"<style>.*?</style>", "", cell, flags=re.DOTALL) for cell in cells]
    (tmp_path / "without.html").write_text(page(bare), "utf-8")
    for scheme in ("light", "dark"):
        styles = [
            open_page(tmp_path / f"{name}.html", scheme=scheme).evaluate(STYLES)
            for name in ("with", "without")
        ]
        assert len(styles[0]) > 100
        assert styles[0] == styles[1]


def background(shown: Any) -> str:
    return shown.evaluate("getComputedStyle(document.querySelector('.faceaudit')).backgroundColor")


@pytest.mark.parametrize(
    ("attributes", "scheme", "dark"),
    [
        ("", "light", False),
        ("", "dark", True),
        ('data-jp-theme-light="true"', "dark", False),
        ('data-jp-theme-light="false"', "light", True),
        ('class="vscode-light"', "dark", False),
        ('class="vscode-dark"', "light", True),
    ],
)
def test_it_is_as_dark_as_the_notebook(
    open_page: Open, tmp_path: Path, cells: list[str], attributes: str, scheme: str, dark: bool
) -> None:
    (tmp_path / "page.html").write_text(page(cells[:1], attributes), "utf-8")
    shown = background(open_page(tmp_path / "page.html", scheme=scheme))
    assert (shown == "rgb(255, 255, 255)") is not dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_cell_and_can_be_read(
    open_page: Open, tmp_path: Path, cells: list[str], scheme: str
) -> None:
    shown = [*cells, Result.of(hostile())._repr_html_()]
    (tmp_path / "page.html").write_text(page(shown).replace('id="others"', "hidden"), "utf-8")
    for width in (390, 1440):
        opened = open_page(tmp_path / "page.html", width, scheme)
        assert width_needed(opened) <= width
        assert opened.evaluate("window.pwned") is None
    # The cell's width counts, not the window's.
    (tmp_path / "narrow.html").write_text(page(cells[:1], width="370px"), "utf-8")
    narrow = open_page(tmp_path / "narrow.html", 1440, scheme)
    assert not narrow.locator(".faceaudit text.wide").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(
    open_page: Open, tmp_path: Path, cells: list[str], scheme: str
) -> None:
    (tmp_path / "page.html").write_text(
        page(cells[:1])
        .replace('id="others"', "hidden")
        .replace('<main style="width:100%">', "<main><h1>n</h1>"),
        "utf-8",
    )
    assert_accessible(open_page(tmp_path / "page.html", scheme=scheme))
