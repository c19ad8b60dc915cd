"""The gate: a result, perhaps held against an earlier one, as an exit code."""

from __future__ import annotations

from dataclasses import dataclass

from faceaudit.errors import FaceAuditError
from faceaudit.result import Result, Status

PASSED, FAILED, UNDECIDED = 0, 1, 3


@dataclass(frozen=True)
class Outcome:
    """What the gate says of one check."""

    check: str
    title: str
    status: Status
    baseline: Status | None
    sentence: str

    @property
    def is_new(self) -> bool:
        """Whether the check fails now and did not in the baseline."""
        return self.status == "fail" and self.baseline != "fail"


def gate(result: Result, baseline: Result | None = None) -> tuple[int, list[Outcome]]:
    """Turn a result into an exit code.

    Parameters
    ----------
    result : Result
    baseline : Result, optional
        An earlier result of the same specification. What failed there already does not fail
        the gate again; what passed there must still pass.

    Returns
    -------
    code : int
        0 every verdict is `pass`; 1 a check fails; 3 there is not evidence enough.
    outcomes : list of Outcome
        One a check that gives a verdict.

    Raises
    ------
    FaceAuditError
        If the baseline is of another specification.
    """
    if baseline is not None and baseline.name != result.name:
        raise FaceAuditError(
            f"the baseline is an audit named '{baseline.name}', this one is '{result.name}'; "
            "compare audits of one specification"
        )
    before = {check.id: check.status for check in baseline.checks} if baseline else {}
    outcomes = [
        Outcome(check.id, check.title, check.status, before.get(check.id), check.sentence)
        for check in result.checks
        if check.status in ("pass", "fail", "insufficient-evidence")
    ]
    failing = [o for o in outcomes if (o.is_new if baseline else o.status == "fail")]
    if failing:
        return FAILED, outcomes
    undecided = [o for o in outcomes if o.status == "insufficient-evidence"]
    if undecided or not outcomes:
        return UNDECIDED, outcomes
    return PASSED, outcomes
