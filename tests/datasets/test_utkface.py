from __future__ import annotations

import pytest

from tests.datasets.planted import plant

GOOD = "UTKFace/25_1_2_20170116174525125.jpg.chip.jpg"


def test_tags_come_from_the_name(tmp_path, indexed):
    run = indexed("utkface", plant(tmp_path / "set", GOOD, "part1/1_0_4_20170109142408075.jpg"))
    assert run.tags(GOOD) == {
        "age": 25.0,
        "gender": "female",
        "race": "Asian",
        "age_band": "20-29",
        "race_coarse": "Asian",
    }
    assert run.tags("part1/1_0_4_20170109142408075.jpg")["race_coarse"] == "Other"
    assert {row["label"] for row in run.rows.values()} == {"real"}
    sources = run.manifest.info.tag_sources
    assert "file name" in sources["age"]["utkface"]
    assert sources["age_band"]["utkface"].startswith("derived from age")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("39_1_20170116174525125.jpg.chip.jpg", "race field is missing"),
        ("55_0_0_20170116232725357jpg.chip.jpg", "dot before jpg"),
        ("14_0_0_2017011022340900.jpg.chip.jpg", "16 digits"),
        ("28_1_2_201701161846515488.jpg.chip.jpg", "18 digits"),
        ("24_0_1_20170116220224657 .jpg.chip.jpg", "blank"),
        ("200_0_1_20170116220224657.jpg.chip.jpg", "age 200"),
        ("x_0_1_20170116220224657.jpg.chip.jpg", "age 'x'"),
        ("2_2_1_20170116220224657.jpg.chip.jpg", "gender '2'"),
        ("2_1_7_20170116220224657.jpg.chip.jpg", "race '7'"),
        ("2_1_1_20170116220224657.chip.jpg", "does not end"),
        ("portrait.jpg", "1 field where"),
        ("²_1_1_20170116220224657.jpg.chip.jpg", "age '²'"),
    ],
)
def test_malformed_names_are_in_the_ledger_with_their_fault(tmp_path, indexed, name, fault):
    run = indexed("utkface", plant(tmp_path / "set", GOOD, f"UTKFace/{name}"))
    reason, remedy = run.rejected[f"UTKFace/{name}"]
    assert reason == "malformed name"
    assert fault in remedy
    assert list(run.rows) == [GOOD]


def test_capitals_in_the_ending(tmp_path, indexed):
    names = ("1_1_1_20170116174525125.JPG", "26_0_2_20170116174525125.jpg.chip.JPG")
    run = indexed("utkface", plant(tmp_path / "UTKFace", *names))
    assert {run.tags(name)["age"] for name in names} == {1.0, 26.0}


@pytest.mark.real_data
def test_exactly_the_malformed_names_of_the_real_folder_are_rejected(real_data, indexed):
    run = indexed("utkface", real_data / "utkface")
    assert (run.report.found, run.report.indexed) == (4975, 4967)
    assert sorted(name.removeprefix("UTKFace/") for name in run.rejected) == [
        "14_0_0_2017011022340900.jpg.chip.jpg",
        "24_0_1_20170116220224657 .jpg.chip.jpg",
        "28_1_2_201701161846515488.jpg.chip.jpg",
        "38_0_1_201701162330572788.jpg.chip.jpg",
        "39_1_20170116174525125.jpg.chip.jpg",
        "55_0_0_20170116232725357jpg.chip.jpg",
        "61_1_20170109142408075.jpg.chip.jpg",
        "61_1_20170109150557335.jpg.chip.jpg",
    ]
    copies = run.outcomes("remark")
    assert len(copies) == 7
    assert {entry.reason for entry in copies} == {"copy with other tags"}
    assert sum("age: " in entry.remedy for entry in copies) == 5
