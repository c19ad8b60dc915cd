"""CelebA: aligned celebrity faces with forty attributes each."""

from __future__ import annotations

from collections.abc import Callable

from faceaudit.datasets.attributes import attribute_tags
from faceaudit.datasets.base import Dataset, Options, Reader, Tagged
from faceaudit.datasets.sources import SideFiles, base_name
from faceaudit.datasets.tagfiles import Cells, Tags, read_columns, read_csv, read_sidecar

SPLITS = {"0": "train", "1": "validation", "2": "test"}

_ATTRIBUTES = "list_attr_celeba"
_PARTITION = "list_eval_partition"
_SOURCE = "human annotation, by the publishers' contractor"
_TAGS = (
    "gender",
    "glasses",
    "makeup",
    "facial_hair",
    "young",
    "oval_face",
    "chubby",
    "pale_skin",
)


class CelebAReader(Reader):
    """Reads the attributes and the partition, as ``.txt`` or as the ``.csv`` copies of them."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        attributes = read_columns(files, f"{_ATTRIBUTES}.txt", 2, _marks, _TAGS) or read_csv(
            files, f"{_ATTRIBUTES}.csv", "image_id", _marks, _TAGS
        )
        if attributes is None:
            self.lacks(f"{_ATTRIBUTES}.txt", *_TAGS)
        partition = read_columns(files, f"{_PARTITION}.txt", 0, _split, ["split"]) or read_csv(
            files, f"{_PARTITION}.csv", "image_id", _split, ["split"]
        )
        for table in (attributes, partition, read_sidecar(files, "gender.csv", options.missing)):
            self.use(table, DATASET.tags)

    def read(self, path: str) -> Tagged:
        """Return what the tables say of the image's number."""
        name = base_name(path)
        # The tables say 000001.jpg also where the copy has 000001.png.
        return Tagged("real", self.look_up(name, f"{name.rpartition('.')[0]}.jpg"))


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
    number = str(cells.get("1", cells.get("partition"))).strip()
    if number not in SPLITS:
        raise ValueError(f"partition {number!r} is not 0, 1 or 2")
    return {"split": SPLITS[number]}


DATASET = Dataset(
    id="celeba",
    title="CelebA",
    label="real",
    published=202_599,
    licence="non-commercial research only",
    home="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    layout="img_align_celeba/000001.jpg; list_attr_celeba.txt; optional list_eval_partition.txt",
    reader=CelebAReader,
    tags={**dict.fromkeys(_TAGS, _SOURCE), "split": "the publishers' partition"},
    options=("missing",),
)
