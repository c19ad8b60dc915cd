"""Photoshopped: what do photographs retouched by hand change when they are trained on as real?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.result import Result
from faceaudit.studies.ablation import ALL_AI, errors_by_set, places, plan_arms
from faceaudit.studies.holdout import Pool, read_pool
from faceaudit.studies.runs import Budget, run_all
from faceaudit.studies.study_result import write_study

NAME = "photoshopped"
DEFAULT_BUDGET = Budget()
TAG, RETOUCHED = "manipulation", "photoshopped"


def photoshopped(
    manifests: Sequence[Path | str],
    out: Path | str,
    *,
    tests: Sequence[Path | str] = (),
    hold_out: float = 0.3,
    seeds: int = 3,
    budget: Budget = DEFAULT_BUDGET,
    confidence: float = 0.95,
    progress: bool = False,
) -> Result:
    """Train with and without photoshopped photographs labelled real, over several seeds.

    In the second arm they take the place of as many untouched photographs of the same set, so
    that the number of images and their mixture stay what they were.

    Parameters
    ----------
    manifests : sequence of path
        Images to train on; some have ``photoshopped`` in their tag ``manipulation`` and the label
        real, others of their set are untouched (``faceaudit index real-and-fake …
        --photoshopped-as real``).
    out, tests, hold_out, seeds, budget, confidence, progress
        As in `faceaudit.studies.data_in_training.data_in_training`.

    Raises
    ------
    FaceAuditError
        If there is no photoshopped photograph, or `out` holds runs with other settings.
    """
    pool = read_pool(manifests, tests, hold_out)
    pool = Pool(_set_apart(pool.training), _set_apart(pool.testing), pool.info)
    for name in sorted(pc.unique(pool.training["dataset"]).to_pylist()):
        # The retouched ones lie where their set lies, under a name of their own.
        original = name.removesuffix(f" ({RETOUCHED})")
        pool.info.datasets.setdefault(name, pool.info.datasets[original])
    chosen = pc.ends_with(pool.training["dataset"], f"({RETOUCHED})")
    more = pool.training.filter(chosen)
    if len(more) == 0 or set(pc.unique(more["label"]).to_pylist()) != {"real"}:
        raise FaceAuditError(
            f"no photograph labelled real has the tag {TAG} '{RETOUCHED}'; index Real and Fake "
            "Face Detection with --photoshopped-as real"
        )
    without = pool.training.filter(pc.invert(chosen))
    with_it = _exchange(without, more)
    finished = run_all(plan_arms(without, with_it, RETOUCHED, seeds, budget), pool, out, progress)
    found = places(finished)
    watched = [place.name for place in found if place.name.endswith(f"({RETOUCHED})")]
    return write_study(
        out,
        name=NAME,
        title="What photoshopped photographs in training change",
        question=(
            "Do photographs retouched by hand, trained on as real, make the classifier miss "
            "AI-generated faces?"
        ),
        checks=[errors_by_set(found, (ALL_AI, *watched), f"{RETOUCHED} photographs", confidence)],
        finished=finished,
        settings={
            "seeds": seeds,
            "hold_out": hold_out,
            "confidence": confidence,
            **asdict(budget),
        },
        notes=[
            "Both arms are trained on as many images, and as many of them real: in the second "
            "arm photoshopped photographs take the place of untouched ones of the same set."
        ],
    )


def _exchange(untouched: pa.Table, retouched: pa.Table) -> pa.Table:
    """Put retouched photographs in the place of as many untouched ones of their set."""
    chosen = np.zeros(len(untouched), dtype=bool)
    taken = []
    for name in pc.unique(retouched["dataset"]).to_pylist():
        original = pc.equal(untouched["dataset"], name.removesuffix(f" ({RETOUCHED})"))
        place = np.flatnonzero(pc.and_(original, pc.equal(untouched["label"], "real")).to_numpy())
        these = retouched.filter(pc.equal(retouched["dataset"], name))
        count = min(len(place), len(these))
        if not count:
            raise FaceAuditError(
                f"{name}: there is no untouched photograph of this set whose place the "
                "photoshopped ones could take; give the whole set"
            )
        chosen[place[:count]] = True
        taken.append(these.slice(0, count))
    return pa.concat_tables([untouched.filter(pa.array(~chosen)), *taken])


def _set_apart(table: pa.Table) -> pa.Table:
    """Give the retouched photographs of a set a data set of their own."""
    if TAG not in table.column_names:
        return table
    retouched = pc.fill_null(pc.equal(table[TAG], RETOUCHED), False)
    named = pc.binary_join_element_wise(table["dataset"], f"({RETOUCHED})", " ")
    position = table.column_names.index("dataset")
    return table.set_column(position, "dataset", pc.if_else(retouched, named, table["dataset"]))
