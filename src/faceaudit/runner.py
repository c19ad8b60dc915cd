"""The audit: a specification and a scores table in, a result out."""

from __future__ import annotations

import datetime
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow.compute as pc

from faceaudit.answer import COMPARED, Question
from faceaudit.checks import AuditInput, Check, Options, Product, all_checks
from faceaudit.errors import FaceAuditError, in_one_line
from faceaudit.files import sha256_of
from faceaudit.image_names import in_few_bytes
from faceaudit.limitations import dependence_notes, limitations
from faceaudit.reading.columns import value_counts
from faceaudit.result import (
    PARTS,
    SEVERITY,
    CheckResult,
    Finding,
    Result,
    ScoresSummary,
)
from faceaudit.schema import SCORED, ModelInfo, stated_columns
from faceaudit.selection import select, with_shares
from faceaudit.spec import Spec
from faceaudit.stats.clusters import INDEPENDENT
from faceaudit.stats.significance import adjust
from faceaudit.stats.verdicts import LimitedGap, holm_errors
from faceaudit.tables import Scores, inputs_of, is_scored, library_versions, scored, status_counts

#: How many findings the first screen shows.
HEADLINE_FINDINGS = 3


def audit(
    scores: Scores,
    spec: Spec,
    on_check: Callable[[str, int, int], None] | None = None,
    *,
    where: str | None = None,
) -> Result:
    """Run the checks of a specification on a scores table; the result is of kind ``audit``.

    `on_check` is told before each check: its title, how many are done, how many there are. `where`
    is a slice to compare with the rest, and goes before the specification's.

    Raises
    ------
    FaceAuditError
        If the specification names a tag, row expression or check that there is not, or no row
        is left to audit.
    """
    inputs = inputs_of(scores)
    scores = replace(scores, table=in_few_bytes(scores.table))
    selection = select(scores, spec, where)
    scores, spec = selection.scores, selection.spec
    planned = _plan(spec)
    model = scores.info.model
    summary = summarise(model.id if model else "scores", scores, spec.threshold)
    summary.rows = with_shares(selection, summary.threshold)
    spec, band = _with_band(spec, model, summary.threshold)
    without = scores.table.filter(pc.invert(is_scored(scores.table)))
    data = AuditInput(
        scored(scores), scores.info, spec, summary.threshold, without, names=scores.names
    )
    _refuse_strange_columns(data)
    planned = [of for of in planned if of[0].id in spec.checks or of[0].concerns(data)]
    results = _run(planned, data, on_check or (lambda title, done, of: None))
    adjust_tests(results)
    results.sort(key=lambda of: PARTS.index(of.part))
    question = Question(data, results)
    return Result(
        kind="audit",
        created=timestamp(),
        name=spec.name,
        title=spec.title,
        question=spec.question,
        status=question.status,
        verdict=question.headline(),
        answer=question.answer(),
        findings=headline(results, question.gaps),
        limitations=[
            *dependence_notes(data),
            *selection.notes,
            *band,
            *limitations(scores, summary, results),
        ],
        scores=[summary],
        thresholds=list(data.thresholds),
        checks=results,
        # With its nulls: a limit that is not set is not the default limit.
        spec=spec.model_dump(),
        inputs=inputs,
        versions=result_versions(),
    )


def _with_band(spec: Spec, model: ModelInfo | None, threshold: float) -> tuple[Spec, list[str]]:
    """Take the scores between which the classifier itself decides nothing, and say so.

    Those that the specification names must hold the threshold.
    """
    if spec.unsure is not None:
        low, high = spec.unsure
        if not low <= threshold <= high:
            raise FaceAuditError(
                f"{spec.name}: unsure: the threshold {threshold:g} is not within {low:g} to "
                f"{high:g}, so images that are decided would be called otherwise than the audit "
                "calls them; name one that is (threshold: …)"
            )
        return spec, []
    if model is None or model.unsure is None:
        return spec, []
    low, high = model.unsure
    named = f"The classifier itself decides nothing from {low:g} to below {high:g}; "
    if not low <= threshold <= high:
        outside = f"the threshold of {threshold:g} lies elsewhere, so every score counts as decided"
        return spec, [f"{named}{outside}."]
    told = "the specification names no such scores, so these count as undecided where that is asked"
    return spec.model_copy(update={"unsure": model.unsure}), [f"{named}{told}."]


def _refuse_strange_columns(data: AuditInput) -> None:
    """Refuse a specification whose clusters or second annotators are not among the columns."""
    spec = data.spec
    second = [
        (f"tag_error: {tag}", of) for tag, of in spec.tag_error.items() if isinstance(of, str)
    ]
    if own := [tag for tag, of in spec.tag_error.items() if of == tag]:
        raise FaceAuditError(
            f"{spec.name}: tag_error: {own[0]}: that is the tag itself; name the column of another "
            "annotator"
        )
    named = [("cluster", spec.cluster)] if spec.cluster not in (None, INDEPENDENT) else []
    for key, name in (*named, *(("tag_error", tag) for tag in spec.tag_error), *second):
        if name not in stated_columns(data.table):
            raise FaceAuditError(
                f"{spec.name}: {key}: the scores have no column '{name}' that is a tag; they have "
                f"{', '.join(stated_columns(data.table)) or 'no tags'} (rename with --map)"
            )
    for tag in spec.tag_error:
        try:
            data.wrong_tags((tag,))
        except FaceAuditError as error:
            raise FaceAuditError(f"{spec.name}: {error}") from None


def _plan(spec: Spec) -> list[tuple[Check, Options]]:
    """Look up every check and read its options before any work is done."""
    known = all_checks()
    if strange := [name for name in spec.checks if name not in known]:
        raise FaceAuditError(
            f"{spec.name}: checks.{strange[0]}: no such check; there are {', '.join(sorted(known))}"
        )
    wanted = spec.checks or {check.id: {} for check in known.values() if check.default}
    return [
        (known[name], known[name].parse_options(given, spec.name)) for name, given in wanted.items()
    ]


def _run(
    planned: Sequence[tuple[Check, Options]],
    data: AuditInput,
    on_check: Callable[[str, int, int], None],
) -> list[CheckResult]:
    """Run every check; one that breaks off is an ``error`` of its own."""
    broken: dict[str, CheckResult] = {}
    gaps: dict[Hashable, LimitedGap] = {}
    for check, options in planned:
        try:
            gaps |= {} if _lacking(check, data) else check.judges(data, options)
        except Exception as error:
            broken[check.id] = _broken(check, error)
    data.errors = holm_errors(gaps, 1 - data.spec.confidence)
    results = []
    for done, (check, options) in enumerate(planned):
        on_check(check.title, done, len(planned))
        try:
            results.append(broken.get(check.id) or run_check(check, data, options))
        except Exception as error:
            results.append(_broken(check, error))
    return results


def _lacking(check: Check, data: AuditInput) -> list[str]:
    return [name for name in check.columns if name not in data.table.column_names]


def run_check(check: Check, data: AuditInput, options: Options) -> CheckResult:
    """Run one check, and add to what it found what is the same for all."""
    if lacking := _lacking(check, data):
        lack = f"The scores have no column {', '.join(lacking)}."
        product = Product("not-estimable", lack)
    else:
        product = check.run(data, options)
    title = check.failure_title if product.status == "fail" else None
    return CheckResult(
        id=check.id,
        title=product.title or title or check.title,
        part=check.part,
        description=check.description,
        status=product.status,
        sentence=product.sentence,
        verdicts=list(product.verdicts),
        findings=[found.model_copy(update={"check": check.id}) for found in product.findings],
        tests=list(product.tests),
        details=[detail for detail in product.details if detail is not None],
        limitations=list(product.limitations),
    )


def _broken(check: Check, error: Exception) -> CheckResult:
    """Tell of a check that broke off; what its user can mend is for them and ends the audit."""
    if isinstance(error, FaceAuditError):
        raise error
    return CheckResult(
        id=check.id,
        title=check.title,
        part=check.part,
        description=check.description,
        status="error",
        sentence=f"'{check.title}' broke off ({in_one_line(error)}), so it answers nothing.",
        traceback="".join(traceback.format_exception(error)),
    )


# --- shared with comparisons ---------------------------------------------------------------


def summarise(name: str, scores: Scores, threshold: float | None) -> ScoresSummary:
    """Say what a scores table holds, and at which threshold it is read."""
    table = scored(scores)
    model = scores.info.model
    if threshold is not None:
        rule = "chosen for this audit"
    elif model is not None:
        threshold, rule = model.threshold, model.threshold_rule
    else:
        threshold, rule = 0.5, "0.5 by convention: the scores name no threshold"
    n_ai = value_counts(table["label"]).get("ai", 0)
    statuses = status_counts(scores.table)
    return ScoresSummary(
        name=name,
        model=model,
        datasets={**scores.info.datasets},
        tag_sources=scores.info.tag_sources,
        versions=scores.info.versions,
        n_real=len(table) - n_ai,
        n_ai=n_ai,
        unscored={status: n for status, n in statuses.items() if status not in SCORED},
        threshold=threshold,
        threshold_rule=rule,
    )


def adjust_tests(results: Sequence[CheckResult]) -> None:
    """Adjust the p-values of all tests of a result together, in place."""
    tests = [test for result in results for test in result.tests]
    if not tests:
        return
    holm, bh = adjust([test.p for test in tests])
    for test, p_holm, p_bh in zip(tests, holm, bh, strict=True):
        test.p_holm, test.p_bh = float(p_holm), float(p_bh)


def headline(results: Sequence[CheckResult], told: Sequence[Finding] = ()) -> list[Finding]:
    """Return the few findings that matter most beside the gaps that are `told` already.

    Each is of another check while there are any.
    """
    gaps = [(found.tags, found.rate) for found in told]
    findings = [
        found
        for of in results
        for found in of.findings
        if of.part not in COMPARED or (found.tags, found.rate) not in gaps
    ]
    findings.sort(key=lambda found: (SEVERITY.index(found.status), -found.weight))
    # By check, its heaviest first; but what is not shown, of a weight of 0 or less, comes last.
    first = {found.check: found for found in reversed(findings)}
    findings.sort(
        key=lambda of: (of.status == "info" and of.weight <= 0, first[of.check] is not of)
    )
    return findings[:HEADLINE_FINDINGS]


def timestamp() -> str:
    """Return the present time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def result_versions() -> dict[str, str]:
    """Return the versions of the libraries that a result rests on, and which code of ours it is.

    A checkout has one version number for many states of its code.
    """
    versions = library_versions("numpy", "scipy", "statsmodels", "fairlearn", "pyarrow")
    return versions | {"faceaudit source": _source_sha256()[:12]}


@cache
def _source_sha256() -> str:
    return sha256_of(Path(__file__).parent, "*.py")
