"""The group that turned out worst of many: its rate is too high by chance."""

from __future__ import annotations

import numpy as np

from faceaudit.checks.generators import CHECK
from field import Row, audited, found_by, scored_faces, share, wrong_calls

#: What is drawn: families, AI-generated faces of each in turn, lowest and highest true rate.
CASES = (
    (80, (50,), 0.1, 0.1),
    (80, (30, 90), 0.05, 0.15),
    (14, (300,), 0.02, 0.02),
    (14, (100, 500), 0.02, 0.06),
)


def study(trials: int, seed: int) -> list[Row]:
    """Audit faces of many generators; does the interval of the worst hold its true rate?"""
    random = np.random.default_rng([seed, 8])
    rows = []
    for families, sizes, *ends in CASES:
        rates = random.permutation(np.linspace(*ends, families))
        held = [_held(random, rates, np.resize(sizes, families)) for _ in range(trials)]
        of = " or ".join(map(str, sizes))
        alike = "equal" if ends[0] == ends[1] else "unequal"
        rows.append(
            Row(
                f"the worst of {families} generators ({of} faces each, {alike} rates): coverage",
                "≥ 93 %",
                share(held),
                bool(np.mean(held) >= 0.93 - 2 * np.sqrt(0.05 / trials)),
                trials,
            )
        )
    return rows


def _held(random: np.random.Generator, rates: np.ndarray, n: np.ndarray) -> bool:
    """Draw and audit faces; whether the interval of the family named worst holds its rate."""
    family = np.repeat(np.arange(len(n)), n)
    is_ai = np.ones(len(family), bool)
    names = np.array([f"g{i}" for i in range(len(n))])
    scores = scored_faces(
        is_ai, wrong_calls(random, rates[family], is_ai), {"generator": names[family]}
    )
    result = audited(scores, attributes=["dataset"], checks={CHECK.id: {}})
    (finding,) = found_by(result, CHECK.id).findings
    true = rates[names == finding.groups[0].group[0]].item()
    return bool(finding.interval.low <= true <= finding.interval.upper)
