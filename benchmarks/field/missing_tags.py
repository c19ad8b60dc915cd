"""Tags that are missing for errors, and tags that are wrong."""

from __future__ import annotations

import numpy as np

from field import Row, audited, found_by, scored_faces, share

HALF = {"checks": ["equalized-odds-gap"], "attributes": ["gender"], "limits": {"fnr_gap": None}}
TAG_ERROR, GAP = 0.1, 0.06


def study(trials: int, seed: int) -> list[Row]:
    """Hide a gap by leaving out tags of errors, and narrow one by giving wrong tags."""
    random = np.random.default_rng(seed)
    hidden, unscored, covered, wrongly, assumed = [], [], [], [], []
    for _ in range(trials):
        hidden.append(_hidden_gap(random, "gender").status == "pass")
        unscored.append(_hidden_gap(random, "score").status == "pass")
        result = _wrong_tags(random, 10_000, {"gender": TAG_ERROR})
        (gap,) = found_by(result, "equalized-odds-gap").verdicts
        covered.append(gap.low <= GAP <= gap.high)
        large = _wrong_tags(random, 40_000, {"gender": TAG_ERROR})
        wrongly.append(large.status == "pass")
        # Where no tag is wrong or missing, a gap that is not there still passes.
        assumed.append(_no_gap(random).status == "pass")
    slack = 2 * np.sqrt(0.05 * 0.95 / trials)
    return [
        Row(
            "tags missing for women's errors, true gap 8, limit 5: `pass`",
            "0",
            share(hidden),
            not any(hidden),
            trials,
        ),
        Row(
            "scores missing for women's errors, true gap 8, limit 5: `pass`",
            "0",
            share(unscored),
            not any(unscored),
            trials,
        ),
        Row(
            "10 % of tags wrong, 10,000 a group, true gap 6: coverage",
            "≥ 93 %",
            share(covered),
            np.mean(covered) >= 0.93 - slack,
            trials,
        ),
        Row(
            "10 % of tags wrong, 40,000 a group, true gap 6, limit 5: `pass`",
            "≤ 5 %",
            share(wrongly),
            np.mean(wrongly) <= 0.05 + slack,
            trials,
        ),
        Row(
            "no gap, 1 % of tags missing by chance, 2,000 a group, 2 %, limit 5: `pass`",
            "≥ 80 %",
            share(assumed),
            np.mean(assumed) >= 0.8 - slack,
            trials,
        ),
    ]


def _faces(random, per_group, rates):
    """Draw as many AI-generated faces, called rightly, beside photographs of women and men."""
    woman = np.arange(2 * per_group) < per_group
    wrong = random.random(2 * per_group) < np.where(woman, *rates)
    is_ai = np.repeat([False, True], 2 * per_group)
    return is_ai, np.append(wrong, np.ones(2 * per_group, bool)), np.tile(woman, 2)


def _hidden_gap(random, what):
    is_ai, called, woman = _faces(random, 3_000, (0.10, 0.02))
    gender = np.where(woman, "female", "male").astype(object)
    lost = ~is_ai & woman & called & (random.random(len(woman)) < 0.9)
    if what == "gender":
        gender[lost] = None
    scores = scored_faces(is_ai, called, {"gender": gender.tolist()})
    if what == "score":
        scores = without_score(scores, lost)
    return audited(scores, **HALF)


def without_score(scores, lost):
    """Take the scores of some rows away."""
    import pyarrow as pa

    from faceaudit.tables import Scores

    p_ai = pa.array(scores.table["p_ai"].to_numpy(), mask=lost)
    status = np.where(lost, "unreadable", "ok")
    table = scores.table.drop_columns(["p_ai", "status"])
    table = table.append_column("p_ai", p_ai).append_column("status", pa.array(status))
    return Scores(table, scores.info)


def _wrong_tags(random, per_group, tag_error):
    is_ai, called, woman = _faces(random, per_group, (0.05 + GAP, 0.05))
    said = woman ^ (random.random(len(woman)) < TAG_ERROR)
    gender = np.where(said, "female", "male").tolist()
    return audited(scored_faces(is_ai, called, {"gender": gender}), **HALF, tag_error=tag_error)


def _no_gap(random):
    is_ai, called, woman = _faces(random, 2_000, (0.02, 0.02))
    gender = np.where(woman, "female", "male").astype(object)
    gender[random.random(len(gender)) < 0.01] = None
    return audited(scored_faces(is_ai, called, {"gender": gender.tolist()}), **HALF)
