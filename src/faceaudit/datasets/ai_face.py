"""AI-Face: the million-scale benchmark of real and AI-generated faces, both versions of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from faceaudit.datasets.base import Dataset, Options, Reader, Tagged
from faceaudit.datasets.rejects import Entry, Reject
from faceaudit.datasets.sources import SideFiles
from faceaudit.datasets.tagfiles import LISTED, Cells, Tags, TagTable, TagValue, read_code, read_csv
from faceaudit.errors import FaceAuditError
from faceaudit.schema import LABEL_WORDS
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
    str(4 * i + j): f"{who}, {race}"
    for i, who in enumerate(("male", "female"))
    for j, race in enumerate(RACES.values())
}
_BY_TONE = {
    str(3 * i + j): f"{who}, {tone}"
    for i, who in enumerate(("female", "male"))
    for j, tone in enumerate(TONE_GROUPS.values())
}
_ESTIMATED = "estimated by models that the publishers trained, not by people"
_CONTRADICTION = "intersection contradicts the row"


class AIFaceReader(Reader):
    """Reads ``train.csv`` and ``test.csv``, which hold labels and tags by path."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        self._rows: list[_Rows] = []
        for name in dict.fromkeys([options.tag_file(TABLES[0]), *TABLES]):
            rows = _Rows(name)
            table = read_csv(files, name, "Image Path", rows)
            if table is not None:
                rows.settle(table)
                self._rows.append(rows)
                self.use(table, DATASET.tags)
        if not self.tables:
            raise FaceAuditError(
                "AI-Face needs its train.csv or test.csv, below the root or named by --tags-from"
            )
        self._prefixes = dict.fromkeys(
            prefix for table in self.tables for prefix in table.prefixes()
        )
        self.notes += _name_ages(self.tables)
        if n := sum(rows.contradicting for rows in self._rows):
            self.notes.append(
                f"In {counted(n, 'row')} the number of the intersection contradicts the "
                "row's own tags; the tags count."
            )

    def read(self, path: str) -> Tagged:
        """Return the image's row."""
        tags = self.look_up(*(prefix + path for prefix in self._prefixes))
        label = LABEL_WORDS.get(str(tags.pop("label", None)))
        if label is None:
            raise Reject("no row in the tables", "without it there is no label")
        return Tagged(label, tags)

    def remarks(self) -> Iterator[Entry]:
        """Say which numbers of intersections contradict their row."""
        yield from super().remarks()
        for rows in self._rows:
            yield from rows.contradictions
            if further := rows.contradicting - len(rows.contradictions):
                told = f"and {further:,} further rows"
                yield Entry(rows.name, "remark", _CONTRADICTION, told, further)


class _Rows:
    """Translates the rows of one table, and remembers those that contradict themselves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.contradictions: list[Entry] = []
        self.contradicting = 0
        self._headings: dict[str, str] | None = None

    def __call__(self, cells: Cells, doubt: Callable[[str], None]) -> Tags:
        """Return the tags and the label of one row."""
        headings = self._headings = self._headings or _headings(cells)
        label = read_code(cells, "Target", LABELS, doubt)
        if label is None:
            raise ValueError("Target is neither 0 (real) nor 1 (fake)")
        tags: Tags = {"label": label, "split": self.name.partition(".")[0]}
        gender = tags["gender"] = read_code(cells, headings.get("gender"), GENDERS, doubt)
        if "race" in headings:
            tags["age_group"] = read_code(cells, headings.get("age_group"), FIRST_AGES, doubt)
            other = tags["race"] = read_code(cells, headings["race"], RACES, doubt)
            names = _BY_RACE
        else:
            # What the number of an age means shows in the whole table: see `_age_names`.
            age = (cells.get(headings.get("age_group", "")) or "").strip().removesuffix(".0")
            tags["age_group"] = age or None
            tags["skin_tone"] = read_code(cells, headings.get("skin_tone"), TONES, doubt)
            other = read_code(cells, "Skin Tone Group", TONE_GROUPS, doubt)
            other = other or _GROUP_OF.get(tags["skin_tone"])
            names = _BY_TONE
        if gender and other:
            own = tags["intersection"] = f"{gender}, {other}"
            said = read_code(cells, "Intersection", names, doubt)
            if said not in (None, own):
                self._contradiction(cells, f"its number says {said!r}, and the row {own!r}")
        return tags

    def settle(self, table: TagTable) -> None:
        """Say which tags the table has, by its header."""
        found = _headings(table.columns)
        by = {"race", "skin_tone"} & set(found)
        lacking = {"gender", "age_group"} - set(found) | (set() if by else {"skin_tone"})
        for tag in sorted(lacking):
            told = " or ".join(f"'{heading}'" for heading in HEADINGS[tag])
            table.remark("row 1", f"there is no column {told}: no {tag}")
        table.tags = [*found, *(["intersection"] if by and "gender" in found else []), "split"]

    def _contradiction(self, cells: Cells, told: str) -> None:
        self.contradicting += 1
        if self.contradicting <= LISTED:
            image = (cells["Image Path"] or "").strip()
            self.contradictions.append(Entry(image, "remark", _CONTRADICTION, told))


def _headings(columns: Iterable[str]) -> dict[str, str]:
    """Return under which heading a table holds each tag."""
    there = set(columns)
    found = {
        tag: next((heading for heading in known if heading in there), None)
        for tag, known in HEADINGS.items()
    }
    return {tag: heading for tag, heading in found.items() if heading is not None}


def _name_ages(tables: list[TagTable]) -> list[str]:
    """Put names in the place of the second version's age codes; return what is to be said.

    The publishers' description counts 0, 1, 3, 4, 5 and their program 0, 1, 2, 3, 4; which
    of them the tables follow shows in whether they have a 5 or a 2.
    """
    words = {word for table in tables for word in table.words("age_group").words.to_pylist()}
    codes = words - set(FIRST_AGES.values())
    names: dict[str, str] = {}
    if "5" in codes and "2" not in codes:
        names = dict(zip(("0", "1", "3", "4", "5"), AGES, strict=True))
    elif "2" in codes and "5" not in codes:
        names = dict(zip(("0", "1", "2", "3", "4"), AGES, strict=True))
    for table in tables:
        table.replace("age_group", {code: names.get(code) for code in codes})
    if codes and not names:
        return ["The age codes of the tables could be read in two ways: no age_group."]
    unknown = ", ".join(sorted(codes - set(names)))
    return [f"The publishers have no age code {unknown}: no age_group there."] if unknown else []


DATASET = Dataset(
    id="ai-face",
    title="AI-Face",
    label="by its tables",
    published=1_646_545,
    licence="CC BY-NC-ND 4.0, after signing the publishers' agreement",
    home="https://github.com/Purdue-M2/AI-Face-FairnessBench",
    layout="AttGAN/… and the other folders; train.csv and test.csv of the first version (Image "
    "Path, Ground Truth Gender, Age and Race, Intersection, Target) or the second (Image Path, "
    "Gender or Predicted Gender, Age or Predicted Age, Skin Tone, Intersection, Target)",
    reader=AIFaceReader,
    tags={
        "gender": _ESTIMATED,
        "age_group": _ESTIMATED,
        "race": f"first version, {_ESTIMATED}",
        "skin_tone": f"second version, Monk scale, {_ESTIMATED}",
        "intersection": f"of gender with race or skin tone, {_ESTIMATED}",
        "split": "the publishers' partition",
    },
)
