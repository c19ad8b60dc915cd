"""Comparisons of two classifiers on the same drawn images: what is claimed that is not so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceaudit.comparison.runner import compare
from faceaudit.result import Result
from faceaudit.spec import Spec
from faceaudit.stats.gap_change import gap_change
from field import Row, scored_faces, share, wrong_calls

TAGS = {"gender": 2, "race": 5, "age_band": 7}
SPEC = Spec(
    name="drawn",
    title="Drawn",
    question="?",
    attributes=[*TAGS],
    intersections=[("gender", "race"), ("gender", "age_band")],
)


#: Images of a person, and how alike they are to each classifier.
IMAGES, CORRELATION = 10, 0.3


def study(trials: int, seed: int) -> list[Row]:
    """Compare classifiers that are alike, and ones whose gaps are known."""
    rows = []
    for images, what, some in (
        (1, "one image a person", trials),
        (IMAGES, f"{IMAGES} images a person", trials // 2),
    ):
        draws = (np.random.default_rng([seed, trial, images]) for trial in range(some))
        compared = [_alike(random, images) for random in draws]
        claims = [_claims(result) for result in compared]
        held = np.concatenate([_held(result) for result in compared])
        rows += [
            Row(
                f"equal pairs, {what}: a difference on the first screen whose interval lacks 0",
                "≤ 5 %",
                share(claims),
                bool(np.mean(claims) <= 0.05 + _slack(some)),
                some,
            ),
            Row(
                f"equal pairs, {what}: each interval in tables on its own, coverage",
                "≥ 93 %",
                share(held),
                bool(held.mean() >= 0.93 - _slack(some)),
                some,
            ),
        ]
    found = np.array([_gap_changes(np.random.default_rng([seed, t])) for t in range(trials)])
    rows.append(
        Row(
            "change of the gap between two classifiers, 2, 5 and 14 groups: coverage, lowest",
            "≥ 95 %",
            share(found[:, found.mean(axis=0).argmin()]),
            bool(found.mean(axis=0).min() >= 0.95 - _slack(trials)),
            trials,
        )
    )
    return rows


def _slack(trials: int) -> float:
    return float(2 * np.sqrt(0.05 * 0.95 / trials))


def _claims(result: Result) -> bool:
    """Whether anything is said to differ, on the first screen or below it."""
    shown = (of for check in result.checks for of in check.findings)
    intervals = [of.interval for of in shown if of.interval is not None]
    return any(of.low > 0 or of.upper < 0 for of in intervals)


def _held(result: Result) -> NDArray[np.bool_]:
    """Whether each interval of a figure holds the true difference, which is none."""
    details = (of for check in result.checks for of in check.details if of.kind == "slopes")
    ends = np.array([(row.low, row.high) for of in details for row in of.rows if row.n])
    return np.asarray((ends[:, 0] <= 0) & (ends[:, 1] >= 0))


def _alike(random: np.random.Generator, images: int) -> Result:
    """Compare two that err at one rate, each with persons of its own whom it finds hard."""
    n = int(random.choice([1_000, 3_000]))
    persons = n // images
    person = np.repeat(np.arange(persons), images)
    is_ai = person % 2 == 1
    columns = {t: random.integers(of, size=persons)[person].astype(str) for t, of in TAGS.items()}
    rate = random.choice([0.05, 0.1, 0.3])
    # With a Beta distribution of the persons' rates, images of one correlate so much.
    odds = 1 / CORRELATION - 1 if images > 1 else np.inf
    pair = []
    for _ in range(2):
        of = np.full(persons, rate)
        if images > 1:
            of = random.beta(rate * odds, (1 - rate) * odds, persons)
        more = {"person": person.astype(str)} if images > 1 else {}
        pair.append(scored_faces(is_ai, wrong_calls(random, of[person], is_ai), columns | more))
    return compare(*pair, SPEC)


def _gap_changes(random: np.random.Generator) -> list[bool]:
    """Whether the interval of each of several changes of a gap holds the true one."""
    held = []
    for groups in (2, 5, 14):
        for first, second in ((0.0, 0.0), (0.1, 0.1), (0.0, 0.1), (0.1, 0.05)):
            wrong, n = np.full((2, groups), 0.1), np.full(groups, 400)
            wrong[:, 0] += first, second
            # Seven of ten errors of the better one are the other's too.
            both = 0.3 * wrong.prod(axis=0) + 0.7 * wrong.min(axis=0)
            cells = np.array([both, wrong[0] - both, wrong[1] - both, 1 - wrong.sum(axis=0) + both])
            drawn = np.array([random.multinomial(m, p) for m, p in zip(n, cells.T, strict=True)])
            found = gap_change(drawn.T)
            held.append(found.low <= second - first <= found.high)
    return held
