"""What the gravest errors of a run rest on, kept beside their scores for the report."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.model.image_reader import PictureReader, read_batches, rows_of
from faceaudit.model.preprocess import Floats
from faceaudit.schema import called_ai
from faceaudit.scoring.detectors import Detector
from faceaudit.stats.counts import tag_codes

#: Pictures of each data set and label that are explained: as many as a gallery shows by default.
EXPLAINED = 12


def attention(detector: Detector, reader: PictureReader, table: pa.Table, p_ai: Floats) -> pa.Array:
    """Explain the calls that are most wrong; see `Detector.explain`.

    Parameters
    ----------
    detector : Detector
    reader : PictureReader
        Of the table's pictures.
    table : pyarrow.Table
        Rows with ``dataset``, ``image``, ``label`` and the ``sha256`` of what was scored.
    p_ai : ndarray of float32, shape (n,)
        Scores; not-a-number where there is none.

    Returns
    -------
    pyarrow.Array of binary, length n
        Square maps, a byte for each field row by row, in which the strongest field is 255; null
        for all other images, and for all images of a detector that cannot explain itself.
    """
    rows = gravest(table, p_ai, EXPLAINED)
    maps: list[bytes | None] = [None] * len(table)
    ahead = iter(rows)
    for batch in read_batches(reader, rows_of(table.take(rows)), 16, workers=1):
        read = [(row, p.pixels) for row, p in zip(islice(ahead, len(batch)), batch, strict=True)]
        # A file may have changed since it was scored.
        there = {row: pixels for row, pixels in read if pixels is not None}
        if not there:
            continue
        called = called_ai(p_ai[list(there)], detector.info.threshold)
        shares = detector.explain(np.stack(list(there.values())), called)
        if shares is None:
            break
        for row, share in zip(there, shares, strict=True):
            maps[row] = _stored(share)
    return pa.array(maps, pa.binary())


def gravest(table: pa.Table, p_ai: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return the rows of the `count` largest losses of each data set and label."""
    is_ai = pc.equal(table["label"], "ai").to_numpy()
    loss = np.where(is_ai, 1 - p_ai, p_ai)
    group = 2 * tag_codes(table, "dataset")[0] + is_ai
    order = np.lexsort((-loss, group))
    order = order[~np.isnan(p_ai[order])]
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return np.sort(order[rank < count])


def _stored(share: Floats) -> bytes:
    strongest = max(float(share.max()), 1e-12)
    return np.rint(255 / strongest * share).astype(np.uint8).tobytes()
