"""How often each group's photographs are called AI, over the rest's: crude, and adjusted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow.types as pat
from numpy.typing import NDArray
from scipy import stats

from faceaudit.result import GroupRate, Interval, nan_to_none
from faceaudit.schema import called_ai, tag_columns
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.counts import Images
from faceaudit.stats.firth_risk_ratios import RiskRatios, firth_risk_ratios
from faceaudit.stats.intervals import ratio_to_rest
from faceaudit.stats.significance import TestOfAlike, adjust, all_alike, each_against_rest
from faceaudit.tags.vocabulary import NUMERIC_TAGS

#: A tag with more values names persons or pictures, not groups.
MOST_VALUES = 25
#: With fewer errors (or fewer images called rightly), tags cannot be told apart.
FEWEST_ERRORS = 10
#: Share of the images that must have a tag that is held equal.
MOSTLY = 0.5
#: How the kinds of picture (`stats.delivery`) are named among what is held equal.
DELIVERY = "delivery of the picture"


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

    `groups` are tag and value; `n`, `events` and the ratios are arrays of shape (groups,), `worth`
    are events and n of as many independent images. `adjusted` holds all tags of `p_any` equal,
    and the kinds of picture if there are several (`kinds`); of tags that most images lack,
    `apart`, the kinds alone. `alike` and `p_any` are whether a tag makes no difference, alone and
    at equal others, of which `adjusted_n` photographs have all.
    """

    dataset: str
    photographs: int
    called_ai: int
    groups: list[tuple[str, str]]
    n: IntArray
    events: IntArray
    worth: tuple[FloatArray, FloatArray]
    crude: RiskRatios
    adjusted: RiskRatios
    alike: dict[str, TestOfAlike]
    p_any: dict[str, float]
    adjusted_n: int
    kinds: int
    apart: list[str]

    @property
    def decisive(self) -> RiskRatios:
        """What is said of a group: at equal others, or crudely where nothing can be held equal."""
        nothing = not self.adjusted_n and np.isnan(self.adjusted.p).all()
        return self.crude if nothing else self.adjusted

    def together(self, group: int, confidence: float, groups: int) -> Ratio:
        """Give a group's decisive ratio with an interval that holds for so many groups at once."""
        each = 1 - (1 - confidence) / groups
        ratio, low, high, _ = (float(of[group]) for of in self.decisive)
        if self.decisive is self.crude:
            tag = [name for name, _ in self.groups]
            same = np.flatnonzero(np.equal(tag, tag[group]))
            events, n = self.worth
            _, lower, upper = ratio_to_rest(events[same], n[same], each)
            at = np.searchsorted(same, group)
            return Ratio(ratio, float(lower[at]), float(upper[at]))
        wider = stats.norm.isf((1 - each) / 2) / stats.norm.isf((1 - confidence) / 2)
        return Ratio(ratio, ratio * (low / ratio) ** wider, ratio * (high / ratio) ** wider)


def usable_tags(photographs: Images) -> dict[str, tuple[IntArray, list[str]]]:
    """Return codes and values of every tag that puts the images into a few groups.

    A tag that makes the same groups as one before it, under other names, is left out.
    """
    tags: dict[str, tuple[IntArray, list[str]]] = {}
    seen: set[tuple[int, bytes]] = set()
    for tag in tag_columns(photographs.table):
        if tag in NUMERIC_TAGS or pat.is_floating(photographs.table[tag].type):
            continue
        codes, values = photographs.codes(tag)
        if (
            2 <= len(values) <= MOST_VALUES
            and (groups := (len(values), _groups(codes))) not in seen
        ):
            seen.add(groups)
            tags[tag] = codes, values
    return tags


def _groups(codes: IntArray) -> bytes:
    """Say which images are of one group, whatever the groups are called."""
    first = np.full(int(codes.max(initial=-1)) + 2, len(codes))
    # The last that is written stays.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return np.argsort(np.argsort(first))[codes].astype(np.uint16).tobytes()


def analyse(
    dataset: str,
    photographs: Images,
    kinds: IntArray,
    threshold: float,
    smallest: int,
    confidence: float,
) -> Analysis | None:
    """Compare each group of a data set's photographs with the rest, crudely and adjusted.

    Groups with fewer than `smallest` photographs are merged for the regression and not reported
    by it. None if no tag is usable. `kinds`, shape (photographs,), are the kinds of picture.
    """
    tags = usable_tags(photographs)
    if not tags:
        return None
    called = called_ai(photographs.score, threshold)
    adjusted, p_any, adjusted_n = adjust_for_all(
        tags, called, smallest, confidence, kinds, photographs.clusters
    )
    several = len(np.unique(kinds))
    mostly_unknown = [tag for tag, (codes, _) in tags.items() if _mostly_unknown(codes)]
    counts = [photographs.counts((tag,), threshold) for tag in tags]
    tested = [(of.effective.real_called_ai, of.effective.n_real) for of in counts]
    n, events = (
        np.concatenate([getattr(of, name) for of in counts])
        for name in ("n_real", "real_called_ai")
    )
    worth = tuple(np.concatenate(of).astype(float) for of in zip(*tested, strict=True))
    crude = [
        RiskRatios(
            ratio_to_rest(of.real_called_ai, of.n_real)[0],
            *ratio_to_rest(*one, confidence)[1:],
            each_against_rest(*one),
        )
        for of, one in zip(counts, tested, strict=True)
    ]
    alike = zip(tags, (all_alike(*one) for one in tested), strict=True)
    return Analysis(
        dataset=dataset,
        photographs=len(photographs),
        called_ai=int(called.sum()),
        groups=[(tag, value) for tag, (_, values) in tags.items() for value in values],
        n=n,
        events=events,
        worth=(worth[0], worth[1]),
        crude=RiskRatios(*np.concatenate([np.array(of) for of in crude], axis=1)),
        adjusted=RiskRatios(*np.concatenate([np.array(of) for of in adjusted.values()], axis=1)),
        alike={tag: test for tag, test in alike if test is not None},
        p_any={tag: p for tag, p in p_any.items() if tag != DELIVERY},
        adjusted_n=adjusted_n,
        kinds=several,
        apart=mostly_unknown if several > 1 else [],
    )


def adjusted_together(analyses: Sequence[Analysis]) -> list[Analysis]:
    """Adjust the p-values of the groups of all data sets for being asked together (Holm)."""

    def all_at_once(p: FloatArray) -> FloatArray:
        known = ~np.isnan(p)
        p[known] = adjust(p[known])[0]
        return p

    if not analyses:
        return []
    ends = np.cumsum([len(of.groups) for of in analyses])[:-1]
    crude, adjusted = (
        np.split(all_at_once(np.concatenate([ratios.p for ratios in of])), ends)
        for of in zip(*((of.crude, of.adjusted) for of in analyses), strict=True)
    )
    return [
        dataclasses.replace(of, crude=of.crude._replace(p=p), adjusted=of.adjusted._replace(p=q))
        for of, p, q in zip(analyses, crude, adjusted, strict=True)
    ]


def adjust_for_all(
    tags: Mapping[str, tuple[IntArray, list[str]]],
    called: NDArray[np.bool_],
    smallest: int,
    confidence: float,
    kinds: IntArray | None = None,
    clusters: IntArray | None = None,
) -> tuple[dict[str, RiskRatios], dict[str, float], int]:
    """Estimate every group's ratio to the rest of its tag with all other tags held equal.

    Tags that fewer than half of the images have are left out; then images that lack one of
    the others are. Groups below `smallest` are merged within their tag, with ratios of NaN.
    The kinds of picture are held equal, too, and they alone where a tag was left out; a tag that
    comes with them has ratios of NaN. Beside them, as of `firth_risk_ratios`, the number of
    images in the regression, or 0.
    """
    ratios = {
        tag: RiskRatios(*np.full((4, len(values)), np.nan)) for tag, (_, values) in tags.items()
    }
    if kinds is not None and kinds.max(initial=0) > kinds.min(initial=0):
        for tag, (codes, values) in tags.items():
            if _mostly_unknown(codes) and (known := codes >= 0).any():
                held = [None if of is None else of[known] for of in (kinds, clusters)]
                alone = {tag: (codes[known], values)}
                ratios |= adjust_for_all(alone, called[known], smallest, confidence, *held)[0]
    tags = {tag: both for tag, both in tags.items() if not _mostly_unknown(both[0])}
    if kinds is not None:
        tags = {DELIVERY: (kinds - kinds.min(initial=0), []), **tags}
    rows = np.ones(len(called), dtype=bool)
    for codes, _ in tags.values():
        rows &= codes >= 0
    ((effect,),) = design_effects(clusters, np.where(rows, 0, -1), 1, called).tolist()
    called = called[rows]
    if min(called.sum(), len(called) - called.sum()) / effect < FEWEST_ERRORS:
        return ratios, {}, 0
    merged, frequent = {}, {}
    for tag, (codes, values) in tags.items():
        # Values that are frequent enough get a number each; all others share the last.
        images = np.bincount(codes[rows], minlength=len(values))
        kept = np.flatnonzero(images >= smallest)
        number = np.full(len(images), len(kept))
        number[kept] = np.arange(len(kept))
        dense = number[codes[rows]]
        if dense.max(initial=0) > 0:
            merged[tag], frequent[tag] = dense, kept
    if not merged.keys() - {DELIVERY}:
        return ratios, {}, 0
    found, p_any = firth_risk_ratios(merged, called, confidence, effect, ratios)
    for tag, of in found.items():
        for whole, part in zip(ratios[tag], of, strict=True):
            whole[frequent[tag]] = part[: len(frequent[tag])]
    return ratios, p_any, len(called) if p_any else 0


def _mostly_unknown(codes: IntArray) -> bool:
    return bool((codes >= 0).mean() < MOSTLY)


@dataclass(frozen=True)
class Contrast:
    """The photographs with some values of a tag against those with all others.

    `adjusted` is at equal `adjusted_for`, None if that cannot be estimated; `with_delivery` if
    that is because such people come in pictures of their own kinds.
    """

    tag: str
    chosen: GroupRate
    others: GroupRate
    crude: Ratio
    adjusted: Ratio | None
    adjusted_for: list[str]
    with_delivery: bool = False

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
    kinds: IntArray | None = None,
) -> Contrast | None:
    """Compare the images with any of some values of a tag with all others.

    None if there is no such tag, or only one side has images. `kinds` of picture are held equal.
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
    both = (side, ["others", "chosen"])
    (effects,) = design_effects(photographs.clusters, side, 2, called)
    worth = events / effects, n / effects
    # First in line, so that it is kept where another tag says the same.
    ratios, p_any, _ = adjust_for_all(
        {tag: both, **tags}, called, smallest, confidence, kinds, photographs.clusters
    )
    others, chosen = (
        GroupRate(group=[name], n=int(of), events=int(x), value=x / of)
        for name, of, x in zip(("all others", " or ".join(values)), n, events, strict=True)
    )
    crude = ratio_to_rest(events, n)[0], *ratio_to_rest(*worth, confidence)[1:]
    found = [Ratio(*(float(of[1]) for of in ratio)) for ratio in (crude, ratios[tag][:3])]
    unknown, apart = np.isnan(found[1].value), _mostly_unknown(side)
    held = [DELIVERY] if apart else sorted(p_any.keys() - {tag}, key=[*tags, DELIVERY].index)
    return Contrast(
        tag=tag,
        chosen=chosen,
        others=others,
        crude=found[0],
        adjusted=None if unknown else found[1],
        adjusted_for=held,
        with_delivery=bool(unknown and DELIVERY in p_any and not apart),
    )
