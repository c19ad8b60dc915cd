"""Intervals for rates, their differences and ratios; every one keeps its nominal coverage.

How each was chosen, and what it covers, is in docs/statistics.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from faceaudit.stats import FloatArray

Interval = tuple[FloatArray, FloatArray]


def rate_interval(events: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Interval:
    """Clopper–Pearson interval of a binomial proportion.

    Parameters
    ----------
    events, n : array_like of int, shapes that broadcast
        Errors, and images that could have been one.
    confidence : float
        Coverage that is guaranteed for every n and every true rate.

    Returns
    -------
    low, high : float64 array
        NaN where n is 0, here and below.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26(4), 404–413.
    """
    rest = np.subtract(n, events)
    return lower_limit(events, n, confidence), 1 - lower_limit(rest, n, confidence)


def lower_limit(events: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> FloatArray:
    """Lower end of `rate_interval`."""
    events, n = np.asarray(events, float), np.asarray(n, float)
    # Without an event the limit is 0 and no quantile; the 1 there is only a stand-in.
    some = np.where(events == 0, 1, events)
    low = special.betaincinv(some, n - events + 1, (1 - confidence) / 2)
    return np.where(n > 0, np.where(events == 0, 0.0, low), np.nan)


def difference_interval(
    events: ArrayLike,
    n: ArrayLike,
    reference_events: ArrayLike,
    reference_n: ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """Interval of rate minus reference rate, of independent groups (MOVER).

    Each limit adds in quadrature what the single intervals allow in that direction.

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27, 1693–1702; Newcombe (1998), 17, 873–890.
    """
    p, low, high = _with_interval(events, n, confidence)
    q, q_low, q_high = _with_interval(reference_events, reference_n, confidence)
    return (
        p - q - np.hypot(p - low, q_high - q),
        p - q + np.hypot(high - p, q - q_low),
    )


def ratio_interval(
    events: ArrayLike,
    n: ArrayLike,
    reference_events: ArrayLike,
    reference_n: ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """Interval of rate over reference rate, of independent groups (MOVER-R).

    Zero errors: without an error in the reference the upper limit is infinite, without one in
    the group the lower limit is 0; without any the interval is (0, ∞), which is no evidence.

    References
    ----------
    Donner & Zou (2012), Statistical Methods in Medical Research 21(4), 347–359.
    """
    p, low, high = _with_interval(events, n, confidence)
    q, q_low, q_high = _with_interval(reference_events, reference_n, confidence)
    below = low * (2 * p - low)
    above = q_low * (2 * q - q_low)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The published lower limit, multiplied out so that nothing cancels.
        root = np.sqrt(np.maximum((p * q) ** 2 - below * q_high * (2 * q - q_high), 0))
        lower = below / (p * q + root)
        root = np.sqrt(np.maximum((p * q) ** 2 - high * (2 * p - high) * above, 0))
        upper = (p * q + root) / above
    lower = np.where(p == 0, 0.0, lower)
    upper = np.where(q == 0, np.inf, upper)
    undefined = np.isnan(p + q)
    return np.where(undefined, np.nan, lower), np.where(undefined, np.nan, upper)


def paired_difference_interval(
    both: ArrayLike,
    only_first: ArrayLike,
    only_second: ArrayLike,
    neither: ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """Interval of second minus first rate of two classifiers on the same images (MOVER).

    The rates differ by what only the second calls wrongly less what only the first does; the
    images on which both agree count through their number alone.

    Parameters
    ----------
    both, only_first, only_second, neither : array_like of int
        Images on which both classifiers err, only the first, only the second, neither.

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27, 1693–1702, for correlated estimates;
    Newcombe (1998), Statistics in Medicine 17, 2635–2650, method 10, for the idea with pairs.
    """
    n = np.add(np.add(both, only_first), np.add(only_second, neither))
    p, low, high = _with_interval(only_second, n, confidence)
    q, q_low, q_high = _with_interval(only_first, n, confidence)
    # An image is in one cell only, so the two shares are negatively correlated. Half an image
    # in each keeps that so where one of them is not seen at all.
    a, b = np.add(only_first, 0.5), np.add(only_second, 0.5)
    correlation = -np.sqrt(a * b / ((n + 1 - a) * (n + 1 - b)))
    return (
        p - q - _joint(p - low, q_high - q, correlation),
        p - q + _joint(high - p, q - q_low, correlation),
    )


def _joint(first: FloatArray, second: FloatArray, correlation: FloatArray) -> FloatArray:
    return np.sqrt(first**2 + second**2 - 2 * correlation * first * second)


def _with_interval(
    events: ArrayLike, n: ArrayLike, confidence: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    return rate_of(events, n), *rate_interval(events, n, confidence)


def ratio_to_rest(
    events: ArrayLike, n: ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Divide each group's rate by that of all other groups together, with a `ratio_interval`.

    Arrays of shape (groups,). The ratio is NaN also where neither has an error.
    """
    events, n = np.asarray(events), np.asarray(n)
    rest, rest_n = events.sum() - events, n.sum() - n
    low, high = ratio_interval(events, n, rest, rest_n, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        return rate_of(events, n) / rate_of(rest, rest_n), low, high


def rate_of(events: ArrayLike, n: ArrayLike) -> FloatArray:
    """Divide events by n; NaN where n is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(events, n, dtype=float)
