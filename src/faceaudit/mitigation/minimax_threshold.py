"""One threshold for all: the one at which the group with the most errors has the fewest."""

from __future__ import annotations

from typing import Self

import numpy as np

from faceaudit.errors import FaceAuditError
from faceaudit.mitigation.base import SMALLEST_GROUP, Given, Method, moved
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import of_large_groups

#: So many thresholds are tried, at most.
MOST_TRIED = 4_000


class MinimaxThreshold(Method):
    """The threshold that minimises the largest FPR or FNR of any group; it looks at no tag."""

    id = "minimax-threshold"

    threshold: float

    @classmethod
    def fit(cls, images: Images, given: Given) -> Self:
        """Try what lies between neighbouring scores; of equally good ones the highest."""
        distinct = np.unique(images.score)
        between = (distinct[:-1].astype(float) + distinct[1:])[
            :: -(-len(distinct) // MOST_TRIED)
        ] / 2
        ends = distinct[0], np.nextafter(distinct[-1], np.float32(2))
        tried = np.unique(np.array([*ends, *between], np.float32)).astype(float)
        counts = images.counts(given.groups, tuple(tried.tolist()))
        rates = [rate_of(*of_large_groups(counts, rate, SMALLEST_GROUP)) for rate in ("fpr", "fnr")]
        for rate, images_of in zip(rates, ("real photographs", "AI-generated faces"), strict=True):
            if np.isnan(rate).all():
                raise FaceAuditError(f"no group has {SMALLEST_GROUP} {images_of}")
        worst = np.nanmax(np.hstack(rates), axis=1)
        return cls(threshold=float(tried[np.flatnonzero(worst == worst.min())[-1]]))

    def apply(self, images: Images) -> FloatArray:
        """Move the scores."""
        return moved(images.score, self.threshold)

    @property
    def told(self) -> str:
        """The threshold."""
        return f"threshold {self.threshold:.4g}"


METHOD = MinimaxThreshold
