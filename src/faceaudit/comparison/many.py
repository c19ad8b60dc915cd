"""Three classifiers or more on the same images: ranked, and each against the first, paired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import starmap
from math import comb
from typing import Any

import numpy as np

from faceaudit import wording as say
from faceaudit.answer import coinciding, status_of
from faceaudit.checks.parts.sentences import fitting
from faceaudit.comparison import groups, non_inferiority
from faceaudit.comparison.leaderboard import MOST_TOLD, Leaderboard, aucs, told_together
from faceaudit.comparison.notes import limitations_of_all, too_alike
from faceaudit.comparison.outcomes import RATES, Comparison, Difference
from faceaudit.layout import Head, by_rows, heads, lay_out
from faceaudit.pairing import Panel
from faceaudit.result import PARTS, Answer, CheckResult, Detail, FigureAt
from faceaudit.runner import headline
from faceaudit.spec import Spec
from faceaudit.stats.intervals import rate_of

#: Of the groups for which a classifier is shown to be better, or worse, so many are named.
MOST_NAMED = 2

AGAINST_FIRST = (
    "Every other classifier against {first}, on the same images, counted image by image. Better "
    "for a group, or worse, is what is shown by an interval that holds together with those of all "
    "groups and all classifiers; what is not shown is undecided, and not the same as alike. Groups "
    "of at least {enough} of the label count, real photographs and AI-generated faces apart."
)
PAIR = (
    "Difference: {1} minus {0}; below zero, {1} errs less. The intervals of the gaps hold each on "
    "its own, those group by group all together."
)
COMMON = (
    "Only images that every classifier scored are compared. One that lacks the images on which it "
    "would err looks better than it is: hold its rate on the images that were left out, because "
    "another lacks them, beside its rate on those that were compared."
)


def many(panel: Panel, names: Sequence[str], spec: Spec) -> dict[str, Any]:
    """Rank them, and tell of each beside the first, in the fields of a result."""
    pairs = [
        Comparison(panel.pair(0, i), (names[0], name), spec, among=len(names))
        for i, name in enumerate(names[1:], start=1)
    ]
    board = Leaderboard(panel, names, spec, pairs[0].confidence(()))
    tables, tests = aucs(board.models, names, spec.confidence)
    checks = [board.check(rate) for rate in board.standings]
    checks[0].details += tables
    checks[0].tests += tests
    checks += [*_common(panel, names), _against_first(pairs)]
    checks += [_against(of, f"compare-{i}") for i, of in enumerate(pairs, start=1)]
    judged = non_inferiority.judge(pairs if panel.by_all.all() else _of_both(pairs, panel))
    checks += judged
    checks.sort(key=lambda check: PARTS.index(check.part))
    verdict = _headline(board)
    if judged:
        margins = [*spec.no_worse_by.values()]
        by_name = dict(zip(names[1:], judged, strict=True))
        verdict = non_inferiority.headline_of_many(by_name, margins)
    return {
        "title": f"{len(names)} classifiers on the same images",
        "question": "Which of them is wrong least often, for whom, and at what price?",
        "status": status_of(judged) if judged else "info",
        "verdict": verdict,
        "answer": _answer(board, pairs, checks),
        "findings": headline(checks),
        "limitations": [
            *too_alike(names, panel),
            *_thresholds(panel),
            *limitations_of_all(names, board.models, panel, checks),
            *panel.notes,
        ],
        "checks": checks,
    }


def _of_both(pairs: Sequence[Comparison], panel: Panel) -> list[Comparison]:
    """Take each pair on the images that the two scored: whatever a third lacks."""
    return [
        replace(of, paired=panel.pair(0, i, of_all=False)) for i, of in enumerate(pairs, start=1)
    ]


# --- checks --------------------------------------------------------------------------------


def for_whom(of: Comparison) -> str:
    """Say for which groups the second is better, worse and undecided."""
    found = [each for each in of.differences if each.tags]
    parts = []
    for title, way in (("better for", -1), ("worse for", 1)):
        shown = [each for each in found if each.way == way]
        shown.sort(key=lambda each: (len(each.tags), -abs(each.interval.value)))
        named = [_named(each) for each in shown[:MOST_NAMED]]
        more = f" and {len(shown) - MOST_NAMED:,} more" if len(shown) > MOST_NAMED else ""
        if named:
            parts.append(f"{title} {', '.join(named)}{more}")
    undecided = sum(not each.way for each in found)
    if undecided:
        parts.append(f"undecided for {say.counted(undecided, 'group')}")
    return "; ".join(parts) or "no group is large enough"


def _named(found: Difference) -> str:
    return f"{found.rate.images} of {found.name} ({' to '.join(found.rates)})"


def _against(of: Comparison, id: str) -> CheckResult:
    """Compare one with the first: all differences, and the gaps."""
    first, second = of.names
    parts = [*(groups.by_group(of, tags) for tags in of.groupings), *groups.gaps(of)]
    return CheckResult(
        id=id,
        title=f"{second} against {first}",
        part="gaps",
        description=PAIR.format(first, second),
        status="info",
        sentence=f"{second} against {first}: {for_whom(of)}.",
        findings=[
            found.model_copy(update={"check": id}) for part in parts for found in part.findings
        ],
        tests=[
            test.model_copy(update={"name": f"{second}: {test.name}"})
            for part in parts
            for test in part.tests
        ],
        # The longer table is folded below the other.
        details=[
            *(each for part in parts if part.id == "compare-gaps" for each in part.details),
            _differences(of),
        ],
    )


def _differences(of: Comparison) -> Detail:
    ways = {-1: "better", 1: "worse", 0: "undecided"}
    rows = [
        (
            *(say.attributes_title(each.tags) or "all images", each.group, each.rate.images),
            *(each.n, each.first, each.second),
            *(each.interval.value, each.interval.low, each.interval.upper, ways[each.way]),
        )
        for each in of.differences
    ]
    names: list[Head] = [(name, "percent") for name in of.names]
    columns = [*heads("groups by; group; images; n:count"), *names]
    columns += heads("difference:points; from:points; to:points; shown")
    return lay_out(
        f"{of.names[1]} minus {of.names[0]}, group by group",
        by_rows(rows, columns),
        note="All intervals of this table, and of those of the other classifiers, hold together at "
        f"{100 * of.spec.confidence:g} %.",
    )


def _against_first(pairs: Sequence[Comparison]) -> CheckResult:
    """Count for how many groups each is better or worse than the first."""
    first, spec = pairs[0].names[0], pairs[0].spec
    rows: list[tuple[str | int | float, ...]] = []
    for of in pairs:
        for rate in RATES:
            found = [each for each in of.differences if each.rate == rate]
            over_all = [each.interval for each in found if not each.tags]
            ways = [each.way for each in found if each.tags]
            for change in over_all:
                ends = change.value, change.low, change.upper
                counts = (ways.count(way) for way in (-1, 1, 0))
                rows.append((of.names[1], rate.images, *ends, *counts))
    return CheckResult(
        id="compare-first",
        title=f"Each against {first}",
        part="gaps",
        description=AGAINST_FIRST.format(
            first=first, enough=say.counted(spec.small_group, "image")
        ),
        status="info",
        sentence=" ".join(f"{of.names[1]}: {for_whom(of)}." for of in pairs),
        details=[
            lay_out(
                f"For how many groups each is better or worse than {first}",
                by_rows(
                    rows,
                    "classifier; images; over all:points; from:points; to:points; "
                    "better for:count; worse for:count; undecided:count",
                ),
            )
        ],
    )


def _common(panel: Panel, names: Sequence[str]) -> list[CheckResult]:
    """Count what each classifier scored and was not compared; nothing if nobody lost an image."""
    if panel.by_all.all():
        return []
    is_ai = np.asarray(panel.table["label"]) == "ai"
    rows: list[tuple[str | int | float, ...]] = []
    for rate in RATES:
        of_label = is_ai == (rate.label == "ai")
        for name, answers in zip(names, panel.answers, strict=True):
            kept, lost = answers[of_label & panel.by_all], answers[of_label & ~panel.by_all]
            scored = lost[lost < 2]
            wrong = (float(rate_of(of.sum(), len(of))) for of in (kept, scored))
            on_kept, on_lost = wrong
            without = int((answers[of_label] == 2).sum())
            rows.append((name, rate.images, len(kept), without, len(scored), on_kept, on_lost))
    return [
        CheckResult(
            id="compare-common",
            title="Images that all scored",
            part="rates",
            description=COMMON,
            status="info",
            sentence=f"{int(panel.by_all.sum()):,} of {say.counted(len(is_ai), 'image')} were "
            "scored by all.",
            details=[
                lay_out(
                    "What each scored and was not compared",
                    by_rows(
                        rows,
                        "classifier; images; compared:count; without its score:count; "
                        "lost for others:count; wrong on the compared:percent; "
                        "wrong on the lost:percent",
                    ),
                )
            ],
        )
    ]


def _thresholds(panel: Panel) -> Iterator[str]:
    """Say so where each is read at a threshold of its own."""
    thresholds = {of.threshold for of in panel.summaries}
    if len(thresholds) > 1:
        each = ", ".join(f"{of.name} {of.threshold:.3g}" for of in panel.summaries)
        yield (
            f"Each classifier is read at its own threshold ({each}): error rates depend on it, the "
            "AUC does not."
        )


# --- the first screen ----------------------------------------------------------------------


def _headline(board: Leaderboard) -> str:
    """Say in at most `MOST_WORDS` words which is best, and at what price."""
    short = {
        name: f"{name.split(maxsplit=1)[0]} …" if " " in name else name for name in board.names
    }
    return fitting(
        *(
            _best(board, names, price=price)
            for names in ({name: name for name in board.names}, short)
            for price in (True, False)
        ),
        say.capitalised(_best(board, dict.fromkeys(board.names, "one of them"), price=False)),
    )


def _best(board: Leaderboard, names: dict[str, str], *, price: bool) -> str:
    (rate, standings), *others = board.standings.items()
    best, of = standings[0], len(standings)
    name, share = names[best.name], say.percent(best.value)
    tied = sum(each.ranks[0] == 1 for each in standings)
    if best.ranks == (1, 1):
        said = f"{name} {rate.verb} the fewest {rate.images} ({share}) of {of} classifiers"
    else:
        said = f"{tied} of {of} may be best on {rate.images}, {name} lowest with {share}"
    if price and others:
        other, places = others[0]
        own = next(each for each in places if each.name == best.name)
        also = "also ranks" if own.ranks == (1, 1) == best.ranks else "ranks"
        said += f"; on {other.images} it {also} {own.rank}"
    return f"{said}."


def _answer(
    board: Leaderboard, pairs: Sequence[Comparison], checks: Sequence[CheckResult]
) -> Answer:
    rate = next(iter(board.standings))
    lead = next(check for check in checks if check.id == f"compare-leaderboard-{rate.id}")
    drawn = [detail.kind for detail in lead.details]
    return Answer(
        rate=rate.id,
        tags=board.spec.attributes[:1],
        who=_who(pairs),
        how_much=" ".join(starmap(told_together, board.standings.items())),
        how_sure=" ".join(_how_sure(board, pairs)),
        why=" ".join(coinciding(board.models[0].table, board.spec.groupings)),
        figure=FigureAt(
            check=lead.id, detail=drawn.index("scatter" if "scatter" in drawn else "table")
        ),
    )


def _who(pairs: Sequence[Comparison]) -> str:
    """Tell those first that are shown to differ for most groups."""

    def shown(of: Comparison) -> int:
        return sum(bool(each.way) for each in of.differences if each.tags)

    differing = sorted((of for of in pairs if shown(of)), key=shown, reverse=True)
    first = pairs[0].names[0]
    if not differing:
        return f"No group is shown to gain or lose by any classifier, against {first}."
    said = " ".join(
        f"Against {first}, {of.names[1]}: {for_whom(of)}." for of in differing[:MOST_TOLD]
    )
    left = len(differing) - MOST_TOLD
    more = f" {say.counted(left, 'more classifier')} differ for some groups." if left > 0 else ""
    return f"{said}{more}"


def _how_sure(board: Leaderboard, pairs: Sequence[Comparison]) -> Iterator[str]:
    """Count the pairs that are told apart, the group differences, and what could turn them."""
    k = len(board.names)
    apart = []
    for rate, standings in board.standings.items():
        # Of every pair that is told apart one has the other behind it.
        n = sum(k - of.ranks[1] for of in standings)
        apart.append(f"{n:,} on {rate.images}")
    yield (
        f"Told apart, of {say.counted(comb(k, 2), 'pair')} of classifiers: {', '.join(apart)}; "
        f"ranks and differences hold together at {100 * board.spec.confidence:g} %."
    )
    found = [each for of in pairs for each in of.differences if each.tags]
    if found:
        some = say.out_of(sum(bool(each.way) for each in found), len(found), "group difference")
        yield f"{some} from {board.names[0]} more than chance."
    turned = [of.names[1] for of in pairs if any(d.turns for d in of.differences if not d.tags)]
    if turned:
        yield (
            "Images that not all scored could turn the comparison with "
            f"{board.names[0]} of {', '.join(turned)}."
        )
