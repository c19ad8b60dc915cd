"""Non-inferiority: is the second worse than the first by no more than a margin, in every group?

The margin is the specification's `no_worse_by`. A difference passes if its upper bound is within
it, and fails if its lower bound is beyond it. All differences that are judged share the chance of
error (`faceaudit.stats.verdicts.holm_errors`), with those of other pairs if there are any.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from faceaudit import wording as say
from faceaudit.answer import status_of
from faceaudit.checks.parts.sentences import fitting
from faceaudit.comparison.outcomes import Comparison, Outcomes, told_change
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import by_rows, lay_out
from faceaudit.result import (
    Answer,
    CheckResult,
    Detail,
    Estimate,
    FigureAt,
    Finding,
    Forest,
    GapVerdict,
    GroupRate,
    Interval,
    Status,
)
from faceaudit.stats.power import pairs_to_decide
from faceaudit.stats.verdicts import LimitedGap, holm_errors, judge_better_than_chance, judge_gap

DESCRIPTION = (
    "{1} may be worse than {0} by no more than a margin, over all images and in every group of at "
    "least {enough}. What is held against it is the error rate of {1} minus that of {0} on the "
    "images that both scored: it passes only if its upper bound is within the margin, and fails "
    "only if its lower bound is beyond it. With no more than {error:g} % chance is any of these "
    "verdicts wrong (Holm's method){missing}. The margin is {chosen}."
)
#: What becomes of each of several classifiers.
_OF_MANY: dict[Status, str] = {
    "pass": "within it",
    "fail": "beyond it",
    "insufficient-evidence": "not settled",
    "not-estimable": "not estimable",
}
#: Of the groups that fail, or that are open, so many are named.
MOST_NAMED = 3
#: The tags, the group and the error rate of a difference.
Key = tuple[tuple[str, ...], str, str]


@dataclass
class _Held:
    """The differences of one error rate by some tags, and the margin that they are held against."""

    tags: tuple[str, ...]
    rate: ErrorRate
    margin: float
    outcomes: Outcomes
    groups: list[str]
    #: Whether the bounds hold whatever the answers and tags are that are not known.
    worst: bool
    _bounds: dict[float, list[list[float]]] = field(default_factory=dict)

    def bounds(self, group: int, error: float) -> tuple[float, float]:
        """Give the two bounds of a group's difference, each wrong with the chance `error`."""
        if error not in self._bounds:
            found = self.outcomes
            ends = found.worst(1 - 2 * error) if self.worst else found.difference(1 - 2 * error)
            self._bounds[error] = ends.tolist()
        low, high = self._bounds[error]
        return low[group], high[group]

    def key(self, group: int) -> Key:
        return self.tags, self.groups[group], self.rate.id

    def name(self, group: int) -> str:
        if not self.tags:
            return "all images"
        return say.group_title([say.attributes_title(self.tags)], [self.groups[group]])


def _held(of: Comparison) -> Iterator[_Held]:
    for tags, by_rate in of.outcomes.items():
        for rate, found in by_rate.items():
            if (margin := of.spec.no_worse_by.get(rate.id)) is not None and (
                found.n.any() or found.lost.any()
            ):
                worst = of.spec.assume_missing == "worst"
                yield _Held(tags, rate, margin, found, of.tallies[tags].groups, worst)


def limited(of: Comparison) -> dict[Key, LimitedGap]:
    """Give the differences to judge, of all images and of large groups, each by its `Key`."""
    return {
        held.key(i): LimitedGap(partial(held.bounds, i), held.margin)
        for held in _held(of)
        for i in np.flatnonzero(held.outcomes.large).tolist()
    }


def judge(pairs: Sequence[Comparison]) -> list[CheckResult]:
    """Judge the differences of all pairs, which share one chance of error; a check for each pair.

    There is none without a margin.
    """
    if not pairs[0].spec.no_worse_by:
        return []
    gaps: dict[Hashable, LimitedGap] = {
        (i, *key): gap for i, of in enumerate(pairs) for key, gap in limited(of).items()
    }
    shared = holm_errors(gaps, 1 - pairs[0].spec.confidence)
    results = []
    for i, of in enumerate(pairs):
        result = check(of, {key: shared[i, *key] for key in limited(of)})
        if len(pairs) > 1:
            result.id += f"-{i + 1}"
        for found in result.findings:
            found.check = result.id
        results.append(result)
    return results


def check(of: Comparison, errors: Mapping[Key, float]) -> CheckResult:
    """Judge the differences of one pair; the gravest finding is the first.

    `errors` has the chance of error of each that is `limited`.
    """
    spec, (first, second) = of.spec, of.names
    missing = "" if spec.assume_missing == "random" else ", whatever one alone scored or has no tag"
    result = CheckResult(
        id="non-inferiority",
        title=f"Is {second} no worse than {first} by more than the margin?",
        part="gaps",
        description=DESCRIPTION.format(
            first,
            second,
            enough=say.counted(spec.small_group, "image"),
            error=100 * (1 - spec.confidence),
            missing=missing,
            chosen=say.LIMIT_NOTE,
        ),
        status="not-estimable",
        sentence="There is no image that both scored and that can suffer such an error.",
    )
    held, keeps = list(_held(of)), _keeps_from_passing(of)
    small = 0
    for one in held:
        lost = one.outcomes.lost
        small += int((~one.outcomes.large & ~lost & (one.outcomes.n > 0)).sum())
        for i in np.flatnonzero(one.outcomes.large).tolist():
            error = errors[one.key(i)]
            found = _judged(of, one, i, error, keeps)
            result.findings.append(found)
            result.verdicts.append(GapVerdict.of(found, 1 - error, one.groups[i], second))
        for i in np.flatnonzero(lost).tolist():
            found = _lost(of, one, i)
            result.findings.append(found)
            result.verdicts.append(GapVerdict.of(found, spec.confidence, one.groups[i], second))
    if not result.findings:
        return result
    result.status = status_of([result])
    result.details = [*_forests(of, held, result.verdicts), *_open_table(result)]
    by_gravity = sorted(
        zip(result.findings, result.verdicts, strict=True),
        key=lambda judged: _gravity(judged[0], result.status),
    )
    result.findings = [found for found, _ in by_gravity]
    result.verdicts = [verdict for _, verdict in by_gravity]
    result.sentence = _sentence(result, small, spec.small_group)
    return result


def _keeps_from_passing(of: Comparison) -> tuple[str, bool]:
    """Say why nothing can pass, if so, and whether nothing can fail either."""
    if same := next((side.unclustered for side in of.sides if side.unclustered), None):
        return f"images that share a '{same}' err alike, so this is less sure", True
    second = of.sides[1]
    if judge_better_than_chance(second.audited(()), of.spec.confidence).trivial:
        return f"{of.names[1]} is not shown to do better than guessing, so nothing passes", False
    return "", False


def _lost(of: Comparison, held: _Held, i: int) -> Finding:
    """Leave a group undecided of which the second has too few of the first's scores."""
    n, rate = int(held.outcomes.n[i]), held.rate
    firsts = n + int(held.outcomes.alone[0, i])
    return Finding(
        sentence=(
            f"{say.capitalised(held.name(i))}: {of.names[0]} scored "
            f"{say.counted(firsts, rate.image)}, {of.names[1]} {n:,} of them, too few to judge: "
            "score the others too."
        ),
        status="insufficient-evidence",
        tags=list(held.tags),
        rate=rate.id,
        n=n,
        limit=held.margin,
        smallest=of.spec.small_group if held.tags else None,
    )


def _judged(of: Comparison, held: _Held, i: int, error: float, keeps: tuple[str, bool]) -> Finding:
    found, rate, margin = held.outcomes, held.rate, held.margin
    n, (first, second) = int(found.n[i]), found.wrong[:, i].tolist()
    low, high = held.bounds(i, error)
    change = Interval(
        value=(second - first) / n, low=low, high=high, confidence=1 - 2 * error, together=True
    )
    why, undoes = keeps
    status = judge_gap(low, high, margin, trivial=bool(why))
    if undoes and status == "fail":
        status = "insufficient-evidence"
    needed, named = None, f"the margin of {say.points(margin)}"
    if status == "fail":
        aside = f"beyond {named}"
    elif status == "pass":
        aside = f"within {named}"
    elif high <= margin or low > margin:
        aside = why
    elif found.difference(1 - 2 * error)[1, i] <= margin:
        aside = (
            f"within {named} but for images that one alone scored or without a tag (find them out, "
            "or say assume_missing: random)"
        )
    else:
        needed, aside = None, f"too wide for {named}"
        worth = found.worth(found.n)[i]
        alone = found.worth(found.only)[:, i].tolist()
        if pairs := pairs_to_decide(alone[0], alone[1], worth, margin, error):
            needed = math.ceil(pairs * n / worth)
            aside += (
                f": about {needed:,} such images would settle it four times in five, if the two "
                "differ as they do here"
            )
        else:
            aside += ", which the difference all but is"
    return Finding(
        sentence=(
            f"{say.capitalised(held.name(i))}: {of.names[1]} calls "
            f"{rate.error.removeprefix('called ')} {say.percent(second / n)} of "
            f"{say.counted(n, rate.image)}, {of.names[0]} {say.percent(first / n)}: "
            f"{told_change(change, aside)}."
        ),
        status=status,
        # What is surely worse is read first.
        weight=low + (status == "fail"),
        tags=list(held.tags),
        groups=[GroupRate(group=[held.groups[i]], n=n, events=second, value=second / n)],
        rate=rate.id,
        n=n,
        events=second,
        interval=change,
        limit=margin,
        smallest=of.spec.small_group if held.tags else None,
        needed=needed,
    )


def _gravity(found: Finding, status: Status) -> tuple[bool, bool, float]:
    """Put what decides first; of it the surest failure, or what may be the furthest beyond."""
    if found.interval is None:  # nothing is known of it
        return found.status != status, len(found.tags) > 1, -math.inf
    worst = found.interval.low if status == "fail" else found.interval.upper
    return found.status != status, len(found.tags) > 1, (found.limit or 0.0) - worst


def _name(verdict: GapVerdict) -> str:
    """Name the group of a verdict within a sentence."""
    by = [say.attributes_title(verdict.tags)]
    return say.group_title(by, [str(verdict.group)]) if verdict.tags else "all images"


def _sentence(result: CheckResult, small: int, enough: int) -> str:
    """Count the verdicts and name those that decide."""
    decisive = [verdict for verdict in result.verdicts if verdict.status == result.status]
    verbs = {
        "fail": ("is beyond its margin", "are beyond their margin"),
        "insufficient-evidence": ("is not settled", "are not settled"),
    }.get(result.status, ("is within its margin", "are within their margin"))
    told = say.out_of(len(decisive), len(result.findings), "difference", verbs)
    if result.status != "pass":
        named = [
            f"{_name(verdict)} ({ERROR_RATES[verdict.rate].images})"
            for verdict in decisive[:MOST_NAMED]
        ]
        more = f" and {len(decisive) - MOST_NAMED} more" if len(decisive) > MOST_NAMED else ""
        told += f": {', '.join(named)}{more}"
    left = (
        f" {say.counted(small, 'group')} with fewer than {say.counted(enough, 'image')} "
        f"{'decides' if small == 1 else 'decide'} nothing."
        if small
        else ""
    )
    return f"{told}.{left}"


# --- the first screen ----------------------------------------------------------------------


def headline(of: Comparison, result: CheckResult) -> str:
    """Say in at most `MOST_WORDS` words whether the second may replace the first."""
    why, _ = _keeps_from_passing(of)
    if not result.findings:
        return "Nothing can be judged: no image that both scored can suffer such an error."
    if why and result.status == "insufficient-evidence":
        return f"Nothing is settled: {why}."
    by_place = _tellings(result, "the first", "the second")
    return fitting(*_tellings(result, *of.names), *map(say.capitalised, by_place))


def _tellings(result: CheckResult, first: str, second: str) -> Sequence[str]:
    """Tell the answer, at length and in short."""
    lead = result.findings[0]
    rate, change = ERROR_RATES[str(lead.rate)], lead.interval
    margins = {found.limit for found in result.findings}
    margin = f"{100 * (lead.limit or 0):g} points"
    others = sum(found.status == result.status for found in result.findings) - 1
    name, those = _name(result.verdicts[0]), f"{rate.images} {rate.error}"
    more = f" and {others} more" if others else ""
    if change is None:
        return (f"Not settled for {name}{more}: {second} scored too few {rate.images} to judge.",)
    if result.status == "pass":
        most = margin if len(margins) == 1 else "its margins"
        one_rate = len({found.rate for found in result.findings}) == 1
        on = f" on {rate.images}" if one_rate else ""
        told = f"{second} is no more than {most} worse than {first}{on} in every group"
        of = "" if one_rate else f" ({those})"
        return f"{told}: at most {100 * change.upper:+.1f}, for {name}{of}.", f"{told}."
    if result.status == "fail":
        least = f"at least {say.points(change.low)} worse than {first}"
        return (
            f"{second} is {least} for {name}{more} ({those}); your margin is {margin}.",
            f"{second} is {least} for {name}{more}; your margin is {margin}.",
        )
    may_be = f"Not settled for {name}{more}: {second} may be"
    worse = f"up to {say.points(change.upper)} worse"
    decide = f"{lead.needed or 0:,} {rate.images}"
    return (
        *([f"{may_be} {worse}; about {decide} of that group would decide."] if lead.needed else []),
        f"{may_be} {worse}; your margin is {margin}.",
    )


def headline_of_many(results: Mapping[str, CheckResult], margins: Sequence[float]) -> str:
    """Say in at most `MOST_WORDS` words which classifiers may replace the first."""
    by_status = {
        title: names
        for status, title in _OF_MANY.items()
        if (names := [name for name, of in results.items() if of.status == status])
    }
    most = f"of {100 * margins[0]:g} points " if len(set(margins)) == 1 else ""
    return fitting(
        *(
            f"Against the margin {most}in every group: "
            f"{'; '.join(f'{title}: {told(names)}' for title, names in by_status.items())}."
            for told in (", ".join, lambda names: str(len(names)))
        )
    )


def first_screen(of: Comparison, result: CheckResult, answer: Answer) -> Answer:
    """Return the answer of a comparison with what is judged in it."""
    if not result.findings:
        return answer
    lead, margins = result.findings[0], dict.fromkeys(of.spec.no_worse_by.values())
    # As they are held against the margin, not as they hold together with all that is told.
    overall = [found for found in result.findings if not found.tags]
    amounts = "; ".join(
        f"{ERROR_RATES[str(found.rate)].images} {ERROR_RATES[str(found.rate)].error} "
        f"{told_change(found.interval)}"
        for found in overall
        if found.interval
    )
    amounts = amounts or "nothing to judge over all images"
    forests = [isinstance(detail, Forest) and detail.rate == lead.rate for detail in result.details]
    return answer.model_copy(
        update={
            "rate": lead.rate,
            "tags": lead.tags,
            "how_much": f"{of.names[1]} minus {of.names[0]}: {amounts}. The margin is "
            f"{' or '.join(f'{100 * margin:g} points' for margin in margins)}, {say.LIMIT_NOTE}.",
            "how_sure": f"{result.sentence} {answer.how_sure}",
            "figure": FigureAt(check=result.id, detail=forests.index(True)),
        }
    )


# --- details -------------------------------------------------------------------------------


def _forests(
    of: Comparison, held: Sequence[_Held], verdicts: Sequence[GapVerdict]
) -> Iterator[Forest]:
    """Draw the differences of each error rate beside their margin."""
    judged = {(tuple(one.tags), one.group, one.rate): one for one in verdicts}
    for rate in dict.fromkeys(one.rate for one in held):
        rows = []
        for one in (one for one in held if one.rate == rate):
            ends = one.outcomes.difference(of.spec.confidence)
            for i in np.flatnonzero((one.outcomes.n > 0) | one.outcomes.lost).tolist():
                n, (first, second) = int(one.outcomes.n[i]), one.outcomes.wrong[:, i].tolist()
                row = Estimate(group=one.name(i), n=n, value=(second - first) / max(n, 1))
                if one.outcomes.lost[i]:
                    row.value, row.status = None, "insufficient-evidence"
                    row.note = "too few scored by both"
                elif verdict := judged.get(one.key(i)):
                    row.low, row.high, row.status = verdict.low, verdict.high, verdict.status
                else:
                    row.low, row.high = ends[:, i].tolist()
                    row.note = "small"
                rows.append(row)
        yield Forest(
            title=f"{say.capitalised(rate.name)}: {of.names[1]} minus {of.names[0]}",
            note="Bounds as judged, of which one decides; those of small groups hold on their own.",
            measure=f"{say.capitalised(rate.name)}, difference",
            scale="points",
            rate=rate.id,
            attribute="group",
            rows=rows,
            limit=of.spec.no_worse_by[rate.id],
        )


def _open_table(result: CheckResult) -> list[Detail]:
    """Say how many images would settle what is open, as far as any number would."""
    rows = [
        (_name(verdict), verdict.rate.upper(), of.n, of.interval.upper, of.limit, of.needed)
        for of, verdict in zip(result.findings, result.verdicts, strict=True)
        if of.needed and of.interval
    ]
    if not rows:
        return []
    return [
        lay_out(
            "What would settle the others",
            by_rows(
                rows,
                "group; error rate; images:count; worse by up to:points; margin:points; "
                "images needed:count",
            ),
            note="Images of that group and label that both score; so many settle it four times in "
            "five, if the two differ as they do here.",
        )
    ]
