"""Flickr-Faces-HQ, with the feature files that a face API estimated, one JSON a photograph."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from faceaudit.datasets import ffhq_metadata
from faceaudit.datasets.base import Dataset, Options, Reader, Tagged
from faceaudit.datasets.rejects import Entry, Reject
from faceaudit.datasets.sources import SideFiles, UnreadableError, base_name
from faceaudit.datasets.tagfiles import (
    LISTED,
    Tags,
    TagTable,
    TagValue,
    missing_tag_file,
    read_text,
)
from faceaudit.tags.vocabulary import standard
from faceaudit.wording import counted

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
_CREDITS = ("photo_licence", "photo_author", "split")
_FAULTS = (ValueError, KeyError, IndexError, TypeError, RecursionError)
_API = "estimated by a face API (Microsoft), not by people"


class FFHQReader(Reader):
    """Reads ``00000.png`` below any folders, and ``00000.json`` below any others."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        self._features = {name[:5] for name in files.names(".json") if _is_feature_file(name)}
        if self._features:
            files.used.update(f"{number}.json" for number in self._features)
            self.tags = {tag: DATASET.tags[tag] for tag in _READERS}
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
            face = faces[0]["faceAttributes"]
        except (UnreadableError, *_FAULTS) as error:
            self._fault(name, error)
            return {}
        tags: Tags = {}
        for tag, read in _READERS.items():
            try:
                tags[tag] = read(face)
            except _FAULTS as error:
                self._fault(name, error, f"{tag} is left empty: ")
        return tags

    def _fault(self, name: str, error: Exception, what: str = "") -> None:
        fault = f"{what}{type(error).__name__}: {error}"
        self._faults.append(Entry(name, "remark", "fault in a tag file", fault))

    def remarks(self) -> Iterator[Entry]:
        """Say which feature files were faulty, missing, or without their photograph."""
        yield from super().remarks()
        if not self._features:
            yield missing_tag_file("json/00000.json", _READERS)
        if self._no_face:
            self.notes.append(
                f"In {counted(self._no_face, 'photograph')} the face API found no "
                "face: no tag is known"
            )
        yield from self._faults
        unused = sorted(self._features - self._seen)
        for number in unused[:LISTED]:
            yield Entry(f"{number}.json", "remark", "tag without image")
        if len(unused) > LISTED:
            further = len(unused) - LISTED
            told = f"and {counted(further, 'further file')}"
            yield Entry("features/json", "remark", "tag without image", told, further)


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


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no word")
    return value


def _makeup(face: Any) -> str:
    worn = [
        part for part, key in (("eyes", "eyeMakeup"), ("lips", "lipMakeup")) if face["makeup"][key]
    ]
    return " and ".join(worn) or "none"


def _facial_hair(face: Any) -> str:
    hair = face["facialHair"]
    worn = [kind for kind in ("beard", "moustache") if float(hair[kind]) >= HAIR_DEGREE]
    return worn[0] if worn else "none"


def _exposure(face: Any) -> str:
    level = _word(face["exposure"]["exposureLevel"])
    return EXPOSURES.get(level, level)


def _pose(angle: str, face: Any) -> TagValue:
    return standard(angle, face["headPose"][angle])


#: Tag -> what it is made of. A word that is not known is kept as it is.
_READERS: dict[str, Callable[[Any], TagValue]] = {
    "age": lambda face: standard("age", face["age"]),
    "gender": lambda face: standard("gender", _word(face["gender"])),
    "glasses": lambda face: GLASSES.get(_word(face["glasses"]), face["glasses"]),
    "yaw": partial(_pose, "yaw"),
    "pitch": partial(_pose, "pitch"),
    "roll": partial(_pose, "roll"),
    "makeup": _makeup,
    "facial_hair": _facial_hair,
    "blur": lambda face: standard("blur", _word(face["blur"]["blurLevel"])),
    "exposure": _exposure,
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
        **dict.fromkeys(_READERS, _API),
        "makeup": f"eye and lip make-up, {_API}",
        "facial_hair": f"beard or moustache of degree {HAIR_DEGREE} or more, {_API}",
        **dict.fromkeys(_CREDITS, f"{ffhq_metadata.NAME}, by the publishers"),
    },
)
