"""The pictures of manifests that a model learns from, each decoded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.image_reader import PictureReader, read_batches, rows_of
from faceaudit.model.preprocess import square_pixels
from faceaudit.model.split import contradicted
from faceaudit.tables import ManifestInfo, read_manifests

if TYPE_CHECKING:
    from rich.progress import Progress

    from faceaudit.model.preprocess import Pixels


@dataclass(frozen=True)
class Decoded:
    """Pictures: row i of `table`, with its ``sha256``, is picture i of `pixels`."""

    table: pa.Table
    pixels: Pixels
    left_out: Counter[str]


def read_training(
    paths: Sequence[Path | str],
) -> tuple[pa.Table, ManifestInfo, dict[str, str]]:
    """Put manifests together; also return their names and hashes, for the record.

    Raises
    ------
    FaceAuditError
        As `faceaudit.tables.read_manifests`.
    """
    manifest = read_manifests(paths)
    wanted = ("image", "label", "dataset", "person", "sha256")
    table = manifest.table.select([name for name in wanted if name in manifest.table.column_names])
    return table, manifest.info, {path.stem: sha256_of(path) for path in map(Path, paths)}


def decode(
    table: pa.Table, info: ManifestInfo, path: Path, size: int, workers: int, bars: Progress
) -> Decoded:
    """Decode every picture once, into a memory map at `path`, and leave out what is no use.

    Raises
    ------
    FaceAuditError
        If no picture can be read.
    """
    reader = PictureReader(info, partial(square_pixels, size=size))
    pixels = np.memmap(path, np.uint8, "w+", shape=(len(table), size, size, 3))
    kept: list[int] = []
    sha256: list[str | None] = []
    left_out: Counter[str] = Counter()
    task = bars.add_task("reading images", total=len(table))
    for position, picture in enumerate(
        picture for batch in read_batches(reader, rows_of(table), 256, workers) for picture in batch
    ):
        bars.advance(task)
        if picture.pixels is None:
            left_out[picture.status] += 1
            continue
        pixels[len(kept)] = picture.pixels
        kept.append(position)
        sha256.append(picture.sha256)
    bars.remove_task(task)
    if not kept:
        raise FaceAuditError("none of the images in the manifests could be read")
    table = table.take(kept)
    if "sha256" in table.column_names:
        table = table.drop_columns("sha256")
    table = table.append_column("sha256", pa.array(sha256, pa.string()))
    both = contradicted(table)
    if both.any():
        left_out["the same file labelled both real and ai"] = int(both.sum())
        good = np.flatnonzero(~both)
        for to, origin in enumerate(good):
            pixels[to] = pixels[origin]
        table, kept = table.take(good), kept[: len(good)]
    return Decoded(table, pixels[: len(kept)], left_out)
