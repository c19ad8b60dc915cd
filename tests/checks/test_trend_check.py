from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks.trend import CHECK
from faceaudit.result import Curve
from faceaudit.runner import run_check
from faceaudit.schema import validate
from faceaudit.tags.age import AGE_BANDS


def run(data):
    return run_check(CHECK, data, CHECK.options())


def photographs(drawn, wrong, tags, **spec):
    """Real photographs: how many of each hundred in turn are called wrongly."""
    called = np.concatenate([np.arange(100) < of for of in wrong])
    table = {tag: np.repeat(values, 100).tolist() for tag, values in tags.items()}
    return drawn(["real"] * len(called), np.where(called, 0.9, 0.1), table, **spec)


def test_a_rise_is_told_with_its_ends_slope_interval_and_n(drawn):
    (finding,) = run(photographs(drawn, range(1, 19, 2), {"age_band": AGE_BANDS})).findings
    assert finding.sentence.startswith(
        "From age band '0-2' to '70+' the share of real photographs called AI-generated rises "
        "along a line from 1.0 % to 17.0 %: 2.0 points a step (95 % interval 1.3 to 2.7 points; "
        "n = 900)."
    )
    assert (finding.n, finding.events, finding.rate) == (900, 81, "fpr")
    assert finding.interval.value == pytest.approx(0.02)
    assert finding.weight == pytest.approx(8 * finding.interval.low)


def test_what_chance_could_explain_is_called_so(drawn):
    (finding,) = run(
        photographs(
            drawn,
            [5, 6, 4, 6],
            {"blur_band": ["1-2", "2-9", "10-15", "16+"]},
            attributes=["blur_band"],
        )
    ).findings
    assert "which chance alone could explain" in finding.sentence
    assert finding.weight == 0


def test_intervals_hold_for_all_ordered_tags_together(drawn):
    tags = {"blur": ["low", "medium", "high"], "difficulty": ["easy", "mid", "hard"]}
    alone = run(photographs(drawn, [4, 8, 12], tags, attributes=["blur"])).findings[0]
    data = photographs(drawn, [4, 8, 12], tags, attributes=["blur", "difficulty"])
    both = run(data).findings[0]
    assert "(97.5 % interval" in both.sentence
    assert both.interval.together
    assert both.interval.low < alone.interval.low


def test_people_who_err_as_one_count_once(drawn):
    tags = {"blur": ["low", "medium", "high"]}
    assert run(photographs(drawn, [0, 10, 20], tags)).findings[0].weight > 0
    data = photographs(drawn, [0, 10, 20], tags)
    of_ten = pa.array([f"{i // 10}" for i in range(300)])
    data.table = data.table.append_column("person", of_ten)
    assert "chance alone" in run(data).findings[0].sentence


def test_gaps_in_the_order_count_as_steps_and_unknown_bands_are_left_out(drawn):
    bands = ["3-9", "10-19", "30-39", "ancient"]
    (finding,) = run(photographs(drawn, [2, 4, 8, 90], {"age_band": bands})).findings
    assert "'3-9' to '30-39'" in finding.sentence
    assert finding.interval.value == pytest.approx(0.02)


@pytest.mark.parametrize("bands", [["a", "b", "c"], ["1", "2", "3"], ["1-2", "3-4", "x"]])
def test_a_list_without_order_has_no_trend(drawn, bands):
    found = run(photographs(drawn, [1, 5, 9], {"group": bands}))
    assert (found.status, found.details) == ("info", [])


def test_a_curve_over_age_says_where_there_are_too_few_errors(drawn):
    random = np.random.default_rng(1)
    label = np.repeat(["real", "ai"], 1_500)
    age = random.integers(20, 80, 3_000)
    wrong = random.random(3_000) < np.where(label == "real", (age - 10) / 400, 0.01)
    data = drawn(
        label.tolist(), np.where(wrong != (label == "ai"), 0.9, 0.1), {"group": ["a"] * 3_000}
    )
    ages = pa.array(age.astype(float) + 0.5, pa.float32())
    data.table = validate(data.table.append_column("age", ages), "scores", "drawn")
    (curve,) = run(data).details
    assert isinstance(curve, Curve)
    (fpr,) = curve.series
    assert fpr.name == "FPR (1,500 real photographs)"
    assert (fpr.x[0], fpr.x[-1]) == (20, 79), "no further than there are ages"
    assert all(low < y < high for low, y, high in zip(fpr.low, fpr.y, fpr.high, strict=True))
    assert fpr.y[50] > 2 * fpr.y[5]
    assert "no curve of FNR is drawn: it takes 50 errors" in curve.note
