"""Flickr-Faces-HQ, with the feature files that a face API estimated, one JSON a photograph."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from faceaudit.datasets import ffhq_metadata
from faceaudit.datasets.description import Dataset, Options, Reader, Tagged
from faceaudit.datasets.ledger import Entry, Reject
from faceaudit.datasets.sources import SideFiles, UnreadableError, base_name
from faceaudit.datasets.tagfiles import LISTED, Tags, TagTable, missing_tag_file, read_text

PUBLISHED = 70_000
GLASSES = {
    "NoGlasses": "none",
    "ReadingGlasses": "reading",
    "Sunglasses": "sunglasses",
    "SwimmingGoggles": "goggles",
}
EXPOSURES = {"underExposure": "under", "goodExposure": "good", "overExposure": "over"}
#: The API's degree of facial hair, 0 to 1, from which we call a face bearded.
HAIR_DEGREE = 0.5

_NUMBER = re.compile(r"(\d{5})\.(png|jpe?g|webp)", re.IGNORECASE)
_FEATURES = (
    "age",
    "gender",
    "glasses",
    "yaw",
    "pitch",
    "roll",
    "makeup",
    "facial_hair",
    "blur",
    "exposure",
)
_CREDITS = ("photo_licence", "photo_author", "split")
_API = "estimated by a face API (Microsoft), not by people"


class FFHQReader(Reader):
    """Reads ``00000.png`` below any folders, and ``00000.json`` below any others."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        self._features = {name[:5] for name in files.names(".json") if _is_feature_file(name)}
        if self._features:
            self.tags = {tag: DATASET.tags[tag] for tag in _FEATURES}
        self.use(_read_credits(files), DATASET.tags)
        self._seen: set[str] = set()
        self._no_face = 0
        self._faults: list[Entry] = []

    def read(self, path: str) -> Tagged:
        """Return what the photograph's feature file says."""
        match = _NUMBER.fullmatch(base_name(path))
        if match is None or int(match[1]) >= PUBLISHED:
            raise Reject("malformed name", f"not a photograph's number, 00000 to {PUBLISHED - 1}")
        number = match[1]
        if number in self._seen:
            raise Reject(
                "the same photograph again",
                f"number {number} is there in another size or crop; index one folder of them",
            )
        self._seen.add(number)
        tags = self._read_features(number) if self._features else {}
        return Tagged("real", tags | self.look_up(number))

    def _read_features(self, number: str) -> Tags:
        name = f"{number}.json"
        try:
            data = self.files.read(name)
            if data is None:
                self._faults.append(Entry(number, "remark", "image without tag", f"no {name}"))
                return {}
            faces = json.loads(data)
            if faces == []:
                self._no_face += 1
                return {}
            return _tags(faces[0]["faceAttributes"])
        except (UnreadableError, ValueError, KeyError, IndexError, TypeError, RecursionError) as e:
            fault = f"{type(e).__name__}: {e}"
            self._faults.append(Entry(name, "remark", "fault in a tag file", fault))
            return {}

    def remarks(self) -> Iterator[Entry]:
        """Say which feature files were faulty, missing, or without their photograph."""
        yield from super().remarks()
        if not self._features:
            yield missing_tag_file("json/00000.json", _FEATURES)
        if self._no_face:
            self.notes.append(
                f"In {self._no_face:,} photographs the face API found no face: their tags are empty"
            )
        yield from self._faults
        unused = sorted(self._features - self._seen)
        for number in unused[:LISTED]:
            yield Entry(f"{number}.json", "remark", "tag without image")
        if len(unused) > LISTED:
            further = f"and {len(unused) - LISTED:,} further files"
            yield Entry("features/json", "remark", "tag without image", further)


def _read_credits(files: SideFiles) -> TagTable | None:
    """Read who took each photograph, and under which licence it may be used."""
    table = TagTable(ffhq_metadata.NAME, _CREDITS)
    text = read_text(files, table)
    if text is None:
        return table if table.problems else None
    number = "00000"
    try:
        for number, entry in ffhq_metadata.entries(text):
            table.add(number, ffhq_metadata.credit(entry), f"entry {number}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        table.remark(f"after entry {number}", f"{type(error).__name__}: {error}")
    return table


def _is_feature_file(name: str) -> bool:
    return len(name) == 10 and name[:5].isdigit()


def _tags(face: dict[str, Any]) -> Tags:
    pose, hair, makeup = face["headPose"], face["facialHair"], face["makeup"]
    worn = [part for part, key in (("eyes", "eyeMakeup"), ("lips", "lipMakeup")) if makeup[key]]
    beard = [kind for kind in ("beard", "moustache") if float(hair[kind]) >= HAIR_DEGREE]
    return {
        "age": float(face["age"]),
        "gender": {"female": "female", "male": "male"}[face["gender"]],
        "glasses": GLASSES[face["glasses"]],
        "yaw": float(pose["yaw"]),
        "pitch": float(pose["pitch"]),
        "roll": float(pose["roll"]),
        "makeup": " and ".join(worn) or "none",
        "facial_hair": beard[0] if beard else "none",
        "blur": str(face["blur"]["blurLevel"]),
        "exposure": EXPOSURES[face["exposure"]["exposureLevel"]],
    }


DATASET = Dataset(
    id="ffhq",
    title="Flickr-Faces-HQ",
    label="real",
    published=PUBLISHED,
    licence="CC BY-NC-SA 4.0 as a set; each photograph under its own CC BY, CC BY-NC, PDM, CC0 "
    "or US government terms",
    home="https://github.com/NVlabs/ffhq-dataset",
    layout="images1024x1024/00000/00000.png or thumbnails128x128/00000/00000.png or a flat "
    "folder; features of DCGM's ffhq-features-dataset as json/00000.json",
    reader=FFHQReader,
    tags={
        **dict.fromkeys(_FEATURES, _API),
        "makeup": f"eye and lip make-up, {_API}",
        "facial_hair": f"beard or moustache of degree {HAIR_DEGREE} or more, {_API}",
        **dict.fromkeys(_CREDITS, f"{ffhq_metadata.NAME}, by the publishers"),
    },
)
