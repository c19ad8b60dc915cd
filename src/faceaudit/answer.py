"""The answer to an audit's question, for the first screen: who, how much, how sure, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from faceaudit import wording as say
from faceaudit.checks import AuditInput
from faceaudit.checks.parts.sentences import gap_headline, twin
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.result import (
    Answer,
    CheckResult,
    FigureAt,
    Finding,
    Forest,
    OverallRate,
    Status,
)
from faceaudit.stats.rates import estimate_of

#: Of these statuses the first that a gap of the question has is the audit's.
_ORDER: tuple[Status, ...] = ("fail", "error", "insufficient-evidence", "pass", "not-estimable")


def status_of(results: Sequence[CheckResult], rate: str | None = None) -> Status:
    """Return the gravest verdict on the gaps that the question is about.

    They are those of the error rate `rate`, or of all. A check that holds nothing against a limit
    may veto and never confer: what it fails, or has not the evidence for, is so for the whole; its
    `pass` is none. If no limit was to be judged, the whole informs, or is not estimable if no check
    found anything.
    """
    decisive: set[Status] = {
        gap.status for of in results for gap in of.verdicts if rate in (None, gap.rate)
    }
    vetoes: tuple[Status, ...] = ("fail", "error", "insufficient-evidence")
    decisive |= {of.status for of in results if not of.verdicts and of.status in vetoes}
    if any(of.status == "error" for of in results):
        decisive.add("error")
    found = {of.status for of in results}
    # What is compared without a limit informs, beside the gaps that could not be judged.
    nothing: Status = "not-estimable" if found - {"pass"} == {"not-estimable"} else "info"
    return next((status for status in _ORDER if status in decisive), nothing)


class Question:
    """What a specification asks, and what the checks found on it."""

    def __init__(self, data: AuditInput, results: Sequence[CheckResult]) -> None:
        self.data, self.results = data, results
        self.status = status_of(results, data.spec.rate)
        found = [found for of in results for found in of.findings]
        #: The gaps between groups in the error rate that is asked about, the gravest first.
        self.gaps = sorted(filter(self._is_asked, found), key=self._gravity)
        if any(gap.limit is not None for gap in self.gaps):
            self.gaps = [gap for gap in self.gaps if gap.limit is not None]
        self.lead = self.gaps[0] if self.gaps else None

    def _is_asked(self, found: Finding) -> bool:
        return (
            found.rate in ERROR_RATES
            and self.data.spec.rate in (None, found.rate)
            and found.interval is not None
            and bool(found.tags)
        )

    def _gravity(self, found: Finding) -> tuple[object, ...]:
        value = found.interval.value if found.interval else 0.0
        answers = found.status != self.status
        return answers, found.rate != "fpr", -found.weight, -value

    @property
    def rate(self) -> ErrorRate:
        """The error rate that the answer tells."""
        return ERROR_RATES[self.data.spec.rate or (self.lead and self.lead.rate) or "fpr"]

    def headline(self) -> str:
        """Say the answer in at most 25 words."""
        veto = next(
            (of for of in self.results if of.status == self.status and not of.verdicts), None
        )
        if self.status == "error":
            broken = next(of for of in self.results if of.status == "error")
            return f"'{broken.title}' broke off, so the question is not answered."
        if self.status == "not-estimable":
            return "These data cannot answer the question: there are no two groups to compare."
        if self.lead is not None and self.lead.status == self.status:
            return gap_headline(self.lead, self.gaps)
        briefs = [of.brief for of in (veto.findings if veto else []) if of.brief]
        return briefs[0] if briefs else self._over_all_images()

    def _over_all_images(self) -> str:
        parts = [
            f"{say.out_of(of.events, of.n, rate.image)} {rate.error}"
            for of in self.overall()
            for rate in [ERROR_RATES[of.rate]]
        ]
        return " and ".join(parts) + "."

    def overall(self) -> list[OverallRate]:
        """Give each error rate over all images that there is."""
        counts, rates = self.data.audited(()), []
        for rate in ERROR_RATES.values():
            found = estimate_of(counts, rate.id, self.data.spec.confidence)
            if n := int(np.ravel(found.n)[0]):
                events, low, high = (
                    np.ravel(of)[0] for of in (found.events, found.low, found.high)
                )
                rates.append(
                    OverallRate(
                        rate=rate.id, n=n, events=int(events), low=float(low), high=float(high)
                    )
                )
        return rates

    def who(self) -> str:
        """Name the groups that are shown to suffer more, and those for which nothing is shown."""
        parts = []
        for gap in self.gaps:
            if gap.interval and gap.interval.low > 0 and len(gap.groups) > 1:
                most, least = (
                    f"'{', '.join(of.group)}' ({of.events:,} of {of.n:,})" for of in gap.groups
                )
                parts.append(f"by {say.attributes_title(gap.tags)} {most} most, {least} least")
        unshown = [
            say.attributes_title(of.tags)
            for of in self.gaps
            if of.interval and of.interval.low <= 0
        ]
        if unshown:
            parts.append(f"no difference shown by {', '.join(unshown)}")
        return say.capitalised("; ".join(parts)) + "." if parts else ""

    def how_much(self) -> str:
        """Tell the gap that leads, with its interval, and the limit."""
        if self.lead is None or self.lead.interval is None:
            return ""
        gap = self.lead.interval
        limit = (
            ""
            if self.lead.limit is None
            else (f"; the limit is {say.points(self.lead.limit)}, {say.LIMIT_NOTE}")
        )
        told = say.points_range(gap.low, gap.upper, gap.confidence)
        return (
            f"By {say.attributes_title(self.lead.tags)} the gap is {say.points(gap.value)} "
            f"({told}){limit}."
        )

    def how_sure(self) -> str:
        """Count what is settled and what is not, of this error rate and of the others."""
        return " ".join(self._settled())

    def _settled(self) -> Iterator[str]:
        words = {
            "fail": "beyond the limit",
            "pass": "within it",
            "insufficient-evidence": "not settled",
            "not-estimable": "not estimable",
        }
        judged = [gap for of in self.results for gap in of.verdicts]
        for rate in sorted(ERROR_RATES.values(), key=lambda of: of != self.rate):
            gaps = [gap for gap in judged if gap.rate == rate.id]
            counts = {
                said: [say.attributes_title(gap.tags) for gap in gaps if gap.status == status]
                for status, said in words.items()
            }
            told = [
                f"{len(tags)} {said} ({', '.join(tags)})" for said, tags in counts.items() if tags
            ]
            if told:
                images = f"{rate.images} {rate.error}"
                yield f"Of {say.counted(len(gaps), 'gap')} in {images}: {'; '.join(told)}."
        if judged:
            yield f"All verdicts hold together at {100 * self.data.spec.confidence:g} %."

    def why(self) -> str:
        """Say whether the gap is the person or the delivery, as far as these data tell."""
        parts = [twin(self.lead)] if self.lead else []
        return " ".join(filter(None, [*parts, *self._coinciding()]))

    def _coinciding(self) -> Iterator[str]:
        """Say where all images with a tag are of one data set."""
        table, rate = self.data.table, self.rate
        of_label = pc.equal(table["label"], rate.label) if rate.label else None
        images = table if of_label is None else table.filter(of_label)
        if pc.count_distinct(images["dataset"]).as_py() < 2:
            return
        alone: dict[tuple[str, int], list[str]] = {}
        for tag in dict.fromkeys(tag for gap in self.gaps for tag in gap.tags):
            if tag == "dataset" or tag not in images.column_names:
                continue
            tagged = images.filter(pc.is_valid(images[tag]))["dataset"]
            if len(tagged) < len(images) and pc.count_distinct(tagged).as_py() == 1:
                alone.setdefault((tagged[0].as_py(), len(tagged)), []).append(say.tag_title(tag))
        for (dataset, n), tags in alone.items():
            yield (
                f"All {say.counted(n, rate.image)} tagged {', '.join(tags)} are of {dataset}: "
                "tag and source are one there."
            )

    def figure(self) -> FigureAt | None:
        """Find the forest plot of the groups of the gap that leads."""
        by = say.attributes_title(self.lead.tags) if self.lead else None
        plots = [
            (FigureAt(check=of.id, detail=i), detail)
            for of in self.results
            for i, detail in enumerate(of.details)
            if isinstance(detail, Forest) and detail.scale == "percent"
        ]
        wanted = (
            lambda plot: plot.attribute == by and plot.measure.startswith(self.rate.images),
            lambda plot: plot.attribute == by,
            lambda plot: True,
        )
        return next((at for fits in wanted for at, plot in plots if fits(plot)), None)

    def answer(self) -> Answer:
        """Put it all together."""
        return Answer(
            rate=self.rate.id,
            tags=self.lead.tags if self.lead else [],
            overall=self.overall(),
            who=self.who(),
            how_much=self.how_much(),
            how_sure=self.how_sure(),
            why=self.why(),
            figure=self.figure(),
        )
