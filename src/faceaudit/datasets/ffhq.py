"""Flickr-Faces-HQ, with the feature files that a face API estimated, one JSON a photograph.

``ffhq-dataset-v2.json`` has each photograph's licence, author and 68 landmarks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from typing import Any

import numpy as np

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import LedgerEntry, Reject, first_ones, remark
from faceaudit.datasets.sources import UnreadableError, base_name
from faceaudit.datasets.tagfiles import TagFile, Tags, open_tag_file
from faceaudit.errors import FaceAuditError
from faceaudit.reading.json_text import parse_json
from faceaudit.tags.base import TagValue
from faceaudit.tags.landmarks import Points, Published
from faceaudit.tags.vocabulary import standard
from faceaudit.wording import counted

PUBLISHED = 70_000
METADATA = "ffhq-dataset-v2.json"
#: The API's words, and ours. A word that is not known is kept as it is.
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
_FEATURES = re.compile(r"(\d{5})\.json", re.IGNORECASE)
_KEY = re.compile(r'\s*[{,]\s*"(\d+)"\s*:\s*')
_END = re.compile(r"\s*[{]?\s*[}]")
_CREDITS = ("photo_licence", "photo_author", "split")
_FAULTS = (ValueError, KeyError, IndexError, TypeError)
_API = "estimated by a face API (Microsoft), not by people"


def _number(*path: str) -> Callable[[Any], TagValue]:
    """Return what finds the number at a place in the features of a face."""
    return lambda face: reduce(getitem, path, face)


def _word(*path: str) -> Callable[[Any], TagValue]:
    """Return what finds the word at a place in the features of a face, and says it in ours."""

    def read(face: Any) -> TagValue:
        word = reduce(getitem, path, face)
        if not isinstance(word, str):
            raise TypeError(f"{word!r} is no word")
        return (GLASSES | EXPOSURES).get(word, word)

    return read


def _makeup(face: Any) -> str:
    worn = [part for part in ("eye", "lip") if face["makeup"][f"{part}Makeup"]]
    return " and ".join(f"{part}s" for part in worn) or "none"


def _facial_hair(face: Any) -> str:
    hair = face["facialHair"]
    worn = [kind for kind in ("beard", "moustache") if float(hair[kind]) >= HAIR_DEGREE]
    return worn[0] if worn else "none"


#: Tag -> what it is made of.
_READERS: dict[str, Callable[[Any], TagValue]] = {
    "age": _number("age"),
    "gender": _word("gender"),
    "glasses": _word("glasses"),
    **{angle: _number("headPose", angle) for angle in ("yaw", "pitch", "roll")},
    "makeup": _makeup,
    "facial_hair": _facial_hair,
    "blur": _word("blur", "blurLevel"),
    "exposure": _word("exposure", "exposureLevel"),
}


class FFHQ(Dataset):
    """Reads ``00000.png`` below any folders, and ``00000.json`` below any others."""

    id = "ffhq"
    title = "Flickr-Faces-HQ"
    label = "real"
    published = PUBLISHED
    licence = (
        "CC BY-NC-SA 4.0 as a set; each photograph under its own CC BY, CC BY-NC, PDM, CC0 "
        "or US government terms"
    )
    home = "https://github.com/NVlabs/ffhq-dataset"
    layout = (
        "images1024x1024/00000/00000.png or thumbnails128x128/00000/00000.png or a flat "
        "folder; features of DCGM's ffhq-features-dataset as json/00000.json"
    )
    tags = {
        **dict.fromkeys(_READERS, _API),
        "makeup": f"eye and lip make-up, {_API}",
        "facial_hair": f"beard or moustache of degree {HAIR_DEGREE} or more, {_API}",
        **dict.fromkeys(_CREDITS, f"{METADATA}, by the publishers"),
    }

    def open(self) -> None:
        names = self.files.names(".json")
        self._features = {name[:5] for name in names if _FEATURES.fullmatch(name)}
        if self._features:
            self.files.used.update(f"{number}.json" for number in self._features)
            self.given = {tag: self.tags[tag] for tag in _READERS}
        metadata = open_tag_file(self.files, METADATA, _CREDITS)
        if metadata.data:
            _read_credits(metadata)
        self.use(metadata)
        self._seen: set[str] = set()
        self._no_face = 0
        self._faults: list[LedgerEntry] = []

    def read(self, path: str) -> Tagged:
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
                self._faults.append(remark(number, "image without tag", f"no {name}"))
                return {}
            faces = parse_json(data)
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
                tags[tag] = standard(tag, read(face))
            except _FAULTS as error:
                self._fault(name, error, f"{tag} is left empty: ")
        return tags

    def _fault(self, name: str, error: Exception, what: str = "") -> None:
        fault = f"{what}{type(error).__name__}: {error}"
        self._faults.append(remark(name, "fault in a tag file", fault))

    def remarks(self) -> Iterator[LedgerEntry]:
        if not self._features:
            self.lacks("json/00000.json", *_READERS)
        yield from super().remarks()
        if self._no_face:
            self.notes.append(
                f"In {counted(self._no_face, 'photograph')} the face API found no "
                "face: no tag is known"
            )
        yield from self._faults
        unused = sorted(self._features - self._seen)
        entries = (remark(f"{number}.json", "tag without image") for number in unused)
        yield from first_ones(entries, len(unused), "features/json", "file")

    def landmarks(self) -> Published | None:
        data = open_tag_file(self.files, METADATA).data
        return published_landmarks(data) if data else None


def published_landmarks(data: bytes) -> Published:
    """Read the landmarks in ``ffhq-dataset-v2.json``, or raise `FaceAuditError`."""
    points: dict[str, Points] = {}
    try:
        for number, entry in entries(data.decode()):
            found = np.asarray(entry["image"]["face_landmarks"], dtype=float)
            if found.shape != (68, 2) or not np.isfinite(found).all():
                raise ValueError(f"{found.shape} landmarks where there should be 68 points")
            points[number] = found
    except (ValueError, KeyError, TypeError) as error:
        raise FaceAuditError(f"{METADATA}: not FFHQ's metadata ({error})") from None
    return Published(
        "the landmarks that FFHQ publishes", lambda path: points.get(base_name(path)[:5])
    )


def _read_credits(table: TagFile) -> None:
    """Read who took each photograph, and under which licence it may be used."""
    number = "00000"
    try:
        for number, entry in entries(table.data.decode()):
            photo = entry["metadata"]
            tags: Tags = {
                "photo_licence": str(photo["license"]),
                "photo_author": str(photo["author"]),
                "split": str(entry["category"]),
            }
            table.add(number, tags, f"entry {number}")
    except (ValueError, KeyError, TypeError) as error:
        table.remark(f"after entry {number}", f"{type(error).__name__}: {error}")
    table.data = b""


def entries(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the members of one large JSON object one by one, each photograph's five digits first.

    The published file is 255 MB; as Python objects all at once it would take several GB.

    Raises
    ------
    ValueError
        If the text is not of the form ``{"0": {…}, "1": {…}, …}``.
    """
    decoder, position = json.JSONDecoder(), 0
    while key := _KEY.match(text, position):
        entry, position = decoder.raw_decode(text, key.end())
        yield f"{int(key[1]):05d}", entry
    if not _END.match(text, position):
        raise ValueError(f"neither an entry nor an end at character {position}")


DATASET = FFHQ
