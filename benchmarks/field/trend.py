"""A rate that rises a little from each band to the next: which single gap hardly shows."""

from __future__ import annotations

import numpy as np

from faceaudit.checks.trend import CHECK
from faceaudit.tags.age import AGE_BANDS
from faceaudit.tags.skin_tone import MONK_TONES
from field import Row, audited, found_by, scored_faces, share, wrong_calls

PHOTOGRAPHS = 3_000
#: How frequent the age bands are, as in photographs from the web.
FREQUENT = np.array([3, 10, 12, 26, 19, 12, 9, 6, 3]) / 100
FIRST, LAST = 0.03, 0.07


def study(trials: int, seed: int) -> list[Row]:
    """Audit photographs whose error rate rises over the age bands, and others where it does not."""
    random = np.random.default_rng([seed, 7])
    rising = [_claimed(random, LAST) for _ in range(trials)]
    flat = [_claimed(random, FIRST) for _ in range(trials)]
    noticed, false_alarm = ([bool(of) for of in trial] for trial in (rising, flat))
    slack = 2 * np.sqrt(0.05 / trials)
    how = f"n = {PHOTOGRAPHS:,}, nine bands"
    return [
        Row(
            f"rate rising from 3 to 7 % over age, {how}: noticed",
            "≥ 60 %",
            share(noticed),
            bool(np.mean(noticed) >= 0.6 - slack),
            trials,
        ),
        Row(
            f"no trend over two tags, {how}: a trend of FPR claimed",
            "≤ 5 %",
            share(false_alarm),
            bool(np.mean(false_alarm) <= 0.05 + slack),
            trials,
        ),
    ]


def _claimed(random: np.random.Generator, last: float) -> list[str]:
    """Audit photographs; give the sentences that claim a trend of the FPR over age.

    Where there is none, over either of two tags.
    """
    band = random.choice(len(AGE_BANDS), PHOTOGRAPHS, p=FREQUENT)
    is_ai = np.zeros(PHOTOGRAPHS, bool)
    called = wrong_calls(random, FIRST + (last - FIRST) * band / (len(AGE_BANDS) - 1), is_ai)
    tags = {"age_band": np.array(AGE_BANDS)[band]}
    if last == FIRST:
        tags["skin_tone"] = np.array(MONK_TONES)[random.integers(10, size=PHOTOGRAPHS)]
    result = audited(
        scored_faces(is_ai, called, tags), attributes=list(tags), checks={CHECK.id: {}}
    )
    findings = [of for of in found_by(result, CHECK.id).findings if of.rate == "fpr"]
    return [of.sentence for of in findings if "chance alone could explain" not in of.sentence]
