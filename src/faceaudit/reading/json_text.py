"""JSON from elsewhere: what nests too deep is no fault of the program that reads it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

#: A text in JSON, or the rest if its end is missing. Nothing of it is tried twice.
_TEXT = rb'"(?:[^"\\]|\\.)*+(?:"|\Z)'
_KEY = re.compile(_TEXT + rb"(?=(\s*+:)?)", re.DOTALL)


def parse_json(text: str | bytes) -> Any:
    """Read JSON; `ValueError` if it is none, or nests too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("brackets within brackets, too deep to be read") from None


def depth(text: bytes) -> int:
    """Return how many brackets of JSON, or of lines of it, are open at once at the most."""
    bare = re.sub(_TEXT, b"", text, flags=re.DOTALL)
    brackets = np.frombuffer(bare.translate(None, bytes({*range(256)} - {*b"[]{}"})), np.uint8)
    opens = (brackets == ord("[")) | (brackets == ord("{"))
    return int(np.where(opens, 1, -1).cumsum().max(initial=0))


def n_keys(text: bytes) -> int:
    """Count the different keys of JSON, or of lines of it."""
    return len({found[0] for found in _KEY.finditer(text) if found[1]})
