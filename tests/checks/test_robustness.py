"""Whether gaps open as pictures get worse."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks import Options
from faceaudit.checks.robustness import damages, run
from faceaudit.result import Curve
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ModelInfo, ScoresInfo, validate
from faceaudit.spec import Spec
from faceaudit.tables import Scores
from faceaudit.variants.delivery import GRADED, equal_delivery, series_of
from planted_delivery import EVEN, STEPS, audited, decay, drawn, of_all


def test_series_are_deliveries_that_differ_in_one_number():
    found = {of.words: of for of in series_of([*GRADED, "glasses", "jpeg=85,size=224"])}
    assert [*found] == [
        "… pixels",
        "224 pixels, JPEG …",
        "224 pixels, blur …",
        "224 pixels, noise …",
        "224 pixels, gamma …",
        "224 pixels, … pixels, JPEG 70, 224 pixels",
    ]
    assert found["… pixels"].start is None
    assert [number for number, _ in found["… pixels"].members] == [224, 160, 112, 80, 56]
    jpeg = found["224 pixels, JPEG …"]
    assert jpeg.start == "size=224" and jpeg.members[-1] == (30, "size=224,jpeg=30")
    assert [number for number, _ in found["224 pixels, gamma …"].members] == [1.25, 1.6, 2, 2.5]
    # Where the delivery to begin with was not scored, that is the mildest.
    (without,) = series_of(["size=224,jpeg=50", "size=224,jpeg=90", "size=224,jpeg=70"])
    assert without.start == "size=224,jpeg=90"
    assert [number for number, _ in without.members] == [70, 50]
    assert series_of(["jpeg=50", "glasses"]) == []


def test_one_delivery_is_of_no_series():
    assert equal_delivery([*GRADED, "jpeg=85,size=224"]) == "jpeg=85,size=224"
    assert equal_delivery(["glasses", *GRADED]) == "size=224,jpeg=95"
    assert equal_delivery(["glasses", "jpeg=50"]) == "jpeg=50"
    assert equal_delivery(["glasses"]) is None


def opened(extra: float, n: int = 500):
    """Errors rise from 4 % by 4 points a step, and by `extra` a step more in the group `b`."""
    columns, group, _ = drawn(np.random.default_rng(0), {"a": n, "b": n})
    place = np.tile(np.arange(n), 4) / n
    step = 0.04 + extra * (group == "b")
    wrong = {
        ("p_ai" if i == 0 else f"p_ai[{STEPS[i - 1]}]"): place < 0.04 + i * step
        for i in range(len(STEPS) + 1)
    }
    return audited(columns, wrong)


def test_a_gap_that_opens_is_told_with_its_numbers():
    product = run(opened(0.05), Options())
    found = product.findings[0]
    assert [of.group for of in found.groups] == [["b"], ["a"]]
    # Straight lines: 16 points from end to end, and 20 more.
    assert found.interval.value == pytest.approx(0.2, abs=1e-6)
    assert 0.1 < found.interval.low < 0.2 < found.interval.high < 0.3
    assert found.sentence == (
        "As pictures get worse (JPEG …), the share of real photographs called AI-generated goes "
        "from 4.0 to 40.0 % of 500 for group 'b' and from 4.0 to 20.0 % of 500 for group 'a': "
        "fitted by a line, it rises 20.0 points more for the former "
        f"({100 * found.interval.low:.1f} to {100 * found.interval.high:.1f} points): "
        "the gap opens."
    )
    assert product.sentence.startswith(
        "In 1 series of worse and worse pictures 2 of 2 gaps are shown to open, and 0 to close. As"
    )
    row = product.details[0].rows[0]
    assert (
        row[5] == pytest.approx(0.2) and row[8:10] == pytest.approx([0, 0.2]) and row[10] == "opens"
    )
    curves = [of for of in product.details if isinstance(of, Curve)]
    assert len(curves) == 4
    assert curves[2].series[1].y == pytest.approx([0.04, 0.13, 0.22, 0.31, 0.4])
    for line in curves[2].series:
        assert all(low < y < high for low, y, high in zip(line.low, line.y, line.high, strict=True))


def test_a_gap_that_closes_is_none_that_opens():
    """All is called real at last: errors of photographs fall, most where there were most."""
    columns, group, _ = drawn(np.random.default_rng(0), {"a": 500, "b": 500})
    place, start = np.tile(np.arange(500), 4) / 500, np.where(group == "b", 0.4, 0.04)
    real = np.array(columns["label"]) == "real"
    wrong = {
        ("p_ai" if i == 0 else f"p_ai[{STEPS[i - 1]}]"): real & (place < start * (1 - i / 4))
        for i in range(5)
    }
    product = run(audited(columns, wrong), Options())
    assert "0 of 2 gaps are shown to open, and 1 to close." in product.sentence
    found = next(of for of in product.findings if of.rate == "fpr")
    assert found.sentence.endswith("points): the gap closes.") and found.weight == 0
    assert [of.group for of in found.groups] == [["a"], ["b"]]


def test_what_chance_could_explain_is_said_so():
    product = run(opened(0.005, n=100), Options())
    assert "0 of 2 gaps are shown to open, and 0 to close." in product.sentence
    assert product.findings[0].sentence.endswith("which chance alone could explain.")


def test_pictures_without_one_of_the_scores_are_left_out_of_that_series():
    data = opened(0.0)
    name = f"p_ai[{STEPS[1]}]"
    column = pa.array(np.array(data.table[name]), pa.float32(), mask=np.arange(2000) % 2 == 0)
    data.table = data.table.set_column(data.table.column_names.index(name), name, column)
    (damage,) = damages(data)
    assert [len(of) for of in damage.steps] == [1000] * 5


def test_equal_decay_raises_no_alarm():
    """40 seeded trials; benchmarks/planted_delivery.py has many more."""
    alarms = sum(
        decay(np.random.default_rng(seed), of_all(0.05), of_all(0.3), EVEN) for seed in range(40)
    )
    assert alarms <= 4


def test_it_runs_of_itself_where_a_series_was_scored():
    data = opened(0.05, n=120)
    spec = Spec(name="t", title="T", question="?", attributes=["group"])
    info = ScoresInfo(
        datasets={"drawn": DatasetInfo(indexed=len(data.table))},
        model=ModelInfo(id="drawn", threshold=0.5),
    )
    table = validate(data.table, "scores", "drawn")
    ran = [of.id for of in audit(Scores(table, info), spec).checks]
    assert "robustness" in ran and "equal-delivery" not in ran, "of one delivery there is none"
    without = table.drop_columns([f"p_ai[{name}]" for name in STEPS])
    ran = [of.id for of in audit(Scores(without, info), spec).checks]
    assert "robustness" not in ran and "equal-delivery" not in ran
