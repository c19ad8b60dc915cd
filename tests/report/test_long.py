"""What a long report does not show costs nothing until it is asked for."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceaudit.report.html import render_html, write_html
from faceaudit.report.numbers import percent
from faceaudit.result import Column, Result, Table
from tests.browser import playwright
from tests.report import invented
from tests.report.invented_details import THRESHOLDS

Open = Callable[..., Any]
ROWS = 60


@pytest.fixture(scope="module")
def long() -> Result:
    """An audit with a table of many rows that the threshold moves, many tests, many pictures."""
    result = invented.audit(9)
    rates = [round((i * 7 % ROWS + 1) / 100, 4) for i in range(ROWS)]
    table = Table(
        title="Many groups",
        columns=[Column(title="Group"), Column(title="Rate", kind="percent")],
        rows=[[f"group {i} <&>", rate] for i, rate in enumerate(rates)],
        by_threshold={
            "1": [[rate if t == 0.5 else rate / 2 for rate in rates] for t in THRESHOLDS]
        },
    )
    result.checks[0].details[:] = [table]
    result.checks[1].tests *= ROWS // 3
    return result


@pytest.fixture(scope="module")
def file(long: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_html(long, tmp_path_factory.mktemp("long") / "report.html", images=False)


@pytest.fixture
def figure(open_page: Open, file: Path) -> Any:
    """The figure of the table, laid out."""
    page = open_page(file)
    page.locator("html[data-laid-out]").wait_for()
    return page.get_by_role("figure").filter(has=page.get_by_role("heading", name="Many groups"))


def names(figure: Any) -> list[str]:
    return [name.split()[1] for name in figure.locator("tbody th").all_inner_texts()]


def test_no_table_of_the_page_has_many_rows(long: Result) -> None:
    html = render_html(long, images=False)
    rows = [body.count("<tr") for body in re.findall("<tbody.*?</tbody>", html, re.DOTALL)]
    told = re.findall(r'<p class="note left">(\d+ of \d+) are shown here', html)
    assert max(rows) == 20
    assert sorted(told) == ["12 of 48", "20 of 60", "20 of 60"]


def test_a_long_table_unfolds_all_its_rows(figure: Any) -> None:
    assert names(figure) == [str(i) for i in range(20)]
    figure.get_by_role("button", name="Show all 60 rows").click()
    assert names(figure) == [str(i) for i in range(ROWS)]
    assert figure.locator("tbody th").last.inner_text() == "group 59 <&>"
    figure.get_by_role("button", name="Show fewer").click()
    assert len(names(figure)) == 20


def test_a_long_table_is_sorted_filtered_and_saved_with_the_rows_out_of_sight(
    figure: Any, tmp_path: Path
) -> None:
    rates = {str(i): i * 7 % ROWS for i in range(ROWS)}
    with figure.page.expect_download() as download:
        figure.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as opened:
        assert len(list(csv.reader(opened))) == 1 + ROWS
    figure.get_by_role("button", name="Rate").click()
    assert names(figure) == sorted(rates, key=lambda name: -rates[name])[:20]
    figure.get_by_role("searchbox").fill("group 43")
    assert names(figure) == ["43"]
    figure.get_by_role("searchbox").fill("")
    assert names(figure) == sorted(rates, key=lambda name: -rates[name])[:20]


def test_rows_that_unfold_show_the_threshold(figure: Any) -> None:
    figure.page.locator("#threshold").press("ArrowRight")
    playwright.expect(figure.locator(".shown-at")).to_be_visible()
    figure.get_by_role("button", name="Show all 60 rows").click()
    shown = figure.locator("tbody td").all_inner_texts()
    assert shown == [percent((i * 7 % ROWS + 1) / 200) for i in range(ROWS)]
    figure.page.get_by_role("button", name="Reset").click()
    playwright.expect(figure.locator("tbody td").last).to_have_text(percent(0.54))


def test_without_a_script_and_on_paper_a_line_says_where_the_rest_is(
    figure: Any, open_page: Open, file: Path
) -> None:
    line = figure.locator(".left")
    assert not line.is_visible()
    figure.page.emulate_media(media="print")
    assert line.is_visible() and line.inner_text().startswith("20 of 60 are shown here")
    figure.page.emulate_media(media="screen")
    figure.get_by_role("button", name="Show all 60 rows").click()
    figure.page.emulate_media(media="print")
    assert not line.is_visible()
    plain = open_page(file, java_script_enabled=False)
    assert plain.locator("#overall-1 .left").is_visible()


def test_what_is_folded_is_not_laid_out(open_page: Open, tmp_path: Path) -> None:
    objects = []
    for groups in (80, 500):
        page = open_page(write_html(invented.audit(groups), tmp_path / f"{groups}.html"))
        page.locator("html[data-laid-out]").wait_for()
        assert page.locator("details.check:not([open]) .detail").count() > 0
        assert page.locator("details.check:not([open]) .laid-out").count() == 0
        session = page.context.new_cdp_session(page)
        snapshot = session.send("DOMSnapshot.captureSnapshot", {"computedStyles": []})
        objects.append(len(snapshot["documents"][0]["layout"]["nodeIndex"]))
    assert objects[1] < 1.1 * objects[0]
    page.locator("details.check").first.evaluate("check => { check.open = true; }")
    page.locator("details.check .laid-out").first.wait_for(state="attached")
