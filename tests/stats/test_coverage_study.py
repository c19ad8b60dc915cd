"""A reduced run of the coverage study: the bounds that docs/statistics.md claims."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import coverage_simulation as study


def by_method(cells: Iterable[Any]) -> dict[str, list[Any]]:
    methods: dict[str, list[Any]] = {}
    for cell in cells:
        methods.setdefault("ours" if "ours" in cell.method else cell.method, []).append(cell)
    return methods


def lowest(cells: list[Any]) -> float:
    return min(cell.coverage for cell in cells)


def mean_width(cells: list[Any]) -> float:
    return float(np.mean([cell.width for cell in cells]))


def test_one_rate_on_a_finer_grid_than_the_study() -> None:
    rates = [*study.RATES, *np.geomspace(1e-4, 0.5, 60)]
    methods = by_method(study.study_rates(sizes=(5, 10, 30, 100, 1_000), rates=rates))
    assert lowest(methods["ours"]) >= 0.95
    # Why it is not one of the narrower ones.
    assert lowest(methods["Wilson"]) < 0.87
    assert lowest(methods["Jeffreys"]) < 0.92
    assert lowest(methods["percentile bootstrap (fairlearn)"]) < 0.01


def test_difference_and_ratio() -> None:
    for ratio, methods in ((False, study.DIFFERENCE_METHODS), (True, study.RATIO_METHODS)):
        found = by_method(
            study.study_two(methods, ratio, sizes=(5, 30, 100), rates=(0, 0.005, 0.1, 0.5))
        )
        assert lowest(found["ours"]) >= 0.95
        others = [cells for name, cells in found.items() if name != "ours"]
        assert min(lowest(cells) for cells in others) < 0.9


def test_paired_difference() -> None:
    methods = by_method(study.study_pairs(sizes=(5, 10, 25)))
    assert lowest(methods["ours"]) >= 0.95
    assert lowest(methods["Wald"]) < 0.5


def test_gap() -> None:
    methods = by_method(
        study.study_gaps(
            groups=(2, 5, 80),
            sizes=(10, 100),
            rates=(0.02, 0.3),
            trials=1_000,
            resampled_trials=0,
        )
    )
    ours = methods["ours"]
    assert lowest(ours) >= 0.93
    assert max(cell.excludes_equality for cell in ours if cell.pattern == "alike") <= 0.05
    # Narrower than interval arithmetic, and far better at finding what is there.
    assert mean_width(ours) < 0.9 * mean_width(methods["Šidák–Wilson"])

    def found(cells: list[Any]) -> float:
        return float(np.mean([c.excludes_equality for c in cells if c.pattern != "alike"]))

    assert found(ours) > found(methods["Šidák–Wilson"]) + 0.05


def test_only_the_extremes_of_each_size_matter() -> None:
    """The study's shortcut gives the limits that all groups together give."""
    random = np.random.default_rng(3)
    n = np.array([10, 100, 10, 100, 10, 1_000])
    events = random.binomial(n, 0.2, (50, 6))
    few, few_n = study.extremes(events, n)
    np.testing.assert_allclose(study.gap_limits(few, few_n, 6), study.gap_limits(events, n, 6))
