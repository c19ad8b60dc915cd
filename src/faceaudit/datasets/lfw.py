"""Labeled Faces in the Wild: one folder a person, with optional attributes and gender lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from faceaudit.datasets.attributes import attribute_tags
from faceaudit.datasets.base import Dataset, Options, Reader, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import SideFiles, base_name
from faceaudit.datasets.tagfiles import Tags, TagTable, number, read_sidecar, read_text
from faceaudit.wording import counted

RACES = ("White", "Black", "Asian", "Indian")

_NAME = re.compile(r"(.+)_(\d{4})\.(jpe?g|png)", re.IGNORECASE)
_ATTRIBUTES = "lfw_attributes.txt"
_GENDER_LISTS = {"female_names.txt": "female", "male_names.txt": "male"}
_ESTIMATED = "estimated by attribute classifiers (Kumar and others, 2009), not by people"
_TAGS = (
    "gender",
    "race",
    "glasses",
    "makeup",
    "facial_hair",
    "oval_face",
    "round_face",
    "chubby",
    "pale_skin",
)


class LFWReader(Reader):
    """Reads ``Person_Name/Person_Name_0001.jpg``."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        self.tags = {"person": DATASET.tags["person"]}
        # People's lists come first: where they differ from the classifiers, they count.
        for name, gender in _GENDER_LISTS.items():
            listed = _read_list(files, name, gender)
            self.use(listed, {"gender": "male_names.txt and female_names.txt, by people"})
        self.use(read_sidecar(files, "gender.csv", options.missing), {})
        self.use(_read_attributes(files), DATASET.tags)

    def read(self, path: str) -> Tagged:
        """Return the person, and what the lists say."""
        name = base_name(path)
        match = _NAME.fullmatch(name)
        if match is None:
            raise Reject("malformed name", "it is not Person_Name_0001.jpg")
        stem = name.rpartition(".")[0]
        return Tagged("real", {**self.look_up(name, f"{stem}.jpg"), "person": match[1]})


def _read_list(files: SideFiles, name: str, gender: str) -> TagTable | None:
    """Read a list of file names, all of one gender."""
    table = TagTable(name, ["gender"])
    text = read_text(files, table)
    if text is None:
        return table if table.problems else None
    for line, image in enumerate(text.splitlines(), start=1):
        if image.strip():
            table.add(image.strip(), {"gender": gender}, f"line {line}")
    return table


def _read_attributes(files: SideFiles) -> TagTable | None:
    """Read the attribute file: a title, then a header behind a ``#``, then degrees by tabs."""
    table = TagTable(_ATTRIBUTES, _TAGS)
    text = read_text(files, table)
    if text is None:
        return table if table.problems else None
    lines = text.splitlines()
    header = next((at for at, line in enumerate(lines) if line.startswith("#\tperson")), None)
    if header is None:
        table.remark("the file", "there is no header line '# person imagenum …'")
        return table
    columns = [name.strip().lower().replace(" ", "_") for name in lines[header].split("\t")[1:]]
    for at, line in enumerate(lines[header + 1 :], start=header + 2):
        cells = line.split("\t")
        if not line.strip():
            continue
        if len(cells) != len(columns):
            table.remark(f"line {at}", f"{counted(len(cells), 'value')} for {len(columns)} columns")
            continue
        try:
            row = dict(zip(columns, cells, strict=True))
            person = row.pop("person").strip().replace(" ", "_")
            name = f"{person}_{int(row.pop('imagenum')):04d}.jpg"
            tags = _translate(row, partial(table.doubt, f"line {at}", name))
            table.add(name, tags, f"line {at}")
        except (ValueError, KeyError) as error:
            table.remark(f"line {at}", str(error))
    return table


def _translate(cells: Mapping[str, str], doubt: Callable[[str], None]) -> Tags:
    degrees = {}
    for name, cell in cells.items():
        try:
            degrees[name] = number(cell, name)
        except ValueError as error:
            doubt(str(error))
    tags = attribute_tags({name: degree > 0 for name, degree in degrees.items()})
    tags.pop("young", None)
    races = {race: degrees[race.lower()] for race in RACES if race.lower() in degrees}
    likeliest = max(races, key=lambda race: races[race], default=None)
    tags["race"] = likeliest if likeliest and races[likeliest] > 0 else None
    return tags


DATASET = Dataset(
    id="lfw",
    title="Labeled Faces in the Wild",
    label="real",
    published=13_233,
    licence="none stated; news photographs, for research",
    home="http://vis-www.cs.umass.edu/lfw/",
    layout="lfw-deepfunneled/Person_Name/Person_Name_0001.jpg; optional lfw_attributes.txt, "
    "male_names.txt, female_names.txt, gender.csv (file, gender)",
    reader=LFWReader,
    tags={"person": "folder name, from the news captions", **dict.fromkeys(_TAGS, _ESTIMATED)},
    options=("missing",),
)
