"""Training runs that are done once: what is finished is read, what is not is run."""

from __future__ import annotations

import hashlib
import json
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

from faceaudit.errors import FaceAuditError
from faceaudit.files import text_of, write_text
from faceaudit.model.records import TrainingRecord, read_record
from faceaudit.one_or_many import listed
from faceaudit.reading.json_text import parse_json
from faceaudit.schema import called_ai
from faceaudit.stats.counts import Images
from faceaudit.studies.holdout import Split
from faceaudit.studies.seed_intervals import Mask
from faceaudit.tables import Manifest, Scores, read_scores, scored, write_table
from faceaudit.wording import counted, duration


@dataclass(frozen=True)
class Run:
    """One classifier, trained on some of a split's training images.

    Its folder has the training manifest, model, scores, and last of all ``run.json``, which says
    that it is finished.
    """

    folder: Path
    images: pa.Table
    #: For `faceaudit.model.training.train`; ``epochs`` and ``seed`` among them.
    options: dict[str, Any]

    @property
    def cost(self) -> int:
        """How long it takes, in images."""
        return int(self.options["epochs"]) * len(self.images)

    @cached_property
    def threshold(self) -> float:
        """The classifier's own."""
        return read_record(self.folder / "model").threshold

    @cached_property
    def training(self) -> TrainingRecord:
        """How the classifier came to be."""
        training = read_record(self.folder / "model").training
        assert training is not None, "it was trained here"
        return training

    @property
    def validation_accuracy(self) -> float:
        """Share of the validation images called rightly."""
        counts = self.training.validation
        right = counts.real_called_real + counts.ai_called_ai
        return right / (right + counts.real_called_ai + counts.ai_called_real)


@dataclass(frozen=True)
class Tested:
    """Finished runs, and the testing images that none of them was trained on, byte for byte."""

    #: They go through the settings again for each seed.
    runs: list[Run]
    #: How long each took.
    seconds: list[float]
    #: Of the same images.
    scores: list[Scores]

    @cached_property
    def tables(self) -> list[pa.Table]:
        """The images with a score, by run."""
        return [scored(scores) for scores in self.scores]

    @cached_property
    def wrong(self) -> Mask:
        """Which images are called wrongly at each run's own threshold: settings, seeds, images."""
        is_ai = self.where(label="ai")
        called = [
            called_ai(table["p_ai"], run.threshold)
            for table, run in zip(self.tables, self.runs, strict=True)
        ]
        seeds = len({run.options["seed"] for run in self.runs})
        return np.reshape(called != is_ai, (seeds, -1, len(is_ai))).swapaxes(0, 1)

    def where(self, **values: str) -> Mask:
        """Choose the images with these values in these columns."""
        table = self.tables[0]
        found = [pc.equal(table[name], value).to_numpy() for name, value in values.items()]
        return np.asarray(np.logical_and.reduce(found))

    def groups(self, tags: Sequence[str], images: Mask) -> Iterator[tuple[str, str, Mask, Mask]]:
        """Go through tags that are there: tag, value, images with it, images with another."""
        for tag in listed(tags):
            if tag in self.tables[0].column_names:
                codes, values = Images(self.tables[0]).codes(tag)
                known = images & (codes >= 0)
                for code, value in enumerate(values):
                    here = images & (codes == code)
                    yield tag, value, here, known & ~here


def run_all(runs: list[Run], split: Split, progress: bool = False) -> Tested:
    """Train and test every run that is not finished; with `progress`, tell what remains.

    Raises
    ------
    FaceAuditError
        If a run of that name is there with other settings.
    """
    testing = _digest(split.testing)
    settings = [run.options | {"training": _digest(run.images), "testing": testing} for run in runs]
    found = [_finished(run.folder, of) for run, of in zip(runs, settings, strict=True)]
    seconds = {i: took for i, took in enumerate(found) if took is not None}
    for i, run in enumerate(runs):
        if i not in seconds:
            if progress:
                print(_remaining(runs, seconds), file=sys.stderr, flush=True)
            seconds[i] = _train_and_test(run, split, settings[i])
    if progress:
        print(f"{counted(len(runs), 'run')} finished", file=sys.stderr, flush=True)
    scores = [read_scores(run.folder / "scores.parquet") for run in runs]
    seen = [pc.fill_null(one.table["in_training"], False).to_numpy() for one in scores]
    kept = pa.array(~np.any(seen, axis=0))
    scores = [Scores(one.table.filter(kept), one.info) for one in scores]
    return Tested(runs, [seconds[i] for i in range(len(runs))], scores)


def _digest(table: pa.Table) -> str:
    rows = zip(*(table[name].to_pylist() for name in ("dataset", "image", "label")), strict=True)
    return hashlib.sha256("\n".join(map("\t".join, rows)).encode()).hexdigest()


def _finished(folder: Path, settings: dict[str, Any]) -> float | None:
    """Return the seconds that a run took, or None if it is not finished."""
    path = folder / "run.json"
    if not path.is_file():
        return None
    try:
        record = parse_json(text_of(path))
        then, seconds = dict(record["settings"]), float(record["seconds"])
    except (ValueError, KeyError, TypeError):
        raise FaceAuditError(f"{path}: damaged; delete {folder} to have it run again") from None
    for name, value in settings.items():
        if then.get(name) != value:
            raise FaceAuditError(
                f"{path}: finished with other settings ({name}: {then.get(name)!r}, now "
                f"{value!r}); choose another folder, or delete {folder}"
            )
    return seconds


def _train_and_test(run: Run, split: Split, settings: dict[str, Any]) -> float:
    from faceaudit.model.training import train
    from faceaudit.scoring import score

    started = time.monotonic()
    manifest = write_table(run.folder / "training.parquet", run.images, split.info)
    train([manifest], run.folder / "model", **run.options)
    testing = Manifest(split.testing, split.info)
    score(run.folder / "model", testing, run.folder / "scores.parquet", find_faces=False)
    seconds = round(time.monotonic() - started, 1)
    record = json.dumps({"settings": settings, "seconds": seconds}, indent=1)
    write_text(run.folder / "run.json", f"{record}\n")
    return seconds


def _remaining(runs: Sequence[Run], seconds: dict[int, float]) -> str:
    """Say which run is next, and how long it and those after it may take."""
    left = [run for i, run in enumerate(runs) if i not in seconds]
    line = f"{len(seconds)} of {counted(len(runs), 'run')} finished; now {left[0].folder.name}"
    if not seconds:
        return line
    pace = sum(seconds.values()) / sum(runs[i].cost for i in seconds)
    remaining = sum(run.cost for run in left) * pace
    return f"{line}; {len(left)} to go, about {duration(remaining)}"
