"""Generator source: is the detector wrong about the very people that the generator learned from?"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.error_rates import ERROR_RATES
from faceaudit.layout import Kind, Values, at_audited, distribution, forest, lay_out, number, text
from faceaudit.result import Detail, Finding, Forest, GapVerdict, Interval, Table, Test
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import difference_interval, ratio_interval
from faceaudit.stats.rates import RateEstimate, estimate_of, rate_counts
from faceaudit.stats.significance import each_against_rest
from faceaudit.stats.verdicts import LimitedGap, judge_better_than_chance, judge_gap

FEWEST_ERRORS = 5
OTHERS = "all others together"
DELIVERY = (
    "A generator gives its faces the size, crop and compression of the photographs it learned "
    "from, so a classifier may take these photographs for AI-generated because of how the "
    "pictures were delivered, and not because of the faces in them."
)


class GeneratorSourceOptions(Options):
    """Where the generator learned."""

    dataset: str = Field(description="The data set that the generator was trained on.")


@dataclass(frozen=True)
class Photographs:
    """The real photographs of each data set, those of the generator's at `source`.

    The last row is all others together; `rate` is how many are called AI, at every threshold, and
    `worth` are its counts of as many independent images as they are worth.
    """

    names: list[str]
    source: int
    rate: RateEstimate
    worth: tuple[IntArray, IntArray]

    @property
    def rows(self) -> list[str]:
        """The names as they are shown."""
        return [
            f"{n} (the generator's)" if i == self.source else n for i, n in enumerate(self.names)
        ]


def judges(data: AuditInput, options: GeneratorSourceOptions) -> dict[Hashable, LimitedGap]:
    """Give the one gap, if there is a limit and both sides have photographs."""
    counts, limit = _count(data), data.spec.limit("fpr")
    if limit is None or not _both_sides(counts, options):
        return {}
    return {CHECK.id: LimitedGap(partial(_bounds, *_sides(counts, options.dataset, data)), limit)}


def _sides(counts: Counts, dataset: str, data: AuditInput) -> tuple[Counts, Counts]:
    """Count the source's photographs and all others, at the audited threshold."""
    counts, source = counts.at(data.threshold), counts.groups.index((dataset,))
    own = np.arange(len(counts.groups)) == source
    return counts.pick(own).effective, counts.pick(~own).total().effective


def _bounds(source: Counts, others: Counts, error: float) -> tuple[float, float]:
    """Bound the source's rate minus that of all others, each end wrong with the chance `error`."""
    (x, n), (y, m) = rate_counts(source, "fpr"), rate_counts(others, "fpr")
    low, high = difference_interval(x, n, y, m, 1 - 2 * error)
    return float(low[0]), float(high[0])


def _count(data: AuditInput) -> Counts:
    counts = data.counts(("dataset",))
    return counts.pick(counts.n_real > 0)


def _both_sides(counts: Counts, options: GeneratorSourceOptions) -> bool:
    return (options.dataset,) in counts.groups and len(counts.groups) > 1


def run(data: AuditInput, options: GeneratorSourceOptions) -> Product:
    """Compare the generator's training photographs with all other real photographs."""
    counts, limit = _count(data), data.spec.limit("fpr")
    found = Finding(status="not-estimable", tags=["dataset"], rate="fpr", limit=limit)
    product = Product(
        found.status,
        f"This needs real photographs of '{options.dataset}' and of another data set; "
        f"there are real photographs of {', '.join(counts.labels) or 'no data set'}.",
    )
    if _both_sides(counts, options):
        product = _compare(found, counts, options.dataset, data)
    if limit is not None:
        product.verdicts = [GapVerdict.of(found, 1 - data.error_of(CHECK.id))]
    return product


def _compare(found: Finding, counts: Counts, dataset: str, data: AuditInput) -> Product:
    source = counts.groups.index((dataset,))
    others = counts.pick(np.arange(len(counts.groups)) != source).total()
    both = counts.beside(others, (OTHERS,))
    rate, worth = estimate_of(both, "fpr", data.spec.confidence), rate_counts(both.effective, "fpr")
    real = Photographs([*counts.labels, OTHERS], source, rate, worth)
    wrong = at_audited(rate.events, data)
    found.groups = named_groups([(name,) for name in real.names], wrong, rate.n, (source, -1))
    _contrast(found, _sides(counts, dataset, data), data)
    p = each_against_rest(*rate_counts(counts.at(data.threshold).effective, "fpr"))[source]
    test = Test(
        name=f"FPR of the generator's photographs ({dataset}) against all others",
        method="Fisher's exact test",
        p=float(p),
    )
    own = f"{dataset}: the generator's training photographs"
    scores = distribution(
        data,
        "Scores of the generator's photographs beside those of others and of AI faces",
        {name: data.images.score[of] for name, of in _kinds(own, real, data).items()},
        "Where the first looks like the last, the classifier cannot tell them apart.",
    )
    details: list[Detail] = [_forest(real, data), _table(real, data), scores]
    return Product(found.status, found.sentence, findings=[found], tests=[test], details=details)


def _contrast(found: Finding, worth: tuple[Counts, Counts], data: AuditInput) -> None:
    """Hold the rate of the source minus that of all others against the limit."""
    source, others = found.groups
    found.n, found.events = source.n + others.n, source.events + others.events
    value, confidence = source.value - others.value, 1 - 2 * data.error_of(CHECK.id)
    low, high = _bounds(*worth, data.error_of(CHECK.id))
    gap = Interval(value=value, low=low, high=high, confidence=confidence, together=True)
    found.interval, found.status = gap, "info"
    if found.limit is not None:
        trivial = judge_better_than_chance(data.audited(()), data.spec.confidence).trivial
        unsure = trivial or data.unclustered is not None
        found.status = judge_gap(low, high, found.limit, trivial=unsure)
        if data.unclustered and found.status == "fail":
            found.status = "insufficient-evidence"
    found.weight = 1 + low if found.status == "fail" else max(low, 0.0)
    told = (
        f"{say.percent(source.value)} of {say.counted(source.n, 'photograph')} that the generator "
        f"was trained on ({source.group[0]}) {'is' if source.n == 1 else 'are'} called "
        f"AI-generated, and {say.percent(others.value)} of "
        f"{say.counted(others.n, 'other real photograph')}: a difference of {say.points(value)} "
        f"({say.points_range(low, high, confidence)})"
    )
    # A ratio to a handful of errors has an interval too wide to be told; the table has it.
    if source.events and others.events >= FEWEST_ERRORS:
        (x, n), (y, m) = (rate_counts(of, "fpr") for of in worth)
        ratio = ratio_interval(x, n, y, m, confidence)
        span = say.times_range(*(float(of[0]) for of in ratio))
        told += f", {say.times(source.value / others.value)} as often ({span})"
    found.sentence = f"{told}{_conclusion(found, gap)}."


def _conclusion(found: Finding, gap: Interval) -> str:
    if found.limit is None:
        return ""
    held = f"the chosen limit of {say.points(found.limit)} ({say.LIMIT_NOTE})"
    if found.status == "fail":
        return f"; this is beyond {held}, and delivery may be a part of it"
    if found.status == "pass":
        return f"; this is within {held}"
    if gap.upper <= found.limit:
        return "; the classifier is not shown to do better than guessing, so nothing passes"
    return f"; this cannot be held against {held} with so few photographs"


# --- details -------------------------------------------------------------------------------


def _forest(real: Photographs, data: AuditInput) -> Forest:
    # One other data set is all others.
    others = [i for i in range(len(real.names) - 1) if i != real.source]
    rows = [real.source, len(real.names) - 1, *(others if len(others) > 1 else [])]
    shown = real.rate.take(rows)
    return forest(
        data,
        groups=[real.rows[i] for i in rows],
        **vars(shown),
        notes=["small group" if n < data.spec.small_group else None for n in shown.n],
        title="Real photographs called AI-generated, by data set",
        note=DELIVERY,
        measure="real photographs called AI-generated (FPR)",
        rate="fpr",
        attribute="data set",
        reference=real.rate.value[:, -1:],
        reference_label=OTHERS,
        reference_n=int(shown.n[1]),
    )


def _table(real: Photographs, data: AuditInput) -> Table:
    rate, source, interval = real.rate, real.source, say.interval_title(data.spec.confidence)
    own_value = rate.value[:, [source]]
    x, n = real.worth
    own = (x[:, [source]], n[source], x, n, data.spec.confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (own_value / rate.value, *ratio_interval(*own))
    difference = (own_value - rate.value, *difference_interval(*own))
    for values in (*difference, *ratio):
        values[:, source] = np.nan

    def three(kind: Kind, title: str, value: FloatArray, *ends: FloatArray) -> list[Values]:
        name = ERROR_RATES["fpr"].name if title == "FPR" else None
        columns = zip(("from", "to"), ends, strict=True)
        return [
            number(title, kind, value, name),
            *(number(t, kind, v, interval) for t, v in columns),
        ]

    return lay_out(
        f"{real.names[source]} against every other data set",
        [
            text("data set", real.rows),
            number("real photographs", "count", rate.n),
            number("called AI", "count", rate.events),
            *three("percent", "FPR", rate.value, rate.low, rate.high),
            *three("points", "difference", *difference),
            *three("number", "ratio", *ratio),
        ],
        data,
        f"Difference and ratio: {real.names[source]} against the data set of the row. "
        f"{interval}s, each on its own; a ratio without an upper end has no error below it. "
        f"{DELIVERY}{_sizes(real, data)}",
    )


def _kinds(of_source: str, real: Photographs, data: AuditInput) -> dict[str, NDArray[np.bool_]]:
    """Tell which images are of the source, which other photographs and which AI faces."""
    codes, datasets = data.images.codes("dataset")
    is_ai, own = data.images.is_ai, codes == datasets.index(real.names[real.source])
    kinds = {
        of_source: ~is_ai & own,
        "other real photographs": ~is_ai & ~own,
        "AI-generated faces": is_ai,
    }
    return {name: images for name, images in kinds.items() if images.any()}


def _sizes(real: Photographs, data: AuditInput) -> str:
    """Say how many of the AI faces and of the others have the size of the source's photographs."""
    if not {"width", "height"} <= set(data.table.column_names):
        return ""
    size = np.stack([data.table[name].to_numpy() for name in ("width", "height")], axis=1)
    source = f"photographs of {real.names[real.source]}"
    kinds = _kinds(source, real, data)
    sizes, frequency = np.unique(size[kinds[source]], axis=0, return_counts=True)
    usual = sizes[frequency.argmax()]
    if np.isnan(usual).any():
        return ""
    same = (size == usual).all(axis=1)
    shares = [f"{say.percent(float(same[of].mean()))} of the {name}" for name, of in kinds.items()]
    return f" Here {', '.join(shares)} are {usual[0]:.0f}×{usual[1]:.0f} pixels."


CHECK = Check(
    id="generator-source",
    title="The generator's own training photographs",
    part="gaps",
    failure_title="Photographs that the generator was trained on are called AI-generated",
    description=(
        "A face generator imitates the photographs it was trained on. A classifier that learned "
        "to tell its faces from other photographs may take these very photographs, and the people "
        "in them, for AI-generated. This compares the share of them that is called AI-generated "
        f"with that of all other real photographs. {DELIVERY}"
    ),
    run=run,
    options=GeneratorSourceOptions,
    default=False,
    judges=judges,
)
