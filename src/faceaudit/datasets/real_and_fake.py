"""Real and Fake Face Detection: photographs, and photographs retouched by hand."""

from __future__ import annotations

import re

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name

REGIONS = ("left eye", "right eye", "nose", "mouth")

_REAL = re.compile(r"real_\d{5}\.jpe?g", re.IGNORECASE)
# One published name, easy_116_111.jpg, has three marks: its regions are not known.
_FAKE = re.compile(r"(easy|mid|hard)_\d+_([01]{3,4})\.jpe?g", re.IGNORECASE)


class RealAndFake(Dataset):
    """Reads ``real_00001.jpg`` and ``easy_1_1110.jpg``."""

    id = "real-and-fake"
    title = "Real and Fake Face Detection"
    label = "real; the retouched photographs by --photoshopped-as"
    published = 2_041
    licence = "none stated"
    home = "https://www.kaggle.com/datasets/ciplab/real-and-fake-face-detection"
    layout = (
        "training_real/real_00001.jpg and training_fake/easy_1_1110.jpg (difficulty, number, "
        "and which of left eye, right eye, nose, mouth were replaced)"
    )
    tags = {
        "manipulation": "file name",
        "difficulty": "file name, by the publishers",
        "region": "file name",
    }
    takes = ("photoshopped_as",)

    def read(self, path: str) -> Tagged:
        name = base_name(path)
        if _REAL.fullmatch(name):
            return Tagged("real", {"manipulation": "none"})
        match = _FAKE.fullmatch(name)
        if match is None:
            raise Reject(
                "malformed name", "neither real_00001.jpg nor easy|mid|hard_number_0110.jpg"
            )
        if self.options.photoshopped_as == "skip":
            raise Reject(
                "photoshopped photograph",
                "neither an untouched photograph nor AI-generated; --photoshopped-as takes it in",
            )
        marks = match[2] if len(match[2]) == len(REGIONS) else "0000"
        replaced = [part for part, mark in zip(REGIONS, marks, strict=True) if mark == "1"]
        tags = {"manipulation": "photoshopped", "difficulty": match[1].lower()}
        return Tagged(
            self.options.photoshopped_as, {**tags, "region": " and ".join(replaced) or None}
        )


DATASET = RealAndFake
