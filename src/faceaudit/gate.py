"""The gate: an audit, perhaps held against an earlier one, as an exit code.

The earlier one makes it a ratchet, which goes gap by gap: a failure that was not there before is
a failure, whatever else failed before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from faceaudit.errors import FaceAuditError
from faceaudit.result import GapVerdict, Result, ScoresSummary, Status, read_result
from faceaudit.spec import Spec, describe
from faceaudit.wording import attributes_title, counted, points, points_range

PASSED, FAILED, UNDECIDED = 0, 1, 3
#: What each status alone would make of the gate; any other says nothing.
_CODES: dict[Status, int] = {"pass": PASSED, "fail": FAILED, "insufficient-evidence": UNDECIDED}
_NO_LONGER = "judged in the baseline, not judged here"
#: The first version of a result that records every judged gap.
_RECORDS_GAPS = 2


@dataclass(frozen=True)
class Outcome:
    """What the gate says of one gap, or of a check that holds nothing against a limit.

    Attributes
    ----------
    check : str
        Id of the check.
    name : str
        The tags and the rate of the gap, or the title of the check.
    status : Status
    baseline : Status or None
        The status in the baseline; None if it was not judged there, or there is no baseline.
    found : str
        The gap, its interval and its limit; or the check's sentence.
    code : int or None
        The exit code that this alone would give; None if it has nothing to say.
    remark : str
        What it is beside the baseline, for instance ``new failure``; often empty.
    """

    check: str
    name: str
    status: Status
    baseline: Status | None
    found: str
    code: int | None
    remark: str = ""


@dataclass(frozen=True)
class Decision:
    """The exit code, what it rests on, and in what the two audits differ, one line each."""

    code: int
    outcomes: list[Outcome]
    notes: list[str]


def gate(
    result: Result, baseline: Result | None = None, *, accept_changes: bool = False
) -> Decision:
    """Turn an audit into an exit code.

    Parameters
    ----------
    result : Result
    baseline : Result, optional
        An earlier audit of the same specification, perhaps of another classifier or other
        images. What failed there does not fail the gate again, unless it is now worse by more
        than chance; what was judged there must still be judged.
    accept_changes : bool
        Go on if the specification, the threshold or a limit is not that of the baseline.

    Returns
    -------
    Decision
        With `code` 0 if every limit that could be judged is met; 1 if a gap or check fails; 3 if
        there is not evidence enough, or no limit was judged. An outcome is one gap of one
        check, or one check without limits that gives a verdict.

    Raises
    ------
    FaceAuditError
        If the baseline was audited otherwise: the message names what changed.
    """
    now, before = _judged(result), _judged(baseline) if baseline else {}
    changed: list[str] = []
    notes: list[str] = []
    if baseline is not None:
        changed, notes = _changes(result, baseline)
        if changed and not accept_changes:
            raise FaceAuditError(
                f"the baseline was audited otherwise: {'; '.join(changed)} (audit both alike, or "
                "accept it with --accept-changes)"
            )
        notes = [*changed, *notes]
    outcomes = [
        _beside(item, before.get(key)) if baseline else _outcome(item) for key, item in now.items()
    ]
    for key, item in before.items():
        if key not in now and item.status in _CODES:
            # That a change which was accepted leaves something out is said, and no more.
            outcomes.append(_gone(item, None if changed else UNDECIDED))
    if not any(check.verdicts for check in result.checks):
        nothing = "No gap was held against a limit."
        outcomes.append(Outcome("limits", "limits", "not-estimable", None, nothing, UNDECIDED))
    codes = {outcome.code for outcome in outcomes}
    code = next((code for code in (FAILED, UNDECIDED) if code in codes), PASSED)
    return Decision(code, outcomes, notes)


def read_audit(path: Path | str) -> Result:
    """Read an ``audit.json`` that records its verdicts.

    Raises
    ------
    FaceAuditError
        As of `faceaudit.result.read_result`; and if it is no audit, or an early one.
    """
    result = read_result(path)
    if result.kind != "audit":
        raise FaceAuditError(
            f"{path}: of kind '{result.kind}', which judges no limit; give an audit"
        )
    if result.result_version < _RECORDS_GAPS:
        raise FaceAuditError(
            f"{path}: made by an earlier faceaudit, which did not record every gap; audit the "
            "scores again"
        )
    return result


# --- what was judged -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """One gap, or one check without limits, with what the gate needs to know of it."""

    check: str
    name: str
    status: Status
    found: str
    gap: GapVerdict | None
    code: int | None


def _judged(result: Result) -> dict[tuple[str, ...], _Judged]:
    """Find all that was judged, or was to be judged, by check, rate and tags."""
    judged: dict[tuple[str, ...], _Judged] = {}
    for check in result.checks:
        for gap in check.verdicts:
            name = f"{attributes_title(gap.tags)}, {gap.rate.upper()}"
            # A gap that cannot be estimated is left aside, a check of which that holds for all
            # is a question without an answer.
            silent = UNDECIDED if check.status == "not-estimable" else None
            judged[check.id, gap.rate, *sorted(gap.tags)] = _Judged(
                check.id, name, gap.status, _told(gap), gap, _CODES.get(gap.status, silent)
            )
        if not check.verdicts and check.status in _CODES:
            judged[(check.id,)] = _Judged(
                check.id, check.title, check.status, check.sentence, None, _CODES[check.status]
            )
    return judged


def _told(gap: GapVerdict) -> str:
    limit = f"limit {points(gap.limit)}"
    if gap.value is None or gap.low is None or gap.high is None:
        return f"no gap to judge; {limit}"
    return f"{points(gap.value)} ({points_range(gap.low, gap.high)}); {limit}"


def _outcome(now: _Judged) -> Outcome:
    return Outcome(now.check, now.name, now.status, None, now.found, now.code)


def _beside(now: _Judged, before: _Judged | None) -> Outcome:
    """Say what a verdict is beside that of the baseline."""
    code, remark = now.code, ""
    if now.status == "fail":
        # A check without limits may fail in several ways, each with a title of its own.
        if before is None or before.status != "fail" or (not now.gap and now.name != before.name):
            remark = "new failure"
        elif _worse(now.gap, before.gap):
            remark = f"worse than in the baseline: {before.found}"
        else:
            code, remark = PASSED, "failed in the baseline too"
    elif before is not None and before.status in _CODES and now.status not in _CODES:
        code, remark = UNDECIDED, _NO_LONGER
    status = before.status if before else None
    return Outcome(now.check, now.name, now.status, status, now.found, code, remark)


def _gone(before: _Judged, code: int | None) -> Outcome:
    found = f"in the baseline: {before.found}"
    return Outcome(
        before.check, before.name, "not-estimable", before.status, found, code, _NO_LONGER
    )


def _worse(now: GapVerdict | None, before: GapVerdict | None) -> bool:
    """Tell whether a gap is larger than it was by more than chance."""
    if now is None or before is None or now.low is None or before.high is None:
        return False
    return now.low > before.high


# --- what changed --------------------------------------------------------------------------


def _changes(result: Result, baseline: Result) -> tuple[list[str], list[str]]:
    """Say what makes two audits different questions, and what else is different."""
    specs = _spec(baseline, "the baseline"), _spec(result, "the audit")
    (old,), (new,) = baseline.scores, result.scores
    changed = [*_changed_keys(*specs), *_looser_limits(*specs)]
    notes: list[str] = []
    another = _classifier(old) != _classifier(new)
    if old.threshold != new.threshold:
        moved = (
            f"threshold: {old.threshold:g} ({old.threshold_rule}) → "
            f"{new.threshold:g} ({new.threshold_rule})"
        )
        # Another classifier has its own threshold, if that was found in the same way.
        chosen = any(spec.threshold is not None for spec in specs)
        own = another and not chosen and old.threshold_rule == new.threshold_rule
        (notes if own else changed).append(moved)
    if another:
        notes.append(f"classifier: {old.name} → {new.name}")
    if (images := _images(old)) != _images(new):
        notes.append(f"images: {images} → {_images(new)}")
    return changed, notes


def _spec(result: Result, role: str) -> Spec:
    try:
        return Spec.model_validate(result.spec)
    except ValidationError as error:
        raise FaceAuditError(
            f"{role}: its specification cannot be read: {describe(error, Spec)}"
        ) from None


def _changed_keys(old: Spec, new: Spec) -> Iterator[str]:
    """Name what asks another question; neither the order of tags nor the words do."""
    for key in Spec.model_fields:
        before, now = getattr(old, key), getattr(new, key)
        # Thresholds are compared as they were in force, limits by whether they are looser.
        if key in ("title", "question", "threshold", "limits"):
            continue
        if _unordered(before) != _unordered(now):
            yield f"{key}: {_shown(before)} → {_shown(now)}"


def _looser_limits(old: Spec, new: Spec) -> Iterator[str]:
    for key in type(old.limits).model_fields:
        before, now = getattr(old.limits, key), getattr(new.limits, key)
        if before is not None and (now is None or now > before):
            yield f"limits.{key}: {_shown(before)} → {_shown(now)} (looser)"


def _unordered(value: Any) -> Any:
    return sorted(_unordered(item) for item in value) if isinstance(value, list) else value


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _classifier(summary: ScoresSummary) -> tuple[str, str | None]:
    return summary.name, summary.model.sha256 if summary.model else None


def _images(summary: ScoresSummary) -> str:
    datasets = ", ".join(summary.datasets)
    real = counted(summary.n_real, "real photograph")
    return f"{real} and {summary.n_ai:,} AI-generated of {datasets}"
