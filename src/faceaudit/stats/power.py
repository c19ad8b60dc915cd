"""Power: how surely so many images lead to a verdict on a gap, and how many images that takes.

A gap passes or fails by its bounds, each wrong with no more than the chance `error`
(`faceaudit.stats.gaps.gap_bounds`). Nothing here draws random numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.gaps import pairwise_confidence
from faceaudit.stats.intervals import lower_limit, paired_difference_interval, rate_interval

#: As many images as would be asked for at most.
MOST_IMAGES = 10**9
MOST_PAIRS = 10**6
#: The numbers of errors that are told apart; where more can occur, neighbours are taken together.
_COUNTS = 256
#: Sizes of the other groups, numbers of errors in each, and shares of errors in a group at which
#: its excess is looked for.
_SIZES, _NODES, _SHARES = 24, 16, 12
#: Of two classifiers on the same images: numbers of images on which they differ, and of those that
#: only the second gets wrong, that are looked at.
_PAIRED = 9


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


def power_of_pairs(n: int, first: float, second: float, margin: float, error: float) -> float:
    """Chance of a verdict on whether the second of two errs more often by at most a margin.

    Of the verdict that is right. Exact but for the number of images on which they differ, of which
    some quantiles are taken, and for the bound between a few points: right to about 2 points.

    Parameters
    ----------
    n : int
        Images that both judge.
    first, second : float
        Share of the images that only the first, and only the second, gets wrong.
    margin : float
        Largest difference of the error rates, second minus first, that is accepted.
    error : float
        Chance of error of each bound of the difference, a `paired_difference_interval`.
    """
    either, fails = first + second, second - first > margin
    differing = np.ceil(special.bdtrik((np.arange(_PAIRED) + 0.5) / _PAIRED, n, either))
    # The bound, with more and more of them that only the second gets wrong: it hardly bends.
    spread = 2.5 * np.sqrt(differing) + 1
    worse = (differing * second / either)[:, None] + np.outer(spread, np.linspace(-1, 1, _PAIRED))
    worse = np.clip(worse, 0, differing[:, None])
    cells = 0, differing[:, None] - worse, worse, n - differing[:, None]
    bound = paired_difference_interval(*cells, 1 - 2 * error)[0 if fails else 1]
    # As many of them as the bound is still within the margin with; -1 if it never is.
    most = [np.interp(margin, of, at, left=-1) for of, at in zip(bound, worse, strict=True)]
    reached = _at_most(np.floor(np.add(most, 1e-6)), differing, second / either)
    within = float(np.where(np.less(most, 0), 0.0, reached).mean())
    return 1 - within if fails else within


def pairs_to_decide(
    first: float, second: float, n: float, margin: float, error: float, power: float = 0.8
) -> int | None:
    """Images with which two that differ as here get the right verdict with chance `power`.

    Parameters
    ----------
    first, second : float
        Images that only the first, and only the second, gets wrong. Half an image more of each
        in one more image is taken, so that neither share is 0.
    n : float
        Images that both judged.

    Returns
    -------
    int or None
        None where the difference is all but the margin: a million images would not do.
    """
    shares = (first + 0.5) / (n + 1), (second + 0.5) / (n + 1)

    def power_with(images: int) -> float:
        return power_of_pairs(images, *shares, margin, error)

    return _fewest(power_with, power) if power_with(MOST_PAIRS) >= power else None


def rate_near(events: ArrayLike, n: ArrayLike) -> float:
    """A plausible rate of all images together: half an error more in one image more."""
    return float((np.sum(events) + 0.5) / (np.sum(n) + 1))


def excess_to_fail(
    events: ArrayLike, n: ArrayLike, limit: float, error: float, power: float = 0.8
) -> FloatArray:
    """Smallest excess of each group over all others with which the gap fails, with chance `power`.

    The others have one rate: that of all their images, with half an error more in one image more.
    The gap fails if the group is beyond any of them by more than the limit.

    Parameters
    ----------
    events, n : array_like, shape (groups,)
        They need not be whole. Groups without images are left out.

    Returns
    -------
    float64 array, shape (groups,)
        NaN where no excess would do. The power is right to a few points.
    """
    events, n = np.asarray(events, float), np.asarray(n, float)
    found, some = np.full(n.shape, np.nan), np.flatnonzero(n > 0)
    if len(some) < 2:
        return found
    rest = (events.sum() - events[some] + 0.5) / (n.sum() - n[some] + 1)
    others = _Others(n[some], rest, limit, pairwise_confidence(len(some), 1 - error))
    for part in np.array_split(np.arange(len(some)), len(some) // 100 + 1):
        found[some[part]] = others.excess(part, power)
    return found


class _Others:
    """All groups but one, as what that one is to exceed."""

    def __init__(self, n: FloatArray, rest: FloatArray, limit: float, confidence: float) -> None:
        self._n, self._rest = n[:, None], rest[:, None]
        self._limit, self._confidence = limit, confidence
        # Many groups are taken together by size. How many of each size are others, by group:
        classes = np.array_split(np.argsort(n, kind="stable"), min(len(n), _SIZES))
        self._several = np.tile([len(of) for of in classes], (len(n), 1))
        for number, of in enumerate(classes):
            self._several[of, number] -= 1
        self._size = np.array([n[of].mean() for of in classes])
        # Errors that a group of each size may have, shape (sizes, nodes).
        size, low, high = self._size[:, None], rest.min(), rest.max()
        spread = 5 * np.sqrt(size * high * (1 - high)) + 4
        first, last = np.maximum(size * low - spread, 0), np.minimum(size * high + spread, size)
        self._events = first + (last - first) * np.linspace(0, 1, _NODES)
        self._share = self._events / size
        up = rate_interval(self._events, size, confidence)[1] - self._share
        self._square = self._share**2 - up**2

    def excess(self, group: IntArray, power: float) -> FloatArray:
        """Return the smallest excess of some groups, shape (groups,)."""
        n, rest = self._n[group], self._rest[group]
        share, chance = self._needed(group)
        # What is needed lies between two shares in so many cases; half of them count for each.
        weight = np.diff(chance, prepend=0, append=chance[:, -1:])
        weight = (weight[:, :-1] + weight[:, 1:]) / 2
        weight[:, 0] += chance[:, 0] / 2
        short = np.ceil(share * n - 1e-9) - 1

        def enough(rate: FloatArray) -> NDArray[np.bool_]:
            reached = 1 - _about_at_most(short, n, rate)
            return np.asarray((weight * reached).sum(-1, keepdims=True) >= power)

        # At so many standard deviations from these shares it is all but impossible, or certain.
        spread = 2.5 / np.sqrt(n)
        low = np.maximum(share[:, :1] - spread, rest)
        high = np.clip(share[:, -1:] + spread, low, 1)
        found = np.where(enough(np.ones_like(rest)), _bisect(enough, low, high), np.nan)
        return (found - rest)[:, 0]

    def _needed(self, group: IntArray) -> tuple[FloatArray, FloatArray]:
        """Give shares of errors in each group, and the chance that the gap fails with them."""
        n, rest = self._n[group], self._rest[group]
        # First where all others have their rate, of whom the largest counts.
        size = np.where(self._several[group] > 0, self._size, 0).max(1, keepdims=True)
        up = rate_interval(size * rest, size, self._confidence)[1] - rest

        def down(share: FloatArray) -> FloatArray:
            return share - lower_limit(share * n, n, self._confidence)

        middle = np.full_like(rest, 0.5)
        for _ in range(5):  # `down` hardly bends, so that each step leaves little of the error
            middle = np.minimum(rest + self._limit + np.hypot(down(middle), up), 1)
        arm = np.maximum(middle - rest - self._limit, 0)
        first, last = np.maximum(middle - 1.5 * arm, 0), np.minimum(middle + arm, 1)
        # Then closer and closer, where it becomes likely; `down` hardly bends in between.
        start, step = first, (last - first) / (_NODES - 1)
        downs = down(start + step * np.arange(_NODES))
        for _ in range(3):
            share = first + (last - first) * np.linspace(0, 1, _SHARES)
            place = np.clip((share - start) / np.maximum(step, 1e-12), 0, _NODES - 1)
            left = np.minimum(place.astype(np.intp), _NODES - 2)
            ends = [np.take_along_axis(downs, of, 1) for of in (left, left + 1)]
            chance = self._chance(group, share, ends[0] + (ends[1] - ends[0]) * (place - left))
            likely = np.maximum((chance > 0.01).argmax(1) - 1, 0)
            sure = np.where(chance[:, -1] > 0.99, (chance > 0.99).argmax(1), _SHARES - 1)
            first, last = (np.take_along_axis(share, of[:, None], 1) for of in (likely, sure))
        return share, chance

    def _chance(self, group: IntArray, share: FloatArray, down: FloatArray) -> FloatArray:
        """Chance that a group with such a share of errors is beyond, shape (groups, shares)."""
        room = share - self._limit
        # (room - share of the other)² - down² - up², as one product of matrices.
        ours = np.stack([room**2 - down**2, -2 * room, np.ones_like(room)], -1)
        theirs = np.stack([np.ones_like(self._share), self._share, self._square])
        # Not by BLAS, whose threads cost more than so thin a product.
        over = np.einsum("gsk,kon->gson", ours, theirs)
        over[room[..., None] <= self._share[:, 0]] = -1
        # It falls until the other has too many errors, which no more than the last node are.
        over[..., -1] = -1
        high = (over < 0).argmax(-1)
        low = np.maximum(high - 1, 0)
        at_low, at_high = (
            np.take_along_axis(over, of[..., None], -1)[..., 0] for of in (low, high)
        )
        part = at_low / np.where(high > 0, at_low - at_high, 1)
        width = self._events[:, 1] - self._events[:, 0]
        most = np.floor(self._events[:, 0] + (low + part) * width)
        low_enough = _about_at_most(most, self._size, self._rest[group][..., None])
        none = (1 - np.where(high > 0, low_enough, 0)) ** self._several[group][:, None]
        return np.asarray(1 - none.prod(-1))


def _bisect(
    true: Callable[[FloatArray], NDArray[np.bool_]], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Find the least shares between two from which on something is true."""
    for _ in range(9):
        middle = (low + high) / 2
        found = true(middle)
        low, high = np.where(found, low, middle), np.where(found, middle, high)
    return high


def _about_at_most(x: FloatArray, n: FloatArray, rate: FloatArray) -> FloatArray:
    """Give `_at_most` to about a hundredth, and thirty times as fast.

    References
    ----------
    Camp (1951), Annals of Mathematical Statistics 22, 130–131, after Paulson.
    """
    left, least = np.maximum(n - x, 1e-9), np.maximum(x, 0) + 1
    rate = np.minimum(rate, 1 - 1e-12)
    a, b = 1 / (9 * left), 1 / (9 * least)
    ratio = np.cbrt(least * (1 - rate) / (left * rate))
    below = special.ndtr(((1 - b) * ratio - (1 - a)) / np.sqrt(b * ratio**2 + a))
    # Of no errors the chance is as easily exact.
    below = np.where(x < 1, np.exp(n * np.log1p(-rate)), below)
    return np.where(x < 0, 0.0, np.where(x < n, below, 1.0))


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


def _at_most(x: FloatArray, n: float | FloatArray, rate: ArrayLike) -> FloatArray:
    """Chance of at most `x` errors in `n` images; `n` need not be whole."""
    below = special.betaincc(x + 1, np.maximum(n - x, 1e-9), rate)
    return np.asarray(np.where(x < n, below, 1.0))
