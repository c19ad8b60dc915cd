"""A classifier that leaves images undecided: how many by group, and the errors of the others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from faceaudit.result import CheckResult, Table
from faceaudit.tables import Scores
from field import Row, audited, found_by, scored_faces, seldom, share

GROUPS = ("a", "b", "c", "d")
UNDECIDED = np.array([0.10, 0.15, 0.2, 0.3])
#: Of all images; an error is one that is decided.
WRONG = np.array([0.02, 0.03, 0.04, 0.06])
IMAGES, EACH = 1200, 10


def study(trials: int, seed: int) -> list[Row]:
    """Count intervals that hold the truth, and gaps that are claimed where there is none."""
    random = np.random.default_rng(seed)
    rows = []
    for what, likeness in (("independent images", 0.0), ("ten images a person", 0.5)):
        found = [_audit(random, likeness, UNDECIDED, WRONG) for _ in range(trials)]
        held = np.array([_held(of) for of in found])
        for name, of in (("undecided", held[:, 0]), ("errors of those decided", held[:, 1])):
            rows.append(
                Row(
                    what=f"{what}: {name}, by group: coverage, the lowest of {len(GROUPS)} groups",
                    wanted="≥ 93 %",
                    found=share(of[:, of.mean(axis=0).argmin()]),
                    met=seldom(~of[:, of.mean(axis=0).argmin()], 0.07),
                    trials=trials,
                )
            )
        alike = np.full(len(GROUPS), 0.2), np.full(len(GROUPS), 0.03)
        claims = [
            any("chance alone" not in of.sentence and of.interval for of in found.findings)
            for found in (_audit(random, likeness, *alike) for _ in range(trials))
        ]
        rows.append(
            Row(
                what=f"{what}: groups alike, and yet a gap of either is claimed",
                wanted="≤ 5 %",
                found=share(claims),
                met=seldom(claims, 0.05),
                trials=trials,
            )
        )
    return rows


def _audit(
    random: np.random.Generator,
    likeness: float,
    undecided: NDArray[np.float64],
    wrong: NDArray[np.float64],
) -> CheckResult:
    """Audit images of both labels, `EACH` a person of one group, whose outcomes are alike."""
    person = np.arange(IMAGES) // EACH
    group = random.integers(0, len(GROUPS), person[-1] + 1)[person]
    is_ai = np.arange(IMAGES) >= IMAGES // 2
    common = random.standard_normal(person[-1] + 1)[person]
    own = random.standard_normal(IMAGES)
    u = stats.norm.cdf(np.sqrt(likeness) * common + np.sqrt(1 - likeness) * own)
    score = np.select([u < wrong[group], u < (wrong + undecided)[group]], [0.9, 0.5], 0.1)
    tags = {
        "group": np.array(GROUPS)[group],
        "other": random.choice(["x", "y"], IMAGES),
        "person": person.astype(str),
    }
    scores = scored_faces(is_ai, is_ai, tags)
    p_ai = pa.array(np.where(is_ai, 1 - score, score).astype(np.float32))
    table = scores.table.set_column(scores.table.column_names.index("p_ai"), "p_ai", p_ai)
    result = audited(
        Scores(table, scores.info),
        attributes=["group", "other"],
        unsure=[0.4, 0.6],
        cluster="person" if likeness else "none",
        checks=["abstention"],
    )
    return found_by(result, "abstention")


def _held(found: CheckResult) -> list[list[bool]]:
    """Tell of each group whether both intervals of its real photographs hold the truth."""
    table = next(
        of for of in found.details if of.title == "Real photographs left undecided, by group"
    )
    assert isinstance(table, Table)
    rows = {str(row[0]): row for row in table.rows}
    true = ((3, UNDECIDED), (7, WRONG / (1 - UNDECIDED)))
    return [
        [rows[name][low] <= rate[i] <= rows[name][low + 1] for i, name in enumerate(GROUPS)]
        for low, rate in true
    ]
