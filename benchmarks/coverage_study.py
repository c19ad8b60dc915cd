"""Rewrite the coverage tables of docs/statistics.md from a fresh simulation.

python benchmarks/coverage_study.py    # about five minutes; the same numbers every time
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import coverage_simulation as simulation
from coverage_simulation import GROUPS, RATES, SIZES, TRIALS, Cell
from faceaudit.files import write_text

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- coverage study: begin -->", "<!-- coverage study: end -->"
WIDTHS_AT = (10, 100, 1_000)


def percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f}"


def markdown(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    head = [str(cell) for cell in header]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *([str(c) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def frame(cells: Iterable[Cell]) -> pd.DataFrame:
    table = pd.DataFrame([vars(cell) for cell in cells])
    table["rate"] = table["rates"].str[0]
    return table


def overview(cells: pd.DataFrame) -> str:
    """One line a method: the lowest coverage, where, and mean widths."""
    rows = []
    for method in cells["method"].unique():
        own = cells[cells["method"] == method]
        worst = own.loc[own["coverage"].idxmin()]
        widths = [own.loc[own["n"] == n, "width"].mean() for n in WIDTHS_AT]
        rates = " and ".join(f"{rate:g}" for rate in worst["rates"])
        rows.append(
            [
                method,
                percent(worst["coverage"]),
                f"n = {worst['n']:,}, {rates}",
                percent((own["coverage"] < 0.93).mean()),
                *(f"{width:.3f}" for width in widths),
            ]
        )
    header = ["method", "lowest coverage, %", "there", "cells below 93 %, in %"]
    return markdown(header + [f"mean width, n = {n:,}" for n in WIDTHS_AT], rows)


def single_rates(cells: pd.DataFrame) -> str:
    """Coverage by n and rate, ours and fairlearn's."""
    table = cells.set_index(["method", "n", "rate"])["coverage"]
    ours, theirs = "Clopper–Pearson (ours)", "percentile bootstrap (fairlearn)"
    rows = (
        [
            f"{n:,}",
            *(
                f"{percent(table[ours, n, rate])} / {percent(table[theirs, n, rate])}"
                for rate in RATES
            ),
        ]
        for n in SIZES
    )
    return markdown(["n", *(f"rate {rate:g}" for rate in RATES)], rows)


def fairlearn_itself(cells: pd.DataFrame) -> str:
    rows = (
        [
            "a rate" if cell.groups == 1 else f"the gap of {cell.groups} alike groups",
            cell.n,
            f"{cell.rate:g}",
            percent(cell.coverage),
            percent(cell.excludes_equality),
        ]
        for cell in cells.itertuples()
    )
    return markdown(["interval of", "n", "rate", "coverage, %", "excludes 0, %"], rows)


def gap_methods(cells: pd.DataFrame) -> str:
    """Coverage, false alarms and widths of the gap, where every method was run."""
    cells = cells[~cells["unbalanced"] & cells["n"].isin(WIDTHS_AT) & cells["coverage"].notna()]
    rows = []
    for (groups, method), own in cells.groupby(["groups", "method"], sort=False):
        alike = own[own["pattern"] == "alike"]
        widths = [own.loc[own["n"] == n, "width"].mean() for n in WIDTHS_AT]
        rows.append(
            [
                groups,
                method,
                percent(own["coverage"].min()),
                percent(alike["excludes_equality"].max()),
                *(f"{width:.3f}" for width in widths),
            ]
        )
    header = ["groups", "method", "lowest coverage, %", "most false alarms, %"]
    return markdown(header + [f"mean width, n = {n:,}" for n in WIDTHS_AT], rows)


def gap_grid(cells: pd.DataFrame) -> str:
    """Our gap interval on the whole grid: lowest coverage of the patterns, false alarms."""
    ours = cells[cells["method"].str.contains("ours")]
    rows = []
    for groups in GROUPS:
        for unbalanced in (False, True):
            for n in SIZES:
                own = ours[
                    (ours["groups"] == groups)
                    & (ours["unbalanced"] == unbalanced)
                    & (ours["n"] == n)
                ]
                alarms = own[own["pattern"] == "alike"].set_index("rate")["excludes_equality"]
                lowest = own.groupby("rate")["coverage"].min()
                sizes = f"{n:,} and {10 * n:,}" if unbalanced else f"{n:,}"
                rates = (f"{percent(lowest[rate])} / {percent(alarms[rate])}" for rate in RATES)
                rows.append([groups, sizes, *rates])
    return markdown(["groups", "n of each", *(f"rate {rate:g}" for rate in RATES)], rows)


def power(cells: pd.DataFrame) -> str:
    """How often truly different groups are found to differ, over all rates and patterns."""
    cells = cells[~cells["unbalanced"] & (cells["n"] <= 1_000)]
    methods = ["all pairs, MOVER (ours)", "Šidák–Wilson", "Fisher", "chi-square"]
    rows = []
    for (groups, n), own in cells.groupby(["groups", "n"]):
        row = [groups, f"{n:,}"]
        for method in methods:
            mine = own[own["method"] == method]
            alike = mine["pattern"] == "alike"
            found = mine.loc[~alike, "excludes_equality"].mean()
            alarm = mine.loc[alike, "excludes_equality"].max()
            row.append(f"{percent(found)} ({percent(alarm)})")
        rows.append(row)
    return markdown(["groups", "n", *methods], rows)


def sections(done: Callable[[str], None]) -> str:
    """Run all parts and give the Markdown between the two markers."""
    rates = frame(simulation.study_rates())
    done("one rate")
    differences = frame(simulation.study_two(simulation.DIFFERENCE_METHODS, ratio=False))
    ratios = frame(simulation.study_two(simulation.RATIO_METHODS, ratio=True))
    done("two rates")
    pairs = frame(simulation.study_pairs())
    done("pairs")
    gaps = frame(simulation.study_gaps())
    done("gaps")
    measured = frame(simulation.study_fairlearn())
    done("fairlearn itself")
    parts = [
        f"Numbers by `benchmarks/coverage_study.py`, seed {simulation.SEED}; nominal 95 %.",
        "### One rate: coverage summed over all outcomes",
        overview(rates),
        "Coverage in %, ours / fairlearn's percentile bootstrap with endless replicates:",
        single_rates(rates),
        "### Difference of two rates: exact, n against n and against 10 n",
        overview(differences),
        "### Ratio of two rates: exact; widths are of the logarithm",
        overview(ratios),
        "### Paired difference: exact up to n = 30, "
        f"{TRIALS:,} trials beyond; the rates are the two shares of discordant images",
        overview(pairs),
        f"### Max−min gap: {TRIALS:,} trials a cell (resampled methods: 200), equal n",
        gap_methods(gaps),
        "### Max−min gap, whole grid: lowest coverage over the patterns / share of trials with "
        "alike groups in which the verdict at limit 0 is `fail`, in %",
        gap_grid(gaps),
        "### Power: differing groups found to differ, over all rates and patterns, in % "
        "(in brackets: most false alarms among alike groups)",
        power(gaps),
        "### fairlearn's `MetricFrame` itself: 100 trials of 50 replicates",
        fairlearn_itself(measured),
    ]
    return "\n\n".join(parts)


def main() -> None:
    start = time.perf_counter()
    tables = sections(
        lambda part: print(f"{time.perf_counter() - start:6.0f} s  {part}", flush=True)
    )
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    write_text(DOCUMENT, f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")
    print(f"{DOCUMENT} rewritten")


if __name__ == "__main__":
    main()
