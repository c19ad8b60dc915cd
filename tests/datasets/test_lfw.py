from __future__ import annotations

import pytest

from tests.datasets.planted import plant

ADA, ADA_2 = (
    "lfw-deepfunneled/Ada_Lovelace/Ada_Lovelace_0001.jpg",
    ("lfw-deepfunneled/Ada_Lovelace/Ada_Lovelace_0002.jpg"),
)
KARL = "lfw-deepfunneled/Karl_van_Dam/Karl_van_Dam_0001.jpg"


@pytest.fixture
def root(tmp_path):
    return plant(tmp_path / "lfw", ADA, ADA_2, KARL, "lfw-deepfunneled/cover.jpg")


def test_person_and_gender_lists(root, indexed):
    (root / "female_names.txt").write_text("Ada_Lovelace_0001.jpg\n\nAda_Lovelace_0002.jpg\n")
    (root / "male_names.txt").write_text("Karl_van_Dam_0001.jpg\nKarl_Marx_0001.jpg\n")
    run = indexed("lfw", root)
    assert run.tags(ADA_2) == {"person": "Ada_Lovelace", "gender": "female"}
    assert run.tags(KARL) == {"person": "Karl_van_Dam", "gender": "male"}
    assert run.manifest.tags == ["gender"]
    assert list(run.rejected) == ["lfw-deepfunneled/cover.jpg"]
    assert [(e.file, e.reason) for e in run.outcomes("remark")] == [
        ("Karl_Marx_0001.jpg", "tag without image")
    ]


def test_attributes(root, indexed):
    columns = "Male\tAsian\tWhite\tBlack\tEyeglasses\tSunglasses\tMustache\tNo Beard\tRound Face"
    (root / "lfw_attributes.txt").write_text(
        "LFW attributes\n"
        f"#\tperson\timagenum\t{columns}\n"
        "Ada Lovelace\t1\t-1.2\t-0.5\t2.1\t-3\t0.4\t-1\t-2\t1.0\t0.1\n"
        "Karl van Dam\t1\t1.2\t-0.5\t-2.1\t-3\t0.4\t1.5\t2\t1.0\t-0.1\n"
        "Ada Lovelace\t2\tx\t-0.5\t-2.1\t-3\t0.4\t1.5\t2\t1.0\t-0.1\n"
        "Ada Lovelace\t2\n"
    )
    run = indexed("lfw", root)
    tags = run.tags(ADA)
    assert tags["person"] == "Ada_Lovelace"
    assert (tags["gender"], tags["race"], tags["glasses"]) == ("female", "White", "reading")
    assert (tags["facial_hair"], tags["round_face"]) == ("none", "yes")
    tags = run.tags(KARL)
    assert (tags["race"], tags["glasses"], tags["facial_hair"]) == (None, "sunglasses", "moustache")
    faults = [entry.remedy for entry in run.outcomes("remark")]
    assert faults == [
        "line 5: Ada_Lovelace_0002.jpg: male 'x' is not a number; left empty",
        "line 6: 2 values for 11 columns",
    ]
    tags = run.tags(ADA_2)
    assert (tags["gender"], tags["glasses"], tags["race"]) == (None, "sunglasses", None)


@pytest.mark.real_data
def test_the_truncated_image_of_the_real_folder(real_data, indexed):
    run = indexed("lfw", real_data / "lfw")
    assert (run.report.found, run.report.indexed) == (1000, 999)
    (name,) = run.rejected
    assert name.endswith("Zydrunas_Ilgauskas_0001.jpg")
    assert run.rejected[name][0] == "truncated image"
    assert None not in run.manifest.table["gender"].to_pylist()
