"""Data in training: what do the generator's own photographs change when they are trained on?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.result import Result
from faceaudit.studies.ablation import ALL_AI, errors_by_group, errors_by_set, places, plan_arms
from faceaudit.studies.holdout import read_pool
from faceaudit.studies.hypotheses_by_seed import suspected
from faceaudit.studies.runs import Budget, run_all
from faceaudit.studies.study_result import write_study
from faceaudit.wording import counted

NAME = "data-in-training"
DEFAULT_BUDGET = Budget()
ATTRIBUTES = ("glasses", "age_band", "gender", "race", "face_shape")


def data_in_training(
    manifests: Sequence[Path | str],
    out: Path | str,
    *,
    added: str = "ffhq",
    tests: Sequence[Path | str] = (),
    hold_out: float = 0.3,
    seeds: int = 3,
    budget: Budget = DEFAULT_BUDGET,
    attributes: Sequence[str] = ATTRIBUTES,
    confidence: float = 0.95,
    progress: bool = False,
) -> Result:
    """Train with and without a data set, over several seeds, and compare the errors.

    Parameters
    ----------
    manifests : sequence of path
        Images to train on, those of `added` among them.
    out : path
        Folder for the runs, ``study.json`` and ``report.html``; a study that was stopped goes
        on from what is finished there.
    added : str
        The data set that only the second arm is trained on.
    tests : sequence of path
        Images for testing alone.
    hold_out : float
        Share of `manifests` that is kept for testing.
    seeds : int
        Runs of each arm.
    budget : Budget
    attributes : sequence of str
        Tags by which the testing images of `added` are compared.
    confidence : float
    progress : bool
        Say on standard error what remains.

    Raises
    ------
    FaceAuditError
        If the images do not suffice, or `out` holds runs with other settings.
    """
    pool = read_pool(manifests, tests, hold_out)
    chosen = pc.equal(pool.training["dataset"], added)
    more = pool.training.filter(chosen)
    if len(more) == 0:
        there = ", ".join(sorted(pc.unique(pool.training["dataset"]).to_pylist()))
        raise FaceAuditError(
            f"no image of '{added}' is there to train on; there are images of {there}"
        )
    without = pool.training.filter(pc.invert(chosen))
    with_it = pa.concat_tables([without, more])
    finished = run_all(plan_arms(without, with_it, added, seeds, budget), pool, out, progress)
    return write_study(
        out,
        name=NAME,
        title=f"What {added} in training changes",
        question=(
            f"Are the photographs of {added} still called AI-generated when some of them are "
            "trained on as real, and what does it cost in AI-generated faces that are missed?"
        ),
        checks=[
            errors_by_set(places(finished), (added, ALL_AI), added, confidence),
            errors_by_group(finished, added, attributes, added, confidence),
            suspected(finished, added, confidence),
        ],
        finished=finished,
        settings={
            "added": added,
            "seeds": seeds,
            "hold_out": hold_out,
            "confidence": confidence,
            **asdict(budget),
        },
        notes=[
            f"The arm with {added} is trained on {counted(len(more), 'more image')}, for as many "
            "epochs, so it also takes more steps."
        ],
    )
