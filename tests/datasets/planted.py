"""Small drawn images, planted in the layouts in which the publishers ship their sets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

from faceaudit import pictures
from faceaudit.datasets.rejects import LedgerEntry

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"} | (
    {".avif": "AVIF"} if "AVIF" in pictures.FORMATS else {}
)


def draw(seed: int = 0, suffix: str = ".jpg", size: tuple[int, int] = (24, 20)) -> bytes:
    """Bytes of an image of noise: no two seeds give the same."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, FORMATS[suffix])
    return buffer.getvalue()


def plant(root: Path, *names: str, start: int = 0) -> Path:
    """Draw an image, each its own, at every one of `names` below `root`."""
    for seed, name in enumerate(names, start=start):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw(seed, path.suffix.lower()))
    return root


def read_ledger(path: Path) -> list[LedgerEntry]:
    """The rows of a reject ledger."""
    with path.open(encoding="utf-8", newline="") as file:
        # An apostrophe keeps a spreadsheet from running a cell.
        rows = [
            {of: cell.removeprefix("'") for of, cell in row.items()} for row in csv.DictReader(file)
        ]
        return [LedgerEntry(**row) for row in rows]
