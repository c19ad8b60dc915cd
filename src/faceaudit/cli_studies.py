"""The study commands: what training data and training time do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faceaudit.cli_shared import PATH, ErrorGroup, example

if TYPE_CHECKING:
    from faceaudit.studies.study import Study


@click.group(cls=ErrorGroup)
def study() -> None:
    """Train several classifiers and compare them (extra 'model').

    A study that was stopped goes on from the runs that are finished in its folder.

    \b
    Example:
      faceaudit study data-in-training utkface.parquet ai.parquet ffhq.parquet -o study
    """


def _study(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a study what all of them take."""
    for option in (
        click.option("--batch-size", default=64, show_default=True, type=click.IntRange(2)),
        click.option("--size", default=128, show_default=True, type=click.IntRange(16)),
        click.option("--weights", default="auto", show_default=True),
        click.option("--arch", default="tf_efficientnet_lite0", show_default=True),
        click.option("--seeds", default=3, show_default=True, type=click.IntRange(1)),
        click.option(
            "--hold-out",
            default=0.3,
            show_default=True,
            type=click.FloatRange(0, 0.9),
            help="Share of the manifests that is kept for testing.",
        ),
        click.option(
            "--test",
            "tests",
            multiple=True,
            type=PATH,
            help="A manifest for testing alone; repeatable.",
        ),
        click.option("-o", "--out", required=True, type=PATH, help="Folder of the study."),
        click.argument("manifests", nargs=-1, required=True, type=PATH),
    ):
        function = option(function)
    return function


def _run(study: type[Study], manifests: Sequence[Path], out: Path, options: dict[str, Any]) -> None:
    from faceaudit.terminal import print_result

    print_result(study(**options).run(manifests, out, progress=True))
    click.echo(f"report: {out / 'report.html'}")


@study.command("data-in-training")
@_study
@click.option("--added", default="ffhq", show_default=True, help="The set that is added or not.")
@click.option("--epochs", default=4, show_default=True, type=click.IntRange(1))
@example(
    "faceaudit study data-in-training utkface.parquet ai.parquet ffhq.parquet --added ffhq -o out"
)
def data_in_training(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train with and without a data set, over several seeds."""
    from faceaudit.studies.data_in_training import DataInTraining

    _run(DataInTraining, manifests, out, options)


@study.command("learning-curve")
@_study
@click.option(
    "--epochs", "epochs_tried", multiple=True, default=(1, 2, 4), show_default=True, type=int
)
@click.option(
    "--images",
    "images_tried",
    multiple=True,
    default=(500, 1000, 2000),
    show_default=True,
    type=int,
)
@click.option("--real-share", "real_shares_tried", multiple=True, default=(0.5,), show_default=True)
@click.option("--generator-source", default="ffhq", show_default=True)
@example("faceaudit study learning-curve real.parquet ai.parquet --test ffhq.parquet -o out")
def learning_curve(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train for several times on several amounts and mixtures of images."""
    from faceaudit.studies.learning_curve import LearningCurve

    _run(LearningCurve, manifests, out, options)


@study.command("photoshopped")
@_study
@click.option("--epochs", default=4, show_default=True, type=click.IntRange(1))
@example("faceaudit study photoshopped real.parquet ai.parquet real-and-fake.parquet -o out")
def photoshopped(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train with and without photoshopped photographs labelled real."""
    from faceaudit.studies.photoshopped import Photoshopped

    _run(Photoshopped, manifests, out, options)
