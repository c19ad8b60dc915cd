"""The report in a real browser: Chromium, driven by Playwright."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from faceaudit import api, bundled
from faceaudit.report.html import write_html
from faceaudit.report.index_page import write_index
from faceaudit.report.numbers import cell, percent
from faceaudit.report.visible import FIRST_ROWS
from faceaudit.result import Forest, Heatmap, Result, write_result
from tests.browser import assert_accessible, playwright, width_needed
from tests.report import invented

#: Forest plots of few groups and of many.
FIRST, MANY = "#error-rates-by-group-1", "#error-rates-by-group-3"

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
    """Names of the rows of a drawing or table that can be seen."""
    return figure.locator("svg.figure .row, tbody tr").evaluate_all(
        """rows => rows.filter(row => row.checkVisibility() && row.getClientRects().length)
          .map(row => row.querySelector('.lab, th'))
          .map(name => [...name.childNodes].filter(node => node.nodeName !== 'title'
            && !node.classList?.contains('soft')).map(node => node.textContent).join(' '))"""
    )


def numbers(figure: Any) -> Any:
    """Unfold the numbers of a figure and wait until they sort."""
    fold = figure.locator("details.built")
    fold.locator("summary").click()
    fold.locator("thead button").first.wait_for()
    return fold


def choose(figure: Any, name: str) -> None:
    """Choose from the menu of a figure."""
    menu = figure.locator(".menu")
    if not menu.evaluate("menu => menu.open"):
        menu.locator("summary").click()
    menu.get_by_role("button", name=name, exact=True).click()


def laid_out(page: Any) -> Any:
    """Unfold the checks and wait until all is laid out and every table sorts."""
    page.locator("html[data-laid-out]").wait_for()
    page.locator("details.check").evaluate_all("all => all.forEach(one => { one.open = true; })")
    return page


#: Words that can be seen on the first screen; a number without a letter is none.
WORDS = r"""() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = [];
  const range = document.createRange();
  while (texts.nextNode()) {
    const { currentNode: text } = texts, { parentElement: parent } = text;
    const folded = parent.closest("details:not([open])") && !parent.closest("summary");
    const told = !folded && !parent.closest("script, style, title, .away, .skip");
    if (!told || !parent.checkVisibility()) continue;
    // A drawing whose rows are folded ends above them.
    const drawing = parent.closest("svg")?.getBoundingClientRect();
    const end = Math.min(innerHeight, drawing?.bottom ?? innerHeight);
    for (const word of text.data.matchAll(/\S*\p{L}\S*/gu)) {
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const [place] = range.getClientRects();
      if (place && place.top < end) seen.push(word[0]);
    }
  }
  return seen;
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


def test_a_real_report_is_short_on_screen_and_paper(open_page: Open, tmp_path: Path) -> None:
    scores = bundled.recorded_scores("with-ffhq")
    api.audit([scores], "ffhq-glasses-age-gender", tmp_path)
    page = open_page(tmp_path / "report.html")
    assert len(page.evaluate(WORDS)) <= 200
    top = "place => place.getBoundingClientRect().top"
    assert page.locator("#part-rates").evaluate(top) < 1800
    page.locator("html[data-laid-out]").wait_for()
    pages = page.pdf(format="A4")
    assert 5 < pages.count(b"/Type /Page\n") <= 20


def test_error_rates_by_group_start_within_two_screens(visit: Open) -> None:
    part = visit("answered/report.html").locator("#part-rates")
    assert part.evaluate("place => place.getBoundingClientRect().top") < 1800


@pytest.mark.parametrize("width", [1440, 390])
def test_what_else_was_found_folds_where_it_would_push_the_error_rates_down(
    visit: Open, width: int
) -> None:
    page = visit("answered/report.html", width=width)
    told = page.locator(".also")
    assert told.count() == 2
    for one in told.all():
        assert one.locator("summary h2").is_visible()
        assert (one.get_attribute("open") is None) == (width < 600)
    top = page.locator("#part-rates").evaluate("place => place.getBoundingClientRect().top")
    assert top < 2.5 * 900


def test_the_first_figure_begins_with_few_large_groups_and_is_drawn_once(visit: Open) -> None:
    page = visit("answered/report.html")
    figure = page.locator(".first")
    forest = invented.answered().first_figure
    rates = {row.group: row.value for row in forest.rows if row.value and not row.note}  # type: ignore[union-attr]
    highest = sorted(rates.values(), reverse=True)[:FIRST_ROWS]
    assert [rates[group] for group in groups(figure)] == highest
    figure.get_by_role("button", name="Show all 80").click()
    assert len(groups(figure)) == 80
    check = page.locator("#error-rates-by-group")
    assert check.locator("figure.forest").count() == 2
    check.get_by_role("link", name="is drawn at the top").click()
    playwright.expect(page).to_have_url(re.compile("#answer$"))


def test_for_specialists_is_folded_until_linked_to(visit: Open) -> None:
    page = visit()
    check = page.locator("#thresholds")
    figure = check.locator("figure").first
    assert not figure.is_visible() and check.locator("summary").first.is_visible()
    page.evaluate("location.hash = 'thresholds'")
    figure.wait_for()
    assert check.evaluate("check => check.getBoundingClientRect().top") < 300


def test_contents_show_where_the_reader_is(visit: Open) -> None:
    page = visit()
    laid_out(page)
    here = page.locator(".contents [aria-current]")
    playwright.expect(here).to_have_text("The answer")
    page.evaluate("document.getElementById('intersections').scrollIntoView()")
    playwright.expect(here).to_contain_text("Two attributes at once")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    playwright.expect(here).to_have_text("How to cite")
    page.evaluate("scrollTo(0, 0)")
    playwright.expect(here).to_have_text("The answer")


def test_reloading_keeps_the_place(visit: Open) -> None:
    page = visit()
    laid_out(page)
    page.evaluate("document.getElementById('score-distributions').scrollIntoView()")
    page.evaluate("scrollBy(0, 150)")
    top = "document.getElementById('score-distributions').getBoundingClientRect().top"
    before = page.evaluate(top)
    page.reload()
    assert abs(page.evaluate(top) - before) < 30
    page.locator("html[data-laid-out]").wait_for()
    assert abs(page.evaluate(top) - before) < 30


def test_pictures_of_a_group_and_of_a_kind_of_error(visit: Open) -> None:
    check = laid_out(visit()).locator("#top-losses")
    pictures = check.locator(".pictures > li")
    seen = "all => all.filter(one => one.checkVisibility()).map(one => one.innerText)"
    assert len(pictures.evaluate_all(seen)) == 12
    check.get_by_role("button", name="Show all 48").click()
    shown = pictures.evaluate_all(seen)
    assert len(shown) == 48
    assert all("called AI-generated: wrong" in told or ": right" in told for told in shown)
    check.get_by_role("combobox", name="Group").select_option("age_band: 20–29")
    shown = pictures.evaluate_all(seen)
    assert 0 < len(shown) < 48 and all("age band: 20–29" in told for told in shown)
    assert check.get_by_role("status").inner_text() == f"Images: {len(shown)} of 48"
    check.get_by_role("combobox", name="Called").select_option("fnr")
    assert pictures.evaluate_all(seen) == []
    check.get_by_role("combobox", name="Called").select_option("fpr")
    assert pictures.evaluate_all(seen) == shown


def test_faces_are_large_and_attention_is_shown_when_asked_for(visit: Open) -> None:
    check = visit().locator("#top-losses")
    assert check.locator(".pictures img").first.bounding_box()["width"] >= 160
    layer = check.locator(".attention").first
    assert not layer.is_visible()
    check.get_by_label("Show where the evidence lies").check()
    assert layer.is_visible()
    assert check.get_by_text("Orange is where").count() == 1


def test_without_pictures_the_gallery_is_a_table_that_filters(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page(write_html(invented.audit(9), tmp_path / "report.html", images=False))
    check = laid_out(page).locator("#top-losses")
    rows = check.locator("tbody tr:visible")
    assert rows.count() == 12 and check.locator("img").count() == 0
    assert "called AI-generated: wrong" in rows.first.inner_text()
    check.get_by_role("combobox", name="Called").select_option("fnr")
    assert rows.count() == 0


def test_paper_has_heads_and_every_column_and_not_what_repeats(visit: Open) -> None:
    page = visit()
    page.locator("html[data-laid-out]").wait_for()
    page.set_viewport_size({"width": 690, "height": 900})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator("#thresholds figure").first.is_visible()
    heads = page.locator("main thead:visible")
    assert {head.evaluate("h => getComputedStyle(h).display") for head in heads.all()} == {
        "table-header-group"
    }
    glyph = "head => getComputedStyle(head, '::after').content"
    assert {one.evaluate(glyph) for one in page.locator("thead button").all()} == {"none"}
    assert width_needed(page) <= 690


def test_sorts_by_value_with_the_missing_last(visit: Open) -> None:
    page = visit()
    table = numbers(page.locator(FIRST))
    head = table.locator("thead th").nth(3)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    forest = invented.audit().checks[1].details[0]
    known = [row for row in forest.rows if row.value is not None]  # type: ignore[union-attr]
    missing = [row.group for row in forest.rows if row.value is None]  # type: ignore[union-attr]
    falling = [row.group for row in sorted(known, key=lambda row: -row.value)]
    assert groups(table)[0] == falling[0]
    assert groups(table)[-1] == missing[-1]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert groups(table)[0] == min(known, key=lambda row: row.value).group
    assert groups(table)[-1] == missing[-1]
    assert page.locator(FIRST).locator("[aria-sort]").count() == 1


def test_a_drawing_folds_and_unfolds(visit: Open) -> None:
    figure = visit().locator(MANY)
    figure.scroll_into_view_if_needed()
    height = figure.locator("svg.figure").bounding_box()["height"]
    assert len(groups(figure)) == 20
    figure.get_by_role("button", name="Show all 80 rows").click()
    assert len(groups(figure)) == 80
    assert figure.locator("svg.figure").bounding_box()["height"] > 3 * height
    figure.get_by_role("button", name="Show fewer").click()
    assert len(groups(figure)) == 20


def test_numbers_filter(visit: Open) -> None:
    table = numbers(visit().locator(MANY))
    table.get_by_role("searchbox").fill("70 and over · FEMALE")
    shown = groups(table)
    assert 0 < len(shown) < 10
    assert all(name.startswith("70 and over · female") for name in shown)
    assert table.get_by_role("status").inner_text() == f"Rows: {len(shown)} of 80"


def test_500_groups_filter(visit: Open) -> None:
    table = numbers(visit("large/report.html").locator(MANY))
    table.get_by_role("searchbox").fill("group 499")
    assert len(groups(table)) == 1
    # Whole words of the group's name before parts of it, and no numbers.
    table.get_by_role("searchbox").fill("male")
    assert {"female" in name for name in groups(table)} == {False}
    table.get_by_role("searchbox").fill("emal")
    assert {"female" in name for name in groups(table)} == {True}
    table.get_by_role("searchbox").fill("1")
    shown = groups(table)
    assert shown and all("1" in name for name in shown)


def saved(page: Any, figure: Any, name: str, path: Path) -> Path:
    """Save from the menu of a figure."""
    with page.expect_download() as download:
        choose(figure, name)
    download.value.save_as(path)
    return path


def test_csv_has_every_number_the_threshold_and_the_confidence(visit: Open, tmp_path: Path) -> None:
    page = visit()
    path = saved(page, page.locator(MANY), "CSV", tmp_path / "table.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:4] == ["age_band × gender × race", "n", "Cases", "False positive rate"]
    assert head[-2:] == ["threshold", "confidence"]
    forest = invented.audit().checks[1].details[2]
    assert [(row[0], row[3] and float(row[3])) for row in rows] == [
        (row.group, "" if row.value is None else row.value)
        for row in forest.rows  # type: ignore[union-attr]
    ]
    assert {tuple(row[-2:]) for row in rows} == {("0.5", "0.95")}


def test_csv_at_all_thresholds_has_their_full_precision(visit: Open, tmp_path: Path) -> None:
    page = visit()
    figure = page.locator(FIRST)
    path = saved(page, figure, "CSV, all thresholds", tmp_path / "table.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file)
    result = invented.audit()
    forest = result.checks[1].details[0]
    assert isinstance(forest, Forest) and forest.by_threshold and result.thresholds
    values = forest.by_threshold["value"]
    assert values is not None
    told = {(row[0], float(row[-2])): row[3] and float(row[3]) for row in rows}
    assert len(told) == len(rows) == len(forest.rows) * len(result.thresholds)
    for threshold, line in zip(result.thresholds, values, strict=True):
        for row, value in zip(forest.rows, line, strict=True):
            if threshold != 0.5:
                assert told[row.group, threshold] == ("" if value is None else value)


def test_csv_cells_are_never_formulas(visit: Open, files: Path, tmp_path: Path) -> None:
    result = invented.audit(groups=9)
    result.checks[1].details[0].rows[0].group = '=cmd|"/c calc"!A1'  # type: ignore[union-attr]
    write_html(result, files / "formula" / "report.html")
    page = visit("formula/report.html")
    path = saved(page, page.locator(FIRST), "CSV", tmp_path / "table.csv")
    assert '\n"\'=cmd|""/c calc""!A1",' in path.read_text("utf-8-sig").replace("\r", "")


@pytest.mark.parametrize("kind", ["forest", "heatmap", "curve", "distribution"])
def test_a_figure_is_saved_as_a_file_that_stands_alone(
    visit: Open, open_page: Open, tmp_path: Path, kind: str
) -> None:
    page = laid_out(visit(scheme="dark"))
    figure = page.locator(f"figure.{kind}").first
    path = saved(page, figure, "SVG", tmp_path / "figure.svg")
    tree = ElementTree.parse(path)
    words = "".join(tree.getroot().itertext())
    assert figure.locator("h3").inner_text() in words and "faceaudit" in words
    assert "var(" not in words
    png = saved(page, figure, "PNG", tmp_path / "figure.png")
    with Image.open(png) as picture:
        assert picture.width == 1800
        assert picture.convert("RGB").getpixel((3, 3)) == (255, 255, 255)
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_a_number_is_copied_with_its_citation_and_a_link_with_its_place(visit: Open) -> None:
    page = visit()
    figure = page.locator(FIRST)
    choose(figure, "Copy link")
    copied = figure.get_by_role("status").filter(has_text="Copied")
    assert copied.inner_text().endswith("report.html#error-rates-by-group-1&t=0.5")
    figure.locator(".menu select").select_option(label="10–19")
    figure.get_by_role("button", name="Copy number with citation").click()
    row = next(
        row
        for row in invented.audit().checks[1].details[0].rows  # type: ignore[union-attr]
        if row.group == "10–19"
    )
    said = copied.inner_text()
    assert f"10–19, {percent(row.value)} (95 % interval" in said
    assert f"(n {row.n:,}) at threshold 0.5" in said
    assert "faceaudit 0.1.0, 2025-03-01" in said


def test_a_heat_map_moves_with_its_legend_and_its_words(visit: Open) -> None:
    page = visit(width=390)
    figure = page.locator("figure.heatmap").first
    figure.scroll_into_view_if_needed()
    page.locator("#threshold").focus()
    page.keyboard.press("Home")
    playwright.expect(figure.locator(".shown-at")).to_have_text("At threshold 0")
    result = invented.audit()
    heat = next(detail for detail in result.details if isinstance(detail, Heatmap))
    values = ((heat.by_threshold or {})["values"] or [])[0]
    told = figure.locator(".cells .value").all_text_contents()
    assert told == [cell(value, "percent") for value in values]
    known = [value for value in values if value is not None]
    audited = [value for row in heat.values for value in row if value is not None]
    top = max(known + audited)
    assert figure.locator(".legend text").last.text_content() == percent(top)
    shown = figure.locator(".cell:not(.none)")
    opacities = shown.evaluate_all(
        "all => all.map(one => Number(one.getAttribute('fill-opacity')))"
    )
    assert opacities == pytest.approx([0.45 * value / top for value in known], abs=1e-3)
    assert percent(max(known)) in figure.locator("svg.figure").get_attribute("aria-label")


def test_keyboard_alone_skips_sorts_filters_and_unfolds(visit: Open) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    playwright.expect(page).to_have_url(re.compile("#answer$"))
    figure = page.locator(MANY)
    numbers(figure)
    box = figure.get_by_role("searchbox")
    figure.locator(".menu summary").focus()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        focus = page.evaluate("document.activeElement.outerHTML.slice(0, 60)")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        reached.append((focus, outline))
        if box.evaluate("box => box === document.activeElement"):
            break
    else:
        pytest.fail(f"the filter cannot be reached by keyboard: {reached}")
    assert all(outline not in ("none", "") for _, outline in reached), reached
    page.keyboard.type("indian")
    assert all("Indian" in name for name in groups(figure.locator(".built")))
    for _ in range(3):  # over Clear and the table, which scrolls
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
    look = """() => [getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector('.curve path.line')).stroke,
      getComputedStyle(document.querySelector('.heatmap .cell')).fill]"""
    page = visit(scheme="light")
    light = page.evaluate(look)
    page.emulate_media(color_scheme="dark")
    assert not set(light) & set(page.evaluate(look))


@pytest.mark.parametrize("name", ["audit", "comparison", "hostile"])
@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_is_wider_than_the_page(visit: Open, name: str, width: int) -> None:
    page = visit(f"{name}/report.html", width)
    laid_out(page)
    assert width_needed(page) <= width


def test_text_of_twice_the_size_fits(visit: Open) -> None:
    page = visit(width=1280)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    laid_out(page)
    assert width_needed(page) <= 1280


def test_hostile_text_runs_nothing_and_is_seen(visit: Open) -> None:
    page = visit("hostile/report.html")
    laid_out(page)
    assert page.evaluate("window.pwned") is None
    assert page.locator("h1").inner_text().startswith("</script><script>window.pwned=1")
    assert page.locator("main").inner_text().count("<img src=x onerror=") > 100
    assert page.locator("svg.figure img").count() == 0


def test_without_script_every_row_and_number_is_there(visit: Open) -> None:
    page = visit(java_script_enabled=False)
    assert len(groups(page.locator(MANY))) == 80
    assert "12.2\u202f%" in page.locator("#thresholds .curve").first.text_content()
    assert not page.locator("details.built").first.is_visible()


def test_prints_every_row_in_light_colours(visit: Open) -> None:
    page = visit(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(groups(page.locator(MANY))) == 80
    assert not page.locator("nav").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".built table").count() == 0
    assert not page.locator(".menu, .built").first.is_visible()


def test_every_wide_table_scrolls_by_keyboard(visit: Open) -> None:
    page = laid_out(visit("audit/report.html", 390))
    unfold = "all => all.forEach(one => { one.open = true; })"
    page.locator("details").evaluate_all(unfold)
    built = page.locator("details[data-built]")
    playwright.expect(built.locator("table")).to_have_count(built.count())
    assert_accessible(page)
    tables = page.locator(".scroll")
    assert tables.count() > built.count() > 0
    assert page.locator(".scroll[tabindex='0'][aria-label]").count() == tables.count()


def test_the_list_of_reports_opens_them(visit: Open) -> None:
    page = visit("index.html")
    assert page.locator("ol.list > li").count() == 2
    assert page.locator(".questions tbody a").count() == 4
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
        laid_out(page)
    assert_accessible(page)
