"""The slider in a real browser: everything that depends on the threshold moves, and back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.audit import audit
from faceaudit.report.html import write_html
from faceaudit.report.numbers import interval, percent
from faceaudit.result import Result, read_result, write_result
from faceaudit.schema import DatasetInfo, ScoresInfo, validate
from faceaudit.spec import Spec
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.intervals import rate_interval
from faceaudit.tables import Scores
from tests.browser import playwright

playwright.expect.set_options(timeout=20_000)
Open = Callable[..., Any]
AT = 0.74
RATES = "#group-error-rates .forest"


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
    # The curves are drawn in idle moments; on a busy machine they would outlast the waiting.
    playwright.expect(page.locator("[data-curve]:not(:has(.main-svg))")).to_have_count(0)
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
    forest = in_view(page.locator(RATES).first)
    for i, row in enumerate(forest.locator("tbody tr").all()):
        cases, rate, span = told(by_race, i)
        assert row.locator("td").first.inner_text() == cases
        assert row.locator(".value b").inner_text() == rate
        assert row.locator(".interval").inner_text() == span
    whole = Images(table).counts((), AT)
    cases, rate, _ = told(whole, 0)
    assert forest.locator(".key .reference").inner_text() == (
        f"all images: {rate} of {int(whole.n_real[0]):,}"
    )
    assert forest.locator(".as-audited").is_visible()

    forest.locator("xpath=following::summary[1]").click()
    rates = in_view(page.locator("#group-error-rates .table").first)
    assert rates.locator("tbody tr").first.locator("td").nth(1).inner_text() == told(by_race, 0)[1]

    crossed = Images(table).counts(("race", "gender"), AT, empty_cells=True)
    heat = in_view(page.locator(".heatmap").first)
    cells = heat.locator("tbody td")
    for i in range(len(crossed.groups)):
        assert cells.nth(i).locator(".value").inner_text() == told(crossed, i)[1]
        assert cells.nth(i).locator("small").first.inner_text() == told(crossed, i)[2]

    square = in_view(page.locator(".confusion").first).locator("tbody td b")
    assert square.all_inner_texts() == [
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
    assert gaps.locator(".value b").first.inner_text() == gap
    assert not gaps.locator(
        ".mini.fail, .mini.pass, .mini.insufficient-evidence"
    ).first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_bar_says_so_and_resets(open_page: Open, file: Path, result: Result) -> None:
    page = open_page(file)
    tables = "[...document.querySelectorAll('main tbody')].map(body => body.textContent)"
    before = page.evaluate(tables)
    move(page, result)
    bar = page.get_by_role("region", name="Threshold", exact=True)
    assert "Instead of the audited 0.5" in bar.inner_text()
    assert "verdicts, tests, findings" in bar.inner_text()
    slider = bar.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == f"At threshold {AT:g}"
    told = "Tables and plots show another threshold than the audited one."
    assert bar.get_by_role("status").inner_text() == told
    figure = in_view(page.locator(RATES).first)
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
    head = page.locator(RATES).first.locator("thead th").nth(3)
    head.get_by_role("button").click()
    move(page, result)
    forest = in_view(page.locator(RATES).first)
    counts = Images(table).counts(("race",), AT)
    falling = np.argsort(-counts.real_called_ai / counts.n_real)
    shown = forest.locator("tbody th").evaluate_all("cells => cells.map(cell => cell.innerText)")
    assert shown == [counts.labels[i] for i in falling]
    with page.expect_download() as download:
        forest.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename.endswith(f"-threshold-{AT:g}.csv")
    download.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as opened:
        _, *rows = csv.reader(opened)
    assert [(row[0], int(row[2])) for row in rows] == [
        (counts.labels[i], int(counts.real_called_ai[i])) for i in falling
    ]
    assert [percent(float(row[3])) for row in rows] == [told(counts, i)[1] for i in falling]


def test_all_sliders_move_together_and_paper_shows_the_screen(
    open_page: Open, file: Path, result: Result, table: pa.Table
) -> None:
    page = open_page(file)
    page.locator("html[data-laid-out]").wait_for()
    beside = page.locator("#threshold-transfer .curve").first.get_by_role("slider")
    beside.focus()
    page.keyboard.press("End")
    playwright.expect(page.locator(".threshold [data-value]")).to_have_text("1")
    values = page.locator("[data-slider]").evaluate_all("all => all.map(one => one.value)")
    assert len(values) > 2 and len(set(values)) == 1
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    counts = Images(table).counts(("race",), 1.0)
    first = page.locator(RATES).first.locator(".value b").first
    assert first.inner_text() == told(counts, 0)[1]
    assert page.locator("[data-curve] svg.main-svg").count() >= page.locator("[data-curve]").count()
    assert "Instead of the audited 0.5" in page.locator(".threshold").inner_text()


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
    assert page.locator(".threshold").count() == 0
    curve = page.locator("#threshold-transfer .curve").first
    curve.get_by_role("slider").focus()
    page.keyboard.press("Home")
    playwright.expect(curve.locator("output")).to_have_text("At threshold 0")


def test_numbers_for_other_thresholds_than_there_are_are_refused(
    result: Result, tmp_path: Path
) -> None:
    from faceaudit.errors import FaceAuditError

    path = write_result(tmp_path / "audit.json", result)
    assert read_result(path) == result
    path.write_text(path.read_text("utf-8").replace("0.74,", "", 1), "utf-8")
    with pytest.raises(FaceAuditError, match="numbers for other than 56 thresholds"):
        read_result(path)
