"""A run on a Ray cluster, by Ray Data: where pictures lie goes to the workers, and not they.

A decoded picture is sixty times its path, and Ray would keep it in its object store. So a worker
gets rows of the manifest, reads the pictures itself and gives back rows of scores; every machine
needs the images, the model and faceaudit in the same place, as on a shared file system.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.model.faces import face_finder
from faceaudit.schema import ManifestInfo
from faceaudit.scoring.batches import Batches
from faceaudit.scoring.detectors import Detector, open_detector
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.same_run import judged_by
from faceaudit.unfinished import difference
from faceaudit.variants import Variant

#: Tasks that each worker has at least, so that none waits for the last; and batches of a task at
#: most, so that little is done again where a machine is lost; unless there are more tasks than
#: this, which a scheduler would rather think about than run.
TASKS_A_WORKER, BATCHES_A_TASK, TASKS = 8, 16, 10_000
#: The column in which a worker says why it cannot score.
REFUSED = "refused"


@dataclass(frozen=True)
class Job:
    """What a worker must know to score rows, see `faceaudit.scoring.score`."""

    model: Path | str | Detector
    options: Mapping[str, Any]
    info: ManifestInfo
    variants: Sequence[Variant]
    find_faces: bool
    features: bool
    batch_size: int
    hasten: bool
    #: As of `faceaudit.scoring.same_run.judged_by` and more.
    run: Mapping[str, str]


class _Worker:
    """A process of the cluster; the model is loaded with its first rows."""

    def __init__(self, job: Job, folder: str) -> None:
        self._job, self._folder = job, folder

    @cached_property
    def _batches(self) -> Batches:
        job = self._job
        try:
            os.chdir(self._folder)  # whatever is named by a relative path
        except OSError:
            raise FaceAuditError(f"there is no folder {self._folder}") from None
        assert not isinstance(job.model, Detector)
        detector = open_detector(job.model, **job.options)
        finder = face_finder() if job.find_faces else None
        inference = detector.hasten() if job.hasten else None
        here = judged_by(detector, inference, ModelOptions.of(**job.options), finder)
        if other := difference(here, job.run):
            raise FaceAuditError(f"it has not the {other} of the machine that asks")
        images = StoredImages.of(job.info)
        return Batches(
            detector, images, job.variants, finder, job.features, job.batch_size, workers=1
        )

    def __call__(self, rows: pa.Table) -> pa.Table:
        try:
            return pa.concat_tables(self._batches.of(rows))
        except FaceAuditError as error:  # of what is raised Ray passes on little but the traceback
            return pa.table({REFUSED: [f"on {platform.node()}: {error}"]})


def on_ray(job: Job, rows: pa.Table, address: str | None) -> Iterator[pa.Table]:
    """Score rows of a manifest on a cluster, in their order.

    What a worker or a machine that is lost was at is given to another one.

    Raises
    ------
    FaceAuditError
        If there is no such cluster, a model was given that is open already, or a worker cannot
        do what this machine could.
    """
    if isinstance(job.model, Detector):
        raise FaceAuditError("--engine ray: give the model's path or name; each worker opens it")
    try:
        # It would tell its makers, unless its user has said that it may.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("score --engine ray", "ray") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            said = " ".join(str(error).split())
            raise FaceAuditError(f"--address {address}: no Ray cluster answers ({said})") from None
    try:
        each = _resource(job.run)
        workers = max(int(ray.cluster_resources().get(each, 1)), 1)
        named = [name for name in ("dataset", "image", "sha256") if name in rows.column_names]
        tasks = [*_tasks(rows.select(named), job.batch_size, workers)]
        most = min(workers, len(tasks))
        found = ray.data.from_arrow(tasks).map_batches(
            _Worker,
            fn_constructor_args=(job, str(Path.cwd())),
            batch_size=None,
            batch_format="pyarrow",
            **{f"num_{each.lower()}s": 1},
            # All begin at once; the run goes on with however few are left.
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most, initial_size=most),
        )
        found.context.execution_options.preserve_order = True
        found.context.enable_progress_bars = False
        for scored in found.iter_batches(batch_size=None, batch_format="pyarrow"):
            if REFUSED in scored.column_names:
                raise FaceAuditError(scored[REFUSED][0].as_py())
            yield scored
    except ray.exceptions.RayError as error:
        said = " ".join(str(error).split())[-300:]
        raise FaceAuditError(f"the Ray cluster gave up: {said}") from None
    finally:
        if ours:
            ray.shutdown()


def _resource(run: Mapping[str, str]) -> str:
    """Return what each worker has one of: what this machine computes on, they must too."""
    return "GPU" if " on cuda" in run["inference"].lower() else "CPU"


def _tasks(rows: pa.Table, batch_size: int, workers: int) -> Iterator[pa.Table]:
    """Cut rows into whole batches, so many at a time as the constants above say."""
    batches = -(-len(rows) // batch_size)
    at_once = min(batches // (TASKS_A_WORKER * workers), BATCHES_A_TASK)
    step = batch_size * max(at_once, -(-batches // TASKS), 1)
    for start in range(0, len(rows), step):
        yield rows.slice(start, step)
