"""The two sets of nothing but AI-generated faces."""

from __future__ import annotations

import pytest

from tests.datasets.planted import plant


def test_one_million_fake_faces_takes_every_image(tmp_path, indexed):
    root = plant(tmp_path / "set", "1m_faces_00/9G6G661H8A.jpg", "1m_faces_01/0FDD4XHE43.jpg")
    run = indexed("one-million-fake-faces", root)
    assert run.report.labels == {"ai": 2}
    assert run.report.notes == ["2 images, fewer than the 1,000,000 that were published."]


def test_generated_photos_takes_its_table(tmp_path, indexed):
    root = plant(tmp_path / "set", "a.jpg", "b.jpg")
    (root / "tags.csv").write_text("file,gender,race\na.jpg,male,asian\nb.jpg,female,latino\n")
    run = indexed("generated-photos", root)
    assert run.tags("a.jpg") == {"gender": "male", "race": "Asian", "race_coarse": "Asian"}
    assert run.tags("b.jpg")["race_coarse"] == "Other"
    assert "some of them wrong" in run.manifest.info.tag_sources["race"]["generated-photos"]


@pytest.mark.real_data
def test_the_real_folders(real_data, indexed):
    run = indexed("one-million-fake-faces", real_data / "one_million_fake_faces")
    assert (run.report.indexed, run.ledger) == (1000, [])
    run = indexed("generated-photos", real_data / "generated_photos")
    assert (run.report.indexed, run.ledger) == (800, [])
    assert None not in run.manifest.table["race_coarse"].to_pylist()
