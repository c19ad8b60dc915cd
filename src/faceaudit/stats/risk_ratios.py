"""How often each group's photographs are called AI, over the rest's: crude, and adjusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow.types as pat
from numpy.typing import NDArray

from faceaudit.result import GroupRate, Interval, nan_to_none
from faceaudit.schema import called_ai, tag_columns
from faceaudit.stats import IntArray
from faceaudit.stats.counts import Images
from faceaudit.stats.firth_risk_ratios import RiskRatios, firth_risk_ratios
from faceaudit.stats.intervals import ratio_to_rest
from faceaudit.stats.significance import TestOfAlike, adjust, all_alike, each_against_rest
from faceaudit.tags.vocabulary import NUMERIC_TAGS

#: A tag with more values names persons or pictures, not groups.
MOST_VALUES = 25
#: With fewer errors (or fewer images called rightly), tags cannot be told apart.
FEWEST_ERRORS = 10


class Ratio(NamedTuple):
    """One risk ratio with its interval; `high` may be infinite, `value` not a number."""

    value: float
    low: float
    high: float

    def interval(self, confidence: float) -> Interval | None:
        """Give it as a fact that holds together with others; None if it is not a number."""
        if not np.isfinite(self.value):
            return None
        value, low, high = self.value, self.low, nan_to_none(self.high)
        return Interval(value=value, low=low, high=high, confidence=confidence, together=True)


def odds_ratio(ratio: float, base: float) -> float:
    """Give the odds ratio to which a risk ratio amounts where the others' rate is `base`.

    Infinite where the ratio would make the rate 1 or more.
    """
    return ratio * (1 - base) / (1 - ratio * base) if ratio * base < 1 else np.inf


@dataclass(frozen=True)
class Analysis:
    """All groups of one data set's real photographs, each against the rest of its tag.

    `groups` are tag and value; `n`, `events` and the ratios are arrays of shape (groups,). The
    ratios' p-values are Holm's over all groups; `adjusted` holds all other tags equal. `alike`
    and `p_any` are whether a tag makes no difference, alone and at equal others, of which
    `adjusted_n` photographs have all.
    """

    dataset: str
    photographs: int
    called_ai: int
    groups: list[tuple[str, str]]
    n: IntArray
    events: IntArray
    crude: RiskRatios
    adjusted: RiskRatios
    alike: dict[str, TestOfAlike]
    p_any: dict[str, float]
    adjusted_n: int


def usable_tags(photographs: Images) -> dict[str, tuple[IntArray, list[str]]]:
    """Return codes and values of every tag that puts the images into a few groups.

    A tag that makes the same groups as one before it, under other names, is left out.
    """
    tags: dict[str, tuple[IntArray, list[str]]] = {}
    for tag in tag_columns(photographs.table):
        if tag in NUMERIC_TAGS or pat.is_floating(photographs.table[tag].type):
            continue
        codes, values = photographs.codes(tag)
        if 2 <= len(values) <= MOST_VALUES and not any(
            _same_groups(codes, known)
            for known, names in tags.values()
            if len(names) == len(values)
        ):
            tags[tag] = codes, values
    return tags


def _same_groups(first: IntArray, second: IntArray) -> bool:
    width = int(second.max()) + 2
    pairs = np.flatnonzero(np.bincount((first + 1) * width + second + 1))
    return len(pairs) == len(np.unique(pairs // width)) == len(np.unique(pairs % width))


def analyse(
    dataset: str, photographs: Images, threshold: float, smallest: int, confidence: float
) -> Analysis | None:
    """Compare each group of a data set's photographs with the rest, crudely and adjusted.

    Groups with fewer than `smallest` photographs are merged for the regression and not reported
    by it. None if no tag is usable.
    """
    tags = usable_tags(photographs)
    if not tags:
        return None
    called = called_ai(photographs.score, threshold)
    adjusted, p_any, adjusted_n = adjust_for_all(tags, called, smallest, confidence)
    counts = [photographs.counts((tag,), threshold) for tag in tags]
    tested = [(of.real_called_ai, of.n_real) for of in counts]
    crude = [
        RiskRatios(*ratio_to_rest(x, n, confidence), each_against_rest(x, n)) for x, n in tested
    ]
    alike = zip(tags, (all_alike(x, n) for x, n in tested), strict=True)
    return Analysis(
        dataset=dataset,
        photographs=len(photographs),
        called_ai=int(called.sum()),
        groups=[(tag, value) for tag, (_, values) in tags.items() for value in values],
        n=np.concatenate([n for _, n in tested]),
        events=np.concatenate([x for x, _ in tested]),
        crude=_together(crude),
        adjusted=_together(adjusted.values()),
        alike={tag: test for tag, test in alike if test is not None},
        p_any=p_any,
        adjusted_n=adjusted_n,
    )


def _together(tags: Iterable[RiskRatios]) -> RiskRatios:
    """Join the groups of all tags, and adjust the p-values that are known over all."""
    ratio, low, high, p = np.concatenate([np.array(ratios) for ratios in tags], axis=1)
    known = ~np.isnan(p)
    p[known] = adjust(p[known])[0]
    return RiskRatios(ratio, low, high, p)


def adjust_for_all(
    tags: Mapping[str, tuple[IntArray, list[str]]],
    called: NDArray[np.bool_],
    smallest: int,
    confidence: float,
) -> tuple[dict[str, RiskRatios], dict[str, float], int]:
    """Estimate every group's ratio to the rest of its tag with all other tags held equal.

    Tags that fewer than half of the images have are left out; then images that lack one of
    the others are. Groups below `smallest` are merged within their tag, with ratios of NaN.
    Beside them, as of `firth_risk_ratios`, the number of images in the regression, or 0.
    """
    ratios = {
        tag: RiskRatios(*np.full((4, len(values)), np.nan)) for tag, (_, values) in tags.items()
    }
    tags = {tag: both for tag, both in tags.items() if (both[0] >= 0).mean() >= 0.5}
    rows = np.ones(len(called), dtype=bool)
    for codes, _ in tags.values():
        rows &= codes >= 0
    called = called[rows]
    if min(called.sum(), len(called) - called.sum()) < FEWEST_ERRORS:
        return ratios, {}, 0
    merged, frequent = {}, {}
    for tag, (codes, values) in tags.items():
        # Values that are frequent enough get a number each; all others share the last.
        kept = np.flatnonzero(np.bincount(codes[rows], minlength=len(values)) >= smallest)
        number = np.full(len(values), len(kept))
        number[kept] = np.arange(len(kept))
        dense = number[codes[rows]]
        if dense.max(initial=0) > 0:
            merged[tag], frequent[tag] = dense, kept
    found, p_any = firth_risk_ratios(merged, called, confidence)
    for tag, of in found.items():
        for whole, part in zip(ratios[tag], of, strict=True):
            whole[frequent[tag]] = part[: len(frequent[tag])]
    return ratios, p_any, len(called) if p_any else 0


@dataclass(frozen=True)
class Contrast:
    """The photographs with some values of a tag against those with all others.

    `adjusted` is at equal `adjusted_for`, None if that cannot be estimated.
    """

    tag: str
    chosen: GroupRate
    others: GroupRate
    crude: Ratio
    adjusted: Ratio | None
    adjusted_for: list[str]

    @property
    def decisive(self) -> Ratio:
        """The ratio that answers: at equal other tags if there is one."""
        return self.adjusted or self.crude


def contrast(
    photographs: Images,
    tag: str,
    values: list[str],
    threshold: float,
    smallest: int,
    confidence: float,
) -> Contrast | None:
    """Compare the images with any of some values of a tag with all others.

    None if there is no such tag, or only one side has images.
    """
    tags = usable_tags(photographs)
    if tag not in tags:
        return None
    codes, present = tags.pop(tag)
    # Code -1, not known, stays -1: it picks the last entry.
    side = np.array([int(value in values) for value in present] + [-1])[codes]
    called = called_ai(photographs.score, threshold)
    n = np.bincount(side[side >= 0], minlength=2)
    events = np.bincount(side[(side >= 0) & called], minlength=2)
    if not n.all():
        return None
    # First in line, so that it is kept where another tag says the same.
    ratios, p_any, _ = adjust_for_all(
        {tag: (side, ["others", "chosen"]), **tags}, called, smallest, confidence
    )
    others, chosen = (
        GroupRate(group=[name], n=int(of), events=int(x), value=x / of)
        for name, of, x in zip(("all others", " or ".join(values)), n, events, strict=True)
    )
    crude, adjusted = (
        Ratio(*(float(of[1]) for of in found))
        for found in (ratio_to_rest(events, n, confidence), ratios[tag][:3])
    )
    return Contrast(
        tag=tag,
        chosen=chosen,
        others=others,
        crude=crude,
        adjusted=None if np.isnan(adjusted.value) else adjusted,
        adjusted_for=[name for name in p_any if name != tag],
    )
