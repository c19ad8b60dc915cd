"""What one thing in training changes on every data set: the table, and the answer to the study."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc

from faceaudit.checks.parts.sentences import fitting
from faceaudit.comparison.answer import amounts, trade_off, who
from faceaudit.comparison.outcomes import RATES, Difference, told_change
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Answer, CheckResult, FigureAt, Interval, SlopeRow, Slopes
from faceaudit.studies.runs import Tested
from faceaudit.studies.seed_intervals import change, rates
from faceaudit.studies.study import check, spread
from faceaudit.wording import capitalised, counted, interval_title, out_of

ALL_AI = "all AI-generated faces"
#: Groups and data sets with fewer images are not compared in words.
SMALLEST_GROUP = 20


def errors_by_set(
    tested: Tested, watched: Sequence[str], name: str, confidence: float
) -> tuple[CheckResult, list[Difference]]:
    """Lay out every data set's error rate without and with `name`, and the difference.

    The change of the `watched` data sets is told in findings, the most telling first.
    """
    sets = [
        (dataset, rate, tested.where(dataset=dataset, label=str(rate.label)))
        for dataset in sorted(pc.unique(tested.tables[0]["dataset"]).to_pylist())
        for rate in RATES
    ]
    sets += [(ALL_AI, rate, tested.where(label="ai")) for rate in RATES if rate.label == "ai"]
    names, of, images = zip(*(each for each in sets if each[-1].any()), strict=True)
    found = [rates(wrong, images, confidence) for wrong in tested.wrong]
    moved = change(tested.wrong[0], tested.wrong[1], images, confidence)
    changes = [
        Difference(
            tags=() if names[i] == ALL_AI else ("dataset",),
            group=names[i],
            rate=of[i],
            n=int(images[i].sum()),
            first=float(found[0].mean[i]),
            second=float(found[1].mean[i]),
            interval=Interval(
                value=moved.mean[i], low=moved.low[i], high=moved.high[i], confidence=confidence
            ),
        )
        for i in range(len(names))
    ]
    sides = (f"without {name}", f"with {name}")
    slopes = Slopes(
        title=f"What {name} in training changes",
        measure="error rate, mean over the seeds",
        attribute="testing images",
        first_name=sides[0],
        second_name=sides[1],
        rows=[
            SlopeRow(
                group=f"{each.group} ({each.rate.images} {each.rate.error})",
                n=each.n,
                first=each.first,
                second=each.second,
                difference=each.interval.value,
                low=each.interval.low,
                high=each.interval.high,
            )
            for each in changes
        ],
    )
    columns = [
        text("testing images", names),
        text("error", [f"{rate.images} {rate.error}" for rate in of]),
        number("number", "count", [each.n for each in changes]),
        *spread(sides[0], "percent", found[0], f"{sides[0]}: ", "mean over the seeds"),
        *spread(sides[1], "percent", found[1], f"{sides[1]}: ", "mean over the seeds"),
        *spread("difference", "points", moved, "difference: ")[:3],
    ]
    note = (
        f"{interval_title(confidence)}s allow for the images tested and for the seed; 'lowest' and "
        "'highest seed' are the seed-to-seed spread. Each run decides at the threshold that its "
        "own validation images chose."
    )
    told = {_told(each, name): 1.0 - 0.1 * i for i, each in enumerate(of_sets(changes, watched))}
    result = check(
        "errors-by-set",
        f"Errors with and without {name} in training",
        "rates",
        "The same recipe, seeds and testing images; only what is trained on differs. No testing "
        "image was trained on in any run.",
        told,
        [slopes, lay_out("Error rates by data set, mean over the seeds", columns, note=note)],
    )
    return result, changes


def of_sets(changes: Sequence[Difference], names: Sequence[str]) -> list[Difference]:
    """Choose the changes on some data sets, in the order of their names."""
    return [each for name in names for each in changes if each.group == name]


def _told(found: Difference, name: str) -> str:
    first, second = found.rates
    return (
        f"{capitalised(found.images)}: {second} {found.rate.error} with {name} in training, "
        f"{first} without: {told_change(found.interval)}."
    )


def headline(watched: Sequence[Difference], name: str, runs: int) -> str:
    """Say what `name` in training changes on the watched data sets."""

    def told(*, numbers: bool) -> str:
        if any(found.way for found in watched):
            traded = trade_off(watched, numbers=numbers)
            return f"{counted(runs, 'run')}: trained with {name}, the classifier {traded}."
        images = [
            f"{found.images} ({found.rates[1]} against {found.rates[0]})"
            if numbers
            else found.images
            for found in watched
        ]
        return (
            f"{counted(runs, 'run')}: no difference is shown with {name} in training on "
            f"{' or '.join(images)}."
        )

    return fitting(told(numbers=True), told(numbers=False))


def answer(
    changes: Sequence[Difference], watched: Sequence[Difference], name: str, seeds: int, why: str
) -> Answer:
    """Put the first screen together."""
    sets = [found for found in changes if found.tags and found.n >= SMALLEST_GROUP]
    shown = sum(bool(found.way) for found in sets)
    interval = interval_title(watched[0].interval.confidence)
    return Answer(
        rate=watched[0].rate.id,
        tags=["dataset"],
        who=who(sets),
        how_much=f"With {name} in training: {amounts(watched)}.",
        how_sure=(
            f"2 settings × {counted(seeds, 'seed')}. {out_of(shown, len(sets), 'change')} shown "
            f"on single data sets. Each {interval} allows for images and seed and holds on its "
            "own: of many, some miss by chance."
        ),
        why=why,
        figure=FigureAt(check="errors-by-set", detail=0),
    )
