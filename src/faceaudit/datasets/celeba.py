"""CelebA: aligned celebrity faces with forty attributes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.sources import base_name
from faceaudit.datasets.tagfiles import (
    Cells,
    TagFile,
    Tags,
    Translate,
    open_tag_file,
    own_csv,
    read_csv,
)
from faceaudit.errors import FaceAuditError

SPLITS = {"0": "train", "1": "validation", "2": "test"}

_TAGS = (
    *("gender", "glasses", "makeup", "facial_hair"),
    *("young", "oval_face", "chubby", "pale_skin"),
)


class CelebA(Dataset):
    """Reads attributes, partition and identities, as ``.txt`` or as the ``.csv`` copies of them."""

    id = "celeba"
    title = "CelebA"
    label = "real"
    published = 202_599
    licence = "non-commercial research only"
    home = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
    layout = (
        "img_align_celeba/000001.jpg; list_attr_celeba.txt; optional list_eval_partition.txt, "
        "identity_CelebA.txt"
    )
    tags = {
        **dict.fromkeys(_TAGS, "human annotation, by the publishers' contractor"),
        "split": "the publishers' partition",
        "person": "identity number, by the publishers",
    }
    takes = ("missing",)

    def open(self) -> None:
        attributes = self._either("list_attr_celeba", _marks, _TAGS)
        if not attributes.there:
            self.lacks("list_attr_celeba.txt", *_TAGS)
        self.use(attributes)
        self.use(self._either("list_eval_partition", _split, ["split"], ["image_id", "partition"]))
        identities = self._either("identity_CelebA", _person, ["person"], ["image_id", "identity"])
        if identities.there and not len(identities):
            fault = next((entry.remedy for entry in identities.problems), "it has no rows")
            raise FaceAuditError(
                f"{identities.name}: {fault}; fetch it again, or take it away to index the "
                "photographs without persons"
            )
        self.use(identities)
        self.use(own_csv(self.files, "gender.csv", self.options.missing))

    def _either(
        self, name: str, translate: Translate, tags: Sequence[str], columns: Sequence[str] = ()
    ) -> TagFile:
        """Read a table in columns of blanks, or else its copy as CSV.

        The first has a header on its second line, without a heading for the image, or none.
        """
        table = open_tag_file(self.files, f"{name}.txt", tags)
        if not table.there:
            return read_csv(self.files, f"{name}.csv", "image_id", tags, translate)
        after = 0 if columns else 2
        headings = table.data.decode().splitlines()[1:2]
        columns = columns or ["image_id", *"".join(headings).split()]
        table.fill(table.lines(columns, after), itemgetter("image_id"), translate)
        return table

    def read(self, path: str) -> Tagged:
        name = base_name(path)
        # The tables say 000001.jpg also where the copy has 000001.png.
        return Tagged("real", self.look_up(name, f"{name.rpartition('.')[0]}.jpg"))


def attribute_tags(marks: Mapping[str, bool]) -> Tags:
    """Translate attributes, in lower case with underscores, as far as they are there."""
    tags: Tags = {}
    if "male" in marks:
        tags["gender"] = "male" if marks["male"] else "female"
    if "eyeglasses" in marks:
        # CelebA's attribute does not tell reading glasses from sunglasses; LFW's do.
        kind = "reading" if "sunglasses" in marks else "any"
        tags["glasses"] = kind if marks["eyeglasses"] else "none"
        if marks.get("sunglasses"):
            tags["glasses"] = "sunglasses"
    if "heavy_makeup" in marks:
        tags["makeup"] = "heavy" if marks["heavy_makeup"] else "none or light"
    if "no_beard" in marks:
        bearded = not marks["no_beard"] or marks.get("goatee", False)
        moustache = "moustache" if marks.get("mustache") else "none"
        tags["facial_hair"] = "beard" if bearded else moustache
    for name in ("young", "oval_face", "round_face", "chubby", "pale_skin"):
        if name in marks:
            tags[name] = "yes" if marks[name] else "no"
    return tags


def _marks(cells: Cells, doubt: Callable[[str], None]) -> Tags:
    marks = {}
    for attribute, mark in cells.items():
        if attribute == "image_id":
            continue
        if (mark or "").strip() in ("1", "-1", "0"):
            marks[attribute.lower()] = str(mark).strip() == "1"
        else:
            doubt(f"{attribute} is {mark!r}, neither 1 nor -1")
    return attribute_tags(marks)


def _split(cells: Cells, _doubt: Callable[[str], None]) -> Tags:
    number = str(cells.get("partition")).strip()
    if number not in SPLITS:
        raise ValueError(f"partition {number!r} is not 0, 1 or 2")
    return {"split": SPLITS[number]}


def _person(cells: Cells, _doubt: Callable[[str], None]) -> Tags:
    number = str(cells.get("identity")).strip()
    if not number.isdecimal():
        raise ValueError(f"identity {number!r} is no number")
    return {"person": number}


DATASET = CelebA
