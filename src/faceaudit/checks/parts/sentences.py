"""Sentences of findings that several checks share, made from their facts."""

from __future__ import annotations

from collections.abc import Sequence

from faceaudit import wording as say
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.result import Finding, GroupRate


def rate_gap(found: Finding, rate: ErrorRate) -> str:
    """Tell between which groups an error rate differs most, and by how much."""
    gap = found.interval
    assert gap is not None, "a gap has an interval"
    if gap.value == 0:
        return (
            f"{say.capitalised(rate.images)} of every {say.attributes_title(found.tags)} "
            f"are {rate.error} equally often: {say.percent(found.share)} of {found.n:,}."
        )
    high, low = (
        f"{say.group_title(found.tags, of.group)} "
        f"({say.percent(of.value)}, {of.events:,} of {of.n:,}{_as_picked(of)})"
        for of in found.groups
    )
    among = f"Among groups of at least {found.smallest} images, " if found.smallest else ""
    return (
        f"{say.capitalised(among + rate.images)} tagged {high} are {rate.error} most often, "
        f"those tagged {low} least often: a difference of {say.points(gap.value)} "
        f"({say.points_range(gap.low, gap.upper, gap.confidence)})"
        f"{'' if gap.low > 0 else ', which chance alone could explain'}{twin(found)}."
    )


def twin(found: Finding) -> str:
    """Tell what remains of a gap that is shown among pictures delivered alike.

    A gap that chance explains is told one only if its twin is shown.
    """
    gap, twin = found.interval, found.equal_delivery
    if gap is None or twin is None:
        return ""
    if twin.value is None or twin.low is None or twin.high is None:
        alone = "; the two never come in the same kind of picture, so that they cannot be told "
        return f"{alone}from the data set and the delivery of their pictures" if gap.low > 0 else ""
    shown = twin.low > 0 or twin.high < 0
    if gap.low <= 0 and not shown:
        return ""
    still = " still" if gap.low > 0 and twin.low > 0 else ""
    told = (
        f"among pictures of one data set, delivered alike, the difference is{still} "
        f"{say.points(twin.value)} ({say.points_range(twin.low, twin.high)})"
    )
    if twin.high < 0:
        return f"; {told}: reversed"
    if gap.low <= 0:
        return f"; but {told}"
    others = gap.value - twin.rates
    parts = (
        f", and {100 * others:.1f} of the {say.points(gap.value)} are that they come in other "
        "pictures"
        if others >= 0.001
        else ""
    )
    if shown:
        return f"; {told}{parts}"
    if twin.high < gap.value:
        return f"; {told}: the gap comes with the delivery of the pictures{parts}"
    return f"; {told}, which leaves open whether it is delivery"


def _as_picked(group: GroupRate) -> str:
    """Give the interval of a group that was picked for its rate."""
    if group.low is None or group.high is None:
        return ""
    return f"; {say.percent_range(group.low, group.high)}, as the highest of all"


def gap_headline(found: Finding, others: Sequence[Finding]) -> str:
    """Tell a gap in at most 25 words; `others` are the gaps that were looked at beside it."""
    rate, gap = ERROR_RATES[str(found.rate)], found.interval
    assert gap is not None, "a gap has an interval"
    limit = "" if found.limit is None else f"; your limit is {100 * found.limit:g}"
    by = say.attributes_title(found.tags)
    if not any(of.events for of in others):
        start = f"No {rate.image} of {max(of.n or 0 for of in others):,} is {rate.error}."
        most = max(of.worst or (of.interval.upper if of.interval else 0.0) for of in others)
        if found.status == "insufficient-evidence":
            open_ = [say.attributes_title(of.tags) for of in others if of.status == found.status]
            return f"{start} Not settled: {', '.join(open_)}."
        return f"{start} No gap between groups exceeds {say.points(most)}{limit}."
    images = f"{rate.images} {rate.error}"
    if found.status == "pass":
        most = found.worst or gap.upper
        largest = f"the largest, by {by}, is at most {say.points(most)}"
        return f"No gap in {images} is beyond your limit: {largest}{limit}."
    if found.status == "insufficient-evidence":
        span = say.points_range(gap.low, found.worst or gap.upper)
        return f"Not settled by {by}: the gap in {images} may be {span}{limit}."
    if gap.low <= 0 or len(found.groups) < 2:
        span = say.points_range(gap.low, gap.upper)
        return f"No difference is shown in {images}: the largest seen, by {by}, may be {span}."
    most_, least = found.groups
    named = [f"'{', '.join(of.group)}'" for of in (most_, least)]
    of_what = "of" if found.tags == ["dataset"] else "tagged"
    often = (
        f"{say.times(most_.value / least.value)} as often as" if least.value else "more often than"
    )
    rates = f"{say.percent(most_.value)} against {say.percent(least.value)}"
    at_least = f", by at least {say.points(gap.low)}" if limit else ""
    return say.capitalised(
        f"{rate.images} {of_what} {named[0]} are {rate.error} {often} {named[1]} "
        f"({rates}){at_least}{limit}."
    )


def judged_gap(found: Finding, remedy: str, aside: str = "") -> str:
    """Tell a gap, its limit and what follows; `remedy` would decide it, `aside` goes to the end."""
    rate, gap, by = ERROR_RATES[str(found.rate)], found.interval, say.attributes_title(found.tags)
    if gap is None:
        return f"By {by}, {remedy}{aside}."
    between = " and ".join(
        f"{say.group_title(found.tags, of.group)} ({say.percent(of.value)} of {of.n:,})"
        for of in found.groups
    )
    if gap.value == 0:
        between = f"all groups ({say.percent(found.share)} of {found.n:,})"
    limit = found.limit or 0.0
    named = f"the chosen limit of {say.points(limit)}"
    allowing = "allowing for chance and wrong tags" if found.wrong_tags else "allowing for chance"
    hidden = (
        f" ({say.points(found.worst)} whatever the images without a tag or a score are)"
        if found.worst is not None
        else ""
    )
    if found.status == "fail":
        follows = f", {allowing} by at least {say.points(gap.low)}: beyond {named}"
    elif found.status == "pass":
        follows = f", {allowing} by at most {say.points(gap.upper)}{hidden}: within {named}"
    elif gap.low > limit:
        follows = f", {allowing} by at least {say.points(gap.low)}, but {remedy}"
    elif gap.upper <= limit:
        follows = f", {allowing} by at most {say.points(gap.upper)}, but {remedy}"
    else:
        range_ = say.points_range(gap.low, gap.upper)
        follows = f"; {allowing} it is {range_}, too wide a range to hold against {named}: {remedy}"
    return (
        f"By {by}, the share of {rate.images} {rate.error} differs by {say.points(gap.value)} "
        f"between {between}{follows}{twin(found)}{aside}."
    )
