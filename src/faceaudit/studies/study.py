"""A study: classifiers trained in several settings, each with several seeds, and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa

from faceaudit.audit import headline, limitations, result_versions, summarise, timestamp
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Detail,
    Finding,
    Result,
    Table,
    nan_to_none,
    write_result,
)
from faceaudit.stats.intervals import FloatArray
from faceaudit.studies.holdout import Split, read_split
from faceaudit.studies.runs import FinishedRun, Run, Tested, run_all
from faceaudit.wording import counted, duration, percent_range


@dataclass(frozen=True, kw_only=True)
class Study(ABC):
    """What every study is given; `run` does the whole of it.

    Parameters
    ----------
    tests : sequence of path
        Manifests of images for testing alone.
    hold_out : float
        Share of the other manifests that is kept for testing.
    seeds : int
        Runs of each setting.
    arch, size, batch_size, weights
        As in `faceaudit.model.training.train`.
    """

    name: ClassVar[str]
    #: With other fields in braces.
    title: ClassVar[str]
    question: ClassVar[str]
    tests: Sequence[Path | str] = ()
    seeds: int = 3
    hold_out: float = 0.3
    arch: str = "tf_efficientnet_lite0"
    size: int = 128
    batch_size: int = 64
    weights: str = "auto"

    def run(
        self, manifests: Sequence[Path | str], out: Path | str, *, progress: bool = False
    ) -> Result:
        """Train, test, and write ``study.json`` and ``report.html``.

        Parameters
        ----------
        manifests : sequence of path
            Images to train on.
        out : path
            Folder for the runs and the result; a study that was stopped goes on from what is
            finished there.
        progress : bool
            Say on standard error what remains.

        Raises
        ------
        FaceAuditError
            If the images do not suffice, or `out` holds runs with other settings.
        """
        from faceaudit.report.html import write_html

        split = self._prepare(read_split(manifests, self.tests, self.hold_out))
        recipe = {key: getattr(self, key) for key in ("arch", "size", "batch_size", "weights")}
        # Seed by seed, so that a study stopped half-way has all settings of the first seeds.
        runs = [
            Run(f"{setting}-seed-{seed}", training, seed, {"epochs": epochs, **recipe})
            for seed in range(self.seeds)
            for setting, (epochs, training) in self._settings(split, seed).items()
        ]
        finished = run_all(runs, split, out, progress)
        checks = [*self._checks(Tested.of(finished, self.seeds)), _runs(finished)]
        summaries = [summarise(run.name, run.scores, None) for run in finished]
        given = asdict(self)
        result = Result(
            kind="study",
            created=timestamp(),
            name=self.name,
            title=self.title.format(**given),
            question=self.question.format(**given),
            status="info",
            verdict=checks[0].sentence,
            findings=headline(checks, checks[0]),
            limitations=[
                f"These are runs of {counted(finished[0].training.n_training, 'training image')} "
                f"and more, on {self.size}-pixel pictures: what it takes to learn the difference "
                "may be another at another size.",
                *self._notes(split),
                *limitations(finished[0].scores, summaries[0], checks),
            ],
            scores=summaries,
            checks=checks,
            spec={"study": self.name}
            | {key: given[key] for key in given if key not in ("tests", "attributes")},
            versions=result_versions(),
        )
        write_result(Path(out) / "study.json", result)
        write_html(result, Path(out) / "report.html")
        return result

    def _prepare(self, split: Split) -> Split:
        """Change what may be trained on and what is for testing."""
        return split

    @abstractmethod
    def _settings(self, split: Split, seed: int) -> dict[str, tuple[int, pa.Table]]:
        """Name the settings, and give the epochs and the training images of each."""

    @abstractmethod
    def _checks(self, tested: Tested) -> list[CheckResult]:
        """Answer the questions; the first answer is the study's."""

    def _notes(self, split: Split) -> list[str]:
        """Say what else a reader must know."""
        return []


def _runs(finished: Sequence[FinishedRun]) -> CheckResult:
    """List the runs with what they were trained on and how well they learned it."""
    seconds = sum(run.seconds for run in finished)
    accuracies = [run.validation_accuracy for run in finished]
    rows: list[list[Cell]] = [
        [
            run.name,
            run.training.seed,
            run.training.epochs,
            *(
                sum(images.get(label, 0) for images in run.training.images.values())
                for label in ("real", "ai")
            ),
            run.validation_accuracy,
            run.training.n_validation,
            run.model.threshold,
            run.seconds,
        ]
        for run in finished
    ]
    columns = [
        Column(title="run"),
        Column(title="seed", kind="count"),
        Column(title="epochs", kind="count"),
        Column(title="real", kind="count", help="photographs to train on"),
        Column(title="AI-generated", kind="count", help="faces to train on"),
        Column(title="validation accuracy", kind="percent"),
        Column(title="validation images", kind="count"),
        Column(title="threshold", kind="number"),
        Column(title="seconds", kind="number"),
    ]
    return CheckResult(
        id="runs",
        title="The training runs",
        description=(
            "Each run is a classifier of its own. Validation images are a part of the images given "
            "for training that was held out; testing images are neither."
        ),
        status="info",
        sentence=(
            f"{counted(len(finished), 'run')} took {duration(seconds)} and call "
            f"{percent_range(min(accuracies), max(accuracies))} of their validation images rightly."
        ),
        details=[Table(title="Runs", columns=columns, rows=rows)],
    )


# --- for the checks of all studies -----------------------------------------------------------

Values = tuple[Column, Iterable[Cell]]


def table(title: str, columns: Sequence[Values], note: str | None = None) -> Table:
    """Lay out columns with their values as a table."""
    heads, values = zip(*columns, strict=True)
    rows = [list(row) for row in zip(*values, strict=True)]
    return Table(title=title, note=note, columns=list(heads), rows=rows)


def numbers(
    kind: Literal["percent", "points"],
    titles: Iterable[str],
    values: Iterable[FloatArray],
    help: str | None = None,
) -> list[Values]:
    """Head arrays of numbers alike, the first with an explanation."""
    helps = chain([help], repeat(None))
    return [
        (Column(title=title, kind=kind, help=help), map(nan_to_none, array))
        for title, array, help in zip(titles, values, helps, strict=False)
    ]


def answer(
    id: str,
    title: str,
    description: str,
    findings: Mapping[str, float],
    details: Sequence[Detail],
) -> CheckResult:
    """Answer a question in a few sentences with their weights; without a detail it has none."""
    return CheckResult(
        id=id,
        title=title,
        description=description,
        status="info" if details else "not-estimable",
        sentence=" ".join(findings),
        findings=[
            Finding(sentence=sentence, status="info", check=id, weight=weight, in_answer=True)
            for sentence, weight in findings.items()
        ],
        details=list(details),
    )
