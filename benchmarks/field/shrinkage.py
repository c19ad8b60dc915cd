"""Shrunken rates of small cells: closer on the whole, and blind to one bad small cell."""

from __future__ import annotations

import numpy as np

from faceaudit.stats.intervals import rate_of
from faceaudit.stats.shrinkage import shrunken_rates
from field import Row, share

CELLS = 20
#: One small cell among large ones, its rate and theirs, and a rate that is plainly higher.
SMALL, LARGE, BAD, GOOD, HIGHER = 20, 200, 0.25, 0.05, 0.15


def study(trials: int, seed: int) -> list[Row]:
    """Draw the errors of 20 cells, whose rates differ as logits do with deviation 0.5."""
    random = np.random.default_rng([seed, 9])
    true = 1 / (1 + np.exp(2.5 - 0.5 * random.standard_normal((trials, CELLS))))
    n = random.integers(10, 80, (trials, CELLS))
    events = random.binomial(n, true)
    own, drawn = (((of(events, n) - true) ** 2).mean() for of in (rate_of, shrunken_rates))
    sizes = np.array([SMALL, *[LARGE] * (CELLS - 1)])
    errors = random.binomial(sizes, [BAD, *[GOOD] * (CELLS - 1)], (trials, CELLS))
    own_missed, missed = (of(errors, sizes)[:, 0] < HIGHER for of in (rate_of, shrunken_rates))
    return [
        Row(
            "shrunken rates of 20 small cells: squared error, of that of their own rates",
            "≤ 70 %",
            f"{100 * drawn / own:.0f} %",
            bool(drawn / own <= 0.7),
            trials,
        ),
        Row(
            f"one cell of {SMALL} images at 25 %, 19 of {LARGE} at 5 %: shrunken below 15 % (so it "
            "decides nothing)",
            "–",
            f"{share(missed)}; its own rate {share(own_missed)}",
            bool(missed.mean() > own_missed.mean()),
            trials,
        ),
    ]
