"""Scores that mislead: how far off those of a group are, whatever the number of its images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from faceaudit.result import CheckResult, Table
from field import Row, audited, found_by, scored_faces, share

Floats = NDArray[np.float64]

#: How far off all scores are, and how many groups there are of so many images.
TRUTH, GROUPS = 0.072, {40: 50, 200: 10, 1_000: 2, 5_000: 1}
#: Stretching the log-odds of calibrated scores like these so much makes them 7.2 points too sure.
STRETCH = 1.6716


def study(trials: int, seed: int) -> list[Row]:
    """Audit groups of 40 to 5,000 images, all equally far off, and then calibrated ones."""
    random = np.random.default_rng(seed)
    n = np.repeat(list(GROUPS), list(GROUPS.values()))
    rows = []
    for measure, draw in (("shift", _shifted), ("overconfidence", _overconfident)):
        found = [_measured(measure, *draw(int(n.sum()), random), n, random) for _ in range(trials)]
        value, low, high = np.moveaxis(np.array(found), 2, 0)
        means, held = {}, {}
        for size in GROUPS:
            of = n == size
            means[size] = value[:, of].mean(), value[:, of].std() / value[:, of].size ** 0.5
            held[size] = ((low <= TRUTH) & (high >= TRUTH))[:, of]
        rows += [
            Row(
                f"{measure} of 7.2 points: mean found at n = 40, 200, 1,000, 5,000",
                "6.7 to 7.7",
                ", ".join(f"{100 * mean:.1f}" for mean, _ in means.values()),
                all(abs(mean - TRUTH) < 0.005 + 2 * error for mean, error in means.values()),
                trials,
            ),
            Row(
                f"{measure} of 7.2 points: coverage at the n where it is lowest",
                "≥ 93 %",
                share(min(held.values(), key=np.mean)),
                all(of.mean() > 0.93 - 2 * (0.0651 / of.size) ** 0.5 for of in held.values()),
                trials,
            ),
        ]
    claims = [_claims(random) for _ in range(trials)]
    what = "calibrated scores, 30 groups by 3 tags: some are called off beyond chance"
    met = np.mean(claims) < 0.05 + 2 * (0.0475 / trials) ** 0.5
    return [*rows, Row(what, "≤ 5 %", share(claims), bool(met), trials)]


def _shifted(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    true = random.uniform(0, 1 - TRUTH, n)
    return true, true + TRUTH


def _overconfident(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    score = random.beta(0.5, 0.5, n)
    return expit(logit(score) / STRETCH), score


def _check(true: Floats, score: Floats, random: np.random.Generator, tags: Any) -> CheckResult:
    """Audit the calibration of scores whose labels are drawn at their true probabilities."""
    columns = {**tags, "p_ai": score.astype(np.float32)}
    scores = scored_faces(random.random(len(true)) < true, score >= 0.5, columns)
    return found_by(audited(scores, attributes=list(tags), checks=["calibration"]), "calibration")


def _measured(
    measure: str, true: Floats, score: Floats, n: NDArray[np.int64], random: np.random.Generator
) -> list[Any]:
    """Give a measure of each group and its interval, shape (groups, 3)."""
    groups = np.repeat([f"{i:03}" for i in range(len(n))], n)
    details = _check(true, score, random, {"group": groups}).details
    table = next(of for of in details if isinstance(of, Table))
    first = [column.title for column in table.columns].index(measure)
    return [row[first : first + 3] for row in table.rows]


def _claims(random: np.random.Generator) -> bool:
    """Tell whether anything is said to be off in an audit of calibrated scores."""
    score = random.beta(0.5, 0.5, 3_000)
    tags = {name: random.choice(list("abcdefghij"), 3_000) for name in ("one", "two", "three")}
    findings = _check(score, score, random, tags).findings
    return any("beyond chance" in finding.sentence for finding in findings)
