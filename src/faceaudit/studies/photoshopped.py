"""Photoshopped: what do photographs retouched by hand change when they are trained on as real?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.studies.ablation import Ablation
from faceaudit.studies.errors_by_set import ALL_AI
from faceaudit.studies.holdout import Split

TAG, RETOUCHED = "manipulation", "photoshopped"
#: What the data set of the retouched photographs of a set is called after its name.
ENDING = f" ({RETOUCHED})"


@dataclass(frozen=True, kw_only=True)
class Photoshopped(Ablation):
    """Train with and without photoshopped photographs labelled real, over several seeds.

    They take the place of as many untouched photographs of the same set, so that the number of
    images and their mixture stay what they were. Some training images have ``photoshopped`` in
    their tag ``manipulation`` and the label real, others of their set are untouched
    (``faceaudit index real-and-fake … --photoshopped-as real``).
    """

    name = "photoshopped"
    title = "What photoshopped photographs in training change"
    question = (
        "Do photographs retouched by hand, trained on as real, make the classifier miss "
        "AI-generated faces?"
    )

    def _prepare(self, split: Split) -> Split:
        apart = Split(_set_apart(split.training), _set_apart(split.testing), split.info)
        for name in sorted(pc.unique(apart.training["dataset"]).to_pylist()):
            # They lie where their set lies.
            apart.info.datasets.setdefault(name, apart.info.datasets[name.removesuffix(ENDING)])
        return apart

    def _sides(self, split: Split) -> tuple[str, pa.Table, pa.Table]:
        chosen = pc.ends_with(split.training["dataset"], ENDING)
        more = split.training.filter(chosen)
        if set(pc.unique(more["label"]).to_pylist()) != {"real"}:
            raise FaceAuditError(
                f"no photograph labelled real has the tag {TAG} '{RETOUCHED}'; index Real and Fake "
                "Face Detection with --photoshopped-as real"
            )
        without = split.training.filter(pc.invert(chosen))
        return RETOUCHED, without, _exchange(without, more)

    @property
    def _name(self) -> str:
        return f"{RETOUCHED} photographs"

    def _watched(self, datasets: Sequence[str]) -> list[str]:
        return [ALL_AI, *(name for name in datasets if name.endswith(ENDING))]

    def _notes(self, split: Split) -> list[str]:
        return [
            "Both arms are trained on as many images, and as many of them real: in the second "
            "arm photoshopped photographs take the place of untouched ones of the same set."
        ]


def _exchange(untouched: pa.Table, retouched: pa.Table) -> pa.Table:
    """Put retouched photographs in the place of as many untouched ones of their set."""
    kept = np.ones(len(untouched), dtype=bool)
    taken = []
    for name in pc.unique(retouched["dataset"]).to_pylist():
        original = pc.equal(untouched["dataset"], name.removesuffix(ENDING))
        place = np.flatnonzero(pc.and_(original, pc.equal(untouched["label"], "real")).to_numpy())
        these = retouched.filter(pc.equal(retouched["dataset"], name))
        count = min(len(place), len(these))
        if not count:
            raise FaceAuditError(
                f"{name}: there is no untouched photograph of this set whose place the "
                "photoshopped ones could take; give the whole set"
            )
        kept[place[:count]] = False
        taken.append(these.slice(0, count))
    return pa.concat_tables([untouched.filter(pa.array(kept)), *taken])


def _set_apart(table: pa.Table) -> pa.Table:
    """Give the retouched photographs of a set a data set of their own."""
    if TAG not in table.column_names:
        return table
    retouched = pc.fill_null(pc.equal(table[TAG], RETOUCHED), False)
    named = pc.binary_join_element_wise(table["dataset"], ENDING, "")
    position = table.column_names.index("dataset")
    return table.set_column(position, "dataset", pc.if_else(retouched, named, table["dataset"]))
