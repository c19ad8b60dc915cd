"""``ffhq-dataset-v2.json``: each FFHQ photograph's licence, author and 68 landmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json import JSONDecoder
from typing import Any

import numpy as np
import numpy.typing as npt

from faceaudit.datasets.tagfiles import Tags

NAME = "ffhq-dataset-v2.json"
#: Side in pixels of the images that the landmarks are given for.
LANDMARK_SIDE = 1024


def entries(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the members of one large JSON object one by one.

    The published file is 255 MB; as Python objects all at once it would take several GB.

    Parameters
    ----------
    text : str
        ``{"0": {…}, "1": {…}, …}``

    Yields
    ------
    number : str
        A photograph's five digits.
    entry : dict

    Raises
    ------
    ValueError
        If the text is not of that form.
    """
    decoder = JSONDecoder()
    position = _expect(text, 0, "{")
    while True:
        key, position = decoder.raw_decode(text, _skip_blanks(text, position))
        position = _expect(text, position, ":")
        entry, position = decoder.raw_decode(text, _skip_blanks(text, position))
        yield f"{int(key):05d}", entry
        position = _skip_blanks(text, position)
        if text[position : position + 1] == "}":
            return
        position = _expect(text, position, ",")


def credit(entry: dict[str, Any]) -> Tags:
    """Return a photograph's licence, author and part of the publishers' partition."""
    photo = entry["metadata"]
    return {
        "photo_licence": str(photo["license"]),
        "photo_author": str(photo["author"]),
        "split": str(entry["category"]),
    }


def landmarks(entry: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Return a photograph's landmarks, shape (68, 2), in pixels of the 1024 x 1024 image."""
    points = np.asarray(entry["image"]["face_landmarks"], dtype=float)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise ValueError(f"{points.shape} landmarks where there should be 68 points")
    return points


def _skip_blanks(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _expect(text: str, position: int, sign: str) -> int:
    position = _skip_blanks(text, position)
    if text[position : position + 1] != sign:
        raise json.JSONDecodeError(f"'{sign}' expected", text, position)
    return position + 1
