"""Two classifiers on the same images: both rates and the paired difference, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from faceaudit.audit import (
    adjust_tests,
    headline,
    limitations,
    result_versions,
    timestamp,
)
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.errors import FaceAuditError
from faceaudit.pairing import Pair, Tally, pair
from faceaudit.result import (
    CheckResult,
    Column,
    Detail,
    Finding,
    Result,
    SlopeRow,
    Slopes,
    Table,
    Test,
)
from faceaudit.spec import Spec, every_tag
from faceaudit.stats.intervals import paired_difference_interval
from faceaudit.tables import Scores, tag_columns
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    missing_note,
    percent,
)

DESCRIPTION = (
    "Both classifiers judged the very same images, so the difference is counted image by image: "
    "how many the second gets wrong that the first gets right, and the reverse. That says more "
    "than comparing two rates as if they came from different images."
)


def compare(
    first: Scores,
    second: Scores,
    spec: Spec | None = None,
    *,
    names: tuple[str, str] = ("first", "second"),
    include_training: bool = False,
) -> Result:
    """Compare two classifiers on the images that both scored.

    Parameters
    ----------
    first, second : Scores
        Their images are matched as `faceaudit.reading.matching.match` says. Tags are taken from the
        first, and from the second where the first has none.
    spec : Spec, optional
        Attributes, intersections, slice, rows, threshold and confidence; without one, every
        category with two groups or more.
    names : tuple of str
        How the two are called in the report.
    include_training : bool
        Count images that one of the two was trained on too, whatever the specification says.

    Returns
    -------
    Result
        Of kind ``compare``. Differences are second minus first: below zero, the second errs
        less.

    Raises
    ------
    FaceAuditError
        If no image is left that both scored, or they disagree on a label.
    """
    include_training |= spec is not None and spec.include_training
    paired = pair(first, second, spec, names, include_training=include_training)
    spec = paired.spec or every_tag(paired.table, "Every tag", "")
    spec = spec.model_copy(update={"include_training": include_training})
    for name in (*spec.attributes, *(tag for tags in spec.intersections for tag in tags)):
        if name not in paired.table.column_names:
            raise FaceAuditError(
                f"{spec.name}: neither {names[0]} nor {names[1]} has a tag '{name}'; "
                f"the tags are {', '.join(tag_columns(paired.table)) or 'none'}"
            )
    checks = [
        _compare_groups(paired, attributes, spec.confidence, names)
        for attributes in ([], *([name] for name in spec.attributes), *spec.intersections)
    ]
    alone = list(_scored_by_one(paired.tally([]), names))
    # What could turn the answer is part of it.
    verdict = " ".join([checks[0].sentence, *(said for said, turns in alone if turns)])
    checks[0] = checks[0].model_copy(
        update={"sentence": verdict, "details": [*checks[0].details, *_alone_table(paired, names)]}
    )
    adjust_tests(checks)
    return Result(
        kind="compare",
        created=timestamp(),
        name=spec.name,
        title=f"{names[0]} and {names[1]} on the same images",
        question=f"Whom does {names[1]} get wrong more or less often than {names[0]}?",
        status="info",
        verdict=verdict,
        findings=headline(checks, verdict),
        limitations=[
            *(said for said, _ in alone),
            *_too_alike(paired, names),
            *_limitations(paired, checks, names),
            *paired.notes,
        ],
        scores=list(paired.summaries),
        checks=checks,
        spec=spec.model_dump(exclude_none=True),
        versions=result_versions(),
    )


def _limitations(paired: Pair, checks: Sequence[CheckResult], names: tuple[str, str]) -> list[str]:
    """Say what holds of both once, and by name what holds of one."""
    notes = [
        limitations(scores, summary, checks)
        for scores, summary in zip(paired.shared, paired.summaries, strict=True)
    ]
    # What reading a table says names the file.
    by_file = {note for scores in paired.shared for note in scores.info.notes}
    told = dict.fromkeys(note for note in notes[0] if note in notes[1])
    for name, its_own in zip(names, notes, strict=True):
        for note in its_own:
            if note not in told:
                told[note if note in by_file else f"{name}: {note}"] = None
    return list(told)


def _too_alike(paired: Pair, names: tuple[str, str]) -> Iterator[str]:
    """Say where there may be only one classifier."""
    first, second = (scores.table["p_ai"] for scores in paired.shared)
    models = [summary.model for summary in paired.summaries]
    if first.equals(second):
        yield (
            f"{names[0]} and {names[1]} give every image the same score: "
            "they may be one classifier's, or one table was given twice."
        )
    elif models[0] and models[1] and models[0].sha256 and models[0].sha256 == models[1].sha256:
        yield (
            f"{names[0]} and {names[1]} are scores of one classifier ({models[0].id}): the "
            "difference lies in how it was used, or in the pictures it was given."
        )


# --- images that one of the two did not score ------------------------------------------------


@dataclass(frozen=True)
class _Bounds:
    """What the missing verdicts leave open; arrays of shape (groups,).

    `low` and `high` are the difference of the error rates (second minus first) over all images
    that either scored, if every verdict that is missing were right, or wrong, to that effect.
    """

    n: NDArray[np.int64]
    alone: NDArray[np.int64]  # (2, groups): images that this one alone scored
    alone_wrong: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    turns: NDArray[np.bool_]


def _bounds(outcomes: NDArray[np.int64]) -> _Bounds:
    n = outcomes[:, :4].sum(axis=1)
    change = outcomes[:, 2] - outcomes[:, 1]
    alone = np.stack([outcomes[:, 4:6].sum(axis=1), outcomes[:, 6:8].sum(axis=1)])
    wrong = outcomes[:, [5, 7]].T
    total = np.maximum(n + alone.sum(axis=0), 1)
    low = (change - wrong[0] + wrong[1] - alone[1]) / total
    high = (change + alone[0] - wrong[0] + wrong[1]) / total
    keeps = ((change > 0) & (low > 0)) | ((change < 0) & (high < 0)) | ((low == 0) & (high == 0))
    return _Bounds(n, alone, wrong, low, high, turns=~keeps & (alone.sum(axis=0) > 0))


def _scored_by_one(tally: Tally, names: tuple[str, str]) -> Iterator[tuple[str, bool]]:
    """Say for each label what one alone scored, and whether that could turn the answer."""
    for measure in MEASURES:
        outcomes = measure.of(tally)
        bounds = _bounds(outcomes)
        if not bounds.alone.any():
            continue
        parts = []
        for side, name in enumerate(names):
            m, n = int(bounds.alone[side, 0]), int(bounds.n[0])
            if m:
                wrong = percent(bounds.alone_wrong[side, 0] / m)
                both = percent(outcomes[0, [1 + side, 3]].sum() / n) if n else None
                beside = f", against {both} of the {n:,} that both scored" if both else ""
                parts.append(
                    f"{counted(m, measure.image)} {'was' if m == 1 else 'were'} scored by {name} "
                    f"alone ({wrong} wrongly{beside})"
                )
        turns = bool(bounds.turns[0])
        ending = (
            f"That {'could' if turns else 'cannot'} turn the answer: over all images of either, "
            f"the difference is between {100 * bounds.low[0]:+.1f} and "
            f"{100 * bounds.high[0]:+.1f} points."
        )
        yield f"{capitalised('; '.join(parts))}. {ending}", turns


def _alone_table(paired: Pair, names: tuple[str, str]) -> list[Detail]:
    tally = paired.tally(["dataset"])
    rows: list[list[str | int | float | None]] = []
    for measure in MEASURES:
        outcomes = measure.of(tally)
        bounds = _bounds(outcomes)
        for side, name in enumerate(names):
            for i in np.flatnonzero(bounds.alone[side]):
                n, m = int(bounds.n[i]), int(bounds.alone[side, i])
                wrong = int(outcomes[i, [1 + side, 3]].sum())
                rows.append(
                    [
                        tally.groups[i],
                        measure.label,
                        name,
                        m,
                        int(bounds.alone_wrong[side, i]) / m,
                        n,
                        wrong / n if n else None,
                    ]
                )
    if not rows:
        return []
    return [
        Table(
            title="Images that one of the two alone scored",
            note="They are in no rate above. The last two columns are for comparison.",
            columns=[
                Column(title="data set"),
                Column(title="label"),
                Column(title="scored by"),
                Column(title="images", kind="count"),
                Column(title="wrong", kind="percent"),
                Column(title="images of both", kind="count"),
                Column(title="wrong on those", kind="percent"),
            ],
            rows=rows,
        )
    ]


# --- one set of groups ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Measure:
    """One of the two error rates, read from a tally."""

    name: str
    short: str
    verb: str
    label: Literal["real", "ai"]
    image: str

    @property
    def images(self) -> str:
        return f"{self.image}s"

    def of(self, tally: Tally) -> NDArray[np.int64]:
        """Return the outcomes of the images of its label, shape (groups, outcomes)."""
        return tally.real if self.label == "real" else tally.ai


MEASURES = (
    _Measure("False positive rate", "FPR", "calls AI-generated", "real", "real photograph"),
    _Measure("False negative rate", "FNR", "calls real", "ai", "AI-generated image"),
)


def _compare_groups(
    paired: Pair, attributes: Sequence[str], confidence: float, names: tuple[str, str]
) -> CheckResult:
    tally = paired.tally(attributes)
    by = attributes_title(attributes) or "all images"
    title = capitalised(by)
    details: list[Detail] = []
    findings: list[Finding] = []
    tests: list[Test] = []
    check = "compare-" + ("-".join(attributes) if attributes else "overall")
    for measure in MEASURES:
        rows, measured_tests = _paired_rows(measure, tally, confidence, names)
        if not measure.of(tally).any():
            continue
        for row, test in zip(rows, measured_tests, strict=True):
            if test is not None:
                tests.append(test.model_copy(update={"name": f"{title}: {test.name}"}))
            if row.n > 0:
                where = f"{title} '{row.group}': " if attributes else ""
                findings.append(_finding(row, measure, names, check, where, confidence))
        details += _details(by, rows, measure, names, attributes, paired, tally.missing)
    findings.sort(key=lambda found: -found.weight)
    sentences = [found.sentence for found in findings[: 1 if attributes else 2]]
    return CheckResult(
        id=check,
        title=title,
        description=DESCRIPTION,
        status="info" if findings else "not-estimable",
        sentence=" ".join(sentences) or "No group has an image that both classifiers scored.",
        findings=findings,
        tests=tests,
        details=details,
    )


def _paired_rows(
    measure: _Measure, tally: Tally, confidence: float, names: tuple[str, str]
) -> tuple[list[SlopeRow], list[Test | None]]:
    outcomes = measure.of(tally)
    neither, only_first, only_second, both = outcomes[:, :4].T
    first, second = both + only_first, both + only_second
    low, high = paired_difference_interval(both, only_first, only_second, neither, confidence)
    bounds = _bounds(outcomes)
    n = bounds.n
    rows: list[SlopeRow] = []
    tests: list[Test | None] = []
    for i, group in enumerate(tally.groups):
        notes = [
            f"{int(m):,} more scored by {name} alone ({percent(wrong / m)} wrong)"
            for m, wrong, name in zip(
                bounds.alone[:, i], bounds.alone_wrong[:, i], names, strict=True
            )
            if m
        ]
        if n[i] == 0:
            missing = f"no {measure.images} that both scored"
            note = "; ".join([missing, *notes])
            rows.append(SlopeRow(group=group, n=0, first=None, second=None, note=note))
            tests.append(None)
            continue
        if bounds.turns[i]:
            notes.append("that could turn the difference")
        rows.append(
            SlopeRow(
                group=group,
                n=int(n[i]),
                first=float(first[i] / n[i]),
                second=float(second[i] / n[i]),
                difference=float((second[i] - first[i]) / n[i]),
                low=float(low[i]),
                high=float(high[i]),
                note="; ".join(notes) or None,
            )
        )
        changed = int(only_first[i] + only_second[i])
        # McNemar's exact test: of the images on which they differ, half should favour each.
        p = binomtest(int(only_second[i]), changed).pvalue if changed else 1.0
        tests.append(
            Test(name=f"{measure.short}, {group}", method="McNemar, exact", p=min(1.0, float(p)))
        )
    return rows, tests


def _finding(
    row: SlopeRow,
    measure: _Measure,
    names: tuple[str, str],
    check: str,
    where: str,
    confidence: float,
) -> Finding:
    assert row.first is not None and row.second is not None
    assert row.difference is not None and row.low is not None and row.high is not None
    sentence = (
        f"{where}{names[1]} {measure.verb} {percent(row.second)} of "
        f"{counted(row.n, measure.image)}, "
        f"{names[0]} {percent(row.first)}: {100 * row.difference:+.1f} points "
        f"({interval_title(confidence)} {100 * row.low:+.1f} to {100 * row.high:+.1f})."
    )
    # The answer over all images says it in a sentence of its own.
    if row.note and where:
        sentence = f"{sentence[:-1]}; {row.note}."
    # What is certain of the change counts, not its size alone; everybody before a group.
    certain = max(row.low, -row.high, 0.0)
    return Finding(sentence=sentence, status="info", check=check, weight=certain + (not where))


def _details(
    by: str,
    rows: list[SlopeRow],
    measure: _Measure,
    names: tuple[str, str],
    attributes: Sequence[str],
    paired: Pair,
    missing: int,
) -> list[Detail]:
    sources = [paired.tag_source(name) for name in attributes]
    slopes = Slopes(
        title=f"{measure.name} by {by}" if attributes else measure.name,
        note=missing_note(missing, attributes),
        measure=measure.name,
        rate="fpr" if measure.label == "real" else "fnr",
        attribute=by,
        tag_source="; ".join(source for source in sources if source) or None,
        first_name=names[0],
        second_name=names[1],
        rows=rows,
    )
    table = Table(
        title=f"{slopes.title}: numbers",
        note=f"Difference: {names[1]} minus {names[0]}, with its paired interval.",
        columns=[
            Column(title=by),
            Column(title=f"n {measure.images}", kind="count"),
            Column(title=names[0], kind="percent"),
            Column(title=names[1], kind="percent"),
            Column(title="difference", kind="points"),
            Column(title="from", kind="points"),
            Column(title="to", kind="points"),
            Column(title="note"),
        ],
        rows=[[r.group, r.n, r.first, r.second, r.difference, r.low, r.high, r.note] for r in rows],
    )
    return [slopes, table]
