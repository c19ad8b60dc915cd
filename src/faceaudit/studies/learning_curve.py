"""Learning curve: how long, on how many images and in which mixture is it worth training?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.result import Cell, CheckResult, Column, Curve, Finding, Result, Series, Table
from faceaudit.stats.counts import count_outcomes
from faceaudit.studies.holdout import Pool, read_pool
from faceaudit.studies.runs import Budget, FinishedRun, Run, run_all
from faceaudit.studies.study_result import write_study
from faceaudit.tables import scored
from faceaudit.wording import capitalised, counted, percent

NAME = "learning-curve"
DEFAULT_BUDGET = Budget()
#: Groups with fewer photographs do not count as the worst.
SMALLEST_GROUP = 30


@dataclass(frozen=True)
class Setting:
    """How long, how much and in which mixture.

    Attributes
    ----------
    epochs, images : int
    real_share : float
        Share of real photographs among the images.
    """

    epochs: int
    images: int
    real_share: float

    @property
    def name(self) -> str:
        """Fit for a folder and for a table."""
        return f"{self.epochs}-epochs-{self.images}-images-{round(100 * self.real_share)}-real"


def learning_curve(
    manifests: Sequence[Path | str],
    out: Path | str,
    *,
    tests: Sequence[Path | str] = (),
    hold_out: float = 0.3,
    epochs: Sequence[int] = (1, 2, 4),
    images: Sequence[int] = (500, 1000, 2000),
    real_shares: Sequence[float] = (0.5,),
    generator_source: str = "ffhq",
    attributes: Sequence[str] = ("age_band", "gender", "race"),
    seeds: int = 3,
    budget: Budget = DEFAULT_BUDGET,
    progress: bool = False,
) -> Result:
    """Train with every combination of epochs, images and mixture, over several seeds.

    Parameters
    ----------
    manifests : sequence of path
        Images to train on.
    out, tests, hold_out, seeds, progress
        As in `faceaudit.studies.data_in_training.data_in_training`.
    epochs, images : sequence of int
        How long, and how many images. Smaller sets are parts of larger ones with the same seed.
    real_shares : sequence of float
        Shares of real photographs among the images.
    generator_source : str
        The data set that the generator was trained on; it is tested, not trained on.
    attributes : sequence of str
        Tags whose groups of real photographs (without those of `generator_source`) are looked
        through for the worst.
    budget : Budget
        Its epochs are not used.

    Raises
    ------
    FaceAuditError
        If there are too few images, or `out` holds runs with other settings.
    """
    pool = _without(read_pool(manifests, tests, hold_out), generator_source)
    settings = [Setting(*each) for each in product(epochs, images, real_shares)]
    runs = [_run(setting, pool, seed, budget) for seed in range(seeds) for setting in settings]
    finished = run_all(runs, pool, out, progress)
    by_setting = {setting: finished[i :: len(settings)] for i, setting in enumerate(settings)}
    measured = {
        setting: [_measure(run, generator_source, attributes) for run in of]
        for setting, of in by_setting.items()
    }
    return write_study(
        out,
        name=NAME,
        title="How long and how much to train",
        question=(
            "How do epochs, the number of images and the mixture of real and AI-generated ones "
            "change what the classifier gets wrong?"
        ),
        checks=[_check(measured, generator_source)],
        finished=finished,
        settings={
            "epochs_tried": list(epochs),
            "images_tried": list(images),
            "real_shares_tried": list(real_shares),
            "generator_source": generator_source,
            "seeds": seeds,
            "hold_out": hold_out,
            **{key: value for key, value in asdict(budget).items() if key != "epochs"},
        },
    )


def _without(pool: Pool, generator_source: str) -> Pool:
    """Move the generator's photographs from training to testing."""
    source = pc.equal(pool.training["dataset"], generator_source)
    return Pool(
        pool.training.filter(pc.invert(source)),
        pa.concat_tables(
            [pool.testing, pool.training.filter(source)], promote_options="permissive"
        ),
        pool.info,
    )


def _run(setting: Setting, pool: Pool, seed: int, budget: Budget) -> Run:
    """Draw a setting's images: the first so many of each label in the seed's order."""
    n_real = round(setting.images * setting.real_share)
    order = np.random.default_rng(seed).permutation(len(pool.training))
    is_real = pc.equal(pool.training["label"], "real").to_numpy()[order]
    rows = []
    for side, wanted, name in (
        (is_real, n_real, "real"),
        (~is_real, setting.images - n_real, "ai"),
    ):
        there = order[side]
        if wanted > len(there) or wanted == 0:
            raise FaceAuditError(
                f"{counted(setting.images, 'image')} with {percent(setting.real_share)} real need "
                f"{wanted:,} labelled '{name}'; there are {len(there):,} to train on"
            )
        rows.append(there[:wanted])
    return Run(
        f"{setting.name}-seed-{seed}",
        pool.training.take(np.sort(np.concatenate(rows))),
        seed,
        replace(budget, epochs=setting.epochs),
    )


@dataclass(frozen=True)
class Measured:
    """What one run is judged by; NaN where no testing image says it."""

    validation_accuracy: float
    source_fpr: float
    worst_group: str
    worst_fpr: float
    missed_ai: float


def _measure(run: FinishedRun, generator_source: str, attributes: Sequence[str]) -> Measured:
    table = scored(run.scores)
    threshold = run.record.threshold
    source = pc.equal(table["dataset"], generator_source)
    of_source = count_outcomes(table.filter(source), (), threshold).total()
    others = table.filter(pc.invert(source))
    worst, name = np.nan, "none"
    for tag in attributes:
        if tag not in others.column_names:
            continue
        counts = count_outcomes(others, (tag,), threshold)
        for i in np.flatnonzero(counts.n_real >= SMALLEST_GROUP):
            rate = counts.real_called_ai[i] / counts.n_real[i]
            if not rate <= worst:
                worst, name = float(rate), f"{tag} {counts.labels[i]}"
    ai = count_outcomes(table, (), threshold).total()
    return Measured(
        validation_accuracy=run.record.validation_accuracy,
        source_fpr=_quotient(of_source.real_called_ai[0], of_source.n_real[0]),
        worst_group=name,
        worst_fpr=worst,
        missed_ai=_quotient(ai.ai_called_real[0], ai.n_ai[0]),
    )


def _quotient(events: int, n: int) -> float:
    return float(events / n) if n else np.nan


VALIDATION = "validation accuracy"
SOURCE = "generator's photographs called AI"
WORST = "worst group's photographs called AI"
MISSED = "AI-generated faces called real"
#: Heading of each measure, and how to read it from a run.
MEASURES: dict[str, Callable[[Measured], float]] = {
    VALIDATION: lambda m: m.validation_accuracy,
    SOURCE: lambda m: m.source_fpr,
    WORST: lambda m: m.worst_fpr,
    MISSED: lambda m: m.missed_ai,
}


def _check(measured: dict[Setting, list[Measured]], generator_source: str) -> CheckResult:
    seeds = len(next(iter(measured.values())))
    best = max(measured, key=lambda setting: _mean(measured[setting], VALIDATION))
    source = [_mean(of, SOURCE) for of in measured.values()]
    accuracy = _mean(measured[best], VALIDATION)
    sentence = (
        f"Over {counted(len(measured), 'setting')} and {counted(seeds, 'seed')}, validation "
        f"accuracy is highest, {percent(accuracy)}, with {counted(best.epochs, 'epoch')} on "
        f"{counted(best.images, 'image')} ({percent(best.real_share)} real)"
    )
    if not np.isnan(source).any():
        sentence += (
            f"; of the generator's photographs ({generator_source}), "
            f"{percent(_mean(measured[best], SOURCE))} are called "
            f"AI-generated there, and {percent(min(source))} to {percent(max(source))} over all "
            "settings"
        )
    sentence += "."
    return CheckResult(
        id="learning-curve",
        title="How long and how much to train",
        description=(
            "Validation accuracy is what a developer sees. The other curves are what it hides: "
            "photographs of people whom the generator learned from, the group of people that is "
            "wrongly accused most, and AI-generated faces that are missed."
        ),
        status="info",
        sentence=sentence,
        findings=[Finding(sentence=sentence, status="info", check="learning-curve", weight=1.0)],
        details=[*_curves(measured), _table(measured)],
    )


def _values(of: Sequence[Measured], measure: str) -> list[float]:
    return [MEASURES[measure](one) for one in of]


def _mean(of: Sequence[Measured], measure: str) -> float:
    return float(np.mean(_values(of, measure)))


def _curves(measured: dict[Setting, list[Measured]]) -> list[Curve]:
    """Draw each measure over the number of images, and over the epochs, where they vary."""
    curves = []
    axes: list[tuple[str, Callable[[Setting], int], Callable[[Setting], str]]] = [
        (
            "images",
            lambda s: s.images,
            lambda s: f"{counted(s.epochs, 'epoch')}, {percent(s.real_share)} real",
        ),
        (
            "epochs",
            lambda s: s.epochs,
            lambda s: f"{counted(s.images, 'image')}, {percent(s.real_share)} real",
        ),
    ]
    for axis, place, line in axes:
        if len({place(setting) for setting in measured}) < 2:
            continue
        for measure in MEASURES:
            series = []
            for name in dict.fromkeys(line(setting) for setting in measured):
                on_line = sorted((s for s in measured if line(s) == name), key=place)
                values = [_values(measured[setting], measure) for setting in on_line]
                if np.isnan(values).any():
                    continue
                series.append(
                    Series(
                        name=name,
                        x=[float(place(setting)) for setting in on_line],
                        y=[float(np.mean(of)) for of in values],
                        low=[min(of) for of in values],
                        high=[max(of) for of in values],
                    )
                )
            if series:
                curves.append(
                    Curve(
                        title=f"{capitalised(measure)}, by {axis}",
                        note="Mean over the seeds; the band goes from the lowest to the highest.",
                        x_title=axis,
                        y_title=measure,
                        x_scale="log" if axis == "images" else "linear",
                        y_percent=True,
                        series=series,
                    )
                )
    return curves


def _table(measured: dict[Setting, list[Measured]]) -> Table:
    rows: list[list[Cell]] = []
    for setting, of in measured.items():
        row: list[Cell] = [setting.epochs, setting.images, setting.real_share]
        for measure in MEASURES:
            values = _values(of, measure)
            known = not np.isnan(values).any()
            row += [_mean(of, measure), min(values), max(values)] if known else [None] * 3
        rows.append([*row, ", ".join(dict.fromkeys(one.worst_group for one in of))])
    return Table(
        title="All settings",
        note=(
            "Mean, lowest and highest over the seeds. The worst group is that with the highest "
            f"rate among groups of {SMALLEST_GROUP} photographs or more; the highest of many rates "
            "is larger than it would be by itself."
        ),
        columns=[
            Column(title="epochs", kind="count"),
            Column(title="images", kind="count"),
            Column(title="real", kind="percent", help="share of real photographs"),
            *(
                Column(title=title, kind="percent")
                for measure in MEASURES
                for title in (measure, f"{measure}: lowest", f"{measure}: highest")
            ),
            Column(title="worst group, by seed"),
        ],
        rows=rows,
    )
