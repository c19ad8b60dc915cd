"""Risk ratios at equal other tags: coverage by simulation, and speed beside a row-wise regression.

Run with ``python benchmarks/risk_ratios.py [REPETITIONS]``.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from faceaudit.stats.firth_risk_ratios import firth_risk_ratios

LEVELS = {"age": 6, "glasses": 3, "gender": 2}


def draw_tags(rng: np.random.Generator, n: int) -> dict[str, NDArray[np.int64]]:
    """Draw people of whom the older wear glasses more often; the third kind of glasses is rare."""
    age = rng.choice(6, n, p=[0.1, 0.15, 0.3, 0.25, 0.15, 0.05])
    worn = rng.random(n) < 0.05 + 0.07 * age
    glasses = np.where(worn, np.where(rng.random(n) < 0.15, 2, 1), 0)
    return {"age": age, "glasses": glasses, "gender": rng.integers(0, 2, n)}


def coverage(n: int, rate: float, repetitions: int) -> tuple[float, float]:
    """Return how often 95 % intervals hold the true ratio, at equal other tags and alone."""
    rng = np.random.default_rng([n, round(1000 * rate)])
    effects = {
        "age": 0.25 * (np.arange(6) - 2),
        "glasses": np.array([0.0, 0.5, 0.0]),
        "gender": np.array([0.0, -0.3]),
    }
    inside, adjusted = [], []
    for _ in range(repetitions):
        tags = draw_tags(rng, n)
        if any(len(np.unique(tags[tag])) < count for tag, count in LEVELS.items()):
            continue
        linear = logit(rate) + sum(np.take(effects[tag], tags[tag]) for tag in tags)
        events = rng.random(n) < expit(linear)
        found, _ = firth_risk_ratios(tags, events)
        # A tag taken alone answers another question: it stands beside, to show the confounding.
        alone, _ = firth_risk_ratios({"glasses": tags["glasses"]}, events)
        if not found or not alone:
            continue
        for tag, code in tags.items():
            without = linear - np.take(effects[tag], code)
            risk = np.array([expit(without + effect).mean() for effect in effects[tag]])
            share = np.bincount(code, minlength=LEVELS[tag]) / n
            ratio = risk * (1 - share) / (share @ risk - share * risk)
            inside += ((found[tag].low <= ratio) & (ratio <= found[tag].high)).tolist()
            if tag == "glasses":
                one = alone["glasses"]
                adjusted += ((one.low <= ratio) & (ratio <= one.high)).tolist()
    return float(np.mean(inside)), float(np.mean(adjusted))


def speed(n: int = 234_000) -> None:
    """Print the ratio of a row-wise logistic regression's time to that of all ratios from cells."""
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    tags = draw_tags(rng, n)
    events = rng.random(n) < 0.05
    start = time.perf_counter()
    design = np.column_stack(
        [np.ones(n)]
        + [tags[tag] == level for tag, count in LEVELS.items() for level in range(1, count)]
    ).astype(float)
    sm.GLM(events.astype(float), design, family=sm.families.Binomial()).fit()
    rowwise = time.perf_counter() - start
    start = time.perf_counter()
    firth_risk_ratios(tags, events)
    cells = time.perf_counter() - start
    print(f"{n:,} rows: regression on rows {rowwise:.2f} s, counting and all ratios {cells:.3f} s,")
    print(f"a ratio of {rowwise / cells:.0f}")


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"coverage of 95 % intervals, {repetitions} repetitions of 11 intervals")
    print("|    n | rate | at equal other tags | glasses alone, for the same ratio |")
    print("|-----:|-----:|--------------------:|----------------------------------:|")
    for n in (300, 1000, 5000):
        for rate in (0.01, 0.05, 0.3, 0.5, 0.9, 0.98):
            held, alone = coverage(n, rate, repetitions)
            print(f"| {n:,} | {rate:g} | {100 * held:.1f} % | {100 * alone:.1f} % |", flush=True)
    speed()


if __name__ == "__main__":
    main()
