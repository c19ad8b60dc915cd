from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks.drift import CHECK
from faceaudit.errors import FaceAuditError
from faceaudit.result import Forest, Table
from faceaudit.runner import run_check
from faceaudit.schema import validate
from faceaudit.spec import parse_spec


def run(data, **options):
    return run_check(CHECK, data, CHECK.parse_options(options, "drawn"))


def sets(drawn, cause, *, n=3000, seed=0, **more):
    """Draw two sets of photographs that differ in one thing."""
    rng = np.random.default_rng(seed)
    second = np.repeat([False, True], n)
    old = rng.random(2 * n) < np.where(second & (cause == "people"), 0.7, 0.2)
    small = rng.random(2 * n) < np.where(second & (cause == "pictures"), 0.7, 0.2)
    rate = 0.03 + 0.12 * old + 0.12 * small
    rate += 0.08 * (second & (cause == "treatment"))
    rate += 0.25 * (second & old & (cause == "treatment of the old"))
    wrong = rng.random(2 * n) < rate
    data = drawn(
        ["real"] * 2 * n,
        np.where(wrong, 0.9, 0.1),
        {
            "age_class": np.where(old, "old", "young").tolist(),
            "gender": rng.choice(["f", "m"], 2 * n).tolist(),
        },
        dataset=np.where(second, "new", "before").tolist(),
        **{"attributes": ["age_class", "gender"], **more},
    )
    size = np.where(small, rng.integers(5_000, 9_000, 2 * n), rng.integers(9_000, 30_000, 2 * n))
    table = data.table
    for name, of in (("width", [256] * 2 * n), ("height", [256] * 2 * n), ("bytes", size)):
        table = table.append_column(name, pa.array(of))
    return dataclasses.replace(data, table=validate(table, "scores", "drawn")), wrong, second


def parts(result, what="all images"):
    rows = [row for of in result.details if isinstance(of, Forest) for row in of.rows]
    return {
        row.group.removeprefix(f"{what}: "): row for row in rows if row.group.startswith(f"{what}:")
    }


@pytest.mark.parametrize("cause", ["people", "pictures", "treatment"])
def test_the_one_thing_that_differs_is_named(drawn, cause):
    data, wrong, second = sets(drawn, cause)
    result = run(data, **{"from": "before", "to": "new"})
    found = parts(result)
    shown = [name for name, row in found.items() if row.low > 0 or row.high < 0]
    assert shown == ["change", f"other {cause}"]
    change = found.pop("change")
    assert change.value == pytest.approx(wrong[second].mean() - wrong[~second].mean())
    assert sum(row.value for row in found.values()) == pytest.approx(change.value)
    assert change.low < change.value < change.high
    rates = [f"{100 * wrong[of].mean():.1f} % of 3,000 in" for of in (~second, second)]
    assert f"{rates[0]} before, {rates[1]} new; the change is {100 * change.value:.1f} p" in (
        result.sentence
    )
    assert (
        f"Shown of its parts: other {cause} {100 * found[f'other {cause}'].value:.1f} points"
        in (result.sentence)
    )
    assert result.findings[0].interval.together


def test_a_gap_that_grew_by_treatment(drawn):
    data, wrong, second = sets(drawn, "treatment of the old")
    result = run(data, **{"from": "before", "to": "new"})
    found = parts(result, "old − young")
    old = np.array(data.table["age_class"].to_pylist()) == "old"
    gap = [wrong[of & old].mean() - wrong[of & ~old].mean() for of in (~second, second)]
    assert found["change"].value == pytest.approx(gap[1] - gap[0])
    assert found["other treatment"].low > 0.1
    assert not [n for n in ("other people", "other pictures") if found[n].low > 0]
    finding = next(of for of in result.findings if of.tags == ["age_class"])
    assert "by age class the gap between 'old' and 'young': " in finding.sentence
    assert finding.n == 6000 and finding.rate == "fpr"
    table = next(of for of in result.details if isinstance(of, Table))
    assert [row[0] for row in table.rows][:2] == ["all images", "old − young"]
    assert table.rows[1][3] == pytest.approx(gap[0]) and table.rows[1][6] == pytest.approx(gap[1])


def test_two_sets_are_compared_unasked_if_there_are_just_two(drawn):
    data, _, _ = sets(drawn, "people", n=500)
    assert "% of 500 in before, " in run(data).sentence
    turned = run(data, **{"from": "new", "to": "before"})
    assert parts(turned)["change"].value == pytest.approx(-parts(run(data))["change"].value)


def test_sets_may_be_told_apart_by_a_tag(drawn):
    data, wrong, second = sets(drawn, "treatment", n=1000)
    year = pa.array(np.where(second, "2026", "2025"))
    data = dataclasses.replace(data, table=data.table.append_column("year", year))
    result = run(data, by="year", **{"from": "2025", "to": "2026"})
    assert parts(result)["change"].value == pytest.approx(
        wrong[second].mean() - wrong[~second].mean()
    )


def test_of_three_sets_two_must_be_named_and_be_there(drawn):
    data = drawn(["real"] * 9, [0.1] * 9, {"a": ["x"] * 9}, dataset=["a", "b", "c"] * 3)
    assert run(data).sentence == (
        "Two sets are compared, and 'dataset' has 3 values here: name two, as from and to."
    )
    for wrong in ({"from": "a"}, {"from": "a", "to": "a"}, {"from": "a", "to": "d"}):
        with pytest.raises(FaceAuditError, match=r"checks.drift: name two .* 'dataset'.* a, b, c"):
            run(data, **wrong)


def test_sets_of_other_sizes_have_no_counterpart(drawn):
    data, _, second = sets(drawn, "treatment", n=2000)
    larger = np.where(second, 4, 1)
    table = data.table
    for name in ("width", "bytes"):
        of = pa.array(np.asarray(table[name]) * larger).cast(table[name].type)
        table = table.set_column(table.column_names.index(name), name, of)
    result = run(dataclasses.replace(data, table=table))
    found = parts(result)
    assert found["other treatment"].value is None
    assert found["other treatment"].note == "nothing to compare"
    assert found["without counterpart"].value == pytest.approx(found["change"].value)
    assert "Shown of its parts: without counterpart" in result.sentence
    compared = next(of for of in result.details if isinstance(of, Table)).rows[0]
    assert [compared[4], compared[7]] == [0, 0]


def test_images_without_a_tag_are_left_out_and_a_tag_of_one_set_is_not_held(drawn):
    data, _, second = sets(drawn, "treatment", n=1000)
    gender = data.table["gender"].to_pylist()
    gender[:50] = [None] * 50
    age = pa.array(np.where(second, data.table["age_class"].to_numpy(), None))
    table = data.table.set_column(
        data.table.column_names.index("gender"), "gender", pa.array(gender)
    )
    table = table.set_column(table.column_names.index("age_class"), "age_class", age)
    result = run(dataclasses.replace(data, table=table))
    note = next(of for of in result.details if isinstance(of, Table)).note
    assert note.startswith(
        "People are told apart by gender; 50 of 2,000 real photographs lack a tag and are left out."
    )
    assert "% of 950 in before" in result.sentence
    none = run(
        dataclasses.replace(data, spec=data.spec.model_copy(update={"attributes": ["dataset"]}))
    )
    note = next(of for of in none.details if isinstance(of, Table)).note
    assert "no tag that both sets have, so other people count as other treatment" in note


def test_a_rate_of_one_set_alone_is_not_told(drawn):
    n = 200
    data = drawn(
        ["real"] * n + ["ai"] * n,
        [0.1] * 2 * n,
        {"a": ["x", "y"] * n},
        dataset=["p"] * n + ["q"] * n,
    )
    assert run(data).sentence == "No error rate is known of both p and q."


def test_from_and_to_are_keys_of_a_specification():
    spec = parse_spec(
        "name: n\ntitle: t\nquestion: q\nattributes: [a]\n"
        "checks:\n  - drift: {by: year, from: '1', to: '2'}\n",
        "given",
    )
    options = CHECK.parse_options(spec.checks["drift"], "given")
    assert (options.by, getattr(options, "from"), options.to) == ("year", "1", "2")
    with pytest.raises(FaceAuditError, match="until"):
        CHECK.parse_options({"until": "1"}, "given")
