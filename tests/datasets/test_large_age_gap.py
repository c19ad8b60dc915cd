from __future__ import annotations

from tests.datasets.planted import plant


def test_young_and_old_of_one_person(tmp_path, indexed):
    root = plant(
        tmp_path / "lag",
        "LAGdataset_200/Ada_Lovelace/ada.png",
        "LAGdataset_200/Ada_Lovelace/y/ada_1.png",
        "cover.png",
    )
    run = indexed("lag", root)
    assert run.tags("LAGdataset_200/Ada_Lovelace/ada.png") == {
        "person": "Ada_Lovelace",
        "age_group": "adult or old",
    }
    assert run.tags("LAGdataset_200/Ada_Lovelace/y/ada_1.png") == {
        "person": "Ada_Lovelace",
        "age_group": "child or young",
    }
    assert run.rejected["cover.png"][0] == "no person's folder"
