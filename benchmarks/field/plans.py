"""What is said of power, by the verdicts really made: planned numbers pass, told excesses fail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceaudit.stats.power import images_to_pass
from field import Row, audited, found_by, scored_faces, share

GROUPS, RATE, LIMIT = 7, 0.02, 0.05
#: Photographs of each group in which an excess is planted in the first one.
UNEVEN = np.array([150, 250, 400, 600, 900])


def study(trials: int, seed: int) -> list[Row]:
    """Audit alike groups of the planned size, and one group that exceeds the rest as was told."""
    random = np.random.default_rng(seed)
    planned = images_to_pass(GROUPS, RATE, LIMIT, 0.05, 0.8)
    even = np.full(GROUPS, planned)
    passes = [_audit(random, even, np.full(GROUPS, RATE))[0] == "pass" for _ in range(trials)]
    rows = [_row(f"{planned} images a group are planned: the gap passes", passes)]
    for limit in (0.0, LIMIT):
        fails = []
        for _ in range(trials):
            rates = np.full(len(UNEVEN), RATE)
            # The rest is drawn as well, so what is told is not quite the truth.
            rates[0] += _audit(random, UNEVEN, rates, limit)[1]
            fails.append(_audit(random, UNEVEN, rates, limit)[0] == "fail")
        rows.append(_row(f"an excess of which 80 % is told: beyond {100 * limit:g} points", fails))
    return rows


def _row(what: str, hits: list[bool]) -> Row:
    slack = 2 * np.sqrt(0.8 * 0.2 / len(hits))
    met = bool(abs(np.mean(hits) - 0.8) <= 0.05 + slack)
    return Row(what, "80 ± 5 %", share(hits), met, len(hits))


def _audit(
    random: np.random.Generator,
    n: NDArray[np.int64],
    rates: NDArray[np.float64],
    limit: float = LIMIT,
) -> tuple[str, float]:
    """Give the verdict on the gap, and the excess that is told of the first group."""
    group = np.append(np.repeat(np.arange(len(n)), n), np.full(300, -1))
    ai = group < 0
    wrong = random.random(len(group)) < np.where(ai, 0.05, rates[group])
    tags = [None if of < 0 else f"g{of}" for of in group]
    result = audited(
        scored_faces(ai, wrong != ai, {"tag": tags}),
        attributes=["tag"],
        checks={"equalized-odds-gap": {}, "power": {}},
        limits={"fpr_gap": limit, "fnr_gap": None},
        assume_missing="random",
    )
    (verdict,) = found_by(result, "equalized-odds-gap").verdicts
    return verdict.status, float(found_by(result, "power").details[0].rows[0][3])
