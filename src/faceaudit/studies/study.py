"""A study: classifiers trained in several settings, each with several seeds, and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from faceaudit.files import expect_writable
from faceaudit.layout import Kind, Values, lay_out, number, text
from faceaudit.limitations import limitations
from faceaudit.one_or_many import listed
from faceaudit.result import Answer, CheckResult, Detail, Finding, Part, Result, files_in
from faceaudit.runner import headline, result_versions, summarise, timestamp
from faceaudit.studies.holdout import Split, read_split
from faceaudit.studies.runs import Run, Tested, run_all
from faceaudit.studies.seed_intervals import AcrossSeeds
from faceaudit.tables import Scores
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
    tests: Path | str | Iterable[Path | str] = ()
    seeds: int = 3
    hold_out: float = 0.3
    arch: str = "tf_efficientnet_lite0"
    size: int = 128
    batch_size: int = 64
    weights: str = "auto"

    def run(
        self,
        manifests: Path | str | Iterable[Path | str],
        out: Path | str,
        *,
        progress: bool = False,
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
        manifests = listed(manifests)
        expect_writable(*files_in(out, "study"), inputs=[*manifests, *listed(self.tests)])
        split = self._prepare(read_split(manifests, self.tests, self.hold_out))
        recipe = {key: getattr(self, key) for key in ("arch", "size", "batch_size", "weights")}
        folder = Path(out) / "runs"
        # Seed by seed, so that a study stopped half-way has all settings of the first seeds.
        runs = [
            Run(folder / f"{name}-seed-{seed}", images, {**options, **recipe, "seed": seed})
            for seed in range(self.seeds)
            for name, (options, images) in self._settings(split, seed).items()
        ]
        tested = run_all(runs, split, progress)
        verdict, answer, checks = self._conclude(tested)
        checks.append(_runs(tested))
        names = (run.folder.name for run in runs)
        small = (
            f"These are runs of {counted(runs[0].training.n_training, 'training image')} "
            f"and more, on {self.size}-pixel pictures: what it takes to learn the difference "
            "may be another at another size."
        )
        scores = dict(zip(names, tested.scores, strict=True))
        return self._write(out, scores, verdict, answer, checks, [small, *self._notes(split)])

    def _write(
        self,
        out: Path | str,
        scores: Mapping[str, Scores],
        verdict: str,
        answer: Answer,
        checks: list[CheckResult],
        notes: Sequence[str],
    ) -> Result:
        """Write what was concluded from some scores, each under a name."""
        from faceaudit.report.html import write_with_page

        summaries = [summarise(name, of, None) for name, of in scores.items()]
        given = asdict(self)
        told = {key: value for key, value in given.items() if key not in ("tests", "attributes")}
        result = Result(
            kind="study",
            created=timestamp(),
            name=self.name,
            title=self.title.format(**given),
            question=self.question.format(**given),
            status="info",
            verdict=verdict,
            answer=answer,
            # What the first check found is the answer.
            findings=[of for of in headline(checks[1:]) if of.sentence != answer.why],
            limitations=[
                *notes,
                *limitations(next(iter(scores.values())), summaries[0], checks),
            ],
            scores=summaries,
            checks=checks,
            spec={"study": self.name, **told},
            versions=result_versions(),
        )
        write_with_page(result, out)
        return result

    def _prepare(self, split: Split) -> Split:
        """Change what may be trained on and what is for testing."""
        return split

    @abstractmethod
    def _settings(self, split: Split, seed: int) -> dict[str, tuple[dict[str, Any], pa.Table]]:
        """Name the settings, and give the options of `train` and the training images of each."""

    @abstractmethod
    def _conclude(self, tested: Tested) -> tuple[str, Answer, list[CheckResult]]:
        """Return the headline, the first screen, and the checks in the order of the page."""

    def _notes(self, split: Split) -> list[str]:
        """Say what else a reader must know."""
        return []


def _runs(tested: Tested) -> CheckResult:
    """List the runs with what they were trained on and how well they learned it."""
    records = [run.training for run in tested.runs]
    accuracies = [run.validation_accuracy for run in tested.runs]
    real, ai = (
        [sum(images.get(label, 0) for images in record.images.values()) for record in records]
        for label in ("real", "ai")
    )
    runs = lay_out(
        "Runs",
        [
            text("run", [run.folder.name for run in tested.runs]),
            number("seed", "count", [record.seed for record in records]),
            number("epochs", "count", [record.epochs for record in records]),
            number("real", "count", real, "photographs to train on"),
            number("AI-generated", "count", ai, "faces to train on"),
            number("validation accuracy", "percent", accuracies),
            number("validation images", "count", [record.n_validation for record in records]),
            number("threshold", "number", [run.threshold for run in tested.runs]),
            number("seconds", "number", tested.seconds),
        ],
    )
    return CheckResult(
        id="runs",
        title="The training runs",
        part="specialist",
        description=(
            "Each run is a classifier of its own. Validation images are a part of the images given "
            "for training that was held out; testing images are neither."
        ),
        status="info",
        sentence=(
            f"{counted(len(records), 'run')} took {duration(sum(tested.seconds))} and call "
            f"{percent_range(min(accuracies), max(accuracies))} of their validation images rightly."
        ),
        details=[runs],
    )


# --- for the checks of all studies -----------------------------------------------------------


def spread(
    title: str, kind: Kind, values: AcrossSeeds, before: str = "", help: str | None = None
) -> list[Values]:
    """Make five columns of values over seeds; `before` begins the headings of all but the mean."""
    ends = ("from", "to", "lowest seed", "highest seed")
    titles = (title, *(before + end for end in ends))
    helps = (help, *(None for _ in ends))
    return [number(*each) for each in zip(titles, [kind] * 5, values, helps, strict=True)]


def check(
    id: str,
    title: str,
    part: Part,
    description: str,
    findings: Mapping[str, float],
    details: Sequence[Detail],
) -> CheckResult:
    """Answer a question in a few sentences with their weights; without a detail it has none."""
    return CheckResult(
        id=id,
        title=title,
        part=part,
        description=description,
        status="info" if details else "not-estimable",
        sentence=" ".join(findings),
        findings=[
            Finding(sentence=sentence, status="info", check=id, weight=weight)
            for sentence, weight in findings.items()
        ],
        details=list(details),
    )
