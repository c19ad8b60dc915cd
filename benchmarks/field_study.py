"""Run every study of `benchmarks/field/` and write its rows into docs/statistics.md.

python benchmarks/field_study.py [--trials 400] [--only clusters,delivery] [--write]
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path

import field

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- field study: begin -->", "<!-- field study: end -->"
SEED = 20_261_126


def main() -> None:
    """Run the studies, print their rows, and write them where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = "\n".join(lines(given.trials, given.only.split(",") if given.only else None))
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        between = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
        PAGE.write_text(between.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page), "utf-8")


def lines(trials: int, only: list[str] | None) -> Iterator[str]:
    """Give the table's lines, and print each as soon as it is known."""
    head = ["| what | wanted | found | trials |", "| --- | ---: | ---: | ---: |"]
    start = f"Numbers by `benchmarks/field_study.py --trials {trials}`, seed {SEED}; ± is twice"
    for line in (f"{start} the standard error.", "", *head):
        print(line)
        yield line
    for name in sorted(module.name for module in pkgutil.iter_modules(field.__path__)):
        if only and name not in only:
            continue
        began = time.perf_counter()
        for row in importlib.import_module(f"field.{name}").study(trials, SEED):
            missed = "" if row.met else " **(missed)**"
            line = f"| {row.what} | {row.wanted} | {row.found}{missed} | {row.trials:,} |"
            print(line, flush=True)
            yield line
        print(f"({name}: {time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
