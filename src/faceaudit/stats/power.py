"""What an audit could have found: the smallest detectable gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from faceaudit.stats import FloatArray
from faceaudit.stats.intervals import lower_limit, rate_interval, rate_of


def minimum_detectable_gap(
    n: ArrayLike,
    reference_events: ArrayLike,
    reference_n: ArrayLike,
    confidence: float = 0.95,
    power: float = 0.8,
) -> FloatArray:
    """Find the smallest excess over the reference rate that would be detected.

    Detected means that the lower limit of `difference_interval` is above 0. With the
    reference as observed, that needs a certain number of errors in the group's `n` images, and
    the binomial distribution says which true rate gives so many with probability `power`.
    Arrays broadcast; NaN if the group is too small for any excess to be detected.
    """
    n, x, m = np.broadcast_arrays(
        np.asarray(n, np.int64), np.asarray(reference_events), np.asarray(reference_n)
    )
    reference = rate_of(x, m)
    reference_arm = rate_interval(x, m, confidence)[1] - reference
    # Bisection for the fewest errors that are significant: `low` is not, `high` is.
    low, high = np.full(n.shape, -1), n + 1
    while np.any(high - low > 1):
        middle = (low + high) // 2
        errors = np.clip(middle, 0, n)
        rate = rate_of(errors, n)
        arm = np.hypot(rate - lower_limit(errors, n, confidence), reference_arm)
        significant = rate - reference - arm > 0
        high = np.where(significant, middle, high)
        low = np.where(significant, low, np.minimum(middle, high - 1))
    possible = (high <= n) & (n > 0)
    errors = np.where(possible, high, 1)
    # P(X >= errors | n, p) = power, solved for p.
    rate = stats.beta.ppf(power, errors, np.maximum(n - errors + 1, 1))
    return np.where(possible, rate - reference, np.nan)
