"""Two arms of a study: the same recipe and seeds, with and without one thing in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.errors import FaceAuditError
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Finding,
    SlopeRow,
    Slopes,
    Table,
)
from faceaudit.stats.counts import tag_codes
from faceaudit.stats.intervals import (
    difference_interval,
    paired_difference_interval,
    rate_interval,
    rate_of,
)
from faceaudit.studies.runs import Budget, FinishedRun, Run
from faceaudit.studies.seed_intervals import AcrossSeeds, across_seeds
from faceaudit.wording import (
    capitalised,
    counted,
    percent,
    points,
    points_range,
    tag_title,
)

Wrong = NDArray[np.bool_]

REAL, AI = "real photographs called AI", "AI-generated faces called real"
#: Groups with fewer photographs are not compared.
SMALLEST_GROUP = 20
ALL_AI = "all AI-generated faces"


def plan_arms(
    without: pa.Table, with_it: pa.Table, name: str, seeds: int, budget: Budget
) -> list[Run]:
    """Plan the runs on the training images of two arms.

    Returns
    -------
    list of Run
        Seed by seed, so that a study stopped half-way has whole pairs.
    """
    labels = set(pc.unique(without["label"]).to_pylist())
    if labels != {"real", "ai"}:
        raise FaceAuditError(
            f"without {name} there are only images labelled {' and '.join(labels) or 'nothing'} "
            "to train on; a classifier needs both labels"
        )
    return [
        Run(f"{arm}-{slug(name)}-seed-{seed}", table, seed, budget)
        for seed in range(seeds)
        for arm, table in (("without", without), ("with", with_it))
    ]


def slug(name: str) -> str:
    """Return a name fit for a folder."""
    return "".join(letter if letter.isalnum() else "-" for letter in name)


@dataclass(frozen=True)
class Place:
    """Testing images of one kind, and which of them each run calls wrongly.

    Attributes
    ----------
    name : str
    error : str
        What calling one wrongly means.
    without, with_it : bool array, shape (seeds, images)
    """

    name: str
    error: str
    without: Wrong
    with_it: Wrong

    @property
    def n(self) -> int:
        """Number of images."""
        return self.without.shape[1]

    def rate(self, wrong: Wrong, confidence: float) -> AcrossSeeds:
        """Average an arm's error rate over its seeds."""
        events = wrong.sum(axis=1, keepdims=True)
        return across_seeds(
            rate_of(events, self.n), *rate_interval(events, self.n, confidence), confidence
        )

    def difference(self, confidence: float) -> AcrossSeeds:
        """Average over the seeds how much higher the rate is with than without."""
        first, second = self.without, self.with_it
        both, only_first, only_second, neither = (
            cell.sum(axis=1, keepdims=True)
            for cell in (first & second, first & ~second, ~first & second, ~first & ~second)
        )
        change = rate_of(only_second, self.n) - rate_of(only_first, self.n)
        limits = paired_difference_interval(both, only_first, only_second, neither, confidence)
        return across_seeds(change, *limits, confidence, bounds=(-1, 1))

    def sentence(self, added: str, confidence: float) -> str:
        """Tell both rates and their difference.

        Parameters
        ----------
        added : str
            What the second arm has in training.
        confidence : float
        """
        first = self.rate(self.without, confidence).mean[0]
        second = self.rate(self.with_it, confidence).mean[0]
        change = self.difference(confidence)
        surely = "" if change.low[0] > 0 or change.high[0] < 0 else ", not surely different"
        whose = "" if self.name == ALL_AI else f" ({self.name})"
        span = points_range(change.low[0], change.high[0])
        return (
            f"{capitalised(self.error)}{whose}: {percent(first)} without {added} in training and "
            f"{percent(second)} with it{surely} (difference {points(change.mean[0])}, "
            f"{interval_title(confidence)} {span}; {counted(self.n, 'image')}, "
            f"{counted(len(self.without), 'seed')})."
        )


def places(finished: Sequence[FinishedRun]) -> list[Place]:
    """Split the testing images by data set and label; all AI faces together come last.

    Parameters
    ----------
    finished : sequence of FinishedRun
        As `plan_arms` planned them: without and with, in turn.
    """
    table = finished[0].scores.table
    usable = pc.equal(table["status"], "ok").to_numpy()
    is_ai = pc.equal(table["label"], "ai").to_numpy()
    dataset = np.array(table["dataset"].to_pylist(), dtype=object)
    wrong = np.stack([called_wrongly(run) for run in finished])
    found = []
    for name in sorted(set(dataset)):
        for ai in (False, True):
            rows = usable & (dataset == name) & (is_ai == ai)
            if rows.any():
                error = AI if ai else REAL
                found.append(Place(str(name), error, wrong[0::2][:, rows], wrong[1::2][:, rows]))
    rows = usable & is_ai
    if rows.any():
        found.append(Place(ALL_AI, AI, wrong[0::2][:, rows], wrong[1::2][:, rows]))
    return found


def called_wrongly(run: FinishedRun) -> Wrong:
    """Tell which testing images a run's classifier calls wrongly at its own threshold."""
    table = run.scores.table
    score = table["p_ai"].to_numpy()
    called_ai = score >= np.float32(run.record.threshold)
    return np.asarray(called_ai != pc.equal(table["label"], "ai").to_numpy())


# --- checks --------------------------------------------------------------------------------


def errors_by_set(
    found: Sequence[Place], watched: Sequence[str], name: str, confidence: float
) -> CheckResult:
    """Lay out every data set's error rate in both arms, and the difference.

    Parameters
    ----------
    found : sequence of Place
    watched : sequence of str
        Places whose change is told as a finding, the most telling first.
    name : str
        What is added in the second arm.
    confidence : float
    """
    rows: list[list[Cell]] = []
    for place in found:
        row: list[Cell] = [place.name, place.error, place.n]
        for wrong in (place.without, place.with_it):
            rate = place.rate(wrong, confidence)
            row += [_cell(v) for v in (rate.mean, rate.low, rate.high, rate.smallest, rate.largest)]
        change = place.difference(confidence)
        rows.append([*row, *(_cell(v) for v in (change.mean, change.low, change.high))])
    told = [place for key in watched for place in found if place.name == key]
    findings = [
        Finding(
            sentence=place.sentence(name, confidence),
            status="info",
            check="errors-by-set",
            weight=1.0 - 0.1 * rank,
        )
        for rank, place in enumerate(told)
    ]
    arms = [
        column
        for arm in (f"without {name}", f"with {name}")
        for column in (
            Column(title=arm, kind="percent", help="mean over the seeds"),
            Column(title=f"{arm}: from", kind="percent"),
            Column(title=f"{arm}: to", kind="percent"),
            Column(title=f"{arm}: lowest seed", kind="percent"),
            Column(title=f"{arm}: highest seed", kind="percent"),
        )
    ]
    return CheckResult(
        id="errors-by-set",
        title=f"Errors with and without {name} in training",
        description=(
            "The same recipe, seeds and testing images; only what is trained on differs. No "
            "testing image was trained on in any run."
        ),
        status="info",
        sentence=" ".join(finding.sentence for finding in findings),
        findings=findings,
        details=[
            _slopes(found, name, confidence),
            Table(
                title="Error rates by data set, mean over the seeds",
                note=(
                    f"{interval_title(confidence)}s allow for the images tested and for the seed; "
                    "'lowest' and 'highest seed' are the seed-to-seed spread. Each run decides at "
                    "the threshold that its own validation images chose."
                ),
                columns=[
                    Column(title="testing images"),
                    Column(title="error"),
                    Column(title="number", kind="count"),
                    *arms,
                    Column(title="difference", kind="points"),
                    Column(title="difference: from", kind="points"),
                    Column(title="difference: to", kind="points"),
                ],
                rows=rows,
            ),
        ],
    )


def _cell(value: NDArray[np.float64]) -> float:
    return float(value[0])


def _slopes(found: Sequence[Place], name: str, confidence: float) -> Slopes:
    rows = []
    for place in found:
        change = place.difference(confidence)
        rows.append(
            SlopeRow(
                group=f"{place.name} ({place.error})",
                n=place.n,
                first=_cell(place.rate(place.without, confidence).mean),
                second=_cell(place.rate(place.with_it, confidence).mean),
                difference=_cell(change.mean),
                low=_cell(change.low),
                high=_cell(change.high),
            )
        )
    return Slopes(
        title=f"What {name} in training changes",
        measure="error rate, mean over the seeds",
        attribute="testing images",
        first_name=f"without {name}",
        second_name=f"with {name}",
        rows=rows,
    )


def errors_by_group(
    finished: Sequence[FinishedRun],
    dataset: str,
    attributes: Sequence[str],
    name: str,
    confidence: float,
) -> CheckResult:
    """Compare groups of one data set's real photographs with the rest, in the arm with `name`.

    A difference that all seeds share is the data's; one that changes with the seed is the run's.
    """
    table = finished[0].scores.table
    rows = pc.and_(pc.equal(table["dataset"], dataset), pc.equal(table["status"], "ok"))
    rows = pc.and_(rows, pc.equal(table["label"], "real"))
    part = table.filter(rows)
    wrong = np.stack([called_wrongly(run) for run in finished])[:, rows.to_numpy()]
    lines: list[list[Cell]] = []
    clear: list[str] = []
    asked = [tag for tag in attributes if tag in part.column_names]
    for tag in asked:
        codes, values = tag_codes(part, tag)
        for code, value in enumerate(values):
            here, rest = codes == code, (codes >= 0) & (codes != code)
            if here.sum() < SMALLEST_GROUP or not rest.any():
                continue
            x, y = (wrong[1::2][:, side].sum(axis=1, keepdims=True) for side in (here, rest))
            n, m = int(here.sum()), int(rest.sum())
            limits = difference_interval(x, n, y, m, confidence)
            change = across_seeds(x / n - y / m, *limits, confidence, bounds=(-1, 1))
            spread = [_cell(v) for v in (change.mean, change.low, change.high)]
            ends = [_cell(change.smallest), _cell(change.largest)]
            without = float(wrong[0::2][:, here].mean())
            lines.append([tag_title(tag), value, n, without, float((x / n).mean()), *spread, *ends])
            if spread[1] > 0 or spread[2] < 0:
                span = points_range(spread[1], spread[2])
                clear.append(f"{tag_title(tag)} '{value}' by {points(spread[0])} ({span})")
    sentence = (
        f"Among the real photographs of {dataset}, with {name} in training, "
        + (
            f"these differ from the rest beyond images and seed: {'; '.join(clear)}."
            if clear
            else f"none of {counted(len(lines), 'group')} differs from the rest beyond what the "
            "images and the seed explain."
        )
        if lines
        else f"The real photographs of {dataset} have no groups to compare."
    )
    return CheckResult(
        id="errors-by-group",
        title=f"Who is called AI-generated in {dataset}",
        description=(
            "The difference between a group and the rest, averaged over the seeds. The groups are "
            "many, so one or two that stand out by little may be chance."
        ),
        status="info" if lines else "not-estimable",
        sentence=sentence,
        findings=[Finding(sentence=sentence, status="info", check="errors-by-group", weight=0.5)],
        details=[
            Table(
                title=f"Real photographs of {dataset} called AI, by group",
                note=f"{interval_title(confidence)}s, each on its own, for images and seed.",
                columns=[
                    Column(title="tag"),
                    Column(title="group"),
                    Column(title="photographs", kind="count"),
                    Column(title=f"without {name}", kind="percent"),
                    Column(title=f"with {name}", kind="percent"),
                    Column(title="minus the rest", kind="points", help=f"with {name}"),
                    Column(title="from", kind="points"),
                    Column(title="to", kind="points"),
                    Column(title="lowest seed", kind="points"),
                    Column(title="highest seed", kind="points"),
                ],
                rows=lines,
            )
        ]
        if lines
        else [],
    )
