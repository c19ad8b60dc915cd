from __future__ import annotations

import pytest

from tests.datasets.planted import plant

REAL, FAKE = "training_real/real_00001.jpg", "training_fake/mid_12_1010.jpg"


@pytest.fixture
def root(tmp_path):
    unmarked = "training_fake/easy_116_111.jpg"
    return plant(tmp_path / "set", REAL, FAKE, unmarked, "training_fake/x.jpg")


def test_retouched_photographs_are_left_out_unless_asked_for(root, indexed):
    run = indexed("real-and-fake", root)
    assert list(run.rows) == [REAL]
    assert run.report.reasons == {"photoshopped photograph": 2, "malformed name": 1}


@pytest.mark.parametrize("label", ["real", "ai"])
def test_retouched_photographs_by_the_users_label(root, indexed, label):
    run = indexed("real-and-fake", root, photoshopped_as=label)
    assert run.rows[FAKE]["label"] == label
    assert run.tags(FAKE) == {
        "manipulation": "photoshopped",
        "difficulty": "mid",
        "region": "left eye and nose",
    }
    assert run.tags(REAL) == {"manipulation": "none", "difficulty": None, "region": None}
    assert run.tags("training_fake/easy_116_111.jpg")["region"] is None
    assert list(run.rejected) == ["training_fake/x.jpg"]


@pytest.mark.real_data
def test_the_real_folder(real_data, indexed):
    run = indexed("real-and-fake", real_data / "real_and_fake_face")
    assert (run.report.indexed, run.report.reasons) == (1081, {"photoshopped photograph": 960})
    run = indexed("real-and-fake", real_data / "real_and_fake_face", photoshopped_as="ai")
    assert run.report.labels == {"real": 1081, "ai": 960}
    assert run.ledger == []
