"""Error rates along an order: a line through groups (Cochran–Armitage), a curve over a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats
from scipy.interpolate import CubicSpline

from faceaudit.stats import FloatArray
from faceaudit.stats.firth_risk_ratios import firth_logistic, quadratic
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.means import Mean

#: Fewest and most knots of a curve. Outside of them, at shares of the images, it is straight.
KNOTS = (5, 12)
ENDS = (0.01, 0.99)


@dataclass(frozen=True)
class Trend:
    """A line through the rates of ordered groups; arrays of shape (..., 1), for the last axis."""

    #: Change of the rate from one place to the next, with its interval; NaN without an error, with
    #: nothing but errors, or in a single place.
    slope: FloatArray
    low: FloatArray
    high: FloatArray
    #: The rate on the line at the ends, from 0 to 1.
    first: FloatArray
    last: FloatArray
    #: Of the Cochran–Armitage test that there is no trend.
    p: FloatArray


def linear_trend(
    events: ArrayLike, n: ArrayLike, place: ArrayLike, confidence: float = 0.95
) -> Trend:
    """Fit a line to the rates of groups by least squares, each weighted by its images.

    Parameters
    ----------
    events, n : array_like, shapes (..., groups) and (..., groups) or (groups,)
    place : array_like, shape (groups,)
        Rising.
    confidence : float
        Of the slope's interval, which holds 0 where the test does not reject, and only there.

    Notes
    -----
    The interval has all slopes b at which the observed one is no further away than z standard
    errors, those of rates on the line of slope b through the overall rate. That is a quadratic
    equation in b, as Wilson's interval is in the rate, and at b = 0 the Cochran–Armitage test.

    References
    ----------
    Cochran (1954), Biometrics 10, 417–451; Armitage (1955), Biometrics 11, 375–386; variance as
    of statsmodels' ``Table.test_ordinal_association``.
    """
    events, n, place = (np.asarray(of, float) for of in (events, n, place))
    size = n.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = place - (n * place).sum(axis=-1, keepdims=True) / size
        second, third, fourth = (
            (n * distance**power).sum(axis=-1, keepdims=True) for power in (2, 3, 4)
        )
        rate = rate_of(events.sum(axis=-1, keepdims=True), size)
        # Divided counts do not add up to the last digit.
        some = (rate > 1e-9) & (rate < 1 - 1e-9)
        variance = np.where(some, rate * (1 - rate), np.nan)
        slope = (events * distance).sum(axis=-1, keepdims=True) / second + 0 * variance
        # Drawn without replacement from these images.
        drawn = size / (size - 1)
        p = 2 * stats.norm.sf(np.abs(slope) / np.sqrt(variance / second * drawn))
        z = stats.norm.isf((1 - confidence) / 2) ** 2 * drawn
        scale = 1 + z * fourth / second**2
        centre = (slope + z * (1 - 2 * rate) * third / second**2 / 2) / scale
        square = centre**2 - (slope**2 - z * variance / second) / scale
    margin = np.sqrt(square.clip(0))
    line = (rate + slope * distance).clip(0, 1)
    return Trend(slope, centre - margin, centre + margin, line[..., :1], line[..., -1:], p)


def smooth_rate(
    events: ArrayLike, n: ArrayLike, place: ArrayLike, confidence: float = 0.95
) -> Mean | None:
    """Fit a smooth curve to rates over a number; None if the regression finds no answer.

    With a band for all of it; shape (places,).

    Parameters
    ----------
    events, n : array_like, shape (places,)
        Errors, and images that could have been one.
    place : array_like, shape (places,)
        Rising, as the whole years of an age.
    confidence : float
        Chance that the band holds the whole curve.

    Notes
    -----
    Logistic regression with Firth's penalty on a natural cubic spline; the band is
    Scheffé's, of the log odds.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, 2nd ed., 2.4.5; Scheffé (1953), Biometrika 40,
    87–104.
    """
    events, n, place = (np.asarray(of, float) for of in (events, n, place))
    # More errors show finer bends; with too few knots the curve misses them, and the band with it.
    number = np.clip(np.cbrt(events.sum()).round() + 2, *KNOTS)
    shares = np.linspace(*ENDS, int(number)) * n.sum()
    knots = np.unique(place[n.cumsum().searchsorted(shares)])
    if len(knots) < 3:
        return None
    spline = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    within = place.clip(knots[0], knots[-1])
    rows = spline(within) + spline(within, 1) * (place - within)[:, None]
    # The columns add up to 1: with a level in place of the first they span the same curves.
    rows[:, 0] = 1
    fitted = firth_logistic(rows, events, n)
    if fitted is None:
        return None
    coefficients, covariance = fitted
    error = np.sqrt(quadratic(rows, covariance))
    margin = np.sqrt(stats.chi2.ppf(confidence, len(knots))) * error
    centre = rows @ coefficients
    return Mean(*(special.expit(centre + of) for of in (0.0, -margin, margin)))
