"""A plan: how many images an audit needs for its verdicts, before any are collected."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError
from faceaudit.spec import Spec, SpecLike, as_spec
from faceaudit.stats.power import images_to_fail, images_to_pass
from faceaudit.tags.vocabulary import ORDERED_TAGS


@dataclass(frozen=True)
class Planned:
    """The images that the verdict on one gap needs.

    Attributes
    ----------
    tags : tuple of str
        Whose groups are compared.
    rate : str
        Id of the error rate.
    limit : float
    groups : int
    assumed_rate : float
        Of all groups, but for one where there is a gap.
    error : float
        The chance of a wrong verdict at which the gap is first held against the limit.
    to_pass : int or None
        Images of each group, all of the label that the rate is about, with which the gap passes
        if there is none. None where no number would do.
    assumed_gap : float
        By which one group exceeds all others.
    to_fail : int or None
        Images of each group with which that gap fails. None where it is not beyond the limit.
    """

    tags: tuple[str, ...]
    rate: str
    limit: float
    groups: int
    assumed_rate: float
    error: float
    to_pass: int | None
    assumed_gap: float
    to_fail: int | None


def plan(
    spec: SpecLike,
    rates: Mapping[str, float],
    *,
    groups: Mapping[str, int] | None = None,
    power: float = 0.8,
    gap: float | None = None,
    cluster_size: float = 1.0,
    correlation: float = 0.0,
) -> list[Planned]:
    """Plan the images of each group with which an audit decides with a stated power.

    The plan is on the safe side: every gap has the level of Holm's first step, and what is decided
    leaves its share to the others. It counts images that have their tags and a score.

    Parameters
    ----------
    spec : Spec, path, str, mapping or sequence of str
        A specification, its file, the name of a ready one, its keys, or the tags to compare.
    rates : mapping
        Error rate to what it is taken to be in each group; others are not planned for.
    groups : mapping, optional
        Tag to its number of groups, where that is not known or not all occur.
    power : float
        Chance of the verdict.
    gap : float, optional
        The true gap that is to fail; twice the limit if not given.
    cluster_size, correlation : float
        Images that hang together, and how alike their errors are (intra-class correlation).

    Returns
    -------
    list of Planned
        One for each gap: each attribute and intersection by each rate with a limit.

    Raises
    ------
    FaceAuditError
        If a number is out of range or is lacking, or no gap is to be judged.

    References
    ----------
    Kish (1965), Survey Sampling, 5.4 (images that hang together).
    """
    chosen = as_spec(spec)
    if strange := [rate for rate in rates if rate not in ERROR_RATES]:
        raise FaceAuditError(
            f"--rates {strange[0]}: no such error rate; there are {', '.join(ERROR_RATES)}"
        )
    for option, value in (
        *((f"rates {rate}", of) for rate, of in rates.items()),
        ("power", power),
        *([] if gap is None else [("gap", gap)]),
    ):
        if not 0 < value < 1:
            raise FaceAuditError(f"--{option}: {value:g} does not lie between 0 and 1")
    if not 1 <= cluster_size < math.inf:
        raise FaceAuditError(f"--cluster-size: {cluster_size:g} is no number of images from 1 on")
    if not 0 <= correlation <= 1:
        raise FaceAuditError(f"--correlation: {correlation:g} is not a number from 0 to 1")
    groupings = [*chosen.groupings, *([("slice",)] if chosen.slice else [])]
    judged = not chosen.checks or "equalized-odds-gap" in chosen.checks
    limited = [
        (tags, rate, limit)
        for tags in groupings
        for rate in ERROR_RATES
        if judged and rate in rates and (limit := chosen.limit(rate)) is not None
    ]
    if not limited:
        raise FaceAuditError(
            f"{chosen.name}: holds no gap of {' or '.join(rates) or 'any rate'} against a limit"
        )
    sizes = dict(_sizes(dict.fromkeys(chain(*groupings)), groups or {}))
    worth = 1 + (cluster_size - 1) * correlation
    error = (1 - chosen.confidence) / len(limited)
    planned = []
    for tags, rate, limit in limited:
        number, assumed = math.prod(sizes[tag] for tag in tags), 2 * limit if gap is None else gap
        if rates[rate] + assumed > 1:
            raise FaceAuditError(
                f"--gap: no group can be {assumed:g} above a {rate} of {rates[rate]:g}"
            )
        # Wrong tags make groups more alike: less of the limit is left, and less of the gap is seen.
        seen = max(1 - 2 * _wrong(chosen, tags), 0.0)
        given = partial(_images, number, rates[rate], error=error, power=power)
        found = (
            given(limit=limit * seen) if limit * seen > 0 else None,
            given(limit=limit, excess=assumed * seen) if assumed * seen > limit else None,
        )
        # Rounded, as 1.1 times 100 is a hair above 110.
        to_pass, to_fail = (
            n and max(math.ceil(round(n * worth, 6)), chosen.small_group) for n in found
        )
        planned.append(
            Planned(tags, rate, limit, number, rates[rate], error, to_pass, assumed, to_fail)
        )
    return planned


def _sizes(tags: Collection[str], groups: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Give every tag its number of groups."""
    if strange := [tag for tag in groups if tag not in tags]:
        raise FaceAuditError(f"--groups {strange[0]}: the tags compared are {', '.join(tags)}")
    for tag in tags:
        known = 2 if tag == "slice" else len(ORDERED_TAGS.get(tag, ()))
        number = groups.get(tag, known)
        if not number and tag not in groups:
            raise FaceAuditError(f"how many groups '{tag}' has is not known: --groups {tag}=NUMBER")
        if number < 2:
            raise FaceAuditError(f"--groups {tag}: {number} is no number of groups from 2 on")
        yield tag, number


def _wrong(spec: Spec, tags: tuple[str, ...]) -> float:
    """Give the largest share of wrong tags of any group, as far as it is known without images."""
    right = 1.0
    for tag in tags:
        given = spec.tag_error.get(tag, 0.0)
        if isinstance(given, str):
            raise FaceAuditError(
                f"{spec.name}: tag_error: {tag}: how often '{given}' differs is not known before "
                "there are images; give a share"
            )
        shares = given if isinstance(given, Mapping) else {"": given}
        right *= 1 - max(
            1 - of.get(group, 0.0) if isinstance(of, Mapping) else of
            for group, of in shares.items()
        )
    return 1 - right


def _images(
    groups: int, rate: float, *, limit: float, error: float, power: float, excess: float = 0.0
) -> int:
    try:
        if excess:
            return images_to_fail(groups, rate, excess, limit, error, power)
        return images_to_pass(groups, rate, limit, error, power)
    except ValueError as refused:
        raise FaceAuditError(f"{refused} for a limit of {limit:g}") from None
