"""The answer to a comparison, for the first screen: who gains, who loses, how much, how sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from faceaudit import wording as say
from faceaudit.answer import coinciding
from faceaudit.checks.parts.sentences import fitting
from faceaudit.comparison.groups import check_id
from faceaudit.comparison.outcomes import Comparison, Difference, Outcomes
from faceaudit.result import Answer, CheckResult, FigureAt, OverallRate, Slopes

#: Of those who gain, and of those who lose, so many are named.
MOST_NAMED = 2


def _in_order(of: Comparison) -> list[Difference]:
    """Give the differences over all images, that of the asked error rate first."""
    overall = [found for found in of.differences if not found.tags]
    return sorted(overall, key=lambda found: found.rate.id != of.spec.rate)


def _of_groups(of: Comparison) -> list[Difference]:
    """Give the differences of groups, the clearest first; a combination after its tags."""

    def clear(found: Difference) -> tuple[int, float]:
        return len(found.tags), -max(found.interval.low, -found.interval.upper)

    return sorted((found for found in of.differences if found.tags), key=clear)


def headline(of: Comparison) -> str:
    """Say in at most `MOST_WORDS` words who errs less, and what the trade-off is."""
    places = "the first", "the second"
    return fitting(
        _headline(of, of.names, numbers=True),
        _headline(of, of.names, numbers=False),
        say.capitalised(_headline(of, places, numbers=True)),
        say.capitalised(_headline(of, places, numbers=False)),
    )


def _headline(of: Comparison, names: tuple[str, str], *, numbers: bool) -> str:
    overall, groups = _in_order(of), _of_groups(of)
    if any(found.way for found in overall):
        told = f"{names[1]} {trade_off(overall, f' than {names[0]}', numbers=numbers)}"
    else:
        images = " or ".join(found.rate.images for found in overall)
        told = f"No difference is shown between {names[0]} and {names[1]} on {images}"
        if numbers and (some := sum(bool(found.way) for found in groups)):
            told += f"; {say.out_of(some, len(groups), 'group difference')}"
    turned = "; unscored images could turn this" if any(found.turns for found in overall) else ""
    return f"{told}{turned}."


def trade_off(differences: Sequence[Difference], than: str = "", *, numbers: bool) -> str:
    """Say of which images the second gets more or fewer wrong `than` the first, and of which not.

    At least one of the differences is shown.
    """
    clauses: list[str] = []
    shown = [found for found in differences if found.way]
    for found in shown:
        more = "more" if found.way > 0 else "fewer"
        rates = f" ({found.rates[1]} against {found.rates[0]})" if numbers else ""
        clauses.append(f"{found.rate.verb} {more} {found.images}{'' if clauses else than}{rates}")
    both_ways = len({found.way for found in shown}) > 1
    others = " or ".join(found.images for found in differences if not found.way)
    unshown = f"; no difference is shown on {others}" if others else ""
    return f"{(' but ' if both_ways else ' and ').join(clauses)}{unshown}"


def answer(of: Comparison, checks: Sequence[CheckResult]) -> Answer:
    """Put the first screen together."""
    groups = _of_groups(of)
    asked = [found for found in groups if of.spec.rate in (None, found.rate.id)]
    lead = next(iter([*asked, *groups, *_in_order(of)]))
    return Answer(
        rate=of.spec.rate or lead.rate.id,
        tags=list(lead.tags),
        overall=[_overall(of, found, of.outcomes[()][found.rate]) for found in _in_order(of)],
        who=who(groups),
        how_much=_how_much(of),
        how_sure=" ".join(_how_sure(of, groups)),
        why=" ".join([*_why(of), *coinciding(of.paired.shared[0].table, of.groupings)]),
        figure=_figure(lead, checks),
    )


def _overall(of: Comparison, found: Difference, outcomes: Outcomes) -> OverallRate:
    low, high = outcomes.second(of.spec.confidence)[:, 0].tolist()
    first, second = outcomes.wrong[:, 0].tolist()
    return OverallRate(
        rate=found.rate.id, n=found.n, events=second, first=first, low=low, high=high
    )


def who(groups: Sequence[Difference]) -> str:
    """Name the groups that are shown to gain and to lose, the largest differences first."""
    if not groups:
        return ""
    parts = []
    for title, way in (("gain", -1), ("lose", 1)):
        shown = [found for found in groups if found.way == way]
        shown.sort(key=lambda found: (len(found.tags), -abs(found.interval.value)))
        named: dict[str, list[str]] = {}
        for found in shown[:MOST_NAMED]:
            told = f"{found.name} ({' to '.join(found.rates)})"
            named.setdefault(found.rate.images, []).append(told)
        parts += [f"{title} among {images}: {', '.join(of)}" for images, of in named.items()]
        if len(shown) > MOST_NAMED:
            parts[-1] += f" and {len(shown) - MOST_NAMED:,} more"
    if not parts:
        return "No group is shown to gain or to lose."
    return f"{say.capitalised('; '.join(parts))}."


def _how_much(of: Comparison) -> str:
    return f"{of.names[1]} minus {of.names[0]}: {amounts(_in_order(of))}."


def amounts(differences: Sequence[Difference]) -> str:
    """Tell how large each difference is, with its interval."""
    return "; ".join(
        f"{found.images} {found.rate.error} {100 * found.interval.value:+.1f} points "
        f"({100 * found.interval.low:+.1f} to {100 * found.interval.upper:+.1f})"
        for found in differences
    )


def _how_sure(of: Comparison, groups: Sequence[Difference]) -> Iterator[str]:
    """Count what is shown, and name what could turn the answer."""
    together = f"all intervals hold together at {100 * of.spec.confidence:g} %"
    if groups:
        shown = sum(bool(found.way) for found in groups)
        yield f"{say.out_of(shown, len(groups), 'group difference')} more than chance; {together}."
    else:
        yield f"{say.capitalised(together)}."
    for found in _in_order(of):
        if found.turns:
            alone = of.outcomes[()][found.rate].alone[:, 0]
            told = [
                f"{say.counted(int(n), found.rate.image)} that {name} alone scored"
                for n, name in zip(alone, of.names, strict=True)
                if n
            ]
            yield f"{' and '.join(told)} could turn the answer."


def _why(of: Comparison) -> Iterator[str]:
    """Say where most of a change lies in one data set that has less than half of the images."""
    tally = of.paired.tally(["dataset"])
    for found in _in_order(of):
        outcomes = Outcomes(tally, found.rate, of.spec.small_group)
        change, n = outcomes.only[1] - outcomes.only[0], outcomes.n
        i = int(np.argmax(found.way * change))
        rest = int(change.sum() - change[i])
        few = outcomes.large[i] and 2 * n[i] < n.sum()
        if found.way and few and 2 * found.way * change[i] > abs(change.sum()):
            yield (
                f"Of the {int(n[i]):,} {found.rate.images} of {tally.groups[i]}, {of.names[1]} "
                f"{found.rate.verb} {_more(int(change[i]))}; of the {int(n.sum() - n[i]):,} "
                f"others, {_more(rest)}."
            )


def _more(change: int) -> str:
    return f"{abs(change):,} {'more' if change > 0 else 'fewer'}" if change else "as many"


def _figure(lead: Difference, checks: Sequence[CheckResult]) -> FigureAt:
    """Find the slopes of the groups among which the difference is clearest."""
    check = next(check for check in checks if check.id == check_id(lead.tags))
    slopes = [isinstance(of, Slopes) and of.rate == lead.rate.id for of in check.details]
    return FigureAt(check=check.id, detail=slopes.index(True))
