"""Two classifiers on the same images: both rates and the paired difference, group by group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from faceaudit import wording as say
from faceaudit.audit import (
    adjust_tests,
    dependence_notes,
    headline,
    limitations,
    result_versions,
    timestamp,
)
from faceaudit.checks import AuditInput
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
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import INDEPENDENT
from faceaudit.stats.counts import MOST_GROUPS
from faceaudit.stats.gap_change import GapChange, gap_change
from faceaudit.stats.intervals import paired_difference_interval, rate_of
from faceaudit.tables import Scores

#: Those that images of one label suffer: only there are two answers to one image compared.
_RATES = [rate for rate in ERROR_RATES.values() if rate.label]
DESCRIPTION = (
    "Both classifiers judged the very same images, so the difference is counted image by image: "
    "how many the second gets wrong that the first gets right, and the reverse. That says more "
    "than comparing two rates as if they came from different images. The intervals in sentences "
    "are so wide that all hold together at the chosen confidence: half of the chance of an error "
    "is for the rates of all images, half for those of groups and for the gaps between them. "
    "Those in figures and tables hold each on its own."
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
    cluster = [] if spec.cluster in (None, INDEPENDENT) else [spec.cluster]
    for name in (*cluster, *(tag for tags in spec.groupings for tag in tags)):
        if name not in paired.table.column_names:
            raise FaceAuditError(
                f"{spec.name}: neither {names[0]} nor {names[1]} has a tag '{name}'; "
                f"the tags are {', '.join(tag_columns(paired.table)) or 'none'}"
            )
    both = _Both(paired, names, spec)
    checks = [both.by_group(attributes) for attributes in both.groupings]
    alone = list(both.scored_by_one())
    # What could turn the answer is part of it.
    answer = [checks[0].sentence, both.winner(checks[0]), *(said for said, turns in alone if turns)]
    checks[0].sentence = " ".join(answer)
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
        findings=headline(checks),
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
    that is missing were right, or wrong, to that effect.
    """

    def __init__(self, tally: Tally, rate: ErrorRate, smallest: int = 1) -> None:
        counts = (tally.real if rate.label == "real" else tally.ai).T
        # Both wrong, only the first, only the second, neither.
        self.cells = counts[[3, 1, 2, 0]]
        self.only = counts[1:3]
        self.n, self.wrong = counts[:4].sum(axis=0), self.only + counts[3]
        self.effects = tally.design_effects.get(str(rate.label))
        self.alone = np.stack([counts[4:6].sum(axis=0), counts[6:8].sum(axis=0)])
        self.alone_wrong = counts[[5, 7]]
        self.any = bool(counts.any())
        # Those that sentences speak of, and whether there is a gap between them.
        self.large = self.n >= max(smallest, 1)
        self.has_gap = 1 < int(self.large.sum()) <= MOST_GROUPS
        sure = self.only[1] - self.only[0]
        change = sure - self.alone_wrong[0] + self.alone_wrong[1]
        total = np.maximum(self.n + self.alone.sum(axis=0), 1)
        self.low, self.high = (change - self.alone[1]) / total, (change + self.alone[0]) / total

    def difference(self, confidence: float, more: Any = 0) -> FloatArray:
        """Return limits of the difference, shape (2, groups), with `more` images in the cells."""
        both, first, second, neither = self._worth(self.cells + more)
        return np.stack(paired_difference_interval(both, first, second, neither, confidence))

    def _worth(self, images: IntArray) -> FloatArray:
        """Count images as the independent ones that they are worth to the difference."""
        return images / (1.0 if self.effects is None else self.effects[0])

    def mcnemar(self) -> list[float]:
        """Test for each group whether, of the images on which they differ, half favour each."""
        changed = np.rint(self._worth(self.only)).astype(int)
        p = 2 * special.bdtr(changed.min(axis=0), changed.sum(axis=0), 0.5)
        return list(np.minimum(p, 1.0).tolist())

    def turns(self, confidence: float) -> NDArray[np.bool_]:
        """Whether images that one alone scored could turn what is shown: who errs more, if any."""
        if not self.alone.any():
            return np.zeros(self.n.shape, bool)
        wrong, right = self.alone_wrong, self.alone - self.alone_wrong
        none = np.zeros_like(self.n)
        # Every answer that is missing favours the second, or the first.
        filled = (
            [wrong[1], wrong[0] + right[1], none, right[0]],
            [wrong[0], none, right[0] + wrong[1], right[1]],
        )
        shown, *could = (_shown(self.difference(confidence, np.array(of))) for of in (0, *filled))
        return np.asarray((np.array(could) != shown).any(axis=0))

    def gap_change(self, confidence: float) -> GapChange:
        """Estimate how much the gap over the large groups changes."""
        effects = 1.0 if self.effects is None else self.effects[:, self.large]
        return gap_change(self.cells[:, self.large], confidence, effects)


def _check_id(attributes: Sequence[str]) -> str:
    return "compare-" + ("-".join(attributes) or "overall")


def _shown(limits: FloatArray) -> NDArray[np.int64]:
    """Which way a difference is shown to be, by its limits: -1, 1, or 0 where none is."""
    return np.asarray(np.int64(limits[0] > 0) - np.int64(limits[1] < 0))


@dataclass(frozen=True)
class _Both:
    """Two classifiers, how they are called, and what is asked of them."""

    paired: Pair
    names: tuple[str, str]
    spec: Spec

    @cached_property
    def groupings(self) -> list[tuple[str, ...]]:
        """All images first, then what is asked for."""
        return [(), *self.spec.groupings]

    @cached_property
    def _tallies(self) -> dict[tuple[str, ...], Tally]:
        return {tags: self.paired.tally(tags) for tags in self.groupings}

    @cached_property
    def _outcomes(self) -> dict[tuple[str, ...], dict[ErrorRate, _Outcomes]]:
        return {
            tags: {
                rate: _Outcomes(tally, rate, self.spec.small_group if tags else 1)
                for rate in _RATES
            }
            for tags, tally in self._tallies.items()
        }

    @cached_property
    def _claims(self) -> tuple[int, int]:
        """Count the differences that sentences may tell: of all images; of groups and gaps."""
        told = [
            sum(int(of.large.sum()) + of.has_gap for of in found.values())
            for found in self._outcomes.values()
        ]
        return told[0], sum(told[1:])

    def _confidence(self, attributes: Sequence[str]) -> float:
        """Return the confidence of each difference at which all that are told hold together.

        Half of the error is for the rates of all images, half for groups and gaps (Bonferroni).
        """
        everybody, groups = self._claims
        error = (1 - self.spec.confidence) / (2 if groups else 1)
        return 1 - error / max(groups if attributes else everybody, 1)

    def winner(self, overall: CheckResult) -> str:
        """Say which of the two is shown to err less over all images."""
        shown: dict[int, list[str]] = {-1: [], 0: [], 1: []}
        for found in overall.findings:
            assert found.interval is not None
            way = int(_shown(np.array([found.interval.low, found.interval.upper])))
            shown[way].append(ERROR_RATES[str(found.rate)].images)
        less, more = (" and ".join(shown[way]) for way in (-1, 1))
        if less and more:
            return (
                f"No decisive winner, but a trade-off: {self.names[1]} is shown to err less on "
                f"{less}, more on {more}."
            )
        if not (less or more):
            return "No decisive winner."
        better = self.names[1 if less else 0]
        return f"{better} is shown to err less on {less or more}{' alone' if shown[0] else ''}."

    def limitations(self, checks: Sequence[CheckResult]) -> list[str]:
        """Say what holds of both once, and by name what holds of one."""
        both = zip(self.paired.shared, self.paired.summaries, strict=True)
        notes = [
            [
                *dependence_notes(
                    AuditInput(scores.table, scores.info, self.spec, summary.threshold)
                ),
                *limitations(scores, summary, checks),
            ]
            for scores, summary in both
        ]
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
        for rate, found in self._outcomes[()].items():
            parts = []
            n, turns = int(found.n[0]), bool(found.turns(self._confidence(()))[0])
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
                    "turn the answer: over all images of either, the difference found is between "
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

    def by_group(self, attributes: tuple[str, ...]) -> CheckResult:
        """Compare the error rates of every group, and the gaps between groups."""
        tally = self._tallies[attributes]
        by = say.attributes_title(attributes) or "all images"
        enough = say.counted(self.spec.small_group, "image")
        result = CheckResult(
            id=_check_id(attributes),
            title=say.capitalised(by),
            description=DESCRIPTION,
            status="not-estimable",
            sentence=f"No group has at least {enough} of one label that both classifiers scored.",
        )
        for rate, found in self._outcomes[attributes].items():
            if not found.any:
                continue
            rows = self._rows(rate, found, tally.groups, attributes)
            result.tests += (
                Test(
                    name=f"{result.title}: {rate.short}, {row.group}", method="McNemar, exact", p=p
                )
                for row, p in zip(rows, found.mcnemar(), strict=True)
                if row.n
            )
            result.findings += self._differences(rows, found, rate, attributes)
            result.details += self._details(by, rows, rate, found, attributes, tally.missing)
        result.details += self._gap_table(attributes)
        result.findings.sort(key=lambda found: -found.weight)
        if answer := result.findings[: 1 if attributes else 2]:
            result.status, result.sentence = "info", " ".join(of.sentence for of in answer)
            if answer[0].weight <= 0:
                result.sentence = f"No difference is shown by {by}. {result.sentence}"
        for finding in answer:
            finding.in_answer = True
        return result

    def _rows(
        self, rate: ErrorRate, found: _Outcomes, groups: Sequence[str], attributes: Sequence[str]
    ) -> list[SlopeRow]:
        first, second = found.only
        ends = found.difference(self.spec.confidence)
        difference = rate_of(second - first, found.n)
        turns = found.turns(self._confidence(attributes))
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
            if n and turns[i]:
                notes.append("that could turn the difference")
            known = dict(zip(fields, map(nan_to_none, numbers[i]), strict=True))
            rows.append(SlopeRow(group=group, n=n, **known, note="; ".join(notes) or None))
        return rows

    def _differences(
        self,
        rows: Sequence[SlopeRow],
        found: _Outcomes,
        rate: ErrorRate,
        attributes: tuple[str, ...],
    ) -> Iterator[Finding]:
        """Tell the difference in every large group, and the change of the gap between them."""
        by, (old, new) = say.attributes_title(attributes), self.names
        limits = found.difference(self._confidence(attributes))
        for i in np.flatnonzero(found.large).tolist():
            row = rows[i]
            assert row.first is not None and row.second is not None and row.difference is not None
            group = f"{say.capitalised(by)} '{row.group}': " if attributes else ""
            start = (
                f"{group}{new} calls {rate.error.removeprefix('called ')} "
                f"{say.percent(row.second)} of {say.counted(row.n, rate.image)}, "
                f"{old} {say.percent(row.first)}: "
            )
            # The answer over all images says it in a sentence of its own.
            note = f"; {row.note}" if row.note and attributes else ""
            yield self._told(start, row.difference, limits[:, i], note, rate, row.n, attributes)
        if found.has_gap:
            gap = found.gap_change(self._confidence(attributes))
            groups, n = found.large.sum(), int(found.n[found.large].sum())
            start = (
                f"By {by}, the gap in {rate.images} {rate.error} ({n:,} in {groups} groups) goes "
                f"from {say.points(gap.first)} with {old} to {say.points(gap.second)} with {new}: "
                "a change of "
            )
            yield self._told(start, gap.value, (gap.low, gap.high), "", rate, n, attributes)

    def _told(
        self,
        start: str,
        value: float,
        limits: Iterable[float],
        note: str,
        rate: ErrorRate,
        n: int,
        attributes: Sequence[str],
    ) -> Finding:
        """Tell a difference with its interval, which holds together with all others."""
        low, high = map(float, limits)
        confidence = self._confidence(attributes)
        none = "" if low > 0 or high < 0 else "; no difference is shown"
        return Finding(
            sentence=(
                f"{start}{100 * value:+.1f} points ({say.interval_title(confidence)} "
                f"{100 * low:+.1f} to {100 * high:+.1f}){none}{note}."
            ),
            status="info",
            check=_check_id(attributes),
            # Above 0 if it is shown; everybody before a group.
            weight=max(low, -high) + (not attributes),
            tags=list(attributes),
            rate=rate.id,
            n=n,
            interval=Interval(
                value=value, low=low, high=high, confidence=confidence, together=True
            ),
        )

    def _details(
        self,
        by: str,
        rows: list[SlopeRow],
        rate: ErrorRate,
        found: _Outcomes,
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
        ]
        if found.effects is not None:
            worth = np.rint(found.n / found.effects[0]).astype(int)
            help = "independent images that they are worth to the difference"
            columns.append(number("worth", "count", worth, help))
        columns.append(text("note", [row.note for row in rows]))
        note = f"Difference: {second} minus {first}, with its paired interval. {self._on_its_own}"
        return [slopes, lay_out(f"{slopes.title}: numbers", columns, note=note)]

    @property
    def _on_its_own(self) -> str:
        interval = say.interval_title(self.spec.confidence)
        return f"Each {interval} holds on its own: of many, some miss by chance."

    def _gap_table(self, attributes: tuple[str, ...]) -> list[Detail]:
        """Lay out how the gaps between the large groups change, a row an error rate."""
        found = {rate: of for rate, of in self._outcomes[attributes].items() if of.has_gap}
        if not found:
            return []
        gaps = [of.gap_change(self.spec.confidence) for of in found.values()]
        columns = [
            text("error rate", [rate.short for rate in found]),
            number("groups", "count", [int(of.large.sum()) for of in found.values()]),
            number("images", "count", [int(of.n[of.large].sum()) for of in found.values()]),
            number(self.names[0], "points", [gap.first for gap in gaps]),
            number(self.names[1], "points", [gap.second for gap in gaps]),
            number("change", "points", [gap.value for gap in gaps]),
            number("from", "points", [gap.low for gap in gaps]),
            number("to", "points", [gap.high for gap in gaps]),
        ]
        enough = say.counted(self.spec.small_group, "image")
        note = f"Highest minus lowest rate of groups of at least {enough}. {self._on_its_own}"
        return [lay_out(f"Gap by {say.attributes_title(attributes)}", columns, note=note)]
