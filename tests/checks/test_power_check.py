from __future__ import annotations

import numpy as np
import pytest

from faceaudit.audit import run_check
from faceaudit.checks.power import CHECK, PowerOptions
from faceaudit.stats.intervals import difference_interval


def run(data, **options):
    return run_check(CHECK, data, PowerOptions(**options))


def test_detectable_excess_is_detected_as_often_as_promised(counted):
    table = run(counted({"a": (200, 10, 0, 0), "b": (1000, 50, 0, 0)})).details[0]
    name, n, rest, excess = table.rows[0][:4]
    assert (name, n, rest) == ("a", 200, 0.05)
    # Drawn with that excess, the interval is above 0 in about 80 % of audits.
    drawn = np.random.default_rng(4).binomial(200, rest + excess, 2000)
    low, _ = difference_interval(drawn, 200, 50, 1000, 0.95)
    assert np.mean(low > 0) == pytest.approx(0.8, abs=0.04)


def test_small_groups_are_said_to_be_blind(counted):
    result = run(counted({"a": (5, 0, 0, 0), "b": (5000, 250, 0, 0)}))
    # Five photographs are too few as a group, and too few as the rest to compare with.
    assert result.sentence.startswith("In 2 of 2 comparisons of a group with the rest")
    (finding,) = result.findings
    assert "too few real photographs for an excess of 5.0 points to be noticed" in finding.sentence
    assert "group 'a' (5 real photographs)" in finding.sentence


def test_large_groups_see_the_limit(counted):
    result = run(counted({"a": (5000, 250, 5000, 50), "b": (5000, 250, 5000, 50)}))
    assert result.sentence == (
        "An excess as large as the chosen limit would be noticed in 80 % of such audits in each "
        "of 4 comparisons of a group with the rest."
    )


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
