"""AI-Face: the million-scale benchmark of real and AI-generated faces with skin tones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from faceaudit.datasets.description import Dataset, Label, Options, Reader, Tagged
from faceaudit.datasets.ledger import Reject
from faceaudit.datasets.sources import SideFiles
from faceaudit.datasets.tagfiles import Tags, read_csv
from faceaudit.errors import FaceAuditError
from faceaudit.tags.skin_tone import monk_tone

TABLES = {"train.csv": "train", "test.csv": "test"}
GENDERS = {"0": "female", "1": "male"}
AGES = ("child", "youth", "adult", "middle-aged", "senior")
INTERSECTIONS = {
    str(3 * i + j): f"{who}, {tone}"
    for i, who in enumerate(("male", "female"))
    for j, tone in enumerate(("light", "medium", "dark"))
}
LABELS: dict[str | None, Label] = {"0": "real", "1": "ai"}

_COLUMNS = ("label", "gender", "age_group", "skin_tone", "intersection", "split")
_ESTIMATED = "estimated by models that the publishers trained, not by people"


class AIFaceReader(Reader):
    """Reads ``train.csv`` and ``test.csv``, which hold labels and tags by path."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        for name, split in TABLES.items():
            table = read_csv(files, name, "Image Path", partial(_translate, split), _COLUMNS)
            self.use(table, DATASET.tags)
        if not self.tables:
            raise FaceAuditError(
                "AI-Face needs its train.csv or test.csv, below the root or named by --tags-from"
            )
        del self.tags["label"]
        self._prefixes = dict.fromkeys(
            prefix for table in self.tables for prefix in table.prefixes()
        )
        codes = {code for table in self.tables for code in table.values("age_group")}
        self._ages = _age_names({str(code) for code in codes if code is not None})
        if codes and not self._ages:
            self.notes.append("The age codes of the tables could be read in two ways: no age_group")

    def read(self, path: str) -> Tagged:
        """Return the image's row."""
        tags = self.look_up(*(prefix + path for prefix in self._prefixes))
        label = LABELS.get(tags.pop("label", None))  # type: ignore[arg-type]
        if label is None:
            raise Reject("no row in the tables", "without it there is no label")
        tags["age_group"] = self._ages.get(str(tags["age_group"]))
        return Tagged(label, tags)


def _age_names(codes: set[str]) -> dict[str, str]:
    """Return the names of the age codes.

    The publishers' description counts 0, 1, 3, 4, 5 and their program 0, 1, 2, 3, 4; which
    of them a table follows shows in whether it has a 5 or a 2.
    """
    if "5" in codes and "2" not in codes:
        return dict(zip(("0", "1", "3", "4", "5"), AGES, strict=True))
    if "2" in codes and "5" not in codes:
        return dict(zip(("0", "1", "2", "3", "4"), AGES, strict=True))
    return {}


def _translate(split: str, cells: Mapping[str, str | None]) -> Tags:
    if cells.get("Target") not in LABELS:
        raise ValueError(f"Target {cells.get('Target')!r} is neither 0 (real) nor 1 (fake)")
    return {
        "label": cells["Target"],
        "gender": GENDERS.get(str(cells.get("Gender"))),
        "age_group": cells.get("Age"),
        "skin_tone": monk_tone(cells.get("Skin Tone")),
        "intersection": INTERSECTIONS.get(str(cells.get("Intersection"))),
        "split": split,
    }


DATASET = Dataset(
    id="ai-face",
    title="AI-Face",
    label="by its tables",
    published=1_646_545,
    licence="CC BY-NC-ND 4.0, after signing the publishers' agreement",
    home="https://github.com/Purdue-M2/AI-Face-FairnessBench",
    layout="AttGAN/… and the other folders; train.csv and test.csv (Image Path, Gender, Age, "
    "Skin Tone, Intersection, Target), second version",
    reader=AIFaceReader,
    tags={
        "gender": _ESTIMATED,
        "age_group": _ESTIMATED,
        "skin_tone": f"Monk scale, {_ESTIMATED}",
        "intersection": f"of gender and skin tone, {_ESTIMATED}",
        "split": "the publishers' partition",
    },
)
