"""Which images of manifests are scored: those that an expression keeps, or a sample of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.row_filter import row_mask
from faceaudit.stats.counts import Images


def select(
    table: pa.Table, where: str | None, sample: int | None, seed: int
) -> tuple[pa.Table, list[str]]:
    """Keep the rows of a manifest that are asked for; also say how many were left out and why.

    Parameters
    ----------
    table : pyarrow.Table
    where : str, optional
        An expression, see `faceaudit.row_filter`; a row whose tag is missing is not kept.
    sample, seed : int
        So many rows at random. Each row has the same chance, and every data set and label its
        share of the sample, up to one row.

    Raises
    ------
    FaceAuditError
        If the expression is not understood or keeps no row.
    """
    notes = []
    if where is not None:
        mask = row_mask(table, where)
        unknown = mask.null_count
        kept = table.filter(mask)
        if len(kept) == 0:
            raise FaceAuditError(f"--where {where!r}: no image satisfies it")
        open_ones = f"; of {unknown:,} it is not known, for lack of a tag" if unknown else ""
        notes.append(
            f"Only images with {where} were scored: {len(kept):,} of {len(table):,}{open_ones}."
        )
        table = kept
    if sample is not None and sample < len(table):
        notes.append(
            f"A sample was scored: {sample:,} of {len(table):,} images, drawn at random (seed "
            f"{seed}), of each data set and label its share."
        )
        table = table.take(_drawn(table, sample, seed))
    return table, notes


def _drawn(table: pa.Table, count: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw rows: shuffled, then put in the order of the strata, every so-manieth is taken."""
    rng = np.random.default_rng(seed)
    strata = 2 * Images(table).codes("dataset")[0] + pc.equal(table["label"], "ai").to_numpy()
    shuffled = rng.permutation(len(table))
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    steps = (np.arange(count) + rng.random()) * len(table) / count
    return np.sort(ordered[steps.astype(np.int64)])
