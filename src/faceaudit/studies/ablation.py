"""Ablation: the same recipe and seeds, with and without one thing in training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.layout import lay_out, number, text
from faceaudit.result import CheckResult, Detail, SlopeRow, Slopes
from faceaudit.studies.holdout import Split
from faceaudit.studies.runs import Tested
from faceaudit.studies.seed_intervals import change, contrasts, count, rates
from faceaudit.studies.study import Study, answer, spread
from faceaudit.wording import (
    capitalised,
    counted,
    interval_title,
    percent,
    points,
    points_range,
    tag_title,
)

ERRORS = {"real": "real photographs called AI", "ai": "AI-generated faces called real"}
#: Groups with fewer photographs are not compared.
SMALLEST_GROUP = 20
ALL_AI = "all AI-generated faces"


@dataclass(frozen=True, kw_only=True)
class Ablation(Study):
    """A study of two settings, without and with one thing in training.

    Parameters
    ----------
    epochs : int
        As in `faceaudit.model.training.train`.
    confidence : float
        Of each interval.
    """

    epochs: int = 4
    confidence: float = 0.95

    @abstractmethod
    def _sides(self, split: Split) -> tuple[str, pa.Table, pa.Table]:
        """Return what is added, and the training images without and with it."""

    def _settings(self, split: Split, seed: int) -> dict[str, tuple[int, pa.Table]]:
        name, without, with_it = self._sides(split)
        labels = set(pc.unique(without["label"]).to_pylist())
        if labels != {"real", "ai"}:
            raise FaceAuditError(
                f"without {name} there are only images labelled "
                f"{' and '.join(labels) or 'nothing'} to train on; a classifier needs both labels"
            )
        slug = "".join(letter if letter.isalnum() else "-" for letter in name)
        return {f"without-{slug}": (self.epochs, without), f"with-{slug}": (self.epochs, with_it)}


def errors_by_set(
    tested: Tested, watched: Sequence[str], name: str, confidence: float
) -> CheckResult:
    """Lay out every data set's error rate without and with `name`, and the difference.

    The change of the `watched` data sets is told in findings, the most telling first.
    """
    datasets = sorted(pc.unique(tested.tables[0]["dataset"]).to_pylist())
    sets = [
        (dataset, error, tested.where(dataset=dataset, label=label))
        for dataset in datasets
        for label, error in ERRORS.items()
    ]
    sets.append((ALL_AI, ERRORS["ai"], tested.where(label="ai")))
    names, errors, images = zip(*(each for each in sets if each[-1].any()), strict=True)
    n = [int(each.sum()) for each in images]
    sides = (f"without {name}", f"with {name}")
    found = [rates(wrong, images, confidence) for wrong in tested.wrong]
    moved = change(tested.wrong[0], tested.wrong[1], images, confidence)

    def told(i: int) -> str:
        first, second = (percent(rate.mean[i]) for rate in found)
        surely = "" if moved.low[i] > 0 or moved.high[i] < 0 else ", not surely different"
        whose = "" if names[i] == ALL_AI else f" ({names[i]})"
        return (
            f"{capitalised(errors[i])}{whose}: {first} without {name} in training and "
            f"{second} with it{surely} (difference {points(moved.mean[i])}, "
            f"{interval_title(confidence)} {points_range(moved.low[i], moved.high[i])}; "
            f"{counted(n[i], 'image')}, {counted(tested.wrong.shape[1], 'seed')})."
        )

    told_of = [i for key in watched for i in range(len(n)) if names[i] == key]
    slopes = Slopes(
        title=f"What {name} in training changes",
        measure="error rate, mean over the seeds",
        attribute="testing images",
        first_name=sides[0],
        second_name=sides[1],
        rows=[
            SlopeRow(
                group=f"{names[i]} ({errors[i]})",
                n=n[i],
                first=found[0].mean[i],
                second=found[1].mean[i],
                difference=moved.mean[i],
                low=moved.low[i],
                high=moved.high[i],
            )
            for i in range(len(n))
        ],
    )
    columns = [
        *(text("testing images", names), text("error", errors), number("number", "count", n)),
        *spread(sides[0], "percent", found[0], f"{sides[0]}: ", "mean over the seeds"),
        *spread(sides[1], "percent", found[1], f"{sides[1]}: ", "mean over the seeds"),
        *spread("difference", "points", moved, "difference: ")[:3],
    ]
    note = (
        f"{interval_title(confidence)}s allow for the images tested and for the seed; 'lowest' and "
        "'highest seed' are the seed-to-seed spread. Each run decides at the threshold that its "
        "own validation images chose."
    )
    return answer(
        "errors-by-set",
        f"Errors with and without {name} in training",
        "The same recipe, seeds and testing images; only what is trained on differs. No testing "
        "image was trained on in any run.",
        {told(i): 1.0 - 0.1 * rank for rank, i in enumerate(told_of)},
        [slopes, lay_out("Error rates by data set, mean over the seeds", columns, note=note)],
    )


def errors_by_group(
    tested: Tested, dataset: str, attributes: Sequence[str], confidence: float
) -> CheckResult:
    """Compare groups of the added data set's real photographs with the rest, in the runs with it.

    A difference that all seeds share is the data's; one that changes with the seed is the run's.
    """
    photographs = tested.where(dataset=dataset, label="real")
    groups = [
        group
        for group in tested.groups(attributes, photographs)
        if group[2].sum() >= SMALLEST_GROUP and group[3].any()
    ]
    details: list[Detail] = []
    if groups:
        tags, values, here, rest = zip(*groups, strict=True)
        titles = [tag_title(tag) for tag in tags]
        n = np.sum(here, axis=1)
        without, with_it = count(tested.wrong, here).mean(axis=1) / n
        apart = contrasts(tested.wrong[1], here, rest, confidence)
        clear = [
            f"{titles[i]} '{values[i]}' by {points(apart.mean[i])} "
            f"({points_range(apart.low[i], apart.high[i])})"
            for i in np.flatnonzero((apart.low > 0) | (apart.high < 0))
        ]
        sentence = f"Among the real photographs of {dataset}, with {dataset} in training, " + (
            f"these differ from the rest beyond images and seed: {'; '.join(clear)}."
            if clear
            else f"none of {counted(len(groups), 'group')} differs from the rest beyond what the "
            "images and the seed explain."
        )
        columns = [
            text("tag", titles),
            text("group", values),
            number("photographs", "count", n),
            number(f"without {dataset}", "percent", without),
            number(f"with {dataset}", "percent", with_it),
            *spread("minus the rest", "points", apart, help=f"with {dataset}"),
        ]
        note = f"{interval_title(confidence)}s, each on its own, for images and seed."
        details = [
            lay_out(f"Real photographs of {dataset} called AI, by group", columns, note=note)
        ]
    else:
        sentence = f"The real photographs of {dataset} have no groups to compare."
    return answer(
        "errors-by-group",
        f"Who is called AI-generated in {dataset}",
        "The difference between a group and the rest, averaged over the seeds. The groups are "
        "many, so one or two that stand out by little may be chance.",
        {sentence: 0.5},
        details,
    )
