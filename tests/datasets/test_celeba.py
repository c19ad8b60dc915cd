from __future__ import annotations

import pytest

from faceaudit.datasets import index
from faceaudit.errors import FaceAuditError
from tests.datasets.planted import plant

ATTRIBUTES = (
    "3\n"
    "Eyeglasses Heavy_Makeup Male Mustache No_Beard Goatee Oval_Face Young Chubby Pale_Skin\n"
    "000001.jpg -1  1 -1 -1  1 -1  1  1 -1  1\n"
    "000002.jpg  1 -1  1  1  1 -1 -1 -1  1 -1\n"
    "000009.jpg  1 -1  1 -1 -1 -1 -1 -1 -1 -1\n"
)
FIRST = {
    "gender": "female",
    "glasses": "none",
    "makeup": "heavy",
    "facial_hair": "none",
    "young": "yes",
    "oval_face": "yes",
    "chubby": "no",
    "pale_skin": "yes",
}


@pytest.fixture
def root(tmp_path):
    names = [f"img_align_celeba/{number:06d}.jpg" for number in (1, 2, 3)]
    return plant(tmp_path / "celeba", *names)


def test_attributes_and_partition(root, indexed):
    (root / "list_attr_celeba.txt").write_text(ATTRIBUTES)
    (root / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 2\n000003.jpg 7\n")
    run = indexed("celeba", root)
    assert run.tags("img_align_celeba/000001.jpg") == FIRST | {"split": "train"}
    second = run.tags("img_align_celeba/000002.jpg")
    assert (second["glasses"], second["facial_hair"], second["split"]) == (
        "any",
        "moustache",
        "test",
    )
    remarks = [(entry.reason, entry.file) for entry in run.outcomes("remark")]
    assert remarks == [
        ("tag without image", "000009.jpg"),
        ("fault in a tag file", "list_eval_partition.txt"),
        ("image without tag", "list_attr_celeba.txt, list_eval_partition.txt"),
    ]
    assert "human annotation" in run.manifest.info.tag_sources["glasses"]["celeba"]


def test_csv_copies_and_png_files(tmp_path, indexed):
    root = plant(tmp_path / "celeba", "img_align_celeba_png/000001.png")
    lines = [line.split() for line in ATTRIBUTES.splitlines()[1:]]
    table = "\n".join([",".join(["image_id", *lines[0]]), *map(",".join, lines[1:])])
    (root / "list_attr_celeba.csv").write_text(table)
    (root / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,1\n")
    run = indexed("celeba", root)
    expected = FIRST | {"split": "validation"}
    assert run.tags("img_align_celeba_png/000001.png") == expected


@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_identities_are_persons(root, indexed, ending):
    lines = ["000001.jpg 2880", "000002.jpg 2880", "000003.jpg ?", "000004.jpg"]
    if ending == "csv":
        lines = ["image_id identity", *lines]
    text = "\n".join(line.replace(" ", "," if ending == "csv" else " ") for line in lines)
    (root / f"identity_CelebA.{ending}").write_text(text + "\n")
    run = indexed("celeba", root)
    persons = [run.rows[f"img_align_celeba/00000{n}.jpg"]["person"] for n in (1, 2, 3)]
    assert persons == ["2880", "2880", None] and run.manifest.tags == []
    assert "by the publishers" in run.manifest.info.tag_sources["person"]["celeba"]
    faults = [e.remedy for e in run.ledger if e.reason == "fault in a tag file"]
    assert any("identity '?' is no number" in fault for fault in faults) and len(faults) == 2


@pytest.mark.parametrize("text", ["", "000001.jpg\n", "<html>\n<p>404</p>\n", ATTRIBUTES])
def test_an_identity_file_without_an_identity_is_refused(root, tmp_path, text):
    (root / "identity_CelebA.txt").write_text(text)
    told = r"^identity_CelebA.txt: .*; fetch it again, or take it away to index the photographs"
    with pytest.raises(FaceAuditError, match=told) as caught:
        index("celeba", root, tmp_path / "m.parquet")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m.parquet").exists()


@pytest.mark.real_data
def test_the_real_folder(real_data, indexed):
    run = indexed("celeba", real_data / "celeba")
    assert (run.report.found, run.report.indexed) == (1500, 1500)
    assert [entry.reason for entry in run.ledger] == ["missing tag file"]
    assert None not in run.manifest.table["gender"].to_pylist()


@pytest.mark.real_data
def test_the_real_attribute_file(real_data, tmp_path, indexed):
    """500 rows of the publisher's file, which belong to other images."""
    root = plant(tmp_path / "celeba", "000001.jpg", "000500.jpg")
    text = (real_data / "celeba" / "list_attr_celeba.sample.txt").read_text()
    (root / "list_attr_celeba.txt").write_text(text)
    run = indexed("celeba", root)
    assert None not in run.tags("000001.jpg").values()
    unused = [entry for entry in run.ledger if entry.reason == "tag without image"]
    assert len(unused) == 101
    assert unused[-1].remedy == "and 398 further rows"
    assert run.report.remarks["tag without image"] == 498


def test_remarks_that_one_line_sums_up_are_all_counted(tmp_path, indexed):
    root = plant(tmp_path / "celeba", "000001.jpg")
    rows = "\n".join(f"{number:06d}.jpg 1" for number in range(1, 252))
    (root / "list_attr_celeba.txt").write_text(f"251\nMale\n{rows}\n")
    run = indexed("celeba", root)
    assert len(run.outcomes("remark")) < 150
    assert run.report.remarks["tag without image"] == 250
