"""A detector over rows of a manifest, a batch at a time: the same on whichever machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.model.faces import FaceFinder
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Floats, Picture, Prepared
from faceaudit.schema import UNSURE, changed_column, variant_column
from faceaudit.scoring.detectors import Detector, PictureError, probabilities
from faceaudit.scoring.features import features as features_of
from faceaudit.variants import Variant


@dataclass(frozen=True)
class Batches:
    """How batches of pictures are scored, see `faceaudit.scoring.score`.

    Attributes
    ----------
    detector, images, variants, finder
    features : bool
        Whether those of `Detector.features` are kept.
    size : int
        Pictures in a batch.
    workers : int
        Threads that decode pictures while the network works on those before.
    """

    detector: Detector
    images: StoredImages
    variants: Sequence[Variant]
    finder: FaceFinder | None
    features: bool
    size: int
    workers: int

    def of(self, table: pa.Table) -> Iterator[pa.Table]:
        """Score rows of a manifest in their order; three batches at most are in memory.

        Yields
        ------
        pyarrow.Table
            Of the next batch ``p_ai``, ``status``, ``sha256`` and ``reason`` (why there is no
            score), the columns of variants, and ``features``.
        """
        pictures = read_pictures(
            table,
            self.images,
            self.detector.pixels,
            variants=self.variants,
            find_face=self.finder,
            workers=self.workers,
            ahead=max(2 * self.workers + 1, 2 * self.size // (1 + len(self.variants))),
        )
        done = 0
        while batch := list(islice(pictures, self.size)):
            yield self._scored(batch, table["image"].slice(done, len(batch)))
            done += len(batch)

    def _scored(self, batch: Sequence[Picture], images: pa.ChunkedArray) -> pa.Table:
        """Score a batch, as it was delivered and then each variant; not-a-number is null."""
        p_ai = self._judged([picture.pixels for picture in batch], images)
        columns = {"p_ai": p_ai}
        for i, variant in enumerate(self.variants):
            changed = [picture.variants[i] if picture.variants else None for picture in batch]
            scores = self._judged(changed, images)
            columns[variant_column(variant.name)] = np.where(np.isnan(p_ai), np.nan, scores)
            if variant.needs_landmarks:
                share = [picture.changed[i] if picture.changed else np.nan for picture in batch]
                columns[changed_column(variant.name)] = np.asarray(share, np.float32)
        declined = [picture.pixels is not None for picture in batch] & np.isnan(p_ai)
        status = [
            UNSURE if unsure else picture.status
            for picture, unsure in zip(batch, declined.tolist(), strict=True)
        ]
        floats = {
            name: pa.array(of, pa.float32(), from_pandas=True) for name, of in columns.items()
        }
        seen = {}
        if self.features:
            seen["features"] = features_of(self.detector, [picture.pixels for picture in batch])
        return pa.table(
            {
                **floats,
                "status": status,
                "sha256": pa.array([picture.sha256 for picture in batch], pa.string()),
                "reason": pa.array([picture.reason or None for picture in batch], pa.string()),
                **seen,
            }
        )

    def _judged(self, pictures: Sequence[Prepared | None], images: pa.ChunkedArray) -> Floats:
        """Return the score of each prepared picture, not-a-number where there is none."""
        there = [i for i, picture in enumerate(pictures) if picture is not None]
        found = np.full(len(pictures), np.nan, np.float32)
        if there:
            prepared = [one for one in pictures if one is not None]
            try:
                found[there] = probabilities(self.detector, prepared)
            except PictureError as error:
                image = images[there[error.place]]
                raise FaceAuditError(f"{image}: {error}") from error.__cause__
        return found
