"""Pictures that tests draw themselves, with a difference that a tiny network can learn."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from faceaudit.schema import DatasetInfo, ManifestInfo
from faceaudit.tables import write_table

SIDE = 48


def draw(rng: np.random.Generator, label: str) -> Image.Image:
    """Noise with a smooth blob; AI-generated ones are tinted green, by chance more or less."""
    pixels = rng.normal(110, 30, (SIDE, SIDE, 3))
    y, x = np.mgrid[:SIDE, :SIDE] - rng.uniform(15, 33, (2, 1, 1))
    pixels += 80 * np.exp(-(x**2 + y**2) / 150)[..., None]
    if label == "ai":
        pixels[..., 1] += rng.uniform(15, 60)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return a picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


#: How a picture is stored that EXIF's orientation of that number turns upright.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encode_turned(
    image: Image.Image, orientation: int, kind: str = "PNG", **options: object
) -> bytes:
    """Return a picture as the bytes of a file that is upright only once its EXIF is obeyed."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image.transpose(_STORED[orientation]), kind, exif=exif, **options)


def draw_dataset(folder: Path, n_real: int = 60, n_ai: int = 60, seed: int = 0) -> Path:
    """Draw pictures below `folder` and return the path of their manifest."""
    rng = np.random.default_rng(seed)
    names, labels = [], []
    for label, n in (("real", n_real), ("ai", n_ai)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            names.append(f"{label}/{i}.png")
            labels.append(label)
            draw(rng, label).save(folder / names[-1])
    return write_manifest(folder, names, labels)


def write_manifest(
    folder: Path, names: list[str], labels: list[str], **tags: list[str | None]
) -> Path:
    """Write a manifest of files below `folder`, which need not exist."""
    columns = {"image": names, "label": labels, "dataset": ["drawn"] * len(names), **tags}
    info = ManifestInfo(
        datasets={"drawn": DatasetInfo(root=str(folder), indexed=len(names))},
        tag_sources={tag: {"drawn": "drawn by the test"} for tag in tags},
    )
    return write_table(folder / "manifest.parquet", pa.table(columns), info)
