"""Two classifiers on the same images: both rates and the paired difference, group by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import binomtest

from faceaudit.audit import (
    adjust_tests,
    headline,
    limitations,
    result_versions,
    summarise,
    timestamp,
)
from faceaudit.checks.parts.phrases import attributes_title, capitalised, percent
from faceaudit.checks.parts.rate_details import interval_title
from faceaudit.errors import FaceAuditError
from faceaudit.result import (
    CheckResult,
    Column,
    Detail,
    Finding,
    Result,
    ScoresSummary,
    SlopeRow,
    Slopes,
    Table,
    Test,
)
from faceaudit.spec import Spec
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.stats.intervals import paired_difference_interval
from faceaudit.tables import Scores, scored, tag_columns
from faceaudit.tags.vocabulary import NUMERIC_TAGS
from faceaudit.where import row_mask

KEY = ["dataset", "image"]
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
) -> Result:
    """Compare two classifiers on the images that both scored.

    Parameters
    ----------
    first, second : Scores
        Joined by data set and image. Tags are taken from the first.
    spec : Spec, optional
        Attributes, intersections, rows and confidence; without one, every category with two
        groups or more.
    names : tuple of str
        How the two are called in the report.

    Returns
    -------
    Result
        Of kind ``compare``. Differences are second minus first: below zero, the second errs
        less.

    Raises
    ------
    FaceAuditError
        If they share no image, or disagree on a label.
    """
    pair = _pair(first, second, spec)
    spec = spec or _every_tag(pair.table)
    for name in (*spec.attributes, *(tag for tags in spec.intersections for tag in tags)):
        if name not in pair.table.column_names:
            raise FaceAuditError(
                f"{spec.name}: the first scores have no tag '{name}'; "
                f"the columns are {', '.join(pair.table.column_names)}"
            )
    checks = [
        _compare_groups(pair, attributes, spec.confidence, names)
        for attributes in ([], *([name] for name in spec.attributes), *spec.intersections)
    ]
    adjust_tests(checks)
    notes = limitations(Scores(pair.table, first.info), pair.summaries[0], checks)
    if pair.unmatched:
        notes.insert(
            0,
            f"{pair.unmatched:,} images that {names[1]} did not score are left out; "
            f"{len(pair.table):,} are compared.",
        )
    return Result(
        kind="compare",
        created=timestamp(),
        name=spec.name,
        title=f"{names[0]} and {names[1]} on the same images",
        question=f"Whom does {names[1]} get wrong more or less often than {names[0]}?",
        status="info",
        verdict=checks[0].sentence,
        findings=headline(checks, checks[0].sentence),
        limitations=notes,
        scores=[
            summary.model_copy(update={"name": name})
            for summary, name in zip(pair.summaries, names, strict=True)
        ],
        checks=checks,
        spec=spec.model_dump(exclude_none=True),
        versions=result_versions(),
    )


@dataclass(frozen=True)
class _Pair:
    """The shared images, with each classifier's verdict (1 is AI) as a 0/1 score column."""

    table: pa.Table
    wrong: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    summaries: tuple[ScoresSummary, ScoresSummary]
    unmatched: int

    def tag_source(self, tag: str) -> str | None:
        """Say whose word a tag is."""
        return "; ".join(sorted(set(self.summaries[0].tag_sources.get(tag, {}).values()))) or None

    def counts(self, attributes: Sequence[str], wrong: NDArray[np.bool_]) -> OutcomeCounts:
        """Count errors by group, where `wrong` says which images count as errors."""
        is_ai = np.asarray(pc.equal(self.table["label"], "ai"))
        called_ai = pa.array((is_ai ^ wrong).astype(np.float32))
        column = self.table.column_names.index("p_ai")
        return count_outcomes(self.table.set_column(column, "p_ai", called_ai), attributes, 0.5)


def _pair(first: Scores, second: Scores, spec: Spec | None) -> _Pair:
    table = scored(first)
    if spec is not None and spec.rows is not None:
        table = table.filter(row_mask(table, spec.rows, f"{spec.name}: rows:"))
    other = scored(second).select([*KEY, "label", "p_ai"])
    other = other.rename_columns([*KEY, "label_second", "p_ai_second"])
    # Arrow's join keeps no order: a report must not depend on it.
    both = table.join(other, keys=KEY, join_type="inner").sort_by([(k, "ascending") for k in KEY])
    if len(both) == 0:
        raise FaceAuditError(
            "the two scores share no image; images are matched by data set and path "
            "(for CSV files the data set is the file's name unless there is a column 'dataset')"
        )
    differ = pc.not_equal(both["label"], both["label_second"])
    row = pc.index(differ, True).as_py()
    if row >= 0:
        raise FaceAuditError(
            f"{both['image'][row].as_py()!r} is {both['label'][row].as_py()} in the first scores "
            f"and {both['label_second'][row].as_py()} in the second"
        )
    threshold = spec.threshold if spec else None
    shared = both.drop_columns(["label_second", "p_ai_second"])
    second_table = shared.set_column(shared.column_names.index("p_ai"), "p_ai", both["p_ai_second"])
    summaries = (
        summarise("first", Scores(shared, first.info), threshold),
        summarise("second", Scores(second_table, second.info), threshold),
    )
    is_ai = np.asarray(pc.equal(both["label"], "ai"))
    wrong_first, wrong_second = (
        (np.asarray(both[column]) >= np.float32(summary.threshold)) != is_ai
        for column, summary in zip(("p_ai", "p_ai_second"), summaries, strict=True)
    )
    return _Pair(
        table=shared,
        wrong=(wrong_first, wrong_second),
        summaries=summaries,
        unmatched=len(table) - len(both),
    )


def _every_tag(table: pa.Table) -> Spec:
    names = ["dataset", *(tag for tag in tag_columns(table) if tag not in NUMERIC_TAGS)]
    chosen = [name for name in names if 2 <= pc.count_distinct(table[name]).as_py() <= 50]
    return Spec(
        name="every-tag",
        title="Every tag",
        question="",
        attributes=chosen or ["dataset"],
    )


# --- one set of groups ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Measure:
    """One of the two error rates, read from counts."""

    name: str
    short: str
    verb: str
    images: str
    n: Callable[[OutcomeCounts], NDArray[np.int64]]
    events: Callable[[OutcomeCounts], NDArray[np.int64]]


MEASURES = (
    _Measure(
        "False positive rate",
        "FPR",
        "calls AI-generated",
        "real photographs",
        lambda counts: counts.n_real,
        lambda counts: counts.real_called_ai,
    ),
    _Measure(
        "False negative rate",
        "FNR",
        "calls real",
        "AI-generated images",
        lambda counts: counts.n_ai,
        lambda counts: counts.ai_called_real,
    ),
)


def _compare_groups(
    pair: _Pair, attributes: Sequence[str], confidence: float, names: tuple[str, str]
) -> CheckResult:
    counted = [
        pair.counts(attributes, wrong) for wrong in (*pair.wrong, pair.wrong[0] & pair.wrong[1])
    ]
    title = capitalised(attributes_title(attributes)) if attributes else "All images"
    details: list[Detail] = []
    findings: list[Finding] = []
    tests: list[Test] = []
    check = "compare-" + ("-".join(attributes) if attributes else "overall")
    for measure in MEASURES:
        rows, measured_tests = _paired_rows(measure, counted, confidence)
        if all(row.n == 0 for row in rows):
            continue
        for row, test in zip(rows, measured_tests, strict=True):
            if test is not None:
                tests.append(test.model_copy(update={"name": f"{title}: {test.name}"}))
            if row.n > 0:
                where = f"{title} '{row.group}': " if attributes else ""
                findings.append(_finding(row, measure, names, check, where, confidence))
        details += _details(title, rows, measure, names, attributes, pair)
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
    measure: _Measure, counted: Sequence[OutcomeCounts], confidence: float
) -> tuple[list[SlopeRow], list[Test | None]]:
    n = measure.n(counted[0])
    first, second, both = (measure.events(counts) for counts in counted)
    only_first, only_second = first - both, second - both
    neither = n - both - only_first - only_second
    low, high = paired_difference_interval(both, only_first, only_second, neither, confidence)
    rows: list[SlopeRow] = []
    tests: list[Test | None] = []
    for i, group in enumerate(counted[0].labels):
        if n[i] == 0:
            note = f"no {measure.images}: not estimable"
            rows.append(SlopeRow(group=group, n=0, first=None, second=None, note=note))
            tests.append(None)
            continue
        rows.append(
            SlopeRow(
                group=group,
                n=int(n[i]),
                first=float(first[i] / n[i]),
                second=float(second[i] / n[i]),
                difference=float((second[i] - first[i]) / n[i]),
                low=float(low[i]),
                high=float(high[i]),
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
        f"{where}{names[1]} {measure.verb} {percent(row.second)} of {row.n:,} {measure.images}, "
        f"{names[0]} {percent(row.first)}: {100 * row.difference:+.1f} points "
        f"({interval_title(confidence)} {100 * row.low:+.1f} to {100 * row.high:+.1f})."
    )
    # What is certain of the change counts, not its size alone; everybody before a group.
    certain = max(row.low, -row.high, 0.0)
    return Finding(sentence=sentence, status="info", check=check, weight=certain + (not where))


def _details(
    title: str,
    rows: list[SlopeRow],
    measure: _Measure,
    names: tuple[str, str],
    attributes: Sequence[str],
    pair: _Pair,
) -> list[Detail]:
    sources = [pair.tag_source(name) for name in attributes]
    slopes = Slopes(
        title=f"{measure.name} by {title}" if attributes else measure.name,
        measure=measure.name,
        attribute=title,
        tag_source="; ".join(source for source in sources if source) or None,
        first_name=names[0],
        second_name=names[1],
        rows=rows,
    )
    table = Table(
        title=f"{slopes.title}: numbers",
        note=f"Difference: {names[1]} minus {names[0]}, with its paired interval.",
        columns=[
            Column(title=title),
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
