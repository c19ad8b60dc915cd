"""Invented details of every kind that moves or is drawn; nothing was measured."""

from __future__ import annotations

import math
import random

from faceaudit.result import (
    Attention,
    Curve,
    Estimate,
    Forest,
    Gallery,
    GalleryItem,
    Heatmap,
    LeftOut,
    Rows,
    Scatter,
    ScatterPoint,
    ScoresSummary,
    Series,
    Unscored,
    Untagged,
)
from faceaudit.schema import DatasetInfo, ModelInfo
from faceaudit.stats.thresholds import reader_thresholds

AGES = ["0–2", "3–9", "10–19", "20–29", "30–39", "40–49", "50–59", "60–69", "70 and over"]
RACES = ["White", "Black", "Asian", "Indian", "Other"]
SOURCE = "UTKFace file names, estimated by an algorithm and checked by people"
#: A grey square of 1 × 1 pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB"
    "d81ytgAAAABJRU5ErkJggg=="
)
AUDITED = 0.5
THRESHOLDS = list(reader_thresholds(AUDITED))


def wilson(events: int, n: int) -> tuple[float, float]:
    z = 1.96
    p = events / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def estimate(group: str, n: int, rate: float, rng: random.Random) -> Estimate:
    if n == 0:
        return Estimate(group=group, n=0, note="no photographs in this group")
    events = sum(rng.random() < rate for _ in range(n))
    low, high = wilson(events, n)
    note = "small group" if n < 30 else None
    return Estimate(
        group=group, n=n, events=events, value=events / n, low=low, high=high, note=note
    )


def forest(attribute: str, groups: list[str], rng: random.Random) -> Forest:
    rows = [
        estimate(group, rng.choice([0, 12, 25, 80, 240, 600, 900]) if i else 700, rate, rng)
        for i, group in enumerate(groups)
        for rate in [rng.choice([0.02, 0.04, 0.06, 0.09, 0.16])]
    ]
    rows[0].status = "pass"
    rows[-1].status = "fail" if rows[-1].n else None
    moved = [[moved_events(row.events or 0, row.n, t) for row in rows] for t in THRESHOLDS]
    sizes = [row.n for row in rows]
    return Forest(
        title=f"Real photographs called AI-generated, by {attribute}",
        measure="False positive rate",
        attribute=attribute,
        tag_source=SOURCE,
        rows=rows,
        reference=0.052,
        reference_label="all photographs",
        reference_n=4927,
        limit=0.1,
        note="Intervals are 95 % Wilson intervals.",
        by_threshold={
            "events": moved,
            **moved_rates(moved, sizes, "value", "low", "high"),
            "status": None,
            "reference": [[round(0.104 * (1 - t), 3)] for t in THRESHOLDS],
        },
    )


def moved_events(events: int, n: int, threshold: float) -> int:
    """Fall from twice the events to none as the threshold rises from 0 to 1."""
    return min(n, round(2 * events * (1 - threshold)))


def moved_rates(
    moved: list[list[int]], sizes: list[int], value: str, low: str, high: str
) -> dict[str, list[list[float | None]] | None]:
    def each(which: int) -> list[list[float | None]]:
        return [
            [
                round((e / n, *wilson(e, n))[which], 3) if n else None
                for e, n in zip(row, sizes, strict=True)
            ]
            for row in moved
        ]

    return {value: each(0), low: each(1), high: each(2)}


def heatmap(rng: random.Random) -> Heatmap:
    n = [[rng.choice([0, 12, 40, 90]) for _ in AGES] for _ in RACES]
    events = [[round(size * rng.choice([0.01, 0.04, 0.08, 0.19])) for size in row] for row in n]
    pairs = [list(zip(*both, strict=True)) for both in zip(events, n, strict=True)]
    flat = [pair for row in pairs for pair in row]
    moved = [[moved_events(e, size, t) for e, size in flat] for t in THRESHOLDS]
    return Heatmap(
        title="False positive rate by race and age band",
        measure="False positive rate",
        row_title="race",
        column_title="age_band",
        tag_source=SOURCE,
        rows=RACES,
        columns=AGES,
        values=[[e / size if size else None for e, size in row] for row in pairs],
        low=[[wilson(e, size)[0] if size else None for e, size in row] for row in pairs],
        high=[[wilson(e, size)[1] if size else None for e, size in row] for row in pairs],
        n=n,
        by_threshold=moved_rates(moved, [size for _, size in flat], "values", "low", "high"),
    )


def scatter() -> Scatter:
    points = [
        ScatterPoint(
            name=name, n=900, x=x, x_low=x - 0.01, x_high=x + 0.02, y=y, y_low=y / 2, y_high=y + 0.1
        )
        for name, x, y in (("old", 0.02, 0.1), ("new", 0.0201, 0.1), ("other", 0.08, 0.3))
    ]
    points[2] = points[2].model_copy(update={"y_low": None, "y_high": None, "note": "race 'Other'"})
    return Scatter(
        title="False positive rate: over all, and of the worst group",
        x_title="False positive rate, over all",
        y_title="False positive rate, of the worst group",
        points=points,
    )


def curve(rng: random.Random, names: tuple[str, ...] = ("women", "men")) -> Curve:
    x = [i / 100 for i in range(101)]
    series = []
    for i, name in enumerate(names):
        y = [0.9 * math.exp(-(4 + i) * value) for value in x]
        series.append(
            Series(
                name=name,
                x=x,
                y=list(y),
                low=[max(0.0, v - 0.03) for v in y],
                high=[min(1.0, v + 0.03) for v in y],
            )
        )
    return Curve(
        title="False positive rate at every threshold",
        x_title="Threshold",
        x_is_threshold=True,
        y_title="False positive rate",
        y_percent=True,
        marker=0.5,
        marker_label="Threshold in force",
        series=series,
    )


def gallery(n: int, rng: random.Random) -> Gallery:
    return Gallery(
        title="Real photographs called AI-generated with most confidence",
        note="Chosen by score alone.",
        items=[
            GalleryItem(
                image=f"part{i % 3}/{20 + i}_1_0_2017010{i % 9}.jpg.chip.jpg",
                dataset="UTKFace",
                label="real",
                p_ai=1 - 0.004 * i,
                tags={"age_band": rng.choice(AGES), "gender": "female", "race": "White"},
                attention=Attention(
                    words="Most of the evidence for this verdict lies in the top right (70 %).",
                    ninths=[[0.1, 0.0, 0.7], [0.0, 0.2, 0.0], [0.0, 0.0, 0.0]],
                    layer=PIXEL,
                )
                if i % 2
                else None,
                thumbnail=PIXEL if i % 3 else None,
            )
            for i in range(n)
        ],
    )


ROWS = Rows(
    read=6988,
    used=6577,
    by={"UTKFace": {"real": 4927}, "StyleGAN": {"ai": 1650}},
    left_out=[
        LeftOut(reason="outside rows: age >= 1", n=410, by={"UTKFace": {"real": 410}}),
        LeftOut(reason="without a score (unreadable)", n=1, by={"StyleGAN": {"ai": 1}}),
    ],
    untagged=[
        Untagged(
            tags=["race", "age_band"], label="real", n=4927, missing=99, wrong=256, wrong_missing=64
        ),
        Untagged(tags=["gender"], label="ai", n=1650, missing=1650, wrong=0, wrong_missing=0),
    ],
    unscored=[
        Unscored(tag="age_band", label="ai", group="70 and over", n=8, unscored=1),
        Unscored(tag="age_band", label="ai", group=None, n=1643, unscored=0),
    ],
    sentence="6,577 of 6,988 read were audited; 411 left out: 410 outside rows: age >= 1; "
    "1 without a score (unreadable).",
    shares=[
        "No tag for gender: 9.0 % of the real photographs called AI-generated, 1.0 % of those "
        "called real.",
        "No tag for race: 8.0 % of the real photographs called AI-generated, 1.0 % of those "
        "called real.",
        "No tag for age band: 7.0 % of the real photographs called AI-generated, 1.0 % of those "
        "called real.",
    ],
)


def summary(name: str, n_ai: int = 1650) -> ScoresSummary:
    return ScoresSummary(
        name=name,
        model=ModelInfo(
            id=name,
            sha256="0123456789abcdef" * 4,
            architecture="tf_efficientnet_lite0",
            threshold=0.5,
            threshold_rule="the threshold of the best accuracy on the validation images",
            training_manifests={"utkface": "ab" * 32, "stylegan": "cd" * 32},
            preprocessing={"size": 128, "interpolation": "bilinear", "mean": [0.485, 0.456, 0.406]},
        ),
        datasets={
            "UTKFace": DatasetInfo(
                root="/home/someone/UTKFace",
                licence="non-commercial research only",
                found=4975,
                indexed=4927,
                rejected=48,
            ),
            "StyleGAN": DatasetInfo(root="/home/someone/stylegan", indexed=1650),
        },
        tag_sources={
            "age_band": {"UTKFace": f"derived from age: {SOURCE}"},
            "gender": {"UTKFace": SOURCE, "StyleGAN": "nobody: these people do not exist"},
            "race": {"UTKFace": SOURCE},
        },
        versions={"python": "3.11.2", "faceaudit": "0.1.0", "torch": "2.9.0"},
        n_real=4927,
        n_ai=n_ai,
        unscored={"unreadable": 1} if n_ai else {},
        rows=ROWS if n_ai else None,
        threshold=0.5,
        threshold_rule="the threshold of the best accuracy on the validation images",
    )
