"""The gate's decision as JUnit XML, for continuous-integration servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from faceaudit.decision import BROKEN, FAILED, PASSED, UNDECIDED, Outcome, gate, refuse_study
from faceaudit.files import write_text
from faceaudit.report.base import ReportFormat
from faceaudit.report.numbers import minus_signs
from faceaudit.result import Result

#: Characters that XML 1.0 cannot hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(
    result: Result, path: Path | str, outcomes: Sequence[Outcome] | None = None
) -> Path:
    """Write one test case for each outcome, which fails on what makes the gate fail.

    What fails is a ``failure``. What the evidence does not decide is an ``error``: the question
    was asked and got no answer. What cannot be judged, or failed in the baseline already, is
    ``skipped``. Without `outcomes`, they are those of the gate without a baseline.

    Raises
    ------
    FaceAuditError
        If there are no outcomes and `result` is a study, which has no limits to judge.
    """
    if outcomes is None:
        refuse_study(result, result.name)
        outcomes = gate(result).outcomes
    elements = [_element(outcome) for outcome in outcomes]
    suite = ET.Element(
        "testsuite",
        name=_clean(f"faceaudit.{result.kind}.{result.name}"),
        tests=str(len(elements)),
        failures=str(elements.count("failure")),
        errors=str(elements.count("error")),
        skipped=str(elements.count("skipped")),
        timestamp=_clean(result.created),
    )
    for outcome, element in zip(outcomes, elements, strict=True):
        classname = _clean(f"faceaudit.{result.name}.{outcome.check}")
        case = ET.SubElement(suite, "testcase", classname=classname, name=_clean(outcome.name))
        if element is not None:
            told = minus_signs(": ".join(filter(None, (outcome.remark, outcome.found))))
            ET.SubElement(case, element, type=outcome.status, message=_clean(told))
    ET.indent(suite)
    return write_text(path, ET.tostring(suite, encoding="unicode", xml_declaration=False) + "\n")


def _element(outcome: Outcome) -> str | None:
    if outcome.code == PASSED and outcome.status == "pass":
        return None
    if outcome.code == FAILED:
        return "failure"
    return "error" if outcome.code in (BROKEN, UNDECIDED) else "skipped"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


REPORT = ReportFormat("junit", ".xml", write_junit)
