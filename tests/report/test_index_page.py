from __future__ import annotations

import os
from pathlib import Path

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.report.html import write_html
from faceaudit.report.index_page import FoundResult, distinct, write_index
from faceaudit.result import Result, write_result
from tests.report import invented
from tests.report.hostile import HOSTILE
from tests.report.parsed_page import Page


def test_audits_are_a_table_of_questions_and_classifiers(
    comparison: Result, tmp_path: Path
) -> None:
    audit = invented.answered()
    other = audit.model_copy(deep=True)
    other.scores[0].name = "another"
    written = {"a": audit, "o": other, "again": audit.model_copy(update={"created": "2026-02-02"})}
    for folder, result in written.items():
        write_result(tmp_path / folder / "audit.json", result)
        write_html(result, tmp_path / folder / "report.html")
    write_result(tmp_path / "b c#" / "compare.json", comparison)
    write_html(comparison, tmp_path / "b c#" / "report.html")
    write_result(tmp_path / "bare" / "audit.json", invented.samples())
    page = Page(write_index(tmp_path).read_text("utf-8"))
    assert sorted(a["href"] or "" for a in page.all("a")) == [
        "./a/report.html", "./again/report.html", "./b%20c%23/report.html", "./o/report.html",
    ]  # fmt: skip
    assert "Reports in this folder: 5" in page.text
    heads = [of for of in page.all("th") if of.get("scope") == "col"]
    assert len(heads) == 3
    assert page.text.count("Real photographs called AI-generated") == 1
    assert page.text.count("5.2\u202f%") == 3 and "256 of 4,927; Fail" in page.text
    # Two audits of one classifier differ by their date.
    assert "2026-02-02" in page.text and "2025-03-01" in page.text
    assert comparison.verdict in page.text
    assert "no report.html beside it" in page.text


def test_results_of_one_title_say_what_differs(comparison: Result) -> None:
    later = comparison.model_copy(update={"created": "2026-01-01T00:00:00+00:00"})
    other = comparison.model_copy(deep=True)
    other.scores[0].name = "third"
    found = [
        FoundResult(path, result, None)
        for path, result in {"a": comparison, "b": later, "c": other, "d": comparison}.items()
    ]
    told = distinct(found)
    assert told["c"].startswith("third, with FFHQ") and "2026-01-01" in told["b"]
    assert told["a"].endswith(", a") and told["d"].endswith(", d")
    assert distinct(found[:1]) == {}


def test_a_damaged_result_is_named_and_hides_nothing(audit: Result, tmp_path: Path) -> None:
    write_result(tmp_path / "good" / "audit.json", audit)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "audit.json").write_text("{}")
    page = Page(write_index(tmp_path).read_text("utf-8"))
    assert "Could not be read" in page.text
    assert str(Path("bad") / "audit.json") in page.text and audit.title in page.text


def test_what_is_no_file_is_no_result(audit: Result, tmp_path: Path) -> None:
    write_result(tmp_path / "good" / "audit.json", audit)
    (tmp_path / "folder" / "audit.json").mkdir(parents=True)
    assert "Reports in this folder: 1" in Page(write_index(tmp_path).read_text("utf-8")).text


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    assert "No audit.json" in Page(write_index(tmp_path).read_text("utf-8")).text


def test_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FaceAuditError, match="nowhere: not a folder"):
        write_index(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such folder names")
def test_hostile_titles_and_folders_are_text(hostile: Result, tmp_path: Path) -> None:
    folder = tmp_path / "javascript:alert(1)<b>"
    write_result(folder / "audit.json", hostile)
    write_html(hostile, folder / "report.html")
    page = Page(write_index(tmp_path).read_text("utf-8"))
    assert not page.all("script") and not page.all("b") and not page.all("img")
    assert HOSTILE[:90] in page.text
    assert page.all("a")[0]["href"] == "./javascript%3Aalert%281%29%3Cb%3E/report.html"
