"""Thumbnails for galleries: small, few, and only from folders that are at hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from faceaudit.result import Gallery, GalleryItem, Result
from faceaudit.tables import DatasetInfo

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 48
SIDE = 112


def add_thumbnails(result: Result) -> int:
    """Put thumbnails into the galleries of a result, in place.

    Parameters
    ----------
    result : Result
        Each `GalleryItem` is looked for below the root that its data set names.

    Returns
    -------
    int
        How many were added: at most `LARGEST`, each at most `SIDE` pixels wide and high.
    """
    datasets = {name: info for summary in result.scores for name, info in summary.datasets.items()}
    added = 0
    for item in _gallery_items(result):
        if added == LARGEST:
            break
        if data := _thumbnail(item, datasets.get(item.dataset)):
            item.thumbnail = data
            added += 1
    return added


def data_uri(image: Image.Image, kind: Literal["JPEG", "PNG"], quality: int = 85) -> str:
    """Return a picture as text that a page can hold; `quality` is a JPEG's."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _gallery_items(result: Result) -> Iterator[GalleryItem]:
    for check in result.checks:
        for detail in check.details:
            if isinstance(detail, Gallery):
                yield from detail.items


def _thumbnail(item: GalleryItem, dataset: DatasetInfo | None) -> str | None:
    from PIL import ImageOps

    from faceaudit.pictures import open_picture

    if dataset is None or dataset.root is None:
        return None
    root = Path(dataset.root).resolve()
    path = (root / item.image).resolve()
    # A scores table from elsewhere must not make a report show files outside the data set.
    if not path.is_relative_to(root) or not path.is_file():
        return None
    try:
        with open_picture(path.read_bytes()) as image:
            image.draft("RGB", (SIDE, SIDE))
            small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((SIDE, SIDE))
        return data_uri(small, "JPEG", quality=72)
    except Exception:  # decoders raise nearly anything on damaged files
        # A gallery without one picture is still a gallery.
        return None
