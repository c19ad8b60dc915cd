"""Documents whose examples are run: their blocks of code, and the files that they show."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


def blocks(document: Path) -> list[tuple[str, str, str]]:
    """Language, file name (or nothing) and text of every block of a document."""
    return _BLOCK.findall(document.read_text("utf-8"))


def write_files(document: Path, folder: Path) -> None:
    """Write the files that a document shows into a folder."""
    for _, name, text in blocks(document):
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
