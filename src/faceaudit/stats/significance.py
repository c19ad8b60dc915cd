"""Significance tests on counts, and the adjustment for having asked many questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from faceaudit.stats import FloatArray

#: Below this many expected errors or non-errors in a group, chi-square is not trusted.
SMALL_EXPECTED = 5
#: Most tables drawn with the margins fixed, where chi-square is not trusted …
DRAWS = 10_000
#: … and how many as extreme as the observed one are enough to stop.
ENOUGH = 50
#: Relative difference below which two chances are the same.
TIE = 1e-12


@dataclass(frozen=True)
class TestOfAlike:
    """Whether all groups can have the same rate: p-value and how it was found."""

    p: float
    method: str


def all_alike(events: ArrayLike, n: ArrayLike, seed: int = 0) -> TestOfAlike | None:
    """Test that all groups have the same rate; None with fewer than two that have images.

    Pearson's chi-square where every group expects at least five errors and five non-errors.
    Otherwise Fisher's exact test for two groups, and for more the chi-square statistic over
    tables drawn with both margins fixed (the groups are shuffled among the images): the
    p-value is then valid for any counts, and as fine as the number of draws.

    Parameters
    ----------
    events, n : array_like of int, shape (groups,)
        Groups with n = 0 are left out. Numbers of independent images that are not whole are
        rounded for exact tests.
    seed : int
        Of the draws.

    References
    ----------
    Cochran (1954), Biometrics 10, 417–451, for the rule of five; Besag & Clifford (1991),
    Biometrika 78(2), 301–304, for stopping early.
    """
    events, n = np.asarray(events), np.asarray(n)
    events, n = events[n > 0], n[n > 0]
    if len(n) < 2:
        return None
    total, size = events.sum(), n.sum()
    if total in (0, size):
        return TestOfAlike(1.0, "no group differs: all images are called alike")
    if n.min() * min(total, size - total) / size >= SMALL_EXPECTED:
        p = stats.chi2_contingency(np.stack([events, n - events]), correction=False).pvalue
        return TestOfAlike(float(p), "Pearson's chi-square")
    events, n = _whole(events, n)
    total, size = int(events.sum()), int(n.sum())
    if total in (0, size):
        return TestOfAlike(1.0, "no group differs: all images are called alike")
    if len(n) == 2:
        p = _fisher(int(events[0]), int(n[0]), total, size)
        return TestOfAlike(p, "Fisher's exact test")
    return TestOfAlike(_permutation_p(events, n, seed), "chi-square by permutation")


def _whole(events: ArrayLike, n: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Round to whole images; a group that has any keeps one."""
    n = np.asarray(n)
    whole = np.where(n > 0, np.maximum(np.rint(n), 1), 0).astype(np.int64)
    return np.minimum(np.rint(events).astype(np.int64), whole), whole


def _permutation_p(events: NDArray[np.int64], n: NDArray[np.int64], seed: int) -> float:
    random = np.random.default_rng(seed)
    total, size = int(events.sum()), int(n.sum())
    # Ties must count as at least as extreme in spite of rounding.
    observed = _chi_square(events, n, total, size) * (1 - 1e-9)
    found = drawn = 0
    while drawn < DRAWS:
        batch = min(1_000, DRAWS - drawn)
        draws = random.multivariate_hypergeometric(n, total, size=batch, method="marginals")
        as_extreme = np.flatnonzero(_chi_square(draws, n, total, size) >= observed)
        if found + len(as_extreme) >= ENOUGH:
            return float(ENOUGH / (drawn + as_extreme[ENOUGH - found - 1] + 1))
        found += len(as_extreme)
        drawn += batch
    return (found + 1) / (drawn + 1)


def _chi_square(
    events: NDArray[np.int64], n: NDArray[np.int64], total: int, size: int
) -> FloatArray:
    expected = n * (total / size)
    return np.asarray(((events - expected) ** 2 / expected).sum(axis=-1) / (1 - total / size))


def each_against_rest(events: ArrayLike, n: ArrayLike) -> FloatArray:
    """Test each group's rate against that of all other groups together (Fisher's exact test).

    Two-sided p-values, shape (groups,); NaN where the group or the rest has no image.
    """
    events, n = _whole(events, n)
    total, size = int(events.sum()), int(n.sum())
    # Many small groups have the same counts, and then the same p-value.
    tables, position = np.unique(np.stack([events, n]), axis=1, return_inverse=True)
    p = [_fisher(x, m, total, size) if 0 < m < size else np.nan for x, m in tables.T.tolist()]
    return np.array(p, dtype=float)[position.ravel()]


def mcnemar(only_first: ArrayLike, only_second: ArrayLike) -> FloatArray:
    """Test that, of the images called wrongly under one of two conditions, half are so under each.

    The exact binomial test, two-sided; numbers of independent images that are not whole are
    rounded.

    References
    ----------
    McNemar (1947), Psychometrika 12, 153–157.
    """
    changed = np.rint(np.stack([only_first, only_second])).astype(int)
    p = 2 * special.bdtr(changed.min(axis=0), changed.sum(axis=0), 0.5)
    return np.asarray(np.minimum(p, 1.0))


def more_often(events: ArrayLike, n: ArrayLike, rest_events: ArrayLike, rest_n: ArrayLike) -> float:
    """Test that a group errs more often than the rest of its strata (one-sided, exact).

    Arrays of shape (strata,); numbers of independent images that are not whole are rounded.

    References
    ----------
    Mehta, Patel & Gray (1985), Journal of the American Statistical Association 80, 969–973: given
    the errors of each stratum, the group's are a sum of hypergeometric numbers.
    """
    (x, m), (rest_x, rest_m) = _whole(events, n), _whole(rest_events, rest_n)
    fewest, chances = 0, np.ones(1)
    for images, total, size in np.stack([m, x + rest_x, m + rest_m], axis=1)[m > 0].tolist():
        start, each = _chances(images, total, size)
        fewest, chances = fewest + start, np.convolve(chances, each / each.sum())
    return min(float(chances[max(int(x.sum()) - fewest, 0) :].sum()), 1.0)


def _chances(n: int, total: int, size: int) -> tuple[int, FloatArray]:
    """Give the fewest errors that `n` of `size` images can have, and the chance of each number.

    As multiples of that of the likeliest, with `total` errors in all. All follow from it by the
    quotients of neighbours, so the cost is that of a few array operations; scipy's
    ``hypergeom.pmf`` takes a quarter of a millisecond a value below 100,000 images.
    """
    rest = size - n - total
    mode = (n + 1) * (total + 1) // (size + 2)
    # Bernstein's inequality: further out, a chance is too small for a float (e^-745).
    variance = n * (total / size) * (1 - total / size)
    reach = math.ceil(745 / 3 + math.sqrt((745 / 3) ** 2 + 2 * 745 * variance)) + 1
    up = np.arange(mode, min(n, total, mode + reach))
    down = np.arange(mode, max(0, -rest, mode - reach), -1)
    above = np.cumprod((n - up) * (total - up) / ((up + 1) * (rest + up + 1)))
    below = np.cumprod(down * (rest + down) / ((n - down + 1) * (total - down + 1)))
    return mode - len(below), np.concatenate([below[::-1], [1.0], above])


def _fisher(events: int, n: int, total: int, size: int) -> float:
    """Sum the chances of all tables with the same margins that are no likelier than this one."""
    fewest, chances = _chances(n, total, size)
    index = events - fewest
    observed = chances[index] if 0 <= index < len(chances) else 0.0
    # Equally likely tables must count in spite of rounding.
    as_extreme = chances <= observed * (1 + TIE)
    return min(float(chances[as_extreme].sum() / chances.sum()), 1.0)


def adjust(p_values: Sequence[float] | FloatArray) -> tuple[FloatArray, FloatArray]:
    """Adjust all p-values of one audit for being asked together.

    Holm's way (chance of any false alarm) and Benjamini–Hochberg's (share of false alarms).

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65–70; Benjamini & Hochberg (1995),
    Journal of the Royal Statistical Society B 57, 289–300.
    """
    if len(p_values) == 0:
        return np.empty(0), np.empty(0)
    # As statsmodels' multipletests, which collects garbage at every call: a tenth of a second.
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    holm = np.empty(len(p))
    holm[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return holm, stats.false_discovery_control(p)
