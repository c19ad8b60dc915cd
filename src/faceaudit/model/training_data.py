"""The pictures of manifests that a model learns from, each decoded once."""

from __future__ import annotations

import math
import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Pixels, square_pixels
from faceaudit.model.split import contradicted
from faceaudit.schema import CLUSTER_COLUMNS
from faceaudit.tables import Manifest

if TYPE_CHECKING:
    from rich.progress import Progress


@dataclass(frozen=True)
class Decoded:
    """Pictures: row i of `table`, with its ``sha256``, is picture i of `pixels`."""

    table: pa.Table
    pixels: Pixels
    left_out: Counter[str]


def room_for(pictures: int, size: int) -> Pixels:
    """Return an array on disk, shape (pictures, size, size, 3), that ends with this process.

    It has no name that it could be found under, whatever the end.

    Raises
    ------
    FaceAuditError
        If there is not enough room.
    """
    shape = (pictures, size, size, 3)
    with tempfile.TemporaryFile(prefix="faceaudit-") as file:
        try:
            if hasattr(os, "posix_fallocate"):  # without room a page that is written to is fatal
                os.posix_fallocate(file.fileno(), 0, math.prod(shape))
        except OSError as error:
            raise FaceAuditError(
                f"{tempfile.gettempdir()}: no room for {math.prod(shape) / 2**20:,.0f} MB of "
                f"decoded pictures ({error.strerror}); name another folder in TMPDIR"
            ) from None
        return np.memmap(file, np.uint8, "r+", shape=shape)


def decode(
    manifest: Manifest,
    images: StoredImages,
    size: int,
    workers: int,
    bars: Progress,
    columns: tuple[str, ...] = (),
) -> Decoded:
    """Decode every picture of `images` once, to disk, and leave out what is no use.

    The table gets these `columns` besides those that training always needs.

    Raises
    ------
    FaceAuditError
        If no picture can be read.
    """
    given = manifest.table
    wanted = dict.fromkeys(("image", "label", "dataset", *CLUSTER_COLUMNS, *columns))
    table = given.select([name for name in wanted if name in given.column_names])
    pixels = room_for(len(table), size)
    kept: list[int] = []
    sha256: list[str | None] = []
    left_out: Counter[str] = Counter()
    how = partial(square_pixels, size=size)
    pictures = read_pictures(given, images, how, workers=workers, ahead=512)
    for position, picture in enumerate(
        bars.track(pictures, len(table), description="reading images")
    ):
        if picture.pixels is None:
            left_out[picture.status] += 1
            continue
        pixels[len(kept)] = picture.pixels
        kept.append(position)
        sha256.append(picture.sha256)
    if not kept:
        raise FaceAuditError("none of the images in the manifests could be read")
    table = table.take(kept).append_column("sha256", pa.array(sha256, pa.string()))
    both = contradicted(table)
    if both.any():
        left_out["the same file labelled both real and ai"] = int(both.sum())
        good = np.flatnonzero(~both)
        for to, origin in enumerate(good):
            pixels[to] = pixels[origin]
        table = table.take(good)
    return Decoded(table, pixels[: len(table)], left_out)
