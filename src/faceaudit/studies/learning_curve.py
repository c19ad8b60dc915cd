"""Learning curve: how long, on how many images and in which mixture is it worth training?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.layout import lay_out, number, text
from faceaudit.reading.columns import together
from faceaudit.result import Answer, CheckResult, Curve, FigureAt, Series, Table
from faceaudit.stats import FloatArray
from faceaudit.stats.intervals import rate_of
from faceaudit.studies.holdout import Split
from faceaudit.studies.runs import Tested
from faceaudit.studies.seed_intervals import count
from faceaudit.studies.study import Study, check
from faceaudit.wording import capitalised, counted, percent, percent_range, tag_title

#: Groups with fewer photographs do not count as the worst.
SMALLEST_GROUP = 30
VALIDATION = "validation accuracy"
SOURCE = "generator's photographs called AI"
WORST = "worst group's photographs called AI"
MISSED = "AI-generated faces called real"

#: Each measure of each setting and seed; NaN where no testing image says it.
Measured = dict[str, FloatArray]


class Setting(NamedTuple):
    """How long, how much and in which mixture."""

    epochs: int
    images: int
    real_share: float


@dataclass(frozen=True, kw_only=True)
class LearningCurve(Study):
    """Train with every combination of epochs, images and mixture, over several seeds.

    Parameters
    ----------
    epochs_tried, images_tried : sequence of int
        How long, and how many images. Smaller sets are parts of larger ones with the same seed.
    real_shares_tried : sequence of float
        Shares of real photographs among the images.
    generator_source : str
        The data set that the generator was trained on; it is tested, not trained on.
    attributes : sequence of str
        Tags whose groups of real photographs (without those of `generator_source`) are looked
        through for the worst.
    """

    name = "learning-curve"
    title = "How long and how much to train"
    question = (
        "How do epochs, the number of images and the mixture of real and AI-generated ones change "
        "what the classifier gets wrong?"
    )
    epochs_tried: Sequence[int] = (1, 2, 4)
    images_tried: Sequence[int] = (500, 1000, 2000)
    real_shares_tried: Sequence[float] = (0.5,)
    generator_source: str = "ffhq"
    attributes: Sequence[str] = ("age_band", "gender", "race")

    @property
    def combinations(self) -> list[Setting]:
        """All settings."""
        tried = (self.epochs_tried, self.images_tried, self.real_shares_tried)
        return [Setting(*each) for each in product(*tried)]

    def _prepare(self, split: Split) -> Split:
        # The generator's photographs move from training to testing.
        source = pc.equal(split.training["dataset"], self.generator_source)
        testing = [split.testing, split.training.filter(source)]
        return Split(
            split.training.filter(pc.invert(source)),
            together(testing),
            split.info,
        )

    def _settings(self, split: Split, seed: int) -> dict[str, tuple[dict[str, Any], pa.Table]]:
        # The first so many of each label in the seed's order.
        order = np.random.default_rng(seed).permutation(len(split.training))
        is_real = pc.equal(split.training["label"], "real").to_numpy()[order]
        drawn: dict[str, tuple[dict[str, Any], pa.Table]] = {}
        for epochs, images, share in self.combinations:
            n_real = round(images * share)
            rows = []
            for label, there, wanted in (
                ("real", order[is_real], n_real),
                ("ai", order[~is_real], images - n_real),
            ):
                if wanted > len(there) or wanted == 0:
                    raise FaceAuditError(
                        f"{counted(images, 'image')} with {percent(share)} real need {wanted:,} "
                        f"labelled '{label}'; there are {len(there):,} to train on"
                    )
                rows.append(there[:wanted])
            name = f"{epochs}-epochs-{images}-images-{round(100 * share)}-real"
            drawn[name] = {"epochs": epochs}, split.training.take(np.sort(np.concatenate(rows)))
        return drawn

    def _conclude(self, tested: Tested) -> tuple[str, Answer, list[CheckResult]]:
        measured, worst = self._measure(tested)
        means = {measure: values.mean(axis=1) for measure, values in measured.items()}
        curves = _curves(self.combinations, measured)
        best = self.combinations[int(means[VALIDATION].argmax())]
        answered = check(
            "learning-curve",
            self.title,
            "rates",
            "Validation accuracy is what a developer sees. The other curves are what it hides: "
            "photographs of people whom the generator learned from, the group of people that "
            "is wrongly accused most, and AI-generated faces that are missed.",
            {
                "Validation accuracy is highest with "
                f"{counted(best.epochs, 'epoch')} on {counted(best.images, 'image')} "
                f"({percent(best.real_share)} real).": 1.0
            },
            [*curves, _table(self.combinations, measured, worst)],
        )
        return (
            headline(means, self.seeds, self.generator_source),
            lines(means, worst, curves, self.seeds, self.generator_source),
            [answered],
        )

    def _measure(self, tested: Tested) -> tuple[Measured, list[str]]:
        """Return what the settings are judged by, and who is the worst group of each, by seed."""
        accuracy = np.reshape([run.validation_accuracy for run in tested.runs], (self.seeds, -1))
        real, source = tested.where(label="real"), tested.where(dataset=self.generator_source)
        groups = {"source": real & source, "ai": tested.where(label="ai")} | {
            f"{tag_title(tag)} {value}": photographs
            for tag, value, photographs, _ in tested.groups(self.attributes, real & ~source)
            if photographs.sum() >= SMALLEST_GROUP
        }
        images = list(groups.values())
        rates = rate_of(count(tested.wrong, images), np.sum(images, axis=1))
        measured = {VALIDATION: accuracy.T, SOURCE: rates[..., 0]}
        names = list(groups)[2:] or ["none"]
        by_group = rates[..., 2:] if len(images) > 2 else np.full((*rates.shape[:2], 1), np.nan)
        measured |= {WORST: by_group.max(axis=-1), MISSED: rates[..., 1]}
        worst = by_group.argmax(axis=-1)
        return measured, [", ".join(dict.fromkeys(names[i] for i in seeds)) for seeds in worst]


def headline(means: Measured, seeds: int, source: str) -> str:
    """Say how well it is learned, and what that hides; `means` are over the seeds, by setting."""
    accuracy, accused = means[VALIDATION], means[SOURCE]
    settings = len(accuracy)
    told = (
        f"{counted(settings * seeds, 'run')}: {counted(settings, 'setting')} × "
        f"{counted(seeds, 'seed')}; validation accuracy is up to {percent(accuracy.max())}"
    )
    if not np.isnan(accused).any():
        told += (
            f", while {percent_range(accused.min(), accused.max())} of {source}'s photographs are "
            "called AI-generated"
        )
    return f"{told}."


def lines(
    means: Measured, worst: Sequence[str], curves: Sequence[Curve], seeds: int, source: str
) -> Answer:
    """Tell what the setting of the highest validation accuracy gets wrong."""
    best = int(means[VALIDATION].argmax())
    where = "where validation accuracy is highest"
    accused, missed, most = (means[name][best] for name in (SOURCE, MISSED, WORST))
    amounts = [
        told
        for value, told in (
            (accused, f"{percent(accused)} of {source}'s photographs are called AI-generated"),
            (missed, f"{percent(missed)} of AI-generated faces are missed"),
        )
        if not np.isnan(value)
    ]
    titles = [curve.y_title for curve in curves]
    return Answer(
        rate="fpr",
        who=(
            ""
            if np.isnan(most)
            else f"Accused most {where}: {worst[best]} ({percent(most)}, mean of the seeds' worst)."
        ),
        how_much=f"{capitalised(where)}, {' and '.join(amounts)}." if amounts else "",
        how_sure=(
            f"Each setting has {counted(seeds, 'seed')}; the bands go from the lowest to the "
            "highest, and no difference between settings is tested."
        ),
        figure=FigureAt(
            check="learning-curve", detail=titles.index(SOURCE) if SOURCE in titles else 0
        )
        if curves
        else None,
    )


def _curves(settings: Sequence[Setting], measured: Measured) -> list[Curve]:
    """Draw each measure over the number of images, and over the epochs, where they vary."""
    curves = []
    for axis, other in (("images", "epochs"), ("epochs", "images")):
        x = np.array([float(getattr(setting, axis)) for setting in settings])
        if len(set(x)) < 2:
            continue
        lines: dict[str, list[int]] = {}
        for i, setting in enumerate(settings):
            fixed = counted(getattr(setting, other), other.removesuffix("s"))
            lines.setdefault(f"{fixed}, {percent(setting.real_share)} real", []).append(i)
        for measure, values in measured.items():
            series = [
                Series(
                    name=name,
                    x=x[on].tolist(),
                    y=values[on].mean(axis=1).tolist(),
                    low=values[on].min(axis=1).tolist(),
                    high=values[on].max(axis=1).tolist(),
                )
                for name, of_line in lines.items()
                if not np.isnan(values[on := sorted(of_line, key=x.__getitem__)]).any()
            ]
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


def _table(settings: Sequence[Setting], measured: Measured, worst: list[str]) -> Table:
    epochs, images, shares = zip(*settings, strict=True)
    columns = [
        number("epochs", "count", epochs),
        number("images", "count", images),
        number("real", "percent", shares, "share of real photographs"),
    ]
    for measure, values in measured.items():
        columns += [
            number(measure, "percent", values.mean(axis=1)),
            number(f"{measure}: lowest", "percent", values.min(axis=1)),
            number(f"{measure}: highest", "percent", values.max(axis=1)),
        ]
    return lay_out(
        "All settings",
        [*columns, text("worst group, by seed", worst)],
        note=(
            "Mean, lowest and highest over the seeds. The worst group is that with the highest "
            f"rate among groups of {SMALLEST_GROUP} photographs or more; the highest of many rates "
            "is larger than it would be by itself."
        ),
    )
