"""The ranking of scores by group: groups that are truly alike, and several images of a person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from faceaudit.result import CheckResult
from faceaudit.tables import Scores
from field import Row, audited, found_by, scored_faces, share

TAGS = {"gender": 2, "race": 5, "age_band": 9, "hair": 14}
IMAGES = 10
CORRELATION = 0.3


def study(trials: int, seed: int) -> list[Row]:
    """Rank scores that have nothing to do with any group, and scores of ten images a person."""
    slack = 2 * np.sqrt(0.05 * 0.95 / trials)
    claims = [_claims(np.random.default_rng([seed, trial])) for trial in range(trials)]
    covered = [_covered(np.random.default_rng([seed, trial, 1])) for trial in range(trials)]
    everybody, groups = (np.concatenate(of) for of in zip(*covered, strict=True))
    return [
        Row(
            "alike groups, 4 tags: one is called hardest to tell, and not that chance could do it",
            "≤ 5 %",
            share(claims),
            bool(np.mean(claims) <= 0.05 + slack),
            trials,
        ),
        *(
            Row(
                f"{IMAGES} images a person, correlation {CORRELATION}: AUC {of}, coverage",
                "≥ 93 %",
                share(hits),
                bool(np.mean(hits) >= 0.93 - slack),
                trials,
            )
            for of, hits in (("of all images", everybody), ("of groups", groups))
        ),
    ]


def _claims(random: np.random.Generator) -> bool:
    """Whether any sentence of one audit tells groups apart that are alike."""
    n = int(random.choice([500, 2_000]))
    is_ai = np.arange(n) % 2 == 1
    tags = {tag: random.integers(groups, size=n).astype(str) for tag, groups in TAGS.items()}
    found = _ranked(is_ai, random.normal(2.0 * is_ai), tags)
    return not all("chance alone could explain" in of.sentence for of in found.findings)


def _covered(random: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the intervals of all images, and those of each group, hold the true AUC."""
    persons = 60
    person = np.repeat(np.arange(2 * persons), IMAGES)
    is_ai = person % 2 == 1
    alike, own = random.normal(size=2 * persons)[person], random.normal(size=len(person))
    score = 1.5 * is_ai + np.sqrt(CORRELATION) * alike + np.sqrt(1 - CORRELATION) * own
    tags = {
        "planet": np.full(len(person), "earth"),
        "race": random.integers(2, size=2 * persons)[person].astype(str),
        "glasses": random.integers(2, size=len(person)).astype(str),
    }
    found = _ranked(is_ai, score, tags | {"person": person.astype(str)}, cluster="person")
    truth = stats.norm.cdf(1.5 / np.sqrt(2))
    tables = (of.rows for of in found.details if of.kind == "table")
    ends = np.array([row[3:12] for rows in tables for row in rows], float).reshape(-1, 3, 3)
    hits = (ends[..., 1] <= truth) & (truth <= ends[..., 2])
    return hits[0], hits[1:].ravel()


def _ranked(
    is_ai: NDArray[np.bool_], score: NDArray[np.float64], columns: dict[str, Any], **spec: Any
) -> CheckResult:
    scores = scored_faces(is_ai, is_ai, columns)
    table = scores.table
    p_ai = pa.array(stats.norm.cdf(score - 1).astype(np.float32))
    table = table.set_column(table.column_names.index("p_ai"), "p_ai", p_ai)
    asked = [tag for tag in columns if tag != "person"]
    result = audited(Scores(table, scores.info), attributes=asked, checks={"ranking": {}}, **spec)
    return found_by(result, "ranking")
