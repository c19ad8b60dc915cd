"""Pictures worth looking at, as a gallery shows them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np

from faceaudit.checks.base import AuditInput
from faceaudit.model.explain import in_words, overlay, thirds
from faceaudit.result import Attention, GalleryItem
from faceaudit.stats import IntArray
from faceaudit.thumbnails import data_uri

#: Side in pixels of a layer; the report stretches it smoothly.
LAYER = 24


def gallery_items(data: AuditInput, rows: IntArray, tags: Sequence[str]) -> list[GalleryItem]:
    """Tell some rows of the table, in their order, with some of their tags."""
    return [
        GalleryItem(
            image=row["image"],
            dataset=row["dataset"],
            label=row["label"],
            p_ai=row["p_ai"],
            tags={tag: str(row[tag]) for tag in tags if row[tag] is not None},
            attention=_attention(row.get("attention")),
        )
        for row in data.shown(rows).to_pylist()
    ]


def _attention(stored: bytes | None) -> Attention | None:
    """Tell a map that scoring has stored, in words, in numbers and as a layer."""
    if stored is None:
        return None
    share = np.frombuffer(stored, np.uint8).reshape(isqrt(len(stored)), -1).astype(np.float32)
    share /= max(float(share.sum()), 1e-12)
    return Attention(
        words=in_words(share),
        ninths=[[round(float(part), 3) for part in row] for row in thirds(share)],
        layer=data_uri(overlay(share, LAYER), "PNG"),
    )
