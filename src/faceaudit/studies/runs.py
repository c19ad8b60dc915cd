"""Training runs that are done once: what is finished is read, what is not is run."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from faceaudit.errors import FaceAuditError
from faceaudit.files import write_text
from faceaudit.model.records import ValidationRecord
from faceaudit.studies.holdout import Pool
from faceaudit.tables import Manifest, Scores, read_scores, write_table
from faceaudit.wording import counted, duration

RECORD = "run.json"


@dataclass(frozen=True)
class Budget:
    """What every run of a study has in common; see `faceaudit.model.training.train`."""

    epochs: int = 4
    arch: str = "tf_efficientnet_lite0"
    size: int = 128
    batch_size: int = 64
    weights: str = "auto"


@dataclass(frozen=True)
class Run:
    """One classifier to be trained and tested.

    Attributes
    ----------
    name : str
        Of its folder.
    training : pyarrow.Table
        Rows of the pool's training images.
    seed : int
    budget : Budget
    """

    name: str
    training: pa.Table
    seed: int
    budget: Budget


class RunRecord(BaseModel):
    """What ``run.json`` holds of a finished run."""

    model_config = ConfigDict(extra="forbid")

    name: str
    #: Whatever decides the outcome: budget, seed, and hashes of the lists of images.
    settings: dict[str, Any]
    #: data set -> label -> number of images given for training (a part of them for validation).
    images: dict[str, dict[str, int]]
    n_training: int
    n_validation: int
    validation: ValidationRecord
    threshold: float
    seconds: float

    @property
    def validation_accuracy(self) -> float:
        """Share of the validation images called rightly."""
        counts = self.validation
        right = counts.real_called_real + counts.ai_called_ai
        return right / (right + counts.real_called_ai + counts.ai_called_real)


@dataclass(frozen=True)
class FinishedRun:
    """A run with its scores on the testing images."""

    run: Run
    record: RunRecord
    scores: Scores


def run_all(
    runs: Sequence[Run], pool: Pool, out: Path | str, progress: bool = False
) -> list[FinishedRun]:
    """Train and test every run that is not finished, and return all of them.

    Each has a folder below ``out/runs`` with its training manifest, model, scores, and last of
    all ``run.json``, which says that it is finished.

    Parameters
    ----------
    runs : sequence of Run
    pool : Pool
        Its testing images are scored by every classifier.
    out : path
    progress : bool
        Say on standard error what remains.

    Returns
    -------
    list of FinishedRun
        On the same testing images: those in no run's training set.

    Raises
    ------
    FaceAuditError
        If the folder holds a run of that name with other settings.
    """
    folders = [Path(out) / "runs" / run.name for run in runs]
    records = [
        _read_record(folder, _settings(run, pool))
        for run, folder in zip(runs, folders, strict=True)
    ]
    for i, (run, folder) in enumerate(zip(runs, folders, strict=True)):
        if records[i] is None:
            if progress:
                print(_remaining(run, records), file=sys.stderr, flush=True)
            records[i] = _execute(run, pool, folder)
    if progress:
        print(f"{counted(len(runs), 'run')} finished", file=sys.stderr, flush=True)
    finished = [
        FinishedRun(run, record, read_scores(folder / "scores.parquet"))
        for run, folder, record in zip(runs, folders, records, strict=True)
        if record is not None
    ]
    return _on_images_never_trained_on(finished)


def _settings(run: Run, pool: Pool) -> dict[str, Any]:
    return {
        **asdict(run.budget),
        "seed": run.seed,
        "training": _digest(run.training),
        "testing": _digest(pool.testing),
    }


def _digest(table: pa.Table) -> str:
    rows = zip(*(table[name].to_pylist() for name in ("dataset", "image", "label")), strict=True)
    return hashlib.sha256("\n".join(map("\t".join, rows)).encode()).hexdigest()


def _read_record(folder: Path, settings: dict[str, Any]) -> RunRecord | None:
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = RunRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise FaceAuditError(f"{path}: damaged; delete {folder} to have it run again") from None
    for name, value in settings.items():
        if record.settings.get(name) != value:
            raise FaceAuditError(
                f"{path}: finished with other settings ({name}: {record.settings.get(name)!r}, now "
                f"{value!r}); choose another folder, or delete {folder}"
            )
    return record


def _execute(run: Run, pool: Pool, folder: Path) -> RunRecord:
    from faceaudit.model.training import train
    from faceaudit.scoring import score

    started = time.monotonic()
    manifest = write_table(folder / "training.parquet", run.training, pool.info)
    checkpoint = train(
        [manifest],
        folder / "model",
        arch=run.budget.arch,
        epochs=run.budget.epochs,
        size=run.budget.size,
        batch_size=run.budget.batch_size,
        weights=run.budget.weights,
        seed=run.seed,
    )
    testing = Manifest(pool.testing, pool.info)
    score(folder / "model", testing, folder / "scores.parquet", find_faces=False)
    training = checkpoint.record.training
    assert training is not None, "train has just written it"
    record = RunRecord(
        name=run.name,
        settings=_settings(run, pool),
        images=training.images,
        n_training=training.n_training,
        n_validation=training.n_validation,
        validation=training.validation,
        threshold=checkpoint.record.threshold,
        seconds=round(time.monotonic() - started, 1),
    )
    write_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
    return record


def _remaining(run: Run, records: Sequence[RunRecord | None]) -> str:
    """Say which run is next, and how long it and those after it may take."""
    done = [record for record in records if record is not None]
    left = len(records) - len(done)
    line = f"{len(done)} of {counted(len(records), 'run')} finished; now {run.name}"
    if not done:
        return line
    per_image = sum(record.seconds for record in done) / sum(
        record.settings["epochs"] * (record.n_training + record.n_validation) for record in done
    )
    seconds = left * run.budget.epochs * len(run.training) * per_image
    return f"{line}; {left} to go, about {duration(seconds)}"


def _on_images_never_trained_on(finished: list[FinishedRun]) -> list[FinishedRun]:
    """Keep the testing images that no run has trained on, byte for byte."""
    if not finished:
        return finished
    seen = pc.fill_null(finished[0].scores.table["in_training"], False)
    for other in finished[1:]:
        seen = pc.or_(seen, pc.fill_null(other.scores.table["in_training"], False))
    return [
        FinishedRun(
            each.run,
            each.record,
            Scores(each.scores.table.filter(pc.invert(seen)), each.scores.info),
        )
        for each in finished
    ]
