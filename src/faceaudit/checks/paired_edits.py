"""Paired edits: do drawn glasses change the calls, and more than the same drawing elsewhere?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit import wording as say
from faceaudit.checks.base import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import at_audited, estimated, forest, lay_out, number, text
from faceaudit.result import Detail, Finding, Forest, Interval, Table, Test
from faceaudit.schema import called_ai, variant_column, variant_columns
from faceaudit.stats.counts import Images
from faceaudit.stats.means import Means, beside, group_means
from faceaudit.stats.paired import PairedErrors, paired_errors

#: What the name of an edit's control ends in.
SHAM = "-sham"
#: The tag that tells on whom there is already what an edit draws.
WORN = {"glasses": "glasses", "sunglasses": "glasses"}
#: Scores that are compared: 0 as delivered, 1 edited, 2 with the sham.
PAIRS = ((0, 1), (0, 2), (2, 1))


@dataclass(frozen=True)
class Edited:
    """The images of one label that have all three scores, of shape (3, images)."""

    name: str
    rate: ErrorRate
    images: Images
    score: NDArray[np.float32]
    data: AuditInput
    #: Which images are not among them.
    note: str

    @cached_property
    def _wrong(self) -> NDArray[np.bool_]:
        each = [called_ai(self.score, of) != self.images.is_ai for of in self.data.thresholds]
        return np.stack(each, axis=1)

    def effects(self, tags: Sequence[str] = ()) -> Effects:
        """Count and average what each of `PAIRS` does in every group."""
        grouping, at = self.images.grouping(tags), self.data.thresholds.index(self.data.threshold)
        by = grouping.code, len(grouping.groups), self.images.clusters
        moved = np.stack([self.score[j] - self.score[i] for i, j in PAIRS])
        calls, scores = paired_errors(self._wrong, PAIRS, *by, at), group_means(moved, *by, (-1, 1))
        return Effects(self, tuple(tags), grouping.labels, calls, scores)


@dataclass(frozen=True)
class Effects:
    """What each of `PAIRS` does to the calls and to the mean score of every group."""

    of: Edited
    tags: tuple[str, ...]
    groups: list[str]
    calls: PairedErrors
    scores: Means

    @property
    def steps(self) -> list[str]:
        """What each of `PAIRS` adds, for each group."""
        adds = "drawn", "drawn elsewhere", "beyond that"
        return [f"{self.of.name} {of}" for of in adds for _ in self.groups]

    @property
    def large(self) -> list[int]:
        """The groups that are large enough to be told."""
        smallest = self.of.data.spec.small_group if self.tags else 1
        return np.flatnonzero(self.calls.n[: len(self.groups)] >= smallest).tolist()

    def told(self, group: int, confidence: float) -> Finding:
        """Tell of a group; an edit is blamed where it differs from no edit and from its sham."""
        rate, name, n = self.of.rate, self.of.name, int(self.calls.n[group])

        def audited(of: Any) -> list[Any]:
            return list(at_audited(of, self.of.data)[group :: len(self.groups)].tolist())

        ends = map(audited, vars(self.calls.difference(confidence)).values())
        edit, sham, beyond = (
            Interval(value=value, low=low, high=high, confidence=confidence, together=True)
            for value, low, high in zip(*ends, strict=True)
        )
        right, wrong = (audited(of) for of in self.calls.cells[1:3])
        way = _way(beyond) if _way(edit) == _way(beyond) else 0
        title = say.group_title([say.attributes_title(self.tags)], [self.groups[group]])
        drawn = f"{say.capitalised(title)}: drawn" if self.tags else "Drawn"
        if way:
            more = "more" if way > 0 else "fewer"
            told = f"{name} as such have {more} {rate.images} {rate.error}"
        else:
            told = f"nothing is shown of {name} as such"
            if _way(beyond):
                told = f"where it is drawn matters, but {told}"
            elif _way(edit) and _way(edit) == _way(sham):
                told = f"any drawing does that, and {told}"
        return Finding(
            sentence=f"{drawn} {name} turn {wrong[0]:,} of {say.counted(n, rate.image)} wrong and "
            f"{right[0]:,} right ({_points(edit)}), the same drawn elsewhere {wrong[1]:,} and "
            f"{right[1]:,} ({_points(sham)}): beyond that {_points(beyond)}, so {told}.",
            status="info",
            weight=min(abs(beyond.low), abs(beyond.upper)) if way else 0.0,
            tags=list(self.tags),
            rate=rate.id,
            n=n,
            interval=beyond,
        )


def _way(of: Interval) -> int:
    return (of.low > 0) - (of.upper < 0)


def _points(of: Interval) -> str:
    return f"{100 * of.value:+.1f} points, {100 * of.low:+.1f} to {100 * of.upper:+.1f}"


def run(data: AuditInput, options: Options) -> Product:
    """Compare the calls as delivered with those on edited pictures, and on the shams."""
    edited = [*_edited(data)]
    if not edited:
        lack = "No image has scores as delivered, edited and with the sham: score --edit glasses."
        return Product("not-estimable", lack)
    overall = [of.effects() for of in edited]
    by_tags = [
        [found for of in edited if len((found := of.effects(tags)).groups) > 1]
        for tags in data.spec.groupings
    ]
    told = sum(len(found.large) for found in chain.from_iterable(by_tags))
    # Half of the chance of error is for all images, half for groups, where there are any.
    error = (1 - data.spec.confidence) / (2 if told else 1)
    together, of_groups = 1 - error / len(edited), 1 - error / max(told, 1)
    findings = [found.told(0, together) for found in overall]
    groups = [of.told(i, of_groups) for of in chain.from_iterable(by_tags) for i in of.large]
    groups.sort(key=lambda found: -found.weight)
    details: list[Detail] = [_table(overall, together)]
    for effects in filter(None, by_tags):
        details += [_table(effects, of_groups), *(_forest(of, of_groups) for of in effects)]
    return Product(
        "info",
        " ".join(found.sentence for found in findings[:2]),
        findings=[*findings, *(found for found in groups if found.weight)],
        tests=[
            Test(name=f"{of.of.rate.short}: {step} changes nothing", method="McNemar, exact", p=p)
            for of in overall
            for step, p in zip(of.steps, at_audited(of.calls.p(), data).tolist(), strict=True)
        ],
        details=details,
    )


def _pairs(data: AuditInput) -> list[str]:
    """Name the edits that stand in the table with their sham."""
    names = variant_columns(data.table)
    return [name for name in names if name + SHAM in names]


def _edited(data: AuditInput) -> Iterator[Edited]:
    """Give the images of each edit and label, without those who wear the like already."""
    for name in _pairs(data):
        columns = ("p_ai", variant_column(name), variant_column(name + SHAM))
        score = np.stack([np.asarray(data.table[of], np.float32) for of in columns])
        scored, tag = ~np.isnan(score).any(axis=0), WORN.get(name, name)
        known = worn = np.zeros(len(data.table), bool)
        if tag in data.table.column_names:
            known = np.asarray(pc.is_valid(data.table[tag]))
            worn = np.asarray(pc.fill_null(pc.not_equal(data.table[tag], "none"), False))
        for rate in ERROR_RATES.values():
            label = data.images.is_ai == (rate.label == "ai")
            rows = label & scored & ~worn
            if not rows.any():
                continue
            note = (
                f"Of {say.counted(int(label.sum()), rate.image)}, {int((label & worn).sum()):,} "
                f"are left out that have them already, by the tag '{tag}', and "
                f"{int((label & ~worn & ~scored).sum()):,} that cannot be drawn on; of "
                f"{int((rows & ~known).sum()):,} of the others that is not known."
            )
            yield Edited(name, rate, data.images_of(rows), score[:, rows], data, note)


# --- details -------------------------------------------------------------------------------


def _table(found: Sequence[Effects], confidence: float) -> Table:
    """Lay out all changes: by images, then by what was drawn, then by group."""
    data, by = found[0].of.data, say.attributes_title(found[0].tags)

    def column(values: Callable[[Effects], Any]) -> Any:
        return np.concatenate([values(of) for of in found], axis=-1)

    changes = beside([of.calls.difference(confidence) for of in found])
    moves = beside([of.scores.estimate(confidence) for of in found])
    groups = [text(by, column(lambda of: of.groups * len(PAIRS)))] if by else []
    return lay_out(
        f"What drawing changes{by and f', by {by}'}",
        [
            text("rate", column(lambda of: [of.of.rate.short] * len(of.steps))),
            text("drawn", column(lambda of: of.steps)),
            *groups,
            number("images", "count", column(lambda of: of.calls.n)),
            number("wrong before", "percent", column(lambda of: of.calls.rates[0])),
            number("after", "percent", column(lambda of: of.calls.rates[1])),
            number("become wrong", "count", column(lambda of: of.calls.cells[2])),
            number("become right", "count", column(lambda of: of.calls.cells[1])),
            *estimated("change", "points", changes, confidence),
            *estimated("score moves", "number", moves, confidence),
        ],
        data,
        "Beyond that: before is with the sham, after with the edit. The intervals of each thing "
        f"drawn hold for all of its rows together. {' '.join({of.of.note: 0 for of in found})}",
    )


def _forest(found: Effects, confidence: float) -> Forest:
    """Draw what an edit does beyond its sham, by group."""
    data, rate, title = found.of.data, found.of.rate, say.attributes_title(found.tags)
    whole, last = found.of.effects().calls, slice(-len(found.groups), None)
    n, ends = found.calls.n[last], vars(found.calls.difference(confidence))
    return forest(
        data,
        groups=found.groups,
        n=n,
        **{end: of[:, last] for end, of in ends.items()},
        notes=[None if i in found.large else f"small: {n[i]:,}" for i in range(len(n))],
        title=f"{say.capitalised(rate.images)} {rate.error}: {found.steps[-1]}, by {title}",
        measure=f"change beyond the sham ({rate.short})",
        scale="points",
        attribute=title,
        tag_source=data.tag_source(found.tags),
        reference=whole.difference(confidence).value[:, -1:],
        reference_label="all images",
        reference_n=int(whole.n[-1]),
    )


CHECK = Check(
    id="paired-edits",
    title="Drawn glasses, and the same drawing elsewhere",
    description=(
        "Glasses are drawn on every face that a program finds and that wears none, and the very "
        "same drawing is put on the forehead or the chin of the same picture, as a control (the "
        "sham). A classifier that reacts to anything drawn changes its calls on both; what "
        "glasses do beyond the sham is the effect of glasses on this classifier. They are drawn "
        "glasses: real ones also mirror, shade and magnify."
    ),
    run=run,
    concerns=lambda data: bool(_pairs(data)),
)
