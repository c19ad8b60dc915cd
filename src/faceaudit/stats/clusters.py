"""Images that hang together: which do, and how many independent ones they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.reading.columns import is_text, numbered
from faceaudit.schema import CLUSTER_COLUMNS
from faceaudit.stats import FloatArray, IntArray

#: In the place of a column: no column says what hangs together.
INDEPENDENT = "none"

#: As if so many more errors had been seen, whose clusters err as a whole: few errors cannot
#: show that images of a cluster err independently.
CLUMPED_ERRORS = 1.0


def clusters_of(table: pa.Table, cluster: str | None = None) -> IntArray | None:
    """Number what hangs together in a table; None if every row stands alone.

    Parameters
    ----------
    table : pyarrow.Table
        With ``image`` and ``dataset``, and whichever it has of ``sha256`` and `CLUSTER_COLUMNS`.
    cluster : str, optional
        The column that says so in the place of those of `CLUSTER_COLUMNS` that name what is
        pictured; `INDEPENDENT` if none does. Copies of one picture hang together in any case.
    """
    named = [cluster] if cluster else [of for of in CLUSTER_COLUMNS if of != "copy_of"]
    columns = [
        _codes(table["dataset"], table[name]) for name in named if name in table.column_names
    ]
    if "copy_of" in table.column_names:
        copy = table["copy_of"]
        if is_text(table["image"].type):
            copy = pc.coalesce(copy, table["image"])
        columns.append(_codes(table["dataset"], copy))
    if "sha256" in table.column_names:
        columns.append(_codes(None, table["sha256"]))
    return joined(columns)


def _codes(dataset: pa.ChunkedArray | None, column: pa.ChunkedArray) -> IntArray:
    """Number the values of a column, those of each data set apart; -1 where it is empty."""
    code = numbered(column)
    for other in [] if dataset is None else [numbered(dataset)]:
        code = np.where(code < 0, -1, code * (int(other.max(initial=0)) + 1) + other)
        code[code >= 0] = np.unique(code[code >= 0], return_inverse=True)[1]
    return code


def joined(columns: Iterable[IntArray]) -> IntArray | None:
    """Number the clusters of rows that share a code in any of some columns; -1 shares nothing.

    None if every row stands alone. The numbers are dense; shape (rows,).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    cluster: IntArray | None = None
    for code in columns:
        # Codes that one row alone has join nothing.
        shared = code >= 0
        shared[shared] = np.bincount(code[shared])[code[shared]] > 1
        if not shared.any():
            continue
        if cluster is None:
            own = np.cumsum(~shared) + code.max()
            cluster = _dense(np.where(shared, code, own))
            continue
        rows = np.flatnonzero(shared)
        size = int(cluster.max()) + 1, int(code.max()) + 1
        links = coo_array(
            (np.ones(len(rows), bool), (cluster[rows], size[0] + code[rows])),
            shape=(sum(size),) * 2,
        )
        cluster = _dense(connected_components(links, directed=False)[1][cluster])
    return cluster


def _dense(code: IntArray) -> IntArray:
    return np.asarray((np.cumsum(np.bincount(code) > 0) - 1)[code], np.int64)


def err_alike(cluster: IntArray, group: IntArray, value: ArrayLike) -> float:
    """Say by how many standard errors images that share a cluster and group are more alike.

    That of the sum of products of residuals over pairs, which is 0 on average if all are
    independent; arrays of shape (images,). A negative cluster is none.
    """
    rows = np.flatnonzero(cluster >= 0)
    cluster, group, value = cluster[rows], group[rows], np.asarray(value, float)[rows]
    mean = np.bincount(group, value) / np.maximum(np.bincount(group), 1)
    residual = value - mean[group]
    cell = np.unique(cluster * (int(group.max(initial=0)) + 1) + group, return_inverse=True)[1]
    total = np.bincount(cell, residual)
    square, fourth = np.bincount(cell, residual**2), np.bincount(cell, residual**4)
    pairs, variance = (total**2 - square).sum(), 2 * (square**2 - fourth).sum()
    return float(pairs / np.sqrt(variance)) if variance > 0 else 0.0


def design_effects(
    cluster: IntArray | None, group: IntArray, groups: int, *values: NDArray[Any]
) -> FloatArray:
    """Estimate how many images of each group are worth one independent image, as `Cells` does.

    Shape (values, groups); 1 where `cluster` says that every image stands alone.
    """
    if cluster is None:
        return np.ones((len(values), groups))
    cells = Cells(cluster, group, groups)
    return np.stack([cells.design_effects(of) for of in values])


class Cells:
    """The images of each cluster and group, sorted once for any number of values.

    Parameters
    ----------
    cluster : int array, shape (images,)
        Numbers of what hangs together, such as the images of a person.
    group : int array, shape (images,)
        Negative: in no group.
    """

    def __init__(self, cluster: IntArray, group: IntArray, groups: int) -> None:
        rows = np.flatnonzero(group >= 0)
        key, bits = cluster[rows] * groups + group[rows], len(rows).bit_length()
        # To sort is ten times as fast as to find the order, so the place goes along as last bits.
        both = np.sort((key << bits) | np.arange(len(rows)))
        key = both >> bits
        self._order = rows[both & ((1 << bits) - 1)].astype(np.int32)
        # The images of a cell are neighbours now.
        self._first = np.flatnonzero(np.diff(key, prepend=-1))
        self._size = np.diff(self._first, append=len(rows))
        self._of_group, self._groups = key[self._first] % groups, groups
        self._n = np.bincount(self._of_group, self._size, groups)
        self._pairs = np.bincount(self._of_group, self._size * (self._size - 1), groups)

    def design_effects(self, value: NDArray[np.bool_] | NDArray[np.floating[Any]]) -> FloatArray:
        """Estimate how many images of each group are worth one independent image.

        Parameters
        ----------
        value : bool or float array, shape (images,)
            What is averaged in each group: whether an image is called wrongly, a difference, a
            score.

        Returns
        -------
        float64 array, shape (groups,), at least 1
            Kish's 1 + (m - 1) ρ with m the group's mean cluster size, weighted by size, and ρ the
            intra-class correlation of all groups together, drawn to 1 where errors are few; times
            Korn & Graubard's allowance for few clusters.

        References
        ----------
        Kish (1965), Survey Sampling; Rao & Scott (1992), Biometrics 48, 577–585, for dividing both
        counts; Korn & Graubard (1998), Survey Methodology 24, 193–201, for exact limits of them;
        Ridout, Demétrio & Firth (1999), Biometrics 55, 137–148, for the pairs estimator of ρ.
        """
        groups, size, of_group, pairs = self._groups, self._size, self._of_group, self._pairs
        if not pairs.any():
            return np.ones(groups)
        value = value[self._order]
        n = np.maximum(self._n, 1)
        total = np.add.reduceat(value, self._first, dtype=float)
        mean = np.bincount(of_group, total, groups) / n
        if value.dtype == bool:
            variance = mean * (1 - mean)
            errors = float((n * np.minimum(mean, 1 - mean)).sum())
        else:
            each = np.repeat(of_group, size)
            variance = np.bincount(each, (value - mean[each]) ** 2, groups) / n
            errors = float(np.abs(value - np.rint(mean)[each]).sum())
        spread = (total - mean[of_group] * size) ** 2
        together = np.bincount(of_group, spread, groups) - n * variance
        more, scale = pairs / n, float(pairs @ variance)
        if scale == 0:
            return 1 + more
        rho = float(np.clip(together.sum() / scale, 0, 1))
        # Residuals from a mean that the pair is a part of are a little too far apart.
        rho += float(pairs @ (variance * (1 + more * rho) / n)) / scale
        rho = (errors * min(rho, 1.0) + CLUMPED_ERRORS) / (errors + CLUMPED_ERRORS)
        free = max(int((size > 1).sum()) - int((pairs > 0).sum()), 1)
        few = (stats.t.isf(0.025, free) / stats.norm.isf(0.025)) ** 2
        return np.asarray(1 + more * min(rho * few, 1.0))
