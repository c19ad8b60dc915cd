"""The explorer in a real browser: the drawing, the keyboard, the address, and real pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from faceaudit.known_roots import remember_root
from tests.browser import assert_accessible, chromium, playwright, visiting, width_needed
from tests.web.drawn_web import HOSTILE, scored_samples

Visit = Callable[..., Any]
expect = playwright.expect
expect.set_options(timeout=120_000)  # for a machine that is busy with other things
SAMPLES = "/explore?table=scores.parquet&tag=hair"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Any, live: str, reports: Path) -> Iterator[Visit]:
    """Open a page; afterwards nothing may have gone wrong, and nobody else been asked."""
    scored_samples(reports)
    with visiting(browser) as visitor:

        def visit(path: str = SAMPLES, *args: Any, **options: Any) -> Any:
            page = visitor.open(live + path, *args, **options)
            expect(page.locator("#plot .main-svg").first).to_be_visible()
            return page

        yield visit
    asked = {urlsplit(url).hostname for url in visitor.requests if not url.startswith("data:")}
    assert asked <= {"127.0.0.1"}


def state(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def loaded(page: Any, within: str) -> None:
    """Wait until all pictures are there that are in view."""
    images = page.locator(f"{within} img")
    for i in range(images.count()):
        images.nth(i).scroll_into_view_if_needed()
    page.wait_for_function(
        "of => [...document.querySelectorAll(of)].every(one => one.complete && one.naturalWidth)",
        arg=f"{within} img",
    )


def click_point(page: Any, number: int) -> None:
    box = page.locator("#plot .points .point").nth(number).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_click_on_a_group_shows_its_pictures_wrong_and_right(visit: Visit) -> None:
    page = visit()
    click_point(page, 0)
    expect(page.locator("#pictures h2")).to_have_text(
        "long: 6 of 16 AI-generated faces called real"
    )
    assert state(page)["group"] == ["long"]
    expect(page.locator(".wrong .faces li")).to_have_count(6)
    expect(page.locator(".right .faces li")).to_have_count(10)
    loaded(page, "#pictures")
    scores = [float(text) for text in page.locator(".faces b").all_inner_texts()]
    assert scores == sorted(scores) and len(scores) == 16
    assert page.locator(".groups button[aria-pressed=true]").inner_text() == "long"


def test_the_keyboard_does_all_and_the_back_button_works(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="short").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pictures h2")).to_have_text(
        "short: 0 of 14 AI-generated faces called real"
    )
    expect(page.locator("#pictures h2")).to_be_focused()
    page.get_by_role("link", name="Next").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".right .faces li")).to_have_count(2)
    page.go_back()
    expect(page.locator(".right .faces li")).to_have_count(12)
    page.go_back()
    expect(page.locator("#pictures")).to_have_count(0)
    assert "group" not in state(page)
    page.go_forward()
    expect(page.locator(".right .faces li")).to_have_count(12)


def test_the_slider_moves_table_and_drawing_and_the_address(visit: Visit) -> None:
    page = visit()
    rates = page.locator(".groups tbody td:nth-child(2)")
    expect(rates.nth(1)).to_contain_text("0.0")
    first = page.locator("#plot .points .point").nth(1).get_attribute("transform")
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("End")
    expect(rates.nth(1)).to_contain_text("100.0")
    expect(page.locator("#threshold")).to_have_value("1")
    assert page.locator("#plot .points .point").nth(1).get_attribute("transform") != first
    assert state(page)["threshold"] == ["1"]
    expect(slider).to_be_focused()
    page.get_by_role("link", name="Back to the classifier's own threshold").click()
    expect(rates.nth(1)).to_contain_text("0.0")


def test_a_dragged_slider_asks_for_where_it_is_and_not_for_every_step(visit: Visit) -> None:
    page = visit()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """() => {
          const slider = document.getElementById("slider");
          for (let i = 50; i <= 100; i++) {
            slider.value = i / 100;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    expect(page.locator(".groups tbody td:nth-child(2)").nth(1)).to_contain_text("100.0")
    assert 1 <= len(asked) <= 2


def test_a_link_gives_the_same_view(visit: Visit) -> None:
    page = visit()
    page.get_by_label("Add a value").select_option("hair:long")
    expect(page.locator(".chip")).to_have_count(1)
    page.get_by_label("and by").select_option("shirt")
    expect(page.locator(".groups tbody tr")).to_have_count(2)
    page.get_by_role("button", name="blue").click()
    expect(page.locator("#pictures h2")).to_contain_text("long × blue: 3 of 8")
    page.get_by_label("An expression").fill("p_ai > 0.26")
    page.keyboard.press("Enter")
    expect(page.locator("#pictures h2")).to_contain_text("long × blue: 2 of 7")
    again = visit(page.url[page.url.index("/explore") :])
    for part in ("#results .groups", "#pictures", ".filters"):
        assert again.locator(part).inner_text() == page.locator(part).inner_text()
    page.get_by_role("checkbox").uncheck()
    expect(page.locator(".groups tbody tr")).to_have_count(4)


def test_a_mistaken_expression_is_told_beside_its_field(browser: Any, live: str, reports) -> None:
    scored_samples(reports)
    with visiting(browser) as visitor:
        page = visitor.open(live + SAMPLES)
        page.get_by_label("An expression").fill("hiar == 'long'")
        page.keyboard.press("Enter")
        expect(page.locator("#problem")).to_contain_text("did you mean hair?")
        expect(page.get_by_role("status")).to_contain_text("did you mean hair?")
        expect(page.get_by_label("An expression")).to_have_value("hiar == 'long'")
        page.get_by_label("An expression").fill("hair == 'long'")
        page.keyboard.press("Enter")
        expect(page.locator(".groups tbody tr")).to_have_count(1)
        expect(page.locator("#plot .main-svg").first).to_be_visible()
        visitor.problems[:] = [one for one in visitor.problems if "422" not in one]


def test_without_a_script_the_form_works(browser: Any, live: str, reports: Path) -> None:
    scored_samples(reports)
    with visiting(browser) as visitor:
        page = visitor.open(live + SAMPLES, java_script_enabled=False)
        page.get_by_role("button", name="long").click()
        expect(page.locator(".faces img")).to_have_count(16)
        page.get_by_label("and by").select_option("shirt")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".groups tbody tr")).to_have_count(4)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_is_accessible_fits_and_takes_hostile_names(visit: Visit, width: int, scheme: str):
    query = {"table": "scores.parquet", "tag": "shirt", "only": "hair:long", "group": HOSTILE}
    page = visit(f"/explore?{urlencode(query)}", width, scheme)
    expect(page.locator(".wrong .faces img")).to_have_count(3)
    loaded(page, "#pictures")
    assert width_needed(page) <= width
    colour = page.evaluate("getComputedStyle(document.querySelector('.ytick text')).fill")
    assert colour == page.evaluate("getComputedStyle(document.body).color")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert_accessible(page)


@pytest.mark.real_data
def test_real_photographs_of_a_group(visit: Visit, real_data: Path) -> None:
    remember_root("ffhq", real_data / "ffhq")
    query = {
        "table": "bundled:with-ffhq",
        "tag": "glasses",
        "only": "dataset:ffhq",
        "group": "sunglasses",
    }
    page = visit(f"/explore?{urlencode(query)}")
    loaded(page, "#pictures")
    faces = page.locator("#pictures .faces li")
    assert faces.count() > 10 and page.locator("#pictures img").count() == faces.count()
    wrong = [float(of) for of in page.locator(".wrong .faces b").all_inner_texts()]
    right = [float(of) for of in page.locator(".right .faces b").all_inner_texts()]
    assert wrong == sorted(wrong, reverse=True) and right == sorted(right, reverse=True)
    assert min(wrong) >= 0.5 > max(right)


def test_enter_in_a_field_is_one_step_of_the_way_back(visit: Visit) -> None:
    page = visit()
    page.locator("#where").fill("shirt == 'blue'")
    page.keyboard.press("Enter")
    page.wait_for_url("**where=**")
    expect(page.locator("#results[aria-busy]")).to_have_count(0)
    page.go_back()
    expect(page.locator("#where")).to_have_value("")
