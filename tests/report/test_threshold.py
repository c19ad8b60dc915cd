"""The slider in a real browser: everything that depends on the threshold moves, and back."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.report.html import write_html
from faceaudit.report.numbers import interval, percent
from faceaudit.result import Result, read_result, write_result
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ScoresInfo, validate
from faceaudit.spec import Spec
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.intervals import rate_interval
from faceaudit.tables import Scores
from tests.browser import playwright

playwright.expect.set_options(timeout=20_000)
Open = Callable[..., Any]
AT = 0.74
RATES = "#group-error-rates-1"


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(5)
    n = 3_000
    is_ai = random.random(n) < 0.4
    race = random.choice(["Asian", "Black", "Indian", "White"], n)
    score = random.normal(np.where(is_ai, 1.5, -1.0) + 0.6 * (race == "Black"), 1.2)
    return validate(
        pa.table(
            {
                "image": [f"{i}.jpg" for i in range(n)],
                "label": np.where(is_ai, "ai", "real"),
                "dataset": np.where(random.random(n) < 0.5, "first", "second"),
                "p_ai": (1 / (1 + np.exp(-score))).astype(np.float32),
                "race": race,
                "gender": random.choice(["female", "male"], n),
            }
        ),
        "scores",
        "drawn",
    )


@pytest.fixture(scope="module")
def result(table: pa.Table) -> Result:
    spec = Spec(
        name="drawn",
        title="Drawn",
        question="?",
        attributes=["race", "gender"],
        intersections=[["race", "gender"]],
        limits={"fpr_gap": 0.05, "fnr_gap": 0.05},
        threshold=0.5,
    )
    info = ScoresInfo(datasets={name: DatasetInfo(indexed=1) for name in ("first", "second")})
    return audit(Scores(table, info), spec)


@pytest.fixture(scope="module")
def file(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_html(result, tmp_path_factory.mktemp("threshold") / "report.html")


def move(page: Any, result: Result, threshold: float = AT) -> None:
    """Move the slider by keyboard, as many steps as it takes."""
    assert result.thresholds is not None
    page.locator("html[data-laid-out]").wait_for()
    slider = page.locator("#threshold")
    slider.focus()
    steps = result.thresholds.index(threshold) - result.thresholds.index(0.5)
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text(f"{threshold:g}")


def in_view(figure: Any) -> Any:
    """Scroll to a figure and wait until it shows the threshold."""
    figure.scroll_into_view_if_needed()
    playwright.expect(figure.locator(".shown-at")).to_have_text(f"At threshold {AT:g}")
    return figure


def told(counts: Counts, i: int) -> tuple[str, str, str]:
    events, n = int(counts.real_called_ai[i]), int(counts.n_real[i])
    low, high = rate_interval(events, n)
    return (
        f"{events:,} of {n:,}",
        percent(events / n),
        interval(float(low), float(high), "percent"),
    )


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (360, "dark")])
def test_all_that_depends_on_the_threshold_moves(
    open_page: Open, file: Path, result: Result, table: pa.Table, width: int, scheme: str
) -> None:
    page = open_page(file, width, scheme)
    move(page, result)

    by_race = Images(table).counts(("race",), AT)
    forest = in_view(page.locator(RATES))
    for i, row in enumerate(forest.locator(".row").all()):
        cases, rate, span = told(by_race, i)
        assert row.locator(".n").text_content() == cases
        assert row.locator(".num tspan").all_text_contents() == [rate, span]
    whole = Images(table).counts((), AT)
    cases, rate, _ = told(whole, 0)
    assert forest.locator(".item.reference text").text_content() == (
        f"all images: {rate} of {int(whole.n_real[0]):,}"
    )
    falling = np.argsort(-by_race.real_called_ai / by_race.n_real)
    words = forest.locator("svg.figure").get_attribute("aria-label")
    assert f"highest {by_race.labels[falling[0]]} with {told(by_race, falling[0])[1]}" in words
    assert f"lowest {by_race.labels[falling[-1]]} with {told(by_race, falling[-1])[1]}" in words

    rates = page.locator("#group-error-rates .table").first
    rates.evaluate("table => { table.closest('details').open = true }")
    in_view(rates)
    assert rates.locator("tbody tr").first.locator("td").nth(1).inner_text() == told(by_race, 0)[1]

    crossed = Images(table).counts(("race", "gender"), AT)
    pairs = in_view(page.locator("#intersections .forest").first)
    assert {
        tuple(row.locator(".num tspan").all_text_contents()) for row in pairs.locator(".row").all()
    } == {told(crossed, i)[1:] for i in range(len(crossed.groups))}

    square = in_view(page.locator(".confusion").first).locator("tbody td b")
    assert square.all_text_contents() == [
        f"{int(n[0]):,}"
        for n in (
            whole.real_called_real,
            whole.real_called_ai,
            whole.ai_called_real,
            whole.ai_called_ai,
        )
    ]
    gaps = in_view(page.locator("#equalized-odds-gap .forest").first)
    shares = by_race.real_called_ai / by_race.n_real
    gap = f"+{100 * (shares.max() - shares.min()):.1f}\u202fpts"
    assert gaps.locator(".num .b").first.text_content() == gap
    assert not gaps.locator(".status").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_bar_says_so_and_resets(open_page: Open, file: Path, result: Result) -> None:
    page = open_page(file)
    tables = """() => [...document.querySelectorAll('main tbody, svg.figure, .reads')]
      .map(place => place.textContent + place.ariaLabel)"""
    before = page.evaluate(tables)
    move(page, result)
    bar = page.get_by_role("region", name="Threshold", exact=True)
    assert "Instead of the audited 0.5" in bar.inner_text()
    assert "verdicts, tests, findings" in bar.inner_text()
    slider = bar.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == f"At threshold {AT:g}"
    told = "Tables and plots show another threshold than the audited one."
    assert bar.get_by_role("status").inner_text() == told
    figure = in_view(page.locator("#group-error-rates .forest").first)
    assert page.evaluate(tables) != before
    playwright.expect(slider).to_be_in_viewport()
    bar.get_by_role("button", name="Reset").click()
    playwright.expect(figure.locator(".shown-at")).to_be_hidden()
    assert slider.get_attribute("aria-valuetext") == "At threshold 0.5, as audited"
    assert bar.get_by_role("status").inner_text() == "Everything is as audited."
    for place in page.locator("main figure").all():
        place.scroll_into_view_if_needed()
    assert page.evaluate(tables) == before


def test_sorts_and_downloads_what_is_shown(
    open_page: Open, file: Path, result: Result, table: pa.Table, tmp_path: Path
) -> None:
    page = open_page(file)
    fold = page.locator(f"{RATES} details.built")
    fold.locator("summary").click()
    fold.locator("thead th").nth(3).get_by_role("button").click()
    move(page, result)
    forest = in_view(page.locator(RATES))
    counts = Images(table).counts(("race",), AT)
    falling = np.argsort(-counts.real_called_ai / counts.n_real)
    names = fold.locator("tbody th")
    playwright.expect(names).to_have_text([counts.labels[i] for i in falling])
    forest.locator(".menu summary").click()
    with page.expect_download() as download:
        forest.locator(".menu").get_by_role("button", name="CSV", exact=True).click()
    assert download.value.suggested_filename.endswith(f"-threshold-{AT:g}.csv")
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as opened:
        _, *rows = csv.reader(opened)
    assert {row[0]: (int(row[2]), float(row[3]), row[-2], row[-1]) for row in rows} == {
        label: (
            counts.real_called_ai[i],
            pytest.approx(counts.real_called_ai[i] / counts.n_real[i], rel=1e-5),
            f"{AT:g}",
            "0.95",
        )
        for i, label in enumerate(counts.labels)
    }


def test_folded_rows_move_too_when_unfolded_or_saved(
    open_page: Open, table: pa.Table, tmp_path: Path
) -> None:
    ages = np.random.default_rng(2).choice([f"{age}" for age in range(20, 50)], len(table))
    spec = Spec(
        name="m", title="M", question="?", attributes=["decade"], checks=["group-error-rates"]
    )
    aged = table.append_column("decade", pa.array(ages))
    info = ScoresInfo(datasets={name: DatasetInfo(indexed=1) for name in ("first", "second")})
    many = audit(Scores(aged, info), spec)
    page = open_page(write_html(many, tmp_path / "report.html"))
    counts = Images(aged).counts(("decade",), AT)
    cases = sorted(told(counts, i)[0] for i in range(30))
    page.locator("html[data-laid-out]").wait_for()
    # Nothing out of sight is painted of itself: only what is asked for is.
    page.evaluate("requestIdleCallback = () => 0")
    move(page, many)
    figure = in_view(page.locator("figure:has(svg.folds)").first)
    figure.locator(".menu summary").click()
    with page.expect_download() as download:
        figure.locator(".menu").get_by_role("button", name="SVG").click()
    figure.get_by_role("button", name="Show all 30 rows").click()
    assert sorted(figure.locator(".row .n").all_text_contents()) == cases
    saved = Path(download.value.path()).read_text("utf-8")
    assert sorted(re.findall(r'class="n"[^>]*>([^<]+)<', saved)) == cases


def test_the_marker_of_a_curve_is_a_handle(
    open_page: Open, file: Path, result: Result, table: pa.Table
) -> None:
    page = open_page(file)
    page.locator("html[data-laid-out]").wait_for()
    page.evaluate("document.querySelector('#threshold-transfer').open = true")
    curve = page.locator("#threshold-transfer .curve").first
    handle = curve.get_by_role("slider")
    curve.scroll_into_view_if_needed()
    box = handle.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 12 + 0.8 * (box["width"] - 24), middle, steps=4)
    page.mouse.up()
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text("0.8")
    handle.focus()
    page.keyboard.press("End")
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text("1")
    playwright.expect(curve.locator(".item.marker text")).to_have_text("threshold in force: 1")
    assert handle.get_attribute("aria-valuetext") == "At threshold 1"
    assert curve.locator(".body .marker").get_attribute("x1") == "98%"
    assert page.locator("#threshold").input_value() == str(len(result.thresholds or []) - 1)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    counts = Images(table).counts(("race",), 1.0)
    first = page.locator(f"{RATES} .num .b").first
    playwright.expect(first).to_have_text(told(counts, 0)[1])
    assert "Instead of the audited 0.5" in page.locator(".threshold").inner_text()


def test_the_address_keeps_the_threshold_and_the_place(
    open_page: Open, file: Path, result: Result
) -> None:
    page = open_page(file)
    page.evaluate("location.hash = 'equalized-odds-gap'")
    move(page, result)
    playwright.expect(page).to_have_url(re.compile(f"#equalized-odds-gap&t={AT:g}$"))
    page.reload()
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text(f"{AT:g}")
    playwright.expect(page.locator("#equalized-odds-gap")).to_be_in_viewport()
    in_view(page.locator(RATES))
    # A threshold that is none moves nothing.
    page.evaluate("location.hash = 'equalized-odds-gap&t='")
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text(f"{AT:g}")
    page.evaluate("location.hash = 'group-error-rates&t=0.5'")
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text("0.5")
    playwright.expect(page.locator("#group-error-rates")).to_be_in_viewport()


def test_without_script_there_is_no_slider_for_all(open_page: Open, file: Path) -> None:
    page = open_page(file, java_script_enabled=False)
    assert not page.locator(".threshold").is_visible()
    assert page.locator(".shown-at:visible").count() == 0


def test_an_older_result_still_moves_its_curves(
    open_page: Open, result: Result, tmp_path: Path
) -> None:
    content = result.model_dump(mode="json")
    del content["thresholds"]
    for check in content["checks"]:
        for detail in check["details"]:
            detail.pop("by_threshold", None)
    old = Result.model_validate(content)
    write_result(tmp_path / "audit.json", old)
    write_html(read_result(tmp_path / "audit.json"), tmp_path / "report.html")
    page = open_page(tmp_path / "report.html")
    page.locator("html[data-laid-out]").wait_for()
    curve = page.locator("#threshold-transfer .curve").first
    page.evaluate("document.querySelector('#threshold-transfer').open = true")
    curve.get_by_role("slider").focus()
    page.keyboard.press("Home")
    playwright.expect(curve.locator(".shown-at")).to_have_text("At threshold 0")
    playwright.expect(curve.locator(".item.line .told").first).to_have_text(" 100.0\u202f%")


def test_numbers_for_other_thresholds_than_there_are_are_refused(
    result: Result, tmp_path: Path
) -> None:
    from faceaudit.errors import FaceAuditError

    path = write_result(tmp_path / "audit.json", result)
    assert read_result(path) == result
    path.write_text(path.read_text("utf-8").replace("0.74,", "", 1), "utf-8")
    with pytest.raises(FaceAuditError, match="numbers for other than 56 thresholds"):
        read_result(path)
