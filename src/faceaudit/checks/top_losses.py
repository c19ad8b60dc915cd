"""Top losses: the images that the classifier got most wrong, and who is in them."""

from __future__ import annotations

from math import isqrt
from typing import Literal

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import tag_source
from faceaudit.checks.parts.threshold_grid import Grid, count_by_threshold, rounded
from faceaudit.model.explain import in_words, overlay, thirds
from faceaudit.result import (
    Attention,
    Cell,
    CheckResult,
    Column,
    Gallery,
    GalleryItem,
    Table,
)
from faceaudit.stats.counts import count_outcomes
from faceaudit.stats.intervals import rate_of
from faceaudit.thumbnails import data_uri
from faceaudit.wording import out_of, percent, tag_title

#: Side in pixels of a layer; the report stretches it smoothly.
LAYER = 24


class TopLossesOptions(Options):
    """How many images of each label are shown."""

    count: int = Field(default=12, ge=1, le=200)


def run(data: AuditInput, options: TopLossesOptions) -> CheckResult:
    """List the real photographs with the highest and the AI faces with the lowest scores."""
    total = count_outcomes(data.table, (), data.threshold)
    n_real, wrong_real = int(total.n_real[0]), int(total.real_called_ai[0])
    n_ai, wrong_ai = int(total.n_ai[0]), int(total.ai_called_real[0])
    said = []
    if n_real:
        said.append(
            f"{out_of(wrong_real, n_real, 'real photograph')} called AI-generated "
            f"({percent(wrong_real / n_real)})"
        )
    if n_ai:
        said.append(
            f"{out_of(wrong_ai, n_ai, 'AI-generated face')} called real "
            f"({percent(wrong_ai / n_ai)})"
        )
    galleries = [
        gallery
        for gallery in (_gallery(data, "real", options.count), _gallery(data, "ai", options.count))
        if gallery is not None
    ]
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info",
        sentence=" and ".join(said) + ".",
        details=[*galleries, *_tags_of_errors(data)],
    )


def _gallery(data: AuditInput, label: Literal["real", "ai"], count: int) -> Gallery | None:
    table = data.table
    score = table["p_ai"].to_numpy()
    rows = np.flatnonzero(pc.equal(table["label"], label).to_numpy())
    if len(rows) == 0:
        return None
    worst = table.take(_largest(score[rows] if label == "real" else -score[rows], rows, count))
    tags = _audited_tags(data)
    explained = "attention" in table.column_names
    columns = ["image", "dataset", "p_ai", *tags, *(["attention"] if explained else [])]
    items = [
        GalleryItem(
            image=row["image"],
            dataset=row["dataset"],
            label=label,
            p_ai=row["p_ai"],
            tags={tag: str(row[tag]) for tag in tags if row[tag] is not None},
            attention=_attention(row["attention"]) if explained else None,
        )
        for row in worst.select(list(dict.fromkeys(columns))).to_pylist()
    ]
    titles = {
        "real": "Real photographs that look most AI-generated to the classifier",
        "ai": "AI-generated faces that look most real to the classifier",
    }
    return Gallery(title=titles[label], note=_note(items, data.threshold), items=items)


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


def _largest(value: NDArray[np.float32], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the rows of the `count` largest values, the first in the table first among equals."""
    if len(value) > count:
        # Only what reaches the count-th largest value is sorted.
        bound = np.partition(value, len(value) - count)[len(value) - count]
        value, rows = value[value >= bound], rows[value >= bound]
    return rows[np.argsort(-value, kind="stable")[:count]]


def _note(items: list[GalleryItem], threshold: float) -> str:
    bar = np.float32(threshold)
    wrong = sum((np.float32(item.p_ai) >= bar) != (item.label == "ai") for item in items)
    return f"{out_of(wrong, len(items), 'image')} called wrongly; the worst score stands first."


def _audited_tags(data: AuditInput) -> list[str]:
    """Return the tags that the specification asks about, each once."""
    spec = data.spec
    combined = [tag for combination in spec.intersections for tag in combination]
    return list(dict.fromkeys([*spec.attributes, *combined]))


def _tags_of_errors(data: AuditInput) -> list[Table]:
    """Set each group's share of the errors beside its share of the images."""
    tables = []
    for attribute in _audited_tags(data):
        counts = count_outcomes(data.table, (attribute,), data.threshold)
        shares = [
            _shares(column)
            for column in (
                counts.n_real,
                counts.real_called_ai,
                counts.n_ai,
                counts.ai_called_real,
            )
        ]
        rows: list[list[Cell]] = [
            [label, *(cell for column in shares for cell in column[i])]
            for i, label in enumerate(counts.labels)
        ]
        moved = count_by_threshold(counts, data)
        tables.append(
            Table(
                title=f"Who is in the wrongly called images: {tag_title(attribute)}",
                note=(
                    "A group whose share of the errors exceeds its share of the images is "
                    f"over-represented. Tags: {tag_source(data, (attribute,))}."
                ),
                columns=[
                    Column(title=tag_title(attribute)),
                    Column(title="real photographs", kind="count"),
                    Column(title="share of these", kind="percent"),
                    Column(title="called AI", kind="count"),
                    Column(title="share of these", kind="percent"),
                    Column(title="AI-generated faces", kind="count"),
                    Column(title="share of these", kind="percent"),
                    Column(title="called real", kind="count"),
                    Column(title="share of these", kind="percent"),
                ],
                rows=rows,
                by_threshold={
                    **_moved_shares(np.stack([c.real_called_ai for c in moved]), 3),
                    **_moved_shares(np.stack([c.ai_called_real for c in moved]), 7),
                }
                if moved
                else None,
            )
        )
    return tables


def _shares(column: NDArray[np.int64]) -> list[list[Cell]]:
    total = int(column.sum())
    return [[int(n), n / total if total else None] for n in column.tolist()]


def _moved_shares(errors: NDArray[np.int64], column: int) -> dict[str, Grid | None]:
    """Give the errors at every threshold and their shares to a column and the one after it."""
    share = rate_of(errors, errors.sum(axis=1, keepdims=True))
    return {str(column): errors.tolist(), str(column + 1): rounded(share, "percent")}


CHECK = Check(
    id="top-losses",
    title="The images that were called most wrongly",
    failure_title="The images that were called most wrongly",
    description=(
        "The real photographs that the classifier was surest to be AI-generated, and the "
        "AI-generated faces it was surest to be real. Looking at them often shows what the "
        "classifier really reacts to: a background, a blur, a hat. The tables set each group's "
        "share of the errors beside its share of the images."
    ),
    run=run,
    options=TopLossesOptions,
)
