"""The pages in a real browser: Chromium, driven by Playwright, against a real server."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from faceaudit.bundled import samples_folder
from faceaudit.result import write_result
from faceaudit.runner import audit
from faceaudit.spec import Spec
from faceaudit.web.held_tables import HeldTables
from tests.browser import assert_accessible, chromium, playwright, visiting, width_needed
from tests.web.conftest import serving
from tests.web.drawn_web import AUDITED, HOSTILE, bomb, noise, picture

HEIC = Path(__file__).with_name("bright.heic")
FACE = sorted(samples_folder().glob("*.jpg"))[0]
CSV = "image,label,p_ai,gender\n" + "".join(
    f"{i}.jpg,{'ai' if i % 2 else 'real'},0.{i % 10},{'female' if i % 3 else 'male'}\n"
    for i in range(200)
)
Visit = Callable[..., Any]
expect = playwright.expect
expect.set_options(timeout=60_000)  # for a machine that is busy with other things


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Any, live: str) -> Iterator[Visit]:
    """Open a page; afterwards nothing may have gone wrong, and nobody else been asked."""
    with visiting(browser) as visitor:

        def visit(path: str = "/", *args: Any, **options: Any) -> Any:
            return visitor.open(live + path, *args, **options)

        yield visit
    asked = {urlsplit(url).hostname for url in visitor.requests if not url.startswith("data:")}
    assert asked <= {"127.0.0.1"}


def upload(page: Any, *files: tuple[str, bytes]) -> Any:
    """Choose files, wait until all are judged, and open them; returns the table's rows."""
    page.locator("#pictures").set_input_files(
        [{"name": name, "mimeType": "", "buffer": content} for name, content in files]
    )
    expect(page.locator("#status")).to_have_text(f"{len(files)} of {len(files)} judged")
    page.evaluate("document.querySelectorAll('.open[aria-expanded=false]').forEach(o => o.click())")
    return page.locator("#judged > tbody")


def named(rows: Any, name: str) -> Any:
    """The row of a picture."""
    return rows.filter(has=rows.page.get_by_role("button", name=name, exact=True))


def unfold(page: Any) -> None:
    """Open all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


def test_pictures_of_every_kind(visit: Visit) -> None:
    pytest.importorskip("pi_heif", reason="HEIC needs pi-heif (extra 'web')")
    buffer = io.BytesIO()
    noise((100, 100)).save(buffer, "JPEG")
    truncated = buffer.getvalue()[:2000]
    files = [
        ("face.jpg", FACE.read_bytes()),
        ("bright.png", picture("PNG", brightness=240)),
        ("dark.webp", picture("WEBP", brightness=20)),
        ("telephone.heic", HEIC.read_bytes()),
        ("fifty megapixels.jpg", picture("JPEG", (8_165, 6_124), 240)),
        ("letter.jpg", b"This is no picture."),
        ("truncated.jpg", truncated),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("bomb.png", bomb()),
    ]
    rows = upload(visit(), *files)
    expect(rows).to_have_count(len(files))
    cards = [named(rows, name) for name, _ in files]
    told = [card.inner_text() for card in cards]
    assert "8,165 × 6,124 pixels" in told[4] and "AI-generated" in told[4]
    expect(cards[1].locator(".word")).to_have_text(["AI-generated", "AI-generated"])
    expect(cards[2].locator(".word")).to_have_text(["real", "real"])
    reasons = ("not a picture of a kind", "damaged or cut short", "an SVG", "million pixels")
    for text, reason in zip(told[5:], reasons, strict=True):
        assert "Not judged" in text and reason in text
    seen = cards[0].locator(".picture img").first
    assert seen.evaluate("image => image.naturalWidth") == 320


def names(page: Any) -> list[str]:
    """What the table shows, from the top."""
    return [button.get_attribute("aria-label") for button in page.locator(".open:visible").all()]


def test_the_table_begins_with_disagreements_sorts_filters_and_stays(visit: Visit) -> None:
    page = visit()
    grey = [(f"grey {i}.png", picture("PNG", brightness=i)) for i in (10, 245, 120, 100)]
    upload(page, *grey, ("letter.jpg", b"no picture"))
    # The thresholds are 0.3 and 0.7: grey 100 and 120 divide them; the scores are alike.
    assert set(names(page)[:2]) == {"grey 100.png", "grey 120.png"}
    assert names(page)[-1] == "letter.jpg"
    page.get_by_role("columnheader", name="low").get_by_role("button").click()
    assert names(page)[:4] == ["grey 245.png", "grey 120.png", "grey 100.png", "grey 10.png"]
    page.get_by_role("columnheader", name="low").get_by_role("button").click()
    assert names(page)[:4] == ["grey 10.png", "grey 100.png", "grey 120.png", "grey 245.png"]
    expect(page.locator("[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    upload(page, ("late.png", picture("PNG", brightness=5)))
    assert names(page)[:2] == ["late.png", "grey 10.png"]  # the earlier ones are still there
    page.get_by_label("Show").select_option("disagree")
    assert names(page) == ["grey 100.png", "grey 120.png"]
    expect(page.locator("#shown")).to_have_text("2 of 6 shown")
    page.get_by_label("Name holds").fill("120")
    assert names(page) == ["grey 120.png"]
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#results")).to_be_hidden()
    assert page.locator("#judged > tbody").count() == 0


def test_the_table_is_downloaded_in_full_precision(visit: Visit) -> None:
    page = visit()
    upload(page, ("=1+1.png", picture("PNG", brightness=77)), ("letter.jpg", b"no picture"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    first, second = csv.DictReader(io.StringIO(text))
    assert first["name"] == "'=1+1.png"
    assert float(first["low p_ai"]) == float(np.float32(77) / 255)
    assert (first["low called"], first["high called"]) == ("ai", "real")
    assert first["low worth"] == "Called 42 of 240 photographs of portraits AI-generated."
    assert "picture" in second["problem"] and second["low p_ai"] == ""


def test_what_was_judged_is_not_lost_by_an_oversight(browser: Any, live: str) -> None:
    page = browser.new_page()
    page.goto(live)
    upload(page, ("grey.png", picture("PNG")))
    page.locator(".open").click()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Reports").click()
    page.get_by_role("button", name="Clear").click()  # we are still here
    assert asked == ["beforeunload"]
    page.get_by_role("link", name="Reports").click()
    expect(page.locator("h1")).to_have_text("Reports")
    assert asked == ["beforeunload"]
    page.close()


def test_one_picture_opens_at_once_and_several_stay_closed(visit: Visit) -> None:
    page = visit()
    give = page.locator("#pictures").set_input_files
    files = [{"name": f"{i}.png", "mimeType": "", "buffer": picture("PNG")} for i in range(3)]
    give(files[:1])
    expect(page.locator(".all:visible")).to_have_count(1)
    give(files[1:])
    expect(page.locator("#status")).to_have_text("2 of 2 judged")
    expect(page.locator(".all:visible")).to_have_count(1)
    page.get_by_role("button", name="2.png").click()
    expect(page.locator(".all:visible")).to_have_count(2)


def test_a_call_carries_its_worth(visit: Visit) -> None:
    page = visit()
    row = upload(page, ("bright.png", picture("PNG", brightness=250)))
    short = row.locator(".summary .worth").first
    expect(short).to_have_text("Called 42 of 240 photographs of portraits AI-generated.")
    row.get_by_label("Age").select_option("60–69")
    told = "Called 30 of 40 photographs of portraits AI-generated: “AI-generated” proves little."
    expect(short).to_have_text(told)
    expect(row.locator(".says .worth").first).to_have_text(told)


def test_a_hundred_at_once(visit: Visit) -> None:
    files = [(f"{i}.png", picture("PNG", (16, 16), 2 * i)) for i in range(100)]
    page = visit()
    expect(upload(page, *files)).to_have_count(100)
    page.get_by_role("columnheader", name="Picture").get_by_role("button").click()
    assert names(page) == [name for name, _ in files]


def test_more_than_a_hundred_are_left_out_and_said_so(visit: Visit) -> None:
    page = visit()
    files = [
        {"name": f"{i}.png", "mimeType": "", "buffer": picture("PNG", (8, 8))} for i in range(102)
    ]
    page.locator("#pictures").set_input_files(files)
    expect(page.locator("#status")).to_contain_text("2 more than 100 were left out")


def test_dropped_and_pasted_pictures_are_judged(visit: Visit) -> None:
    page = visit()
    give = """([name, bytes, kind]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        const event = kind === "drop"
            ? new DragEvent("drop", { dataTransfer: data, bubbles: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
        document.querySelector(".drop").dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(give, [f"{kind}.png", list(picture("PNG")), kind])
        expect(page.get_by_role("button", name=f"{kind}.png")).to_be_visible()


def test_one_model_or_both(visit: Visit) -> None:
    page = visit()
    both = upload(page, ("both.png", picture("PNG")))
    expect(both.locator(".judged")).to_have_count(2)
    expect(both).to_contain_text("The models disagree.")
    page.get_by_role("checkbox", name="low").uncheck()
    one = named(upload(page, ("one.png", picture("PNG"))), "one.png")
    expect(one.locator(".judged")).to_have_count(1)
    expect(one.locator(".judged")).to_contain_text("high calls it")
    expect(one.locator(".summary")).to_contain_text("not asked")


def test_the_evidence_can_be_shown_and_hidden(visit: Visit) -> None:
    page = visit()
    card = upload(page, ("grey.png", picture("PNG"))).first
    layer = card.locator(".layer").first
    expect(layer).not_to_have_css("opacity", "0")
    card.get_by_label("Shade where the evidence lies").uncheck()
    expect(layer).to_have_css("opacity", "0")


def test_the_user_says_who_is_pictured_and_the_rates_follow(visit: Visit) -> None:
    page = visit()
    page.locator("#upload").get_by_label("Gender").select_option("male")
    card = upload(page, ("bright.png", picture("PNG", brightness=250))).first
    sentence = card.locator(".measured-lines .sentence").first
    expect(sentence).to_contain_text("Of 100 real photographs of such people (portraits)")
    card.get_by_label("Gender").select_option("female")
    expect(sentence).to_contain_text("depends on the source")
    card.get_by_label("Age").select_option("60–69")
    expect(sentence).to_contain_text("30 AI-generated: 75.0")
    card.get_by_text("All measured error rates of low").click()
    expect(card.get_by_role("row", name="portraits 30 of 40")).to_be_visible()


def test_the_samples_get_their_verdicts_without_being_asked_for(visit: Visit) -> None:
    page = visit()
    expect(page.locator(".tiles .mini-call")).to_have_count(
        2 * len(list(samples_folder().glob("*.jpg")))
    )
    page.locator(".tiles a").first.click()
    expect(page.locator("h1")).to_have_text("An AI-generated face, judged")


def test_keyboard_alone(visit: Visit) -> None:
    page = visit()
    focused = "() => document.activeElement.id || document.activeElement.textContent.trim()"
    press = page.keyboard.press

    def tab_to(name: str) -> None:
        for _ in range(30):
            press("Tab")
            if page.evaluate(focused) == name:
                return
        raise AssertionError(f"the Tab key does not lead to {name}")

    # From the start: a listener that comes with the key press may come too late for it.
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    press("Tab")
    assert page.evaluate(focused) == "Skip to the content"
    tab_to("pictures")
    outline = page.locator(".drop label").evaluate("label => getComputedStyle(label).outlineStyle")
    assert outline == "solid"  # the input cannot be seen, so its label shows the focus
    press("Space")
    for _ in range(1_000):
        if choosers:
            break
        page.wait_for_timeout(20)  # Playwright hears of it only while it waits
    choosers[0].set_files([{"name": "a.png", "mimeType": "", "buffer": picture("PNG")}])
    expect(page.locator("#status")).to_have_text("1 of 1 judged")
    tab_to("model-1")
    press("Space")
    assert not page.locator("#model-1").is_checked()
    tab_to("upload-gender")
    press("f")
    assert page.locator("#upload-gender").input_value() == "female"
    card = page.locator("#judged > tbody")
    tab_to(card.locator(".show-layer").get_attribute("id"))
    press("Space")
    expect(card.locator(".layer").first).to_have_css("opacity", "0")
    tab_to("All measured error rates of low")
    press("Enter")
    expect(card.get_by_role("row", name="generator 8 of 200")).to_be_visible()


def test_hostile_names_are_text(visit: Visit) -> None:
    page = visit()
    name = (HOSTILE.replace("/", "") + "x" * 500)[:500] + ".png"
    rows = upload(page, (name, picture("PNG")), (f"2{name}", b"nothing"))
    expect(rows).to_have_count(2)
    # Browsers write a quote in a file's name as %22.
    for told in (".cut", "article h3"):
        expect(rows.first.locator(told)).to_have_text(name.replace('"', "%22"))
    assert page.locator("img[src=x], script:not([src])").count() == 0
    assert width_needed(page) <= 1440


def test_an_upload_can_be_stopped(visit: Visit, detectors: list[Any]) -> None:
    page = visit()
    files = [
        {"name": f"{i}.png", "mimeType": "", "buffer": picture("PNG", (900, 900))}
        for i in range(90)
    ]
    page.locator("#pictures").set_input_files(files)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    assert page.locator("#judged > tbody").count() < 90


FOREIGN = "file,truth,score,glasses\n" + "".join(
    f"{i}.jpg,{i % 2},{(i % 10) * 10},{'yes' if i % 3 else 'no'}\n" for i in range(200)
)


def choose_table(page: Any, content: str) -> None:
    page.locator("#scores").set_input_files(
        [{"name": "scores.csv", "mimeType": "text/csv", "buffer": content.encode()}]
    )
    expect(page.locator("h1")).to_contain_text("200 rows, 4 columns")


def test_an_audit_is_settled_and_followed_to_its_report(visit: Visit, live: str) -> None:
    page = visit("/audits")
    choose_table(page, FOREIGN)
    expect(page.locator(".unsettled")).to_contain_text("Say what the label “0” means.")
    page.get_by_label("“0”").select_option(label="real photograph")
    expect(page.locator(".unsettled")).to_contain_text("Say what the label “1” means.")
    expect(page.get_by_label("“0”")).to_be_focused()
    page.get_by_label("“1”").select_option(label="AI-generated")
    expect(page.get_by_role("checkbox", name="glasses")).to_be_checked()
    page.get_by_label("Largest gap accepted").fill("12")
    page.get_by_label("Threshold").fill("0.4")
    page.get_by_label("Threshold").blur()
    page.reload()  # what was chosen stands in the address, and the upload is still there
    expect(page.get_by_label("“1”")).to_have_value("ai 1")
    expect(page.get_by_label("Largest gap accepted")).to_have_value("12")
    page.get_by_role("button", name="Start the audit").click()
    page.get_by_role("link", name="Open the report").click()
    expect(page.locator("h1")).to_have_text("Every tag in the table")
    assert page.url.startswith(f"{live}/reports/every-tag-")


def test_leaving_the_page_of_a_table_says_so_to_the_server(visit: Visit, monkeypatch: Any) -> None:
    left: list[str] = []
    monkeypatch.setattr(HeldTables, "leave", lambda self, id: left.append(id))
    page = visit("/audits")
    choose_table(page, CSV)
    held = urlsplit(page.url).path.rpartition("/")[2]
    page.get_by_role("link", name="Reports").click()
    expect(page.locator("h1")).to_have_text("Reports")
    for _ in range(1_000):
        if left:
            break
        page.wait_for_timeout(20)  # it is sent on its own, behind the page that follows
    assert left == [held]


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_of_a_table_is_accessible_and_fits(visit: Visit, width: int) -> None:
    for scheme in ("light", "dark"):
        page = visit("/audits", width, scheme)
        choose_table(page, FOREIGN)
        assert_accessible(page)
        page.get_by_label("“0”").select_option("real 0")
        page.get_by_label("“1”").select_option("ai 1")
        expect(page.get_by_role("button", name="Start the audit")).to_be_visible()
        unfold(page)
        assert_accessible(page)
        assert width_needed(page) <= width


@pytest.fixture
def shelf(reports: Path) -> Path:
    for name in ("one", "two"):
        spec = Spec(name=name, title=f"{name} {HOSTILE}", question="?", attributes=["gender"])
        write_result(reports / name / "audit.json", audit(AUDITED, spec))
    return reports


def test_a_report_works_in_its_sandbox(visit: Visit, shelf: Path) -> None:
    page = visit("/reports/one/audit.json")
    unfold(page)
    page.locator("thead button").first.click()
    expect(page.locator("[aria-sort]").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").first.click()
    assert Path(download.value.path()).read_text("utf-8-sig").count("\n") > 1


def test_a_report_has_no_way_out_of_its_sandbox(browser: Any, live: str, shelf: Path) -> None:
    page = browser.new_page()
    page.goto(f"{live}/reports/one/audit.json")
    assert page.evaluate("self.origin") == "null"
    asked = page.evaluate("fetch('/api/models').then(() => 'answered', () => 'refused')")
    assert asked == "refused"
    page.close()


def test_the_way_out_of_a_report_needs_no_second_token(
    browser: Any, application: Callable[..., Any], shelf: Path
) -> None:
    """Links of a page in a sandbox count as another site's; the cookie comes along all the same."""
    token = "a token of this test, long enough"
    with serving(application(token=token)) as address, visiting(browser) as visitor:
        page = visitor.open(f"{address}/token")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Come in").click()
        page.get_by_role("link", name="Reports", exact=True).click()
        page.locator("tbody th a").first.click()
        way = page.get_by_role("navigation", name="Reports")
        way.locator(".after").click()
        expect(page).to_have_title(re.compile("^(one|two) "))
        way.get_by_role("link", name="All reports").click()
        expect(page.locator("h1")).to_have_text("Reports")


def test_two_reports_are_compared(visit: Visit, shelf: Path) -> None:
    page = visit("/reports")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.locator("h1")).to_have_text("Two reports side by side")
    expect(page.locator("main")).not_to_contain_text("Different images")
    expect(page.get_by_role("row", name="female").first).to_be_visible()


PAGES = {
    "front": "/",
    "sample": f"/samples/{FACE.stem}",
    "worth": "/worth?verdict=ai.low&verdict=real.high&gender=female",
    "reports": "/reports",
    "sorted": "/reports?sort=-rate",
    "compare": "/compare?report=one/audit.json&report=two/audit.json",
    "audits": "/audits",
    "interface": "/api",
    "token": "/token",
}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(visit: Visit, shelf: Path, name: str, width: int) -> None:
    for scheme in ("light", "dark"):
        page = visit(PAGES[name], width, scheme)
        if name == "front":
            expect(page.locator(".mini-call").first).to_be_visible()
            wide = picture("PNG", (400, 100))
            upload(page, ("wide.png", wide), ("wide 2.png", wide), ("letter.jpg", b"no picture"))
        unfold(page)
        assert_accessible(page)


def test_the_way_in_a_report_is_accessible_and_fits(visit: Visit, shelf: Path) -> None:
    for width, scheme in ((390, "light"), (1440, "dark")):
        page = visit("/reports/one/audit.json", width, scheme)
        page.evaluate("document.querySelectorAll('main > *').forEach(one => one.remove())")
        page.evaluate("document.querySelector('main').innerHTML = '<h1 id=answer>A report</h1>'")
        assert_accessible(page)
        assert width_needed(page) <= width
        page.keyboard.press("Tab")
        assert "skip" in page.evaluate("document.activeElement.className")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_on_a_telephone(visit: Visit, shelf: Path, name: str) -> None:
    page = visit(PAGES[name], 360)
    if name == "front":
        upload(page, ("grey.png", picture("PNG")), ("x" * 200, b"no picture"))
    unfold(page)
    for size in ("100%", "200%"):
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
        assert width_needed(page) <= 360


def test_the_way_through_the_pages_is_one_line_on_a_telephone(visit: Visit) -> None:
    page = visit("/reports", 390)
    tops = page.locator(".bar li").evaluate_all("all => all.map(one => one.offsetTop)")
    assert len(tops) == 5 and len(set(tops)) == 1


def test_without_a_script_the_form_judges_too(visit: Visit) -> None:
    page = visit("/", java_script_enabled=False)
    page.locator("#pictures").set_input_files(
        [{"name": "bright.png", "mimeType": "", "buffer": picture("PNG", brightness=250)}]
    )
    page.get_by_role("button", name="Judge").click()
    expect(page.locator("#judged .word")).to_have_text(["AI-generated", "AI-generated"])
