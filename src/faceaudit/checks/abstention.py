"""Abstention: whom does the classifier leave undecided, and how often is it wrong otherwise?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import gap_between
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import estimated, lay_out, number, text
from faceaudit.reading.columns import with_column
from faceaudit.result import Finding, Table
from faceaudit.schema import UNSURE, called_ai
from faceaudit.stats.clusters import clusters_of
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.rates import RateEstimate, estimate_of

#: What a gap is about that is none of an error rate.
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decisions:
    """The groups of some tags by what is left undecided and what is decided wrongly."""

    #: Of all images; an error is one that is left undecided.
    undecided: Counts
    #: Of the others, without the groups that have none.
    decided: Counts


def run(data: AuditInput, options: Options) -> Product:
    """Compare the groups by who is left undecided, and by the errors among the others."""
    if not _concerns(data):
        nothing = "The specification names no scores that are unsure, and no row is."
        return Product("not-estimable", nothing)
    everything, others = _images(data)
    overall, *groupings = (
        Decisions(everything.counts(tags, 0.5), others.counts(tags, data.threshold))
        for tags in ((), *data.spec.groupings)
    )
    findings = _gaps(groupings, data)
    sentence = " ".join(
        _overall(rate, overall, data)
        for rate in ERROR_RATES.values()
        if rate.n(overall.undecided).any()
    )
    if findings:
        widest = max(findings, key=lambda of: (of.weight, of.interval and of.interval.value))
        sentence += f" {widest.sentence}"
    tables = [
        _table(rate, found, data)
        for found in (overall, *groupings)
        for rate in ERROR_RATES.values()
        if rate.n(found.undecided).any()
    ]
    return Product("info", sentence, findings=findings, details=tables)


def _images(data: AuditInput) -> tuple[Images, Images]:
    """Return all images, called wrongly at 0.5 if they are undecided, and those decided."""
    scored, score = data.table, data.images.score
    low, high = data.spec.unsure or (data.threshold, data.threshold)
    within = called_ai(score, low) & ~called_ai(score, high)
    declined = _declined(data)
    table = pa.concat_tables([scored, declined])
    undecided = np.append(within, np.ones(len(declined), bool))
    is_ai = np.asarray(pc.equal(table["label"], "ai"))
    table = with_column(table, "p_ai", pa.array((undecided != is_ai).astype(np.float32)))
    decided = scored.filter(pa.array(~within))
    everything, others = (Images(of, clusters_of(of, data.spec.cluster)) for of in (table, decided))
    return everything, others


def _declined(data: AuditInput) -> pa.Table:
    """Return the rows that the classifier declined to score."""
    unscored = data.table.slice(0, 0) if data.unscored is None else data.unscored
    return unscored.filter(pc.equal(unscored["status"], UNSURE))


def _concerns(data: AuditInput) -> bool:
    return data.spec.unsure is not None or len(_declined(data)) > 0


def _gaps(groupings: Sequence[Decisions], data: AuditInput) -> list[Finding]:
    """Find all gaps between groups, which hold together: of who is undecided, and of errors."""
    asked = [
        (counts, words)
        for found in groupings
        for rate in ERROR_RATES.values()
        for counts, words in (
            (found.undecided, replace(rate, id=UNDECIDED, error="left undecided")),
            (found.decided, replace(rate, image=f"decided {rate.image}")),
        )
        if np.count_nonzero(rate.n(counts)) > 1
    ]
    confidence = 1 - (1 - data.spec.confidence) / max(len(asked), 1)
    gaps = (gap_between(counts, words, data, confidence) for counts, words in asked)
    return [gap for gap in gaps if gap is not None]


def _overall(rate: ErrorRate, found: Decisions, data: AuditInput) -> str:
    """Tell how many images are undecided, and how often the others are called wrongly."""
    confidence = data.spec.confidence
    undecided, decided, plain = (
        estimate_of(of, rate.id, confidence).take([0])
        for of in (found.undecided, found.decided, data.audited(()))
    )

    def share(of: RateEstimate, what: str) -> str:
        range_ = say.percent_range(of.low[0], of.high[0], confidence)
        return f"{say.percent(of.value[0])} {'is' if of.n[0] == 1 else 'are'} {what} ({range_})"

    told = f"Of {say.counted(int(undecided.n[0]), rate.image)} {share(undecided, 'left undecided')}"
    if not decided.n[0]:
        return f"{told}, and none is decided."
    return (
        f"{told}; of the {int(decided.n[0]):,} decided {share(decided, rate.error)}, and "
        f"{say.percent(plain.value[0])} of all with a score."
    )


def _table(rate: ErrorRate, found: Decisions, data: AuditInput) -> Table:
    """Lay out who is undecided, and the error rate of the others beside that of all."""
    tags, groups, confidence = found.undecided.tags, found.undecided.groups, data.spec.confidence
    undecided, decided, plain = (
        _of_groups(groups, estimate_of(counts, rate.id, confidence), counts)
        for counts in (found.undecided, found.decided, data.audited(tags))
    )
    by, band = say.attributes_title(tags), data.spec.unsure
    kinds = [
        f"scores from {band[0]:g} to below {band[1]:g}" if band else None,
        f"rows of status '{UNSURE}', which have no score" if len(_declined(data)) else None,
    ]
    notes = [
        f"Undecided are {' and '.join(filter(None, kinds))}.",
        f"The last column calls all images with a score, at the threshold of {data.threshold:g}.",
        f"Tags: {data.tag_source(tags)}." if tags else None,
        say.missing_note(found.undecided.missing, tags),
    ]
    return lay_out(
        f"{say.capitalised(rate.images)} left undecided" + (f", by {by}" if by else ""),
        [
            text(by or "images", found.undecided.labels),
            number(rate.images, "count", undecided.n),
            *estimated("undecided", "percent", undecided, confidence),
            number("decided", "count", decided.n),
            *estimated(f"{rate.column} of those decided", "percent", decided, confidence),
            number(f"{rate.column} ({rate.short})", "percent", plain.value, rate.name),
        ],
        note=" ".join(filter(None, notes)),
    )


def _of_groups(
    groups: Sequence[tuple[str, ...]], found: RateEstimate, counts: Counts
) -> RateEstimate:
    """Put an estimate into the order of all groups; what some lack is not a number."""
    place = {group: i for i, group in enumerate(counts.groups)}
    at = [place.get(group, len(place)) for group in groups]
    last = (0, 0, np.nan, np.nan, np.nan)
    return RateEstimate(
        *(np.append(of, end)[at] for of, end in zip(vars(found).values(), last, strict=True))
    )


CHECK = Check(
    id="abstention",
    title="Whom the classifier leaves undecided",
    part="specialist",
    description=(
        "A classifier need not decide: it may say that it is unsure, between two scores or by "
        "giving none. Whoever is left undecided has to be looked at by somebody, and fewer errors "
        "among the others may hide that one group is hardly ever decided. This compares both."
    ),
    run=run,
    concerns=_concerns,
)
