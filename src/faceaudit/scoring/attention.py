"""What the gravest errors of a run rest on, kept beside their scores for the report."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.datasets.sources import StoredImages
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Floats
from faceaudit.schema import called_ai
from faceaudit.scoring.detectors import Detector
from faceaudit.stats.counts import Images

#: Pictures of each data set and label that are explained: as many as a gallery shows by default.
EXPLAINED = 12
#: Explained at once: what a network keeps of each to explain it takes 40 MB and more.
AT_ONCE = 4


def attention(detector: Detector, images: StoredImages, table: pa.Table, p_ai: Floats) -> pa.Array:
    """Explain the calls that are most wrong; see `Detector.explain`.

    Parameters
    ----------
    detector, images
    table : pyarrow.Table
        Rows with ``dataset``, ``image``, ``label`` and the ``sha256`` of what was scored.
    p_ai : ndarray of float32, shape (n,)
        Not-a-number where there is no score.

    Returns
    -------
    pyarrow.Array of binary, length n
        Square maps, a byte for each field row by row, in which the strongest field is 255; null
        for all other images, and for all images of a detector that cannot explain itself.
    """
    maps: list[bytes | None] = [None] * len(table)
    called = called_ai(p_ai, detector.info.threshold)
    rows = gravest(table, p_ai, EXPLAINED)
    pictures = zip(rows, read_pictures(table.take(rows), images, detector.pixels), strict=True)
    while few := [*islice(pictures, AT_ONCE)]:
        # None if the file has changed since it was scored.
        there = {row: picture.pixels for row, picture in few if picture.pixels is not None}
        if not there:
            continue
        with detector.blamed():
            shares = detector.explain(np.stack([*there.values()]), called[[*there]])
        if shares is None:
            break
        strongest = np.maximum(shares.max((1, 2), keepdims=True), 1e-12)
        for row, share in zip(there, np.rint(255 / strongest * shares), strict=True):
            maps[row] = share.astype(np.uint8).tobytes()
    return pa.array(maps, pa.binary())


def gravest(table: pa.Table, p_ai: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return the rows of the `count` largest losses of each data set and label."""
    is_ai = pc.equal(table["label"], "ai").to_numpy()
    loss = np.where(is_ai, 1 - p_ai, p_ai)
    group = 2 * Images(table).codes("dataset")[0] + is_ai
    order = np.lexsort((-loss, group))
    order = order[~np.isnan(p_ai[order])]
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return np.sort(order[rank < count])
