from __future__ import annotations

import pytest

from faceaudit.audit import run_check
from faceaudit.checks import Options
from faceaudit.checks.intersections import CHECK


def run(data):
    return run_check(CHECK, data, Options())


def of_kind(result, kind):
    return [detail for detail in result.details if detail.kind == kind]


@pytest.fixture
def grid(drawn):
    """Women and men of two races; nobody is a woman of race B, and one image has no gender."""
    cells = [("A", "f", 10, 4), ("A", "m", 40, 2), ("B", "m", 50, 1), ("B", None, 1, 1)]
    label, p_ai, race, gender = [], [], [], []
    for r, g, n, wrong in cells:
        label += ["real"] * n
        p_ai += [0.9] * wrong + [0.1] * (n - wrong)
        race += [r] * n
        gender += [g] * n
    return drawn(
        label,
        p_ai,
        {"race": race, "gender": gender},
        attributes=["race"],
        intersections=[["race", "gender"]],
    )


def test_many_pairs_are_a_grid_with_every_cell_and_no_number_for_the_empty_one(grid, monkeypatch):
    assert not of_kind(run(grid), "heatmap") and of_kind(run(grid), "forest")
    monkeypatch.setattr("faceaudit.checks.parts.group_rates.MOST_ROWS", 3)
    (heatmap,) = of_kind(run(grid), "heatmap")
    assert not of_kind(run(grid), "forest")
    assert heatmap.rows == ["A", "B"]
    assert heatmap.columns == ["f", "m"]
    assert heatmap.values[0] == pytest.approx([0.4, 0.05])
    assert heatmap.values[1] == [None, pytest.approx(0.02)]
    assert heatmap.n == [[10, 40], [0, 50]]
    assert heatmap.low[1][0] is None


def test_table_marks_small_and_empty_cells(grid):
    (table,) = of_kind(run(grid), "table")
    notes = {row[0]: row[-1] for row in table.rows}
    assert notes["A × f"].startswith("small: 10 real photographs")
    assert notes["B × f"].startswith("no real photograph")
    assert "1 combination of 4 has no image at all" in table.note
    assert "1 image has no tag for race or gender" in table.note
    assert table.rows[-1][:3] == ["(tag missing)", 1, 1.0]


def test_finding_names_both_tags(grid):
    result = run(grid)
    assert result.sentence.startswith(
        "Among groups of at least 30 images, real photographs tagged race 'A' and gender 'm' (5.0 "
        "%, 2 of 40; 0.3 to 18.8 %, as the highest of all) are called AI-generated most often, "
        "those tagged race 'B' and gender 'm' (2.0 "
        "%, 1 of 50) least often"
    )


def test_three_tags_have_no_heatmap(drawn):
    data = drawn(
        ["real"] * 8,
        [0.1, 0.9] * 4,
        {"a": list("xxxxyyyy"), "b": list("uuvvuuvv"), "c": list("pqpqpqpq")},
        intersections=[["a", "b", "c"]],
    )
    result = run(data)
    assert not of_kind(result, "heatmap")
    assert len(of_kind(result, "table")[0].rows) == 8


def test_none_named_is_no_complaint(counted):
    result = run(counted({"a": (3, 1, 0, 0)}))
    assert result.status == "info"
    assert result.sentence == "The specification names no combination of tags."


def test_awkward_tables_combined_with_a_second_tag(awkward):
    parity = [str(i % 2) for i in range(len(awkward.table))]
    table = awkward.table.append_column("parity", [parity])
    spec = awkward.spec.model_copy(
        update={"intersections": [[awkward.spec.attributes[0], "parity"]]}
    )
    result = run(type(awkward)(table, awkward.info, spec, awkward.threshold))
    assert result.status in ("info", "not-estimable")
    assert result.model_dump_json()


def test_shrunken_rates_are_a_labelled_column_and_in_no_sentence(grid):
    result = run(grid)
    (table,) = of_kind(result, "table")
    titles = [column.title for column in table.columns]
    column = table.columns[titles.index("FPR, shrunken")]
    assert column.help == "shrunken towards the mean; for orientation, decides nothing"
    own, drawn = (titles.index(title) for title in ("called AI (FPR)", "FPR, shrunken"))
    high, low, empty, _, without = ((row[own], row[drawn]) for row in table.rows)
    assert low[0] < low[1] < high[1] < high[0]
    assert (empty, without[1]) == ((None, None), None)
    assert "shrunken" not in " ".join([result.sentence, *(of.sentence for of in result.findings)])
