"""Data in training: what do the generator's own photographs change when they are trained on?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.result import CheckResult
from faceaudit.studies.ablation import Ablation, errors_by_group
from faceaudit.studies.errors_by_set import ALL_AI
from faceaudit.studies.holdout import Split
from faceaudit.studies.hypotheses_by_seed import hypotheses_by_seed
from faceaudit.studies.runs import Tested
from faceaudit.wording import counted


@dataclass(frozen=True, kw_only=True)
class DataInTraining(Ablation):
    """Train with and without a data set, over several seeds, and compare the errors.

    Parameters
    ----------
    added : str
        The data set that is added.
    attributes : sequence of str
        Tags by which its testing images are compared.
    """

    name = "data-in-training"
    title = "What {added} in training changes"
    question = (
        "Are the photographs of {added} still called AI-generated when some of them are trained on "
        "as real, and what does it cost in AI-generated faces that are missed?"
    )
    added: str = "ffhq"
    attributes: Sequence[str] = ("glasses", "age_band", "gender", "race", "face_shape")

    def _sides(self, split: Split) -> tuple[str, pa.Table, pa.Table]:
        chosen = pc.equal(split.training["dataset"], self.added)
        if not pc.any(chosen).as_py():
            there = ", ".join(sorted(pc.unique(split.training["dataset"]).to_pylist()))
            raise FaceAuditError(
                f"no image of '{self.added}' is there to train on; there are images of {there}"
            )
        without = split.training.filter(pc.invert(chosen))
        return self.added, without, pa.concat_tables([without, split.training.filter(chosen)])

    @property
    def _name(self) -> str:
        return self.added

    def _watched(self, datasets: Sequence[str]) -> list[str]:
        return [self.added, ALL_AI]

    def _more(self, tested: Tested) -> list[CheckResult]:
        thresholds = [run.threshold for run in tested.runs]
        return [
            errors_by_group(tested, self.added, self.attributes, self.confidence),
            hypotheses_by_seed(tested.tables, thresholds, self.added, self.confidence),
        ]

    def _notes(self, split: Split) -> list[str]:
        more = pc.sum(pc.equal(split.training["dataset"], self.added)).as_py()
        return [
            f"The arm with {self.added} is trained on {counted(more, 'more image')}, for as many "
            "epochs, so it also takes more steps."
        ]
