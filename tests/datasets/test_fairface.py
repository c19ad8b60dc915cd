from __future__ import annotations

import pytest

from tests.datasets.planted import plant


def test_ages_that_a_spreadsheet_mangled_are_repaired(tmp_path, indexed):
    root = plant(tmp_path / "set", *(f"val/{n}.jpg" for n in range(1, 6)), "train/1.jpg")
    (root / "fairface_label_val.csv").write_text(
        "file,age,gender,race,service_test\n"
        "val/1.jpg,03-Sep,Male,East Asian,True\n"
        "val/2.jpg,Oct-19,Female,Latino_Hispanic,False\n"
        "val/3.jpg,more than 70,Female,White,False\n"
        "val/4.jpg,old,Female,White,False\n"
        "val/5.jpg,20-29,Non-binary,Martian,False\n"
    )
    (root / "fairface_label_train.csv").write_text(
        "file,age,gender,race,service_test\ntrain/1.jpg,50-59,Female,Black,False\n"
    )
    run = indexed("fairface", root)
    assert run.tags("val/1.jpg") == {
        "age_band": "3-9",
        "gender": "male",
        "race": "East Asian",
        "race_coarse": "Asian",
    }
    assert run.tags("train/1.jpg")["age_band"] == "50-59"
    assert run.tags("val/2.jpg")["age_band"] == "10-19"
    assert run.tags("val/3.jpg")["age_band"] == "70+"
    # Words that nobody foresaw are values; they cost neither the row's other tags nor the image.
    assert run.tags("val/4.jpg")["age_band"] == "old"
    assert run.tags("val/5.jpg") == {
        "age_band": "20-29",
        "gender": "Non-binary",
        "race": "Martian",
        "race_coarse": None,
    }
    assert run.outcomes("remark") == []


@pytest.mark.real_data
def test_the_real_folder(real_data, indexed):
    run = indexed("fairface", real_data / "fairface")
    assert run.report.indexed == 2512
    (copy,) = run.ledger
    # A trap that is really in it: one photograph twice, with two ages and two races.
    assert (copy.file, copy.reason) == ("val/567.jpg", "copy with other tags")
    assert "age_band: 3-9 there, 10-19 here" in copy.remedy
    for tag in ("age_band", "gender", "race", "race_coarse"):
        assert None not in run.manifest.table[tag].to_pylist()
