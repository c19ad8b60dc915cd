"""A gap beside its twin: the same two groups among pictures of one data set, delivered alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faceaudit import wording as say
from faceaudit.checks.base import AuditInput
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import Values, lay_out, number, text
from faceaudit.result import EqualDelivery, Finding, Table, nan_to_none
from faceaudit.stats import IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.delivery import split_gap, stratified_gap
from faceaudit.stats.gaps import pairwise_confidence


def at_equal_delivery(
    data: AuditInput, counts: Counts, rate: ErrorRate, ends: tuple[int, int], confidence: float
) -> EqualDelivery | None:
    """Compare two of the groups within kinds of picture; None if all pictures are of one kind.

    Parameters
    ----------
    counts : Counts
        At the audited threshold.
    ends : tuple of int
        The groups with the highest and the lowest rate.
    confidence : float
        At which the interval holds for any two groups, since these were picked.
    """
    sides = [_by_kind(data, counts, rate, group) for group in ends]
    seen = np.flatnonzero(sides[0][1] + sides[1][1])
    if len(seen) < 2:
        return None
    plain = [of[seen] for side in sides for of in side]
    images, effective = (rate.n(of) for of in (counts, counts.effective))
    parts = zip(plain, np.repeat(ends, 2), strict=True)
    x1, n1, x2, n2 = (of * effective[i] / images[i] for of, i in parts)
    each = pairwise_confidence(int(np.count_nonzero(images)), confidence)
    found, split = stratified_gap(x1, n1, x2, n2, each), split_gap(*plain)
    return EqualDelivery(
        value=nan_to_none(found.value),
        low=nan_to_none(found.low),
        high=nan_to_none(found.high),
        confidence=confidence,
        overlap=found.overlap,
        **split._asdict(),
    )


def _by_kind(
    data: AuditInput, counts: Counts, rate: ErrorRate, group: int
) -> tuple[IntArray, IntArray]:
    """Count a group's errors and images of every kind of picture."""
    grouping = data.images.grouping(counts.tags)
    outcome = data.outcome_by_kind[grouping.kept == grouping.groups.index(counts.groups[group])]
    kinds = int(data.delivery.max()) + 1
    real, ai = np.bincount(outcome, minlength=4 * kinds).reshape(kinds, 2, 2).transpose(1, 2, 0)
    of_kinds = Counts((), [()] * kinds, real.sum(axis=0), real[1], ai.sum(axis=0), ai[1])
    return rate.events(of_kinds), rate.n(of_kinds)


def gaps_at_equal_delivery(gaps: Sequence[Finding]) -> Table | None:
    """Lay out every gap beside its twin, and of what parts it is; None if none has one."""
    twins = [(of, of.equal_delivery) for of in gaps if of.equal_delivery and of.interval]
    if not twins:
        return None
    found = [of for of, _ in twins]
    confidence = twins[0][1].confidence

    def points(title: str, name: str, help: str | None = None) -> Values:
        return number(title, "points", [getattr(twin, name) for _, twin in twins], help)

    return lay_out(
        "Gaps at equal delivery",
        [
            text("by", [say.attributes_title(of.tags) for of in found]),
            text("error rate", [ERROR_RATES[str(of.rate)].short for of in found]),
            *(
                text(title, [" × ".join(of.groups[i].group) if of.groups else None for of in found])
                for i, title in enumerate(("highest", "lowest"))
            ),
            number("gap", "points", [of.interval and of.interval.value for of in found]),
            points("at equal delivery", "value", "Mantel–Haenszel, over kinds of picture"),
            points("from", "low"),
            points("to", "high"),
            number(
                "compared",
                "percent",
                [twin.overlap for _, twin in twins],
                "their images of a kind that both have",
            ),
            points("other pictures", "pictures", "part of the gap: they come in other kinds"),
            points("other rates", "rates", "part of the gap: other rates within a kind"),
            points("without counterpart", "alone", "part of the gap: kinds that one of them lacks"),
        ],
        note="The same two groups compared within kinds of picture, which are of one data set, and "
        "delivered alike as far as the classifier treats delivery differently (size, shape, "
        f"compression, format). {say.interval_title(confidence)}s, which hold for all gaps and "
        "pairs of groups at once. The last three columns add up to the gap.",
    )
