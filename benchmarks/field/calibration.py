"""Scores that mislead: how far off those of a group are, whatever the number of its images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr

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
    tags = {"group": np.repeat([f"{i:03}" for i in range(len(n))], n)}
    rows = []
    for measure, draw in (("shift", _shifted), ("overconfidence", _overconfident)):
        found = [
            _measured(measure, _check(*_labelled(*draw(n.sum(), random), random), tags))
            for _ in range(trials)
        ]
        value, low, high = np.moveaxis(np.array(found), 2, 0)
        means: dict[int, Any] = {}
        held = []
        for size in GROUPS:
            of = n == size
            means[size] = value[:, of].mean(), value[:, of].std() / value[:, of].size ** 0.5
            held.append(((low <= TRUTH) & (high >= TRUTH))[:, of])
        met = all(abs(mean - TRUTH) < 0.005 + 2 * error for mean, error in means.values())
        what = f"{measure} of 7.2 points: mean found at n = 40, 200, 1,000, 5,000"
        listed = ", ".join(f"{100 * mean:.1f}" for mean, _ in means.values())
        rows.append(Row(what, "6.7 to 7.7", listed, met, trials))
        what = f"{measure} of 7.2 points: coverage at the n where it is lowest"
        rows.append(_coverage(what, held, trials))
    checks = [_check(*_calibrated(random)) for _ in range(trials)]
    rows.append(_claims("calibrated scores, 30 groups by 3 tags", checks))
    for what, alike in (("too high or low", False), ("right or wrong", True)):
        checks = [_check(*_persons(alike, random)) for _ in range(trials)]
        what = f"calibrated scores, {what} by person, 10 images each"
        held = [
            [low <= true <= high for of in checks for _, low, high in _measured(name, of)]
            for name, true in (("shift", 0), ("overconfidence", 0), ("Brier score", 0.125))
        ]
        rows += [_coverage(f"{what}: coverage", held, trials), _claims(what, checks)]
    return rows


def _coverage(what: str, held: Sequence[Any], trials: int) -> Row:
    worst = min(held, key=np.mean)
    met = all(np.mean(of) > 0.93 - 2 * (0.0651 / np.size(of)) ** 0.5 for of in held)
    return Row(what, "≥ 93 %", share(worst), met, trials)


def _claims(what: str, checks: list[CheckResult]) -> Row:
    claims = [any("beyond chance" in of.sentence for of in check.findings) for check in checks]
    met = bool(np.mean(claims) < 0.05 + 2 * (0.0475 / len(claims)) ** 0.5)
    return Row(f"{what}: off beyond chance", "≤ 5 %", share(claims), met, len(claims))


def _shifted(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    true = random.uniform(0, 1 - TRUTH, n)
    return true, true + TRUTH


def _overconfident(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    score = random.beta(0.5, 0.5, n)
    return expit(logit(score) / STRETCH), score


def _labelled(true: Floats, score: Floats, random: np.random.Generator) -> tuple[Any, Floats]:
    return random.random(len(true)) < true, score


def _calibrated(random: np.random.Generator) -> tuple[Any, Floats, dict[str, Any]]:
    score = random.beta(0.5, 0.5, 3_000)
    tags = {name: random.choice(list("abcdefghij"), 3_000) for name in ("one", "two", "three")}
    return *_labelled(score, score, random), tags


def _persons(alike: bool, random: np.random.Generator) -> tuple[Any, Floats, dict[str, Any]]:
    """Draw labels whose luck persons share: that scores are too low or, if `alike`, right."""
    person = np.repeat(np.arange(200), 10)
    luck = 0.4**0.5 * random.normal(size=200)[person] + 0.6**0.5 * random.normal(size=2_000)
    score = random.beta(0.5, 0.5, 2_000)
    luck = np.where(alike & (score < 0.5), -luck, luck)
    tags = {"group": random.choice(list("abcd"), 200)[person], "person": person.astype(str)}
    return ndtr(luck) < score, score, tags


def _check(is_ai: ArrayLike, score: Floats, tags: dict[str, Any]) -> CheckResult:
    scores = scored_faces(is_ai, score >= 0.5, {**tags, "p_ai": score.astype(np.float32)})
    names = [name for name in tags if name != "person"]
    return found_by(audited(scores, attributes=names, checks=["calibration"]), "calibration")


def _measured(measure: str, check: CheckResult) -> list[Any]:
    """Read a measure of each group and its interval, shape (groups, 3)."""
    table = next(of for of in check.details if isinstance(of, Table))
    first = [column.title for column in table.columns].index(measure)
    return [row[first : first + 3] for row in table.rows]
