"""Reports: a result drawn for people and for machines. They draw, they never compute.

Every output format is one small module with a function of the shape of `Reporter`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from faceaudit.result import Result


class Reporter(Protocol):
    """What every format offers: the result written to a file, whole or not at all."""

    def __call__(self, result: Result, path: Path | str) -> Path:
        """Write `result` to `path` and return the path."""
        ...
