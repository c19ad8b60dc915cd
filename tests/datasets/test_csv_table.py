from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant


@pytest.fixture
def root(tmp_path):
    return plant(tmp_path / "mine", "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg")


def test_path_label_and_tags(root, indexed):
    (root / "faces.csv").write_text(
        "path;label;gender;age;mood\n"
        "a/1.jpg;real;F;44;glad\nb/1.jpg;Fake;Other;old;\nb/2.jpg;maybe;M;;\n"
    )
    run = indexed("csv", root)
    assert {image: row["label"] for image, row in run.rows.items()} == {
        "a/1.jpg": "real",
        "b/1.jpg": "ai",
    }
    assert run.tags("a/1.jpg") == {
        "gender": "female",
        "age": 44.0,
        "mood": "glad",
        "age_band": "40-49",
    }
    assert run.tags("b/1.jpg")["gender"] == "Other"
    assert run.report.notes == [
        "faces.csv: 'gender': 'F' (1 row) is read as 'female'.",
        "faces.csv: 'gender': 'M' (1 row) is read as 'male'.",
        "'label': 'fake' (1 row) is read as 'ai'.",
    ]
    assert {image: reason for image, (reason, _) in run.rejected.items()} == {
        "a/2.jpg": "no row in the table",
        "b/2.jpg": "no row in the table",
    }
    assert [entry.remedy for entry in run.outcomes("remark")][:2] == [
        "row 3: b/1.jpg: age: 'old' is not a number; left empty",
        "row 4: b/2.jpg: label 'maybe' is neither 'real' nor 'ai'",
    ]


def test_table_elsewhere_with_absolute_paths(root, tmp_path, indexed):
    table = tmp_path / "tables" / "mine.csv"
    table.parent.mkdir()
    table.write_text(f"path,label\n{root}/a/1.jpg,real\n{root}/b/1.jpg,ai\n")
    run = indexed("csv", root, tags_from=table)
    assert sorted(run.rows) == ["a/1.jpg", "b/1.jpg"]


def test_which_table(root, indexed):
    with pytest.raises(FaceAuditError, match="there is none below the root"):
        indexed("csv", root)
    (root / "one.csv").write_text("path,label\n")
    (root / "two.csv").write_text("path,label\n")
    with pytest.raises(FaceAuditError, match="there are 2 below the root"):
        indexed("csv", root)
