"""Two classifiers on the same images: both rates and the paired difference, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from faceaudit import wording as say
from faceaudit.audit import adjust_tests, headline, limitations, result_versions, timestamp
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

#: Those that images of one label suffer: only there are two answers to one image compared.
_RATES = [rate for rate in ERROR_RATES.values() if rate.label]
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
    """Compare two classifiers on the images that both scored; the result is of kind ``compare``.

    Images are matched as `faceaudit.reading.matching.match` says. Tags are taken from the first,
    and from the second where the first has none. Differences are second minus first: below zero,
    the second errs less.

    Parameters
    ----------
    first, second : Scores
    spec : Spec, optional
        Attributes, intersections, slice, rows, threshold and confidence; without one, every
        category with two groups or more.
    names : tuple of str
        How the two are called in the report.
    include_training : bool
        Count images that one of the two was trained on too, whatever the specification says.

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
    both = _Both(paired, names, spec.confidence)
    checks = [both.by_group(attributes) for attributes in ((), *spec.groupings)]
    alone = list(both.scored_by_one())
    # What could turn the answer is part of it.
    checks[0].sentence = " ".join([checks[0].sentence, *(said for said, turns in alone if turns)])
    checks[0].details += both.alone_table()
    adjust_tests(checks)
    return Result(
        kind="compare",
        created=timestamp(),
        name=spec.name,
        title=f"{names[0]} and {names[1]} on the same images",
        question=f"Whom does {names[1]} get wrong more or less often than {names[0]}?",
        status="info",
        verdict=checks[0].sentence,
        findings=headline(checks, checks[0]),
        limitations=[
            *(said for said, _ in alone),
            *both.too_alike(),
            *both.limitations(checks),
            *paired.notes,
        ],
        scores=list(paired.summaries),
        checks=checks,
        spec=spec.model_dump(exclude_none=True),
        versions=result_versions(),
    )


class _Outcomes:
    """What both classifiers make of the images that can suffer an error.

    Arrays of shape (groups,), or (2, groups) by classifier. `low` and `high` are the difference
    of the error rates (second minus first) over all images that either scored, if every answer
    that is missing were right, or wrong, to that effect; `turns` is whether it could change sign.
    """

    def __init__(self, tally: Tally, rate: ErrorRate) -> None:
        counts = (tally.real if rate.label == "real" else tally.ai).T
        self.neither, self.both, self.only = counts[0], counts[3], counts[1:3]
        self.n, self.wrong = counts[:4].sum(axis=0), self.only + self.both
        self.alone = np.stack([counts[4:6].sum(axis=0), counts[6:8].sum(axis=0)])
        self.alone_wrong = counts[[5, 7]]
        self.any = bool(counts.any())
        sure = self.only[1] - self.only[0]
        change = sure - self.alone_wrong[0] + self.alone_wrong[1]
        total = np.maximum(self.n + self.alone.sum(axis=0), 1)
        self.low, self.high = (change - self.alone[1]) / total, (change + self.alone[0]) / total
        keeps = (sure > 0) & (self.low > 0) | (sure < 0) & (self.high < 0)
        keeps |= (self.low == 0) & (self.high == 0)
        self.turns = ~keeps & (self.alone.sum(axis=0) > 0)


@dataclass(frozen=True)
class _Both:
    """Two classifiers, how they are called, and the confidence of their differences."""

    paired: Pair
    names: tuple[str, str]
    confidence: float

    def limitations(self, checks: Sequence[CheckResult]) -> list[str]:
        """Say what holds of both once, and by name what holds of one."""
        both = zip(self.paired.shared, self.paired.summaries, strict=True)
        notes = [limitations(scores, summary, checks) for scores, summary in both]
        # What reading a table says names the file.
        by_file = {note for scores in self.paired.shared for note in scores.info.notes}
        told = dict.fromkeys(note for note in notes[0] if note in notes[1])
        for name, its_own in zip(self.names, notes, strict=True):
            for note in its_own:
                if note not in told:
                    told[note if note in by_file else f"{name}: {note}"] = None
        return list(told)

    def too_alike(self) -> Iterator[str]:
        """Say where there may be only one classifier."""
        first, second = (scores.table["p_ai"] for scores in self.paired.shared)
        models = [summary.model for summary in self.paired.summaries]
        both = " and ".join(self.names)
        if first.equals(second):
            yield (
                f"{both} give every image the same score: "
                "they may be one classifier's, or one table was given twice."
            )
        elif models[0] and models[1] and models[0].sha256 and models[0].sha256 == models[1].sha256:
            yield (
                f"{both} are scores of one classifier ({models[0].id}): the "
                "difference lies in how it was used, or in the pictures it was given."
            )

    # --- images that one of the two did not score --------------------------------------------

    def scored_by_one(self) -> Iterator[tuple[str, bool]]:
        """Say for each label what one alone scored, and whether that could turn the answer."""
        tally = self.paired.tally([])
        for rate in _RATES:
            found, parts = _Outcomes(tally, rate), []
            n, turns = int(found.n[0]), bool(found.turns[0])
            for side in np.flatnonzero(found.alone[:, 0]):
                m, wrong = int(found.alone[side, 0]), found.alone_wrong[side, 0]
                on_both = say.percent(found.wrong[side, 0] / n) if n else ""
                beside = f", against {on_both} of the {n:,} that both scored" if n else ""
                parts.append(
                    f"{say.counted(m, rate.image)} {'was' if m == 1 else 'were'} scored by "
                    f"{self.names[side]} alone ({say.percent(wrong / m)} wrongly{beside})"
                )
            if parts:
                said = (
                    f"{say.capitalised('; '.join(parts))}. That {'could' if turns else 'cannot'} "
                    "turn the answer: over all images of either, the difference is between "
                    f"{100 * found.low[0]:+.1f} and {100 * found.high[0]:+.1f} points."
                )
                yield said, turns

    def alone_table(self) -> list[Detail]:
        """Lay out the images that one alone scored beside those of both, by data set."""
        tally = self.paired.tally(["dataset"])
        rows: list[tuple[str | int | float, ...]] = []
        for rate in _RATES:
            found = _Outcomes(tally, rate)
            both, those = rate_of(found.wrong, found.n), rate_of(found.alone_wrong, found.alone)
            for side, i in np.argwhere(found.alone):
                n, m = int(found.n[i]), int(found.alone[side, i])
                images = tally.groups[i], str(rate.label), self.names[side]
                rows.append((*images, m, float(those[side, i]), n, float(both[side, i])))
        if not rows:
            return []
        of = list(zip(*rows, strict=True))
        columns = [
            text("data set", of[0]),
            text("label", of[1]),
            text("scored by", of[2]),
            number("images", "count", of[3]),
            number("wrong", "percent", of[4]),
            number("images of both", "count", of[5]),
            number("wrong on those", "percent", of[6]),
        ]
        note = "They are in no rate above. The last two columns are for comparison."
        return [lay_out("Images that one of the two alone scored", columns, note=note)]

    # --- one set of groups -----------------------------------------------------------------

    def by_group(self, attributes: Sequence[str]) -> CheckResult:
        """Compare the error rates of every group."""
        tally = self.paired.tally(attributes)
        by = say.attributes_title(attributes) or "all images"
        result = CheckResult(
            id="compare-" + ("-".join(attributes) or "overall"),
            title=say.capitalised(by),
            description=DESCRIPTION,
            status="not-estimable",
            sentence="No group has an image that both classifiers scored.",
        )
        for rate in _RATES:
            found = _Outcomes(tally, rate)
            if not found.any:
                continue
            rows = self._rows(rate, found, tally.groups)
            for row, changed in zip(rows, found.only.T.tolist(), strict=True):
                if row.n == 0:
                    continue
                # McNemar's exact test: of the images on which they differ, half favour each.
                p = float(binomtest(changed[1], sum(changed)).pvalue) if any(changed) else 1.0
                name = f"{result.title}: {rate.short}, {row.group}"
                result.tests.append(Test(name=name, method="McNemar, exact", p=min(1.0, p)))
                result.findings.append(self._finding(row, rate, result.id, attributes))
            result.details += self._details(by, rows, rate, attributes, tally.missing)
        result.findings.sort(key=lambda found: -found.weight)
        if answer := result.findings[: 1 if attributes else 2]:
            result.status, result.sentence = "info", " ".join(of.sentence for of in answer)
        for finding in answer:
            finding.in_answer = True
        return result

    def _rows(self, rate: ErrorRate, found: _Outcomes, groups: Sequence[str]) -> list[SlopeRow]:
        first, second = found.only
        ends = paired_difference_interval(found.both, first, second, found.neither, self.confidence)
        difference = rate_of(second - first, found.n)
        numbers = np.stack([*rate_of(found.wrong, found.n), difference, *ends], axis=-1)
        fields = ("first", "second", "difference", "low", "high")
        rows = []
        for i, group in enumerate(groups):
            n = int(found.n[i])
            notes = [] if n else [f"no {rate.images} that both scored"]
            for side in np.flatnonzero(found.alone[:, i]):
                m, wrong = found.alone[side, i], found.alone_wrong[side, i]
                share = say.percent(wrong / m)
                notes.append(f"{m:,} more scored by {self.names[side]} alone ({share} wrong)")
            if n and found.turns[i]:
                notes.append("that could turn the difference")
            known = dict(zip(fields, map(nan_to_none, numbers[i]), strict=True))
            rows.append(SlopeRow(group=group, n=n, **known, note="; ".join(notes) or None))
        return rows

    def _finding(
        self, row: SlopeRow, rate: ErrorRate, check: str, attributes: Sequence[str]
    ) -> Finding:
        first, second = row.first, row.second
        value, low, high = row.difference, row.low, row.high
        assert first is not None and second is not None
        assert value is not None and low is not None and high is not None
        by, confidence = say.capitalised(say.attributes_title(attributes)), self.confidence
        group = f"{by} '{row.group}': " if attributes else ""
        sentence = (
            f"{group}{self.names[1]} calls "
            f"{rate.error.removeprefix('called ')} {say.percent(second)} of "
            f"{say.counted(row.n, rate.image)}, {self.names[0]} {say.percent(first)}: "
            f"{100 * value:+.1f} points ({say.interval_title(confidence)} {100 * low:+.1f} to "
            f"{100 * high:+.1f})"
        )
        # The answer over all images says it in a sentence of its own.
        note = f"; {row.note}" if row.note and attributes else ""
        return Finding(
            sentence=f"{sentence}{note}.",
            status="info",
            check=check,
            # What is certain of the change counts, not its size alone; everybody before a group.
            weight=max(low, -high, 0.0) + (not attributes),
            tags=list(attributes),
            rate=rate.id,
            n=row.n,
            interval=Interval(value=value, low=low, high=high, confidence=confidence),
        )

    def _details(
        self,
        by: str,
        rows: list[SlopeRow],
        rate: ErrorRate,
        attributes: Sequence[str],
        missing: int,
    ) -> list[Detail]:
        name, (first, second) = say.capitalised(rate.name), self.names
        slopes = Slopes(
            title=f"{name} by {by}" if attributes else name,
            note=say.missing_note(missing, attributes),
            measure=name,
            rate=rate.id,
            attribute=by,
            tag_source="; ".join(filter(None, map(self.paired.tag_source, attributes))) or None,
            first_name=first,
            second_name=second,
            rows=rows,
        )
        columns = [
            text(by, [row.group for row in rows]),
            number(f"n {rate.images}", "count", [row.n for row in rows]),
            number(first, "percent", [row.first for row in rows]),
            number(second, "percent", [row.second for row in rows]),
            number("difference", "points", [row.difference for row in rows]),
            number("from", "points", [row.low for row in rows]),
            number("to", "points", [row.high for row in rows]),
            text("note", [row.note for row in rows]),
        ]
        note = f"Difference: {second} minus {first}, with its paired interval."
        return [slopes, lay_out(f"{slopes.title}: numbers", columns, note=note)]
