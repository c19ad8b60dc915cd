"""Age bands, coarse races, head poses, genders: one vocabulary over all sets."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from faceaudit.datasets import fairface, utkface
from faceaudit.tags.age import AGE_BANDS, age_band, parse_age_band
from faceaudit.tags.pose import head_pose
from faceaudit.tags.race import race_coarse
from faceaudit.tags.vocabulary import (
    DERIVED_TAGS,
    NUMERIC_TAGS,
    gender,
    group_order,
    tag_type,
    with_standard_tags,
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
        (None, None),
    ],
)
def test_age_bands_as_label_files_write_them(text, band):
    assert parse_age_band(text) == band


@pytest.mark.parametrize("text", ["", "old", "3", "5-9", "Sep", "20-30", "19-Nov", "60-70", "-"])
def test_what_is_no_age_band(text):
    with pytest.raises(ValueError, match="is no age band"):
        parse_age_band(text)


def test_every_age_band_reads_itself():
    assert [parse_age_band(band) for band in AGE_BANDS] == list(AGE_BANDS)


def test_every_race_of_every_set_has_a_coarse_one():
    for race in (*utkface.RACES, *fairface.RACES, "asian", "latino"):
        assert race_coarse(pa.array([race])).to_pylist() != [None]
    given = pa.chunked_array([["Southeast Asian", "Others"], [None, "martian", " white "]])
    assert race_coarse(given).to_pylist() == ["Asian", "Other", None, None, "White"]
    assert race_coarse(pa.array([], pa.string())).to_pylist() == []


def test_head_poses_left_and_right_alike():
    yaw = pa.array([0.0, 14.9, -14.9, 15.0, -44.9, 45.0, -90.0, None, math.nan])
    assert head_pose(yaw).to_pylist() == [
        *("frontal", "frontal", "frontal", "half-profile", "half-profile", "profile", "profile"),
        *(None, None),
    ]


@pytest.mark.parametrize("word", ["Female", "female", "F", "woman"])
def test_gender(word):
    assert gender(word) == "female"
    assert gender(None) is None
    with pytest.raises(ValueError, match="neither female nor male"):
        gender("robot")


def test_derived_tags_are_added_only_where_they_are_missing():
    table = pa.table({"age": [5, 33], "yaw": [50, 0], "age_band": ["mine", "mine"]})
    done, derived = with_standard_tags(table, "x")
    assert done["age_band"].to_pylist() == ["mine", "mine"]
    assert done["head_pose"].to_pylist() == ["profile", "frontal"]
    assert derived == {"head_pose": "derived from yaw"}
    assert done["age"].type == pa.float32()


def test_types_and_order():
    assert all(tag_type(tag) == pa.float32() for tag in NUMERIC_TAGS)
    assert all(tag_type(tag) == pa.string() for tag in DERIVED_TAGS)
    assert group_order("face_shape", ["long", "round", "oval"]) == ["round", "oval", "long"]
    assert group_order("skin_tone", ["Monk 10", "Monk 2"]) == ["Monk 2", "Monk 10"]
