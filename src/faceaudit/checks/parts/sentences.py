"""Sentences of findings that several checks share, made from their facts."""

from __future__ import annotations

from collections.abc import Sequence

from faceaudit import wording as say
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.result import Finding, GroupRate, OneDelivery, OverallRate
from faceaudit.variants.delivery import in_words


def rate_gap(found: Finding, rate: ErrorRate) -> str:
    """Tell between which groups an error rate differs most, and by how much."""
    gap = found.interval
    assert gap is not None, "a gap has an interval"
    if gap.value == 0:
        return (
            f"{say.capitalised(rate.images)} of every {say.attributes_title(found.tags)} "
            f"are {rate.error} equally often: {say.percent(found.share)} of {found.n:,}."
        )
    among = f"among groups of at least {found.smallest} images, " if found.smallest else ""
    images, span = f"{rate.images} {rate.error}", say.points_range(gap.low, gap.upper)
    if gap.low <= 0:
        return say.capitalised(
            f"{among}the largest difference in {images} by {say.attributes_title(found.tags)} is "
            f"{say.points(gap.value)} ({say.interval_title(gap.confidence)} {span}), which chance "
            f"alone could explain{twin(found)}."
        )
    high, low = (
        f"{say.group_title(found.tags, of.group)} "
        f"({say.percent(of.value)}, {of.events:,} of {of.n:,}{_as_picked(of)})"
        for of in found.groups
    )
    return say.capitalised(
        f"{among}{rate.images} tagged {high} are {rate.error} most often, those tagged {low} least "
        f"often: a difference of {say.points(gap.value)} "
        f"({say.interval_title(gap.confidence)} {span}){twin(found)}."
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


def cause(one: OneDelivery) -> str:
    """Say what scoring again at one delivery shows of a gap."""
    if one.high < 0:
        return "it turns round"
    if one.part_high < 0:
        return "delivery had made it smaller"
    if one.low > 0:
        return "part of it was delivery" if one.part_low > 0 else "the gap remains"
    return "none is shown to remain" if one.part_low > 0 else "not settled"


def at_one_delivery(one: OneDelivery) -> str:
    """Tell what remains of a gap when every picture is delivered alike and scored again."""
    return (
        f"with every picture delivered alike ({in_words(one.delivery)}) "
        f"{say.points(one.value)} remain ({say.points_range(one.low, one.high)}), "
        f"and {say.points(one.part)} ({say.points_range(one.part_low, one.part_high)}) "
        f"were delivery: {cause(one)}"
    )


def _as_picked(group: GroupRate) -> str:
    """Give the interval of a group that was picked for its rate."""
    if group.low is None or group.high is None:
        return ""
    return f"; {say.percent_range(group.low, group.high)}, as the highest of all"


#: A headline has no more words; below so many errors a ratio would say more than is known.
MOST_WORDS, FEWEST_ERRORS = 25, 5


def words(text: str) -> int:
    """Count the words of a headline; a number and its percent sign are one."""
    return len(text.replace(" %", "%").split())


def gap_headline(lead: Finding, overall: OverallRate, *, alone: bool) -> str:
    """Tell a gap in at most `MOST_WORDS` words, and its limit in any case.

    `overall` is its error rate over all images; `alone` says that no other gap in it is asked
    about.
    """
    rate, gap = ERROR_RATES[str(lead.rate)], lead.interval
    assert gap is not None, "a gap has an interval"
    by, images = say.attributes_title(lead.tags), f"{rate.images} {rate.error}"
    limit = "" if lead.limit is None else f"; your limit is {100 * lead.limit:g}"
    upper = say.points(gap.upper if lead.worst is None else lead.worst)
    # Of all images, and not of the groups alone that are compared.
    nobody = "" if overall.events else f"No {rate.image} of {overall.n:,} is {rate.error}. "
    if lead.status == "pass":
        most = f"at most {upper}{limit}."
        if nobody:
            return f"{nobody}The gap between groups is {most}"
        if alone:
            return f"The gap in {images}, by {by}, is {most}"
        return fitting(
            f"Every gap in {images} is within your limit: the largest, by {by}, is {most}",
            f"Every gap in {images} is within your limit: the largest is {most}",
        )
    if lead.status == "insufficient-evidence":
        may_be = f"up to {upper}" if nobody else f"the gap in {images} may be as large as {upper}"
        return fitting(
            f"{nobody}Not settled by {by}: {may_be}{limit}.",
            f"{nobody}Not settled: a gap of up to {upper}{limit}.",
        )
    if gap.low <= 0 or len(lead.groups) < 2:
        return fitting(
            f"No difference is shown in {images}: the largest seen, by {by}, is "
            f"{say.points(gap.value)} ({say.points_range(gap.low, gap.upper)}).",
            f"No difference between groups is shown in {images}.",
        )
    most_, least = lead.groups
    ratio = most_.value / least.value if least.events >= FEWEST_ERRORS else 0.0
    # The interval is that of the gap: more digits of the ratio would say more than is known.
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"
    often = f"{times} times as often as" if ratio else "more often than"
    rates = say.percent(most_.value), say.percent(least.value)
    at_least = f" by at least {say.points(gap.low)}"
    of_what = "of" if lead.tags == ["dataset"] else "tagged"

    def told(names: Sequence[str]) -> tuple[str, ...]:
        those = f"{rate.images} {of_what} {names[0]} are {rate.error}"
        start, short = f"{say.capitalised(those)} {often} ", f"{rates[0]} of {those}"
        short += f", {rates[1]} of {names[1]}"
        return (
            f"{start}{names[1]} ({' against '.join(rates)}),{at_least}{limit}.",
            f"{short}: at least {say.points(gap.low)} apart{limit}.",
            f"{short}{limit}.",
        )

    names = [f"'{', '.join(of.group)}'" for of in lead.groups]
    cut = [f"{name.split(maxsplit=2)[0]} …'" for name in names]
    return fitting(*told(names), *told(cut))


def fitting(*tellings: str) -> str:
    """Take the first telling that is short enough for a headline; the last if none is."""
    return next((of for of in tellings if words(of) <= MOST_WORDS), tellings[-1])


def judged_gap(found: Finding, remedy: str, aside: str = "") -> str:
    """Tell a gap, its limit and what follows; `remedy` would decide it, `aside` goes to the end."""
    rate, gap, by = ERROR_RATES[str(found.rate)], found.interval, say.attributes_title(found.tags)
    if gap is None:
        return f"By {by}, {remedy}{aside}."
    between = ""
    if gap.low > 0:
        between = " between " + " and ".join(
            f"{say.group_title(found.tags, of.group)} ({say.percent(of.value)} of {of.n:,})"
            for of in found.groups
        )
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
        follows = f"; {allowing} it is {range_}, too wide for {named}: {remedy}"
    return (
        f"By {by}, the share of {rate.images} {rate.error} differs by {say.points(gap.value)}"
        f"{between}{follows}{twin(found) if between else ''}{aside}."
    )
