"""Reasons to doubt a prediction that can be told from the picture alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.model.faces import face_finder

if TYPE_CHECKING:
    from faceaudit.model.preprocess import Pixels
    from faceaudit.web.detectors import Judged
    from faceaudit.web.uploads import Upload

#: A picture is said to be cut when less than this share of it is looked at.
_CUT = 0.8


@dataclass(frozen=True)
class Delivery:
    """How the pictures of an audit were delivered: the range that its error rates hold for.

    The shortest and the longest short side of the audited pictures in pixels, and their formats.
    """

    smallest: int
    largest: int
    formats: frozenset[str]

    @classmethod
    def of(cls, table: pa.Table | None) -> Delivery | None:
        """Read it from a scores table; None if that does not say."""
        if table is None or not {"width", "height", "format"} <= set(table.column_names):
            return None
        short = pc.min_max(pc.min_element_wise(table["width"], table["height"])).as_py()
        if short["min"] is None:
            return None
        formats = pc.unique(table["format"]).drop_null().to_pylist()
        return cls(short["min"], short["max"], frozenset(formats))

    def caveats(self, upload: Upload) -> list[str]:
        """Say in which ways a picture is unlike the audited ones; empty if in none.

        The rule is this simple: its short side lies outside their range, or it has a format
        that none of them had. A classifier of this kind reacts to size and compression.
        """
        short, unlike = min(upload.width, upload.height), []
        if not self.smallest <= short <= self.largest:
            unlike.append(
                f"its short side has {short:,} pixels, theirs {self.smallest:,} to {self.largest:,}"
            )
        if upload.format not in self.formats and upload.format != "MPO":
            theirs = " or ".join(sorted(self.formats))
            unlike.append(f"it is a {upload.format} file, theirs were {theirs}")
        if not unlike:
            return []
        return [
            f"Unlike the pictures of the audit: {' and '.join(unlike)}. The error rates may not "
            "hold for it."
        ]


def unfamiliar(judged: Judged) -> list[str]:
    """Say so if a picture is unlike the model's training pictures, as `Familiarity` measures it."""
    if judged.distance is None or judged.limit is None or judged.distance <= judged.limit:
        return []
    return [
        "Unlike the pictures that this model was trained on: to the model it is farther from them "
        "than 99\N{NARROW NO-BREAK SPACE}% of the pictures that it was checked on. A verdict on "
        "such a picture may be no better than a guess."
    ]


def cut(upload: Upload) -> list[str]:
    """Say so if much of a picture lies outside the centred square that is looked at."""
    seen = min(upload.width, upload.height) / max(upload.width, upload.height)
    if seen >= _CUT:
        return []
    return [f"Only the centred square is looked at, {seen:.0%} of the picture."]


def no_face(pixels: Pixels) -> list[str]:
    """Say so if no face is found; says nothing where no finder is installed."""
    finder = face_finder()
    if finder is None or finder(pixels):
        return []
    return [
        "No face was found, so the verdict may mean nothing: the model was trained on faces "
        "alone. (The finder overlooks faces too, above all those that look to the side.)"
    ]
