from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant


def test_labels_come_from_the_folders(tmp_path, indexed):
    root = plant(tmp_path / "set", "real/a.jpg", "AI/deep/b.png", "fake/c.webp", "other/d.jpg")
    run = indexed("folder", root)
    assert {image: row["label"] for image, row in run.rows.items()} == {
        "real/a.jpg": "real",
        "AI/deep/b.png": "ai",
        "fake/c.webp": "ai",
    }
    assert run.rejected["other/d.jpg"][0] == "no label"
    assert run.report.labels == {"real": 1, "ai": 2}


def test_one_label_for_all_and_a_name(tmp_path, indexed):
    root = plant(tmp_path / "real", "a.jpg", "real/b.jpg")
    run = indexed("folder", root, label="ai", name="stylegan3")
    assert {row["label"] for row in run.rows.values()} == {"ai"}
    assert {row["dataset"] for row in run.rows.values()} == {"stylegan3"}
    assert list(run.manifest.info.datasets) == ["stylegan3"]


def test_a_label_is_refused_where_the_set_knows_it(tmp_path, indexed):
    root = plant(tmp_path / "set", "1_1_1_20170116174525125.jpg")
    with pytest.raises(FaceAuditError, match="--label ai: UTKFace takes no such option"):
        indexed("utkface", root, label="ai")


def test_tags_csv(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg", "ai/b.jpg", "ai/c.jpg")
    (root / "tags.csv").write_text(
        "file,gender,age,country\n"
        "a.jpg,Female,31,Haiti\n"
        "ai/b.jpg,man,,NA\n"
        "gone.jpg,male,4,Chad\n"
        "a.jpg,male,5,Chad\n"
        "c.jpg,male,old,Chad\n"
        "c.jpg,robot,5,Chad\n"
        "c.jpg,male,1,Virgin Islands, British\n",
    )
    run = indexed("folder", root)
    assert run.tags("ai/a.jpg") == {
        "gender": "female",
        "age": 31.0,
        "country": "Haiti",
        "age_band": "30-39",
    }
    assert run.tags("ai/b.jpg")["gender"] == "male"
    assert run.tags("ai/b.jpg")["country"] is None
    assert run.tags("ai/c.jpg")["gender"] == "robot"
    remarks = [(entry.file, entry.reason, entry.remedy) for entry in run.outcomes("remark")]
    assert remarks == [
        (
            "tags.csv",
            "fault in a tag file",
            "row 5: a.jpg stands there twice; the first row was used",
        ),
        ("tags.csv", "fault in a tag file", "row 6: c.jpg: 'old' is not a number"),
        ("tags.csv", "fault in a tag file", "row 8: 5 cells where the header has 4"),
        ("gone.jpg", "tag without image", "in tags.csv"),
    ]
    assert run.manifest.info.tag_sources["country"] == {"folder": "as given in tags.csv"}


@pytest.mark.real_data
def test_any_real_folder_can_be_taken(real_data, indexed):
    for name, count in {
        "mobilestylegan": 500,
        "stylegan2_npm": 200,
        "stylegan3": 250,
        "stable_diffusion_3": 160,
    }.items():
        run = indexed("folder", real_data / name, label="ai", name=name)
        assert (run.report.indexed, run.report.rejected) == (count, 0)
