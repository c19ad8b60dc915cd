"""A study's result: what every study says alike, and the two files it is written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faceaudit.audit import headline, limitations, result_versions, summarise, timestamp
from faceaudit.result import CheckResult, Column, Result, Table, write_result
from faceaudit.studies.runs import FinishedRun
from faceaudit.wording import counted, duration, percent_range


def write_study(
    out: Path | str,
    *,
    name: str,
    title: str,
    question: str,
    checks: list[CheckResult],
    finished: Sequence[FinishedRun],
    settings: dict[str, Any],
    notes: Sequence[str] = (),
) -> Result:
    """Write ``study.json`` and ``report.html`` into a folder and return the result."""
    from faceaudit.report.html import write_html

    first = finished[0]
    checks = [*checks, runs_of(finished)]
    result = Result(
        kind="study",
        created=timestamp(),
        name=name,
        title=title,
        question=question,
        status="info",
        verdict=checks[0].sentence,
        findings=headline(checks, checks[0].sentence),
        limitations=[
            f"These are runs of {counted(first.record.n_training, 'training image')} and more, on "
            f"{first.run.budget.size}-pixel pictures: what it takes to learn the difference may be "
            "another at another size.",
            *notes,
            *limitations(first.scores, summarise(first.run.name, first.scores, None), checks),
        ],
        scores=[summarise(run.run.name, run.scores, None) for run in finished],
        checks=checks,
        spec={"study": name, **settings},
        versions=result_versions(),
    )
    write_result(Path(out) / "study.json", result)
    write_html(result, Path(out) / "report.html")
    return result


def runs_of(finished: Sequence[FinishedRun]) -> CheckResult:
    """List the runs with what they were trained on and how well they learned it."""
    seconds = sum(run.record.seconds for run in finished)
    accuracies = [run.record.validation_accuracy for run in finished]
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
        details=[
            Table(
                title="Runs",
                columns=[
                    Column(title="run"),
                    Column(title="seed", kind="count"),
                    Column(title="epochs", kind="count"),
                    Column(title="real", kind="count", help="photographs to train on"),
                    Column(title="AI-generated", kind="count", help="faces to train on"),
                    Column(title="validation accuracy", kind="percent"),
                    Column(title="validation images", kind="count"),
                    Column(title="threshold", kind="number"),
                    Column(title="seconds", kind="number"),
                ],
                rows=[
                    [
                        run.run.name,
                        run.run.seed,
                        run.run.budget.epochs,
                        _images(run, "real"),
                        _images(run, "ai"),
                        run.record.validation_accuracy,
                        run.record.n_validation,
                        run.record.threshold,
                        run.record.seconds,
                    ]
                    for run in finished
                ],
            )
        ],
    )


def _images(run: FinishedRun, label: str) -> int:
    return sum(by_label.get(label, 0) for by_label in run.record.images.values())
