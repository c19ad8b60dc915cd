"""Slices that nobody named: where errors gather, found among some images, tested on others.

A slice is what some conditions have in common, such as one value of a tag and a file under so many
bytes. It is compared with other images of the same data sets of which the same facts are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.significance import more_often

BoolArray = NDArray[np.bool_]
#: The numbers of its conditions.
Slice = tuple[int, ...]

#: Most conditions of a slice, and how many slices of two are tried with a third.
DEPTH, BEAM = 3, 64
#: Slices that are counted at a time, and clear ones that are looked at once more.
AT_ONCE, LOOKED_AT = 32, 300
#: Standard errors by which a slice must stand out from what is around it (one-sided 1 %), and one
#: of several conditions (0.13 %), of which many more are tried.
CLEAR, CLEARER = 2.326, 3.0


@dataclass(frozen=True)
class Conditions:
    """What can be said of images."""

    #: The conditions in words.
    names: list[str]
    #: The tag or other fact that each is about, shape (conditions,).
    fact: IntArray
    #: Whether it holds of the image, shape (images, conditions).
    holds: BoolArray
    #: Whether that fact is known of the image, shape (images, facts).
    known: BoolArray

    def take(self, rows: BoolArray | IntArray) -> Conditions:
        """Give those of some images."""
        return Conditions(self.names, self.fact, self.holds[rows], self.known[rows])

    def inside(self, conditions: Slice) -> BoolArray:
        """Tell which images are in a slice."""
        return np.asarray(self.holds[:, [*conditions]].all(axis=1))

    def around(self, conditions: Slice) -> list[BoolArray]:
        """Tell what a slice is part of: without each of its conditions, and without any.

        Of all these images the facts of the slice are known.
        """
        known = self.known[:, self.fact[[*conditions]]].all(axis=1)
        less = [tuple(of for of in conditions if of != without) for without in conditions]
        return [known & self.inside(of) for of in (*less, ())]


def halves(stratum: IntArray, clusters: IntArray | None, seed: int) -> BoolArray:
    """Draw half of the images, and of each stratum; what hangs together stays together."""
    unit = np.arange(len(stratum)) if clusters is None else clusters
    _, some_image, unit = np.unique(unit, return_index=True, return_inverse=True)
    lot = np.random.default_rng(seed).random(len(some_image))
    drawn = np.empty(len(some_image), bool)
    drawn[np.lexsort((lot, stratum[some_image]))] = np.arange(len(some_image)) % 2 == 0
    return drawn[unit]


def find_slices(
    given: Conditions, wrong: BoolArray, stratum: IntArray, smallest: int, most: int
) -> list[Slice]:
    """Find the slices in which errors gather most clearly, the clearest first.

    Parameters
    ----------
    wrong : bool array, shape (images,)
    stratum : int array, shape (images,)
        Images of other strata are not compared.
    smallest : int
        Fewest images of a slice.
    most : int
        So many are returned at most.

    Notes
    -----
    All slices of one or two conditions are counted as matrix products [1]_, and those of three
    that add a condition to the best of two. Each is scored by Mantel and Haenszel's statistic
    against all others, and is left out if it is not clear against those that have all of its
    conditions but one: no condition is idle. It is also passed over if it is not clear with
    membership of the slices before it held equal.

    References
    ----------
    .. [1] Sagadeeva & Boehm (2021), SliceLine, SIGMOD, 2290–2299.
    """
    # Each stratum is one stretch of rows, its errors at the end.
    order = np.lexsort((wrong, stratum))
    given, wrong, stratum = given.take(order), wrong[order], stratum[order]
    starts = np.flatnonzero(np.diff(stratum, prepend=-1))
    strata = [slice(*ends) for ends in zip(starts, [*starts[1:], len(stratum)], strict=True)]
    counted = np.hstack([given.holds, given.known]).astype(np.float32)
    found: dict[Slice, float] = {}
    beam: list[Slice] = [()]
    for depth in range(DEPTH):
        deeper: dict[Slice, float] = {}
        for start in range(0, len(beam), AT_ONCE):
            some = beam[start : start + AT_ONCE]
            least, score = _extended(given, counted, wrong, strata, some, smallest)
            # All single conditions go on: two may matter together of which neither does alone.
            for i, condition in np.argwhere(least > (CLEARER if depth else -np.inf)).tolist():
                deeper[tuple(sorted((*some[i], condition)))] = float(score[i, condition])
        found |= {of: score for of, score in deeper.items() if score > CLEAR}
        beam = sorted(deeper, key=deeper.__getitem__, reverse=True)[: BEAM if depth else None]
    chosen: list[Slice] = []
    for conditions in sorted(found, key=found.__getitem__, reverse=True)[:LOOKED_AT]:
        if len(chosen) == most:
            break
        inside = given.inside(conditions)
        sides = [_count(inside, of, wrong, stratum) for of in given.around(conditions)]
        if min(_score(of[0].sum(), *_moments(*of[1:]).sum(axis=1)) for of in sides) > CLEAR:
            chosen.append(conditions)
            stratum = np.unique(2 * stratum + inside, return_inverse=True)[1]
    return chosen


def _extended(
    given: Conditions,
    counted: NDArray[np.float32],
    wrong: BoolArray,
    strata: Sequence[slice],
    slices: Sequence[Slice],
    smallest: int,
) -> tuple[FloatArray, FloatArray]:
    """Score each of some slices with each condition added; shape (slices, conditions).

    The least score against anything around it, and that against all others.
    """
    conditions = len(given.names)
    known = conditions + given.fact
    masks = np.array([of for part in slices for of in (given.inside(part), *given.around(part))])
    shape = len(slices), len(masks) // len(slices), -1
    totals = np.zeros((2, len(slices), conditions))
    moments = np.zeros((2, len(slices), shape[1], conditions))
    for rows in strata:
        first_error = rows.start + int(np.count_nonzero(~wrong[rows]))
        inside, around = [], []
        for start in (first_error, rows.start):
            product = masks[:, start : rows.stop].astype(np.float32) @ counted[start : rows.stop]
            of = product.astype(float).reshape(shape)
            inside.append(of[:, 0, :conditions])
            # Without the added condition, without one of the others, and without any.
            parts = of[:, :1, known], of[:, 1:-1, :conditions], of[:, -1:, known]
            around.append(np.concatenate(parts, axis=1))
        totals += inside
        moments += _moments(inside[1][:, None], *around)
    score = _score(totals[0][:, None], *moments)
    least = np.where(totals[1] >= smallest, score.min(axis=1), -np.inf)
    return least, score[:, -1]


def _count(inside: BoolArray, around: BoolArray, wrong: BoolArray, stratum: IntArray) -> FloatArray:
    """Count errors and images of a slice, then of what is around it, the slice among them.

    Shape (4, strata).
    """
    strata = int(stratum.max(initial=0)) + 1
    masks = (inside & wrong, inside, around & wrong, around)
    return np.array([np.bincount(stratum[of], minlength=strata) for of in masks], float)


def _moments(n: FloatArray, all_x: FloatArray, all_n: FloatArray) -> FloatArray:
    """Give mean and variance of a slice's errors if it were any of the images around it."""
    size = np.maximum(all_n, 2)
    mean = n * all_x / size
    return np.array([mean, mean * (all_n - n) * (all_n - all_x) / (size * (size - 1))])


def _score(x: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Give the standard errors by which there are more errors; none where there can be no more."""
    more = x - 0.5 - mean
    return np.divide(more, np.sqrt(variance), out=np.full_like(mean, -np.inf), where=variance > 0)


@dataclass(frozen=True)
class Tested:
    """A slice among images that it was not found among.

    `n` images of it, of data sets that have others, with `events` errors and the ends of an
    interval of their rate; the rate of the `rest_n` others, of each set as many as in the slice;
    and the p-value that it errs no more often.
    """

    conditions: Slice
    n: int
    events: int
    low: float
    high: float
    rest_n: int
    rest: float
    p: float


def put_to_test(
    given: Conditions,
    wrong: BoolArray,
    stratum: IntArray,
    clusters: IntArray | None,
    conditions: Slice,
    confidence: float,
) -> Tested:
    """Test a slice that was found among other images; parameters are those of `find_slices`.

    Notes
    -----
    It must err more often than all others and than what each of its conditions leaves out, in
    exact tests within strata. The largest of their p-values counts, which needs no adjustment
    (intersection–union).

    References
    ----------
    Berger (1982), Technometrics 24(4), 295–300.
    """
    inside = given.inside(conditions)
    p = 0.0
    for around in given.around(conditions):
        x, n, all_x, all_n = _count(inside, around, wrong, stratum)
        (effects,) = design_effects(clusters, np.where(around, inside, -1), 2, wrong)
        rest = all_x - x, all_n - n
        p = max(p, more_often(x / effects[1], n / effects[1], *(of / effects[0] for of in rest)))
    # The last is all others; where a data set has none, nothing is compared.
    x, n, rest_x, rest_n = np.stack([x, n, *rest])[:, (n > 0) & (rest[1] > 0)]
    low, high = rate_interval(x.sum() / effects[1], n.sum() / effects[1], confidence)
    return Tested(
        conditions,
        n=int(n.sum()),
        events=int(x.sum()),
        low=float(low),
        high=float(high),
        rest_n=int(rest_n.sum()),
        rest=float(rate_of(n @ (rest_x / rest_n), n.sum())),
        p=p,
    )
