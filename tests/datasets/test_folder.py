from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.schema import CLUSTER_COLUMNS, FIXED_COLUMNS, tag_columns
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


def test_folders_as_people_call_them(tmp_path, indexed):
    labels = {
        "cat/0_real/a.jpg": "real",
        "cat/1_fake/b.jpg": "ai",
        "train/nature/c.jpg": "real",
        "train/ai/d.jpg": "ai",
        "Authentic/e.jpg": "real",
        "Deepfake/f.jpg": "ai",
    }
    run = indexed("folder", plant(tmp_path / "set", *labels, "2024/g.jpg", "realistic/h.jpg"))
    assert {image: row["label"] for image, row in run.rows.items()} == labels
    assert sorted(run.rejected) == ["2024/g.jpg", "realistic/h.jpg"]
    assert run.report.notes == []


def test_folders_that_contradict_each_other_are_said(tmp_path, indexed):
    root = plant(tmp_path / "set", "fake/photos/a.jpg", "gan/0_real/b.jpg", "real/c.jpg")
    run = indexed("folder", root)
    assert [row["label"] for row in run.rows.values()] == ["real", "real", "real"]
    (note,) = run.report.notes
    assert note.startswith("Two folders above 2 images say different labels, as in fake/photos/a")
    run = indexed("folder", root, ai_dir=["fake"])
    assert run.rows["fake/photos/a.jpg"]["label"] == "ai"
    assert "above 1 image say" in run.report.notes[0]


def test_folders_that_the_user_names(tmp_path, indexed, monkeypatch):
    images = ("originals/a.jpg", "out/sd3/b.jpg", "out/x/c.jpg", "out/real/d.jpg", "e.jpg")
    root = plant(tmp_path / "set", *images)
    run = indexed("folder", root, real_dir=["originals"], ai_dir=["sd3", root / "out" / "real"])
    assert {image: row["label"] for image, row in run.rows.items()} == {
        "originals/a.jpg": "real",
        "out/sd3/b.jpg": "ai",
        "out/real/d.jpg": "ai",
    }
    assert "--real-dir" in run.rejected["e.jpg"][1]
    monkeypatch.chdir(tmp_path)
    run = indexed("folder", root, real_dir=["set/out"], ai_dir=["sd3"])
    assert [run.rows[image]["label"] for image in images[1:4]] == ["ai", "real", "real"]


def test_named_folders_that_cannot_be_meant(tmp_path, indexed):
    root = plant(tmp_path / "set", "real/a.jpg", "b/b.jpg")
    with pytest.raises(FaceAuditError, match="--ai-dir gone: there is no image in a folder"):
        indexed("folder", root, ai_dir=["gone"])
    with pytest.raises(FaceAuditError, match="name the same folder"):
        indexed("folder", root, ai_dir=["b"], real_dir=["b/"])
    with pytest.raises(FaceAuditError, match="--label is for all images"):
        indexed("folder", root, ai_dir=["b"], label="ai")
    with pytest.raises(FaceAuditError, match="--real-dir b: UTKFace takes no such option"):
        indexed("utkface", root, real_dir=["b"])


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
    root = plant(tmp_path / "set", "ai/a.jpg", "ai/b.jpg", "ai/c.jpg", "ai/d.JPG", "ai/e.jpg")
    (root / "tags.csv").write_text(
        "file,gender,age,country\n"
        "a.jpg,Female,31,Haiti\n"
        "ai/b.jpg,man,,NA\n"
        "gone.jpg,male,4,Chad\n"
        "a.jpg,male,5,Chad\n"
        "c.jpg,Non-binary,old,Chad\n"
        "d.jpg,FEMALE ,999,chad\n"
        "e.jpg,male,1,Virgin Islands, British\n",
    )
    run = indexed("folder", root)
    assert run.tags("ai/a.jpg") == {
        "gender": "female",
        "age": 31.0,
        "country": "Haiti",
        "age_band": "30-39",
    }
    assert run.tags("ai/b.jpg") == {
        "gender": "male",
        "age": None,
        "country": "NA",
        "age_band": None,
    }
    # One faulty cell does not cost the row its other tags.
    assert run.tags("ai/c.jpg") == {
        "gender": "Non-binary",
        "age": None,
        "country": "Chad",
        "age_band": None,
    }
    assert run.tags("ai/d.JPG")["gender"] == "female"
    assert run.tags("ai/d.JPG")["country"] == "Chad"
    assert set(run.tags("ai/e.jpg").values()) == {None}
    assert run.report.notes == [
        "tags.csv: 'gender': 'FEMALE ' and 'Female' (2 rows) are read as 'female'.",
        "tags.csv: 'gender': 'man' (1 row) is read as 'male'.",
        "tags.csv: 'country': 'chad' (1 row) is read as 'Chad'.",
        "tags.csv: 'country' holds 'NA' 1 time and it is read as a value; if it means that the "
        "tag is missing, say --missing NA.",
    ]
    remarks = [(entry.file, entry.reason, entry.remedy) for entry in run.outcomes("remark")]
    assert remarks == [
        ("tags.csv", "fault in a tag file", "row 8: 5 cells, the header has 4"),
        (
            "tags.csv",
            "fault in a tag file",
            "row 5: a.jpg stands there twice; the first row was used",
        ),
        (
            "tags.csv",
            "fault in a tag file",
            "row 6: c.jpg: age: 'old' is not a number; left empty",
        ),
        (
            "tags.csv",
            "fault in a tag file",
            "row 7: d.jpg: age: 999 is no age in years (0 to 120); left empty",
        ),
        ("gone.jpg", "tag without image", "in tags.csv"),
        ("tags.csv", "image without tag", "1 image is not in it: no tags there"),
    ]
    assert run.manifest.info.tag_sources["country"] == {"folder": "as given in tags.csv"}


@pytest.mark.parametrize(
    ("encoding", "head", "told"),
    [
        ("utf-8-sig", "", []),
        ("utf-16", "sep=;\r\n", []),
        ("cp1252", "", ["tags.csv: The file is not UTF-8 text; it was read as Windows-1252"]),
    ],
)
def test_tags_csv_as_spreadsheets_write_it(tmp_path, indexed, encoding, head, told):
    root = plant(tmp_path / "set", "ai/é.jpg")
    text = f"{head}file;land\r\né.jpg;España, sur\r\n"
    (root / "tags.csv").write_bytes(text.encode(encoding))
    run = indexed("folder", root)
    assert run.tags("ai/é.jpg") == {"land": "España, sur"}
    assert [note.partition(" (")[0] for note in run.report.notes] == told


def test_words_that_mean_missing(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg", "ai/b.jpg")
    (root / "tags.csv").write_text("file,age,glasses\na.jpg,NA,None\nb.jpg,40,reading\n")
    run = indexed("folder", root, missing=["NA", "None"])
    assert run.tags("ai/a.jpg") == {"age": None, "glasses": None, "age_band": None}
    assert (run.report.notes, run.outcomes("remark")) == ([], [])
    with pytest.raises(FaceAuditError, match="--missing NA: UTKFace takes no such option"):
        indexed("utkface", root, missing=["NA"])


@pytest.mark.parametrize("dataset", ["folder", "generated-photos", "csv"])
def test_columns_that_mean_something_else_are_no_tags_and_said(tmp_path, indexed, dataset):
    root = plant(tmp_path / "set", "ai/a.jpg")
    extra = [name for name in FIXED_COLUMNS if name not in ("label", *CLUSTER_COLUMNS)]
    key = "path" if dataset == "csv" else "file"
    (root / "tags.csv").write_text(
        f"{key},label,gender,,{','.join(extra)}\nai/a.jpg,ai,f,x,{','.join('7' for _ in extra)}\n"
    )
    run = indexed(dataset, root)
    assert run.tags("ai/a.jpg") == {"gender": "female"}
    assert run.rows["ai/a.jpg"]["width"] == 24
    (taken,) = [note for note in run.report.notes if "are not read as tags" in note]
    assert all(f"'{name}'" in taken for name in extra)
    assert ("'label'" in taken) == (dataset != "csv")
    assert "tags.csv: a column without a name is not read." in run.report.notes


@pytest.mark.parametrize(("dataset", "key"), [("folder", "file"), ("csv", "path")])
def test_persons_and_videos_of_a_table_are_clusters_and_no_tags(tmp_path, indexed, dataset, key):
    root = plant(tmp_path / "set", "ai/a.jpg", "ai/b.png", "ai/c.jpg")
    (root / "tags.csv").write_text(
        f"{key},label,person,video,copy_of,mood\n"
        "ai/a.jpg,ai,007,v1,,glad\nai/b.png,ai, unknown,,ai/a.jpg,\nai/c.jpg,ai, ,v1,,\n"
    )
    run = indexed(dataset, root)
    assert tag_columns(run.manifest.table) == ["mood"]
    rows = [run.rows[f"ai/{name}"] for name in ("a.jpg", "b.png", "c.jpg")]
    assert [row["person"] for row in rows] == ["007", "unknown", None]
    assert [row["video"] for row in rows] == ["v1", None, "v1"]
    assert [row["copy_of"] for row in rows] == [None, "ai/a.jpg", None]
    assert [row["jpeg_table"] for row in rows] == ["quality 75", None, "quality 75"]
    assert run.manifest.info.tag_sources["person"] == {dataset: "as given in tags.csv"}
    assert any("'person' holds" in note and "--missing" in note for note in run.report.notes)


@pytest.mark.parametrize("dataset", ["folder", "csv", "fairface"])
def test_two_columns_of_one_name(tmp_path, indexed, dataset):
    root = plant(tmp_path / "set", "ai/a.jpg")
    name = "fairface_label_val.csv" if dataset == "fairface" else "tags.csv"
    (root / name).write_text("file,path,label,age,age\na.jpg,ai/a.jpg,ai,1,2\n")
    with pytest.raises(FaceAuditError, match=f"^{name}: two columns are called 'age'"):
        indexed(dataset, root)


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
