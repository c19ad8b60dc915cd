"""Age bands: the edges, in one place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

#: Lower edge of each band in whole years; FairFace's bands, so that every set can use them.
AGE_BAND_EDGES = (0, 3, 10, 20, 30, 40, 50, 60, 70)
AGE_BANDS = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+")


def age_band(age: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Cut ages in years into `AGE_BANDS`.

    Parameters
    ----------
    age : pyarrow.Array of numbers
        Years; null, negative and not-a-number become null.

    Returns
    -------
    pyarrow.Array of str
    """
    if isinstance(age, pa.ChunkedArray):
        age = age.combine_chunks()
    years = age.cast(pa.float64()).to_numpy(zero_copy_only=False)
    known = np.isfinite(years) & (years >= 0)
    position = np.searchsorted(AGE_BAND_EDGES, np.where(known, years, 0), side="right") - 1
    return pa.array(np.array(AGE_BANDS, dtype=object)[position], pa.string(), mask=~known)
