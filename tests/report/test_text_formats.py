"""Numbers, details as tables, Markdown, JUnit and the door for other formats."""

from __future__ import annotations

import doctest
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from faceaudit import api
from faceaudit.decision import gate
from faceaudit.errors import FaceAuditError
from faceaudit.report import numbers
from faceaudit.report.as_table import as_table
from faceaudit.report.base import ReportFormat, all_formats, get_format
from faceaudit.report.html import render_html
from faceaudit.report.junit import write_junit
from faceaudit.report.markdown import MOST_ROWS, to_markdown, write_markdown
from faceaudit.result import Column, Result, Table, write_result
from tests.datasets.test_plugins import installed
from tests.report import invented


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.1234, "percent", "12.3\u202f%"),
        (0.0004, "percent", "0.04\u202f%"),
        (0.9999, "percent", "99.99\u202f%"),
        (0.0, "percent", "0.0\u202f%"),
        (1.0, "percent", "100.0\u202f%"),
        (-0.0312, "points", "−3.1\u202fpts"),
        (0.02, "points", "+2.0\u202fpts"),
        (-0.0001, "points", "0.0\u202fpts"),
        (12345, "count", "12,345"),
        (0.00004, "p", "< 0.001"),
        (0.031, "p", "0.031"),
        (2.6, "ratio", "2.60×"),
        (-0.5, "number", "−0.500"),
        (2.9172, "number", "2.92"),
        (12345.6, "number", "12,346"),
        (0.00012, "number", "< 0.001"),
        (-0.00012, "number", "> −0.001"),
        (5.8e-7, "percent", "< 0.01\u202f%"),
        (3, "number", "3"),
        (None, "percent", "–"),
        (True, "text", "yes"),
        ("x", "percent", "x"),
    ],
)
def test_how_a_number_reads(value: object, kind: str, text: str) -> None:
    assert numbers.cell(value, kind) == text  # type: ignore[arg-type]


def test_a_threshold_reads_as_it_was_set() -> None:
    assert numbers.exact(0.5) == "0.5"
    assert numbers.exact(0.66832) == "0.66832"


def test_prose_is_set_well() -> None:
    assert numbers.prose("12.3 % (-1.0 to -0.5), 3-9 and x-ray -2") == (
        "12.3\u202f% (−1.0 to −0.5), 3-9 and x-ray −2"
    )


def test_an_interval_has_its_unit_once() -> None:
    assert numbers.interval(0.01, 0.052, "percent") == "1.0–5.2\u202f%"
    assert numbers.interval(-0.01, 0.052, "points") == "−1.0 to +5.2\u202fpts"
    assert numbers.interval(0.5, 2.0, "ratio") == "0.50–2.00×"
    assert numbers.interval(None, 0.052, "percent") == ""
    assert numbers.interval(5.8e-7, 0.998, "number") == "< 0.001–0.998"
    assert numbers.interval(5.8e-7, 0.1, "percent") == "< 0.01–10.0\u202f%"
    assert numbers.interval(1e-7, 2e-7, "number") == "< 0.001"


def test_every_kind_of_detail_is_a_table_too(audit: Result, comparison: Result) -> None:
    kinds = set()
    for check in [*audit.checks, *comparison.checks]:
        for detail in check.details:
            table = as_table(detail)
            kinds.add(detail.kind)
            assert table.title == detail.title
            assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
    assert len(kinds) == 8


def test_junit_has_an_outcome_for_every_status(audit: Result, tmp_path: Path) -> None:
    decision = gate(audit)
    suite = ET.parse(write_junit(audit, tmp_path / "junit.xml", decision.outcomes)).getroot()
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite}
    titles = {check.id: check.title for check in audit.checks}
    assert outcomes[titles["overall"]] == []
    assert outcomes[titles["error-rates-by-group"]] == ["failure"]
    assert outcomes[titles["intersections"]] == ["error"]
    assert titles["missed-fakes-by-group"] not in outcomes
    failure = suite.find(".//failure")
    assert failure is not None and failure.get("message") == audit.checks[1].sentence


def test_junit_survives_what_xml_cannot_hold(audit: Result, tmp_path: Path) -> None:
    check = audit.checks[1].model_copy(update={"sentence": 'a\x00b\x1b[31m<x a="\ufffe">&'})
    result = audit.model_copy(update={"checks": [check]})
    path = write_junit(result, tmp_path / "junit.xml")
    failure = ET.parse(path).getroot().find(".//failure")
    assert failure is not None and failure.get("message") == 'a�b�[31m<x a="�">&'


def test_markdown_has_the_answer_and_the_tables(audit: Result) -> None:
    text = to_markdown(audit)
    assert text.startswith("# Who is called AI-generated? UTKFace by age, gender and race\n")
    assert "the gap between age groups is 10.3 points" in text
    assert "| Fail | Some groups are wrongly called AI-generated more often" in text
    assert f"More rows in the HTML report: {80 - MOST_ROWS}." in text
    assert "\n\nRows: 6,577 of 6,988 read were audited; 411 left out" in text
    assert "\n- No tag for age band" in text
    assert "chosen limit, not a legal test" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_markdown_answers_first() -> None:
    text = to_markdown(invented.answered())
    places = [
        text.index(part)
        for part in (
            "Your limit is 5",
            "**Wrongly accuses 1 in 19**",
            "**Who**",
            "**How much**",
            "**How sure**",
            "**Why**",
            "### The classifier is far from guessing",
            "### The most confident mistakes",
            "### What another threshold would change",
        )
    ]
    assert places == sorted(places)


def test_statuses_in_tables_are_words() -> None:
    table = Table(
        title="Gaps",
        columns=[Column(title="Tag"), Column(title="Verdict", kind="status")],
        rows=[["pass", "insufficient-evidence"]],
    )
    assert as_table(table).rows == [["pass", "Not enough evidence"]]
    result = invented.audit(9)
    result.checks[0].details.append(table)
    for page in (render_html(result), to_markdown(result)):
        assert "Not enough evidence" in page and ">insufficient-evidence<" not in page


def test_markdown_shows_hostile_names_as_text(tmp_path: Path) -> None:
    result = invented.audit(groups=9)
    name = "<img src=x>|a\n# head [x](javascript:1) `c` **b**"
    result.checks[1].details[0].rows[0].group = name  # type: ignore[union-attr]
    path = write_markdown(result, tmp_path / "summary.md")
    (line,) = [line for line in path.read_text("utf-8").splitlines() if "img src" in line]
    assert line.startswith(
        r"| &lt;img src=x&gt;\|a \# head \[x\]\(javascript\:1\) \`c\` \*\*b\*\* |"
    )


def test_every_format_writes_every_kind_of_result_or_says_why_not(
    audit: Result, comparison: Result, tmp_path: Path
) -> None:
    assert set(all_formats()) == {"annex", "html", "junit", "markdown"}
    for format in all_formats().values():
        format.write(audit, tmp_path / f"audit{format.suffix}")
        assert (tmp_path / f"audit{format.suffix}").stat().st_size > 1_000
        if format.name == "annex":
            with pytest.raises(FaceAuditError, match="of kind 'compare'; give the audit"):
                format.write(comparison, tmp_path / "compare.annex.html")
            continue
        format.write(comparison, tmp_path / f"compare{format.suffix}")
        assert (tmp_path / f"compare{format.suffix}").stat().st_size > 300
    study = comparison.model_copy(update={"kind": "study"})
    with pytest.raises(FaceAuditError, match="of kind 'study', which judges no limit"):
        get_format("junit").write(study, tmp_path / "study.xml")


def test_the_example_in_the_manual_is_a_package_that_writes_reports(
    audit: Result, tmp_path: Path
) -> None:
    (manual,) = doctest.DocTestFinder(recurse=False).find(ReportFormat)
    code = "".join(example.source for example in manual.examples)
    points = "[faceaudit.reports]\nlines = lines:REPORT\n"
    call = ["report", str(write_result(tmp_path / "audit.json", audit)), "--format", "lines"]
    subprocess.run(
        [sys.executable, "-c", f"from faceaudit.cli import main; main({call!r})"],
        env=installed(tmp_path / "site", {"lines": code}, points),
        check=True,
    )
    first = (tmp_path / "report.txt").read_text("utf-8").splitlines()[0]
    assert first == f"pass\t{audit.checks[0].sentence}"


def test_formats_get_no_picture_that_is_not_to_be_shown_and_are_refused_in_one_line(
    audit: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Result] = []

    def write(result: Result, path: Path) -> None:
        seen.append(result)
        path.write_text("".join(f"{check.status}\n" for check in result.checks), "utf-8")

    added = ReportFormat("lines", ".txt", write)
    monkeypatch.setattr("faceaudit.plugins.plugins", lambda door: [("lines", added)])
    all_formats.cache_clear()
    try:
        file = write_result(tmp_path / "audit.json", audit)
        assert api.report(file, format="lines", images=False) == tmp_path / "report.txt"
        assert (tmp_path / "report.txt").read_text("utf-8").startswith("pass\nfail\n")
        assert "data:image" in audit.model_dump_json()
        assert "data:image" not in seen[0].model_dump_json()
        with pytest.raises(
            FaceAuditError, match="'pdf'; there are annex, html, junit, lines, markdown"
        ):
            api.report(file, format="pdf")
        with pytest.raises(FaceAuditError, match="HTML only"):
            api.report(tmp_path, format="lines")
        monkeypatch.setattr("faceaudit.plugins.plugins", lambda door: [("a", added), ("b", added)])
        all_formats.cache_clear()
        with pytest.raises(FaceAuditError, match="REPORT of b is called 'lines', as that of a is"):
            get_format("html")
    finally:
        all_formats.cache_clear()


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda result, path: result.nothing, "AttributeError: 'Result' object has no"),
        (lambda result, path: None, "ValueError: it wrote nothing"),
    ],
)
def test_a_fault_of_a_format_is_told_in_one_line(write, told, audit, tmp_path, monkeypatch):
    added = ReportFormat("lines", ".txt", write)
    monkeypatch.setattr("faceaudit.report.base.all_formats", lambda: {"lines": added})
    file = write_result(tmp_path / "audit.json", audit)
    (tmp_path / "report.txt").write_text("earlier")
    with pytest.raises(FaceAuditError) as refused:
        api.report(file, format="lines")
    told = f"the report format 'lines' (module {__name__}) failed: {told}"
    assert str(refused.value).startswith(told)
    assert (tmp_path / "report.txt").read_text() == "earlier"
