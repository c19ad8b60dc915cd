"""What a report shows at another threshold is what an audit at that threshold would say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.checks import AuditInput, all_checks
from faceaudit.layout import heads, rounded
from faceaudit.report.as_table import as_table, moved_columns
from faceaudit.report.numbers import cell
from faceaudit.result import CheckResult, Table
from faceaudit.runner import audit, run_check
from faceaudit.spec import Spec
from faceaudit.tables import Scores

MOVING = {
    "triviality": 2,
    "group-error-rates": 6,
    "intersections": 3,
    "equalized-odds-gap": 3,
    "fairness-measures": 3,
    "generator-source": 2,
    "generator-population": 1,
    "out-of-domain": 1,
}
#: What a specification has to say of some checks.
GIVEN = {
    "generator-source": {"dataset": "first"},
    "out-of-domain": {"datasets": ["first", "second"]},
}


@pytest.fixture(scope="module")
def drawn() -> AuditInput:
    from tests.checks.conftest import _random

    data = _random(900, limits={"fpr_gap": 0.05, "fnr_gap": 0.05})
    # Two data sets of photographs; scores end in both tails.
    table = data.table
    half = ["first"] * 450 + ["second"] * 450
    column = table.column_names.index("dataset")
    info = data.info.model_copy(
        update={"datasets": dict.fromkeys(("first", "second"), data.info.datasets["drawn"])}
    )
    return AuditInput(table.set_column(column, "dataset", [half]), info, data.spec, 0.5)


def run(check: str, data: AuditInput) -> CheckResult:
    known = all_checks()[check]
    return run_check(known, data, known.parse_options(GIVEN.get(check, {}), "test"))


def shown(table: Table, row: int, column: int) -> str:
    return cell(table.rows[row][column], table.columns[column].kind)


@pytest.mark.parametrize("check", MOVING)
def test_every_number_is_that_of_an_audit_at_this_threshold(check: str, drawn: AuditInput) -> None:
    result = run(check, drawn)
    moving = [i for i, detail in enumerate(result.details) if moved_columns(detail)]
    assert len(moving) == MOVING[check]
    changed = 0
    for k, threshold in list(enumerate(drawn.thresholds))[::8]:
        other = run(check, AuditInput(drawn.table, drawn.info, drawn.spec, threshold))
        for i in moving:
            here, there = as_table(result.details[i]), as_table(other.details[i])
            columns = moved_columns(result.details[i])
            for row in range(len(here.rows)):
                for column in range(len(here.columns)):
                    if column not in columns:
                        if here.columns[column].kind != "text":
                            assert here.rows[row][column] == there.rows[row][column]
                        continue
                    grid = columns[column]
                    if grid is None:
                        continue
                    told = cell(grid[k][row], here.columns[column].kind)
                    assert told == shown(there, row, column), (here.title, threshold, row, column)
                    changed += told != shown(here, row, column)
    assert changed > 20


def test_the_reference_line_moves_too(drawn: AuditInput) -> None:
    forest = run("group-error-rates", drawn).details[0]
    for k, threshold in list(enumerate(drawn.thresholds))[::8]:
        there = AuditInput(drawn.table, drawn.info, drawn.spec, threshold)
        other = run("group-error-rates", there).details[0]
        told = cell(forest.by_threshold["reference"][k][0], "percent")
        assert told == cell(other.reference, "percent")


def test_a_verdict_is_given_at_the_audited_threshold_alone(drawn: AuditInput) -> None:
    result = run("equalized-odds-gap", drawn)
    assert [detail.by_threshold.get("status", 0) for detail in result.details[:-1]] == [None, None]
    table = result.details[-1]
    judged = [i for i, column in enumerate(table.columns) if column.title == "verdict"]
    assert [table.by_threshold[str(i)] for i in judged] == [None]


def test_an_audit_states_its_thresholds_once(drawn: AuditInput) -> None:
    spec = Spec(name="t", title="T", question="?", attributes=["race"], threshold=0.43)
    result = audit(Scores(drawn.table, drawn.info), spec)
    assert result.thresholds is not None and 0.43 in result.thresholds
    assert len(result.thresholds) == 58
    assert result.model_dump_json().count('"thresholds"') == 1


@settings(deadline=None)
@given(  # Adding nothing takes the sign from zero.
    st.lists(
        st.floats(-1, 1).map(lambda value: value + 0.0)
        | st.fractions(0, 1, max_denominator=4000).map(float),
        min_size=1,
    )
)
def test_shortened_numbers_read_as_all_their_digits_would(values: list[float]) -> None:
    for kind in ("percent", "points", "number"):
        (shortened,) = rounded([values], kind)
        for short, value in zip(shortened, values, strict=True):
            assert cell(short, kind) == cell(value, kind)
            assert short == pytest.approx(value, rel=1e-5, abs=0)


def test_most_shares_take_six_digits() -> None:
    (shares,) = rounded([[k / 997 for k in range(997)]], "percent")
    assert sum(len(f"{share!r}") <= 10 for share in shares) > 950


def test_what_is_infinite_or_no_number_is_left_empty() -> None:
    assert rounded([[float("inf"), float("nan"), 0.5]], "number") == [[None, None, 0.5]]


def test_heads_are_read_from_one_line():
    assert heads("data set; images:count; p (Holm):p") == [
        ("data set", "text"),
        ("images", "count"),
        ("p (Holm)", "p"),
    ]
