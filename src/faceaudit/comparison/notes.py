"""What a comparison cannot carry: of all classifiers once, and images that one alone scored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from faceaudit import wording as say
from faceaudit.checks import AuditInput
from faceaudit.comparison.outcomes import RATES, Comparison, Outcomes
from faceaudit.layout import by_rows, lay_out
from faceaudit.limitations import dependence_notes, limitations
from faceaudit.pairing import Pair, Panel
from faceaudit.result import CheckResult, Detail
from faceaudit.stats.intervals import rate_of


def notes(of: Comparison, checks: Sequence[CheckResult]) -> list[str]:
    """Say all of it, what could turn the answer first."""
    return [
        *_scored_by_one(of),
        *too_alike(of.names, of.paired),
        *limitations_of_all(of.names, of.sides, of.paired, checks),
        *of.paired.notes,
    ]


def _scored_by_one(of: Comparison) -> Iterator[str]:
    """Say for each label what one alone scored, and whether that could turn the answer."""
    for rate, found in of.outcomes[()].items():
        parts = []
        n, turns = int(found.n[0]), bool(found.turns(of.confidence(()))[0])
        for side in np.flatnonzero(found.alone[:, 0]):
            m, wrong = int(found.alone[side, 0]), found.alone_wrong[side, 0]
            on_both = say.percent(found.wrong[side, 0] / n) if n else ""
            beside = f", against {on_both} of the {n:,} that both scored" if n else ""
            parts.append(
                f"{say.counted(m, rate.image)} {'was' if m == 1 else 'were'} scored by "
                f"{of.names[side]} alone ({say.percent(wrong / m)} wrongly{beside})"
            )
        if parts:
            yield (
                f"{say.capitalised('; '.join(parts))}. That {'could' if turns else 'cannot'} "
                "turn the answer: over all images of either, the difference found is between "
                f"{100 * found.low[0]:+.1f} and {100 * found.high[0]:+.1f} points."
            )


def too_alike(names: Sequence[str], judged: Pair | Panel) -> Iterator[str]:
    """Say where there may be only one classifier."""
    each = zip(names, judged.shared, judged.summaries, strict=True)
    for (first, ours, of), (second, theirs, other) in combinations(each, 2):
        both = f"{first} and {second}"
        if ours.table["p_ai"].equals(theirs.table["p_ai"]):
            yield (
                f"{both} give every image the same score: "
                "they may be one classifier's, or one table was given twice."
            )
        elif of.model and other.model and of.model.sha256 and of.model.sha256 == other.model.sha256:
            yield (
                f"{both} are scores of one classifier ({of.model.id}): the "
                "difference lies in how it was used, or in the pictures it was given."
            )


def limitations_of_all(
    names: Sequence[str],
    sides: Sequence[AuditInput],
    judged: Pair | Panel,
    checks: Sequence[CheckResult],
) -> list[str]:
    """Say what holds of all classifiers once, and by name what holds of one."""
    notes = [
        [*dependence_notes(side), *limitations(scores, summary, checks)]
        for side, scores, summary in zip(sides, judged.shared, judged.summaries, strict=True)
    ]
    # What reading a table says names the file.
    by_file = {note for scores in judged.shared for note in scores.info.notes}
    told = [note for note in dict.fromkeys(notes[0]) if all(note in of for of in notes[1:])]
    said = {sentence for note in told for sentence in _sentences(note)}
    for name, its_own in zip(names, notes, strict=True):
        for note in its_own:
            if new := [sentence for sentence in _sentences(note) if sentence not in said]:
                told.append(note if note in by_file else f"{name}: {' '.join(new)}")
                said.update(new)
    return told


def _sentences(note: str) -> list[str]:
    return re.split(r"(?<=[.:]) (?=[A-Z])", note)


def alone_table(of: Comparison) -> list[Detail]:
    """Lay out the images that one alone scored beside those of both, by data set."""
    tally = of.paired.tally(["dataset"])
    rows: list[tuple[str | int | float, ...]] = []
    for rate in RATES:
        found = Outcomes(tally, rate)
        both, those = rate_of(found.wrong, found.n), rate_of(found.alone_wrong, found.alone)
        for side, i in np.argwhere(found.alone):
            n, m = int(found.n[i]), int(found.alone[side, i])
            images = tally.groups[i], str(rate.label), of.names[side]
            rows.append((*images, m, float(those[side, i]), n, float(both[side, i])))
    if not rows:
        return []
    return [
        lay_out(
            "Images that one of the two alone scored",
            by_rows(
                rows,
                "data set; label; scored by; images:count; wrong:percent; "
                "images of both:count; wrong on those:percent",
            ),
            note="They are in no rate above. The last two columns are for comparison.",
        )
    ]
