"""Intersectional error rates with intervals: ours, fairlearn, Aequitas and AIF360 in one run.

    python benchmarks/stats_speed.py
    python benchmarks/stats_speed.py --aequitas PYTHON --aif360 PYTHON

PYTHON is an interpreter of an environment that has the package (they pin other versions than
ours). fairlearn's 1,000 bootstrap replicates would take an hour or two, so two small runs are
timed and the line through them is extended; that is said beside the number.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.gaps import max_min_gap
from faceaudit.stats.intervals import rate_interval
from faceaudit.stats.rates import group_rates, rate_counts

ROWS, FIRST, SECOND = 234_000, 10, 8
REPLICATES = 1_000
SMALL_RUNS = (2, 6)
TAGS = ("first", "second")


def draw(rows: int, first: int = FIRST, second: int = SECOND, seed: int = 0) -> pa.Table:
    """Draw a scores table with two tags of `first` and `second` values; 30 % AI, 10 % wrong."""
    random = np.random.default_rng(seed)
    is_ai = random.random(rows) < 0.3
    wrong = random.random(rows) < 0.1
    names = [
        np.array([f"{tag} {i}" for i in range(n)])
        for tag, n in zip(TAGS, (first, second), strict=True)
    ]
    return pa.table(
        {
            "label": np.where(is_ai, "ai", "real"),
            "p_ai": np.where(is_ai != wrong, 0.9, 0.1).astype(np.float32),
            **{
                tag: values[random.integers(len(values), size=rows)]
                for tag, values in zip(TAGS, names, strict=True)
            },
        }
    )


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds, so that other work on the machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def fresh(table: pa.Table) -> pa.Table:
    """Give the same rows as a table that has not been read before."""
    return pa.table(table.columns, names=table.column_names)


def intervals_and_gaps(table: pa.Table) -> Counts:
    """Rows in; FPR and FNR intervals of every group, and both gaps, out."""
    counts = Images(table).counts(TAGS, 0.5)
    for rate in ("fpr", "fnr"):
        rate_interval(*rate_counts(counts, rate))
        max_min_gap(*rate_counts(counts, rate))
    return counts


def bootstrap_of_counts(table: pa.Table) -> None:
    """The same resampling as fairlearn's, by drawing the counts of rows instead of rows."""
    random = np.random.default_rng(0)
    c = Images(table).counts(TAGS, 0.5)
    cells = np.stack([c.real_called_real, c.real_called_ai, c.ai_called_real, c.ai_called_ai])
    share = cells.ravel() / cells.sum()
    drawn = random.multinomial(cells.sum(), share, REPLICATES).reshape(REPLICATES, *cells.shape)
    for errors, right in ((1, 0), (2, 3)):
        rate = drawn[:, errors] / (drawn[:, errors] + drawn[:, right])
        np.quantile(rate, [0.025, 0.975], axis=0)


def fairlearn_extrapolated(table: pa.Table) -> tuple[float, list[float]]:
    """Seconds of fairlearn's bootstrap, extended from two small runs to `REPLICATES`."""
    true = np.array(table["label"]) == "ai"
    called = table["p_ai"].to_numpy() >= 0.5
    groups = {tag: np.array(table[tag]) for tag in TAGS}

    def run(replicates: int) -> None:
        frame = MetricFrame(
            metrics={"fpr": false_positive_rate, "fnr": false_negative_rate},
            y_true=true,
            y_pred=called,
            sensitive_features=groups,
            n_boot=replicates,
            ci_quantiles=[0.025, 0.975],
            random_state=0,
        )
        _ = frame.by_group_ci, frame.difference_ci()

    taken = [seconds(lambda n=n: run(n)) for n in SMALL_RUNS]
    each = (taken[1] - taken[0]) / (SMALL_RUNS[1] - SMALL_RUNS[0])
    return taken[0] + each * (REPLICATES - SMALL_RUNS[0]), taken


def other_toolkit(name: str, python: str, table: pa.Table, counts: Counts) -> float:
    """Seconds of another package in its own environment, after checking that it agrees."""
    index = {group: i for i, group in enumerate(counts.groups)}
    tags = zip(*(table[tag].to_pylist() for tag in TAGS), strict=True)
    rows = {
        "group": [index[group] for group in tags],
        "label": (np.array(table["label"]) == "ai").astype(int),
        "called": (table["p_ai"].to_numpy() >= 0.5).astype(int),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        np.savetxt(
            path,
            np.column_stack(list(rows.values())),
            "%d",
            ",",
            header=",".join(rows),
            comments="",
        )
        script = Path(__file__).with_name("other_toolkits.py")
        output = subprocess.run(
            [python, str(script), name, str(path)], check=True, capture_output=True, text=True
        ).stdout
    answer = json.loads(output.splitlines()[-1])
    theirs = np.array([answer["rates"][str(i)] for i in range(len(counts.groups))])
    ours = group_rates(counts, ("fpr", "fnr"))
    np.testing.assert_allclose(theirs.T, [ours["fpr"], ours["fnr"]], atol=1e-9)
    return float(answer["seconds"])


def print_growth() -> None:
    print("\n| rows | groups | processor seconds | per million rows |")
    print("| ---: | ---: | ---: | ---: |")
    for rows in (10_000, 100_000, 1_000_000, 3_000_000):
        report_growth(rows, FIRST, SECOND)
    for second in (1, 8, 100, 1_000):
        report_growth(ROWS, FIRST, second)


def report_growth(rows: int, first: int, second: int) -> None:
    table = draw(rows, first, second)
    taken = min(seconds(lambda: intervals_and_gaps(fresh(table))) for _ in range(3))
    print(f"| {rows:,} | {first * second:,} | {taken:.3f} | {taken / rows * 1e6:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aequitas", metavar="PYTHON")
    parser.add_argument("--aif360", metavar="PYTHON")
    options = parser.parse_args()

    table = draw(ROWS)
    intervals_and_gaps(draw(1_000))  # imports and caches
    counts = intervals_and_gaps(table)
    ours = min(seconds(lambda: intervals_and_gaps(fresh(table))) for _ in range(3))
    points = seconds(lambda: group_rates(counts, ("fpr", "fnr")))
    drawn = min(seconds(lambda: bootstrap_of_counts(fresh(table))) for _ in range(3))
    fairlearn, small = fairlearn_extrapolated(table)

    print(f"{ROWS:,} rows, {len(counts.groups)} groups, FPR and FNR\n")
    print("| what | processor seconds | times ours |")
    print("| --- | ---: | ---: |")
    print(f"| faceaudit: rows to intervals and gaps | {ours:.3f} | 1 |")
    print(f"| … point values through MetricFrame on counts | {points:.3f} | {points / ours:.1f} |")
    print(f"| {REPLICATES:,} replicates of the counts | {drawn:.3f} | {drawn / ours:.1f} |")
    runs = ", ".join(f"{n}: {s:.1f} s" for n, s in zip(SMALL_RUNS, small, strict=True))
    print(
        f"| fairlearn, n_boot = {REPLICATES:,}, extrapolated ({runs}) | {fairlearn:,.0f} "
        f"| {fairlearn / ours:,.0f} ({fairlearn / drawn:,.0f} times the replicates) |"
    )
    for name in ("aequitas", "aif360"):
        if python := getattr(options, name):
            taken = other_toolkit(name, python, table, counts)
            print(f"| {name}, point values only | {taken:.3f} | {taken / ours:.1f} |")
    print_growth()


if __name__ == "__main__":
    main()
