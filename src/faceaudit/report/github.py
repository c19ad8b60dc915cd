"""What the gate decided as annotations: lines that the runner of GitHub Actions reads."""

from __future__ import annotations

from faceaudit.decision import BROKEN, FAILED, PASSED, UNDECIDED, Decision, Outcome
from faceaudit.report.text import STATUS

#: Of each level GitHub shows so many from one step.
MOST = 10
_LEVELS = {BROKEN: "error", FAILED: "error", UNDECIDED: "warning", PASSED: "notice"}


def annotation_lines(decision: Decision) -> list[str]:
    """Write a line for each outcome that does not pass, or one that all do.

    What fails is an ``error``, what is undecided a ``warning``, and what does not count against the
    result, as a failure of the baseline, a ``notice``.

    References
    ----------
    GitHub Docs, *Workflow commands for GitHub Actions*: ``::LEVEL title=TITLE::MESSAGE``.
    """
    lines = []
    for level in dict.fromkeys(_LEVELS.values()):
        told = [
            (of.name, _told(of))
            for of in decision.outcomes
            if of.code is not None and of.status != "pass" and _LEVELS[of.code] == level
        ]
        if level == "notice" and decision.code == PASSED:
            told.insert(0, ("gate", decision.verdict))
        if len(told) > MOST:
            more = f"There are {len(told) - MOST + 1:,} more; the report names them all."
            told[MOST - 1 :] = [("more", more)]
        lines += [
            f"::{level} title={_property(f'faceaudit: {name}')}::{_data(message)}"
            for name, message in told
        ]
    return lines


def _told(of: Outcome) -> str:
    return ": ".join(filter(None, (STATUS[of.status], of.remark, of.found)))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
