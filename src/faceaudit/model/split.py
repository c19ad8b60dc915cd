"""Which training images are held out for validation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.stats.clusters import clusters_of

Flags = npt.NDArray[np.bool_]


def validation_rows(table: pa.Table, share: float, seed: int) -> Flags:
    """Choose validation images, never parting copies, frames of a video or pictures of a person.

    Whole clusters of images go to one side: rows are in one cluster if they have the same
    ``sha256``, or the same ``person``, ``video`` or ``copy_of`` in the same ``dataset``, or are
    linked through others that do. Clusters are drawn at random within every data set and label.

    `share` is reached within each data set and label up to the size of a cluster.
    """
    cluster = clusters_of(table)
    cluster = np.arange(len(table)) if cluster is None else cluster
    _, first, number = np.unique(cluster, return_index=True, return_inverse=True)
    # Numbered by their first row, for the draw hangs on the numbers.
    _, first, number, size = np.unique(first[number], True, True, True)
    stratum = _codes(pc.binary_join_element_wise(table["dataset"], table["label"], "\n"))
    home = stratum[first]  # a cluster over several strata counts in that of its first row
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(first), dtype=bool)
    for code in range(int(stratum.max()) + 1):
        members = rng.permutation(np.flatnonzero(home == code))
        before = np.cumsum(size[members]) - size[members]
        held_out[members] = before + size[members] / 2 <= share * size[members].sum()
    return held_out[number]


def _codes(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Number the distinct values from 0; null is -1."""
    encoded = values.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1))


def contradicted(table: pa.Table) -> Flags:
    """Tell which rows have a byte-identical copy under the other label."""
    file = _codes(table["sha256"])
    is_ai = np.asarray(pc.equal(table["label"], "ai"))
    copies = np.bincount(file)
    called_ai = np.bincount(file, weights=is_ai)
    return ((called_ai > 0) & (called_ai < copies))[file]
