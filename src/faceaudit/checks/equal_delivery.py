"""Equal delivery: what remains of each gap when all pictures are delivered alike?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.checks.parts.sentences import at_one_delivery, cause
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.errors import FaceAuditError
from faceaudit.layout import by_rows, lay_out
from faceaudit.result import Finding, GroupRate, OneDelivery, SlopeRow, Slopes, Table
from faceaudit.schema import called_ai, variant_columns
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.stats.gaps import observed_gaps, pairwise_confidence
from faceaudit.stats.intervals import difference_interval, rate_interval, rate_of
from faceaudit.stats.paired import Change
from faceaudit.stats.ranking import group_ranking
from faceaudit.stats.rates import of_large_groups
from faceaudit.stats.thresholds import thresholds_for_fpr
from faceaudit.variants.delivery import equal_delivery, in_words

#: Of each gap and threshold is said what remains, and what was delivery.
CLAIMS = 2
OWN, SAME = "audited", "of the same FPR"


class EqualDeliveryOptions(Options):
    """Which of the deliveries that were scored."""

    delivery: str | None = Field(
        default=None,
        description="As in --deliver; without it, the first that is of no series of worse ones.",
    )


@dataclass(frozen=True)
class Both:
    """The same images as they were delivered, and at one delivery."""

    data: AuditInput
    delivery: str
    first: Images
    second: Images

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """The audited one, and the one that calls as many photographs AI-generated as before."""
        real, own = ~self.first.is_ai, self.data.threshold
        found = {OWN: own}
        if real.any():
            before, everybody = called_ai(self.first.score[real], own).mean(), np.zeros(real.sum())
            scores = self.second.score[real]
            found[SAME] = float(thresholds_for_fpr(scores, everybody.astype(int), 1, before)[0])
        return found

    @cached_property
    def confidence(self) -> float:
        """At which all that is said of gaps holds together."""
        return 1 - (1 - self.data.claim_confidence) / (CLAIMS * len(self.thresholds))

    def change(
        self, tags: Sequence[str], rate: ErrorRate, threshold: float, confidence: float
    ) -> Change:
        """Estimate how much the error rate of each group changes."""
        grouping, is_ai = self.first.grouping(tags), self.first.is_ai
        wrong = called_ai(self.first.score, self.data.threshold) != is_ai
        change = (called_ai(self.second.score, threshold) != is_ai) - wrong.astype(float)
        group = np.where(is_ai == (rate.label == "ai"), grouping.code, -1)
        return Change.of(change, group, len(grouping.groups), confidence, self.first.clusters)

    def rates(self, tags: Sequence[str], rate: ErrorRate, threshold: float) -> FloatArray:
        """Count errors and images of each group at one delivery, as many as they are worth."""
        counts = self.second.counts(tags, threshold).effective
        return np.stack([rate.events(counts), rate.n(counts)])

    def gaps(self, tags: Sequence[str], rate: ErrorRate) -> list[dict[str, Finding]]:
        """Take the two groups that are furthest apart as delivered, by threshold at one delivery.

        Where nothing is shown of them, the two of which most is shown too; none without two large
        groups.
        """
        counts = self.first.counts(tags, self.data.threshold)
        events, n = of_large_groups(counts, rate.id, self.data.spec.small_group)
        large = np.flatnonzero(n)
        if len(large) < 2:
            return []
        (most,), (least,) = observed_gaps(events[None], n)[1:]
        pairs = np.array([(most, least), *permutations(large, 2)]).T
        value = rate_of(events, np.maximum(n, 1))
        each = pairwise_confidence(len(large), self.confidence)
        found = {}
        for name, threshold in self.thresholds.items():
            again = self.rates(tags, rate, threshold)
            (x, y), (of, other) = again[:, pairs]
            change, fall, rise = self.change(tags, rate, threshold, each).minus(*pairs)
            remains = (x / of - y / other, *difference_interval(x, of, y, other, each))
            found[name] = np.stack([*remains, -change, -rise, -fall])
        apart = value[pairs[0]] - value[pairs[1]]
        sure = np.where(apart > 0, found[OWN][[1, 4]].max(axis=0), -np.inf)
        told = [0, *([int(sure.argmax())] if sure[0] <= 0 < sure.max() else [])]
        return [
            {
                name: self._told(tags, rate, groups, numbers[:, i].tolist())
                for name, numbers in found.items()
            }
            for i in told
            if (groups := named_groups(counts.groups, events, n, pairs[:, i].tolist()))
        ]

    def _told(
        self, tags: Sequence[str], rate: ErrorRate, groups: list[GroupRate], of: Sequence[float]
    ) -> Finding:
        """Tell what remains of a gap, its limits, and the same of the part that was delivery."""
        fields = ("value", "low", "high", "part", "part_low", "part_high")
        one = OneDelivery(
            delivery=self.delivery,
            confidence=self.confidence,
            **dict(zip(fields, of, strict=True)),
        )
        named = " and ".join(
            f"{say.group_title(tags, of.group)} ({say.percent(of.value)} of {of.n:,})"
            for of in groups
        )
        return Finding(
            sentence=f"As delivered, {rate.images} tagged {named} are "
            f"{say.points(groups[0].value - groups[1].value)} apart in how often they are "
            f"{rate.error}; {at_one_delivery(one)}.",
            status="info",
            weight=max(one.low, one.part_low, 0.0),
            tags=list(tags),
            groups=groups,
            rate=rate.id,
            n=sum(of.n for of in groups),
            held_equal=["delivery"],
            one_delivery=one,
        )


def concerns(data: AuditInput) -> bool:
    """Whether the pictures were scored at one delivery."""
    return equal_delivery(variant_columns(data.table)) is not None


def run(data: AuditInput, options: EqualDeliveryOptions) -> Product:
    """Put each gap as delivered beside what remains of it at one delivery."""
    columns = variant_columns(data.table)
    name = options.delivery or equal_delivery(columns)
    if name is None:
        remedy = "Score with --deliver size=224,jpeg=85."
        return Product("not-estimable", f"No picture was scored at one delivery. {remedy}")
    if name not in columns:
        raise FaceAuditError(
            f"{data.spec.name}: checks.{CHECK.id}: the scores have no column p_ai[{name}] (of "
            f"variants they have {', '.join(columns) or 'none'}); score with --deliver {name}"
        )
    again = data.table[columns[name]]
    there = np.asarray(pc.is_valid(again))
    if not there.any():
        return Product("not-estimable", f"No picture has a score at the delivery {name}.")
    some = data.images if there.all() else data.images_of(there)
    both = Both(data, name, some, some.rescored(again.filter(there)))
    gaps = [
        gap
        for tags in data.spec.groupings
        for rate in ERROR_RATES.values()
        for gap in both.gaps(tags, rate)
    ]
    causes = [cause(one) for of in gaps if (one := of[OWN].one_delivery)]
    counts = ", ".join(f"{of} ({causes.count(of)})" for of in dict.fromkeys(causes))
    told = f" Of {say.counted(len(gaps), 'gap')} between groups: {counts}."
    findings = sorted((of[OWN] for of in gaps), key=lambda found: -found.weight)
    overall = _overall(both)
    return Product(
        "info",
        f"{overall.note}{told if gaps else ''}",
        findings=findings,
        details=[_gaps(both, gaps) if gaps else None, overall, *_slopes(both)],
    )


def _gaps(both: Both, gaps: Sequence[dict[str, Finding]]) -> Table:
    rows = []
    for name in both.thresholds:
        for found in (of[name] for of in gaps):
            one, (most, least) = found.one_delivery, found.groups
            assert one is not None, "the gap has been found at that delivery"
            rows.append(
                (
                    say.attributes_title(found.tags),
                    ERROR_RATES[str(found.rate)].short,
                    *(" × ".join(of.group) for of in (most, least)),
                    name,
                    most.value - least.value,
                    *(one.value, one.low, one.high, one.part, one.part_low, one.part_high),
                    cause(one),
                )
            )
    out = len(both.data.table) - len(both.first)
    return lay_out(
        "Gaps as delivered and at one delivery",
        by_rows(
            rows,
            "by; error rate; highest; lowest; threshold; as delivered:points; "
            "remains:points; from:points; to:points; "
            "was delivery:points; from:points; to:points; so",
        ),
        note="The same two groups and images twice, the second time each at "
        f"{in_words(both.delivery)}. {say.interval_title(both.data.spec.confidence)}s, which "
        "hold for all gaps, pairs of groups, thresholds and both parts at once. What a picture "
        "lost before is not restored, and the face stays where it lies in it: some of what "
        "remains may be that."
        + (f" Without a score at that delivery: {say.counted(out, 'image')}." if out else ""),
    )


def _overall(both: Both) -> Table:
    """Put the error rates over all images side by side; its note tells them."""
    confidence, rows, told = both.data.spec.confidence, [], []
    before = both.first.counts((), both.data.threshold)
    for name, threshold in both.thresholds.items():
        for rate in ERROR_RATES.values():
            x, n = int(rate.events(before)[0]), int(rate.n(before)[0])
            if not n or (name == SAME and rate.label == "real"):
                continue
            old = (rate.events(before.effective)[0], rate.n(before.effective)[0])
            new = both.rates((), rate, threshold)[:, 0]
            change = both.change((), rate, threshold, confidence)
            rates = [
                (of / m, *map(float, rate_interval(of, m, confidence))) for of, m in (old, new)
            ]
            changes = [float(of[0]) for of in (change.value, change.low, change.high)]
            rows.append((rate.short, n, name, *rates[0], *rates[1], *changes))
            if name == OWN:
                shares = f"{say.percent(rates[1][0])} instead of {say.percent(x / n)}"
                told.append(f"{shares} of {say.counted(n, rate.image)} are {rate.error}")
    aucs = [group_ranking(of.runs(()), confidence).subgroup for of in (both.first, both.second)]
    shown = [f"{of.value[0]:.3f} ({of.low[0]:.3f} to {of.high[0]:.3f})" for of in reversed(aucs)]
    auc = "" if np.isnan(aucs[0].value[0]) else f"; AUC {' instead of '.join(shown)}"
    return lay_out(
        "Errors over all images, as delivered and at one delivery",
        by_rows(
            rows,
            "error rate; images:count; threshold; "
            "as delivered:percent; from:percent; to:percent; "
            "at one delivery:percent; from:percent; to:percent; "
            "change:points; from:points; to:points",
        ),
        note=f"With every picture delivered alike ({in_words(both.delivery)}), "
        f"{' and '.join(told)}{auc}.",
    )


def _slopes(both: Both) -> Iterator[Slopes]:
    """Draw each group's error rate that is asked about, as delivered and at one delivery."""
    own, confidence = both.data.threshold, both.data.spec.confidence
    for tags in ([tag] for tag in both.data.spec.attributes):
        counts = both.first.counts(tags, own)
        for rate in ERROR_RATES.values():
            if both.data.spec.rate not in (None, rate.id):
                continue
            change = both.change(tags, rate, own, confidence)
            shown = np.flatnonzero(change.n)
            if len(shown) < 2:
                continue
            first = rate_of(rate.events(counts), change.n)
            by = say.attributes_title(tags)
            yield Slopes(
                title=f"{say.capitalised(rate.images)} {rate.error} by {by}, delivered alike",
                note=f"Each change with its own {say.interval_title(confidence)}.",
                measure=f"{rate.images} {rate.error} ({rate.short})",
                rate=rate.id,
                attribute=by,
                tag_source=both.data.tag_source(tags),
                first_name="as delivered",
                second_name="at one delivery",
                rows=[
                    SlopeRow(
                        group=counts.labels[i],
                        n=change.n[i],
                        first=first[i],
                        second=first[i] + change.value[i],
                        difference=change.value[i],
                        low=change.low[i],
                        high=change.high[i],
                    )
                    for i in shown
                ],
            )


CHECK = Check(
    id="equal-delivery",
    title="What remains at one delivery",
    description=(
        "A classifier may go by how a picture was delivered (its size, its compression) and not by "
        "who is in it. Here every picture was delivered alike and scored again, so that each gap "
        "is seen twice, between the same two groups of the same images. What is left at one "
        "delivery is not size or compression, but may be what a picture had lost before, or how "
        "the face lies in it; the rest of the gap was delivery. As all scores move, this is also "
        "shown at the threshold that calls as many photographs AI-generated as before."
    ),
    run=run,
    options=EqualDeliveryOptions,
    concerns=concerns,
)
