from __future__ import annotations

import base64
import gzip
import json
import re
from html import escape
from pathlib import Path

import pytest

from faceaudit.figures.drawing import style
from faceaudit.report import html
from faceaudit.report.as_table import as_table
from faceaudit.report.html import render_html, script, static, write_html
from faceaudit.report.numbers import prose
from faceaudit.report.text import GLOSSARY, TEXT
from faceaudit.result import Column, Forest, Heatmap, Result, Table
from tests.report import invented
from tests.report.hostile import HOSTILE
from tests.report.invented_details import PIXEL, SOURCE
from tests.report.parsed_page import Page


@pytest.fixture(scope="module")
def page(audit: Result) -> Page:
    return Page(render_html(audit))


def test_the_first_screen_answers() -> None:
    audit = invented.answered()
    page = Page(render_html(audit))
    before_checks = page.text.split(prose(audit.checks[0].sentence))[0]
    answer = audit.answer
    assert answer is not None
    for line in (audit.verdict, answer.who, answer.how_much, answer.how_sure, answer.why):
        assert prose(line) in before_checks
    assert "Wrongly accuses 1 in 19 256 of 4,927 real photographs" in before_checks
    assert "Misses 1 in 28 60 of 1,650 AI-generated faces" in before_checks
    for fact in ("efficientnet-lite0 with FFHQ", "Rows 6,577 of 6,988 read", "Threshold 0.5"):
        assert fact in before_checks
    assert all(prose(finding.sentence) in before_checks for finding in audit.findings[:3])
    assert all(limitation in before_checks for limitation in audit.limitations)


def test_an_older_result_without_an_answer_still_tells_its_own(audit: Result, page: Page) -> None:
    before_checks = page.text.split(prose(audit.checks[0].sentence))[0]
    assert audit.answer is None and prose(audit.verdict) in before_checks
    assert all(prose(finding.sentence) in before_checks for finding in audit.findings[:3])
    for fact in ("4,927", "1,650", "efficientnet-lite0 with FFHQ"):
        assert fact in before_checks


def test_every_row_that_was_read_stands_in_a_table(page: Page) -> None:
    told = page.text[page.text.rindex("Which rows count") :]
    for line in (
        "counted UTKFace 4,927 0 4,927",
        "counted StyleGAN 0 1,650 1,650",
        "left out, outside rows: age >= 1 UTKFace 410 0 410",
        "left out, without a score (unreadable) StyleGAN 0 1 1",
        "race × age band real photograph 4,927 99 25.0\u202f% 0.7\u202f%",
        "gender AI-generated face 1,650 1,650 – 100.0\u202f%",
        "age band 70 and over AI-generated face 8 1 12.5\u202f%",
        "age band without the tag AI-generated face 1,643 0 0.0\u202f%",
    ):
        assert line in told


def test_a_missing_class_is_said_and_not_shown_as_zero(comparison: Result) -> None:
    assert TEXT["no_ai"] in Page(render_html(comparison)).text


def test_every_check_can_be_linked_to(audit: Result, page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"] for a in page.all("a")}
    assert all(link.startswith("#") and link[1:] in ids for link in links if link)
    for check in audit.checks:
        assert check.id in ids and f"#{check.id}" in links
        assert prose(check.sentence) in page.text and check.description in page.text


def test_numbers_stand_beside_every_row_of_a_forest(audit: Result, page: Page) -> None:
    forest = audit.checks[1].details[0]
    assert isinstance(forest, Forest)
    row = forest.rows[0]
    assert f"{row.events:,} of {row.n:,}" in page.text
    assert f"{100 * row.value:.1f}\u202f%" in page.text
    assert f"{100 * row.low:.1f}–{100 * row.high:.1f}\u202f%" in page.text
    assert "not estimable: no photographs in this group" in page.text
    assert "small group" in page.text


def test_wherever_a_limit_or_a_tag_is_its_meaning_is_said(audit: Result, page: Page) -> None:
    forests = [d for c in audit.checks for d in c.details if isinstance(d, Forest)]
    limits = sum(forest.limit is not None for forest in forests)
    # Once beside every limit and once beside the verdict.
    assert page.text.count(TEXT["chosen_limit"]) == limits + 1
    details = [d for c in audit.checks for d in c.details if isinstance(d, Forest | Heatmap)]
    sourced = sum(detail.tag_source is not None for detail in details)
    assert page.text.count(TEXT["appearance"]) >= sourced
    assert page.text.count(TEXT["tag_source"].format(source=SOURCE)) == sourced


def test_provenance_names_folders_without_the_way_to_them(page: Page) -> None:
    assert "non-commercial research only" in page.text
    assert "0123456789abcdef" * 4 in page.text
    assert "/home/someone" not in page.text
    assert "fpr_gap: 0.05" in page.text
    assert "faceaudit 0.1.0" in page.text


def test_tests_are_counted_and_adjusted(page: Page) -> None:
    assert "Tests in this whole report: 3." in page.text
    assert "0.093" in page.text and "0.062" in page.text


def test_each_term_is_defined_once(page: Page) -> None:
    for meaning in GLOSSARY.values():
        assert page.text.count(" ".join(meaning.split())) == 1


def test_every_table_has_a_caption_and_heads_with_a_scope(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))


def test_every_drawing_has_words(page: Page) -> None:
    drawn = [svg for svg in page.all("svg") if "figure" in (svg.get("class") or "").split()]
    assert len(drawn) == 8
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in drawn)


def test_every_word_is_used_somewhere() -> None:
    folder = Path(render_html.__code__.co_filename).parent
    files = [*folder.glob("*.py"), *folder.glob("templates/*"), *folder.glob("static/*.js")]
    files += (folder.parent / "figures").glob("*.py")
    code = "".join(path.read_text("utf-8") for path in files if path.name != "text.py")
    # These are put together from a label, and from the kind of a figure.
    composed = ("label_", "read_forest", "read_slopes", "read_heatmap")
    words = [key for key in TEXT if not key.startswith(composed)]
    assert [key for key in words if not re.search(rf"[\"'.]{key}\b", code)] == []


def test_the_page_asks_for_nothing(audit: Result) -> None:
    page = Page(render_html(audit))
    (policy,) = (a["content"] for a in page.all("meta") if "http-equiv" in a)
    assert policy and policy.startswith("default-src 'none'; script-src 'sha256-")
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("#", "data:image/")), (name, value)
    assert not page.all("link") and not page.all("iframe")
    assert "url(" not in html.style() and "@import" not in html.style()


def test_the_numbers_lie_packed_in_the_page(audit: Result) -> None:
    html = render_html(audit)
    found = re.findall(r'<script type="text/plain" id="numbers-([^"]+)">([^<]*)</script>', html)
    data = {key: json.loads(gzip.decompress(base64.b64decode(of))) for key, of in found}
    forest = audit.checks[1].details[0]
    assert isinstance(forest, Forest)
    table = as_table(forest)
    numbers = data["error-rates-by-group-1"]
    assert (numbers["title"], numbers["rows"]) == (table.title, table.rows)
    assert numbers["moves"]["3"] == (forest.by_threshold or {})["value"]
    assert len(data) == 1 + sum(len(check.details) for check in audit.checks)


def test_static_files_cannot_end_their_own_element() -> None:
    for text in (script(), html.style(), static("figures.css"), style()):
        assert not re.search(r"</(script|style)|<!--", text, re.IGNORECASE)


def test_no_images_leaves_no_pixel(audit: Result) -> None:
    assert PIXEL in render_html(audit)
    bare = render_html(audit, images=False).replace(script(), "")
    assert "data:image" not in bare and "<img" not in bare
    assert TEXT["no_pictures"] in bare


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/face.jpg",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:text/html;base64,AAAA",
        "javascript:alert(1)",
        "file:///etc/passwd",
        'data:image/png;base64,AAAA" onload="alert(1)',
    ],
)
def test_only_pictures_inside_the_result_are_shown(address: str) -> None:
    result = invented.audit(groups=9, thumbnails=2)
    first, second = result.checks[-1].details[0].items  # type: ignore[union-attr]
    first.thumbnail = address
    second.attention.layer = address
    page = Page(render_html(result))
    assert len(page.all("img")) == 1  # the second thumbnail
    assert address not in [v for _, a in page.elements for v in a.values()]


def test_attention_is_a_layer_words_and_numbers() -> None:
    result = invented.audit(groups=9, thumbnails=6)
    items = result.checks[-1].details[0].items  # type: ignore[union-attr]
    assert [bool(item.thumbnail and item.attention) for item in items].count(True) == 2
    page, bare = Page(render_html(result)), Page(render_html(result, images=False))
    assert [a["class"] for a in page.all("img") if "class" in a] == ["attention"] * 2
    assert len(page.all("input")) == len(bare.all("input")) + 1  # shows and hides the layers
    assert not bare.all("img")
    for shown in (page, bare):
        assert shown.text.count("Most of it lies in the centre in 0 of 3 pictures.") == 1
    table = as_table(result.checks[-1].details[0])
    assert table.columns[-7].title == "evidence at the top right"
    assert [row[-7] for row in table.rows] == [None, 0.7] * 3


def test_what_cannot_be_estimated_is_one_line_and_empty_columns_are_none() -> None:
    result = invented.audit(9)
    bare = Table(
        title="Nothing here",
        columns=[
            Column(title="Tag"),
            Column(title="n", kind="count"),
            Column(title="Rate", kind="percent"),
        ],
        rows=[["a", 3, None], ["b", 4, None]],
    )
    half = bare.model_copy(deep=True, update={"title": "Half"})
    half.columns.append(Column(title="Missed", kind="percent"))
    half.rows[:] = [["a", 3, None, 0.25], ["b", 4, None, None]]
    result.checks[0].details += [bare, half]
    page = Page(render_html(result))
    assert "Nothing here : not estimable." in page.text
    assert "AI-generated faces called real, by gender : not estimable." in page.text
    assert "Missed" in page.text and "Rate" not in page.text.split("Half")[1][:60]


def test_hostile_text_is_text_everywhere(hostile: Result) -> None:
    html = render_html(hostile)
    page = Page(html)
    clean = Page(render_html(invented.audit(groups=9, thumbnails=4)))
    assert [a for a in page.all("script") if a.get("type") != "text/plain"] == [
        a for a in clean.all("script") if a.get("type") != "text/plain"
    ]
    assert len(page.all("img")) == len(clean.all("img"))
    assert not [name for _, a in page.elements for name in a if name.startswith("on")]
    shown = Page(f"<p>{escape(HOSTILE)}").text
    # Title, verdict, groups, files, tags, models, specification: far more places than 100.
    assert page.text.count(shown) > 100
    assert "49" not in re.findall(r"&amp;(\d+)", page.text)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert HOSTILE in json.loads(data)["name"]


def test_a_report_with_80_groups_and_48_pictures_is_small(tmp_path: Path) -> None:
    result = invented.audit(groups=80, thumbnails=48)
    for item in result.checks[-1].details[0].items:  # type: ignore[union-attr]
        # What a JPEG of 112 × 112 pixels takes at most.
        item.thumbnail = "data:image/jpeg;base64," + "A" * 12_000
    assert write_html(result, tmp_path / "report.html").stat().st_size < 6_000_000


def test_the_same_result_gives_the_same_page(audit: Result) -> None:
    assert render_html(audit) == render_html(audit)


def test_neither_torch_nor_pandas_nor_plotly_is_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tests.report import invented\n"
        "from faceaudit.report.html import render_html; render_html(invented.audit())\n"
        "sys.exit(bool({'torch', 'pandas', 'plotly'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
