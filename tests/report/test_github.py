"""Annotations: lines that the runner of GitHub Actions reads, and no others."""

import re

import pytest

from faceaudit.decision import BROKEN, FAILED, PASSED, UNDECIDED, Decision, Outcome
from faceaudit.report.github import MOST, annotation_lines

STATUS = {FAILED: "fail", BROKEN: "error", UNDECIDED: "insufficient-evidence", PASSED: "pass"}
LINE = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def outcome(code, name="gender, FPR", found="9.0 points", **more):
    return Outcome("gaps", name, more.pop("status", STATUS.get(code)), found, code, **more)


def decided(*outcomes):
    codes = {of.code for of in outcomes}
    code = next((code for code in (BROKEN, FAILED, UNDECIDED) if code in codes), PASSED)
    return Decision(code, [*outcomes], [])


def unescaped(text):
    for escaped, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escaped, plain)
    return text


@pytest.mark.parametrize(
    "text",
    [
        "a, b: c",
        "100 % %0A %25",
        "x\n::error title=forged::forged",
        "x\r\n::stop-commands::t",
        "::add-mask::a",
        "é ü 中 \x1b[31m",
    ],
)
def test_whatever_a_group_is_called_it_is_one_line_and_read_back_as_it_was(text):
    lines = annotation_lines(decided(outcome(FAILED, name=text, found=text)))
    (line,) = lines
    level, title, message = LINE.fullmatch(line).groups()
    assert level == "error"
    assert unescaped(title) == f"faceaudit: {text}"
    assert unescaped(message) == f"Fail: {text}"


def test_what_fails_is_an_error_what_is_undecided_a_warning_and_what_passes_nothing():
    lines = annotation_lines(
        decided(
            outcome(PASSED),
            outcome(UNDECIDED),
            outcome(FAILED),
            outcome(BROKEN),
            outcome(PASSED, status="fail", remark="failed in the baseline too"),
            outcome(None, status="not-estimable"),
        )
    )
    assert [LINE.fullmatch(line)[1] for line in lines] == ["error", "error", "warning", "notice"]
    assert lines[-1].endswith("::Fail: failed in the baseline too: 9.0 points")


def test_a_pass_is_said_once():
    (line,) = annotation_lines(decided(outcome(PASSED), outcome(PASSED)))
    assert line == "::notice title=faceaudit%3A gate::Passed: 2 of 2 verdicts pass."


@pytest.mark.parametrize("code", [FAILED, UNDECIDED])
def test_what_github_would_cut_off_is_counted(code):
    for n in (MOST, MOST + 1, 40):
        lines = annotation_lines(decided(*(outcome(code, name=f"g{i}") for i in range(n))))
        assert len(lines) == MOST
        assert ("g9" in lines[-1]) is (n == MOST)
        assert (f"There are {n - MOST + 1} more" in lines[-1]) is (n > MOST)
