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
        f"{HEADER}{prefix}AttGAN/1.png,0,5,10,2,1\n{prefix}FFHQ/1.png,1,0,3,3,0\n"
    )
    (root / "test.csv").write_text(f"{HEADER}{prefix}FFHQ/9.png,7,0,12,5,1\n")
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
    assert [entry.remedy for entry in run.outcomes("remark")][:2] == [
        f"row 2: {prefix}FFHQ/9.png: Gender '7' is none of 0, 1; left empty",
        f"row 2: {prefix}FFHQ/9.png: Skin Tone '12' is none of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10; "
        "left empty",
    ]
    assert "not by people" in run.manifest.info.tag_sources["gender"]["ai-face"]


#: Every published header, with the row of one man and one woman.
PUBLISHED = {
    "first version": (
        "Image Path,Uncertainty Score Gender,Uncertainty Score Age,Uncertainty Score Race,"
        "Ground Truth Gender,Ground Truth Age,Ground Truth Race,Intersection,Target",
        "0.1,0.2,0.3,1,0,2,2,1",
        "0.1,0.2,0.3,0,2,0,4,0",
        ("young", "senior"),
        {"race": ("Black", "Asian")},
        ("male, Black", "female, Asian"),
    ),
    "second version, as described": (
        "Image Path,Gender,Age,Skin Tone,Intersection,Target",
        "1,3,6,4,1",
        "0,5,10,2,0",
        ("adult", "senior"),
        {"skin_tone": ("Monk 6", "Monk 10")},
        ("male, medium", "female, dark"),
    ),
    "second version, as shipped since 2025": (
        "Image Path,Predicted Gender,Predicted Age,Skin Tone,Target,Skin Tone Group,Intersection",
        "1,3,6,1,1,4",
        "0,2,3,0,0,0",
        ("middle-aged", "adult"),
        {"skin_tone": ("Monk 6", "Monk 3")},
        ("male, medium", "female, light"),
    ),
}


@pytest.mark.parametrize("version", PUBLISHED)
def test_every_published_header(root, indexed, version):
    header, man, woman, ages, other, combined = PUBLISHED[version]
    (root / "train.csv").write_text(f"{header}\nAttGAN/1.png,{man}\nFFHQ/1.png,{woman}\n")
    run = indexed("ai-face", root)
    both = [run.tags("AttGAN/1.png"), run.tags("FFHQ/1.png")]
    assert [run.rows[name]["label"] for name in ("AttGAN/1.png", "FFHQ/1.png")] == ["ai", "real"]
    assert [tags["gender"] for tags in both] == ["male", "female"]
    assert tuple(tags["age_group"] for tags in both) == ages
    assert tuple(tags["intersection"] for tags in both) == combined
    ((tag, values),) = other.items()
    assert tuple(tags[tag] for tags in both) == values
    assert {"race", "skin_tone"} & set(run.manifest.tags) == {tag}
    assert [entry.reason for entry in run.outcomes("remark")] == ["image without tag"]


def test_the_rows_own_tags_count_where_the_intersection_contradicts_them(root, indexed):
    (root / "train.csv").write_text(
        f"{HEADER}AttGAN/1.png,1,5,1,0,1\nFFHQ/1.png,0,5,1,0,0\nFFHQ/2.png,1.0,5.0,1.0,3.0,0\n"
    )
    run = indexed("ai-face", root)
    assert {image: run.tags(image)["intersection"] for image in run.rows} == {
        "AttGAN/1.png": "male, light",
        "FFHQ/1.png": "female, light",
        "FFHQ/2.png": "male, light",
    }
    (entry,) = run.outcomes("remark")
    assert (entry.file, entry.reason) == ("AttGAN/1.png", "intersection contradicts the row")
    assert entry.remedy == "its number says 'female, light', and the row 'male, light'"
    assert any(note.startswith("In 1 row the number") for note in run.report.notes)


def test_a_column_that_is_not_there_is_said(root, indexed):
    (root / "train.csv").write_text("Image Path,Sex,Age,Target\nFFHQ/1.png,1,5,0\n")
    run = indexed("ai-face", root)
    assert run.manifest.tags == ["age_group", "split"]
    assert [entry.remedy for entry in run.outcomes("remark")] == [
        "row 1: there is no column 'Ground Truth Gender' or 'Gender' or 'Predicted Gender': "
        "no gender",
        "row 1: there is no column 'Skin Tone': no skin_tone",
        "2 images are not in it: no tags there",
    ]


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
        f"{HEADER}FFHQ/1.png,0,{codes[0]},1,0,1\nFFHQ/2.png,0,{codes[1]},1,0,1\n"
    )
    run = indexed("ai-face", root)
    assert (run.tags("FFHQ/1.png")["age_group"], run.tags("FFHQ/2.png")["age_group"]) == expected
    assert any("two ways" in note for note in run.report.notes) == (expected == (None, None))


def test_without_its_tables_there_are_no_labels(root, indexed):
    with pytest.raises(FaceAuditError, match=r"train\.csv or test\.csv"):
        indexed("ai-face", root)
