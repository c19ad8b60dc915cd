"""Two classifiers on the same images: both rates and the paired difference, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.errors import FaceAuditError
from faceaudit.layout import lay_out, number, text
from faceaudit.pairing import Pair, Tally, pair
from faceaudit.result import (
    CheckResult,
    Detail,
    Finding,
    Interval,
    Result,
    SlopeRow,
    Slopes,
    Test,
    nan_to_none,
)
from faceaudit.schema import tag_columns
from faceaudit.spec import Spec, every_tag
from faceaudit.stats.intervals import paired_difference_interval, rate_of
from faceaudit.tables import Scores
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    interval_title,
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
    for name in (tag for tags in spec.groupings for tag in tags):
        if name not in paired.table.column_names:
            raise FaceAuditError(
                f"{spec.name}: neither {names[0]} nor {names[1]} has a tag '{name}'; "
                f"the tags are {', '.join(tag_columns(paired.table)) or 'none'}"
            )
    checks = [
        _compare_groups(paired, attributes, spec.confidence, names)
        for attributes in ((), *spec.groupings)
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
        findings=headline(checks, checks[0]),
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
    for rate in _RATES:
        outcomes = _outcomes(tally, rate)
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
                    f"{counted(m, rate.image)} {'was' if m == 1 else 'were'} scored by {name} "
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
    rows: list[tuple[str | int | float, ...]] = []
    for rate in _RATES:
        outcomes = _outcomes(tally, rate)
        bounds = _bounds(outcomes)
        for side, name in enumerate(names):
            for i in np.flatnonzero(bounds.alone[side]):
                n, m = int(bounds.n[i]), int(bounds.alone[side, i])
                wrong_of_both = int(outcomes[i, [1 + side, 3]].sum()) / n if n else np.nan
                wrong = int(bounds.alone_wrong[side, i]) / m
                rows.append((tally.groups[i], str(rate.label), name, m, wrong, n, wrong_of_both))
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    return [
        lay_out(
            "Images that one of the two alone scored",
            [
                text("data set", columns[0]),
                text("label", columns[1]),
                text("scored by", columns[2]),
                number("images", "count", columns[3]),
                number("wrong", "percent", columns[4]),
                number("images of both", "count", columns[5]),
                number("wrong on those", "percent", columns[6]),
            ],
            note="They are in no rate above. The last two columns are for comparison.",
        )
    ]


# --- one set of groups ---------------------------------------------------------------------

#: Those that images of one label suffer: only there are two answers to one image compared.
_RATES = [rate for rate in ERROR_RATES.values() if rate.label]


def _outcomes(tally: Tally, rate: ErrorRate) -> NDArray[np.int64]:
    """Return the outcomes of the images that can suffer an error, shape (groups, outcomes)."""
    return tally.real if rate.label == "real" else tally.ai


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
    for rate in _RATES:
        outcomes = _outcomes(tally, rate)
        if not outcomes.any():
            continue
        rows = _paired_rows(rate, tally, confidence, names)
        for row, (only_first, only_second) in zip(rows, outcomes[:, 1:3], strict=True):
            if row.n == 0:
                continue
            # McNemar's exact test: of the images on which they differ, half should favour each.
            changed = int(only_first + only_second)
            p = binomtest(int(only_second), changed).pvalue if changed else 1.0
            name = f"{title}: {rate.short}, {row.group}"
            tests.append(Test(name=name, method="McNemar, exact", p=min(1.0, float(p))))
            findings.append(_finding(row, rate, names, check, attributes, confidence))
        details += _details(by, rows, rate, names, attributes, paired, tally.missing)
    findings.sort(key=lambda found: -found.weight)
    answer = findings[: 1 if attributes else 2]
    for finding in answer:
        finding.in_answer = True
    return CheckResult(
        id=check,
        title=title,
        description=DESCRIPTION,
        status="info" if findings else "not-estimable",
        sentence=" ".join(finding.sentence for finding in answer)
        or "No group has an image that both classifiers scored.",
        findings=findings,
        tests=tests,
        details=details,
    )


def _paired_rows(
    rate: ErrorRate, tally: Tally, confidence: float, names: tuple[str, str]
) -> list[SlopeRow]:
    outcomes = _outcomes(tally, rate)
    neither, only_first, only_second, both = outcomes[:, :4].T
    low, high = paired_difference_interval(both, only_first, only_second, neither, confidence)
    bounds = _bounds(outcomes)
    first, second = (rate_of(both + only, bounds.n) for only in (only_first, only_second))
    rows = []
    for i, group in enumerate(tally.groups):
        n = int(bounds.n[i])
        notes = [] if n else [f"no {rate.images} that both scored"]
        notes += [
            f"{int(m):,} more scored by {name} alone ({percent(wrong / m)} wrong)"
            for m, wrong, name in zip(
                bounds.alone[:, i], bounds.alone_wrong[:, i], names, strict=True
            )
            if m
        ]
        if n and bounds.turns[i]:
            notes.append("that could turn the difference")
        rows.append(
            SlopeRow(
                group=group,
                n=n,
                first=nan_to_none(first[i]),
                second=nan_to_none(second[i]),
                difference=int(only_second[i] - only_first[i]) / n if n else None,
                low=nan_to_none(low[i]),
                high=nan_to_none(high[i]),
                note="; ".join(notes) or None,
            )
        )
    return rows


def _finding(
    row: SlopeRow,
    rate: ErrorRate,
    names: tuple[str, str],
    check: str,
    attributes: Sequence[str],
    confidence: float,
) -> Finding:
    assert row.first is not None and row.second is not None
    assert row.difference is not None and row.low is not None and row.high is not None
    where = f"{capitalised(attributes_title(attributes))} '{row.group}': " if attributes else ""
    sentence = (
        f"{where}{names[1]} calls {rate.error.removeprefix('called ')} {percent(row.second)} of "
        f"{counted(row.n, rate.image)}, "
        f"{names[0]} {percent(row.first)}: {100 * row.difference:+.1f} points "
        f"({interval_title(confidence)} {100 * row.low:+.1f} to {100 * row.high:+.1f})."
    )
    # The answer over all images says it in a sentence of its own.
    if row.note and attributes:
        sentence = f"{sentence[:-1]}; {row.note}."
    return Finding(
        sentence=sentence,
        status="info",
        check=check,
        # What is certain of the change counts, not its size alone; everybody before a group.
        weight=max(row.low, -row.high, 0.0) + (not attributes),
        tags=list(attributes),
        rate=rate.id,
        n=row.n,
        interval=Interval(value=row.difference, low=row.low, high=row.high, confidence=confidence),
    )


def _details(
    by: str,
    rows: list[SlopeRow],
    rate: ErrorRate,
    names: tuple[str, str],
    attributes: Sequence[str],
    paired: Pair,
    missing: int,
) -> list[Detail]:
    sources = [paired.tag_source(name) for name in attributes]
    name = capitalised(rate.name)
    slopes = Slopes(
        title=f"{name} by {by}" if attributes else name,
        note=missing_note(missing, attributes),
        measure=name,
        rate=rate.id,
        attribute=by,
        tag_source="; ".join(filter(None, sources)) or None,
        first_name=names[0],
        second_name=names[1],
        rows=rows,
    )
    table = lay_out(
        f"{slopes.title}: numbers",
        [
            text(by, [row.group for row in rows]),
            number(f"n {rate.images}", "count", [row.n for row in rows]),
            number(names[0], "percent", [row.first for row in rows]),
            number(names[1], "percent", [row.second for row in rows]),
            number("difference", "points", [row.difference for row in rows]),
            number("from", "points", [row.low for row in rows]),
            number("to", "points", [row.high for row in rows]),
            text("note", [row.note for row in rows]),
        ],
        note=f"Difference: {names[1]} minus {names[0]}, with its paired interval.",
    )
    return [slopes, table]
