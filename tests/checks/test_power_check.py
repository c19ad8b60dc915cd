from __future__ import annotations

import numpy as np
import pytest

from faceaudit.checks.power import CHECK, PowerOptions
from faceaudit.runner import run_check
from faceaudit.stats.gaps import gap_bounds


def run(data, **options):
    return run_check(CHECK, data, PowerOptions(**options))


@pytest.mark.parametrize("limit", [0.0, 0.05])
def test_an_excess_breaks_the_limit_as_often_as_said(counted, limit):
    data = counted({"a": (200, 10, 0, 0), "b": (1000, 50, 0, 0)}, limits={"fpr_gap": limit})
    data.errors = {(("group",), "fpr"): 0.01}
    name, n, rest, excess = run(data).details[0].rows[0][:4]
    assert (name, n, rest) == ("a", 200, 0.05)
    random = np.random.default_rng(4)
    events = random.binomial([200, 1000], [rest + excess, rest], (3000, 2))
    low, _ = gap_bounds(events, np.broadcast_to([200, 1000], events.shape), 0.01)
    assert np.mean(low > limit) == pytest.approx(0.8, abs=0.04)


def test_small_groups_can_break_nothing(counted):
    result = run(counted({"a": (5, 0, 0, 0), "b": (5000, 250, 0, 0)}))
    assert result.sentence == (
        "There are too few images in each of 2 comparisons of a group with the rest to break a "
        "limit at all (a chosen limit, not a legal test)."
    )
    assert [row[3] for row in result.details[0].rows] == [None, None]


def test_the_range_is_told_from_the_best_group_to_the_worst(counted):
    result = run(counted({"a": (90, 4, 0, 0), "b": (900, 45, 0, 0), "c": (9000, 450, 0, 0)}))
    rows = {row[0]: row for row in result.details[0].rows}
    least, most = (100 * rows[group][3] for group in ("c", "a"))
    assert 5 < least < most
    assert (
        f"exceeds that of the rest by {least:.1f} points (group 'c', 9,000 real photographs) to "
        f"{most:.1f} points (group 'a', 90 real photographs)"
    ) in result.sentence
    (finding,) = result.findings
    assert finding.sentence.startswith("By group, for real photographs called AI-generated and a ")


def test_without_limits_the_numbers_stand_alone(counted):
    result = run(
        counted({"a": (50, 5, 0, 0), "b": (50, 5, 0, 0)}, limits={"fpr_gap": None, "fnr_gap": None})
    )
    assert result.status == "info"
    assert result.findings == []
    assert result.details[0].rows[0][3] is not None


def test_one_group_has_nothing_to_find(counted):
    assert run(counted({"a": (50, 5, 50, 5)})).status == "not-estimable"


def test_awkward_tables(awkward):
    assert run(awkward).model_dump_json()
