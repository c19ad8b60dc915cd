"""Five data sets in which nobody is over-represented: one false name among all their groups."""

from __future__ import annotations

import numpy as np

from field import Row, audited, found_by, scored_faces, share

DATASETS, N = 5, 500
RATES = (0.04, 0.1, 0.3)


def study(trials: int, seed: int) -> list[Row]:
    """Audit five data sets of people whose tags say nothing of the errors."""
    wrongly = []
    for trial in range(trials):
        random = np.random.default_rng([seed, trial])
        n = DATASETS * N
        tags = {
            "race": random.choice(["Asian", "Black", "Indian", "White"], n),
            "gender": random.choice(["female", "male"], n),
            "age_band": random.choice(["20-29", "30-39", "40-49", "50-59"], n),
        }
        dataset = np.repeat([f"set {i}" for i in range(DATASETS)], N)
        called = random.random(n) < RATES[trial % len(RATES)]
        scores = scored_faces(np.zeros(n, bool), called, tags, dataset)
        checks = [{"over-represented": {"suspicions": {}}}]
        result = audited(scores, attributes=["race"], checks=checks)
        wrongly.append("surely over-represented" in found_by(result, "over-represented").sentence)
    return [
        Row(
            "nobody is over-represented in five data sets: somebody is named",
            "≤ 5 %",
            share(wrongly),
            bool(np.mean(wrongly) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)),
            trials,
        )
    ]
