"""Sentences of findings that several checks share, made from their facts."""

from __future__ import annotations

from faceaudit.error_rates import ERROR_RATES
from faceaudit.result import Finding
from faceaudit.wording import (
    attributes_title,
    capitalised,
    group_title,
    interval_title,
    percent,
    points,
    points_range,
)


def rate_gap(found: Finding) -> str:
    """Tell between which groups an error rate differs most, and by how much."""
    rate, gap = ERROR_RATES[str(found.rate)], found.interval
    assert gap is not None, "a gap has an interval"
    if gap.value == 0:
        return (
            f"{capitalised(rate.images)} of every {attributes_title(found.tags)} "
            f"are {rate.error} equally often: {percent(found.share)} of {found.n:,}."
        )
    high, low = (
        f"{group_title(found.tags, of.group)} ({percent(of.value)}, {of.events:,} of {of.n:,})"
        for of in found.groups
    )
    among = f"Among groups of at least {found.smallest} images, " if found.smallest else ""
    return (
        f"{capitalised(among + rate.images)} tagged {high} are {rate.error} most often, "
        f"those tagged {low} least often: a difference of {points(gap.value)} "
        f"({interval_title(gap.confidence)} {points_range(gap.low, gap.upper)})"
        f"{'' if gap.low > 0 else ', which chance alone could explain'}."
    )


def judged_gap(found: Finding, remedy: str, aside: str = "") -> str:
    """Tell a gap, its limit and what follows; `remedy` would decide it, `aside` goes to the end."""
    rate, gap, by = ERROR_RATES[str(found.rate)], found.interval, attributes_title(found.tags)
    if gap is None:
        return f"By {by}, {remedy}{aside}."
    between = " and ".join(
        f"{group_title(found.tags, of.group)} ({percent(of.value)} of {of.n:,})"
        for of in found.groups
    )
    if gap.value == 0:
        between = f"all groups ({percent(found.share)} of {found.n:,})"
    limit = found.limit or 0.0
    named = f"the chosen limit of {points(limit)}"
    if found.status == "fail":
        follows = f", allowing for chance by at least {points(gap.low)}: beyond {named}"
    elif found.status == "pass":
        follows = f", allowing for chance by at most {points(gap.upper)}: within {named}"
    elif gap.upper <= limit:
        follows = f", allowing for chance by at most {points(gap.upper)}, but {remedy}"
    else:
        range_ = points_range(gap.low, gap.upper)
        follows = (
            f"; allowing for chance it is {range_}, too wide a range to hold against {named}: "
            f"{remedy}"
        )
    return (
        f"By {by}, the share of {rate.images} {rate.error} differs by {points(gap.value)} "
        f"between {between}{follows}{aside}."
    )
