"""Verdicts: a limit is met, broken, or cannot be judged with the images at hand.

Limits are chosen by whoever audits; a verdict is not a legal one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from faceaudit.result import Status
from faceaudit.stats.counts import Counts
from faceaudit.stats.gaps import GapInterval, max_min_gap
from faceaudit.stats.intervals import difference_interval, rate_of

#: A classifier whose balanced accuracy may be this low is hardly better than a coin.
NEAR_CHANCE = 0.55
#: Beyond this many times the images, a gap is too close to the limit ever to be told from it.
MOST_TIMES = 1e6


def judge_gap(gap: GapInterval, limit: float, *, trivial: bool = False) -> Status:
    """Hold a gap against a limit.

    Parameters
    ----------
    gap : GapInterval
        From `faceaudit.stats.gaps.max_min_gap`.
    limit : float
        Largest gap that is accepted, as a share from 0 to 1.
    trivial : bool
        The classifier is not shown to be better than chance (`Triviality.trivial`): alike
        groups then mean nothing, so it cannot pass.

    Returns
    -------
    Status
        ``fail`` if the whole interval is beyond the limit, ``pass`` if it is within,
        ``not-estimable`` with fewer than two groups, else ``insufficient-evidence``.
    """
    if np.isnan(gap.value):
        return "not-estimable"
    if gap.low > limit:
        return "fail"
    if gap.high <= limit and not trivial:
        return "pass"
    return "insufficient-evidence"


def times_to_decide(
    events: ArrayLike, n: ArrayLike, limit: float, confidence: float = 0.95
) -> float | None:
    """Say how many times the images of every group would decide a gap that is undecided.

    It is the smallest factor at which the interval no longer holds the limit, if the rates
    stay what they are in these images. A rough guide: with many small groups the observed gap
    is larger than the true one.

    Parameters
    ----------
    events, n : array_like of int, shape (groups,)
    limit, confidence : float

    Returns
    -------
    float or None
        At least 1; None if no number of images would do.
    """
    events, n = np.asarray(events, float), np.asarray(n, float)

    def decided(times: float) -> bool:
        status = judge_gap(max_min_gap(events * times, n * times, confidence), limit)
        return status in ("pass", "fail")

    if not decided(MOST_TIMES):
        return None
    low, high = 1.0, MOST_TIMES
    while high / low > 1.01:
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class Triviality:
    """Whether a classifier is shown to be better than one that guesses.

    Attributes
    ----------
    status : Status
        ``pass`` if balanced accuracy is above `NEAR_CHANCE` with confidence, ``fail`` if it is
        not above or all verdicts are the same, ``not-estimable`` if all images are real or all
        are AI-generated.
    balanced_accuracy, low, high : float
        NaN where not estimable.
    constant : str or None
        ``real`` or ``ai`` if every image gets this same verdict.
    """

    status: Status
    balanced_accuracy: float
    low: float
    high: float
    constant: str | None

    @property
    def trivial(self) -> bool:
        """Not shown to be better than chance, so that no gap verdict may be ``pass``."""
        return self.status != "pass"


def judge_triviality(counts: Counts, confidence: float = 0.95) -> Triviality:
    """Judge whether a classifier does better than chance, on all images together.

    Where the groups of an audit are real photographs only, the AI-generated images of the
    whole table count, so give this the counts of the whole table. Without any AI-generated
    image, a classifier that calls everything real would look perfect, so triviality is not
    estimable and no gap passes.

    Parameters
    ----------
    counts : Counts
        All groups are added up.
    confidence : float

    Notes
    -----
    Balanced accuracy is (1 + TPR - FPR) / 2, and TPR and FPR come from different images, so
    the interval is that of a difference of independent rates.
    """
    total = counts.total()
    n_real, n_ai = int(total.n_real[0]), int(total.n_ai[0])
    called_ai = int(total.real_called_ai[0] + total.ai_called_ai[0])
    constant = {0: "real", n_real + n_ai: "ai"}.get(called_ai) if n_real + n_ai else None
    if n_real == 0 or n_ai == 0:
        return Triviality("not-estimable", np.nan, np.nan, np.nan, constant)
    youden_low, youden_high = difference_interval(
        total.ai_called_ai, n_ai, total.real_called_ai, n_real, confidence
    )
    youden = rate_of(total.ai_called_ai, n_ai) - rate_of(total.real_called_ai, n_real)
    value, low, high = (float(1 + y[0]) / 2 for y in (youden, youden_low, youden_high))
    status: Status
    if low > NEAR_CHANCE:
        status = "pass"
    elif high <= NEAR_CHANCE or constant:
        status = "fail"
    else:
        status = "insufficient-evidence"
    return Triviality(status, value, low, high, constant)
