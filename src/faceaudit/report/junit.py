"""The result as JUnit XML, for continuous-integration servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from faceaudit.files import write_text
from faceaudit.result import Result

#: Characters that XML 1.0 cannot hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(result: Result, path: Path | str) -> Path:
    """Write one test case a check.

    A failed check is a ``failure``. One whose evidence is insufficient is an ``error``: the
    question was asked and got no answer. What is not estimable, or only informs, is
    ``skipped``: there was no verdict to give.

    Returns
    -------
    Path
        `path`.
    """
    outcomes = [check.status for check in result.checks]
    skipped = sum(status in ("not-estimable", "info") for status in outcomes)
    suite = ET.Element(
        "testsuite",
        name=_clean(f"faceaudit.{result.kind}.{result.name}"),
        tests=str(len(outcomes)),
        failures=str(outcomes.count("fail")),
        errors=str(outcomes.count("insufficient-evidence")),
        skipped=str(skipped),
        timestamp=_clean(result.created),
    )
    for check in result.checks:
        case = ET.SubElement(
            suite, "testcase", classname=_clean(f"faceaudit.{result.name}"), name=_clean(check.id)
        )
        sentence = _clean(check.sentence)
        match check.status:
            case "fail":
                outcome = ET.SubElement(case, "failure", type=check.status, message=sentence)
            case "insufficient-evidence":
                outcome = ET.SubElement(case, "error", type=check.status, message=sentence)
            case "not-estimable" | "info":
                outcome = ET.SubElement(case, "skipped", message=sentence)
            case _:
                continue
        outcome.text = "\n".join(_clean(finding.sentence) for finding in check.findings)
    ET.indent(suite)
    return write_text(path, ET.tostring(suite, encoding="unicode", xml_declaration=False) + "\n")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
