"""Power: how surely so many images lead to a verdict on a gap, and how many images that takes.

A gap passes or fails by its bounds, each wrong with no more than the chance `error`
(`faceaudit.stats.gaps.gap_bounds`). Nothing here draws random numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from faceaudit.stats import FloatArray
from faceaudit.stats.gaps import pairwise_confidence
from faceaudit.stats.intervals import lower_limit, rate_interval, rate_of

#: As many images as would be asked for at most.
MOST_IMAGES = 10**9
#: The numbers of errors that are told apart; where more can occur, neighbours are taken together.
_COUNTS = 256


def power_to_pass(groups: int, n: int, rate: float, limit: float, error: float) -> float:
    """Chance that the gap passes if every group has `n` images and the same true `rate`.

    Exact, over the joint distribution of the fewest and the most errors in a group: among equally
    many images no other pair of groups has a larger upper bound.
    """
    x = _plausible(n, rate)
    low, high = rate_interval(x, n, 1 - 2 * error)
    share = x / n
    # Row: errors of the lowest group, column: of the highest.
    upper = share - share[:, None] + np.hypot(high - share, (share - low)[:, None])
    most = (upper <= limit).sum(axis=1)
    up_to = np.append(0.0, _at_most(x, n, rate))
    top = np.maximum(up_to[most], up_to[1:])
    # All groups have at least x errors and none has more than `most`, less: all have more than x.
    alone = (top - up_to[:-1]) ** groups - (top - up_to[1:]) ** groups
    return float(alone[most > np.arange(len(x))].sum())


def power_to_fail(
    groups: int, n: int, rate: float, excess: float, limit: float, error: float
) -> float:
    """Chance that the gap fails if one of `groups` of `n` images lies `excess` above the others.

    Exact, but for the gaps among the others, which can only add a part of `error` to it.
    """
    y, x = _plausible(n, rate + excess), _plausible(n, rate)
    confidence = pairwise_confidence(groups, 1 - error)
    share, other = y / n, x / n
    down = share - lower_limit(y, n, confidence)
    up = rate_interval(x, n, confidence)[1] - other
    lower = share[:, None] - other - np.hypot(down[:, None], up)
    # Errors of the lowest among the others with which so many of the one group are beyond.
    enough = (lower > limit).sum(axis=1)
    found = 1 - (1 - np.append(0.0, _at_most(x, n, rate))[enough]) ** (groups - 1)
    return float(found @ np.diff(_at_most(y, n, rate + excess), prepend=0))


def images_to_pass(groups: int, rate: float, limit: float, error: float, power: float) -> int:
    """Images of each group with which `power_to_pass` is at least `power`.

    The smallest number to one in a hundred. As errors are counted, power is a saw-tooth: with a few
    more images it can be up to 2 points less, and 5 where a group expects less than one error.
    """
    return _fewest(lambda n: power_to_pass(groups, n, rate, limit, error), power)


def images_to_fail(
    groups: int, rate: float, excess: float, limit: float, error: float, power: float
) -> int:
    """Images of each group with which `power_to_fail` is at least `power`, as `images_to_pass`."""
    return _fewest(lambda n: power_to_fail(groups, n, rate, excess, limit, error), power)


def images_to_decide(
    events: ArrayLike, n: ArrayLike, limit: float, error: float, power: float = 0.8
) -> int:
    """Images of each group with which a gap would pass, were there none, with chance `power`.

    The rate is that of all images together, half an error more in one image more: it is never 0.

    Parameters
    ----------
    events, n : array_like, shape (groups,)
        Of the groups that are compared; those without images are none.
    limit : float
        Above 0.
    """
    events, n = np.asarray(events), np.asarray(n)
    return images_to_pass(int((n > 0).sum()), rate_near(events, n), limit, error, power)


def rate_near(events: ArrayLike, n: ArrayLike) -> float:
    """A plausible rate of all images together: half an error more in one image more."""
    return float((np.sum(events) + 0.5) / (np.sum(n) + 1))


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


def _fewest(power_of: Callable[[int], float], power: float) -> int:
    """Double and halve until no 1 % fewer images are known to have the power."""
    low, high = 1, 16
    while power_of(high) < power:
        if high > MOST_IMAGES:
            raise ValueError("no number of images has this power")
        low, high = high, 2 * high
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high


def _plausible(n: float, rate: float) -> FloatArray:
    """Numbers of errors in `n` images of which no other has a chance worth counting."""
    mean, deviation = n * rate, np.sqrt(n * rate * (1 - rate))
    low, high = np.floor(mean - 6 * deviation - 3), np.ceil(mean + 7 * deviation + 7)
    low, high = max(0.0, low), min(float(n), high)
    return np.unique(np.linspace(low, high, min(int(high - low) + 1, _COUNTS)).round())


def _at_most(x: FloatArray, n: float, rate: ArrayLike) -> FloatArray:
    """Chance of at most `x` errors in `n` images; `n` need not be whole."""
    below = special.betaincc(x + 1, np.maximum(n - x, 1e-9), rate)
    return np.asarray(np.where(x < n, below, 1.0))
