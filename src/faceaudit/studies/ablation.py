"""Ablation: the same recipe and seeds, with and without one thing in training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit import wording as say
from faceaudit.errors import FaceAuditError
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Answer, CheckResult, Detail
from faceaudit.studies.errors_by_set import (
    SMALLEST_GROUP,
    answer,
    errors_by_set,
    headline,
    of_sets,
)
from faceaudit.studies.holdout import Split
from faceaudit.studies.runs import Tested
from faceaudit.studies.seed_intervals import contrasts, count
from faceaudit.studies.study import Study, check, spread


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

    @property
    @abstractmethod
    def _name(self) -> str:
        """What is added, in words."""

    @abstractmethod
    def _watched(self, datasets: Sequence[str]) -> list[str]:
        """Choose the data sets that the question is about, the most telling first."""

    def _more(self, tested: Tested) -> list[CheckResult]:
        """Ask more; the first sentence of a check on why is told at once."""
        return []

    def _conclude(self, tested: Tested) -> tuple[str, Answer, list[CheckResult]]:
        datasets = sorted(pc.unique(tested.tables[0]["dataset"]).to_pylist())
        names = self._watched(datasets)
        first, changes = errors_by_set(tested, names, self._name, self.confidence)
        more, watched = self._more(tested), of_sets(changes, names)
        whys = [of.findings[0].sentence for of in more if (of.part, of.status) == ("why", "info")]
        return (
            headline(watched, self._name, len(tested.runs)),
            answer(changes, watched, self._name, self.seeds, " ".join(whys)),
            [first, *more],
        )

    def _settings(self, split: Split, seed: int) -> dict[str, tuple[dict[str, Any], pa.Table]]:
        name, without, with_it = self._sides(split)
        labels = set(pc.unique(without["label"]).to_pylist())
        if labels != {"real", "ai"}:
            raise FaceAuditError(
                f"without {name} there are only images labelled "
                f"{' and '.join(labels) or 'nothing'} to train on; a classifier needs both labels"
            )
        slug = "".join(letter if letter.isalnum() else "-" for letter in name)
        options = {"epochs": self.epochs}
        return {f"without-{slug}": (options, without), f"with-{slug}": (options, with_it)}


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
        titles = [say.tag_title(tag) for tag in tags]
        n = np.sum(here, axis=1)
        without, with_it = count(tested.wrong, here).mean(axis=1) / n
        apart = contrasts(tested.wrong[1], here, rest, confidence)
        clear = [
            f"{titles[i]} '{values[i]}' by {say.points(apart.mean[i])} "
            f"({say.points_range(apart.low[i], apart.high[i])})"
            for i in np.flatnonzero((apart.low > 0) | (apart.high < 0))
        ]
        sentence = f"Among the real photographs of {dataset}, with {dataset} in training, " + (
            f"these differ from the rest beyond images and seed: {'; '.join(clear)}."
            if clear
            else f"none of {say.counted(len(groups), 'group')} differs from the rest beyond what "
            "the images and the seed explain."
        )
        columns = [
            text("tag", titles),
            text("group", values),
            number("photographs", "count", n),
            number(f"without {dataset}", "percent", without),
            number(f"with {dataset}", "percent", with_it),
            *spread("minus the rest", "points", apart, help=f"with {dataset}"),
        ]
        note = f"{say.interval_title(confidence)}s, each on its own, for images and seed."
        details = [
            lay_out(f"Real photographs of {dataset} called AI, by group", columns, note=note)
        ]
    else:
        sentence = f"The real photographs of {dataset} have no groups to compare."
    return check(
        "errors-by-group",
        f"Who is called AI-generated in {dataset}",
        "gaps",
        "The difference between a group and the rest, averaged over the seeds. The groups are "
        "many, so one or two that stand out by little may be chance.",
        {sentence: 0.5},
        details,
    )
