"""Training runs that are done once: what is finished is read, what is not is run."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from faceaudit.errors import FaceAuditError
from faceaudit.files import write_text
from faceaudit.model.records import ModelRecord, TrainingRecord, read_record
from faceaudit.schema import called_ai
from faceaudit.stats.counts import tag_codes
from faceaudit.studies.holdout import Split
from faceaudit.studies.seed_intervals import Mask
from faceaudit.tables import Manifest, Scores, read_scores, scored, write_table
from faceaudit.wording import counted, duration

RECORD = "run.json"


@dataclass(frozen=True)
class Run:
    """One classifier to be trained, in a folder of that name, on some of the training images."""

    name: str
    training: pa.Table
    seed: int
    #: For `faceaudit.model.training.train`; ``epochs`` among them.
    options: dict[str, Any]

    @property
    def cost(self) -> int:
        """How long it takes, in images."""
        return int(self.options["epochs"]) * len(self.training)


class RunRecord(BaseModel):
    """What ``run.json`` holds of a finished run."""

    #: Whatever decides the outcome: options, seed, and hashes of the lists of images.
    settings: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class FinishedRun:
    """What became of a run."""

    name: str
    seconds: float
    model: ModelRecord
    #: On the testing images.
    scores: Scores

    @cached_property
    def scored(self) -> pa.Table:
        """The testing images that have a score."""
        return scored(self.scores)

    @property
    def training(self) -> TrainingRecord:
        """How the classifier came to be."""
        assert self.model.training is not None, "a study trains its models"
        return self.model.training

    @property
    def validation_accuracy(self) -> float:
        """Share of the validation images called rightly."""
        counts = self.training.validation
        right = counts.real_called_real + counts.ai_called_ai
        return right / (right + counts.real_called_ai + counts.ai_called_real)


def run_all(
    runs: Sequence[Run], split: Split, out: Path | str, progress: bool = False
) -> list[FinishedRun]:
    """Train every run that is not finished, test it, and return all of them.

    Each has a folder below ``out/runs`` with its training manifest, model, scores, and last of
    all ``run.json``, which says that it is finished. With `progress`, standard error tells what
    remains.

    Returns
    -------
    list of FinishedRun
        On the same testing images: those in no run's training set, byte for byte.

    Raises
    ------
    FaceAuditError
        If the folder holds a run of that name with other settings.
    """
    folders = [Path(out) / "runs" / run.name for run in runs]
    testing = _digest(split.testing)
    settings = [
        run.options | {"seed": run.seed, "training": _digest(run.training), "testing": testing}
        for run in runs
    ]
    records = [_read_record(*each) for each in zip(folders, settings, strict=True)]
    for i, run in enumerate(runs):
        if records[i] is None:
            if progress:
                print(_remaining(runs, records), file=sys.stderr, flush=True)
            records[i] = _train_and_test(run, split, folders[i], settings[i])
    if progress:
        print(f"{counted(len(runs), 'run')} finished", file=sys.stderr, flush=True)
    scores = [read_scores(folder / "scores.parquet") for folder in folders]
    seen = [pc.fill_null(one.table["in_training"], False).to_numpy() for one in scores]
    kept = pa.array(~np.any(seen, axis=0))
    finished = []
    for folder, record, one in zip(folders, records, scores, strict=True):
        assert record is not None, "every run is finished now"
        tested = Scores(one.table.filter(kept), one.info)
        model = read_record(folder / "model")
        finished.append(FinishedRun(folder.name, record.seconds, model, tested))
    return finished


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


def _train_and_test(run: Run, split: Split, folder: Path, settings: dict[str, Any]) -> RunRecord:
    from faceaudit.model.training import train
    from faceaudit.scoring import score

    started = time.monotonic()
    manifest = write_table(folder / "training.parquet", run.training, split.info)
    train([manifest], folder / "model", seed=run.seed, **run.options)
    testing = Manifest(split.testing, split.info)
    score(folder / "model", testing, folder / "scores.parquet", find_faces=False)
    record = RunRecord(settings=settings, seconds=round(time.monotonic() - started, 1))
    write_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
    return record


def _remaining(runs: Sequence[Run], records: Sequence[RunRecord | None]) -> str:
    """Say which run is next, and how long it and those after it may take."""
    left = [run for run, record in zip(runs, records, strict=True) if record is None]
    done = len(runs) - len(left)
    line = f"{done} of {counted(len(runs), 'run')} finished; now {left[0].name}"
    if not done:
        return line
    cost = sum(run.cost for run in left)
    pace = sum(record.seconds for record in records if record) / (sum(r.cost for r in runs) - cost)
    return f"{line}; {len(left)} to go, about {duration(cost * pace)}"


@dataclass(frozen=True)
class Tested:
    """Finished runs, their testing images, and which of them each calls wrongly.

    Attributes
    ----------
    runs : list of FinishedRun
        They go through the settings again for each seed.
    table : pyarrow.Table
        The images with their tags, as the first run scored them.
    wrong : bool array, shape (settings, seeds, images)
        At each run's own threshold.
    """

    runs: list[FinishedRun]
    table: pa.Table
    wrong: Mask

    @classmethod
    def of(cls, runs: list[FinishedRun], seeds: int) -> Tested:
        """Hold each run's scores against the labels."""
        table = runs[0].scored
        is_ai = pc.equal(table["label"], "ai").to_numpy()
        called = [called_ai(run.scored["p_ai"], run.model.threshold) for run in runs]
        wrong = np.reshape(called != is_ai, (seeds, -1, len(is_ai)))
        return cls(runs, table, wrong.swapaxes(0, 1))

    def where(self, **values: str) -> Mask:
        """Choose the images with these values in these columns."""
        found = [pc.equal(self.table[name], value).to_numpy() for name, value in values.items()]
        return np.asarray(np.logical_and.reduce(found))

    def groups(self, tags: Sequence[str], images: Mask) -> Iterator[tuple[str, str, Mask, Mask]]:
        """Go through tags that are there: tag, value, images with it, images with another."""
        for tag in tags:
            if tag in self.table.column_names:
                codes, values = tag_codes(self.table, tag)
                known = images & (codes >= 0)
                for code, value in enumerate(values):
                    here = images & (codes == code)
                    yield tag, value, here, known & ~here
