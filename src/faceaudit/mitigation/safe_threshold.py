"""One threshold for all, at which no group is likely to be accused more often than a target."""

from __future__ import annotations

from typing import Self

import numpy as np

from faceaudit.errors import FaceAuditError
from faceaudit.mitigation.base import SMALLEST_GROUP, Given, Method, moved
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.stats.thresholds import fewest_photographs, safe_share, thresholds_for_fpr
from faceaudit.wording import percent


class SafeThreshold(Method):
    """The lowest threshold whose FPR is surely within a target in every group; it sees no tag."""

    id = "safe-threshold"

    threshold: float
    target_fpr: float

    @classmethod
    def fit(cls, images: Images, given: Given) -> Self:
        """Take the highest of the groups' own safe thresholds, which hold together."""
        counts = images.counts(given.groups, given.threshold)
        large = counts.n_real >= SMALLEST_GROUP
        each = 1 - (1 - given.confidence) / max(int(large.sum()), 1)
        share = safe_share(counts.effective.n_real, given.target_fpr, each)
        groups = images.grouping(given.groups)
        needed = fewest_photographs(given.target_fpr, each)
        if few := [counts.labels[i] for i in np.flatnonzero(large & np.isnan(share))]:
            raise FaceAuditError(
                f"to be sure of {percent(given.target_fpr)}, {', '.join(few)} need "
                f"{f'{needed:,}' if needed else 'more'} independent photographs to fit on"
            )
        if not large.any():
            raise FaceAuditError(f"no group has {SMALLEST_GROUP} real photographs")
        code = np.where(images.is_ai, -1, groups.code)
        found = thresholds_for_fpr(images.score, code, len(large), np.where(large, share, np.nan))
        return cls(threshold=float(np.nanmax(found)), target_fpr=given.target_fpr)

    def apply(self, images: Images) -> FloatArray:
        """Move the scores."""
        return moved(images.score, self.threshold)

    @property
    def told(self) -> str:
        """The threshold and the target."""
        return f"threshold {self.threshold:.4g}, for at most {percent(self.target_fpr)}"


METHOD = SafeThreshold
