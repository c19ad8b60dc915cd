"""UTKFace: age, gender and race stand in the file name."""

from __future__ import annotations

import re

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name
from faceaudit.wording import counted

GENDERS = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "Others")
MAX_AGE = 116

# Aligned crops end in .jpg.chip.jpg; the photographs in the wild (part1 to part3) in .jpg.
_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_(\d{17})\.jpg(\.chip\.jpg)?", re.IGNORECASE)
_SOURCE = "file name; by the publishers' own estimator (DEX), checked by people"


class UTKFace(Dataset):
    """Reads ``age_gender_race_date.jpg.chip.jpg``."""

    id = "utkface"
    title = "UTKFace"
    label = "real"
    published = 23_708
    licence = "non-commercial research only; copyright with the photographs' owners"
    home = "https://susanqq.github.io/UTKFace/"
    layout = (
        "UTKFace/25_1_2_20170116174525125.jpg.chip.jpg (age_gender_race_date), "
        "or part1/ part2/ part3/ of the photographs in the wild"
    )
    tags = dict.fromkeys(("age", "gender", "race"), _SOURCE)

    def read(self, path: str) -> Tagged:
        name = base_name(path)
        match = _NAME.fullmatch(name)
        if match is None:
            raise Reject("malformed name", _fault(name))
        age, gender, race = (int(part) for part in match.group(1, 2, 3))
        if age > MAX_AGE:
            raise Reject("malformed name", f"age {age} is above {MAX_AGE}, the set's highest")
        return Tagged("real", {"age": float(age), "gender": GENDERS[gender], "race": RACES[race]})


def _fault(name: str) -> str:
    """Say which part of a name breaks the pattern."""
    if any(character.isspace() for character in name):
        return "there is a blank in it"
    stem, dot, _ = name.partition(".")
    fields = stem.split("_")
    if len(fields) == 3 and len(fields[2]) > 1:
        return "the race field is missing"
    if len(fields) != 4:
        return f"{counted(len(fields), 'field')} where age_gender_race_date has 4"
    age, gender, race, date = fields
    if not re.fullmatch(r"[0-9]{1,3}", age):
        return f"age '{age}' is not a number of years"
    if gender not in ("0", "1"):
        return f"gender '{gender}' is neither 0 nor 1"
    if not re.fullmatch("[0-4]", race):
        return f"race '{race}' is not 0 to 4"
    if not dot or date.endswith("jpg"):
        return "the dot before jpg is missing"
    if not re.fullmatch(r"[0-9]{17}", date):
        return f"the date has {len(date)} digits or signs, not 17 digits"
    return "it does not end in .jpg.chip.jpg or .jpg"


DATASET = UTKFace
