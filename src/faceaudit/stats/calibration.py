"""Calibration: of the images given a probability of 0.8, are 80 % AI-generated, in every group?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.means import Mean
from faceaudit.stats.ranking import Runs, sums

#: Larger log losses, which may be infinite, count as this one, as they do in scikit-learn.
LARGEST_LOSS = -float(np.log(np.finfo(float).eps))


@dataclass(frozen=True)
class Calibration:
    """How far off the scores of every group are, and the reliability curve.

    Arrays of shape (groups,); those of the sides of 1/2 (groups, 2), of bins (groups, bins).
    """

    n_real: IntArray
    n_ai: IntArray
    #: Images with a score under 1/2, and with any other: their effective number, the share that
    #: is AI-generated, the mean score.
    side_n: FloatArray
    side_ai: FloatArray
    side_score: FloatArray
    #: Images of each bin; bins hold equally many, except that equal scores stay together.
    bin_n: IntArray
    #: Mean score, NaN where the bin is empty; share of images that are AI-generated, with its
    #: Clopper–Pearson interval.
    bin_score: FloatArray
    bin_ai: FloatArray
    bin_low: FloatArray
    bin_high: FloatArray
    #: Expected calibration error (ECE), and its mean for a perfectly calibrated classifier with
    #: the same scores. NaN where one of the two labels is missing, because the share of
    #: AI-generated images is then fixed by how the group was collected.
    error: FloatArray
    by_chance: FloatArray

    def shift(self, confidence: float = 0.95) -> Mean:
        """Give the mean score less the share of AI-generated images: calibration in the large."""
        return self._weighted(1, confidence)

    def overconfidence(self, confidence: float = 0.95) -> Mean:
        """Give the mean confidence less the share of scores on the right side of 1/2.

        The confidence of a score is its distance to the far one of 0 and 1.
        """
        return self._weighted(-1, confidence)

    def _weighted(self, below: int, confidence: float) -> Mean:
        """Add up how much too high the scores on each side are; `below` 1/2 counts 1 or -1."""
        sign = np.array([below, 1])
        low, high = rate_interval(self.side_ai * self.side_n, self.side_n, confidence)
        ends = self.side_ai - low, high - self.side_ai
        up, down = np.where(sign > 0, ends, ends[::-1])
        weight = rate_of(self.side_n, self.side_n.sum(axis=1, keepdims=True))
        value = np.nansum(sign * weight * (self.side_score - self.side_ai), axis=1)
        value[(self.n_real == 0) | (self.n_ai == 0)] = np.nan
        down, up = (np.sqrt(np.nansum((weight * of) ** 2, axis=1)) for of in (down, up))
        return Mean(value, value - down, value + up)


def group_calibration(
    runs: Runs, *, bins: int = 10, confidence: float = 0.95, effect: FloatArray | float = 1.0
) -> Calibration:
    """Compute how far off the scores of every group are.

    ECE = sum over the bins of (images in the bin / images) × \\|share of AI - mean score\\|,
    over bins of equal mass. Range [0, 1], 0 is calibrated.

    Parameters
    ----------
    effect : float64 array, shape (groups,), or float
        Design effect of label less score: as many images count for one.

    Notes
    -----
    `shift` and `overconfidence` are means over the images, hence unbiased for any number of them.
    The larger of the two, whatever its sign, is the calibration error if the scores of each side
    of 1/2 are all too high or all too low, and less if not. Their intervals add those of both
    sides in quadrature (MOVER).

    By chance, the AI-generated images of a bin, a sum of unlike Bernoulli draws, come from the
    binomial distribution of the same mean and (up to a whole number of trials) variance; its
    mean absolute deviation is De Moivre's.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), AAAI, 2901–2907; for the bias and equal-mass bins
    Roelofs, Cain, Shlens & Mozer (2022), Mitigating bias in calibration error estimation,
    AISTATS; for shift Cox (1958), Biometrika 45, 562–565; for overconfidence Lichtenstein,
    Fischhoff & Phillips (1982); for the intervals' sum Zou & Donner (2008), Statistics in
    Medicine 27, 1693–1702; for the deviation Diaconis & Zabell (1991), Statistical Science 6,
    284–302.
    """
    images, n = runs.real + runs.ai, runs.n_real + runs.n_ai

    def stretches(first: IntArray, *values: NDArray[Any]) -> list[NDArray[Any]]:
        ends = np.append(first, runs.first[-1])
        return [sums(of, ends).reshape(first.shape) for of in values]

    # A run is in the bin in which its middle image is.
    edges = (np.cumsum(n) - n)[:, None] + n[:, None] * np.arange(bins) / bins
    middle = np.cumsum(images, dtype=float)
    middle -= images / 2
    first = np.searchsorted(middle, edges)
    del middle
    score = runs.ranked.distinct[runs.level].astype(float)
    scored = images * score
    bin_n, bin_ai, expected, squared = stretches(first, images, runs.ai, scored, scored * score)
    below = sums((score < 0.5).astype(np.int32), runs.first)
    first = runs.first[:-1, None] + np.stack([0 * below, below], axis=1)
    side_n, side_ai, side_score = stretches(first, images, runs.ai, scored)
    effect = np.broadcast_to(effect, n.shape)[:, None]
    low, high = rate_interval(bin_ai / effect, bin_n / effect, confidence)
    estimable = np.where((runs.n_real > 0) & (runs.n_ai > 0), n, np.nan)
    return Calibration(
        n_real=runs.n_real,
        n_ai=runs.n_ai,
        side_n=side_n / effect,
        side_ai=rate_of(side_ai, side_n),
        side_score=rate_of(side_score, side_n),
        bin_n=bin_n,
        bin_score=rate_of(expected, bin_n),
        bin_ai=rate_of(bin_ai, bin_n),
        bin_low=low,
        bin_high=high,
        error=rate_of(np.abs(bin_ai - expected).sum(axis=1), estimable),
        by_chance=rate_of(_deviation(expected, squared, effect).sum(axis=1), estimable),
    )


def _deviation(mean: FloatArray, squared: FloatArray, effect: FloatArray) -> FloatArray:
    """Give the mean absolute deviation of the number of AI-generated images from its mean.

    `mean` and `squared` are the sums of the scores and of their squares.
    """
    # At least one trial, and rounded up, less a hair for rounding errors: the rate is at most 1.
    trials = np.ceil(np.maximum(rate_of(mean**2, squared * effect), 1) - 1e-9)
    rate = np.clip(mean / effect / trials, 0, 1)
    next_up = np.floor(trials * rate) + 1
    deviation = 2 * effect * next_up * (1 - rate) * stats.binom.pmf(next_up, trials, rate)
    return np.asarray(np.nan_to_num(deviation))


@dataclass(frozen=True)
class Losses:
    """What the scores of every group lose; arrays of shape (groups,)."""

    #: Mean squared distance of score and label.
    brier: Mean
    #: Mean negative logarithm of the probability that was given to the label.
    log_loss: FloatArray
    #: Images that gave it none to within 2e-16: they count as `LARGEST_LOSS`.
    cut: IntArray


def image_losses(
    score: NDArray[np.floating[Any]], is_ai: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Compute the squared and the logarithmic loss of each image."""
    score = score.astype(float)
    with np.errstate(divide="ignore"):
        log_loss = -np.log(np.where(is_ai, score, 1 - score))
    return (is_ai - score) ** 2, np.minimum(log_loss, LARGEST_LOSS)


def group_losses(
    losses: tuple[FloatArray, FloatArray],
    group: IntArray,
    n: IntArray,
    *,
    confidence: float = 0.95,
    effect: FloatArray | float = 1.0,
) -> Losses:
    """Average the `image_losses` of every group.

    The interval of the Brier score is the Clopper–Pearson interval of so many trials of its rate
    as are as precise, as that of an AUC.

    Parameters
    ----------
    losses : two float64 arrays, shape (images,)
    group : int64 array, shape (images,)
        -1 for none.
    n : int64 array, shape (groups,)
        Images of each group.
    effect : float64 array, shape (groups,), or float
        Design effect: as many images count for one.

    References
    ----------
    Brier (1950), Monthly Weather Review 78, 1–3; Good (1952), JRSS B 14, 107–114.
    """
    squared, log_loss = losses

    def total(code: IntArray, of: FloatArray | None = None) -> NDArray[Any]:
        return np.bincount(code, of, minlength=len(n) + 1)[1:]

    code = group + 1
    brier, brier_square = total(code, squared), total(code, squared**2)
    cut = total(code[log_loss == LARGEST_LOSS])
    # One more image, half of it without any loss and half with the largest.
    effective = n / effect
    mean, mean_square = ((of / effect + 0.5) / (effective + 1) for of in (brier, brier_square))
    spread = (mean_square - mean**2) * (effective + 1) / effective**2
    trials = rate_of(mean * (1 - mean), spread)
    low, high = rate_interval(rate_of(brier, n) * trials, trials, confidence)
    return Losses(Mean(rate_of(brier, n), low, high), rate_of(total(code, log_loss), n), cut)
