"""Reasons to doubt a prediction that can be told from the picture alone."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.model.faces import face_finder, shows_face
from faceaudit.model.preprocess import Pixels
from faceaudit.web.uploads import Upload

#: A picture is said to be cut when less than this share of it is looked at.
_CUT = 0.8


def unlike_audited(upload: Upload, table: pa.Table | None) -> list[str]:
    """Say in which ways a picture is unlike those of an audit, whose error rates may not hold then.

    The rule is this simple: its short side lies outside their range, or it has a format that none
    of them had. A classifier of this kind reacts to size and compression.
    """
    if table is None or not {"width", "height", "format"} <= set(table.column_names):
        return []
    sides = pc.min_element_wise(table["width"], table["height"])
    smallest, largest = pc.min_max(sides).as_py().values()
    if smallest is None:
        return []
    short, unlike = min(upload.width, upload.height), []
    if not smallest <= short <= largest:
        unlike.append(f"its short side has {short:,} pixels, theirs {smallest:,} to {largest:,}")
    formats = sorted(pc.unique(table["format"]).drop_null().to_pylist())
    if upload.format not in (*formats, "MPO"):
        unlike.append(f"it is a {upload.format} file, theirs were {' or '.join(formats)}")
    if not unlike:
        return []
    return [
        f"Unlike the pictures of the audit: {' and '.join(unlike)}. The error rates may not "
        "hold for it."
    ]


def unfamiliar(distance: float | None, limit: float | None) -> list[str]:
    """Say so if a picture lies farther from the training pictures than is still familiar."""
    if distance is None or limit is None or distance <= limit:
        return []
    return [
        "Unlike the pictures that this model was trained on: to the model it is farther from them "
        "than 99\N{NARROW NO-BREAK SPACE}% of the pictures that it was checked on. A prediction on "
        "such a picture may be no better than a guess."
    ]


def cut(upload: Upload) -> list[str]:
    """Say so if much of a picture lies outside the centred square that is looked at."""
    seen = min(upload.width, upload.height) / max(upload.width, upload.height)
    if seen >= _CUT:
        return []
    return [f"Only the centred square is looked at, {seen:.0%} of the picture."]


def no_face(pixels: Pixels, content: bytes) -> list[str]:
    """Say so if no face is found; says nothing where no finder is installed."""
    finder = face_finder()
    if finder is None or shows_face(finder, pixels, content):
        return []
    return [
        "No face was found, so the prediction may mean nothing: the model was trained on faces "
        "alone. (The finder overlooks faces too, above all those that look to the side.)"
    ]
