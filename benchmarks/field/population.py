"""Images that are not as a population is: the interval of the rate that is weighted to it."""

from __future__ import annotations

from itertools import product

import numpy as np

from faceaudit.result import Table
from field import Row, audited, found_by, scored_faces, seldom, share, wrong_calls

WANTED = 0.93
CELLS = list(product(("female", "male"), ("0-19", "20-39", "40-59", "60+")))
PEOPLE = np.array([0.11, 0.14, 0.13, 0.12, 0.12, 0.14, 0.13, 0.11])
#: Who is pictured: mostly young men; and who is called AI-generated: mostly old women.
IMAGES = np.array([0.05, 0.15, 0.03, 0.01, 0.15, 0.5, 0.1, 0.01])
RISK = np.array([0.5, 0.5, 1.5, 3.0, 0.4, 0.4, 1.0, 1.5])


def study(trials: int, seed: int) -> list[Row]:
    """Count how often the weighted rates' intervals hold the population's rates."""
    random = np.random.default_rng(seed)
    population = [
        {"gender": gender, "age_band": age, "share": of}
        for (gender, age), of in zip(CELLS, PEOPLE, strict=True)
    ]
    female = np.array([gender == "female" for gender, _ in CELLS])
    rows = []
    for n, rate in ((400, 0.1), (4000, 0.005)):
        risk = rate * RISK
        true = {
            "all images": PEOPLE @ risk,
            "gender: female": PEOPLE[female] @ risk[female] / PEOPLE[female].sum(),
            # One in two of each cell wears glasses.
            "glasses: some": PEOPLE @ risk,
        }
        held: dict[str, list[tuple[bool, bool]]] = {name: [] for name in true}
        for _ in range(trials):
            # Without an image of a cell there is no rate of its people.
            cell = np.append(np.arange(8), random.choice(8, n - 8, p=IMAGES))
            label = np.zeros(n, bool)
            tags = {
                "gender": [CELLS[i][0] for i in cell],
                "age_band": [CELLS[i][1] for i in cell],
                "glasses": random.choice(["none", "some"], n),
            }
            result = audited(
                scored_faces(label, wrong_calls(random, risk[cell], label), tags),
                attributes=["gender", "glasses"],
                population=population,
                checks=["population"],
            )
            (table,) = found_by(result, "population").details
            assert isinstance(table, Table)
            for row in table.rows:
                if (target := true.get(str(row[0]))) is not None:
                    crude, weighted = (row[3] <= target <= row[4], row[6] <= target <= row[7])
                    held[str(row[0])].append((weighted, crude))
        for name, of in held.items():
            weighted, crude = np.array(of).T
            rows.append(
                Row(
                    what=f"{n:,} photographs, {100 * rate:g} %: weighted rate, {name}: coverage",
                    wanted=f"≥ {100 * WANTED:g} %",
                    found=f"{share(weighted)} (unweighted {100 * crude.mean():.0f} %)",
                    met=seldom(~weighted, 1 - WANTED),
                    trials=trials,
                )
            )
    return rows
