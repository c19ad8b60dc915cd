"""Top losses: the images that the classifier got most wrong, of all and of each group."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.pictures import gallery_items
from faceaudit.error_rates import ERROR_RATES
from faceaudit.result import Gallery, GalleryItem
from faceaudit.schema import called_ai
from faceaudit.stats.rates import rate_counts
from faceaudit.wording import out_of, percent

#: How many errors of every group are shown beside the worst of all.
OF_EACH_GROUP = 3


class TopLossesOptions(Options):
    """How much is shown."""

    count: int = Field(
        default=12, ge=1, le=200, description="How many images of each label are shown."
    )


def run(data: AuditInput, options: TopLossesOptions) -> Product:
    """List the real photographs with the highest and the AI faces with the lowest scores."""
    said = []
    for rate in ERROR_RATES.values():
        events, n = (int(of[0]) for of in rate_counts(data.audited(()), rate.id))
        if n:
            said.append(f"{out_of(events, n, rate.image)} {rate.error} ({percent(events / n)})")
    galleries = [_gallery(data, "real", options.count), _gallery(data, "ai", options.count)]
    return Product("info", " and ".join(said) + ".", details=galleries)


def _gallery(data: AuditInput, label: Literal["real", "ai"], count: int) -> Gallery | None:
    rows, score = np.flatnonzero(data.images.is_ai == (label == "ai")), data.images.score
    if len(rows) == 0:
        return None
    # The first in the table stands first among equals.
    rows = rows[np.argsort(-score[rows] if label == "real" else score[rows], kind="stable")]
    tags = _audited_tags(data)
    wrong = rows[called_ai(score[rows], data.threshold) == (label == "real")]
    shown = np.zeros(len(score), dtype=bool)
    shown[rows[:count]] = True
    for tag in tags:
        codes = data.images.codes(tag)[0][wrong]
        for group in np.unique(codes[codes >= 0]):
            shown[wrong[codes == group][:OF_EACH_GROUP]] = True
    rows = rows[shown[rows]]
    items = gallery_items(data, rows, tags)
    titles = {
        "real": "Real photographs that look most AI-generated to the classifier",
        "ai": "AI-generated faces that look most real to the classifier",
    }
    return Gallery(title=titles[label], note=_note(items, data.threshold), items=items)


def _note(items: list[GalleryItem], threshold: float) -> str:
    called = called_ai([item.p_ai for item in items], threshold)
    wrong = sum(ai != (item.label == "ai") for ai, item in zip(called, items, strict=True))
    return f"{out_of(wrong, len(items), 'image')} called wrongly; the worst score stands first."


def _audited_tags(data: AuditInput) -> list[str]:
    """Return the tags that the specification asks about, each once."""
    return list(dict.fromkeys(tag for tags in data.spec.groupings for tag in tags))


CHECK = Check(
    id="top-losses",
    title="The images that were called most wrongly",
    part="pictures",
    description=(
        "The real photographs that the classifier was surest to be AI-generated, and the "
        "AI-generated faces it was surest to be real. Looking at them often shows what the "
        "classifier really reacts to: a background, a blur, a hat. The worst of all are followed "
        "by the worst errors of each group."
    ),
    run=run,
    options=TopLossesOptions,
)
