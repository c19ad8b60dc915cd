from __future__ import annotations

import pytest

from faceaudit.checks import all_checks
from faceaudit.checks.generator_source import CHECK, GeneratorSourceOptions
from faceaudit.errors import FaceAuditError
from faceaudit.runner import run_check
from faceaudit.stats.intervals import difference_interval, rate_interval, ratio_interval

FFHQ = GeneratorSourceOptions(dataset="ffhq")


def sets(drawn, cells, *, n_ai=200, missed=2, **spec):
    """Draw a table of data sets: name -> (real photographs, called AI)."""
    label, p_ai, dataset = [], [], []
    for name, (n, wrong) in cells.items():
        label += ["real"] * n
        p_ai += [0.9] * wrong + [0.1] * (n - wrong)
        dataset += [name] * n
    label += ["ai"] * n_ai
    p_ai += [0.1] * missed + [0.9] * (n_ai - missed)
    dataset += ["stylegan"] * n_ai
    return drawn(label, p_ai, {"g": ["x"] * len(label)}, dataset=dataset, **spec)


def test_the_published_failure(drawn):
    data = sets(drawn, {"ffhq": (1000, 710), "celeba": (900, 9), "lfw": (100, 1)})
    result = run_check(CHECK, data, FFHQ)
    assert result.status == "fail"
    assert result.sentence.startswith(
        "71.0 % of 1,000 photographs that the generator was trained on (ffhq) are called "
        "AI-generated, and 1.0 % of 1,000 other real photographs: a difference of 70.0 points"
    )
    assert "71 times as often" in result.sentence
    assert "delivery may be a part of it" in result.sentence
    (found,) = result.findings
    assert found.status == "fail"
    assert found.weight > 1.6
    assert [(of.group, of.n, of.events) for of in found.groups] == [
        (["ffhq"], 1000, 710),
        (["all others together"], 1000, 10),
    ]
    assert found.interval.value == pytest.approx(0.7)
    ends = difference_interval(710, 1000, 10, 1000, 0.9)
    assert (found.interval.low, found.interval.high) == ends
    (verdict,) = result.verdicts
    assert (verdict.tags, verdict.rate, verdict.limit) == (["dataset"], "fpr", 0.05)
    assert (verdict.low, verdict.status) == (found.interval.low, "fail")
    assert result.tests[0].p < 1e-50


def test_numbers_are_those_of_the_intervals(drawn):
    data = sets(drawn, {"ffhq": (100, 30), "celeba": (300, 6), "lfw": (50, 0)})
    forest, table, distribution = run_check(CHECK, data, FFHQ).details
    rows = {row.group: row for row in forest.rows}
    low, high = rate_interval(30, 100)
    assert (rows["ffhq (the generator's)"].low, rows["ffhq (the generator's)"].high) == (low, high)
    assert rows["all others together"].n == 350
    cells = {row[0]: row for row in table.rows}
    assert cells["celeba"][6:9] == [
        pytest.approx(0.28),
        *map(pytest.approx, difference_interval(30, 100, 6, 300)),
    ]
    assert cells["celeba"][9:] == [
        pytest.approx(15),
        *map(pytest.approx, ratio_interval(30, 100, 6, 300)),
    ]
    # Without an error in LFW there is no ratio, and no upper end of its interval.
    assert cells["lfw"][9] is None and cells["lfw"][11] is None
    assert cells["lfw"][10] > 1
    assert cells["ffhq (the generator's)"][6:] == [None] * 6
    assert sum(distribution.series["ffhq: the generator's training photographs"]) == pytest.approx(
        1
    )
    assert distribution.n["AI-generated faces"] == 200


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"ffhq": (5000, 25), "celeba": (5000, 20)}, "pass"),
        ({"ffhq": (5000, 0), "celeba": (5000, 900)}, "pass"),
        ({"ffhq": (40, 3), "celeba": (5000, 20)}, "insufficient-evidence"),
        ({"ffhq": (5000, 800), "celeba": (5000, 20)}, "fail"),
    ],
)
def test_verdict_is_by_the_ends_of_the_interval(drawn, cells, status):
    assert run_check(CHECK, sets(drawn, cells), FFHQ).status == status


def test_a_classifier_that_calls_everything_ai_does_not_pass(drawn):
    data = sets(drawn, {"ffhq": (5000, 5000), "celeba": (5000, 5000)}, missed=0)
    result = run_check(CHECK, data, FFHQ)
    assert result.status == "insufficient-evidence"
    assert result.findings[0].interval.upper <= result.findings[0].limit
    assert "not shown to do better than guessing" in result.sentence


def test_without_a_limit_it_informs(drawn):
    data = sets(drawn, {"ffhq": (50, 40), "celeba": (50, 1)}, limits={"fpr_gap": None})
    result = run_check(CHECK, data, FFHQ)
    assert (result.status, result.verdicts, CHECK.judges(data, FFHQ)) == ("info", [], {})


@pytest.mark.parametrize("cells", [{"celeba": (50, 1), "lfw": (9, 0)}, {"ffhq": (50, 1)}])
def test_without_either_side_there_is_nothing_to_compare(drawn, cells):
    data = sets(drawn, cells)
    result = run_check(CHECK, data, FFHQ)
    assert (result.status, result.findings, CHECK.judges(data, FFHQ)) == ("not-estimable", [], {})
    assert [(verdict.value, verdict.status) for verdict in result.verdicts] == [
        (None, "not-estimable")
    ]
    assert next(iter(cells)) in result.sentence


def test_one_gap_is_judged_and_shares_the_confidence_of_the_audit(drawn):
    cells = {"ffhq": (500, 100), "celeba": (900, 9)}
    assert [*CHECK.judges(sets(drawn, cells), FFHQ)] == [CHECK.id]
    (found,) = run_check(CHECK, sets(drawn, cells, errors={CHECK.id: 0.01}), FFHQ).findings
    # Each end is a bound of its own.
    assert found.interval.confidence == pytest.approx(0.98)
    ends = difference_interval(100, 500, 9, 900, found.interval.confidence)
    assert (found.interval.low, found.interval.high) == ends


def test_no_error_anywhere(drawn):
    result = run_check(CHECK, sets(drawn, {"ffhq": (500, 0), "celeba": (500, 0)}), FFHQ)
    assert result.status == "pass"
    assert "times" not in result.sentence


def test_delivery_is_told(drawn):
    data = sets(drawn, {"ffhq": (40, 30), "celeba": (60, 1)}, n_ai=100)
    width = [256] * 40 + [100] * 60 + [256] * 75 + [512] * 25
    table = data.table.append_column("width", [width]).append_column("height", [width])
    result = run_check(CHECK, type(data)(**{**vars(data), "table": table}), FFHQ)
    note = result.details[1].note
    assert (
        "100.0 % of the photographs of ffhq, 0.0 % of the other real photographs, 75.0 % of the "
        "AI-generated faces are 256×256 pixels" in note
    )


def test_awkward_tables(awkward):
    result = run_check(CHECK, awkward, GeneratorSourceOptions(dataset="drawn"))
    assert result.status == "not-estimable"


def test_the_data_set_must_be_named():
    check = all_checks()["generator-source"]
    assert check is CHECK and not check.default
    with pytest.raises(FaceAuditError, match=r"checks\.generator-source\.dataset: Field required"):
        check.parse_options({}, "spec.yaml")
