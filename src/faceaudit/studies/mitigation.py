"""Mitigation: which remedies help the groups that err most, at what price, and who pays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.checks.parts.sentences import fitting
from faceaudit.comparison.answer import who
from faceaudit.errors import FaceAuditError
from faceaudit.files import expect_writable
from faceaudit.layout import Head, Kind, by_rows, heads, lay_out
from faceaudit.mitigation import Given, all_methods
from faceaudit.mitigation.base import SMALLEST_GROUP, THRESHOLD
from faceaudit.result import Answer, CheckResult, Estimate, FigureAt, Forest, Result, files_in
from faceaudit.stats.clusters import clusters_of
from faceaudit.stats.counts import Images
from faceaudit.studies.holdout import Split, halved
from faceaudit.studies.mitigated import Counted, Mitigated, Setting, Verdict, compare_settings
from faceaudit.studies.runs import Tested
from faceaudit.studies.seed_intervals import AcrossSeeds, Mask
from faceaudit.studies.study import Study, check
from faceaudit.tables import Readable, Scores, read_scores, scored
from faceaudit.wording import attributes_title, capitalised, counted, interval_title, percent

PLAIN = "plain"
#: How a verdict reads after the remedy's name, the best first.
VERDICTS: dict[Verdict, str] = {
    "helps": "helps the worst group",
    "trades": "helps some while others pay",
    "not shown": "is not shown to change the worst group",
    "levels down": "levels down",
    "harms": "helps nobody while some pay",
}
#: Setting: the scores and the threshold of each seed.
Runs = dict[str, list[tuple[pa.Table, float]]]


@dataclass(frozen=True)
class Judged:
    """What every remedy does, those that help first, and why some could not be fitted."""

    plain: Setting
    found: list[Mitigated]
    #: How many images.
    fitted_on: int
    reasons: list[str]


@dataclass(frozen=True, kw_only=True)
class Mitigation(Study):
    """Train with remedies, mend the plain classifier's scores, and judge both on other images.

    Classifiers are trained plainly, at equal delivery, with data sets and with groups balanced, and
    by group DRO. Half of the testing images are for fitting what comes after, half for judging all.

    Parameters
    ----------
    groups : str
        The tag, or ``sources`` for the data set, whose groups count.
    target_fpr : float
        For methods that aim at a share of photographs called AI-generated.
    epochs : int
        As in `faceaudit.model.training.train`.
    confidence : float
        At which all that is shown holds together, and of each interval in tables.
    """

    name = "mitigation"
    title = "What mitigates errors, and who pays"
    question = (
        "Which remedies help the group of images with the most errors, at what price over all, and "
        "whose errors rise for it?"
    )
    groups: str = "sources"
    target_fpr: float = 0.05
    epochs: int = 4
    confidence: float = 0.95

    @property
    def _tags(self) -> tuple[str, ...]:
        return ("dataset" if self.groups == "sources" else self.groups,)

    def of_scores(self, scores: Readable, out: Path | str) -> Result:
        """Mend recorded scores only, without training; write ``study.json`` and ``report.html``.

        Images that the classifier was trained on are left out.
        """
        expect_writable(*files_in(out, "study"), inputs=[scores])
        given = read_scores(scores)
        unseen, model = scored(given), given.info.model
        if "in_training" in unseen.column_names:
            unseen = unseen.filter(pc.invert(pc.fill_null(unseen["in_training"], False)))
        threshold = model.threshold if model else THRESHOLD
        concluded = self._told(self.judge({PLAIN: [(unseen, threshold)]}))
        used = {model.id if model else "scores": Scores(unseen, given.info)}
        return self._write(out, used, *concluded, self._limits)

    def _settings(self, split: Split, seed: int) -> dict[str, tuple[dict[str, Any], pa.Table]]:
        settings: dict[str, dict[str, Any]] = {
            PLAIN: {},
            "equal-delivery": {"equal_delivery": True},
            "balanced-sources": {"balance": "sources"},
            f"balanced-{self.groups}": {"balance": self.groups},
            "group-dro": {"balance": self.groups, "objective": "group-dro"},
        }
        options = {"epochs": self.epochs}
        return {name: (options | more, split.training) for name, more in settings.items()}

    def _conclude(self, tested: Tested) -> tuple[str, Answer, list[CheckResult]]:
        runs: Runs = {}
        for table, run in zip(tested.tables, tested.runs, strict=True):
            name = run.folder.name.rpartition("-seed-")[0]
            runs.setdefault(name, []).append((table, run.threshold))
        return self._told(self.judge(runs))

    def _notes(self, split: Split) -> list[str]:
        return self._limits

    @property
    def _limits(self) -> list[str]:
        for_study = [
            f"{method.id} decides by {method.decides_by}: it treats people by what somebody took "
            "them for, and is shown for study only."
            for method in all_methods().values()
            if method.for_study
        ]
        return [
            "What is fitted after training was fitted on half of the testing images and is judged "
            "on the other half; pictures that hang together are in one of them.",
            "'Helps' means that the worst group's error rate is shown to fall and no group's to "
            "rise, and that no rate over all or of a worst group rises on its own either; it says "
            "nothing of groups by other tags.",
            *for_study,
        ]

    def judge(self, runs: Runs) -> Judged:
        """Fit on one half of the images, judge on the other.

        Raises
        ------
        FaceAuditError
            If no group has enough images that are judged.
        """
        half = halved(runs[PLAIN][0][0])
        fitted_on = [_part(table, half) for table, _ in runs[PLAIN]]
        plain, *others = (
            Setting(name, [_part(table, ~half) for table, _ in each], [at for _, at in each])
            for name, each in runs.items()
        )
        mended, reasons = self._mended(plain, fitted_on)
        found = compare_settings(plain, [*others, *mended], self._tags, self.confidence)
        if not found or not found[0].by_group:
            raise FaceAuditError(
                f"no group by {attributes_title(self._tags)} has {SMALLEST_GROUP} images of a "
                f"label among the {int((~half).sum()):,} that are judged; give more images"
            )
        return Judged(plain, sorted(found, key=_place), len(fitted_on[0]), reasons)

    def _told(self, judged: Judged) -> tuple[str, Answer, list[CheckResult]]:
        """Return the headline, the first screen, and the checks in the order of the page."""
        found = judged.found
        warnings = [self._warning(of) for of in found if "levelled down" in of.ways]
        sizes = (
            f"{counted(len(found), 'remedy', 'remedies')} × "
            f"{counted(len(judged.plain.scores), 'seed')}, fitted on {judged.fitted_on:,} images "
            f"and judged on {len(judged.plain.scores[0]):,} others."
        )
        return (
            self._headline(found),
            self._answer(found[0], sizes, " ".join(warnings)),
            [
                self._what_helps(judged.plain, found, judged.reasons),
                self._who_pays(found, warnings),
            ],
        )

    def _mended(
        self, plain: Setting, fitted_on: Sequence[Images]
    ) -> tuple[list[Setting], list[str]]:
        """Fit every method for every seed; return what it makes of the rest, and why some fail."""
        settings, reasons = [], []
        for of in all_methods().values():
            name = f"{of.id} (for study only)" if of.for_study else of.id
            try:
                fitted = [
                    of.fit(images, Given(self._tags, at, self.target_fpr, self.confidence))
                    for images, at in zip(fitted_on, plain.thresholds, strict=True)
                ]
            except FaceAuditError as error:
                reasons.append(f"{name} could not be fitted: {error}.")
                continue
            scores = [
                images.rescored(pa.chunked_array([pa.array(each.apply(images), pa.float32())]))
                for each, images in zip(fitted, plain.scores, strict=True)
            ]
            learned = "; ".join(dict.fromkeys(each.told for each in fitted))
            at = [THRESHOLD] * len(scores)
            settings.append(Setting(name, scores, at, of.decides_by, learned, of.ranks))
        return settings, reasons

    # --- what is told -----------------------------------------------------------------------

    def _headline(self, found: Sequence[Mitigated]) -> str:
        n, lead = counted(len(found), "remedy", "remedies"), found[0]
        down = sum("levelled down" in of.ways for of in found)
        warned = f"; {counted(down, 'levels down', 'level down')}" if down else ""
        if "worst group better" not in lead.ways:
            return f"{n}: none is shown to help the group with the most errors{warned}."
        does = f"{n}: {lead.setting.name} {VERDICTS[lead.verdict]}"
        shown = lead.by_group[lead.ways.index("worst group better")]
        return fitting(f"{does} ({self._worst(shown)}){warned}.", f"{does}{warned}.")

    def _worst(self, of: Counted) -> str:
        (name, now), (before, was) = (
            of.worst(self.confidence, plain=side) for side in (False, True)
        )
        other = "" if name == before else f"; plain: {before}"
        return (
            f"{percent(now.mean[0])} against {percent(was.mean[0])} of the {of.rate.images} of the "
            f"worst group ({name}{other}) {of.rate.error}"
        )

    def _answer(self, lead: Mitigated, sizes: str, why: str) -> Answer:
        amounts = [
            f"{of.rate.images} {of.rate.error} {where} {_change(change)}"
            for where, each in (("in the worst group", lead.by_group), ("over all", lead.overall))
            for of in each
            for change in of.extremes(self.confidence)[:1]
        ]
        return Answer(
            rate=lead.by_group[0].rate.id,
            tags=list(self._tags),
            who=f"With {_gain_and_pay(lead)}",
            how_much=f"{lead.setting.name}: {'; '.join(amounts)}.",
            how_sure=(
                f"{sizes} All that is shown holds together at {100 * self.confidence:g} %; each "
                f"{interval_title(self.confidence)} on its own."
            ),
            why=why,
            figure=FigureAt(check="mitigation", detail=0),
        )

    def _warning(self, of: Mitigated) -> str:
        """Say that a gap closes at the cost of those who had few errors."""
        which = of.by_group[of.ways.index("levelled down")]
        worst, best, gap = map(_change, which.extremes(self.confidence))
        return (
            f"Levelling down: with {of.setting.name} the gap in {which.rate.images} "
            f"{which.rate.error} closes ({gap}) because the best group gets worse ({best}); the "
            f"worst is not shown to get better ({worst})."
        )

    def _what_helps(
        self, plain: Setting, found: Sequence[Mitigated], reasons: Sequence[str]
    ) -> CheckResult:
        findings = {
            f"{capitalised(of.setting.name)} {VERDICTS[of.verdict]}: "
            f"{'; '.join(map(self._worst, of.by_group))}.": 0.9 - 0.1 * i
            for i, of in enumerate(found)
        }
        own, lead = f"{interval_title(self.confidence)}s, each on its own", found[0]
        forests = [self._forest(found, i) for i in range(len(lead.by_group))]
        none = AcrossSeeds(*[np.array([np.nan])] * 5)
        first = [of.rates(self.confidence, plain=True) for of in lead.overall]
        overall = [(plain, first)] + [
            (of.setting, [each.rates(self.confidence) for each in of.overall]) for of in found
        ]
        over_all = by_rows(
            [
                (of.name, of.decides_by, of.learned, *_three(*rates, of.auc(self.confidence)))
                for of, rates in overall
            ],
            [
                *heads("remedy; decides by; fitted"),
                *_heads("percent", *(f"{of.rate.images} {of.rate.error}" for of in lead.overall)),
                *_heads("number", "AUC"),
            ],
        )
        extremes = by_rows(
            [
                (
                    *_names(of, counts),
                    (worst := counts.worst(self.confidence))[0],
                    *_three(worst[1], *(*counts.extremes(self.confidence), none)[:3]),
                    way or "–",
                )
                for of in found
                for counts, way in zip(of.by_group, of.ways, strict=True)
            ],
            [
                *heads("remedy; error; worst group"),
                *_heads("percent", "its rate"),
                *_heads("points", "worst minus plain", "best minus plain", "gap minus plain"),
                ("shown", "text"),
            ],
        )
        valid = f"{own}, valid whichever groups are the worst and the best."
        return check(
            "mitigation",
            "What helps the group with the most errors, and its price",
            "rates",
            "Each remedy is held against the plain classifier on the same images, on none of which "
            "it was trained or fitted. The worst group is that with the highest error rate; over "
            "several seeds, the mean of each seed's worst. A gap that closes because the best "
            "group gets worse, while the worst gets no better, is levelled down.",
            findings,
            [
                *forests,
                lay_out("Over all judged images", over_all, note=" ".join([f"{own}.", *reasons])),
                lay_out("The worst group, the best, and the gap", extremes, note=valid),
            ],
        )

    def _forest(self, found: Sequence[Mitigated], i: int) -> Forest:
        """Draw how much each remedy changes the worst group's rate."""
        rate, rows = found[0].by_group[i].rate, []
        for of in found:
            counts = of.by_group[i]
            value, low, high = _three(counts.extremes(self.confidence)[0])
            n, name = int(counts.n.sum()), of.setting.name
            rows.append(Estimate(group=name, n=n, value=value, low=low, high=high))
        return Forest(
            title=f"The worst group's {rate.name}, remedy minus plain",
            measure=f"{rate.images} of the worst group {rate.error}, minus plain",
            scale="points",
            attribute="remedy",
            rows=rows,
            reference=0.0,
            reference_label=PLAIN,
        )

    def _who_pays(self, found: Sequence[Mitigated], warnings: Sequence[str]) -> CheckResult:
        rows: list[tuple[Any, ...]] = []
        for of in found:
            ways = {(one.rate, one.group): one.way for one in of.shown if one.tags}
            for counts in of.by_group:
                was, now = (counts.rates(self.confidence, plain=side) for side in (True, False))
                three = zip(*counts.changes(self.confidence)[:3], strict=True)
                cells = zip(counts.groups, counts.n, was.mean, now.mean, three, strict=True)
                for group, n, first, second, change in cells:
                    told = {1: "pays", -1: "gains"}.get(ways.get((counts.rate, group), 0), "–")
                    numbers = map(float, (first, second, *change))
                    rows.append((*_names(of, counts), group, int(n), *numbers, told))
        table = by_rows(
            rows,
            [
                *heads("remedy; error"),
                (attributes_title(self._tags), "text"),
                *heads("images:count; plain:percent; with it:percent"),
                *heads("change:points; from:points; to:points; shown"),
            ],
        )
        note = (
            f"{interval_title(self.confidence)}s, each on its own; who is said to gain or to pay "
            "is shown to, all of them together."
        )
        findings = {capitalised(_gain_and_pay(of)): 0.5 - 0.05 * i for i, of in enumerate(found)}
        return check(
            "who-pays",
            "Who gains and who pays",
            "gaps",
            "The groups whose error rate falls or rises against the plain classifier.",
            dict.fromkeys(warnings, 1.0) | findings,
            [lay_out("Every group", table, note=note)],
        )


def _place(of: Mitigated) -> tuple[int, bool, float]:
    """Order remedies: those that help first, for study only last, then by all that they change."""
    changes = [each.extremes(0.95)[0].mean[0] for each in (*of.overall, *of.by_group)]
    return list(VERDICTS).index(of.verdict), "study" in of.setting.name, float(sum(changes))


def _part(table: pa.Table, rows: Mask) -> Images:
    part = table.filter(pa.array(rows))
    return Images(part, clusters_of(part))


def _names(of: Mitigated, counts: Counted) -> tuple[str, str]:
    return of.setting.name, f"{counts.rate.images} {counts.rate.error}"


def _three(*found: AcrossSeeds) -> list[float]:
    """Give each one's first mean and the ends of its interval."""
    return [float(end[0]) for of in found for end in of[:3]]


def _heads(kind: Kind, *titles: str) -> list[Head]:
    return [(each, kind) for title in titles for each in (title, "from", "to")]


def _change(of: AcrossSeeds) -> str:
    value, low, high = (f"{100 * end:+.1f}" for end in _three(of))
    return f"{value} points ({low} to {high})"


def _gain_and_pay(of: Mitigated) -> str:
    """Say who gains and who loses, by group and over all."""
    said = who([one for one in of.shown if one.tags]) or "No group is shown to gain or to lose."
    over_all = [
        f"{one.images} {one.rate.error} over all {' to '.join(one.rates)}"
        for one in of.shown
        if not one.tags
    ]
    if of.price and not any(one.way > 0 for one in of.shown):
        over_all.append("but a rate over all, or of a worst group, rises on its own")
    return f"{of.setting.name}: {'; '.join([said[0].lower() + said[1:-1], *over_all])}."
