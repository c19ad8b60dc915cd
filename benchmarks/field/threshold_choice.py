"""A threshold chosen on some photographs for few false accusations: what it does to all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceaudit.tables import Scores
from field import Row, audited, found_by, scored_faces, share

TARGET, ERROR = 0.01, 0.05
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]


def study(trials: int, seed: int) -> list[Row]:
    """Choose the plain and the safe threshold for an FPR of 1 % and count where it is more."""
    random = np.random.default_rng(seed)
    rows = []
    for what, n, draw in (
        ("100 photographs", 100, smooth),
        ("300 photographs", 300, smooth),
        ("1,000 photographs, scores of two decimals", 1000, rounded),
    ):
        of_all = np.sort(draw(random, 300_000).astype(np.float32))
        chosen = [_choose(draw(random, n), random) for _ in range(trials)]
        plain, safe = (
            np.array([[_fpr(of_all, of[row]), of[row][3] or 0] for of in chosen]) for row in (0, 1)
        )
        above = share(plain[:, 0] > TARGET)
        rows.append(
            _row(f"{what}: plain threshold beyond what is told beside it", plain, f"1 %: {above}")
        )
        none = np.mean([of[1][1] is None for of in chosen])
        aside = "none exists" if none == 1 else f"FPR {100 * safe[:, 0].mean():.2f} % on average"
        rows.append(_row(f"{what}: safe threshold above 1 %", safe, aside))
    return rows


def smooth(random: np.random.Generator, n: int) -> Floats:
    """Draw scores of real photographs, most of them near 0."""
    return random.beta(0.3, 3, n)


def rounded(random: np.random.Generator, n: int) -> Floats:
    """Draw the same scores, as a table of percentages gives them."""
    return np.round(smooth(random, n), 2)


def _choose(score: Floats, random: np.random.Generator) -> list[list[Any]]:
    """Audit photographs with such scores, and return the rows of the table of both thresholds."""
    n = len(score)
    label = np.zeros(n + 20, bool)
    scores = scored_faces(
        label, label, {"group": ["a"] * len(label)}, ["here"] * n + ["there"] * 20
    )
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


def _row(what: str, found: Floats, aside: str) -> Row:
    beyond = found[:, 0] > found[:, 1]
    most = ERROR + 2 * np.sqrt(ERROR * (1 - ERROR) / len(found))
    return Row(
        what=what,
        wanted=f"≤ {100 * ERROR:g} %",
        found=f"{share(beyond)} ({aside})",
        met=bool(beyond.mean() <= most),
        trials=len(found),
    )
