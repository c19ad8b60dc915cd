"""Scores tables that tests draw themselves, with known error rates."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from faceaudit.schema import DatasetInfo, ModelInfo, ScoresInfo
from faceaudit.tables import Scores


def drawn_scores(
    groups: dict[str, tuple[int, int]],
    *,
    ai: tuple[int, int] = (200, 4),
    tag: str = "group",
    model: str = "drawn",
) -> Scores:
    """Real photographs by group as (n, called AI), and AI images as (n, called real)."""
    image, label, tags, p_ai = [], [], [], []
    for name, (n, wrong) in groups.items():
        for i in range(n):
            image.append(f"{name}/{i}.jpg")
            label.append("real")
            tags.append(name)
            p_ai.append(0.9 if i < wrong else 0.1)
    for i in range(ai[0]):
        image.append(f"ai/{i}.jpg")
        label.append("ai")
        tags.append(None)
        p_ai.append(0.2 if i < ai[1] else 0.8)
    n = len(image)
    table = pa.table(
        {
            "image": image,
            "label": label,
            "dataset": ["drawn"] * n,
            "p_ai": np.array(p_ai, np.float32),
            "status": ["ok"] * n,
            tag: pa.array(tags, pa.string()),
        }
    )
    info = ScoresInfo(
        datasets={"drawn": DatasetInfo(indexed=n)},
        tag_sources={tag: {"drawn": "drawn by the test"}},
        model=ModelInfo(id=model, threshold=0.5),
    )
    return Scores(table, info)
