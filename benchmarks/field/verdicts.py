"""Many gaps at once: how many can be decided, how often one is decided wrongly, what is said."""

from __future__ import annotations

import numpy as np

from faceaudit.error_rates import ERROR_RATES
from field import Row, audited, found_by, scored_faces, share

#: As uneven as people in photographs: how often each group is.
TAGS = {
    "age": (1 / 9,) * 9,
    "gender": (0.5, 0.5),
    "race": (0.6, 0.3, 0.04, 0.03, 0.03),
}
ASKED = {
    "attributes": ["age_group", "gender", "race"],
    "intersections": [["race", "gender"], ["age_group", "gender"]],
}


def study(trials: int, seed: int) -> list[Row]:
    """Audit three tags and two combinations of alike people, and of people at the limit."""
    random = np.random.default_rng(seed)
    all_pass, unqualified, wrong = [], [], []
    for _ in range(trials):
        result = _audit(random, 40_000, lambda tags: np.full(len(tags["race"]), 0.02))
        statuses = [of.status for of in found_by(result, "equalized-odds-gap").verdicts]
        all_pass.append(set(statuses) == {"pass"})
        told = "group-error-rates", "intersections"
        result = _audit(random, 3_000, lambda tags: np.full(len(tags["race"]), 0.1), told)
        said = [found.sentence for check in told for found in found_by(result, check).findings]
        unqualified.append(any("chance alone could explain" not in of for of in said))
        # All gaps of gender and of its combinations are a hair above the limit, all others are 0.
        result = _audit(random, 12_000, lambda tags: 0.02 + 0.0501 * tags["gender"])
        wrong.append(
            any(
                (of.status == "pass") == ("gender" in of.tags)
                and of.status != "insufficient-evidence"
                for of in found_by(result, "equalized-odds-gap").verdicts
            )
        )
    slack = 2 * np.sqrt(0.05 * 0.95 / trials)
    return [
        Row(
            "all ten gaps zero, 2 %, n = 40,000, limit 5: all pass",
            "≥ 65 %",
            share(all_pass),
            np.mean(all_pass) >= 0.65 - 4 * slack,
            trials,
        ),
        Row(
            "six gaps a hair above the limit, four zero: any wrong verdict",
            "≤ 5 %",
            share(wrong),
            np.mean(wrong) <= 0.05 + slack,
            trials,
        ),
        Row(
            "null audits with a gap sentence lacking 'chance alone could explain'",
            "≤ 5 %",
            share(unqualified),
            np.mean(unqualified) <= 0.05 + slack,
            trials,
        ),
    ]


def _audit(random, n, rate_of, checks=("equalized-odds-gap",)):
    tags = {name: random.choice(len(of), n, p=of) for name, of in TAGS.items()}
    is_ai = np.arange(n) % 2 == 1
    called = (random.random(n) < rate_of(tags)) != is_ai
    names = {"age": "age_group"}
    columns = {
        names.get(name, name): np.array([f"{name} {i}" for i in range(len(TAGS[name]))])[code]
        for name, code in tags.items()
    }
    limits = {f"{rate}_gap": 0.05 for rate in ERROR_RATES}
    return audited(scored_faces(is_ai, called, columns), **ASKED, limits=limits, checks=[*checks])
