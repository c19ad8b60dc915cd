"""Hidden slices: how often a slice is confirmed where there is none, and found where there is one.

Run with ``python benchmarks/hidden_slices.py [TRIALS]``.
"""

from __future__ import annotations

import sys
import time
from math import sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceaudit.checks import AuditInput
from faceaudit.checks.hidden_slices import CHECK
from faceaudit.result import Table
from faceaudit.schema import FEATURES, ScoresInfo, validate
from faceaudit.spec import Spec

#: Values of each tag, the first the most frequent.
VALUES = (2, 3, 4, 5, 7, 9)
NAMES = "abcdefghi"


def draw(rng: np.random.Generator, n: int, tags: int = 6) -> dict[str, NDArray[np.generic]]:
    """Draw three data sets whose people and deliveries differ."""
    dataset = rng.integers(0, 3, n)
    columns: dict[str, NDArray[np.generic]] = {"dataset": np.array(["x", "y", "z"])[dataset]}
    for i in range(tags):
        values = VALUES[i % len(VALUES)]
        shares = rng.dirichlet(np.full(values, 8.0), 3).cumsum(axis=1)
        code = (rng.random(n)[:, None] > shares[dataset]).sum(axis=1).clip(max=values - 1)
        columns[f"tag{i}"] = np.array(list(NAMES))[code]
    columns["bytes"] = (np.exp(rng.normal(10 + dataset / 2, 0.5)) // 1).astype(np.int64)
    columns["width"] = rng.choice([128, 256, 512], n)
    return columns


def features(rng: np.random.Generator, n: int, apart: int) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Draw what a classifier sees: a cloud, and a cluster of its own of so many images."""
    seen = rng.normal(size=(n, FEATURES)) / 6
    cluster = np.zeros(n, bool)
    cluster[rng.permutation(n)[:apart]] = True
    seen[cluster] += rng.normal(size=FEATURES)
    flat = pa.array(seen.astype(np.float16).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, FEATURES), cluster


def confirmed(columns: dict[str, object], wrong: NDArray[np.bool_], is_ai: object) -> list[str]:
    """Return the slices that the check confirms, in words."""
    ai = np.asarray(is_ai)
    table = pa.table(
        {
            "image": [str(i) for i in range(len(wrong))],
            "label": np.where(ai, "ai", "real"),
            "p_ai": np.where(wrong != ai, 0.9, 0.1).astype(np.float32),
            **columns,
        }
    )
    spec = Spec(name="t", title="T", question="?", attributes=["tag0"])
    data = AuditInput(validate(table, "scores", "drawn"), ScoresInfo(), spec, 0.5)
    details = CHECK.run(data, CHECK.options()).details
    tables = [detail for detail in details if isinstance(detail, Table)]
    return [str(row[0]) for of in tables for row in of.rows if row[1] == "yes"]


def null(kind: str, rng: np.random.Generator) -> bool:
    """Tell whether anything is confirmed where the data set alone decides."""
    n = 5000
    columns: dict[str, object] = dict(draw(rng, n))
    is_ai = rng.random(n) < 0.2
    rate = np.select([columns["dataset"] == "x", columns["dataset"] == "y"], [0.02, 0.05], 0.15)
    if kind == "rare errors":
        rate = rate / 20
    if kind == "persons":
        # Ten pictures of each, of one data set, who are nearly all called wrongly or not.
        person = np.arange(n) // 10
        columns = {name: np.repeat(np.asarray(of)[::10], 10) for name, of in columns.items()}
        columns["bytes"], columns["person"] = draw(rng, n)["bytes"], person.astype(str)
        rate = np.repeat(np.where(rng.random(n // 10) < rate[::10], 0.9, 0.01), 10)
        is_ai = np.repeat(is_ai[::10], 10)
    if kind == "tags missing where errors are":
        rate = np.where(rng.random(n) < 0.3, 0.3, rate)
        for i in range(6):
            known = rng.random(n) < np.where(rate == 0.3, 0.2, 0.95)
            columns[f"tag{i}"] = pa.array(columns[f"tag{i}"], mask=~known)
    columns["features"] = features(rng, n, 0)[0]
    return bool(confirmed(columns, rng.random(n) < rate, is_ai))


def planted(kind: str, rng: np.random.Generator) -> tuple[bool, bool]:
    """Tell whether a planted slice is confirmed by its own name, and whether another one is."""
    n = 5000
    columns: dict[str, object] = dict(draw(rng, n))
    seen, cluster = features(rng, n, 220)
    columns["features"] = seen
    if kind == "one tag":
        code = np.asarray(columns["tag5"])
        inside, words = code == "i", {"tag5 'i'"}
        inside |= rng.random(n) < max(220 - inside.sum(), 0) / n
        columns["tag5"] = np.where(inside, "i", code)
    elif kind == "two tags crossed":
        size = max(220 / n, 0.0)
        inside = rng.random(n) < size
        a, b = np.asarray(columns["tag3"]), np.asarray(columns["tag4"])
        # Both values are as frequent elsewhere, one without the other.
        other = rng.random(n)
        a = np.where(inside, "e", np.where(a == "e", "a", a))
        b = np.where(inside, "g", np.where(b == "g", "a", b))
        columns["tag3"] = np.where(~inside & (other < 0.15), "e", a)
        columns["tag4"] = np.where(~inside & (other > 0.85), "g", b)
        words = {"tag3 'e' and tag4 'g'"}
    else:
        inside, words = cluster, set()
    found = confirmed(columns, rng.random(n) < np.where(inside, 0.3, 0.05), np.zeros(n, bool))
    hits = [
        of in words or (not words and of.startswith("look '") and " and " not in of) for of in found
    ]
    return any(hits), not all(hits)


def share(of: list[bool]) -> str:
    """Write a share of trials with its Monte-Carlo error."""
    p = float(np.mean(of))
    return f"{sum(of)} of {len(of)} ({100 * p:.1f} % ± {100 * sqrt(p * (1 - p) / len(of)):.1f})"


def main(trials: int) -> None:
    """Print what docs/statistics.md has."""
    for kind in ("independent", "rare errors", "persons", "tags missing where errors are"):
        rng = np.random.default_rng([1, trials])
        print(
            f"nothing planted, {kind}: {share([null(kind, rng) for _ in range(trials)])}",
            flush=True,
        )
    for kind in ("one tag", "two tags crossed", "a cluster of features"):
        rng = np.random.default_rng([2, trials])
        named, others = zip(*(planted(kind, rng) for _ in range(trials)), strict=True)
        print(
            f"planted, {kind}: {share([*named])}; another besides: {share([*others])}", flush=True
        )
    rng = np.random.default_rng(3)
    columns: dict[str, object] = dict(draw(rng, 234_000, tags=8))
    wrong, is_ai = rng.random(234_000) < 0.05, rng.random(234_000) < 0.5
    start = time.perf_counter()
    confirmed(columns, wrong, is_ai)
    print(f"234,000 rows × 8 tags: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
