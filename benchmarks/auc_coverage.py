"""Rewrite the coverage tables of docs/statistics-ranking.md from a fresh simulation.

python benchmarks/auc_coverage.py    # about a minute; the same numbers every time
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from faceaudit.files import write_text
from faceaudit.stats.ranking import Auc, Runs, group_ranking, rank_scores

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "statistics-ranking.md"
BEGIN, END = "<!-- coverage study: begin -->", "<!-- coverage study: end -->"
SEED = 20240601
TRIALS = 2_000
#: AI-generated faces against real photographs.
SIZES = [(5, 5), (10, 10), (30, 30), (100, 100), (1_000, 1_000)]
SIZES += [(5, 1_000), (1_000, 5), (30, 1_000), (1_000, 100)]
#: Images simulated at a time, for a bounded memory.
BATCH = 2_000_000

Scores = NDArray[np.float64]
Interval = tuple[Scores, Scores]


@dataclass(frozen=True)
class World:
    """How scores come about: a true AUC, and a draw of (trials, AI) and (trials, real) scores."""

    name: str
    auc: float
    draw: Callable[[np.random.Generator, int, int, int], tuple[Scores, Scores]]


def normal(distance: float, spread: float) -> World:
    def draw(rng: np.random.Generator, trials: int, ai: int, real: int) -> tuple[Scores, Scores]:
        return rng.normal(distance, spread, (trials, ai)), rng.normal(0, 1, (trials, real))

    auc = float(stats.norm.cdf(distance / np.hypot(1, spread)))
    return World(f"normal, {distance:g} apart, spread {spread:g}", auc, draw)


def failing(share: float, which: str) -> World:
    """Both labels far apart, but a share of one of them lies beyond the other."""

    def draw(rng: np.random.Generator, trials: int, ai: int, real: int) -> tuple[Scores, Scores]:
        high, low = rng.normal(2, 0.1, (trials, ai)), rng.normal(0, 0.1, (trials, real))
        if which == "photographs":
            low = low + 4 * (rng.random(low.shape) < share)
        else:
            high = high - 4 * (rng.random(high.shape) < share)
        return high, low

    return World(f"{100 * share:g} % of {which} fail", 1 - share, draw)


def two_scores(share: float) -> World:
    """Only the scores 0 and 1, each wrong for the same share of both labels."""

    def draw(rng: np.random.Generator, trials: int, ai: int, real: int) -> tuple[Scores, Scores]:
        right, wrong = rng.random((trials, ai)) >= share, rng.random((trials, real)) < share
        return right.astype(float), wrong.astype(float)

    return World(f"two scores, {100 * share:g} % wrong", 1 - share, draw)


WORLDS = [
    *(normal(distance, 1) for distance in (0, 1, 2.5, 3.5)),
    *(normal(distance, 3) for distance in (2, 5)),
    *(failing(share, which) for which in ("photographs", "faces") for share in (0.02, 0.1)),
    *(two_scores(share) for share in (0.005, 0.02, 0.1)),
]


def ours(auc: Auc) -> Interval:
    return auc.low, auc.high


def wald(auc: Auc) -> Interval:
    half = stats.norm.ppf(0.975) * np.sqrt(auc.variance)
    return np.maximum(auc.value - half, 0), np.minimum(auc.value + half, 1)


def logit(auc: Auc) -> Interval:
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.log(auc.value / (1 - auc.value))
        half = stats.norm.ppf(0.975) * np.sqrt(auc.variance) / (auc.value * (1 - auc.value))
        low, high = 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))
    separated = auc.variance == 0
    return np.where(separated, auc.value, low), np.where(separated, auc.value, high)


METHODS = {"ours": ours, "logit of DeLong": logit, "Wald of DeLong": wald}


def simulate(world: World, ai: int, real: int) -> dict[str, tuple[float, float]]:
    """Return coverage and mean width of every method."""
    rng = np.random.default_rng([SEED, ai, real])
    hits = dict.fromkeys(METHODS, 0)
    widths = dict.fromkeys(METHODS, 0.0)
    batch = max(1, min(TRIALS, BATCH // (ai + real)))
    for start in range(0, TRIALS, batch):
        trials = min(batch, TRIALS - start)
        high, low = world.draw(rng, trials, ai, real)
        score = np.concatenate([high.ravel(), low.ravel()]).astype(np.float32)
        is_ai = np.repeat([True, False], [high.size, low.size])
        trial = np.concatenate([np.repeat(np.arange(trials), k) for k in (ai, real)])
        auc = group_ranking(Runs.of(rank_scores(score, is_ai), trial, trials)).subgroup
        for name, method in METHODS.items():
            below, above = method(auc)
            hits[name] += int(np.sum((below <= world.auc) & (world.auc <= above)))
            widths[name] += float(np.sum(above - below))
    return {name: (hits[name] / TRIALS, widths[name] / TRIALS) for name in METHODS}


def main() -> None:
    found = {(w.name, size): simulate(w, *size) for w in WORLDS for size in SIZES}
    lines = [f"Numbers by `benchmarks/auc_coverage.py`, seed {SEED}, {TRIALS:,} trials a cell.", ""]
    lines += ["| interval | lowest coverage, % | there | cells below 93 %, in % |"]
    lines += ["| --- | ---: | --- | ---: |"]
    for name in METHODS:
        world, size = min(found, key=lambda cell: found[cell][name][0])
        below = np.mean([cell[name][0] < 0.93 for cell in found.values()])
        lines.append(
            f"| {name} | {100 * found[world, size][name][0]:.1f} | {world}; {size[0]:,} AI, "
            f"{size[1]:,} real | {100 * below:.1f} |"
        )
    lines += ["", "Coverage in % and, in brackets, mean width: ours / logit of DeLong.", ""]
    lines += ["| scores | AUC | " + " | ".join(f"{a:,} AI, {r:,} real" for a, r in SIZES) + " |"]
    lines += ["| --- | ---: |" + " ---: |" * len(SIZES)]
    for world in WORLDS:
        cells = []
        for size in SIZES:
            ours_, usual = (found[world.name, size][name] for name in ("ours", "logit of DeLong"))
            cells.append(
                f"{100 * ours_[0]:.1f} ({ours_[1]:.3f}) / {100 * usual[0]:.1f} ({usual[1]:.3f})"
            )
        lines.append(f"| {world.name} | {world.auc:.3f} | " + " | ".join(cells) + " |")
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    write_text(DOCUMENT, "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"]))


if __name__ == "__main__":
    main()
