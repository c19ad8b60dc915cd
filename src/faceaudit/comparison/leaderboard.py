"""Several classifiers on the same images: each over all of them and for its worst group, ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from faceaudit import wording as say
from faceaudit.checks import AuditInput
from faceaudit.comparison.outcomes import RATES
from faceaudit.error_rates import ErrorRate
from faceaudit.layout import by_rows, heads, lay_out
from faceaudit.pairing import Panel
from faceaudit.result import CheckResult, Scatter, ScatterPoint, Table, Test
from faceaudit.spec import Spec
from faceaudit.stats import IntArray
from faceaudit.stats.clusters import Cells
from faceaudit.stats.gaps import GapInterval, max_min_gap
from faceaudit.stats.intervals import paired_difference_interval, rate_interval
from faceaudit.stats.ranking import auc_difference, group_ranking
from faceaudit.stats.ranks import rank_ranges
from faceaudit.stats.worst import Worst, worst_group

DESCRIPTION = (
    "Every classifier is counted on the same {images}, those that all of them scored. Its ranks "
    "are those that the data do not exclude: one classifier comes before another only if it is "
    "shown to err less, image by image, with an interval that holds together with those of all "
    "other pairs at {confidence}, so that all true ranks are among them. The worst group is "
    "that of any tag with the highest rate, of those with at least {enough}; its interval allows "
    "for its being picked. The gap is the largest of any tag, and its interval allows for that. "
    "Each of these intervals holds on its own."
)

#: So many classifiers are told in a sentence, and the last.
MOST_TOLD = 3


@dataclass(frozen=True)
class Standing:
    """How one classifier does in one error rate."""

    name: str
    n: int
    wrong: int
    low: float
    high: float
    #: The first and the last rank that it may have.
    ranks: tuple[int, int]
    #: The group with the highest rate, in words, its number of images, and its rate.
    worst: tuple[str, int, Worst] | None
    #: By which tag the gap is largest, and the gap.
    gap: tuple[str, GapInterval] | None

    @property
    def value(self) -> float:
        """The error rate."""
        return self.wrong / self.n

    @property
    def rank(self) -> str:
        """The ranks in words."""
        best, worst = self.ranks
        return f"{best}" if best == worst else f"{best} to {worst}"


@dataclass(frozen=True)
class Leaderboard:
    """Several classifiers on the images that all of them scored."""

    panel: Panel
    names: Sequence[str]
    spec: Spec
    #: Of each difference between two of them, so that all hold together.
    confidence: float

    @cached_property
    def models(self) -> list[AuditInput]:
        """Each of them on those images, as an audit of it sees them."""
        models = [
            AuditInput(scores.table, scores.info, self.spec, summary.threshold)
            for scores, summary in zip(self.panel.shared, self.panel.summaries, strict=True)
        ]
        for model in models[1:]:
            # Images, groups and clusters are the same, and are worked out once.
            model.clusters = models[0].clusters
            model.images = models[0].images.rescored(model.table["p_ai"])
        return models

    @cached_property
    def standings(self) -> dict[ErrorRate, list[Standing]]:
        """Of each error rate that can be told, that of the question first: the best one first."""
        rates = sorted(RATES, key=lambda rate: rate.id != self.spec.rate)
        labels = self.models[0].images.is_ai
        return {rate: self._of(rate) for rate in rates if (labels == (rate.label == "ai")).any()}

    def _of(self, rate: ErrorRate) -> list[Standing]:
        best, worst = self._ranks(rate)
        each = [
            self._standing(rate, model, name, (int(first), int(last)))
            for model, name, first, last in zip(self.models, self.names, best, worst, strict=True)
        ]
        return sorted(each, key=lambda of: of.wrong)

    def _ranks(self, rate: ErrorRate) -> tuple[IntArray, IntArray]:
        """Compare all with each other, image by image."""
        of_label = self.models[0].images.is_ai == (rate.label == "ai")
        wrong = np.stack([model.wrong[of_label] for model in self.models]).astype(float)
        both = wrong @ wrong.T
        only_first, only_second = wrong.sum(axis=1)[:, None] - both, wrong.sum(axis=1) - both
        neither = wrong.shape[1] - only_first - only_second - both
        effects = np.ones_like(both)
        if (clusters := self.models[0].clusters) is not None:
            together = Cells(clusters[of_label], np.zeros(wrong.shape[1], int), 1)
            for i, j in combinations(range(len(wrong)), 2):
                effects[i, j] = effects[j, i] = together.design_effects(wrong[j] - wrong[i])[0]
        cells = (both, only_first, only_second, neither)
        a, b, c, d = (of / effects for of in cells)
        return rank_ranges(*paired_difference_interval(a, b, c, d, self.confidence))

    def _standing(
        self, rate: ErrorRate, model: AuditInput, name: str, ranks: tuple[int, int]
    ) -> Standing:
        confidence, tags = self.spec.confidence, self.spec.attributes
        counts = model.images.counts((), model.threshold)
        low, high = rate_interval(
            rate.events(counts.effective), rate.n(counts.effective), confidence
        )
        names: list[str] = []
        events, n, images = [], [], []
        gaps: list[tuple[str, GapInterval]] = []
        for tag in tags:
            found = model.images.counts((tag,), model.threshold)
            large = rate.n(found) >= max(self.spec.small_group, 1)
            some = found.pick(large)
            names += [say.group_title([say.tag_title(tag)], [group]) for group in some.labels]
            events.append(rate.events(some.effective))
            n.append(rate.n(some.effective))
            images.append(rate.n(some))
            if len(some.groups) > 1:
                gap = max_min_gap(events[-1], n[-1], 1 - (1 - confidence) / len(tags))
                gaps.append((say.tag_title(tag), gap))
        worst = None
        if names:
            highest = worst_group(np.concatenate(events), np.concatenate(n), confidence)
            worst = names[highest.group], int(np.concatenate(images)[highest.group]), highest
        return Standing(
            name,
            int(rate.n(counts)[0]),
            int(rate.events(counts)[0]),
            float(low[0]),
            float(high[0]),
            ranks,
            worst,
            max(gaps, key=lambda of: of[1].value, default=None),
        )

    def check(self, rate: ErrorRate) -> CheckResult:
        """Lay the standings in one error rate out."""
        standings = self.standings[rate]
        enough = say.counted(self.spec.small_group, "image")
        images = say.counted(standings[0].n, rate.image)
        return CheckResult(
            id=f"compare-leaderboard-{rate.id}",
            title=f"Leaderboard: {rate.name}",
            part="rates",
            description=DESCRIPTION.format(
                images=rate.images, enough=enough, confidence=say.percent(self.spec.confidence)
            ),
            status="info",
            sentence=told_together(rate, standings),
            details=[*self._scatter(rate), _table(standings, f"Error rates of {images}")],
        )

    def _scatter(self, rate: ErrorRate) -> list[Scatter]:
        points = [
            ScatterPoint(
                name=of.name,
                n=of.n,
                x=of.value,
                x_low=of.low,
                x_high=of.high,
                y=of.worst[2].value,
                y_low=of.worst[2].low,
                y_high=of.worst[2].high,
                note=f"{of.worst[0]} ({of.worst[1]:,})",
            )
            for of in self.standings[rate]
            if of.worst
        ]
        if not points:
            return []
        return [
            Scatter(
                title=f"{say.capitalised(rate.name)}: over all, and of the worst group",
                rate=rate.id,
                x_title=f"{rate.name}, over all",
                y_title=f"{rate.name}, of the worst group",
                points=points,
            )
        ]


def told_together(rate: ErrorRate, standings: Sequence[Standing]) -> str:
    """Tell the first standings and the last in short."""
    shown = [*standings[:MOST_TOLD], *standings[MOST_TOLD:][-1:]]
    each = [
        f"{of.name} {say.percent(of.value)} (rank {of.rank}"
        + (f"; {say.percent(of.worst[2].value)} of {of.worst[0]})" if of.worst else ")")
        for of in shown
    ]
    if len(standings) > len(shown):
        each.insert(-1, "…")
    return f"{say.capitalised(rate.images)} {rate.error}: {', '.join(each)}."


def _table(standings: Sequence[Standing], title: str) -> Table:
    rows = []
    for of in standings:
        group, n, worst = of.worst or ("", 0, None)
        tag, gap = of.gap or ("", None)
        in_worst = (worst.value, worst.low, worst.high) if worst else (None,) * 3
        of_gap = (gap.value, gap.low, gap.high) if gap else (None,) * 3
        own = of.name, of.rank, of.value, of.low, of.high
        rows.append((*own, group, n, *in_worst, tag, *of_gap))
    columns = (
        "classifier; rank; wrong:percent; from:percent; to:percent; "
        "worst group; its images:count; wrong in it:percent; from:percent; to:percent; "
        "largest gap by; gap:points; from:points; to:points"
    )
    return lay_out(title, by_rows(rows, columns))


def aucs(
    models: Sequence[AuditInput], names: Sequence[str], confidence: float
) -> tuple[list[Table], list[Test]]:
    """Compare how well the scores of each rank with those of the first (DeLong)."""
    first, is_ai = models[0].images, models[0].images.is_ai
    if min(is_ai.sum(), (~is_ai).sum()) < 2:
        return [], []
    cells = []
    if (clusters := models[0].clusters) is not None:
        cells = [Cells(clusters, np.where(of, 0, -1), 1) for of in (~is_ai, is_ai)]
    rows, tests = [], []
    for model, name in zip(models, names, strict=True):
        auc = group_ranking(model.images.runs(()), confidence).subgroup
        own = (name, *(float(of[0]) for of in (auc.value, auc.low, auc.high)))
        if model is models[0]:
            rows.append((*own, *[float("nan")] * 4))
            continue
        change = model.images.placement - first.placement
        effects = [float(of.design_effects(change)[0]) for of in cells] or [1.0, 1.0]
        found = auc_difference(
            first.placement, model.images.placement, is_ai, confidence, (effects[0], effects[1])
        )
        rows.append((*own, found.value, found.low, found.high, found.p))
        tests.append(Test(name=f"AUC, {name} and {names[0]}", method="DeLong", p=found.p))
    table = lay_out(
        "How well the scores rank, without a threshold",
        by_rows(
            rows,
            [
                *heads("classifier; AUC:percent; from:percent; to:percent"),
                (f"minus {names[0]}", "points"),
                *heads("from:points; to:points; p:p"),
            ],
        ),
        note="AUC: how often an AI-generated face scores above a real photograph. The differences "
        "are those of the same images (DeLong); each interval holds on its own.",
    )
    return [table], tests
