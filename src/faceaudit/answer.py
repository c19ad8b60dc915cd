"""The answer to an audit's question, for the first screen: who, how much, how sure, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit import wording as say
from faceaudit.checks import AuditInput
from faceaudit.checks.parts.sentences import at_one_delivery, fitting, gap_headline, twin
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.reading.columns import by_value, distinct
from faceaudit.result import (
    Answer,
    CheckResult,
    FigureAt,
    Finding,
    Forest,
    GroupRate,
    OverallRate,
    Status,
)
from faceaudit.stats.rates import estimate_of

#: Of the statuses of some gaps, and of the checks that judged them, the first is that of the whole.
_OF_GAPS: tuple[Status, ...] = ("fail", "insufficient-evidence", "pass", "not-estimable")
_OF_CHECKS: tuple[Status, ...] = (
    "fail",
    "error",
    "insufficient-evidence",
    "not-estimable",
    "pass",
)
_NOT_WITHIN: dict[Status, str] = {
    "fail": "beyond the limit",
    "insufficient-evidence": "not settled",
    "not-estimable": "not estimable",
}
#: The harm to the person pictured comes first.
_RATES = [*ERROR_RATES]
#: Of how many tags the first screen names the groups.
MOST_TOLD = 3
#: The parts of the page whose findings compare groups.
COMPARED = ("rates", "gaps", "combined")


def status_of(results: Sequence[CheckResult], rate: str | None = None) -> Status:
    """Return the gravest verdict on the gaps that the question is about.

    They are those of the error rate `rate`, or of all. A check that holds nothing against a limit
    may veto and never confer: what it fails, or has not the evidence for, is so for the whole; its
    `pass` is none. If no limit was to be judged, the whole informs, or is not estimable if no check
    found anything.
    """
    decisive: set[Status] = {of.status for of in results if _vetoes(of)}
    for of in results:
        judged = {gap.status for gap in of.verdicts if rate in (None, gap.rate)}
        decisive |= set([status for status in _OF_GAPS if status in judged][:1])
    found = {of.status for of in results}
    nothing: Status = "not-estimable" if found - {"pass"} == {"not-estimable"} else "info"
    return next((status for status in _OF_CHECKS if status in decisive), nothing)


def _vetoes(result: CheckResult) -> bool:
    """Whether a check that judged no gap speaks against the classifier all the same."""
    return not result.verdicts and result.status in ("fail", "error", "insufficient-evidence")


class Question:
    """What a specification asks, and what the checks found on it."""

    def __init__(self, data: AuditInput, results: Sequence[CheckResult]) -> None:
        self.data, self.results = data, results
        self.status = status_of(results, data.spec.rate)
        #: The gaps between groups in the error rate that is asked about, the gravest first.
        self.gaps = sorted(self._asked(), key=self._gravity)
        self.lead = self.gaps[0] if self.gaps else None

    def _asked(self) -> list[Finding]:
        asked = [
            found
            for of in self.results
            if of.part in COMPARED
            for found in of.findings
            if found.rate in ERROR_RATES and self.data.spec.rate in (None, found.rate)
            # A group that is small never leads.
            if found.tags and found.interval and all(map(self._is_large, found.groups))
        ]
        return [of for of in asked if of.limit is not None] or asked

    def _is_large(self, group: GroupRate) -> bool:
        return group.n >= self.data.spec.small_group

    def _gravity(self, found: Finding) -> tuple[object, ...]:
        """Put what decides first; then the harm to the person pictured, the surest, the largest.

        Of gaps that pass the largest that is possible is first.
        """
        gap = found.interval
        assert gap is not None, "only gaps with an interval are asked about"
        most = found.worst or gap.upper
        sure = most if found.status == "pass" else found.weight
        return found.status != self.status, _RATES.index(str(found.rate)), -sure, -gap.value

    @property
    def rate(self) -> ErrorRate:
        """The error rate that the answer tells."""
        return ERROR_RATES[self.data.spec.rate or (self.lead and self.lead.rate) or _RATES[0]]

    @cached_property
    def veto(self) -> CheckResult | None:
        """The check that decides though it judged no gap."""
        return next((of for of in self.results if of.status == self.status and _vetoes(of)), None)

    @property
    def tells_gap(self) -> bool:
        """Whether the headline is about the gap that leads, and tells its limit."""
        return (
            self.veto is None
            and self.data.unclustered is None
            and self.lead is not None
            and self.lead.status == self.status
        )

    def headline(self) -> str:
        """Say the answer in at most 25 words."""
        if self.veto and self.veto.status == "error":
            return f"'{self.veto.title}' broke off, so the question is not answered."
        briefs = [of.brief for of in (self.veto.findings if self.veto else ()) if of.brief]
        if briefs:
            return briefs[0]
        if self.status == "not-estimable":
            lead = "These data cannot answer the question."
            deciding = next(of for of in self.results if of.status == self.status)
            return fitting(f"{lead} {deciding.sentence}", lead)
        if self.status == "insufficient-evidence" and (same := self.data.unclustered):
            return (
                f"Nothing is settled: images that share a '{same}' err alike, and the "
                "specification does not say whether they are of one person."
            )
        if self.lead is not None and self.lead.status == self.status:
            overall = next(of for of in self.overall if of.rate == self.lead.rate)
            alone = sum(of.rate == self.lead.rate for of in self.gaps) == 1
            return gap_headline(self.lead, overall, alone=alone)
        told = (of.brief for result in self.results for of in result.findings if of.brief)
        return next(told, None) or self._over_all_images()

    def _over_all_images(self) -> str:
        parts = []
        for of in self.overall:
            rate = ERROR_RATES[of.rate]
            of_images = f"{of.events:,} of {say.counted(of.n, rate.image)}"
            parts.append(f"{say.capitalised(rate.verb)} {of_images}.")
        return " ".join(parts)

    @cached_property
    def overall(self) -> list[OverallRate]:
        """Each error rate over all images that there is."""
        counts, rates = self.data.audited(()), []
        for rate in ERROR_RATES.values():
            found = estimate_of(counts, rate.id, self.data.spec.confidence)
            if n := int(found.n[0]):
                events, low, high = int(found.events[0]), float(found.low[0]), float(found.high[0])
                rates.append(OverallRate(rate=rate.id, n=n, events=events, low=low, high=high))
        return rates

    def who(self) -> str:
        """Name the groups that are shown to suffer more, and the tags by which none is."""
        rates = [ERROR_RATES[name] for name in dict.fromkeys(str(of.rate) for of in self.gaps)]
        told = []
        for rate in rates:
            who = self._who([of for of in self.gaps if of.rate == rate.id])
            if len(rates) > 1:
                who = f"{say.capitalised(rate.images)} {rate.error}: {who[0].lower()}{who[1:]}"
            told.append(who)
        return " ".join(told)

    def _who(self, gaps: Sequence[Finding]) -> str:
        shown = [of for of in gaps if of.interval and of.interval.low > 0 and of.groups]
        parts = []
        for gap in shown[:MOST_TOLD]:
            most, least = (
                f"'{', '.join(of.group)}' ({of.events:,} of {of.n:,})" for of in gap.groups
            )
            parts.append(f"By {say.attributes_title(gap.tags)} {most} most, {least} least.")
        if more := shown[MOST_TOLD:]:
            parts.append(f"Others too, by {_titles(more)}.")
        if unshown := [of for of in gaps if of not in shown]:
            others = "other " if shown else ""
            parts.append(f"No {others}difference is shown by {_titles(unshown)}.")
        return " ".join(parts)

    def how_much(self) -> str:
        """Tell the gap that leads, with its interval, and what a limit is."""
        if self.lead is None or self.lead.interval is None:
            return ""
        gap, limit, worst = self.lead.interval, self.lead.limit, self.lead.worst
        told = say.points_range(gap.low, gap.upper, gap.confidence)
        held = ""
        if limit is not None:
            held = f", against {say.LIMIT_NOTE}"
            if not self.tells_gap:
                held = f"; the limit is {say.points(limit)}, {say.LIMIT_NOTE}"
        by = say.capitalised(say.attributes_title(self.lead.tags))
        hidden = f" Up to {say.points(worst or 0)} if tags or scores are missing unequally."
        return f"{by}: {say.points(gap.value)} ({told}){held}.{hidden if worst else ''}"

    def how_sure(self) -> str:
        """Count what is settled and what is not, of this error rate and of the others."""
        judged = [gap for of in self.results for gap in of.verdicts]
        if not judged:
            return "No limit is set, so nothing passes or fails." if self.gaps else ""
        own = [gap for gap in judged if gap.rate == self.rate.id]
        parts = []
        if own:
            within = sum(gap.status == "pass" for gap in own)
            parts = [f"{within} of {say.counted(len(own), 'gap')} within the limit"]
        for status, said in _NOT_WITHIN.items():
            if of := [gap for gap in own if gap.status == status]:
                parts.append(f"{said}: {', '.join(say.attributes_title(gap.tags) for gap in of)}")
        told = [say.capitalised("; ".join(parts))] if parts else []
        if self.lead and self.lead.needed:
            plan = f"About {self.lead.needed:,} {self.rate.images} of each group would settle "
            told.append(f"{plan}{say.attributes_title(self.lead.tags)} with a chance of 80 %")
        for rate in ERROR_RATES.values():
            if rate != self.rate and (
                of_other := [of.status for of in judged if of.rate == rate.id]
            ):
                counts = (
                    f"{of_other.count(status)} {said}"
                    for status, said in ({"pass": "within the limit"} | _NOT_WITHIN).items()
                    if status in of_other
                )
                told.append(f"{say.capitalised(rate.images)} {rate.error}: {', '.join(counts)}")
        if vetoes := [of.title for of in self.results if _vetoes(of)]:
            told.append(f"Nothing passes because of '{vetoes[0]}'")
        return f"{'. '.join(told)}. All hold together at {100 * self.data.spec.confidence:g} %."

    def why(self) -> str:
        """Say whether the gap is the person or the delivery, as far as these data tell."""
        told = [of for result in self.results for of in result.limitations]
        told += coinciding(self.data.table, self.data.spec.groupings)
        if self.lead is None or self.lead.interval is None:
            return " ".join(told)
        lead = (self.lead.tags, self.lead.rate)
        again = next(
            (
                found
                for of in self.results
                for found in of.findings
                if (one := found.one_delivery)
                and (found.tags, found.rate) == lead
                and (self.lead.interval.low > 0 or any(one.shows))
            ),
            None,
        )
        if again is not None and again.one_delivery is not None:
            names = " and ".join(f"'{', '.join(of.group)}'" for of in again.groups)
            told.insert(0, f"Between {names}, {at_one_delivery(again.one_delivery)}.")
        elif self.lead.tags == ["dataset"]:
            told.insert(0, "The groups are data sets: people and delivery differ together.")
        elif told_twin := twin(self.lead).removeprefix("; "):
            told.insert(0, f"{say.capitalised(told_twin)}.")
        elif self.lead.interval.low > 0:
            told.insert(0, "How the pictures were delivered is not known or the same for all.")
        else:
            told.insert(0, "No gap is shown, so there is none to explain.")
        return " ".join(told)

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
            lambda plot: (plot.rate, plot.attribute) == (self.rate.id, by),
            lambda plot: plot.rate == self.rate.id,
            lambda plot: True,
        )
        return next((at for fits in wanted for at, plot in plots if fits(plot)), None)

    def answer(self) -> Answer:
        """Put it all together."""
        return Answer(
            rate=self.rate.id,
            tags=self.lead.tags if self.lead else [],
            overall=self.overall,
            who=self.who(),
            how_much=self.how_much(),
            how_sure=self.how_sure(),
            why=self.why(),
            figure=self.figure(),
        )


def _titles(of: Sequence[Finding]) -> str:
    return ", ".join(say.attributes_title(one.tags) for one in of)


def coinciding(table: pa.Table, groupings: Sequence[Sequence[str]]) -> Iterator[str]:
    """Say where all images with a tag are of one data set among several."""
    named = dict.fromkeys(tag for tags in groupings for tag in tags)
    asked = [tag for tag in named if tag != "dataset" and tag in table.column_names]
    for rate in ERROR_RATES.values():
        images = table.select(["dataset", *asked])
        if rate.label:
            is_of = partial(pc.equal, pa.scalar(rate.label))
            images = images.filter(by_value(table["label"], is_of))
        if len(distinct(images["dataset"])[0]) < 2:
            continue
        alone: dict[tuple[str, int], list[str]] = {}
        for tag in asked:
            tagged = images["dataset"].filter(pc.is_valid(images[tag]))
            if len(tagged) > 1 and len(distinct(tagged)[0]) == 1:
                alone.setdefault((tagged[0].as_py(), len(tagged)), []).append(tag)
        if alone:
            each = " and ".join(
                f"all {say.counted(n, rate.image)} tagged by {', '.join(map(say.tag_title, tags))} "
                f"are of {dataset}"
                for (dataset, n), tags in alone.items()
            )
            yield f"{say.capitalised(each)}: tag and source coincide."
