"""Labeled Faces in the Wild: one folder a person, with optional attributes and gender lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from math import isfinite
from operator import itemgetter

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.celeba import attribute_tags
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name
from faceaudit.datasets.tagfiles import Cells, TagFile, Tags, open_tag_file, own_csv

RACES = ("White", "Black", "Asian", "Indian")

_NAME = re.compile(r"(.+)_(\d{4})\.(jpe?g|png)", re.IGNORECASE)
_TAGS = (
    *("gender", "race", "glasses", "makeup", "facial_hair"),
    *("oval_face", "round_face", "chubby", "pale_skin"),
)


class LFW(Dataset):
    """Reads ``Person_Name/Person_Name_0001.jpg``."""

    id = "lfw"
    title = "Labeled Faces in the Wild"
    label = "real"
    published = 13_233
    licence = "none stated; news photographs, for research"
    home = "http://vis-www.cs.umass.edu/lfw/"
    layout = (
        "lfw-deepfunneled/Person_Name/Person_Name_0001.jpg; optional lfw_attributes.txt, "
        "male_names.txt, female_names.txt, gender.csv (file, gender)"
    )
    tags = {
        "person": "folder name, from the news captions",
        **dict.fromkeys(
            _TAGS, "estimated by attribute classifiers (Kumar and others, 2009), not by people"
        ),
    }
    takes = ("missing",)

    def open(self) -> None:
        self.given = {"person": self.tags["person"]}
        by_people = {"gender": "male_names.txt and female_names.txt, by people"}
        for gender in ("female", "male"):
            listed = open_tag_file(self.files, f"{gender}_names.txt", ["gender"])
            lines = listed.lines(["image"], separator="\n")
            listed.fill(lines, itemgetter("image"), partial(_listed, gender))
            self.use(listed, by_people)
        self.use(own_csv(self.files, "gender.csv", self.options.missing), {})
        attributes = open_tag_file(self.files, "lfw_attributes.txt", _TAGS)
        _fill(attributes)
        self.use(attributes)

    def read(self, path: str) -> Tagged:
        name = base_name(path)
        match = _NAME.fullmatch(name)
        if match is None:
            raise Reject("malformed name", "it is not Person_Name_0001.jpg")
        stem = name.rpartition(".")[0]
        return Tagged("real", {**self.look_up(name, f"{stem}.jpg"), "person": match[1]})


def _listed(gender: str, _cells: Cells, _doubt: Callable[[str], None]) -> Tags:
    return {"gender": gender}


def _fill(table: TagFile) -> None:
    """Read the attribute file: a title, then a header behind a ``#``, then degrees by tabs."""
    lines = table.data.decode().splitlines()
    header = next((at for at, line in enumerate(lines) if line.startswith("#\tperson")), None)
    if header is None:
        table.remark("the file", "there is no header line '# person imagenum …'")
        return
    columns = [name.strip().lower().replace(" ", "_") for name in lines[header].split("\t")[1:]]
    table.fill(table.lines(columns, header + 1, "\t"), _photograph, _translate)


def _photograph(cells: Cells) -> str:
    person = str(cells["person"]).strip().replace(" ", "_")
    return f"{person}_{int(str(cells['imagenum'])):04d}.jpg"


def _translate(cells: Cells, doubt: Callable[[str], None]) -> Tags:
    degrees = {}
    for name, cell in cells.items():
        if name not in ("person", "imagenum"):
            try:
                degrees[name] = float(str(cell))
                if not isfinite(degrees[name]):
                    raise ValueError
            except ValueError:
                doubt(f"{name} {cell!r} is not a number")
                degrees.pop(name, None)
    tags = attribute_tags({name: degree > 0 for name, degree in degrees.items()})
    tags.pop("young", None)
    races = {race: degrees[race.lower()] for race in RACES if race.lower() in degrees}
    likeliest = max(races, key=lambda race: races[race], default=None)
    tags["race"] = likeliest if likeliest and races[likeliest] > 0 else None
    return tags


DATASET = LFW
