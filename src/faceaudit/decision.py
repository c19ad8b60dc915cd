"""The gate: an audit or a comparison as an exit code; an audit perhaps held against an earlier one.

The earlier one makes it a ratchet, which goes gap by gap: a failure that was not there before is
a failure, whatever else failed before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError, validated
from faceaudit.result import CheckResult, GapVerdict, Result, ScoresSummary, Status, read_result
from faceaudit.spec import Spec
from faceaudit.wording import attributes_title, counted, group_title, out_of, points, points_range

PASSED, FAILED, BROKEN, UNDECIDED = 0, 1, 2, 3
#: What each status alone would make of the gate; any other says nothing.
_CODES: dict[Status, int] = {
    "pass": PASSED,
    "fail": FAILED,
    "error": BROKEN,
    "insufficient-evidence": UNDECIDED,
}
#: What each exit code says.
ANSWERS = {PASSED: "Passed", FAILED: "Failed", BROKEN: "Broke off", UNDECIDED: "Undecided"}
#: What becomes of insufficient evidence, by what ``--undecided`` says.
Undecided = Literal["pass", "fail", "3"]
_MEANING: dict[str, tuple[int, str]] = {
    "pass": (PASSED, "undecided, taken for a pass"),
    "fail": (FAILED, "undecided, taken for a failure"),
    "3": (UNDECIDED, ""),
}
#: Of the outcomes that decide, the verdict names so many.
MOST_NAMED = 3
_shown = partial(json.dumps, ensure_ascii=False)
_NO_LONGER = "judged in the baseline, not judged here"
#: The first version of a result that records every judged gap.
_RECORDS_GAPS = 2


@dataclass(frozen=True)
class Outcome:
    """What the gate says of one gap, or of a check that holds nothing against a limit."""

    #: Id of the check.
    check: str
    #: The tags and the rate of the gap, or the title of the check.
    name: str
    status: Status
    #: The gap, its interval and its limit; or the check's sentence.
    found: str
    #: The exit code that this alone would give; None if it has nothing to say.
    code: int | None
    gap: GapVerdict | None = None
    #: The status in the baseline; None if it was not judged there, or there is no baseline.
    baseline: Status | None = None
    #: What it is beside the baseline, for instance ``new failure``; often empty.
    remark: str = ""


@dataclass(frozen=True)
class Decision:
    """The exit code, what it rests on, and in what the two audits differ, one line each."""

    code: int
    outcomes: list[Outcome]
    notes: list[str]

    @property
    def verdict(self) -> str:
        """The decision in one line: how much passes, or what does not."""
        decisive = [of for of in self.outcomes if of.code == self.code]
        if self.code == PASSED:
            met = sum(of.status == "pass" for of in decisive)
            others = "" if met == len(decisive) else "; the others do not count against it"
            told = out_of(met, len(decisive), "verdict", ("passes", "pass"))
            return f"{ANSWERS[self.code]}: {told}{others}."
        named = "; ".join(of.name for of in decisive[:MOST_NAMED])
        more = f" and {len(decisive) - MOST_NAMED:,} more" if len(decisive) > MOST_NAMED else ""
        undecided = sum(of.code == UNDECIDED for of in self.outcomes)
        open_ = f"; {undecided:,} undecided" if undecided and self.code != UNDECIDED else ""
        return f"{ANSWERS[self.code]} (exit {self.code}): {named}{more}{open_}."


def gate(
    result: Result,
    baseline: Result | None = None,
    *,
    accept_changes: bool = False,
    undecided: Undecided | Literal[3] = "3",
) -> Decision:
    """Turn an audit, or a comparison with margins, into an exit code.

    The baseline is an earlier audit of the same specification, perhaps of another classifier or
    other images. What failed there does not fail the gate again, unless it is now worse by more
    than chance; what was judged there must still be judged. With `accept_changes` it goes on
    where the specification, the threshold or a limit is not that of the baseline. `undecided` says
    what insufficient evidence counts as; that nothing was judged is never a pass.

    Returns
    -------
    Decision
        With `code` 0 if every limit that could be judged is met; 1 if a gap or check fails; 2 if
        a check broke off, whatever the others say; 3 if there is not evidence enough, or no limit
        was judged. An outcome is one gap of one check, one difference of a comparison, or one check
        without limits that gives a verdict.

    Raises
    ------
    FaceAuditError
        If the baseline was audited otherwise: the message names what changed.
    """
    if (counts_as := str(undecided)) not in _MEANING:
        raise FaceAuditError(f"undecided={undecided!r}: it counts as {', '.join(_MEANING)}")
    outcomes = _outcomes(result)
    changed: list[str] = []
    notes: list[str] = []
    if baseline is not None:
        if "compare" in (result.kind, baseline.kind):
            raise FaceAuditError(
                "a comparison has its baseline, the first classifier, and takes no other: leave "
                "out --baseline, or give two audits"
            )
        changed, notes = _changes(result, baseline)
        if changed and not accept_changes:
            raise FaceAuditError(
                f"the baseline was audited otherwise: {'; '.join(changed)} (audit both alike, or "
                "accept it with --accept-changes)"
            )
        before = _outcomes(baseline)
        outcomes = {key: _beside(now, before.get(key)) for key, now in outcomes.items()}
        for key, was in before.items():
            if key not in outcomes and was.status in _CODES:
                outcomes[key] = replace(
                    was,
                    status="not-estimable",
                    baseline=was.status,
                    found=f"in the baseline: {was.found}",
                    # That a change which was accepted leaves something out is said, and no more.
                    code=None if changed else UNDECIDED,
                    remark=_NO_LONGER,
                )
    if not any(check.verdicts for check in result.checks):
        nothing = "No gap was held against a limit."
        if result.kind == "compare" and not result.spec.get("no_worse_by"):
            nothing = "No margin was set: compare with --no-worse-by 0.02, or say no_worse_by."
        outcomes["",] = Outcome("limits", "limits", "not-estimable", nothing, UNDECIDED)
    code, remark = _MEANING[counts_as]
    for key, of in outcomes.items():
        if of.status == "insufficient-evidence" and of.code == UNDECIDED:
            outcomes[key] = replace(of, code=code, remark=of.remark or remark)
    codes = {outcome.code for outcome in outcomes.values()}
    code = next((code for code in (BROKEN, FAILED, UNDECIDED) if code in codes), PASSED)
    return Decision(code, list(outcomes.values()), [*changed, *notes])


def read_judged(given: Result | Path | str) -> Result:
    """Read an audit or a comparison that records its verdicts: no study, and no early audit."""
    if isinstance(given, Result):
        result, path = given, "the result"
    else:
        result, path = read_result(given), str(given)
    refuse_study(result, path)
    if result.kind == "audit" and result.result_version < _RECORDS_GAPS:
        raise FaceAuditError(
            f"{path}: made by an earlier faceaudit, which did not record every gap; audit the "
            "scores again"
        )
    for check in result.checks:
        _refuse_contradiction(check, path)
    return result


def _refuse_contradiction(check: CheckResult, source: str) -> None:
    """Refuse verdicts that their own numbers do not bear out, or a check that denies them."""
    for gap in check.verdicts:
        most = gap.high if gap.worst is None else gap.worst
        met = most is not None and most <= gap.limit
        broken = gap.low is not None and gap.low > gap.limit
        if (gap.status == "pass" and not met) or (gap.status == "fail" and not broken):
            where = ", ".join(filter(None, ["/".join(gap.tags), gap.group, gap.rate]))
            raise FaceAuditError(
                f"{source}: was changed after it was made: '{gap.status}' of {check.id} ({where}) "
                "is not what its bounds and its limit say; make it again"
            )
    judged = {gap.status for gap in check.verdicts}
    if ("fail" in judged and check.status != "fail") or (
        check.status == "pass" and "insufficient-evidence" in judged
    ):
        raise FaceAuditError(
            f"{source}: was changed after it was made: '{check.status}' of {check.id} is not what "
            "its verdicts say; make it again"
        )


def refuse_study(result: Result, source: str) -> None:
    """Refuse a result that holds nothing against a limit."""
    if result.kind == "study":
        raise FaceAuditError(
            f"{source}: of kind 'study', which judges no limit; give an audit or a comparison"
        )


def _outcomes(result: Result) -> dict[tuple[str, ...], Outcome]:
    """Find all that was judged, or was to be judged, by check, rate and tags."""
    found: dict[tuple[str, ...], Outcome] = {}
    classifiers = {gap.classifier for check in result.checks for gap in check.verdicts}
    for check in result.checks:
        for gap in check.verdicts:
            said = "no gap to judge" if gap.group is None else "too few images that both scored"
            if gap.value is not None and gap.low is not None and gap.high is not None:
                # A difference has a sign, a gap has none.
                sign = "+" if gap.group is not None and gap.value > 0 else ""
                said = f"{sign}{points(gap.value)} ({points_range(gap.low, gap.high)})"
            # A gap that cannot be estimated is left aside, a check of which that holds for all
            # is a question without an answer.
            silent = UNDECIDED if check.status == "not-estimable" else None
            name = attributes_title(gap.tags)
            key = [check.id, gap.rate, *sorted(gap.tags)]
            if gap.group is not None:
                name = group_title([name], [gap.group]) if gap.tags else gap.group
                name = f"{gap.classifier}, {name}" if len(classifiers) > 1 else name
                key.append(gap.group)
            found[tuple(key)] = Outcome(
                check.id,
                f"{name}, {gap.rate.upper()}",
                gap.status,
                f"{said}; limit {points(gap.limit)}",
                _CODES.get(gap.status, silent),
                gap,
            )
        if not check.verdicts and check.status in _CODES:
            found[check.id,] = Outcome(
                check.id, check.title, check.status, check.sentence, _CODES[check.status]
            )
    return found


def _beside(now: Outcome, before: Outcome | None) -> Outcome:
    """Say what an outcome is beside that of the baseline."""
    code, remark = now.code, ""
    low = now.gap.low if now.gap else None
    high = before.gap.high if before and before.gap else None
    if now.status == "fail":
        # A check without limits may fail in several ways, each with a title of its own.
        if before is None or before.status != "fail" or (not now.gap and now.name != before.name):
            remark = "new failure"
        elif low is not None and high is not None and low > high:  # by more than chance
            remark = f"worse than in the baseline: {before.found}"
        else:
            code, remark = PASSED, "failed in the baseline too"
    elif before is not None and before.status in _CODES and now.status not in _CODES:
        code, remark = UNDECIDED, _NO_LONGER
    return replace(now, baseline=before.status if before else None, code=code, remark=remark)


def _changes(result: Result, baseline: Result) -> tuple[list[str], list[str]]:
    """Say what makes two audits different questions, and what else is different."""
    specs = [
        validated(Spec, audit.spec, f"{role}: its specification cannot be read: ")
        for audit, role in ((baseline, "the baseline"), (result, "the audit"))
    ]
    (old,), (new,) = baseline.scores, result.scores
    changed = list(_changed_keys(*specs))
    notes: list[str] = []
    classifiers = [(one.name, one.model.sha256 if one.model else None) for one in (old, new)]
    another = classifiers[0] != classifiers[1]
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


def _changed_keys(old: Spec, new: Spec) -> Iterator[str]:
    """Name what asks another question; neither the order of tags nor the words do."""
    for key in Spec.model_fields:
        before, now = getattr(old, key), getattr(new, key)
        # Thresholds are compared as they were in force, limits by whether they are looser; which
        # rate is told first changes no verdict on a gap.
        words = key in ("title", "question", "rate", "threshold", "limits", "no_worse_by")
        if not words and _unordered(before) != _unordered(now):
            yield f"{key}: {_shown(before)} → {_shown(now)}"
    for rate in ERROR_RATES:
        before, now = old.limit(rate), new.limit(rate)
        if before is not None and (now is None or now > before):
            yield f"limits.{rate}_gap: {_shown(before)} → {_shown(now)} (looser)"


def _unordered(value: Any) -> Any:
    # Rows of a population have no order of their own.
    return sorted(map(_unordered, value), key=str) if isinstance(value, list) else value


def _images(summary: ScoresSummary) -> str:
    datasets = ", ".join(summary.datasets)
    real = counted(summary.n_real, "real photograph")
    return f"{real} and {summary.n_ai:,} AI-generated of {datasets}"
