"""Ranks of several things whose values were estimated, with the ranks that are not excluded."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceaudit.stats import IntArray


def rank_ranges(low: ArrayLike, high: ArrayLike) -> tuple[IntArray, IntArray]:
    """Find the ranks that each may have: 1 is the lowest value.

    Parameters
    ----------
    low, high : array_like, shape (things, things)
        Limits of the value of the column's thing minus that of the row's. If all hold together
        with some confidence, all ranges do too, whatever the values are.

    Returns
    -------
    best, worst : int64 array, shape (things,)
        As many are shown to be lower as there are ranks before the best, and as many are shown
        to be higher as there are after the worst. Things that are alike share the ranks that they
        take together, each of which counts as theirs.

    References
    ----------
    Klein, Wright & Wieczorek (2020), Journal of the Royal Statistical Society A 183, 589–606;
    Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91, 476–518.
    """
    low, high = np.asarray(low), np.asarray(high)
    return 1 + (high < 0).sum(axis=1), len(low) - (low > 0).sum(axis=1)


def whole_numbers(score: NDArray[np.float32]) -> IntArray:
    """Return whole numbers that rise and fall as scores do, less than 2 ** 31 from 0."""
    bits = (score + np.float32(0)).view(np.int32)
    return np.asarray(_turned(bits), np.int64)


def scores_of(whole: IntArray) -> NDArray[np.float32]:
    """Return the scores of which `whole_numbers` made those."""
    return _turned(whole.astype(np.int32)).view(np.float32)


def _turned(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """Below zero, where whole numbers rise as floats fall, turn all bits but the sign's."""
    return bits ^ (bits >> np.int32(31) & np.int32(2**31 - 1))
