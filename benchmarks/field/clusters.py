"""Images of one person, and copies: does what hangs together count as what it is worth?"""

from __future__ import annotations

import numpy as np

from field import Row, audited, found_by, scored_faces, share, wrong_calls

PERSONS, EACH, RATE, CORRELATION, GROUPS = 240, 10, 0.1, 0.3, 4


def study(trials: int, seed: int) -> list[Row]:
    """Audit alike groups of persons with ten images each, and of images given four times."""
    random = np.random.default_rng(seed)
    fails, covered, unsaid, copies = [], [], [], []
    for _ in range(trials):
        shape = np.array([RATE, 1 - RATE]) * (1 - CORRELATION) / CORRELATION
        rate = np.repeat(random.beta(*shape, 2 * PERSONS), EACH)
        person = np.repeat(np.arange(2 * PERSONS), EACH)
        group = random.integers(GROUPS, size=2 * PERSONS)[person]
        is_ai = person >= PERSONS
        called = wrong_calls(random, rate, is_ai)
        columns = {"group": _letters(group), "subject": np.char.add("s", person.astype(str))}
        spec = {
            "attributes": ["group"],
            "limits": {"fpr_gap": 0, "fnr_gap": 0},
            "checks": ["equalized-odds-gap", "group-error-rates"],
        }
        scores = scored_faces(is_ai, called, columns)
        result = audited(scores, **spec, cluster="subject")
        fails.append(result.status == "fail")
        table = next(
            of for of in found_by(result, "group-error-rates").details if "Error" in of.title
        )
        titles = [column.title for column in table.columns]
        ends = [i for i, title in enumerate(titles) if title.endswith("from")]
        covered += [row[i] <= RATE <= row[i + 1] for row in table.rows for i in ends]
        unsaid.append(audited(scores, **spec).status in ("pass", "fail"))
        # Each image four times, under other names.
        four = np.repeat(np.arange(600), 4)
        is_ai, group = (four >= 300), random.integers(GROUPS, size=600)[four]
        called = wrong_calls(random, np.full(600, RATE), four[::4] >= 300)[four]
        columns = {"group": _letters(group), "sha256": [f"{of:064x}" for of in four]}
        copies.append(audited(scored_faces(is_ai, called, columns), **spec).status == "fail")
    slack = 2 * np.sqrt(0.05 * 0.95 / trials)
    what = f"{EACH} images a person, intra-class correlation {CORRELATION}, no gap, limit 0"
    return [
        Row(f"{what}: `fail`", "≤ 5 %", share(fails), np.mean(fails) <= 0.05 + slack, trials),
        Row(
            f"{what}: coverage of rates",
            "≥ 93 %",
            share(covered),
            np.mean(covered) >= 0.93 - slack,
            trials,
        ),
        Row(
            f"{what}, nothing said of persons: `pass` or `fail`",
            "≤ 5 %",
            share(unsaid),
            np.mean(unsaid) <= 0.05 + slack,
            trials,
        ),
        Row(
            "each image four times, no gap, limit 0: `fail`",
            "≤ 5 %",
            share(copies),
            np.mean(copies) <= 0.05 + slack,
            trials,
        ),
    ]


def _letters(group: np.ndarray) -> np.ndarray:
    return np.array([*"abcdefgh"])[group]
