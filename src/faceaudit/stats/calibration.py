"""Calibration: of the images given a probability of 0.8, are 80 % AI-generated, in every group?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.ranking import Runs, sums


@dataclass(frozen=True)
class Calibration:
    """Reliability curve and expected calibration error of every group.

    Attributes
    ----------
    n_real, n_ai : int64 array, shape (groups,)
    bin_n : int64 array, shape (groups, bins)
        Images of each bin; bins hold equally many, except that equal scores stay together.
    bin_score, bin_ai, bin_low, bin_high : float64 array, shape (groups, bins)
        Mean score, NaN where the bin is empty; share of images that are AI-generated, with its
        Clopper–Pearson interval.
    error : float64 array, shape (groups,)
        Expected calibration error (ECE); NaN where one of the two labels is missing, because
        the share of AI-generated images is then fixed by how the group was collected.
    by_chance, by_chance_high : float64 array, shape (groups,)
        ECE of a perfectly calibrated classifier with the same scores: its mean, and what it
        exceeds with probability 1 - confidence only.
    """

    n_real: IntArray
    n_ai: IntArray
    bin_n: IntArray
    bin_score: FloatArray
    bin_ai: FloatArray
    bin_low: FloatArray
    bin_high: FloatArray
    error: FloatArray
    by_chance: FloatArray
    by_chance_high: FloatArray

    @property
    def excess(self) -> FloatArray:
        """ECE beyond what chance gives: about 0 for a calibrated classifier, at any n."""
        return self.error - self.by_chance


def group_calibration(
    runs: Runs, *, bins: int = 10, confidence: float = 0.95, replicates: int = 500, seed: int = 0
) -> Calibration:
    """Compute the expected calibration error of every group, and what it is by chance alone.

    ECE = sum over the bins of (images in the bin / images) × \\|share of AI - mean score\\|,
    over bins of equal mass. Range [0, 1], 0 is calibrated.

    Parameters
    ----------
    runs : Runs
    bins : int
    confidence : float
    replicates, seed : int
        Draws of the labels of a calibrated classifier. The AI-generated images of a bin, a sum
        of unlike Bernoulli draws, are drawn from the binomial distribution of the same mean and
        (up to a whole number of trials) the same variance.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), AAAI, 2901–2907; for the bias and equal-mass bins
    Roelofs, Cain, Shlens & Mozer (2022), Mitigating bias in calibration error estimation,
    AISTATS; for drawing labels from the scores Vaicenavicius et al. (2019), AISTATS.
    """
    images, n = runs.real + runs.ai, runs.n_real + runs.n_ai
    group = np.repeat(np.arange(len(n)), np.diff(runs.first))
    middle = runs.real_below + runs.ai_below + images / 2
    in_bin = np.minimum((middle / n[group] * bins).astype(np.int64), bins - 1)
    first = np.searchsorted(group * bins + in_bin, np.arange(len(n) * bins + 1))
    score = runs.ranked.distinct[runs.level]
    bin_n, bin_ai, expected, squared = (
        sums(of, first).reshape(-1, bins)
        for of in (images, runs.ai, images * score, images * score**2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = bin_n / n[:, None]
    both = (runs.n_real > 0) & (runs.n_ai > 0)
    error = np.where(both, _error(bin_ai, expected, bin_n, weight), np.nan)
    drawn = _error(_draw_calibrated(expected, squared, replicates, seed), expected, bin_n, weight)
    low, high = rate_interval(bin_ai, bin_n, confidence)
    return Calibration(
        n_real=runs.n_real,
        n_ai=runs.n_ai,
        bin_n=bin_n,
        bin_score=rate_of(expected, bin_n),
        bin_ai=rate_of(bin_ai, bin_n),
        bin_low=low,
        bin_high=high,
        error=error,
        by_chance=np.where(both, drawn.mean(axis=0), np.nan),
        by_chance_high=np.where(both, np.quantile(drawn, confidence, axis=0), np.nan),
    )


def _error(ai: IntArray, expected: FloatArray, n: IntArray, weight: FloatArray) -> FloatArray:
    gap = np.abs(ai - expected) / np.maximum(n, 1)
    return np.asarray((gap * np.nan_to_num(weight)).sum(axis=-1))


def _draw_calibrated(
    expected: FloatArray, squared: FloatArray, replicates: int, seed: int
) -> IntArray:
    """Draw the AI-generated images of each bin; shape (replicates, groups, bins)."""
    some = expected > 0
    trials = np.ones_like(expected)
    np.divide(expected**2, squared, out=trials, where=some)
    # Rounded up, so that the success rate stays at most 1; less a hair for rounding errors.
    trials = np.maximum(np.ceil(trials - 1e-9), np.ceil(expected - 1e-9))
    trials = np.maximum(trials, 1)
    rate = np.minimum(expected / trials, 1)
    random = np.random.default_rng(seed)
    return random.binomial(trials.astype(np.int64), rate, (replicates, *expected.shape))
