"""Age bands, coarse races, head poses, genders: one vocabulary over all sets."""

from __future__ import annotations

import math
import re

import pyarrow as pa
import pytest

from faceaudit.datasets import utkface
from faceaudit.errors import FaceAuditError
from faceaudit.tags import vocabulary
from faceaudit.tags.age import AGE_BANDS, age_band, parse_age_band
from faceaudit.tags.pose import head_pose
from faceaudit.tags.race import race_coarse
from faceaudit.tags.vocabulary import (
    DERIVED_TAGS,
    NUMERIC_TAGS,
    group_order,
    standard,
    standardise,
    suspected_missing,
    tag_type,
    with_derived_tags,
)

FAIRFACE_RACES = (
    *("White", "Black", "Indian", "East Asian", "Southeast Asian"),
    *("Middle Eastern", "Latino_Hispanic"),
)


def test_age_bands_at_their_edges():
    ages = pa.array([0, 2, 2.9, 3, 9, 10, 19.5, 20, 69, 70, 116, None, -1, math.nan, math.inf])
    assert age_band(ages).to_pylist() == [
        *("0-2", "0-2", "0-2", "3-9", "3-9", "10-19", "10-19", "20-29", "60-69", "70+", "70+"),
        *(None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("3-9", "3-9"),
        ("03-Sep", "3-9"),
        ("3-Sep", "3-9"),
        ("Sep-03", "3-9"),
        ("9-Mar", "3-9"),
        ("Mar-09", "3-9"),
        ("10-19", "10-19"),
        ("19-Oct", "10-19"),
        ("Oct-19", "10-19"),
        ("october 19", "10-19"),
        ("3–9", "3-9"),
        ("more than 70", "70+"),
        ("70+", "70+"),
        ("0-2", "0-2"),
        ("60-69", "60-69"),
    ],
)
def test_age_bands_as_label_files_write_them(text, band):
    assert parse_age_band(text) == band


@pytest.mark.parametrize(
    "text", ["", "old", "3", "5-9", "Sep", "20-30", "19-Nov", "60-70", "-", "3.9", "70-79"]
)
def test_what_is_no_age_band(text):
    with pytest.raises(ValueError, match="is no age band"):
        parse_age_band(text)


def test_every_age_band_reads_itself():
    assert [parse_age_band(band) for band in AGE_BANDS] == list(AGE_BANDS)


def test_every_race_of_every_set_has_a_coarse_one():
    for race in (*utkface.RACES, *FAIRFACE_RACES, "asian", "latino"):
        assert race_coarse(pa.array([race])).to_pylist() != [None]
    assert race_coarse(pa.array(["African-American", "african_american"])).unique().to_pylist() == [
        "Black"
    ]
    given = pa.chunked_array([["Southeast Asian", "Others"], [None, "martian", " white "]])
    assert race_coarse(given).to_pylist() == ["Asian", "Other", None, None, "White"]
    assert race_coarse(pa.array([], pa.string())).to_pylist() == []


def test_head_poses_left_and_right_alike():
    yaw = pa.array([0.0, 14.9, -14.9, 15.0, -44.9, 45.0, -90.0, None, math.nan])
    assert head_pose(yaw).to_pylist() == [
        *("frontal", "frontal", "frontal", "half-profile", "half-profile", "profile", "profile"),
        *(None, None),
    ]


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("gender", " FEMALE ", "female"),
        *(("gender", word, "female") for word in ("Girl", "woman", "WOMEN", "females")),
        *(("gender", word, "male") for word in ("m", "Man", "men", "boy", "Males")),
        ("gender", "Non-binary", "Non-binary"),
        ("gender", "0", "0"),
        ("age_band", "03-Sep", "3-9"),
        ("age_band", "18-24", "18-24"),
        ("age_band", "adult", "adult"),
        ("age_band", "70-79", "70-79"),
        ("age_band", "under 70", "under 70"),
        ("age_band", "3.9", "3.9"),
        ("head_pose", "Frontal", "frontal"),
        ("skin_tone", "monk 3", "Monk 3"),
        ("race", " white ", "white"),
        ("glasses", "None", "None"),
        ("glasses", "nan", "nan"),
        ("glasses", "  ", None),
        ("glasses", None, None),
        ("age", "44", 44.0),
        ("age", " 120 ", 120.0),
        ("age", "", None),
        ("age", math.nan, None),
        ("yaw", "-33.5", -33.5),
    ],
)
def test_one_cell_in_the_standard_vocabulary(tag, text, value):
    assert standard(tag, text) == value


@pytest.mark.parametrize(
    ("tag", "text", "fault"),
    [
        ("age", "999", "999 is no age in years (0 to 120)"),
        ("age", -1.0, "-1 is no age in years (0 to 120)"),
        ("age", "inf", "inf is no age in years (0 to 120)"),
        ("age", "old", "'old' is not a number"),
        ("age", "2_1", "'2_1' is not a number"),
        ("yaw", "-inf", "-inf is not a finite number"),
        ("yaw", "1e300", "1e+300 is not a finite number"),
    ],
)
def test_numbers_that_cannot_be(tag, text, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        standard(tag, text)
    column = pa.array(["1", None, text]) if isinstance(text, str) else pa.array([1.0, None, text])
    with pytest.raises(
        FaceAuditError, match=rf"^x: column '{tag}', row 3: {re.escape(fault)}.*--missing \S+$"
    ):
        standardise(pa.table({tag: column}), "x")


def test_a_column_is_read_as_its_cells_are():
    cells = {
        "gender": [" FEMALE ", "Girl", "m", "Non-binary", None, "f", "  "],
        "age_band": ["03-Sep", "18-24", "70+", "Oct-19", None, "old", "3-9"],
        "age": ["44", " 3", "", None, "nan", "0.5", "120"],
        "skin_tone": ["monk 3", "Monk 3", "Monk 10", "x", None, "", "MONK 1"],
    }
    table = pa.table({tag: pa.array(column, pa.string()) for tag, column in cells.items()})
    read = standardise(table, "x")[0].to_pydict()
    assert all(
        read[tag] == [standard(tag, cell) for cell in column] for tag, column in cells.items()
    )


def test_spellings_that_differ_in_case_are_one_value_and_said():
    cells = (
        ["Asian"] * 2 + ["asian"] * 3 + ["ASIAN", " asian", "aSian", "White", "white", None, " "]
    )
    table, notes = standardise(pa.table({"race": cells, "person": cells}), "x")
    assert table["race"].to_pylist() == ["asian"] * 8 + ["White"] * 2 + [None] * 2
    assert table["race_coarse"].to_pylist() == ["Asian"] * 8 + ["White"] * 2 + [None] * 2
    assert table["person"].to_pylist() == cells
    assert notes == [
        "'race': 'Asian', ' asian', 'ASIAN' and 1 more (5 rows) are read as 'asian'.",
        "'race': ' ' (1 row) is read as missing.",
        "'race': 'white' (1 row) is read as 'White'.",
    ]
    again, silence = standardise(table, "x")
    assert again.equals(table)
    assert silence == []


def test_what_is_said_stays_short():
    cells = [word for n in range(40) for word in (f"v{n}", f"V{n}", f"v{n} ")]
    table, notes = standardise(pa.table({"tag": cells}), "x")
    assert len(set(table["tag"].to_pylist())) == 40
    assert notes[-1] == "'tag': the spellings of 37 more values likewise."
    assert len(notes) == 4


def test_words_that_often_mean_missing_are_named_and_stay_values():
    cells = ["None", "None", "NA ", "reading", "none of these", None]
    table = pa.table({"glasses": cells, "hat": ["yes"] * 6})
    assert suspected_missing(table) == [
        "'glasses' holds 'None' 2 times and it is read as a value; if it means that the tag is "
        "missing, say --missing None.",
        "'glasses' holds 'NA ' 1 time and it is read as a value; if it means that the tag is "
        "missing, say --missing 'NA '.",
    ]
    assert standardise(table, "x")[0]["glasses"].to_pylist()[:3] == ["None", "None", "NA"]


def test_a_million_rows_are_read_by_their_distinct_values(monkeypatch):
    calls = []
    monkeypatch.setattr(vocabulary, "standard", lambda *cell: calls.append(cell) or standard(*cell))
    cells = pa.array(["F", "m"] * 500_000)
    names = pa.array([f"name {n}" for n in range(1_000_000)])
    table, _ = standardise(pa.table({"gender": cells, "name": names}), "x")
    assert table["gender"].unique().to_pylist() == ["female", "male"]
    assert len(calls) == 2


def test_derived_tags_are_added_only_where_they_are_missing():
    table = pa.table({"age": [5, 33], "yaw": [50, 0], "age_band": ["mine", "mine"]})
    done, _ = standardise(table, "x")
    assert done["age_band"].to_pylist() == ["mine", "mine"]
    assert done["head_pose"].to_pylist() == ["profile", "frontal"]
    assert with_derived_tags(table)[1] == {"head_pose": "derived from yaw"}
    assert done["age"].type == pa.float32()


def test_types_and_order():
    assert all(tag_type(tag) == pa.float32() for tag in NUMERIC_TAGS)
    assert all(tag_type(tag) == pa.string() for tag in DERIVED_TAGS)
    assert group_order("face_shape", ["long", "round", "oval"]) == ["round", "oval", "long"]
    assert group_order("skin_tone", ["Monk 10", "Monk 2"]) == ["Monk 2", "Monk 10"]


def test_no_glasses_is_not_suspected_of_being_unknown():
    table = pa.table({"glasses": ["none", "None", "reading"], "hat": ["none", "none", "cap"]})
    said = suspected_missing(table)
    assert [sentence.split(" and ")[0] for sentence in said] == [
        "'glasses' holds 'None' 1 time",
        "'hat' holds 'none' 2 times",
    ]
