"""How often each training picture is drawn, so that no source or group outweighs another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceaudit.errors import FaceAuditError
from faceaudit.schema import tag_columns
from faceaudit.tables import Manifest

Shares = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]


def balance_column(balance: str, manifest: Manifest) -> str:
    """Return the column that ``sources``, or the name of a tag, stands for.

    Raises
    ------
    FaceAuditError
        If the manifests have no such tag.
    """
    if balance == "sources":
        return "dataset"
    if balance not in (tags := tag_columns(manifest.table)):
        raise FaceAuditError(
            f"--balance {balance}: the manifests have no such tag; "
            f"give 'sources' or one of {', '.join(tags) or 'none: there are no tags'}"
        )
    return balance


def training_groups(table: pa.Table, column: str) -> Groups:
    """Number each row's group from 0: its label with its value of a column.

    Rows of a label without a value are one more group, so that none is left out.
    """
    label, value = (
        np.asarray(table[name].combine_chunks().dictionary_encode().indices.fill_null(-1))
        for name in ("label", column)
    )
    return np.asarray(np.unique(np.stack([label, value], 1), axis=0, return_inverse=True)[1])


def equal_shares(table: pa.Table, column: str) -> Shares:
    """Return each row's share of the draws: half for each label, alike for its groups."""
    group = training_groups(table, column)
    label = np.asarray(table["label"].combine_chunks().dictionary_encode().indices)
    _, first, size = np.unique(group, return_index=True, return_counts=True)
    groups = np.bincount(label[first])
    return np.asarray(1 / (len(groups) * groups[label] * size[group]))


def draw(shares: Shares, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw as many positions as there are shares, in random order.

    Each is drawn as often as its share of them says, rounded up or down by chance (systematic
    sampling): no picture waits for luck.
    """
    n = len(shares)
    mixed = rng.permutation(n)
    ends = np.cumsum(shares[mixed]) * (n / shares.sum())
    drawn = np.searchsorted(ends, np.arange(n) + rng.random(), side="right")
    return np.asarray(rng.permutation(mixed[np.minimum(drawn, n - 1)]))
