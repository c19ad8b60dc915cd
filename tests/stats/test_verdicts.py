"""Verdicts: what passes, what fails, and what may never pass."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.gaps import max_min_gap
from faceaudit.stats.verdicts import judge_better_than_chance, judge_gap


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.0, 0.05, "pass"),
        (0.0, 0.0501, "insufficient-evidence"),
        (0.05, 0.2, "insufficient-evidence"),
        (0.0501, 0.2, "fail"),
        (np.nan, np.nan, "not-estimable"),
    ],
)
def test_limit_within_beyond_and_between(low: float, high: float, status: str) -> None:
    assert judge_gap(low, high, 0.05) == status


def test_a_trivial_classifier_never_passes_but_can_fail() -> None:
    assert judge_gap(0, 0.01, 0.05, trivial=True) == "insufficient-evidence"
    assert judge_gap(0.1, 0.2, 0.05, trivial=True) == "fail"


def counts(n_real: int, real_called_ai: int, n_ai: int, ai_called_real: int) -> Counts:
    columns = (np.array([value]) for value in (n_real, real_called_ai, n_ai, ai_called_real))
    return Counts((), [()], *columns)


@pytest.mark.parametrize(
    ("given", "status", "constant"),
    [
        ((500, 5, 300, 6), "pass", None),
        ((5, 0, 5, 0), "pass", None),  # ten right out of ten
        ((500, 500, 300, 0), "fail", "ai"),
        ((500, 0, 300, 300), "fail", "real"),
        ((5, 5, 5, 0), "fail", "ai"),
        ((5000, 2500, 5000, 2500), "fail", None),  # a coin
        ((5000, 100, 5000, 4850), "fail", None),  # all but constant
        ((5000, 4000, 5000, 4000), "fail", None),  # worse than a coin
        # The bound is 55 % of cases: surely 54 % is not above it, surely 56 % is.
        ((50_000, 23_000, 50_000, 23_000), "fail", None),
        ((50_000, 22_000, 50_000, 22_000), "pass", None),
        ((5_000, 2_250, 5_000, 2_250), "insufficient-evidence", None),
        ((5, 2, 5, 2), "insufficient-evidence", None),
        ((500, 5, 0, 0), "not-estimable", None),
        ((500, 0, 0, 0), "not-estimable", "real"),
        ((0, 0, 9, 1), "not-estimable", None),
        ((0, 0, 0, 0), "not-estimable", None),
    ],
)
def test_triviality(given: tuple[int, int, int, int], status: str, constant: str | None) -> None:
    found = judge_better_than_chance(counts(*given))
    assert (found.status, found.constant) == (status, constant)
    assert found.trivial == (status != "pass")
    if status != "not-estimable":
        assert found.low <= found.balanced_accuracy <= found.high


def test_ai_images_of_the_whole_table_count_for_real_only_groups() -> None:
    table = pa.table(
        {
            "label": ["real"] * 200 + ["ai"] * 100,
            "p_ai": [0.1] * 196 + [0.9] * 104,
            "gender": ["f", "m"] * 100 + [None] * 100,
        }
    )
    assert judge_better_than_chance(Images(table).counts(["gender"], 0.5)).status == "not-estimable"
    assert judge_better_than_chance(Images(table).counts([], 0.5)).status == "pass"


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_guessing_never_passes_a_gap_at_any_size(share: float) -> None:
    """A verdict that ignores the picture gives alike groups; that is not fairness."""
    random = np.random.default_rng(1)
    for n in (20, 2_000, 200_000):
        called = random.binomial(n, share, 4)
        gap = max_min_gap(called[:3], [n] * 3)
        whole = counts(3 * n, int(called[:3].sum()), n, n - int(called[3]))
        trivial = judge_better_than_chance(whole).trivial
        assert trivial
        assert judge_gap(gap.low, gap.high, 0.2, trivial=trivial) != "pass"
