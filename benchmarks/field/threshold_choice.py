"""A threshold chosen on some photographs for few false accusations: what it does to all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from faceaudit.tables import Scores
from field import Row, audited, found_by, scored_faces, seldom, share

TARGET = 0.01
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]


def study(trials: int, seed: int) -> list[Row]:
    """Choose the plain and the safe threshold for an FPR of 1 % and count where it is more."""
    random, trials = np.random.default_rng(seed), max(trials, 40)
    rows = []
    for what, n, draw in (
        ("100 photographs", 100, smooth),
        ("300 photographs", 300, smooth),
        ("1,000 photographs, scores of two decimals", 1000, rounded),
        ("3,000 photographs, ten a person", 3000, by_person),
    ):
        of_all = np.sort(draw(random, 300_000).astype(np.float32))
        each = 10 if draw is by_person else 1
        chosen = [_choose(draw(random, n), each, random) for _ in range(trials)]
        plain, safe = (
            np.array([[_fpr(of_all, of[row]), of[row][3] or 0] for of in chosen]) for row in (0, 1)
        )
        above = share(plain[:, 0] > TARGET)
        rows.append(
            _row(
                f"{what}: plain threshold beyond what is told beside it",
                plain,
                0.07,
                f"1 %: {above}",
            )
        )
        none = np.mean([of[1][1] is None for of in chosen])
        aside = "none exists" if none == 1 else f"FPR {100 * safe[:, 0].mean():.2f} % on average"
        rows.append(_row(f"{what}: safe threshold above 1 %", safe, 0.05, aside))
    return rows


def smooth(random: np.random.Generator, n: int) -> Floats:
    """Draw scores of real photographs, most of them near 0."""
    return random.beta(0.3, 3, n)


def by_person(random: np.random.Generator, n: int) -> Floats:
    """Draw the scores of persons whose ten photographs resemble each other, one after another."""
    person, own = random.standard_normal(n // 10).repeat(10), random.standard_normal(n)
    return np.asarray(stats.norm.cdf(np.sqrt(0.6) * person + np.sqrt(0.4) * own))


def rounded(random: np.random.Generator, n: int) -> Floats:
    """Draw the same scores, as a table of percentages gives them."""
    return np.round(smooth(random, n), 2)


def _choose(score: Floats, each: int, random: np.random.Generator) -> list[list[Any]]:
    """Audit photographs with such scores, and return the rows of the table of both thresholds."""
    n = len(score)
    label = np.zeros(n + 20, bool)
    tags = {"group": ["a"] * len(label), "person": [f"{i // each}" for i in range(n + 20)]}
    scores = scored_faces(label, label, tags, ["here"] * n + ["there"] * 20)
    given = pa.array(np.append(score, random.random(20)).astype(np.float32))
    table = scores.table.set_column(scores.table.column_names.index("p_ai"), "p_ai", given)
    result = audited(
        Scores(table, scores.info), attributes=["group"], checks=["threshold-transfer"]
    )
    details = found_by(result, "threshold-transfer").details
    return next(of.rows for of in details if of.title.startswith("What a threshold promises"))


def _fpr(of_all: NDArray[np.float32], row: list[Any]) -> float:
    """Give the true FPR of a row's threshold; without one nobody is accused."""
    if row[1] is None:
        return 0.0
    return 1 - np.searchsorted(of_all, np.float32(row[1])) / len(of_all)


def _row(what: str, found: Floats, wanted: float, aside: str) -> Row:
    beyond = found[:, 0] > found[:, 1]
    return Row(
        what=what,
        wanted=f"≤ {100 * wanted:g} %",
        found=f"{share(beyond)} ({aside})",
        met=seldom(beyond, wanted),
        trials=len(found),
    )
