"""How well a few facts foretell something of images that the rule was not learned from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.ranking import Auc

FOLDS = 2
#: Of the forest that learns a rule: its trees, and the fewest images of a leaf.
TREES, LEAF = 12, 5


def even_sample(stratum: IntArray, most: int, random: np.random.Generator) -> IntArray:
    """Draw `most` rows at most, and as many of each stratum as of any other, if it has them."""
    sizes = np.bincount(stratum)
    order = random.permutation(len(stratum))
    order = order[np.argsort(stratum[order], kind="stable")]
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(np.sort(order[place < max(most // int((sizes > 0).sum()), 1)]))


def deal(stratum: IntArray, cluster: IntArray, random: np.random.Generator) -> IntArray:
    """Deal rows to folds, each stratum evenly, and what hangs together to one."""
    _, first, code = np.unique(cluster, return_index=True, return_inverse=True)
    order = random.permutation(len(first))
    fold = np.empty(len(first), np.int64)
    fold[order[np.argsort(stratum[first[order]], kind="stable")]] = np.arange(len(first)) % FOLDS
    return fold[code]


def foretold(features: FloatArray, code: IntArray, fold: IntArray) -> FloatArray:
    """Give each row's chance of every code, by a rule learned from the rows of other folds.

    Extremely randomised trees (Geurts, Ernst & Wehenkel 2006, Machine Learning 63, 3–42); shape
    (rows, codes).
    """
    from sklearn.ensemble import ExtraTreesClassifier

    chance = np.zeros((len(code), int(code.max()) + 1))
    for learned, rows in _parts(fold):
        forest = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=0)
        forest.fit(features[learned], code[learned])
        chance[np.ix_(rows, forest.classes_)] = forest.predict_proba(features[rows])
    return chance


def foretold_by_step(step: IntArray, positive: NDArray[np.bool_], fold: IntArray) -> FloatArray:
    """Give each row the share of `positive` among rows of other folds with its step."""
    share, steps = np.empty(len(step)), int(step.max()) + 1
    for learned, rows in _parts(fold):
        n = np.bincount(step[learned], minlength=steps)
        some = np.bincount(step[learned & positive], minlength=steps)
        # As if two more rows, with the usual share, had every step.
        share[rows] = ((some + 2 * positive[learned].mean()) / (n + 2))[step[rows]]
    return share


def _parts(fold: IntArray) -> Iterator[tuple[NDArray[np.bool_], IntArray]]:
    """Yield for each fold which rows are learned from, and the numbers of its own."""
    for one in np.unique(fold):
        yield fold != one, np.flatnonzero(fold == one)


def cross_validated_auc(
    score: FloatArray,
    positive: NDArray[np.bool_],
    fold: IntArray,
    equal: IntArray,
    cluster: IntArray,
    confidence: float = 0.95,
) -> Auc:
    """Estimate how often a positive row scores above another, by rules learned from other folds.

    Parameters
    ----------
    score : float array, shape (rows,)
    positive : bool array, shape (rows,)
    fold : int array, shape (rows,)
        Rows are compared within: each fold's rule has scores of its own.
    equal : int array, shape (rows,)
        What else rows that are compared have in common.
    cluster : int array, shape (rows,)
        What hangs together, within folds.

    Returns
    -------
    Auc
        Arrays of shape (1,); NaN if nothing can be compared.

    Notes
    -----
    The mean over folds, and over what is equal, with the weights of Mantel and Haenszel. A fold's
    variance is that of a sum over rows, or clusters, of how far the placement of each is from that
    mean (DeLong's, were there one fold). But folds are no independent trials, as LeDell, Petersen
    & van der Laan (2015, Electronic Journal of Statistics 9, 1583–1607) take them: each rule has
    learned from rows that others are tried on, and where there is nothing to learn the variance of
    the mean of two is twice as large. So the folds' standard errors are added up, as of folds that
    err together, which is enough whatever they have in common. One more row of each kind, half of
    it at either end, keeps the interval from vanishing near 1, as in `Auc`.
    """
    stratum = fold + (int(fold.max()) + 1) * equal
    place, share = np.zeros(len(score)), np.zeros(len(score))
    for one in np.unique(stratum):
        sides = [np.flatnonzero((stratum == one) & kind) for kind in (positive, ~positive)]
        for own, other in (sides, sides[::-1]):
            ordered = np.sort(score[other])
            ends = (ordered.searchsorted(score[own], end) for end in ("left", "right"))
            # Ties count one half.
            place[own] = sum(ends) / 2 / max(len(other), 1)
            share[own] = len(other) / (len(own) + len(other))
    used = share > 0
    if not used.any():
        nothing = np.full(1, np.nan)
        return Auc(nothing, nothing, nothing, nothing, nothing)
    place[~positive] = 1 - place[~positive]
    share /= share[positive].sum()
    # Exactly 1 where all are.
    value = max(1 - float(share[positive] @ (1 - place[positive])), 0.0)
    code = np.unique(cluster, return_inverse=True)[1]
    of_fold = np.zeros(int(code.max()) + 1, np.int64)
    of_fold[code] = fold
    part = np.bincount(code, share * (place - value))
    variance = float(np.sqrt(np.bincount(of_fold, part**2)).sum() ** 2)
    more = 1 / np.array([len(np.unique(code[used & side])) for side in (positive, ~positive)])
    smooth = value + (0.5 - value) * float((more / (1 + more)).sum())
    smoothed = variance + (0.5 - value * (1 - value)) * float(more @ more)
    found = np.array([[value], [variance], [smooth * (1 - smooth) / smoothed]])
    return Auc.of(found[0], found[1], found[2], confidence)
