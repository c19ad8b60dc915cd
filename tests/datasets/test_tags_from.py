"""``--tags-from``: the file that was named is used, or refused; never ignored."""

from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant
from tests.datasets.test_fuzz import LAYOUTS

#: Data set -> a table of a name of the user's own, and a tag that the first image gets from it;
#: None where no such table can be used.
NAMED = {
    "ai-face": ("Image Path,Gender,Age,Skin Tone,Target\nGAN/0.jpg,1,5,10,1\n", "Monk 10"),
    "csv": ("path,label,mood\n0.jpg,real,glad\n", "glad"),
    "fairface": ("file,age,gender,race\nval/0.jpg,03-Sep,Male,White\n", "3-9"),
    "folder": ("file,mood\n0.jpg,glad\n", "glad"),
    "generated-photos": ("file,mood\n0.jpg,glad\n", "glad"),
    "casual-conversations-v2": (
        '[{"video_name": "0000_tamil_scripted_1.mp4", "gender": "glad"}]',
        "glad",
    ),
    "deepfakebench": ('{"A": {"A_fake": {"x": {"v": {"frames": ["v/0.jpg"]}}}}}', "A_fake"),
    **dict.fromkeys(("celeba", "ffhq", "lag", "lfw", "one-million-fake-faces", "real-and-fake")),
    **dict.fromkeys(("fhibe", "faceforensics", "celeb-df", "genimage")),
    "utkface": None,
}


def test_every_data_set_is_here():
    assert set(NAMED) == set(LAYOUTS)


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("dataset", NAMED)
def test_the_file_that_was_named_is_used_or_refused(dataset, below, tmp_path, indexed):
    layout = LAYOUTS[dataset]
    root = plant(tmp_path / "set", layout.name(0))
    text, tag = NAMED[dataset] or ("file,mood\n0.jpg,glad\n", None)
    named = (root if below else tmp_path) / "labels.csv"
    named.write_text(text)
    if tag is None:
        with pytest.raises(
            FaceAuditError, match=r"^--tags-from .*labels\.csv: .* reads no tag file"
        ):
            indexed(dataset, root, tags_from=named, **layout.options)
    else:
        run = indexed(dataset, root, tags_from=named, **layout.options)
        assert tag in run.tags(layout.name(0)).values()


@pytest.mark.parametrize("dataset", [name for name, table in NAMED.items() if table])
@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "file,path,Image Path\n"])
def test_a_named_file_that_cannot_be_used_is_refused(dataset, text, tmp_path, indexed):
    root = plant(tmp_path / "set", LAYOUTS[dataset].name(0))
    named = tmp_path / "labels.csv"
    named.write_text(text)
    with pytest.raises(FaceAuditError, match=r"^\S+labels\.csv: "):
        indexed(dataset, root, tags_from=named)


def test_tables_that_lie_there_unread_are_said(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg")
    for name in ("labels.csv", "set/tags.csv", "set/x.tsv", "set/y.csv", "set/z.csv"):
        (tmp_path / name).write_text("file,mood\na.jpg,glad\n")
    run = indexed("folder", root, tags_from=tmp_path / "labels.csv")
    assert run.report.notes == ["Not read: tags.csv, x.tsv, y.csv and 1 more."]


def test_a_spreadsheet_is_refused(tmp_path, indexed):
    named = tmp_path / "labels.xlsx"
    named.write_bytes(b"PK\3\4\0\0")
    with pytest.raises(FaceAuditError, match=r"labels\.xlsx: tag files are text; save it as CSV$"):
        indexed("folder", plant(tmp_path / "set", "ai/a.jpg"), tags_from=named)


@pytest.mark.parametrize("dataset", ["celeba", "ffhq", "lfw", "folder"])
def test_a_folder_of_tag_files_is_used_or_refused(dataset, tmp_path, indexed):
    layout = LAYOUTS[dataset]
    root = plant(tmp_path / "set", layout.name(0))
    named = tmp_path / "tables"
    for name, text in layout.tables.items():
        path = named / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = indexed(dataset, root, tags_from=named)
    assert any(value is not None for value in run.tags(layout.name(0)).values())
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(FaceAuditError, match="there is no table and no text in it"):
        indexed(dataset, root, tags_from=other)
    (other / "note.txt").write_text("nothing")
    with pytest.raises(FaceAuditError, match="reads no tag file"):
        indexed(dataset, root, tags_from=other)


def test_a_table_that_names_none_of_the_images_is_refused_or_said(tmp_path, indexed):
    root = plant(tmp_path / "set", "ai/a.jpg")
    for name in ("labels.csv", "set/tags.csv"):
        (tmp_path / name).write_text("file,mood\nset/ai/a.jpg,glad\n")
    told = "names none of the images, but for example 'set/ai/a.jpg'"
    with pytest.raises(FaceAuditError, match=f"labels.csv {told}; an image here is 'ai/a.jpg'$"):
        indexed("folder", root, tags_from=tmp_path / "labels.csv")
    assert indexed("folder", root).report.notes == [f"tags.csv {told}: no tags come from it."]


@pytest.mark.parametrize("dataset", [name for name, layout in LAYOUTS.items() if layout.tables])
def test_an_ending_in_capitals_finds_its_row(dataset, tmp_path, indexed):
    layout = LAYOUTS[dataset]
    name = layout.name(0).removesuffix(".jpg") + ".JPG"
    root = plant(tmp_path / "set", name)
    for table, text in layout.tables.items():
        path = root / table
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = indexed(dataset, root)
    assert any(value is not None for tag, value in run.tags(name).items() if tag != "person")
