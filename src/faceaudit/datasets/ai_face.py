"""AI-Face: the million-scale benchmark of real and AI-generated faces, both versions of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import product
from operator import itemgetter

import pyarrow.compute as pc

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import LISTED, LedgerEntry, first_ones, remark
from faceaudit.datasets.tagfiles import Cells, TagFile, Tags, read_code, read_csv
from faceaudit.errors import FaceAuditError
from faceaudit.tags.base import TagValue
from faceaudit.tags.skin_tone import MONK_TONES
from faceaudit.wording import counted

TABLES = ("train.csv", "test.csv")
#: Tag -> its heading in the first version's tables, in the second's description, and in the
#: second's tables as they have been shipped since 2025.
HEADINGS = {
    "gender": ("Ground Truth Gender", "Gender", "Predicted Gender"),
    "age_group": ("Ground Truth Age", "Age", "Predicted Age"),
    "race": ("Ground Truth Race",),
    "skin_tone": ("Skin Tone",),
}
LABELS = {"0": "real", "1": "ai"}
GENDERS = {"0": "female", "1": "male"}
RACES = {"0": "Asian", "1": "White", "2": "Black", "3": "Others"}
TONES = {str(number): tone for number, tone in enumerate(MONK_TONES, start=1)}
TONE_GROUPS = {"0": "light", "1": "medium", "2": "dark"}
FIRST_AGES = {"0": "young", "1": "middle-aged", "2": "senior", "3": "others"}
AGES = ("child", "youth", "adult", "middle-aged", "senior")

#: The publishers' groups of Monk tones, where a table has no column for them.
_GROUP_OF: dict[TagValue, str] = {
    tone: "light" if number <= 3 else "medium" if number <= 6 else "dark"
    for number, tone in enumerate(MONK_TONES, start=1)
}
#: What the number of a combination means: men first, by race, in the first version; women
#: first, by skin tone, in the second (its description had men first until July 2025).
_BY_RACE = {
    str(number): f"{who}, {race}"
    for number, (who, race) in enumerate(product(("male", "female"), RACES.values()))
}
_BY_TONE = {
    str(number): f"{who}, {tone}"
    for number, (who, tone) in enumerate(product(("female", "male"), TONE_GROUPS.values()))
}
_ESTIMATED = "estimated by models that the publishers trained, not by people"


class AIFace(Dataset):
    """Reads ``train.csv`` and ``test.csv``, which hold labels and tags by path."""

    id = "ai-face"
    title = "AI-Face"
    label = "by its tables"
    published = 1_646_545
    licence = "CC BY-NC-ND 4.0, after signing the publishers' agreement"
    home = "https://github.com/Purdue-M2/AI-Face-FairnessBench"
    layout = (
        "AttGAN/… and the other folders; train.csv and test.csv of the first version (Image "
        "Path, Ground Truth Gender, Age and Race, Intersection, Target) or the second (Image Path, "
        "Gender or Predicted Gender, Age or Predicted Age, Skin Tone, Intersection, Target)"
    )
    tags = {
        "gender": _ESTIMATED,
        "age_group": _ESTIMATED,
        "race": f"first version, {_ESTIMATED}",
        "skin_tone": f"second version, Monk scale, {_ESTIMATED}",
        "intersection": f"of gender with race or skin tone, {_ESTIMATED}",
        "split": "the publishers' partition",
    }

    def open(self) -> None:
        names = dict.fromkeys([self.options.tag_file(TABLES[0]), *TABLES])
        tables = [read_csv(self.files, name, "Image Path") for name in names]
        tables = [table for table in tables if table.there]
        if not tables:
            raise FaceAuditError(
                "AI-Face needs its train.csv or test.csv, below the root or named by --tags-from"
            )
        self._ages, note = _age_names({code for table in tables for code in _age_codes(table)})
        #: The first rows that contradict themselves, and their number.
        self._contradictions: list[LedgerEntry] = []
        self._contradicting = 0
        for table in tables:
            self._fill(table)
            self.use(table)
        self.notes += note
        if n := self._contradicting:
            self.notes.append(
                f"In {counted(n, 'row')} the number of the intersection contradicts the "
                "row's own tags; the tags count."
            )

    def read(self, path: str) -> Tagged:
        return self.row_of(path, "no row in the tables")

    def remarks(self) -> Iterator[LedgerEntry]:
        yield from super().remarks()
        names = ", ".join(table.name for table in self.tables)
        yield from first_ones(self._contradictions, self._contradicting, names, "row")

    def _fill(self, table: TagFile) -> None:
        """Enter a table's rows, and say which tags it has, by its header."""
        found = _headings(table.cells.column_names)
        by = {"race", "skin_tone"} & set(found)
        lacking = {"gender", "age_group"} - set(found) | (set() if by else {"skin_tone"})
        table.fill(table.rows(), itemgetter("Image Path"), partial(self._translate, table, found))
        for tag in sorted(lacking):
            told = " or ".join(f"'{heading}'" for heading in HEADINGS[tag])
            table.remark("row 1", f"there is no column {told}: no {tag}")
        table.tags = [*found, *(["intersection"] if by and "gender" in found else []), "split"]

    def _translate(
        self, table: TagFile, headings: dict[str, str], cells: Cells, doubt: Callable[[str], None]
    ) -> Tags:
        label = read_code(cells, "Target", LABELS, doubt)
        if label is None:
            raise ValueError("Target is neither 0 (real) nor 1 (fake)")
        tags: Tags = {"label": label, "split": table.name.partition(".")[0]}
        gender = tags["gender"] = read_code(cells, headings.get("gender"), GENDERS, doubt)
        if "race" in headings:
            tags["age_group"] = read_code(cells, headings.get("age_group"), FIRST_AGES, doubt)
            other = tags["race"] = read_code(cells, headings["race"], RACES, doubt)
            names = _BY_RACE
        else:
            age = _code(cells.get(headings.get("age_group", "")))
            tags["age_group"] = self._ages.get(age)
            tags["skin_tone"] = read_code(cells, headings.get("skin_tone"), TONES, doubt)
            other = read_code(cells, "Skin Tone Group", TONE_GROUPS, doubt)
            other = other or _GROUP_OF.get(tags["skin_tone"])
            names = _BY_TONE
        if gender and other:
            own = tags["intersection"] = f"{gender}, {other}"
            said = read_code(cells, "Intersection", names, doubt)
            if said not in (None, own):
                self._contradicting += 1
                if self._contradicting <= LISTED:
                    image = (cells["Image Path"] or "").strip()
                    told = f"its number says {said!r}, and the row {own!r}"
                    self._contradictions.append(
                        remark(image, "intersection contradicts the row", told)
                    )
        return tags


def _headings(columns: Sequence[str]) -> dict[str, str]:
    """Return under which heading a table holds each tag that it holds."""
    return {
        tag: there[0]
        for tag, known in HEADINGS.items()
        if (there := [heading for heading in known if heading in columns])
    }


def _code(cell: str | None) -> str:
    return (cell or "").strip().removesuffix(".0")


def _age_codes(table: TagFile) -> set[str]:
    """Return which codes of ages a table of the second version has."""
    headings = _headings(table.cells.column_names)
    if "race" in headings or "age_group" not in headings:
        return set()
    cells = pc.unique(table.cells[headings["age_group"]]).to_pylist()
    return {code for cell in cells if (code := _code(cell))}


def _age_names(codes: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return what the second version's age codes mean, and what is to be said of them.

    The publishers' description counts 0, 1, 3, 4, 5 and their program 0, 1, 2, 3, 4; which
    of them the tables follow shows in whether they have a 5 or a 2.
    """
    if codes and ("5" in codes) == ("2" in codes):
        return {}, ["The age codes of the tables could be read in two ways: no age_group."]
    names = dict(zip("01345" if "5" in codes else "01234", AGES, strict=True))
    unknown = ", ".join(sorted(set(codes) - set(names)))
    said = f"The publishers have no age code {unknown}: no age_group there."
    return names, [said] if unknown else []


DATASET = AIFace
