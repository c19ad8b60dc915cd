"""Population: what the error rates would be if the images were as a population is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import estimated, lay_out, number, text
from faceaudit.result import Finding, Interval, Table
from faceaudit.stats import FloatArray
from faceaudit.stats.population import weighted_rate
from faceaudit.stats.rates import RateEstimate, estimate_of, rate_counts

Group = tuple[str, ...]


@dataclass(frozen=True)
class Population:
    """What share of a population each combination of some tags has."""

    tags: Group
    share: dict[Group, float]

    @property
    def title(self) -> str:
        """Its tags in words."""
        return say.attributes_title(self.tags)


@dataclass(frozen=True)
class Weighed:
    """An error rate of all images, the first row, and of each group of each attribute."""

    rate: ErrorRate
    rows: list[str]
    crude: RateEstimate
    weighted: RateEstimate
    standard_error: FloatArray
    design_effect: FloatArray
    #: Cells of the population without an image that could suffer the error.
    absent: list[Group]


def run(data: AuditInput, options: Options) -> Product:
    """Weight each error rate, of all images and by group, to the population."""
    rows = data.spec.population
    if not rows:
        return Product("not-estimable", "The specification names no population.")
    tags = tuple(name for name in rows[0] if name != "share")
    shares = {tuple(str(row[tag]) for tag in tags): float(row["share"]) for row in rows}
    population = Population(tags, shares)
    weighed = [_weigh(rate, population, data) for rate in ERROR_RATES.values()]
    known = [of for of in weighed if not np.isnan(of.weighted.value[0])]
    if not known:
        nothing = f"No image has the {population.title} of any cell of the population."
        return Product("not-estimable", nothing)
    findings = [_finding(of, population, data) for of in known]
    return Product(
        "info",
        " ".join(of.sentence for of in findings),
        findings=findings,
        details=[_table(of, population, data) for of in known],
    )


def _weigh(rate: ErrorRate, population: Population, data: AuditInput) -> Weighed:
    tags, confidence = population.tags, data.spec.confidence
    cells = data.audited(tags)
    place = {group: i for i, group in enumerate(cells.groups)}
    share = np.array([population.share.get(group, 0.0) for group in cells.groups])
    size = rate.n(cells)
    effect = size / np.where(size > 0, rate.n(cells.effective), 1)
    rows: list[str] = []
    crude, weighted, aside = [], [], []
    for tag in (None, *data.spec.attributes):
        counted = data.audited([tag] if tag else [])
        rows += [f"{say.tag_title(tag)}: {of}" if tag else of for of in counted.labels]
        crude.append(vars(estimate_of(counted, rate.id, confidence)).values())
        counts = cells if tag is None or tag in tags else data.audited((*tags, tag))
        cell = np.array([place[of[: len(tags)]] for of in counts.groups], np.int64)
        # Of all images, no tag is looked at.
        at = counts.tags.index(tag) if tag else len(counts.tags)
        for group in counted.groups:
            kept = np.array([of[at : at + 1] == group for of in counts.groups], bool)
            events, n = (
                np.bincount(cell[kept], of[kept], len(size)) for of in rate_counts(counts, rate.id)
            )
            found = weighted_rate(events, n, size, share, confidence, effect)
            weighted.append([events.sum(), n.sum(), found.value, found.low, found.high])
            aside.append([found.standard_error, found.design_effect])
    present = {cells.groups[i] for i in np.flatnonzero(size)}
    return Weighed(
        rate,
        rows,
        RateEstimate(*map(np.concatenate, zip(*crude, strict=True))),
        RateEstimate(*np.array(weighted).T),
        np.array(aside)[:, 0],
        np.array(aside)[:, 1],
        [group for group, of in population.share.items() if of > 0 and group not in present],
    )


def _finding(weighed: Weighed, population: Population, data: AuditInput) -> Finding:
    """Tell an error rate of all images, weighted and as counted."""
    rate, confidence = weighed.rate, data.spec.confidence
    # Held against the same images: those without the tags may be others altogether.
    n, events = (int(of[0]) for of in (weighed.weighted.n, weighed.weighted.events))
    tagged = " that have it" if n < weighed.crude.n[0] else ""
    value, low, high = (
        float(of[0]) for of in (weighed.weighted.value, weighed.weighted.low, weighed.weighted.high)
    )
    sentence = (
        f"Weighted to the population by {population.title}, {say.percent(value)} of {rate.images} "
        f"are {rate.error} ({say.percent_range(low, high, confidence)}) and "
        f"{say.percent(events / n)} of the {n:,} here{tagged}."
    )
    if without := sum(population.share[group] for group in weighed.absent):
        share = say.percent(without)
        sentence += f" Of {share} of that population there is no {rate.image}: they are left out."
    return Finding(
        sentence=sentence,
        status="info",
        rate=rate.id,
        n=n,
        events=events,
        interval=Interval(value=value, low=low, high=high, confidence=confidence),
    )


def _table(weighed: Weighed, population: Population, data: AuditInput) -> Table:
    rate, confidence = weighed.rate, data.spec.confidence
    notes = [
        f"Each image counts as its cell's share of the population ({population.title}, "
        f"{say.counted(len(population.share), 'cell')}) over the cell's images. The design effect "
        "says by how many times that makes them worth fewer. Each interval holds on its own, for "
        f"rare errors too. Tags: {data.tag_source(population.tags)}.",
    ]
    if weighed.absent:
        named = "; ".join(say.group_title(population.tags, group) for group in weighed.absent)
        notes.append(f"Not estimable and left out, as there is no {rate.image} of: {named}.")
    cells = data.audited(population.tags)
    foreign = np.array([population.share.get(group, 0) == 0 for group in cells.groups], bool)
    if n := int(rate.n(cells)[foreign].sum()):
        are = (
            "is in no cell of the population and counts"
            if n == 1
            else ("are in no cell of the population and count")
        )
        notes.append(f"{say.counted(n, rate.image)} {are} for nothing.")
    if note := say.missing_note(cells.missing, population.tags):
        notes.append(note)
    return lay_out(
        f"{say.capitalised(rate.images)} {rate.error}, weighted to the population",
        [
            text("group", weighed.rows),
            number(rate.images, "count", weighed.crude.n),
            *estimated(f"{rate.column} here", "percent", weighed.crude, confidence),
            *estimated(f"{rate.column} in the population", "percent", weighed.weighted, confidence),
            number("standard error", "points", weighed.standard_error),
            number("design effect of the weights", "number", weighed.design_effect),
        ],
        note=" ".join(notes),
    )


CHECK = Check(
    id="population",
    title="What the error rates would be in a population",
    description=(
        "Images are collected as it happens: perhaps half of them show young men. Here each cell "
        "of people gets the share that it has in the population which the specification gives, "
        "and the errors are counted again. That speaks for the population as far as the images of "
        "a cell stand for its people."
    ),
    run=run,
    concerns=lambda data: bool(data.spec.population),
)
