"""Significance tests on counts, and the adjustment for having asked many questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

#: Below this many expected errors or non-errors in a group, chi-square is not trusted.
SMALL_EXPECTED = 5
#: Tables drawn with the margins fixed, where chi-square is not trusted.
DRAWS = 20_000


@dataclass(frozen=True)
class TestOfAlike:
    """Whether all groups can have the same rate: p-value and how it was found."""

    p: float
    method: str


def all_alike(events: ArrayLike, n: ArrayLike, seed: int = 0) -> TestOfAlike | None:
    """Test that all groups have the same rate.

    Pearson's chi-square where every group expects at least five errors and five non-errors;
    otherwise the same statistic over tables drawn with both margins fixed (the groups are
    shuffled among the images), so the p-value is exact up to the number of draws.

    Parameters
    ----------
    events, n : array_like of int, shape (groups,)
        Groups with n = 0 are left out.
    seed : int
        Of the draws.

    Returns
    -------
    TestOfAlike or None
        None with fewer than two groups that have images.

    References
    ----------
    Patefield (1981), Applied Statistics 30(1), 91–97; Phipson & Smyth (2010), Statistical
    Applications in Genetics and Molecular Biology 9(1), article 39, for (b + 1) / (m + 1).
    """
    events, n = np.asarray(events), np.asarray(n)
    events, n = events[n > 0], n[n > 0]
    if len(n) < 2:
        return None
    total, size = int(events.sum()), int(n.sum())
    if total in (0, size):
        return TestOfAlike(1.0, "no group differs: all images are called alike")
    if n.min() * min(total, size - total) / size >= SMALL_EXPECTED:
        p = stats.chi2_contingency(np.stack([events, n - events]), correction=False).pvalue
        return TestOfAlike(float(p), "Pearson's chi-square")
    random = np.random.default_rng(seed)
    draws = random.multivariate_hypergeometric(n, total, size=DRAWS, method="marginals")
    observed = _chi_square(events, n, total, size)
    # Ties must count as at least as extreme in spite of rounding.
    as_extreme = _chi_square(draws, n, total, size) >= observed * (1 - 1e-9)
    p = (as_extreme.sum() + 1) / (DRAWS + 1)
    return TestOfAlike(float(p), f"chi-square, permutation ({DRAWS:,} draws)")


def _chi_square(
    events: NDArray[np.int64], n: NDArray[np.int64], total: int, size: int
) -> FloatArray:
    expected = n * (total / size)
    return np.asarray(((events - expected) ** 2 / expected).sum(axis=-1) / (1 - total / size))


def each_against_rest(events: ArrayLike, n: ArrayLike) -> FloatArray:
    """Test each group's rate against that of all other groups together (Fisher's exact test).

    Parameters
    ----------
    events, n : array_like of int, shape (groups,)

    Returns
    -------
    float64 array, shape (groups,)
        Two-sided p-values; NaN where the group or the rest has no image.
    """
    events, n = np.asarray(events), np.asarray(n)
    total, size = int(events.sum()), int(n.sum())
    return np.array(
        [
            stats.fisher_exact([[x, m - x], [total - x, size - m - total + x]]).pvalue
            if 0 < m < size
            else np.nan
            for x, m in zip(events.tolist(), n.tolist(), strict=True)
        ],
        dtype=float,
    )


def adjust(p_values: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Adjust p-values for all being asked together.

    Parameters
    ----------
    p_values : sequence of float
        All p-values of one audit.

    Returns
    -------
    holm, bh : float64 array
        Holm's (chance of any false alarm) and Benjamini–Hochberg's (share of false alarms).

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65–70; Benjamini & Hochberg (1995),
    Journal of the Royal Statistical Society B 57, 289–300.
    """
    from statsmodels.stats.multitest import multipletests

    if len(p_values) == 0:
        return np.empty(0), np.empty(0)
    holm = multipletests(p_values, method="holm")[1]
    return holm, multipletests(p_values, method="fdr_bh")[1]
