"""Comparisons of many classifiers: what is claimed that is not so, and time and memory.

    python benchmarks/leaderboards.py            # ranks and groups, of classifiers that are known
    python benchmarks/leaderboards.py 20 234000  # classifiers, rows: seconds and peak memory

Every classifier errs on an image if what is hard about the image, which all share, and its own
luck exceed a bound: errors are alike in all groups but those that are planted. A trial fails if
any true rank is not among those told, or any "better" or "worse" is not so.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pyarrow as pa

from faceaudit.comparison.runner import compare
from faceaudit.result import Result, Table
from faceaudit.schema import DatasetInfo, ScoresInfo
from faceaudit.spec import Spec
from faceaudit.tables import Scores

TAGS = {"gender": 2, "race": 5, "age_band": 7}
SPEC = Spec(name="drawn", title="Drawn", question="?", attributes=[*TAGS])
TRIALS, ROWS, PEOPLE = 300, 4_000, 10


def draw(
    random: np.random.Generator, rows: int, rates: np.ndarray, persons: bool = False
) -> list[Scores]:
    """Draw classifiers with these error rates, half of the images real photographs."""
    is_ai = np.arange(rows) % 2 == 1
    # Two images in a row are of one label each.
    person = np.arange(rows) // (2 * PEOPLE)
    hard = random.normal(size=rows) if not persons else random.normal(size=person[-1] + 1)[person]
    tags = {tag: random.integers(of, size=rows).astype(str) for tag, of in TAGS.items()}
    columns = {
        "image": [f"{i}.jpg" for i in range(rows)],
        "label": np.where(is_ai, "ai", "real"),
        "dataset": ["drawn"] * rows,
        "status": ["ok"] * rows,
        **tags,
        **({"person": person.astype(str)} if persons else {}),
    }
    info = ScoresInfo(datasets={"drawn": DatasetInfo(indexed=rows)}, tag_sources={})
    # Both parts have a variance of one half.
    luck = random.normal(size=(len(rates), rows))
    scores = []
    for rate, own in zip(rates, luck, strict=True):
        bound = np.sqrt(2) * _normal_quantile(1 - rate)
        wrong = hard + own > bound
        p_ai = np.where(wrong != is_ai, 0.9, 0.1).astype(np.float32)
        scores.append(Scores(pa.table({**columns, "p_ai": p_ai}), info))
    return scores


def _normal_quantile(share: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(share))


def ranks_held(result: Result, rates: np.ndarray) -> bool:
    """Whether every true rank is among those told, in both error rates."""
    for id in ("fpr", "fnr"):
        check = next(of for of in result.checks if of.id == f"compare-leaderboard-{id}")
        table = next(of for of in check.details if isinstance(of, Table))
        for name, told, *_ in table.rows:
            own = rates[int(str(name))]
            low, *high = map(int, str(told).split(" to "))
            if low > 1 + (rates < own).sum() or (high or [low])[0] < (rates <= own).sum():
                return False
    return True


def false_claims(result: Result, rates: np.ndarray) -> bool:
    """Whether any group is told to be better or worse with a classifier that is not."""
    for check in result.checks:
        for found in check.findings if check.id.startswith("compare-") else ():
            if found.tags and check.id[8:].isdigit() and found.interval:
                # Of a group the true difference is that over all, of a gap there is none.
                true = rates[int(check.id[8:])] - rates[0]
                true = 0.0 if "the gap is" in found.sentence else true
                if not found.interval.low <= true <= found.interval.upper:
                    return True
    return False


def study() -> None:
    """Print how often a comparison holds in all that it tells."""
    for what, rates in (
        ("five alike", np.full(5, 0.1)),
        ("one best, three alike, one worst", np.array([0.1, 0.1, 0.1, 0.07, 0.14])),
        ("all apart", np.array([0.1, 0.06, 0.08, 0.12, 0.15])),
    ):
        for persons in (False, True):
            held = claims = apart = 0
            for trial in range(TRIALS):
                random = np.random.default_rng([trial, persons])
                names = [str(i) for i in range(5)]
                result = compare(draw(random, ROWS, rates, persons), SPEC, names=names)
                held += ranks_held(result, rates)
                claims += false_claims(result, rates)
                told = result.answer.how_sure if result.answer else ""
                apart += int(told.split(" told apart ")[1].split()[0])
            print(
                f"{what}, {PEOPLE if persons else 1} images a person and label: all true ranks "
                f"told {held / TRIALS:.1%}, an interval of a group or gap that lacks the true one "
                f"{claims / TRIALS:.1%}, pairs told apart {apart / TRIALS:.1f} of 10",
                flush=True,
            )


def measure(classifiers: int, rows: int) -> None:
    """Print the time and the peak memory of a comparison."""
    rates = np.linspace(0.05, 0.15, classifiers)
    scores = draw(np.random.default_rng(0), rows, rates, persons=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start = time.perf_counter()
    compare(scores, SPEC, names=[str(i) for i in range(classifiers)])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    took = time.perf_counter() - start
    print(f"{classifiers} × {rows:,}: {took:.1f} s, peak {after:.2f} GB ({before:.2f} before)")


if __name__ == "__main__":
    measure(*map(int, sys.argv[1:])) if len(sys.argv) > 2 else study()
