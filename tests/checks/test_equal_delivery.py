from __future__ import annotations

import numpy as np
import pytest

from faceaudit.checks.equalized_odds_gap import CHECK as JUDGED
from faceaudit.checks.group_error_rates import CHECK
from faceaudit.runner import run_check

DEFAULT = CHECK.options()
FORMATS = np.array(["jpeg", "png"])


def pictures(drawn, cells, **more):
    """Draw photographs: (race, format) -> (n, called AI)."""
    n = [of for of, _ in cells.values()]
    p_ai = np.concatenate([np.where(np.arange(of) < x, 0.9, 0.1) for of, x in cells.values()])
    race, form = (np.repeat(names, n).tolist() for names in zip(*cells, strict=True))
    data = drawn(["real"] * sum(n), p_ai, {"race": race}, **more)
    data.table = data.table.append_column("format", [form])
    return data


def told(data):
    """The sentence of the gap in FPR by race, its twin, and the row that lays both out."""
    result = run_check(CHECK, data, DEFAULT)
    found = result.findings[0]
    tables = [d for d in result.details if d.title == "Gaps at equal delivery"]
    return found.sentence, found.equal_delivery, tables[0].rows[0] if tables else None


def test_a_gap_that_only_the_crude_one_shows_says_so(drawn):
    cells = {("A", "jpeg"): (200, 10), ("A", "png"): (800, 240)}
    cells |= {("B", "jpeg"): (800, 40), ("B", "png"): (200, 60)}
    sentence, twin, row = told(pictures(drawn, cells))
    assert twin.value == pytest.approx(0, abs=1e-12)
    assert twin.low < 0 < twin.high < 0.15
    assert (twin.pictures, twin.rates, twin.alone) == pytest.approx((0.15, 0, 0), abs=1e-12)
    assert "a difference of 15.0 points" in sentence
    assert (
        "among pictures of one data set, delivered alike, the difference is 0.0 points" in sentence
    )
    assert "the gap comes with the delivery of the pictures" in sentence
    assert sentence.endswith("and 15.0 of the 15.0 points are that they come in other pictures.")
    assert row[4:8] == pytest.approx([0.15, 0, twin.low, twin.high], abs=1e-12)


def test_a_gap_that_stands_is_not_explained_away(drawn):
    cells = {("A", "jpeg"): (500, 75), ("A", "png"): (500, 200)}
    cells |= {("B", "jpeg"): (500, 10), ("B", "png"): (500, 75)}
    sentence, twin, _ = told(pictures(drawn, cells))
    assert twin.low > 0
    assert twin.value == pytest.approx(0.19)
    assert "delivered alike, the difference is still 19.0 points" in sentence
    assert "come in other pictures" not in sentence


def test_a_reversed_gap_is_flagged(drawn):
    cells = {("A", "jpeg"): (100, 0), ("A", "png"): (900, 360)}
    cells |= {("B", "jpeg"): (900, 90), ("B", "png"): (100, 60)}
    sentence, twin, _ = told(pictures(drawn, cells))
    assert twin.high < 0
    assert sentence.endswith(": reversed.")


def test_groups_that_share_no_kind_cannot_be_compared(drawn):
    cells = {("A", "png"): (500, 150), ("B", "jpeg"): (500, 20)}
    sentence, twin, row = told(pictures(drawn, cells))
    assert (twin.value, twin.overlap, twin.alone) == (None, 0, pytest.approx(0.26))
    assert "the two never come in the same kind of picture" in sentence
    assert row[5:9] == [None, None, None, 0]


def test_data_sets_are_kinds_of_their_own(drawn):
    data = pictures(
        drawn,
        {("A", "jpeg"): (1000, 190), ("B", "jpeg"): (1000, 40)},
        dataset=["one"] * 1000 + ["two"] * 1000,
    )
    assert "the two never come in the same kind of picture" in told(data)[0]


def test_pictures_all_of_one_kind_have_no_twin(drawn):
    sentence, twin, row = told(pictures(drawn, {("A", "png"): (90, 30), ("B", "png"): (90, 2)}))
    assert twin is row is None
    assert "delivered alike" not in sentence


def test_a_twin_is_told_beside_the_verdict(drawn):
    cells = {("A", "jpeg"): (200, 10), ("A", "png"): (800, 240)}
    cells |= {("B", "jpeg"): (800, 40), ("B", "png"): (200, 60)}
    result = run_check(JUDGED, pictures(drawn, cells), JUDGED.options())
    assert result.status == "fail"
    assert (
        "beyond the chosen limit of 5.0 points; among pictures of one data set" in result.sentence
    )


def test_images_that_hang_together_widen_the_twin(drawn):
    cells = {("A", "jpeg"): (400, 80), ("A", "png"): (400, 160)}
    cells |= {("B", "jpeg"): (400, 40), ("B", "png"): (400, 120)}
    widths = []
    for cluster in ("none", None):
        data = pictures(drawn, cells, cluster=cluster)
        # Ten pictures a person, in the order in which they were drawn: errors lie together.
        person = [str(i // 10) for i in range(1600)]
        data.table = data.table.append_column("person", [person])
        twin = told(data)[1]
        widths.append(twin.high - twin.low)
    assert widths[1] > 2 * widths[0]
