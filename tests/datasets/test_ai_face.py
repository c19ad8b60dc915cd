from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant

HEADER = "Image Path,Gender,Age,Skin Tone,Intersection,Target\n"


@pytest.fixture
def root(tmp_path):
    return plant(tmp_path / "AI-Face", "AttGAN/1.png", "FFHQ/1.png", "FFHQ/2.png")


@pytest.mark.parametrize("prefix", ["", "/data/somebody/AI-Face/"])
def test_labels_and_tags_by_path(root, indexed, prefix):
    (root / "train.csv").write_text(
        f"{HEADER}{prefix}AttGAN/1.png,0,5,10,5,1\n{prefix}FFHQ/1.png,1,0,3,0,0\n"
    )
    (root / "test.csv").write_text(f"{HEADER}{prefix}FFHQ/9.png,0,2,12,5,1\n")
    run = indexed("ai-face", root)
    assert run.rows["AttGAN/1.png"]["label"] == "ai"
    assert run.tags("AttGAN/1.png") == {
        "gender": "female",
        "age_group": "senior",
        "skin_tone": "Monk 10",
        "intersection": "female, dark",
        "split": "train",
    }
    assert run.tags("FFHQ/1.png")["intersection"] == "male, light"
    assert list(run.rejected) == ["FFHQ/2.png"]
    assert any("skin tone '12'" in entry.remedy for entry in run.outcomes("remark"))
    assert "not by people" in run.manifest.info.tag_sources["gender"]["ai-face"]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("3", "5"), ("adult", "senior")),
        (("2", "3"), ("adult", "middle-aged")),
        ("34", (None,) * 2),
    ],
)
def test_age_codes_are_named_only_where_they_are_unambiguous(root, indexed, codes, expected):
    (root / "train.csv").write_text(
        f"{HEADER}FFHQ/1.png,0,{codes[0]},1,5,1\nFFHQ/2.png,0,{codes[1]},1,5,1\n"
    )
    run = indexed("ai-face", root)
    assert (run.tags("FFHQ/1.png")["age_group"], run.tags("FFHQ/2.png")["age_group"]) == expected
    assert any("two ways" in note for note in run.report.notes) == (expected == (None, None))


def test_without_its_tables_there_are_no_labels(root, indexed):
    with pytest.raises(FaceAuditError, match=r"train\.csv or test\.csv"):
        indexed("ai-face", root)
