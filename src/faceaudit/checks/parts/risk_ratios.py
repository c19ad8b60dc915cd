"""What each tag does to the false-positive rate of one data set, alone and at equal others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.types as pat
from numpy.typing import NDArray

from faceaudit.stats.counts import IntArray, count_outcomes, tag_codes
from faceaudit.stats.firth_risk_ratios import adjusted_ratios, count_cells
from faceaudit.stats.intervals import ratio_to_rest
from faceaudit.stats.significance import adjust, all_alike, each_against_rest
from faceaudit.tables import tag_columns
from faceaudit.tags.vocabulary import NUMERIC_TAGS

#: A tag with more values names persons or pictures, not groups.
MOST_VALUES = 25
#: With fewer errors (or fewer images called rightly), tags cannot be told apart.
FEWEST_ERRORS = 10

Codes = Mapping[str, tuple[IntArray, list[str]]]


@dataclass(frozen=True)
class Effect:
    """How often one group is called AI-generated, against the rest.

    Attributes
    ----------
    ratio, low, high : float
        Ratio of rates, with its interval; `high` may be infinite.
    p : float
        That the ratio is 1.
    p_holm : float
        The same, adjusted over all groups of the analysis.
    """

    ratio: float
    low: float
    high: float
    p: float
    p_holm: float = np.nan


@dataclass(frozen=True)
class Group:
    """One value of one tag among the real photographs of a data set."""

    tag: str
    value: str
    n: int
    called_ai: int
    alone: Effect
    #: None where the group is too small for the regression, or its tag is not in it.
    equal: Effect | None


@dataclass(frozen=True)
class TagTest:
    """Whether a tag makes any difference: alone, and with the others held equal."""

    tag: str
    p: float
    method: str
    p_equal: float | None


@dataclass(frozen=True)
class Analysis:
    """All tags of the real photographs of one data set."""

    dataset: str
    n: int
    called_ai: int
    groups: list[Group]
    tests: list[TagTest]
    #: Tags held equal, and the photographs that have them all.
    equal_tags: list[str] = field(default_factory=list)
    equal_n: int = 0


def usable_tags(table: pa.Table) -> dict[str, tuple[IntArray, list[str]]]:
    """Return codes and values of every tag that puts the images into a few groups.

    A tag that makes the same groups as one before it, under other names, is left out.
    """
    tags: dict[str, tuple[IntArray, list[str]]] = {}
    for tag in tag_columns(table):
        if tag in NUMERIC_TAGS or pat.is_floating(table[tag].type):
            continue
        codes, values = tag_codes(table, tag)
        if 2 <= len(values) <= MOST_VALUES and not any(
            _same_groups(codes, known)
            for known, names in tags.values()
            if len(names) == len(values)
        ):
            tags[tag] = codes, values
    return tags


def _same_groups(first: IntArray, second: IntArray) -> bool:
    pairs = np.unique((first + 1) * (int(second.max()) + 2) + second + 1)
    return len(pairs) == len(np.unique(first)) == len(np.unique(second))


def analyse(
    dataset: str,
    table: pa.Table,
    threshold: float,
    smallest: int,
    confidence: float,
) -> Analysis:
    """Compare each group with the rest, alone and with all other tags held equal.

    Parameters
    ----------
    dataset : str
    table : pyarrow.Table
        Its real photographs.
    threshold, confidence : float
    smallest : int
        Groups with fewer photographs are merged for the regression and not reported by it.
    """
    tags = usable_tags(table)
    called = called_ai(table, threshold)
    equal, tags_equal, equal_n = hold_equal(tags, called, smallest, confidence)
    groups: list[Group] = []
    tests: list[TagTest] = []
    for tag in tags:
        counts = count_outcomes(table, (tag,), threshold)
        events, n = counts.real_called_ai, counts.n_real
        ratio, low, high = ratio_to_rest(events, n, confidence)
        p = each_against_rest(events, n)
        groups += [
            Group(
                tag,
                value,
                int(n[i]),
                int(events[i]),
                Effect(
                    float(ratio[i]),
                    float(low[i]),
                    float(high[i]),
                    float(p[i]),
                ),
                equal.get((tag, value)),
            )
            for i, (value,) in enumerate(counts.groups)
        ]
        alike = all_alike(events, n)
        assert alike is not None, "a usable tag has two groups"
        tests.append(TagTest(tag, alike.p, alike.method, tags_equal.get(tag)))
    return Analysis(
        dataset,
        len(table),
        int(called.sum()),
        _with_holm(groups),
        tests,
        list(tags_equal),
        equal_n,
    )


def called_ai(table: pa.Table, threshold: float) -> NDArray[np.bool_]:
    """Tell which images are called AI-generated."""
    return np.asarray(table["p_ai"].to_numpy() >= np.float32(threshold))


def hold_equal(
    tags: Codes, called: NDArray[np.bool_], smallest: int, confidence: float
) -> tuple[dict[tuple[str, str], Effect], dict[str, float], int]:
    """Estimate every group's ratio against the rest of its tag with all other tags held equal.

    Tags that fewer than half of the images have are left out; then images that lack one of
    the others are. Groups below `smallest` are merged within their tag.

    Returns
    -------
    effects : dict of (tag, value) to Effect
    p_any : dict of str to float
        For each tag held equal, that it makes no difference.
    n : int
        Images in the regression; 0 if there is none.
    """
    nothing: tuple[dict[tuple[str, str], Effect], dict[str, float], int] = ({}, {}, 0)
    tags = {tag: both for tag, both in tags.items() if (both[0] >= 0).mean() >= 0.5}
    rows = np.ones(len(called), dtype=bool)
    for codes, _ in tags.values():
        rows &= codes >= 0
    called = called[rows]
    if min(called.sum(), len(called) - called.sum()) < FEWEST_ERRORS:
        return nothing
    merged: dict[str, tuple[IntArray, list[str]]] = {}
    for tag, (codes, values) in tags.items():
        dense, kept = _merge_small(codes[rows], values, smallest)
        if dense.max(initial=0) > 0:
            merged[tag] = dense, kept
    cells = count_cells([codes for codes, _ in merged.values()], called)
    levels = {tag: int(codes.max()) + 1 for tag, (codes, _) in merged.items()}
    adjusted = adjusted_ratios(cells, levels, confidence)
    if not adjusted:
        return nothing
    effects = {
        (tag, value): Effect(
            float(found.ratio[i]), float(found.low[i]), float(found.high[i]), float(found.p[i])
        )
        for tag, found in adjusted.items()
        for i, value in enumerate(merged[tag][1])
    }
    return effects, {tag: found.p_any for tag, found in adjusted.items()}, len(called)


def _merge_small(codes: IntArray, values: list[str], smallest: int) -> tuple[IntArray, list[str]]:
    """Renumber the values that are frequent enough; all others share the last number."""
    frequency = np.bincount(codes, minlength=len(values))
    kept = np.flatnonzero(frequency >= smallest)
    number = np.full(len(values), len(kept))
    number[kept] = np.arange(len(kept))
    return number[codes], [values[i] for i in kept]


def _with_holm(groups: Iterable[Group]) -> list[Group]:
    """Adjust the p-values over all groups, those alone and those at equal tags each together."""
    groups = list(groups)
    alone = adjust([group.alone.p for group in groups])[0]
    fitted = [i for i, group in enumerate(groups) if group.equal is not None]
    equal = dict(
        zip(fitted, adjust([g.equal.p for g in groups if g.equal is not None])[0], strict=True)
    )

    def holm(effect: Effect, p: float) -> Effect:
        return Effect(effect.ratio, effect.low, effect.high, effect.p, float(p))

    return [
        Group(
            group.tag,
            group.value,
            group.n,
            group.called_ai,
            holm(group.alone, alone[i]),
            None if group.equal is None else holm(group.equal, equal[i]),
        )
        for i, group in enumerate(groups)
    ]


@dataclass(frozen=True)
class Slice:
    """Some values of one tag against all its others."""

    n: int
    called_ai: int
    rest_n: int
    rest_called_ai: int
    alone: Effect
    equal: Effect | None
    equal_tags: list[str]


def contrast(
    table: pa.Table,
    tag: str,
    values: list[str],
    threshold: float,
    smallest: int,
    confidence: float,
) -> Slice | None:
    """Compare the images with any of some values of a tag with all others.

    Returns
    -------
    Slice or None
        None if there is no such tag, or only one side has images.
    """
    tags = usable_tags(table)
    if tag not in tags:
        return None
    codes, present = tags.pop(tag)
    # Code -1, not known, stays -1: it picks the last entry.
    side = np.array([int(value in values) for value in present] + [-1])[codes]
    called = called_ai(table, threshold)
    n, rest_n = int((side == 1).sum()), int((side == 0).sum())
    if not n or not rest_n:
        return None
    x, y = int(called[side == 1].sum()), int(called[side == 0].sum())
    ratio, low, high = (of[0] for of in ratio_to_rest([x, y], [n, rest_n], confidence))
    p = each_against_rest([x, y], [n, rest_n])[0]
    # First in line, so that it is kept where another tag says the same.
    effects, held, _ = hold_equal(
        {tag: (side, ["others", "slice"]), **tags}, called, smallest, confidence
    )
    return Slice(
        n,
        x,
        rest_n,
        y,
        Effect(float(ratio), float(low), float(high), float(p)),
        effects.get((tag, "slice")),
        [name for name in held if name != tag],
    )
