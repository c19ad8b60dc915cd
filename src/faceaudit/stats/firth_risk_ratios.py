"""One tag at equal others: a penalised logistic regression on counts, told as risk ratios.

Is it the glasses, or the age of those who wear them? The regression holds all tags at once;
its answer for a group is the ratio of two *standardised* rates: the rate that all images would
have if everyone were in the group and kept their other tags, over the same for the other groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from faceaudit.stats.counts import IntArray

FloatArray = NDArray[np.float64]

#: Largest change of a coefficient in one step, and when the steps have become small enough.
MAX_CHANGE = 5.0
CLOSE = 1e-7
MAX_STEPS = 500


@dataclass(frozen=True)
class Cells:
    """Images counted by the combination of all their tags.

    Attributes
    ----------
    codes : int64 array, shape (cells, tags)
    events, n : float64 array, shape (cells,)
    """

    codes: IntArray
    events: FloatArray
    n: FloatArray


@dataclass(frozen=True)
class AdjustedTag:
    """What one tag does when the others are held equal; arrays of shape (levels,).

    Attributes
    ----------
    rate : float64 array
        Standardised rate of each level.
    ratio, low, high : float64 array
        Its ratio to the standardised rate of the other levels together (as frequent as they
        are), with its interval.
    p : float64 array
        That the ratio is 1.
    p_any : float
        That the tag makes no difference at all (Wald's test of all its coefficients).
    """

    rate: FloatArray
    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    p_any: float


def count_cells(codes: Sequence[IntArray], events: NDArray[np.bool_]) -> Cells:
    """Count images and events of every combination of tags that occurs.

    Parameters
    ----------
    codes : sequence of int64 array, shape (images,)
        One array a tag, its values from 0; no missing ones.
    events : bool array, shape (images,)
    """
    key = np.zeros(len(events), dtype=np.int64)
    for code in codes:
        # The key is made dense at every step, so that it cannot overflow with many tags.
        key = np.unique(key * (int(code.max(initial=0)) + 1) + code, return_inverse=True)[1]
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    return Cells(
        codes=np.stack([code[first] for code in codes], axis=1)
        if codes
        else np.empty((len(first), 0), np.int64),
        events=np.bincount(cell, weights=events, minlength=len(first)).astype(float),
        n=np.bincount(cell, minlength=len(first)).astype(float),
    )


def adjusted_ratios(
    cells: Cells, levels: Mapping[str, int], confidence: float = 0.95
) -> dict[str, AdjustedTag] | None:
    """Estimate each tag's risk ratios with all other tags held equal.

    Parameters
    ----------
    cells : Cells
        From `count_cells`.
    levels : mapping of str to int
        Number of values of each tag, in the order of the columns of ``cells.codes``.
    confidence : float

    Returns
    -------
    dict of str to AdjustedTag, or None
        Without the tags that say nothing beyond those before them (each level a mixture of
        earlier ones); None if the regression finds no stable answer.

    Notes
    -----
    Logistic regression with Firth's penalty, which stays finite where a group has no error or
    nothing but errors; standardised risk ratios with delta-method intervals on the log scale.

    References
    ----------
    Firth (1993), Biometrika 80(1), 27–38; Heinze & Schemper (2002), Statistics in Medicine 21,
    2409–2419; Greenland (2004), American Journal of Epidemiology 160(4), 301–305.
    """
    columns: dict[str, slice] = {}
    design = np.ones((len(cells.n), 1))
    for tag, (name, count) in enumerate(levels.items()):
        wider = np.hstack([design, cells.codes[:, [tag]] == np.arange(1, count)])
        if np.linalg.matrix_rank(wider.T @ (cells.n[:, None] * wider)) == wider.shape[1]:
            columns[name] = slice(design.shape[1], wider.shape[1])
            design = wider
    fitted = firth_logistic(design, cells.events, cells.n)
    if fitted is None:
        return None
    coefficients, covariance = fitted
    quantile = stats.norm.isf((1 - confidence) / 2)
    adjusted = {}
    for name, where in columns.items():
        level = cells.codes[:, list(levels).index(name)]
        share = np.bincount(level, weights=cells.n, minlength=levels[name]) / cells.n.sum()
        rate, gradient = _standardise(design, where, coefficients, cells.n)
        others = share.sum() - share
        rest = ((share @ rate) - share * rate) / others
        rest_gradient = ((share @ gradient) - share[:, None] * gradient) / others[:, None]
        log_ratio = np.log(rate / rest)
        slope = gradient / rate[:, None] - rest_gradient / rest[:, None]
        error = np.sqrt(np.einsum("ij,jk,ik->i", slope, covariance, slope))
        effect = coefficients[where]
        wald = effect @ np.linalg.solve(covariance[where, where], effect)
        adjusted[name] = AdjustedTag(
            rate=rate,
            ratio=np.exp(log_ratio),
            low=np.exp(log_ratio - quantile * error),
            high=np.exp(log_ratio + quantile * error),
            p=2 * stats.norm.sf(np.abs(log_ratio) / error),
            p_any=float(stats.chi2.sf(wald, len(effect))),
        )
    return adjusted


def firth_logistic(
    design: FloatArray, events: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Fit a logistic regression with Firth's penalty.

    Parameters
    ----------
    design : float64 array, shape (cells, coefficients)
        Of full column rank.
    events, n : float64 array, shape (cells,)

    Returns
    -------
    coefficients, covariance : float64 array, or None
        None if the steps do not settle.
    """
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = special.logit((events.sum() + 0.5) / (n.sum() + 1))
    height, expected, weight, covariance = _penalised(design, coefficients, events, n)
    for _ in range(MAX_STEPS):
        # Firth's score: as if every cell had half its leverage more events and non-events.
        leverage = weight * np.einsum("ij,ij->i", design @ covariance, design)
        score = design.T @ (events - n * expected + leverage * (0.5 - expected))
        step = covariance @ score
        step *= MAX_CHANGE / max(np.abs(step).max(), MAX_CHANGE)
        if np.abs(step).max() < CLOSE:
            return coefficients, covariance
        while True:
            try:
                risen, *there = _penalised(design, coefficients + step, events, n)
                if risen >= height - CLOSE:
                    break
            except linalg.LinAlgError:
                pass
            step = step / 2
            if np.abs(step).max() < CLOSE:
                return None
        coefficients, height = coefficients + step, risen
        expected, weight, covariance = there
    return None


def _penalised(
    design: FloatArray, coefficients: FloatArray, events: FloatArray, n: FloatArray
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Return the penalised log likelihood, expected rates, weights and covariance."""
    linear = design @ coefficients
    expected = special.expit(linear)
    weight = n * expected * (1 - expected)
    information = (design.T * weight) @ design
    factor = linalg.cholesky(information, lower=True)
    likelihood = events @ special.log_expit(linear) + (n - events) @ special.log_expit(-linear)
    height = likelihood + np.log(np.diag(factor)).sum()
    return float(height), expected, weight, linalg.cho_solve((factor, True), np.eye(len(factor)))


def _standardise(
    design: FloatArray, where: slice, coefficients: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return each level's rate if every image had it, and the rates' gradients."""
    without = design.copy()
    without[:, where] = 0
    linear = without @ coefficients
    effects = np.concatenate([[0.0], coefficients[where]])
    rates, gradients = [], []
    for level, effect in enumerate(effects):
        expected = special.expit(linear + effect)
        spread = n * expected * (1 - expected) / n.sum()
        gradient = without.T @ spread
        if level:
            gradient[where.start + level - 1] = spread.sum()
        rates.append(n @ expected / n.sum())
        gradients.append(gradient)
    return np.array(rates), np.array(gradients)
