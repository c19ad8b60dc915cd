import json

import pytest

from tests.datasets.planted import plant

ADA, BOB = "9ec2ab4d-8b28", "c7f4a3fa-af5e"
PERSON = {
    "subject_id": ADA,
    "consent": True,
    "age": 34,
    "pronoun": ["0. She/her/hers"],
    "ancestry": ["11. Asia", "15. Southern Asia", "17. Europe"],
    "natural_skin_color": "2. [164, 131, 103]",
    "apparent_skin_color": "5. [198, 180, 157]",
    "apparent_hair_type": "3. Curly",
    "facial_hairstyle": ["0. None"],
}
PICTURE = {"location_country": "Kenya", "scene": "12. Indoor: Home or hotel"}
TAGS = {
    "age": 34.0,
    "age_band": "30-39",
    "pronoun": "She/her/hers",
    "ancestry": "Asia + Europe",
    "ancestry_subregion": "Southern Asia",
    "skin_type": "type IV",
    "apparent_skin_type": "type I",
    "hair_type": "Curly",
    "facial_hair": "none",
    "country": "Kenya",
    "person": ADA,
}


def annotate(folder, image, *people):
    held = {"image_annotation": PICTURE, "subject_annotation": list(people)}
    (folder / f"main_annos_{image}.json").write_text(json.dumps(held))


@pytest.fixture
def root(tmp_path):
    """One photograph in all its forms, as the archive has it."""
    folder = tmp_path / "fhibe_downsampled" / ADA / "p1"
    names = [f"faces_crop_and_align_p1_{ADA}", f"faces_crop_only_p1_{ADA}", "main_p1"]
    plant(folder, *(f"{name}.png" for name in names))
    for name in names[:2]:
        (folder / f"{name.replace('_p1_', '_annos_p1_')}.json").write_text("{}")
    annotate(folder, "p1", PERSON)
    return tmp_path / "fhibe_downsampled"


def test_what_people_say_of_themselves(root, indexed):
    run = indexed("fhibe", root)
    aligned = f"{ADA}/p1/faces_crop_and_align_p1_{ADA}.png"
    assert run.report.labels == {"real": 1}
    assert run.tags(aligned) == TAGS
    assert {reason for reason, _ in run.rejected.values()} == {"another form of a photograph"}
    assert len(run.rejected) == 2
    assert "self-reported" in run.manifest.info.tag_sources["ancestry"]["fhibe"]
    assert "faces_crop_and_align_" in run.manifest.info.datasets["fhibe"].note


def test_the_form_that_is_there(root, indexed):
    for path in root.rglob("faces_crop_*"):
        path.unlink()
    assert indexed("fhibe", root).tags(f"{ADA}/p1/main_p1.png") == TAGS


def test_of_two_people_only_what_holds_for_both(root, indexed):
    for path in root.rglob("faces_crop_*"):
        path.unlink()
    other = PERSON | {"subject_id": BOB, "age": 21, "pronoun": ["1. He/him/his"]}
    annotate(root / ADA / "p1", "p1", PERSON, other)
    run = indexed("fhibe", root)
    tags = run.tags(f"{ADA}/p1/main_p1.png")
    differ = {"age": None, "age_band": None, "pronoun": None}
    assert tags == TAGS | differ
    assert "1 of the photographs show several people" in run.manifest.info.datasets["fhibe"].note


def test_each_face_of_a_photograph_has_its_own_tags(root, indexed):
    plant(root / ADA / "p1", f"faces_crop_and_align_p1_{BOB}.png", start=9)
    annotate(root / ADA / "p1", "p1", PERSON, PERSON | {"subject_id": BOB, "age": 21})
    run = indexed("fhibe", root)
    found = {row["person"]: row["age"] for row in run.rows.values()}
    assert found == {ADA: 34.0, BOB: 21.0}


def test_faults_are_told_and_nothing_is_guessed(root, indexed):
    folder = root / ADA / "p1"
    odd = {
        "pronoun": ["5. Prefer not to say"],
        "natural_skin_color": "6. [0, 0, 0]",
        "age": "young",
        "facial_hairstyle": ["3. Goatee", "2. Mustache"],
    }
    annotate(folder, "p1", PERSON | odd)
    plant(folder.parent, f"p2/faces_crop_and_align_p2_{ADA}.png", "p2/0001.png", start=5)
    plant(folder.parent, f"p3/faces_crop_and_align_p3_{ADA}.png", start=8)
    (folder.parent / "p3" / "main_annos_p3.json").write_text('{"image_annotation": ')
    run = indexed("fhibe", root)
    tags = run.tags(f"{ADA}/p1/faces_crop_and_align_p1_{ADA}.png")
    assert (tags["pronoun"], tags["skin_type"], tags["age"]) == (None, None, None)
    assert tags["facial_hair"] == "beard"
    remarks = [(entry.file, entry.reason) for entry in run.outcomes("remark")]
    assert sorted(remarks) == [
        ("main_annos_p1.json", "fault in a tag file"),
        ("main_annos_p1.json", "fault in a tag file"),
        ("main_annos_p2.json", "image without tag"),
        ("main_annos_p3.json", "fault in a tag file"),
    ]
    assert run.tags(f"{ADA}/p3/faces_crop_and_align_p3_{ADA}.png")["person"] == ADA
    assert run.rejected[f"{ADA}/p2/0001.png"][0] == "malformed name"


@pytest.mark.parametrize("consent", [False, None, "withdrawn"])
def test_without_consent_a_photograph_is_left_out(root, indexed, consent):
    plant(root / ADA, f"p2/faces_crop_and_align_p2_{ADA}.png", start=5)
    annotate(root / ADA / "p2", "p2", PERSON | {"consent": consent})
    run = indexed("fhibe", root)
    assert run.rejected[f"{ADA}/p2/faces_crop_and_align_p2_{ADA}.png"][0] == "no consent"
    assert run.report.indexed == 1
