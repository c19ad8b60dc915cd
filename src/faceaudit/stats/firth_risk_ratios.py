"""One tag at equal others: a penalised logistic regression on counts, told as risk ratios.

Its answer for a group is the ratio of two *standardised* rates: the rate that all images would
have if everyone were in the group and kept their other tags, over the same for the other groups.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, special, stats

from faceaudit.stats import FloatArray, IntArray

#: Largest change of a coefficient in one step, and when the steps have become small enough.
MAX_CHANGE = 5.0
CLOSE = 1e-7
MAX_STEPS = 500
#: So many numbers, of 8 bytes, are kept at a time.
MOST_PRODUCTS = 4_000_000


class RiskRatios(NamedTuple):
    """Each group's rate over that of the rest; float64 arrays of shape (groups,), NaN if unknown.

    `low` and `high` are the ends of an interval, of which `high` may be infinite; `p` is that the
    ratio is 1.
    """

    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray


def number_cells(codes: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """Number every combination of codes that occurs: each image's, and some image of each cell."""
    key = np.zeros(len(codes[0]), dtype=np.int64)
    for code in codes:
        # The key is made dense at every step, so that it cannot overflow with many tags.
        key = key * (int(code.max(initial=0)) + 1) + code
        key = (np.cumsum(np.bincount(key) > 0) - 1)[key]
    some_image = np.empty(int(key.max(initial=-1)) + 1, np.int64)
    some_image[key] = np.arange(len(key))
    return key, some_image


def count_cells(
    codes: Sequence[IntArray], events: NDArray[np.bool_]
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Count every combination of tags that occurs: (cells, tags), events and n of each cell."""
    key, some_image = number_cells(codes)
    cells = np.stack([code[some_image] for code in codes], axis=1)
    n = np.bincount(key, minlength=len(some_image)).astype(float)
    return cells, np.bincount(key[events], minlength=len(n)).astype(float), n


#: An array, or a sparse one of scipy, with a row a cell and a column a coefficient.
Design = Any


def information(design: Design, weight: FloatArray) -> FloatArray:
    """Add up weights of the cells for each pair of columns: shape (columns, columns)."""
    if sparse.issparse(design):
        return np.asarray((design.T @ (sparse.diags_array(weight) @ design)).toarray())
    return np.asarray((design.T * weight) @ design)


def quadratic(design: Design, matrix: FloatArray) -> FloatArray:
    """Give each row's own product with a matrix in between: shape (cells,)."""
    step = max(MOST_PRODUCTS // len(matrix), 1)
    parts = (design[start : start + step] for start in range(0, design.shape[0], step))
    return np.concatenate([np.asarray((of * (of @ matrix)).sum(axis=1)) for of in parts])


def firth_risk_ratios(
    codes: Mapping[str, IntArray],
    events: NDArray[np.bool_],
    confidence: float = 0.95,
    design_effect: float = 1.0,
    wanted: Collection[str] | None = None,
) -> tuple[dict[str, RiskRatios], dict[str, float]]:
    """Estimate each tag's risk ratios with all other tags held equal.

    Parameters
    ----------
    codes : mapping of str to int64 array, shape (images,)
        Tag: its values, numbered from 0; no missing ones.
    events : bool array, shape (images,)
    design_effect : float
        As many times fewer images are what these are worth (`stats.clusters`).
    wanted : collection of str, optional
        The tags whose ratios are asked for; all of them unless given.

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
    wrong, n = wrong / design_effect, n / design_effect
    design, columns = _without_repeats(cells, list(codes), n)
    fitted = firth_logistic(design, wrong, n)
    if fitted is None:
        return {}, {}
    coefficients, covariance = fitted
    quantile = stats.norm.isf((1 - confidence) / 2)
    ratios, p_any = {}, {}
    for tag, where in columns.items():
        effect = coefficients[where]
        wald = effect @ np.linalg.solve(covariance[where, where], effect)
        p_any[tag] = float(stats.chi2.sf(wald, len(effect)))
        if wanted is not None and tag not in wanted:
            continue
        level = cells[:, list(codes).index(tag)]
        share = np.bincount(level, weights=n) / n.sum()
        rate, gradient = _standardise(design, where, coefficients, n)
        others = share.sum() - share
        rest = ((share @ rate) - share * rate) / others
        rest_gradient = ((share @ gradient) - share[:, None] * gradient) / others[:, None]
        log_ratio = np.log(rate / rest)
        slope = gradient / rate[:, None] - rest_gradient / rest[:, None]
        error = np.sqrt(np.einsum("ij,jk,ik->i", slope, covariance, slope))
        ratios[tag] = RiskRatios(
            ratio=np.exp(log_ratio),
            low=np.exp(log_ratio - quantile * error),
            high=np.exp(log_ratio + quantile * error),
            p=2 * stats.norm.sf(np.abs(log_ratio) / error),
        )
    return ratios, p_any


def _without_repeats(
    cells: IntArray, tags: Sequence[str], n: FloatArray
) -> tuple[Design, dict[str, slice]]:
    """Build the design of an intercept and all tags but those that say nothing new.

    A column for every value of a tag but its first; beside the design, the columns of each tag.
    """
    whole, columns = _one_hot(cells)
    gram = information(whole, n)
    nothing = np.trace(gram) * len(gram) * np.finfo(float).eps
    # The Cholesky factor of the tags so far tells of the next what is left of it beside them.
    factor, kept, place = np.sqrt(gram[:1, :1]), [], [0]
    for i, own in enumerate(columns):
        shared = linalg.solve_triangular(factor, gram[place, own], lower=True)
        left = gram[own, own] - shared.T @ shared
        if np.linalg.eigvalsh(left)[0] > nothing:
            above = np.zeros_like(shared)
            factor = np.block([[factor, above], [shared.T, np.linalg.cholesky(left)]])
            kept.append(i)
            place += range(own.start, own.stop)
    design, columns = (whole, columns) if len(kept) == len(tags) else _one_hot(cells[:, kept])
    return design, dict(zip((tags[i] for i in kept), columns, strict=True))


def _one_hot(cells: IntArray) -> tuple[Design, list[slice]]:
    """Build a design of an intercept and tags; beside it, the columns of each."""
    ends = 1 + np.cumsum(cells.max(axis=0))
    starts = ends - cells.max(axis=0)
    row, tag = np.nonzero(cells)
    rows = np.append(np.arange(len(cells)), row)
    columns = np.append(np.zeros(len(cells), np.int64), (cells + starts - 1)[row, tag])
    design = sparse.csr_array((np.ones(len(rows)), (rows, columns)), (len(cells), int(ends[-1])))
    return design, list(map(slice, starts.tolist(), ends.tolist()))


def firth_logistic(
    design: Design, events: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Fit a logistic regression with Firth's penalty: coefficients and covariance.

    `design` has full column rank, its first column the intercept. None if the steps do not settle.
    """
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = special.logit((events.sum() + 0.5) / (n.sum() + 1))
    height, expected, weight, covariance = _penalised(design, coefficients, events, n)
    for _ in range(MAX_STEPS):
        # Firth's score: as if every cell had half its leverage more events and non-events.
        leverage = weight * quadratic(design, covariance)
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
    design: Design, coefficients: FloatArray, events: FloatArray, n: FloatArray
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Return the penalised log likelihood, expected rates, weights and covariance."""
    linear = design @ coefficients
    expected = special.expit(linear)
    weight = n * expected * (1 - expected)
    factor = linalg.cholesky(information(design, weight), lower=True)
    likelihood = events @ special.log_expit(linear) + (n - events) @ special.log_expit(-linear)
    height = likelihood + np.log(np.diag(factor)).sum()
    return float(height), expected, weight, linalg.cho_solve((factor, True), np.eye(len(factor)))


def _standardise(
    design: Design, where: slice, coefficients: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return each level's rate if every image had it, and the rates' gradients."""
    padded = np.append(coefficients, 0.0)
    others = design @ coefficients - design[:, where] @ coefficients[where]
    rates, gradients = [], []
    # The first value of a tag has no column, and so the place after the last.
    for place in (len(coefficients), *range(where.start, where.stop)):
        expected = special.expit(others + padded[place])
        slope = n * expected * (1 - expected)
        gradient = np.append(design.T @ slope, 0.0)
        gradient[where] = 0.0
        gradient[place] = slope.sum()
        rates.append(n @ expected / n.sum())
        gradients.append(gradient[:-1] / n.sum())
    return np.array(rates), np.array(gradients)
