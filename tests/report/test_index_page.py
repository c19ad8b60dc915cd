from __future__ import annotations

import os
from pathlib import Path

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.report.html import write_html
from faceaudit.report.index_page import write_index
from faceaudit.result import Result, write_result
from tests.report.hostile import HOSTILE
from tests.report.parsed_page import Page


def test_lists_reports_with_their_answers(
    audit: Result, comparison: Result, tmp_path: Path
) -> None:
    write_result(tmp_path / "a" / "audit.json", audit)
    write_html(audit, tmp_path / "a" / "report.html")
    later = comparison.model_copy(update={"created": "2026-01-01T00:00:00+00:00"})
    write_result(tmp_path / "b c#" / "compare.json", later)
    write_html(later, tmp_path / "b c#" / "report.html")
    write_result(tmp_path / "bare" / "audit.json", audit)
    page = Page(write_index(tmp_path).read_text("utf-8"))
    assert [a["href"] for a in page.all("a")] == ["./b%20c%23/report.html", "./a/report.html"]
    assert "Reports in this folder: 3" in page.text
    assert audit.verdict in page.text
    assert page.text.index("Comparison") < page.text.index("Audit")
    assert "no report.html beside it" in page.text


def test_a_damaged_result_is_named_and_hides_nothing(audit: Result, tmp_path: Path) -> None:
    write_result(tmp_path / "good" / "audit.json", audit)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "audit.json").write_text("{}")
    page = Page(write_index(tmp_path).read_text("utf-8"))
    assert "Could not be read" in page.text
    assert str(Path("bad") / "audit.json") in page.text and audit.title in page.text


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
