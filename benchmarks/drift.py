"""Drift: how often a planted cause is named, nothing is named where nothing is, intervals hold.

Run with ``python benchmarks/drift.py [TRIALS]``.
"""

from __future__ import annotations

import sys
from math import sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceaudit.checks import AuditInput
from faceaudit.checks.drift import CHECK, WORDS, _shifts
from faceaudit.result import Forest
from faceaudit.schema import ScoresInfo, validate
from faceaudit.spec import Spec
from faceaudit.stats.drift import _WEIGHTS

N = 4000
#: Rates of four groups of one tag; another tag has no effect. Pictures of few bytes add to them.
GROUPS, SMALL = np.array([0.02, 0.03, 0.05, 0.15]), 0.10
#: What a cause changes: shares of the groups, share of small files, rates.
SHARES = np.array([[0.4, 0.25, 0.2, 0.15], [0.15, 0.15, 0.2, 0.5]])


def world(cause: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give of both sets the shares of the groups, of small files, and the rates."""
    p = SHARES[[0, int("mix" in cause)]]
    small = np.array([0.2, 0.7 if "delivery" in cause else 0.2])
    rates = GROUPS[:, None] + np.array([SMALL, 0.0])
    more = 0.06 if "treatment" in cause else 0.0
    one = np.array([0, 0, 0, 0.15]) if "one group" in cause else 0.0
    return p, small, np.array([rates, rates + more + np.broadcast_to(one, 4)[:, None]])


def truth(cause: str) -> NDArray[np.float64]:
    """Give the true parts of the change."""
    p, small, r = world(cause)
    q = np.broadcast_to(np.stack([small, 1 - small], 1)[:, None, :], r.shape)
    parts = np.einsum("sabc,ag,bgk,cgk->s", _WEIGHTS, p, q, r)
    return np.array([*parts, 0.0, parts.sum()])


def draw(cause: str, rng: np.random.Generator, each: int = 1) -> AuditInput:
    """Draw both sets; `each` pictures of a person, of whom most err alike."""
    p, small, r = world(cause)
    second = np.repeat([0, 1], N)
    people = np.arange(2 * N) // each
    group = np.concatenate([rng.choice(4, N // each, p=of) for of in p])
    group = np.repeat(group, each)
    file_small = rng.random(2 * N) < small[second]
    rate = r[second, group, 1 - file_small]
    a_pixel = np.where(file_small, rng.uniform(0.1, 0.3, 2 * N), rng.uniform(0.3, 1.0, 2 * N))
    if "gradual" in cause:
        a_pixel = rng.beta(2 - second, 2, 2 * N)
        rate = GROUPS[group] + 0.3 * (1 - a_pixel) ** 2
    level = np.repeat(rng.random(2 * N // each), each)
    wrong = np.where(rng.random(2 * N) < 0.7 * (each > 1), level, rng.random(2 * N)) < rate
    width = 256 + 64 * rng.integers(0, 4, 2 * N) + (128 * second if "other sizes" in cause else 0)
    table = pa.table(
        {
            "image": [str(i) for i in range(2 * N)],
            "label": ["real"] * (2 * N),
            "dataset": np.array(["a", "b"])[second],
            "p_ai": np.where(wrong, 0.9, 0.1).astype(np.float32),
            "width": width,
            "height": width,
            "bytes": (a_pixel * width**2).astype(np.int64),
            "group": np.array(list("wxyz"))[group],
            "gender": np.array(["f", "m"])[rng.integers(0, 2, 2 * N)],
            **({"person": people.astype(str)} if each > 1 else {}),
        }
    )
    spec = Spec(name="t", title="T", question="?", attributes=["group", "gender"])
    return AuditInput(validate(table, "scores", "drawn"), ScoresInfo(), spec, 0.5)


def named(data: AuditInput) -> dict[str, list[str]]:
    """Return the parts that are shown, the largest first, of all images and of each gap."""
    found: dict[str, list[tuple[float, str]]] = {}
    for detail in CHECK.run(data, CHECK.options()).details:
        for row in detail.rows if isinstance(detail, Forest) else []:
            what, part = row.group.rsplit(": ", 1)
            shown = found.setdefault("all" if what == "all images" else "gap " + what[0], [])
            if part != "change" and row.value is not None and (row.low > 0 or row.high < 0):
                shown.append((-abs(row.value), part))
    return {what: [part for _, part in sorted(shown)] for what, shown in found.items()}


def share(of: list[bool]) -> str:
    """Write a share of trials with its Monte-Carlo error."""
    p = float(np.mean(of))
    return f"{sum(of)} of {len(of)} ({100 * p:.1f} % ± {100 * sqrt(p * (1 - p) / len(of)):.1f})"


def main(trials: int) -> None:
    """Print what docs/statistics.md has."""
    for cause in ("nothing", "nothing, other sizes", "nothing, persons"):
        rng = np.random.default_rng([1, len(cause)])
        runs = (named(draw(cause, rng, 5 if "persons" in cause else 1)) for _ in range(trials))
        print(
            f"{cause}: anything is named in {share([any(of.values()) for of in runs])}", flush=True
        )
    for cause in ("mix", "delivery", "delivery, gradual", "treatment", "treatment, other sizes"):
        rng = np.random.default_rng([2, len(cause)])
        runs = [named(draw(cause, rng))["all"] for _ in range(trials)]
        word = WORDS[["mix", "delivery", "treatment"].index(cause.split(",")[0])]
        first, only = ([of[:1] == [word] for of in runs], [of == [word] for of in runs])
        print(f"{cause}: named first in {share(first)}, alone in {share(only)}", flush=True)
    rng = np.random.default_rng(3)
    runs = [named(draw("one group", rng)) for _ in range(trials)]
    gaps = [[of for what, of in run.items() if what == "gap z"] for run in runs]
    first = [of[:1] == [["other treatment"]] for of in gaps]
    print(f"treatment of one group: named alone for its gap in {share(first)}", flush=True)
    for cause in ("nothing", "mix, delivery, treatment", "mix, delivery, treatment, persons"):
        rng, true = np.random.default_rng([4, len(cause)]), truth(cause)
        held = []
        for _ in range(trials):
            data = draw(cause, rng, 5 if "persons" in cause else 1)
            second = data.images.codes("dataset")[0] == 1
            low, high = next(_shifts(data, second, ["group", "gender"])).change.interval(0.95)
            held.append((low <= true) & (true <= high))
        for part, of in zip(WORDS, np.array(held).T, strict=True):
            print(f"{cause}: 95 % intervals of {part} hold in {share(of.tolist())}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
