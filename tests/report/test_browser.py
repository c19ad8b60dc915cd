"""The report in a real browser: Chromium, driven by Playwright."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceaudit.report.html import write_html
from faceaudit.report.index_page import write_index
from faceaudit.result import Result, write_result
from tests.browser import assert_accessible, playwright, width_needed
from tests.report import invented

FOREST = "#error-rates-by-group .forest"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, audit: Result, comparison: Result, hostile: Result
) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    results = {"audit": audit, "comparison": comparison, "hostile": hostile}
    results |= {"answered": invented.answered(), "compared": invented.compared()}
    for name, result in (results | {"samples": invented.samples()}).items():
        write_html(result, folder / name / "report.html")
        write_result(folder / name / "audit.json", result)
    write_html(invented.audit(groups=500), folder / "large" / "report.html")
    write_index(folder)
    return folder


@pytest.fixture
def visit(open_page: Open, files: Path) -> Open:
    """Open a report of `files`."""
    return lambda name="audit/report.html", *args, **options: open_page(
        files / name, *args, **options
    )


def groups(figure: Any) -> list[str]:
    """First cells of the rows that can be seen."""
    return figure.locator("tbody").evaluate(
        """body => [...body.rows].filter(row => row.checkVisibility())
                                 .map(row => row.cells[0].innerText.split("\\n")[0])"""
    )


def draw_all(page: Any) -> None:
    """Unfold the checks, wait for the layout, scroll to every curve until it is drawn."""
    page.locator("html[data-laid-out]").wait_for()
    page.locator("details.check").evaluate_all("all => all.forEach(one => { one.open = true; })")
    for place in page.locator("[data-curve]").all():
        place.scroll_into_view_if_needed()
        place.locator("svg.main-svg").first.wait_for()


#: Words on the first screen; a number without a letter is none.
WORDS = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = [];
  while (texts.nextNode()) {
    const { currentNode: text } = texts, range = document.createRange();
    const told = !text.parentElement.closest("script, style, title, .away, .skip");
    range.selectNodeContents(text);
    const [place] = range.getClientRects();
    if (told && place && place.top < innerHeight) seen.push(text.data);
  }
  return seen.join(" ").match(/\\S*\\p{L}\\S*/gu);
}"""


@pytest.mark.parametrize("name", ["answered", "compared", "samples"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_first_screen_has_few_words_and_a_figure(
    visit: Open, name: str, width: int, height: int
) -> None:
    page = visit(f"{name}/report.html", width)
    page.set_viewport_size({"width": width, "height": height})
    assert 40 < len(page.evaluate(WORDS)) <= 200
    top = "place => place.getBoundingClientRect().top"
    assert page.locator(".answer figure").first.evaluate(top) < height - 100
    assert page.locator(".answer").get_by_text("For information").count() == 0
    size = "place => parseFloat(getComputedStyle(place).fontSize)"
    headline, title = page.locator(".verdict p").first, page.locator("h1")
    assert headline.evaluate(size) > (1.1 if width > 400 else 0.9) * title.evaluate(size)


def test_error_rates_by_group_start_within_two_screens(visit: Open) -> None:
    part = visit("answered/report.html").locator("#part-rates")
    assert part.evaluate("place => place.getBoundingClientRect().top") < 1800


def test_the_first_figure_begins_with_ten_large_groups_and_is_drawn_once(visit: Open) -> None:
    page = visit("answered/report.html")
    figure = page.locator(".first")
    forest = invented.answered().first_figure
    rates = {row.group: row.value for row in forest.rows if row.value and not row.note}  # type: ignore[union-attr]
    highest = sorted(rates.values(), reverse=True)[:10]
    assert [rates[group] for group in groups(figure)] == highest
    figure.get_by_role("button", name="Show all 80").click()
    assert len(groups(figure)) == 80
    check = page.locator("#error-rates-by-group")
    assert check.locator(".forest").count() == 2
    check.get_by_role("link", name="is drawn at the top").click()
    playwright.expect(page).to_have_url(re.compile("#answer$"))


def test_sorts_by_value_with_the_missing_last(visit: Open) -> None:
    page = visit()
    table = page.locator(FOREST).first.locator("table")
    head = table.locator("thead th").nth(3)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    forest = invented.audit().checks[1].details[0]
    known = [row for row in forest.rows if row.value is not None]  # type: ignore[union-attr]
    missing = [row.group for row in forest.rows if row.value is None]  # type: ignore[union-attr]
    falling = [row.group for row in sorted(known, key=lambda row: -row.value)]
    assert groups(table)[0].startswith(falling[0])
    assert groups(table)[-1].startswith(missing[-1])
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert groups(table)[0].startswith(min(known, key=lambda row: row.value).group)
    assert groups(table)[-1].startswith(missing[-1])
    assert page.locator(FOREST).first.locator("[aria-sort]").count() == 1


def test_filters_and_unfolds(visit: Open) -> None:
    figure = visit().locator(FOREST).nth(2)
    assert len(groups(figure)) == 20
    figure.get_by_role("button", name="Show all 80 rows").click()
    assert len(groups(figure)) == 80
    figure.get_by_role("searchbox").fill("70 and over · FEMALE")
    shown = groups(figure)
    assert 0 < len(shown) < 10
    assert all(name.startswith("70 and over · female") for name in shown)
    assert figure.get_by_role("status").inner_text() == f"Rows: {len(shown)} of 80"


def test_500_groups_filter(visit: Open) -> None:
    figure = visit("large/report.html").locator(FOREST).nth(2)
    figure.get_by_role("searchbox").fill("group 499")
    assert len(groups(figure)) == 1


def test_downloads_what_is_shown_as_csv(visit: Open, tmp_path: Path) -> None:
    page = visit()
    figure = page.locator(FOREST).nth(2)
    figure.get_by_role("searchbox").fill("· male · Asian")
    with page.expect_download() as download:
        figure.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:4] == ["age_band × gender × race", "n", "Cases", "False positive rate"]
    forest = invented.audit().checks[1].details[2]
    wanted = [r for r in forest.rows if "· male · Asian" in r.group]  # type: ignore[union-attr]
    assert [row[0] for row in rows] == [row.group for row in wanted]
    assert [row[3] and float(row[3]) for row in rows] == [
        "" if row.value is None else row.value for row in wanted
    ]


def test_csv_cells_are_never_formulas(visit: Open, files: Path, tmp_path: Path) -> None:
    result = invented.audit(groups=9)
    result.checks[1].details[0].rows[0].group = '=cmd|"/c calc"!A1'  # type: ignore[union-attr]
    write_html(result, files / "formula" / "report.html")
    page = visit("formula/report.html")
    with page.expect_download() as download:
        page.locator(FOREST).first.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "table.csv")
    text = (tmp_path / "table.csv").read_text("utf-8-sig")
    assert '\n"\'=cmd|""/c calc""!A1",' in text.replace("\r", "")


def test_the_slider_moves_every_readout_and_marker(visit: Open) -> None:
    page = visit()
    draw_all(page)
    curves = page.locator("#thresholds .curve")
    slider = curves.first.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == "At threshold 0.5, as audited"
    slider.focus()
    page.keyboard.press("Home")
    for curve in curves.all():
        curve.locator("[data-curve]").scroll_into_view_if_needed()
        playwright.expect(curve.locator("output")).to_have_text("At threshold 0")
        assert curve.locator("tbody td").first.inner_text() == "90.0\u202f%"
        place = curve.locator("[data-curve]")
        playwright.expect(place).to_have_attribute("data-at", "0")
        assert place.evaluate("place => place.layout.shapes.map(shape => shape.x0)") == [0]


def test_keyboard_alone_skips_sorts_filters_and_unfolds(visit: Open) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    playwright.expect(page).to_have_url(re.compile("#answer$"))
    figure = page.locator(FOREST).nth(2)
    box = figure.get_by_role("searchbox")
    reached = []
    for _ in range(120):
        page.keyboard.press("Tab")
        focus = page.evaluate("document.activeElement.outerHTML.slice(0, 60)")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        reached.append((focus, outline))
        if box.evaluate("box => box === document.activeElement"):
            break
    else:
        pytest.fail("the filter cannot be reached by keyboard")
    assert all(outline not in ("none", "") for _, outline in reached), reached
    page.keyboard.type("indian")
    assert all("Indian" in name for name in groups(figure))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert figure.locator("[aria-sort]").count() == 1


def test_deep_links_lead_to_the_check(visit: Open) -> None:
    page = visit()
    page.locator(".contents a", has_text="Pictures").click()
    page.locator(".contents a", has_text="The most confident mistakes").click()
    playwright.expect(page).to_have_url(re.compile("#top-losses$"))
    heading = page.get_by_role("heading", name="The most confident mistakes")
    playwright.expect(heading).to_be_in_viewport()


def test_light_and_dark_have_their_own_colours(visit: Open) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    line = "document.querySelector('.scatterlayer path.js-line').style.stroke"
    seen = set()
    page = visit(scheme="light")
    draw_all(page)
    seen.add((page.evaluate(background), page.evaluate(line)))
    page.emulate_media(color_scheme="dark")
    seen.add((page.evaluate(background), page.evaluate(line)))
    dark = visit(scheme="dark")
    draw_all(dark)
    seen.add((dark.evaluate(background), dark.evaluate(line)))
    # Three visits, two looks: changing the scheme redraws the curves in the other colours.
    assert len(seen) == 2
    assert len({colour for _, colour in seen}) == 2


@pytest.mark.parametrize("name", ["audit", "comparison", "hostile"])
@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_is_wider_than_the_page(visit: Open, name: str, width: int) -> None:
    page = visit(f"{name}/report.html", width)
    draw_all(page)
    assert width_needed(page) <= width


def test_text_of_twice_the_size_fits(visit: Open) -> None:
    page = visit(width=1280)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    draw_all(page)
    # A curve that was drawn before the text grew is drawn anew when its place has its new width.
    page.evaluate(
        """() => new Promise(done => {
          let frames = 600;
          const look = () => document.documentElement.scrollWidth <= 1280 || !frames--
            ? done() : requestAnimationFrame(look);
          look();
        })"""
    )
    assert width_needed(page) <= 1280


def test_hostile_text_runs_nothing_and_is_seen(visit: Open) -> None:
    page = visit("hostile/report.html")
    draw_all(page)
    assert page.evaluate("window.pwned") is None
    assert page.locator("h1").inner_text().startswith("</script><script>window.pwned=1")
    assert page.locator("main").inner_text().count("<img src=x onerror=") > 100
    assert page.locator(".plotly").first.inner_html().count("<img") == 0


def test_without_script_every_row_and_number_is_there(visit: Open) -> None:
    page = visit(java_script_enabled=False)
    assert len(groups(page.locator(FOREST).nth(2))) == 80
    readout = page.locator("#thresholds .readout").first
    assert "12.2\u202f%" in readout.text_content()


def test_prints_every_row_in_light_colours(visit: Open) -> None:
    page = visit(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(groups(page.locator(FOREST).nth(2))) == 80
    assert not page.locator("nav").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("[data-curve] svg.main-svg").count() >= 2


def test_the_list_of_reports_opens_them(visit: Open) -> None:
    page = visit("index.html")
    assert page.locator("ol.list > li").count() == 6
    assert page.get_by_role("link", name=invented.comparison().title).count() == 2


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        *(
            (f"{name}/report.html", width, scheme)
            for name in ("answered", "compared", "samples")
            for width, scheme in ((390, "dark"), (1440, "light"))
        ),
        ("audit/report.html", 360, "light"),
        ("audit/report.html", 1440, "dark"),
        ("comparison/report.html", 360, "dark"),
        ("comparison/report.html", 1440, "light"),
        ("index.html", 360, "light"),
        ("index.html", 1440, "dark"),
    ],
)
def test_axe_finds_no_violation(visit: Open, name: str, width: int, scheme: str) -> None:
    page = visit(name, width, scheme)
    if name != "index.html":
        draw_all(page)
    assert_accessible(page)
