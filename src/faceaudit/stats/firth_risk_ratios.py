"""One tag at equal others: a penalised logistic regression on counts, told as risk ratios.

Its answer for a group is the ratio of two *standardised* rates: the rate that all images would
have if everyone were in the group and kept their other tags, over the same for the other groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from faceaudit.stats import FloatArray, IntArray

#: Largest change of a coefficient in one step, and when the steps have become small enough.
MAX_CHANGE = 5.0
CLOSE = 1e-7
MAX_STEPS = 500


class RiskRatios(NamedTuple):
    """Each group's rate over that of the rest; float64 arrays of shape (groups,), NaN if unknown.

    `low` and `high` are the ends of an interval, of which `high` may be infinite; `p` is that the
    ratio is 1.
    """

    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray


def count_cells(
    codes: Sequence[IntArray], events: NDArray[np.bool_]
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Count every combination of tags that occurs: (cells, tags), events and n of each cell."""
    key = np.zeros(len(events), dtype=np.int64)
    for code in codes:
        # The key is made dense at every step, so that it cannot overflow with many tags.
        key = key * (int(code.max(initial=0)) + 1) + code
        key = (np.cumsum(np.bincount(key) > 0) - 1)[key]
    n = np.bincount(key)
    some_image = np.empty(len(n), np.int64)
    some_image[key] = np.arange(len(key))
    cells = np.array([code[some_image] for code in codes], np.int64).reshape(len(codes), len(n)).T
    return cells, np.bincount(key[events], minlength=len(n)).astype(float), n.astype(float)


def firth_risk_ratios(
    codes: Mapping[str, IntArray], events: NDArray[np.bool_], confidence: float = 0.95
) -> tuple[dict[str, RiskRatios], dict[str, float]]:
    """Estimate each tag's risk ratios with all other tags held equal.

    Parameters
    ----------
    codes : mapping of str to int64 array, shape (images,)
        Tag: its values, numbered from 0; no missing ones.
    events : bool array, shape (images,)
    confidence : float

    Returns
    -------
    ratios : dict of str to RiskRatios
        Standardised rate of each value over that of the others together (as frequent as they
        are). Without the tags that say nothing beyond those before them (each value a mixture
        of earlier ones); empty if the regression finds no stable answer.
    p_any : dict of str to float
        That the tag makes no difference at all (Wald's test of all its coefficients).

    Notes
    -----
    Logistic regression with Firth's penalty, which stays finite where a group has no error or
    nothing but errors; standardised risk ratios with delta-method intervals on the log scale.

    References
    ----------
    Firth (1993), Biometrika 80(1), 27–38; Heinze & Schemper (2002), Statistics in Medicine 21,
    2409–2419; Greenland (2004), American Journal of Epidemiology 160(4), 301–305.
    """
    cells, wrong, n = count_cells(list(codes.values()), events)
    columns: dict[str, slice] = {}
    design = np.ones((len(n), 1))
    for level, tag in zip(cells.T, codes, strict=True):
        wider = np.hstack([design, level[:, None] == np.arange(1, level.max() + 1)])
        if np.linalg.matrix_rank(wider.T @ (n[:, None] * wider)) == wider.shape[1]:
            columns[tag] = slice(design.shape[1], wider.shape[1])
            design = wider
    fitted = firth_logistic(design, wrong, n)
    if fitted is None:
        return {}, {}
    coefficients, covariance = fitted
    quantile = stats.norm.isf((1 - confidence) / 2)
    ratios, p_any = {}, {}
    for level, tag in zip(cells.T, codes, strict=True):
        if (where := columns.get(tag)) is None:
            continue
        share = np.bincount(level, weights=n) / n.sum()
        rate, gradient = _standardise(design, where, coefficients, n)
        others = share.sum() - share
        rest = ((share @ rate) - share * rate) / others
        rest_gradient = ((share @ gradient) - share[:, None] * gradient) / others[:, None]
        log_ratio = np.log(rate / rest)
        slope = gradient / rate[:, None] - rest_gradient / rest[:, None]
        error = np.sqrt(np.einsum("ij,jk,ik->i", slope, covariance, slope))
        effect = coefficients[where]
        wald = effect @ np.linalg.solve(covariance[where, where], effect)
        ratios[tag] = RiskRatios(
            ratio=np.exp(log_ratio),
            low=np.exp(log_ratio - quantile * error),
            high=np.exp(log_ratio + quantile * error),
            p=2 * stats.norm.sf(np.abs(log_ratio) / error),
        )
        p_any[tag] = float(stats.chi2.sf(wald, len(effect)))
    return ratios, p_any


def firth_logistic(
    design: FloatArray, events: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Fit a logistic regression with Firth's penalty: coefficients and covariance.

    `design` has shape (cells, coefficients) and full column rank. None if the steps do not settle.
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
    rates, gradients = [], []
    everyone = design.copy()
    for level in np.eye(where.stop - where.start + 1)[:, 1:]:
        everyone[:, where] = level
        expected = special.expit(everyone @ coefficients)
        rates.append(n @ expected / n.sum())
        gradients.append(everyone.T @ (n * expected * (1 - expected)) / n.sum())
    return np.array(rates), np.array(gradients)
