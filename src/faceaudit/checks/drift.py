"""Drift: why one classifier errs otherwise on one set than on another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, create_model

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.errors import FaceAuditError
from faceaudit.layout import forest, lay_out, number, text
from faceaudit.result import Detail, Finding, Interval
from faceaudit.stats import FloatArray
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.delivery import clear_kinds
from faceaudit.stats.drift import PARTS, Change, split_change
from faceaudit.stats.firth_risk_ratios import number_cells
from faceaudit.stats.risk_ratios import MOSTLY

#: The parts in words, in the order of `PARTS`.
WORDS = ("other people", "other pictures", "other treatment", "without counterpart", "change")
_FIELDS: dict[str, Any] = {
    "by": (str, Field(default="dataset", description="The tag that tells the two sets apart.")),
    "from": (
        str | None,
        Field(default=None, description="The first set; may be left out where there are just two."),
    ),
    "to": (str | None, Field(default=None, description="The second set.")),
}
# `from` is no name in Python.
DriftOptions: type[Options] = create_model("DriftOptions", __base__=Options, **_FIELDS)


@dataclass(frozen=True)
class Shift:
    """What is explained: the change of an error rate, or of its gap between two groups.

    Of all images `tag` and `groups` are empty; the groups were `picked` from so many pairs. `note`
    says what is compared with what.
    """

    rate: ErrorRate
    change: Change
    note: str
    tag: str = ""
    groups: Sequence[str] = ()
    picked: int = 1

    @property
    def what(self) -> str:
        """Whose change it is."""
        return " − ".join(self.groups) or "all images"


def run(data: AuditInput, options: Any) -> Product:
    """Split the change of each error rate, and of its gaps, from the first set to the second."""
    values = data.images.codes(options.by)[1]
    names = getattr(options, "from"), options.to
    if names == (None, None):
        if len(values) != 2:
            there = f"'{options.by}' has {say.counted(len(values), 'value')} here"
            two = f"Two sets are compared, and {there}: name two, as from and to."
            return Product("not-estimable", two)
        names = values[0], values[1]
    if names[0] == names[1] or not {*names} <= {*values}:
        raise FaceAuditError(
            f"{data.spec.name}: checks.{CHECK.id}: name two of the values of '{options.by}' as "
            f"from and to; there are {', '.join(values)}"
        )
    code = data.images.codes(options.by)[0]
    chosen = np.isin(code, [values.index(name) for name in names])
    table, sources = data.table.filter(pa.array(chosen)), data.info.tag_sources
    present = table["dataset"].unique().to_pylist()
    whose = {
        tag: {of: words[of] for of in present if of in words} for tag, words in sources.items()
    }
    info = data.info.model_copy(update={"tag_sources": whose})
    data = dataclasses.replace(data, table=table, info=info)
    code, values = data.images.codes(options.by)
    tags = [tag for tag in data.spec.attributes if tag not in (options.by, "dataset")]
    shifts = list(_shifts(data, code == values.index(names[1]), tags))
    if not shifts:
        both = f"No error rate is known of both {names[0]} and {names[1]}."
        return Product("not-estimable", both)
    # All parts of all shifts hold together, whichever of several gaps was picked.
    error = (1 - data.spec.confidence) / (len(PARTS) * len(shifts))
    told = [(of, *of.change.interval(1 - error / of.picked)) for of in shifts]
    findings = [_finding(*of, names, data.spec.confidence) for of in told]
    details: list[Detail] = []
    for rate in ERROR_RATES.values():
        if of_rate := [of for of in told if of[0].rate is rate]:
            details += _details(of_rate, names, data)
    sentence = " ".join(of.sentence for of in findings if not of.tags)
    return Product("info", sentence, findings=findings, details=details)


def _shifts(data: AuditInput, second: NDArray[np.bool_], tags: Sequence[str]) -> Iterator[Shift]:
    """Split every change that can be told: of all images, and of the gap by each tag."""
    images, smallest = data.images, data.spec.small_group
    clusters = np.arange(len(images)) if data.clusters is None else data.clusters
    together = np.zeros(len(images), np.int64)
    effect = float(design_effects(data.clusters, together, 1, data.wrong)[0, 0])
    kinds = clear_kinds(images, data.wrong, effect)

    def split(rows: NDArray[np.bool_], tags: Sequence[str]) -> Change | None:
        if min(np.count_nonzero(rows & of) for of in (second, ~second)) < smallest:
            return None
        codes = [together, *(images.codes(tag)[0] for tag in tags)]
        people = number_cells([code[rows] for code in codes])[0]
        return split_change(data.wrong[rows], second[rows], people, kinds[rows], clusters[rows])

    for rate in ERROR_RATES.values():
        there = images.is_ai == (rate.label == "ai") if rate.label else np.ones_like(second)
        sets = [there & of for of in (second, ~second)]
        known = {tag: images.codes(tag)[0] >= 0 for tag in tags}
        held = [
            tag
            for tag, of in known.items()
            if all(np.count_nonzero(of & one) >= MOSTLY * np.count_nonzero(one) for one in sets)
        ]
        rows = np.all([there, *(known[tag] for tag in held)], axis=0)
        if (change := split(rows, held)) is None:
            continue
        n, left_out = int(np.count_nonzero(there)), np.count_nonzero(there & ~rows)
        people = (
            say.attributes_title(held)
            if held
            else "no tag that both sets have, so other people count as other treatment"
        )
        note = (
            f"People are told apart by {people}; {left_out:,} of {say.counted(n, rate.image)} lack "
            f"a tag and are left out. Pictures are of "
            f"{say.counted(len(np.unique(kinds[rows])), 'kind')}, as far as size, shape, "
            "compression and format make a difference to the classifier on both sets together."
        )
        yield Shift(rate, change, note)
        for tag in held:
            code, values = images.codes(tag)
            others = [of for of in held if of != tag]
            parts = {of: split(rows & (code == i), others) for i, of in enumerate(values)}
            large = {of: part for of, part in parts.items() if part is not None}
            if len(large) > 1:
                low, high = sorted(large, key=lambda of: large[of].rate[1])[:: len(large) - 1]
                gap, pairs = large[high] - large[low], comb(len(large), 2)
                yield Shift(rate, gap, note, tag, (high, low), pairs)


# --- what is told --------------------------------------------------------------------------


def _finding(
    shift: Shift, low: FloatArray, high: FloatArray, names: tuple[str, str], confidence: float
) -> Finding:
    rate, change, value = shift.rate, shift.change, shift.change.value
    who, kind = (
        say.capitalised(f"{rate.images} {rate.error}"),
        say.percent if not shift.tag else say.points,
    )
    if shift.tag:
        groups = " and ".join(f"'{group}'" for group in shift.groups)
        who += f", by {say.tag_title(shift.tag)} the gap between {groups}"
    n = change.n.astype(int).tolist()
    told = [f"{kind(v)} of {m:,} in {of}" for v, m, of in zip(change.rate, n, names, strict=True)]
    parts = [
        f"{say.points(v)} ({say.points_range(*of)})"
        for v, *of in zip(value, low, high, strict=True)
    ]
    shown = [part for part in range(4) if low[part] > 0 or high[part] < 0]
    shown.sort(key=lambda part: -abs(value[part]))
    causes = ", ".join(f"{WORDS[part]} {parts[part]}" for part in shown)
    return Finding(
        sentence=(
            f"{who}: {', '.join(told)}; the change is {parts[4]}. "
            f"{f'Shown of its parts: {causes}.' if causes else 'None of its parts is shown.'}"
        ),
        status="info",
        weight=0.1 + abs(value[4]) / 2 if shown else 0.01,
        tags=[shift.tag] if shift.tag else [],
        rate=rate.id,
        n=sum(n),
        interval=Interval(
            value=value[4], low=low[4], high=high[4], confidence=confidence, together=True
        ),
    )


def _details(
    told: Sequence[tuple[Shift, FloatArray, FloatArray]], names: tuple[str, str], data: AuditInput
) -> list[Detail]:
    """Draw the parts of the change, then of each gap's, and lay out what was compared."""
    shifts, order = [of for of, *_ in told], [4, 0, 1, 2, 3]
    rate, changes = shifts[0].rate, [of.change for of in shifts]
    title = f"{say.capitalised(rate.images)} {rate.error}, {names[0]} → {names[1]}"
    forests = [
        forest(
            data,
            groups=[f"{of.what}: {WORDS[part]}" for of, *_ in some for part in order],
            n=np.repeat([int(of.change.n.sum()) for of, *_ in some], len(order)),
            value=np.concatenate([of.change.value[order] for of, *_ in some]),
            low=np.concatenate([low[order] for _, low, _ in some]),
            high=np.concatenate([high[order] for *_, high in some]),
            notes=[
                "nothing to compare" if np.isnan(of.change.value[part]) else None
                for of, *_ in some
                for part in order
            ],
            title=f"{title}: what the change {of_gap}is made of",
            note=(
                "The parts under a change add up to it. Without counterpart: people in a kind of "
                "picture that only one of the sets has, where nothing tells why. "
                f"{say.interval_title(data.spec.confidence)}s, for all parts at once."
            ),
            measure="change of the gap" if of_gap else "change of the error rate",
            scale="points",
            attribute="part",
            tag_source=data.tag_source([of.tag for of, *_ in some if of.tag]) or None,
            reference=0.0,
            reference_label="no change",
        )
        for some, of_gap in ((told[:1], ""), (told[1:], "of each gap "))
        if some
    ]
    columns = [
        text("of", [of.what for of in shifts]),
        text("by", [say.tag_title(of.tag) if of.tag else None for of in shifts]),
    ]
    for i, name in enumerate(names):
        columns += [
            number(rate.images, "count", np.array([of.n[i] for of in changes], int), f"in {name}"),
            number(f"{rate.short} or gap in {name}", "percent", [of.rate[i] for of in changes]),
            number(
                "compared",
                "percent",
                [of.compared[i] / of.n[i] for of in changes],
                f"of {name}: such people come in such pictures in both sets",
            ),
        ]
    return [*forests, lay_out(f"{title}: what was compared", columns, note=shifts[0].note)]


CHECK = Check(
    id="drift",
    title="Why the errors changed from one set to another",
    description=(
        "One classifier errs otherwise on another set of images. That may be because other people "
        "are in it, because they come in other kinds of picture (size, shape, compression), or "
        "because the classifier treats the same people in the same kind of picture otherwise. The "
        "change of each error rate, and of the gap between groups, is split into these parts."
    ),
    run=run,
    options=DriftOptions,
    default=False,
)
