"""FHIBE: photographs of people who consented, with what they say of themselves.

Its tables (``data/processed``) repeat the annotations with 50 kB a row, and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import LedgerEntry, Reject, first_ones, remark
from faceaudit.datasets.sources import UnreadableError, base_name
from faceaudit.datasets.tagfiles import Tags, self_reported
from faceaudit.reading.json_text import parse_json
from faceaudit.tags.base import SKIN_TYPES, TagValue
from faceaudit.tags.vocabulary import standard

#: In which forms the set holds a photograph, the one that is indexed first.
FORMS = ("faces_crop_and_align", "faces_crop_only", "main")
REGIONS = {"Africa", "Americas", "Asia", "Europe", "Oceania"}
#: The colours that people chose from, lightest first, as the publishers match them to skin types.
COLOURS = (
    *("[198, 180, 157]", "[189, 163, 137]", "[175, 148, 120]"),
    *("[164, 131, 103]", "[136, 105, 81]", "[102, 78, 65]"),
)

_NAME = re.compile(rf"({'|'.join(FORMS)})_([^_]+)(?:_([^_]+))?\.(?i:png|jpe?g)")
_NUMBERED = re.compile(r"^\d+\. ?")
_FAULTS = (ValueError, KeyError, TypeError, AttributeError)
_SELF = "self-reported by the person pictured"


def _words(answer: object) -> list[object]:
    """Return the answers to a question without their numbers, ``5. Brown``."""
    answers = answer if isinstance(answer, list) else [answer]
    return [_NUMBERED.sub("", word) if isinstance(word, str) else word for word in answers]


def _answer(field: str) -> Callable[[Mapping[str, Any]], TagValue]:
    return lambda person: self_reported(_words(person[field]))


def _ancestry(regions: bool) -> Callable[[Mapping[str, Any]], TagValue]:
    """Return what reads regions, or subregions, of one list of both."""
    return lambda person: self_reported(
        [word for word in _words(person["ancestry"]) if (word in REGIONS) is regions]
    )


def _skin_type(field: str) -> Callable[[Mapping[str, Any]], TagValue]:
    return lambda person: SKIN_TYPES[COLOURS.index(str(_words(person[field])[0]))]


def _facial_hair(person: Mapping[str, Any]) -> TagValue:
    worn = set(_words(person["facial_hairstyle"]))
    if not worn <= {"None", "Beard", "Mustache", "Goatee"}:
        raise ValueError(f"{person['facial_hairstyle']!r} is no facial hair")
    return "beard" if worn & {"Beard", "Goatee"} else "moustache" if "Mustache" in worn else "none"


#: Tag -> what it is made of.
_READERS: dict[str, Callable[[Mapping[str, Any]], TagValue]] = {
    "age": lambda person: person["age"],
    "pronoun": _answer("pronoun"),
    "ancestry": _ancestry(True),
    "ancestry_subregion": _ancestry(False),
    "skin_type": _skin_type("natural_skin_color"),
    "apparent_skin_type": _skin_type("apparent_skin_color"),
    "hair_type": _answer("apparent_hair_type"),
    "facial_hair": _facial_hair,
    "country": _answer("location_country"),
}


class FHIBE(Dataset):
    """Reads one form of each photograph, and ``main_annos_IMAGE.json`` for who is in it."""

    id = "fhibe"
    title = "Fair Human-Centric Image Benchmark"
    label = "real"
    licence = (
        "Sony AI's own licence: evaluation only, no training but of bias detection or "
        "mitigation; who is pictured may withdraw, so use the newest version"
    )
    home = "https://fairnessbenchmark.ai.sony"
    layout = (
        "SUBJECT/IMAGE/faces_crop_and_align_IMAGE_SUBJECT.png, or without such files "
        "faces_crop_only_IMAGE_SUBJECT.png, or main_IMAGE.png; main_annos_IMAGE.json"
    )
    layout_from = "the publishers' evaluation API and of two public loaders"
    tags = {
        **dict.fromkeys(_READERS, _SELF),
        "skin_type": f"Fitzpatrick type of the natural skin colour, {_SELF}",
        "apparent_skin_type": f"Fitzpatrick type of the skin colour in the picture, {_SELF}",
        "country": f"where the photograph was taken, {_SELF}, in their spelling",
        "person": "subject number, by the publishers",
    }

    def open(self) -> None:
        super().open()
        names = self.files.names(".json")
        there = [form for form in FORMS if any(n.startswith(f"{form}_annos_") for n in names)]
        self._form = next(iter(there), "main")
        self._faults: list[LedgerEntry] = []
        self._several = 0
        self.notes.append(f"Indexed are the files called {self._form}_…, one form a photograph.")

    def read(self, path: str) -> Tagged:
        name = base_name(path)
        match = _NAME.fullmatch(name)
        if match is None:
            raise Reject("malformed name", f"it is not {'_…, '.join(FORMS)}_… .png")
        if match[1] != self._form:
            raise Reject("another form of a photograph", f"those called {self._form}_… are indexed")
        people = self._people(f"main_annos_{match[2]}.json", match[3])
        read = [self._tags(match[2], person) for person in people] or [{}]
        self._several += len(read) > 1
        # Of two people in one photograph only that is said which holds for both.
        tags = {tag: v for tag, v in read[0].items() if all(one.get(tag) == v for one in read)}
        return Tagged("real", tags | {"person": match[3] or read[0].get("person")})

    def _people(self, name: str, subject: str | None) -> list[Mapping[str, Any]]:
        """Return what the annotations say of the people in a picture, or of the one asked for."""
        try:
            data = self.files.read(name)
            if data is None:
                self._faults.append(remark(name, "image without tag", "there is no such file"))
                return []
            held = parse_json(data)
            people = [held["image_annotation"] | one for one in held["subject_annotation"]]
            people = [one for one in people if subject in (None, one["subject_id"])]
        except (UnreadableError, *_FAULTS) as error:
            self._fault(name, error)
            return []
        if any(str(one.get("consent", True)).lower() != "true" for one in people):
            raise Reject("no consent", f"{name} does not say that it was given")
        return people

    def _tags(self, image: str, person: Mapping[str, Any]) -> Tags:
        tags: Tags = {"person": str(person["subject_id"])}
        for tag, read in _READERS.items():
            try:
                tags[tag] = standard(tag, read(person))
            except _FAULTS as error:
                self._fault(f"main_annos_{image}.json", error, f"{tag} is left empty: ")
        return tags

    def _fault(self, name: str, error: Exception, what: str = "") -> None:
        fault = f"{what}{type(error).__name__}: {error}"
        self._faults.append(remark(name, "fault in a tag file", fault))

    def remarks(self) -> Iterator[LedgerEntry]:
        yield from super().remarks()
        for reason in ("image without tag", "fault in a tag file"):
            entries = [entry for entry in self._faults if entry.reason == reason]
            yield from first_ones(entries, len(entries), "main_annos_….json", "file")
        if self._several:
            self.notes.append(
                f"{self._several:,} of the photographs show several people: the tags on which "
                "they differ are empty, and person is the first of them."
            )


DATASET = FHIBE
