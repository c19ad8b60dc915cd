"""The study commands: what training data and training time do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faceaudit import terminal
from faceaudit.cli_shared import (
    EPOCHS,
    PATH,
    PRINTING,
    RECIPE,
    ErrorGroup,
    example,
    many,
    with_options,
)

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


_OPTIONS = with_options(
    click.option("-o", "--out", required=True, type=PATH, help="Folder of the study."),
    many("--test", "tests", type=PATH, help="A manifest for testing alone; repeatable."),
    click.option(
        "--hold-out",
        default=0.3,
        type=click.FloatRange(0, 0.9),
        help="Share of the manifests that is kept for testing.",
    ),
    click.option(
        "--seeds", default=3, type=click.IntRange(1), help="Trainings of each kind, a seed each."
    ),
    RECIPE,
    PRINTING,
)
_STUDY = with_options(click.argument("manifests", nargs=-1, required=True, type=PATH), _OPTIONS)


def _run(study: type[Study], manifests: Sequence[Path], out: Path, options: dict[str, Any]) -> None:
    printing = {name: options.pop(name) for name in ("verbose", "as_json")}
    result = study(**options).run(manifests, out, progress=True)
    terminal.print_result(result, out, **printing)


@study.command("data-in-training")
@_STUDY
@click.option("--added", default="ffhq", help="The set that is added or not.")
@EPOCHS
@example(
    "faceaudit study data-in-training utkface.parquet ai.parquet ffhq.parquet --added ffhq -o out"
)
def data_in_training(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train with and without a data set, over several seeds."""
    from faceaudit.studies.data_in_training import DataInTraining

    _run(DataInTraining, manifests, out, options)


@study.command("learning-curve")
@_STUDY
@many("--epochs", "epochs_tried", default=(1, 2, 4), type=int, help="How long; repeatable.")
@many(
    "--images",
    "images_tried",
    default=(500, 1000, 2000),
    type=int,
    help="On how many images; repeatable.",
)
@many(
    "--real-share",
    "real_shares_tried",
    default=(0.5,),
    help="Share of real photographs among them; repeatable.",
)
@click.option(
    "--generator-source", default="ffhq", help="The data set that the generator was trained on."
)
@example("faceaudit study learning-curve real.parquet ai.parquet --test ffhq.parquet -o out")
def learning_curve(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train for several times on several amounts and mixtures of images."""
    from faceaudit.studies.learning_curve import LearningCurve

    _run(LearningCurve, manifests, out, options)


@study.command("photoshopped")
@_STUDY
@EPOCHS
@example("faceaudit study photoshopped real.parquet ai.parquet real-and-fake.parquet -o out")
def photoshopped(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train with and without photoshopped photographs labelled real."""
    from faceaudit.studies.photoshopped import Photoshopped

    _run(Photoshopped, manifests, out, options)


@study.command("mitigation")
@click.argument("manifests", nargs=-1, type=PATH)
@_OPTIONS
@EPOCHS
@click.option("--groups", default="sources", help="Whose errors count: 'sources', or a tag.")
@click.option(
    "--target-fpr",
    default=0.05,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Largest share of any group's photographs called AI-generated, where one is aimed at.",
)
@click.option("--scores", type=PATH, help="Mend these scores only, and train nothing.")
@example(
    "faceaudit study mitigation --scores scores.parquet --groups gender -o out",
    "faceaudit study mitigation real.parquet ai.parquet ffhq.parquet --seeds 5 -o out",
)
def mitigation(manifests: Sequence[Path], out: Path, scores: Path | None, **options: Any) -> None:
    """Compare remedies: who is helped, at what price, and who pays.

    Trains with each remedy over several seeds, fits thresholds and the like to the plain
    classifier on half of the testing images, and judges all of them on the other half.
    """
    from faceaudit.studies.mitigation import Mitigation

    if bool(manifests) == bool(scores):
        raise click.UsageError("give manifests to train on, or scores with --scores")
    if scores is None:
        _run(Mitigation, manifests, out, options)
        return
    printing = {name: options.pop(name) for name in ("verbose", "as_json")}
    terminal.print_result(Mitigation(**options).of_scores(scores, out), out, **printing)
