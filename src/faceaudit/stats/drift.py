"""Why an error rate differs between two sets: other people, other pictures, or other treatment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.intervals import Interval

BoolArray = NDArray[np.bool_]

#: What a change is made of, in the order of `Change.value`; the last is the whole of it.
PARTS = ("mix", "delivery", "treatment", "alone", "change")
#: Fewest images of a group in a kind of picture that either set needs to be compared.
FEWEST = 2
#: Least degrees of freedom of an interval.
FREEDOM = 4.0
#: Of the parts that other people, pictures and treatment make: Shapley's weight of each of the
#: eight rates that mix, delivery and treatment of the first or the second set would give.
_STEP = np.array([[2, 1], [1, 2]]) / 6
_WEIGHTS = np.array([np.moveaxis(np.array([-_STEP, _STEP]), 0, part) for part in range(3)])


@dataclass(frozen=True)
class Change:
    """A change of an error rate, in parts."""

    #: By `PARTS`; the first four add up to the last. Shape (5,).
    value: FloatArray
    #: How far each image moves them, shape (5, images).
    influence: FloatArray
    #: What the variance is more than these images show, shape (5,).
    unseen: FloatArray
    #: Of each image, as `split_change` is given them; shape (images,).
    second: BoolArray
    wrong: BoolArray
    cluster: IntArray
    #: Images of either set, those of them that have a counterpart in the other, and error rate
    #: (or gap); shape (2,).
    n: FloatArray
    compared: FloatArray
    rate: FloatArray

    def __sub__(self, other: Change) -> Change:
        """Give by how much more the rate of one group changed than that of another."""
        return Change(
            self.value - other.value,
            np.hstack([self.influence, -other.influence]),
            self.unseen + other.unseen,
            np.hstack([self.second, other.second]),
            np.hstack([self.wrong, other.wrong]),
            np.hstack([self.cluster, other.cluster]),
            self.n + other.n,
            self.compared + other.compared,
            self.rate - other.rate,
        )

    def interval(self, confidence: float) -> Interval:
        """Give the ends of an interval of each part (linearised, clusters as wholes).

        Student's t, with as many degrees of freedom as the errors of the two sets are worth
        (Satterthwaite), allows for few errors.
        """
        squares = self.influence**2
        of_sets = np.array([squares[:, of].sum(axis=1) for of in (~self.second, self.second)])
        fewer = [
            max(min(np.count_nonzero(of), np.count_nonzero(~of)) - 1, FREEDOM)
            for of in (self.wrong[~self.second], self.wrong[self.second])
        ]
        variance = of_sets.sum(axis=0)
        spread = (of_sets**2 / np.array(fewer)[:, None]).sum(axis=0)
        freedom = np.divide(
            variance**2, spread, out=np.full(len(spread), FREEDOM), where=spread > 0
        )
        unit = np.unique(self.cluster, return_inverse=True)[1]
        variance = np.array([(np.bincount(unit, of) ** 2).sum() for of in self.influence])
        deviation = np.sqrt(variance + self.unseen)
        margin = stats.t.isf((1 - confidence) / 2, freedom) * deviation
        # Nothing is nothing, and not what rounding leaves.
        return (self.value - margin).round(12) + 0.0, (self.value + margin).round(12) + 0.0


def split_change(
    wrong: BoolArray, second: BoolArray, people: IntArray, kind: IntArray, cluster: IntArray
) -> Change:
    """Split the change of an error rate from a first set of images to a second.

    Parameters
    ----------
    wrong, second : bool array, shape (images,)
        Whether an image is called wrongly, and whether it is of the second set; both have images.
    people, kind, cluster : int array, shape (images,)
        Numbers of the group of people, of the kind of picture, and of what hangs together.

    Notes
    -----
    Where both sets have a group in a kind of picture, a set's rate is the sum over these of share
    of the group × share of the kind among the group's pictures × rate. The three factors are
    exchanged one after the other, and each part is the mean over all orders ([1]_, [2]_: Kitagawa's
    decomposition for three factors), so no order is preferred. That people come first, and pictures
    within them, is a choice: where people and pictures go together, it counts as mix. What
    one set alone has, counts as ``alone`` [3]_; nothing is extrapolated to it.

    References
    ----------
    .. [1] Das Gupta (1993), Standardization and decomposition of rates, US Bureau of the Census.
    .. [2] Shorrocks (2013), Journal of Economic Inequality 11, 99–126.
    .. [3] Ñopo (2008), Review of Economics and Statistics 90(2), 290–299.
    """
    of_set = second.astype(np.int64)
    shape = 2, int(people.max()) + 1, int(kind.max()) + 1
    cell, cells = np.ravel_multi_index((of_set, people, kind), shape), int(np.prod(shape))
    n, x = (np.bincount(cell, of, cells).reshape(shape) for of in (np.ones(len(wrong)), wrong))
    size = n.sum(axis=(1, 2))
    rate = x.sum(axis=(1, 2)) / size
    shared = np.asarray((n >= FEWEST).all(axis=0))
    n, x = n * shared, x * shared
    groups = n.sum(axis=2)
    compared = groups.sum(axis=1)
    value, influence = np.full(5, np.nan), np.zeros((5, len(wrong)))
    value[4] = rate[1] - rate[0]
    influence[4] = np.where(second, 1, -1) * (wrong - rate[of_set]) / size[of_set]
    # One error more or less in either set.
    unseen = np.array([0, 0, 1, 0, 1]) * (1 / size**2).sum()
    inside = shared[people, kind]
    if shared.any():
        p, of_kinds = groups / compared[:, None], np.maximum(groups, 1)[:, :, None]
        of_cell = np.maximum(n, 1)
        q, r = n / of_kinds, x / of_cell
        value[:3] = np.einsum("sabc,ag,bgk,cgk->s", _WEIGHTS, p, q, r)
        by_p = np.einsum("sabc,bgk,cgk->sag", _WEIGHTS, q, r)
        by_q = np.einsum("sabc,ag,cgk->sbgk", _WEIGHTS, p, r)
        by_r = np.einsum("sabc,ag,bgk->scgk", _WEIGHTS, p, q)
        # An image adds to its own share what it takes from all.
        by_p = (by_p - (p * by_p).sum(axis=2, keepdims=True)) / compared[:, None]
        by_q = (by_q - (q * by_q).sum(axis=3, keepdims=True)) / of_kinds
        at = of_set[inside], people[inside], kind[inside]
        residual = (wrong[inside] - r[at]) / n[at]
        influence[:3, inside] = by_p[:, at[0], at[1]] + by_q[:, *at] + by_r[:, *at] * residual
        # Few images seem to vary less than they do: as if two more were as the set is.
        likely = ((x.sum(axis=(1, 2)) + 1) / (compared + 2))[:, None, None]
        likely = (x + 2 * likely) / (n + 2)
        more = np.maximum(likely * (1 - likely) - r * (1 - r), 0) / of_cell
        unseen[:4] += (np.array([*by_r, by_r.sum(axis=0)]) ** 2 * more).sum(axis=(1, 2, 3))
    value[3] = 0.0
    if not inside.all():
        value[3] = value[4] - np.nansum(value[:3])
        influence[3] = influence[4] - influence[:3].sum(axis=0)
    unseen[3] *= not inside.all()
    value = value.round(12) + 0.0
    return Change(value, influence, unseen, second, wrong, cluster, size, compared, rate)
