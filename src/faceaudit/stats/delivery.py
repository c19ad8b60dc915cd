"""Delivery held equal: kinds of picture, and gaps between groups within them.

A classifier that reacts to size or compression accuses whoever's pictures come that way. Pictures
that were delivered alike are compared here, so that what is left is not delivery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from faceaudit.reading.columns import is_text, numbered
from faceaudit.schema import DELIVERY_COLUMNS
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Images
from faceaudit.stats.firth_risk_ratios import number_cells
from faceaudit.stats.intervals import difference_interval

#: Kinds of picture of one data set and label, at most …
MOST_KINDS = 64
#: … of so many images each, at least, and one for so many errors.
FEWEST_IMAGES, ERRORS_A_KIND = 50, 8
#: Least likelihood-ratio statistic of a split that is no luck, of about a hundred that are tried.
CLEAR = 16.0
#: Steps of a size, a shape or a compression, each of equally many images.
STEPS = 32
#: Where two sets are compared: what a step mixes would count as other treatment.
FINE_STEPS = 256
#: More formats or the like are not told apart; the rarer ones go together.
MOST_VALUES = 16


def kinds_of_picture(images: Images, wrong: NDArray[np.bool_]) -> IntArray:
    """Number the kinds of picture that a classifier treats alike, shape (images,).

    Parameters
    ----------
    images : Images
        With ``label``, ``dataset`` and what of `DELIVERY_COLUMNS` there is.
    wrong : bool array, shape (images,)
        Which of them are called wrongly.

    Notes
    -----
    For each data set and label a shallow tree foretells `wrong` from the facts of delivery; its
    leaves are the kinds. If delivery alone decides, who is in the picture says nothing within a
    kind (a stratification by a prognostic score); an effect of its own is the same within as
    without. That the tree has seen the outcome was looked into by simulation: it
    neither blames nor exonerates, where cross-fitting leaves delivery half adjusted
    (docs/statistics.md).

    References
    ----------
    Hansen (2008), Biometrika 95(2), 481–488; Breiman, Friedman, Olshen & Stone (1984),
    Classification and Regression Trees.
    """
    part = 2 * images.codes("dataset")[0] + images.is_ai
    order = np.argsort(part, kind="stable")
    facts = list(facts_of(images.table))
    kinds = np.zeros(len(images), np.int64)
    first = 0
    for rows in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        found = _leaves([of.take(rows) for of in facts], wrong[rows])
        kinds[rows] = first + found
        first += int(found.max(initial=0)) + 1
    return kinds


def clear_kinds(images: Images, wrong: NDArray[np.bool_], effect: float) -> IntArray:
    """Number kinds of picture whatever their data set, shape (images,).

    As `kinds_of_picture`, for each label, but only splits are made that are `CLEAR` where so many
    images are worth an independent one as `effect` says. Between data sets a split by luck would
    make pictures of one of them look as if the other had none such.
    """
    facts = list(facts_of(images.table))
    kinds = np.zeros(len(images), np.int64)
    for label, rows in enumerate((np.flatnonzero(~images.is_ai), np.flatnonzero(images.is_ai))):
        of_rows = [of.take(rows) for of in facts]
        kinds[rows] = label * MOST_KINDS + _leaves(of_rows, wrong[rows], CLEAR * effect)
    return kinds


class Fact(NamedTuple):
    """What is known of each picture's delivery: a number, or the number of a word; NaN: nothing.

    Or, where it is in steps, the number of its step.
    """

    name: str
    values: NDArray[Any]
    is_number: bool

    def take(self, rows: IntArray) -> Fact:
        """Return it of some pictures."""
        return self._replace(values=self.values[rows])

    def in_steps(self, steps: int, fewest: int) -> Fact:
        """Number steps of equally many pictures, or words of `fewest` or more; 0 is not known."""
        if self.is_number:
            return self._replace(values=_steps(self.values, steps))
        return self._replace(values=_frequent(self.values, fewest))


def facts_of(table: pa.Table, columns: Sequence[str] = DELIVERY_COLUMNS) -> Iterator[Fact]:
    """Give what a table says of the pictures' delivery.

    Width and height become ``pixels`` and ``aspect``, and ``bytes`` then are those a pixel.
    """
    numbers = {}
    for name in columns:
        if name not in table.column_names:
            continue
        column = table[name]
        if is_text(column.type):
            code = numbered(column).astype(float)
            yield Fact(name, np.where(code < 0, np.nan, code), False)
        else:
            numbers[name] = np.asarray(column.cast(pa.float64()))
    if {"width", "height"} <= set(numbers):
        width, height = numbers.pop("width"), numbers.pop("height")
        numbers |= {"pixels": width * height, "aspect": width / height}
        if "bytes" in numbers:
            numbers["bytes"] = numbers["bytes"] / numbers["pixels"]
    yield from (Fact(name, of, True) for name, of in numbers.items())


def _leaves(facts: Sequence[Fact], wrong: NDArray[np.bool_], clear: float = 0.0) -> IntArray:
    """Number the leaves of the tree that foretells `wrong`; 0 everywhere if there is none.

    Each split has a likelihood-ratio statistic of `clear` or more.
    """
    n, errors = len(wrong), int(wrong.sum())
    most = min(MOST_KINDS, min(errors, n - errors) // ERRORS_A_KIND, n // FEWEST_IMAGES)
    if most < 2:
        return np.zeros(n, np.int64)
    steps = [of.in_steps(FINE_STEPS if clear else STEPS, FEWEST_IMAGES) for of in facts]
    steps = [of for of in steps if of.values.min() < of.values.max()]
    if not steps:
        return np.zeros(n, np.int64)
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    key, some_image = number_cells([of.values for of in steps])
    features = beside([of.take(some_image) for of in steps])
    images, of_cell = np.bincount(key), np.bincount(key, wrong)
    least = {"max_leaf_nodes": most, "min_weight_fraction_leaf": FEWEST_IMAGES / n}
    if clear:
        # A statistic is twice the images times what the split saves in nats; here it is in bits.
        tree = DecisionTreeClassifier(
            criterion="log_loss",
            min_impurity_decrease=clear / (2 * np.log(2) * n),
            random_state=0,
            **least,
        ).fit(
            np.vstack([features, features]),
            np.repeat([False, True], len(features)),
            sample_weight=np.concatenate([images - of_cell, of_cell]),
        )
    else:
        # Of shares it makes the splits that a classification tree makes of single images.
        tree = DecisionTreeRegressor(random_state=0, **least).fit(
            features, of_cell / images, sample_weight=images
        )
    return np.unique(tree.apply(features), return_inverse=True)[1][key]


def beside(facts: Sequence[Fact]) -> FloatArray:
    """Put facts that are in steps beside each other, those of words as a column a word."""
    values = [(of.values[:, None], of.is_number) for of in facts]
    return np.hstack([v if is_number else v == np.arange(v.max() + 1) for v, is_number in values])


def _steps(values: FloatArray, steps: int) -> IntArray:
    """Put numbers into steps of equally many images; 0 is not known."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(values), np.int64)
    shares = np.arange(1, steps) / steps
    edges = np.unique(np.quantile(values[known], shares, method="inverted_cdf"))
    return np.where(known, 1 + np.searchsorted(edges, values), 0)


def _frequent(codes: FloatArray, fewest: int) -> IntArray:
    """Number the frequent values; 0 is a rare one, or not known."""
    found = np.where(np.isnan(codes), 0, codes + 1).astype(np.int64)
    images = np.bincount(found)
    images[0] = 0
    often = np.argsort(-images, kind="stable")[:MOST_VALUES]
    often = often[images[often] >= fewest]
    number = np.zeros(len(images), np.int64)
    number[often] = 1 + np.arange(len(often))
    return number[found]


class Stratified(NamedTuple):
    """A difference of two rates among pictures delivered alike.

    `overlap` is the share of all the two groups' images that are of a kind that both have; where
    that is 0 the others are NaN.
    """

    value: float
    low: float
    high: float
    overlap: float


def stratified_gap(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, confidence: float = 0.95
) -> Stratified:
    """Estimate the difference of two groups' rates within strata (Mantel–Haenszel).

    Parameters
    ----------
    x1, n1, x2, n2 : array_like, shape (strata,)
        Errors and images of each group; need not be whole where images hang together.

    Notes
    -----
    The rates of both sides are averaged over the strata with the same weights, and each gets a
    Clopper–Pearson interval of as many images as would be as precise: as its weights allow, and
    less where the weight is on strata whose rates, of both sides together, vary more. Both are
    joined by MOVER. Sato's variance (1989) covers too seldom where errors are few and one side is
    small (docs/statistics.md).

    References
    ----------
    Mantel & Haenszel (1959), Journal of the National Cancer Institute 22, 719–748; Greenland &
    Robins (1985), Biometrics 41, 55–68, for the difference; Zou & Donner (2008), Statistics in
    Medicine 27, 1693–1702 (MOVER).
    """
    x1, n1, x2, n2 = (np.asarray(of, float) for of in (x1, n1, x2, n2))
    both = (n1 > 0) & (n2 > 0)
    overlap = float((n1 + n2)[both].sum() / max((n1 + n2).sum(), 1))
    if not both.any():
        return Stratified(np.nan, np.nan, np.nan, 0.0)
    x1, n1, x2, n2 = (of[both] for of in (x1, n1, x2, n2))
    n = n1 + n2
    share = n1 * n2 / n / (n1 * n2 / n).sum()
    rate = (x1 + x2) / n
    spread = rate * (1 - rate) * n / np.maximum(n - 1, 1)
    mean = float(share @ rate)
    rates, worth = [], []
    for x, images in ((x1, n1), (x2, n2)):
        each = share**2 / images
        more = (each @ spread) / (each.sum() * mean * (1 - mean)) if 0 < mean < 1 else 1.0
        most = min(1 / (each.sum() * more), images.sum()) if more else images.sum()
        rates.append(min(float(share @ (x / images)), 1.0))
        worth.append(float(most))
    first, second = (of * most for of, most in zip(rates, worth, strict=True))
    low, high = difference_interval(first, worth[0], second, worth[1], confidence)
    return Stratified(rates[0] - rates[1], float(low), float(high), overlap)


class Split(NamedTuple):
    """A difference of two rates in parts that add up to it (points from -1 to 1).

    `pictures` is that the groups come in other kinds of picture, `rates` that within a kind they
    have other rates, and `alone` what the pictures add that are of a kind that one group lacks.
    """

    pictures: float
    rates: float
    alone: float


def split_gap(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Split:
    """Split the crude difference of two groups' rates, over strata of shape (strata,).

    References
    ----------
    Kitagawa (1955), Journal of the American Statistical Association 50, 1168–1194; Ñopo (2008),
    Review of Economics and Statistics 90(2), 290–299, for what has no counterpart.
    """
    x1, n1, x2, n2 = (np.asarray(of, float) for of in (x1, n1, x2, n2))
    crude = x1.sum() / n1.sum() - x2.sum() / n2.sum()
    both = (n1 > 0) & (n2 > 0)
    if not both.any():
        return Split(0.0, 0.0, float(crude))
    x1, n1, x2, n2 = (of[both] for of in (x1, n1, x2, n2))
    p1, p2, share1, share2 = x1 / n1, x2 / n2, n1 / n1.sum(), n2 / n2.sum()
    pictures = float(((share1 - share2) * (p1 + p2)).sum() / 2)
    rates = float(((p1 - p2) * (share1 + share2)).sum() / 2)
    return Split(pictures, rates, float(crude - pictures - rates))
