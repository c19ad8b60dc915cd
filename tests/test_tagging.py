"""Tags of another table, joined to scores: what is added, whose word it is, what is refused."""

import pyarrow as pa
import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ManifestInfo
from faceaudit.spec import parse_spec
from faceaudit.tables import concat_scores, read_scores, read_tags, write_table

SCORES = "image,p_ai\na.jpg,0.1\nb.jpg,0.9\nc.jpg,0.2\n"


def manifest(path, **columns):
    table = {
        "image": ["a.jpg", "b.jpg"],
        "label": ["real", "ai"],
        "dataset": ["lfw", "stylegan"],
        "glasses": ["none", "reading"],
    }
    info = ManifestInfo(
        datasets={
            "lfw": DatasetInfo(indexed=1, licence="none stated"),
            "stylegan": DatasetInfo(indexed=1),
        },
        tag_sources={"glasses": {"lfw": "estimated by people", "stylegan": "from the prompt"}},
    )
    return write_table(path, pa.table(table | columns), info)


def csv(path, text):
    path.write_text(text)
    return path


def test_a_manifest_brings_labels_data_sets_and_whose_word_a_tag_is(tmp_path):
    tags = read_tags(manifest(tmp_path / "m.parquet"))
    scores = read_scores(csv(tmp_path / "s.csv", SCORES), tags=[tags])
    assert scores.table.select(["image", "label", "dataset", "glasses"]).to_pylist() == [
        {"image": "a.jpg", "label": "real", "dataset": "lfw", "glasses": "none"},
        {"image": "b.jpg", "label": "ai", "dataset": "stylegan", "glasses": "reading"},
    ]
    assert scores.info.tag_sources["glasses"] == {
        "lfw": "estimated by people",
        "stylegan": "from the prompt",
    }
    assert scores.info.datasets["lfw"].licence == "none stated"
    assert scores.info.unlabelled == {"s": 1}
    assert "s.csv: tags of m.parquet joined to 2 of 3 images (2 by path)." in scores.info.notes
    assert "s.csv: not in m.parquet: 1 image." in scores.info.notes


def test_what_no_table_of_tags_has_is_counted_over_several_files(tmp_path):
    tags = read_tags(manifest(tmp_path / "m.parquet"))
    one = read_scores(csv(tmp_path / "1.csv", "image,p_ai\na.jpg,0.1\nx.jpg,0.1\n"), tags=[tags])
    two = read_scores(csv(tmp_path / "2.csv", "image,p_ai\nb.jpg,0.9\ny.jpg,0.1\n"), tags=[tags])
    both = concat_scores([one, two])
    assert both.info.unlabelled == {"1": 1, "2": 1}
    for name in ("1.csv", "2.csv"):
        assert f"{name}: tags of m.parquet joined to 1 of 2 images (1 by path)." in both.info.notes
    spec = parse_spec("{name: s, title: S, question: Q, attributes: [glasses]}", "spec")
    rows = audit(both, spec).scores[0].rows
    assert (rows.read, rows.used) == (4, 2)
    assert [(left.n, left.by) for left in rows.left_out] == [
        (2, {"1": {"without a label": 1}, "2": {"without a label": 1}})
    ]


def test_what_the_scores_say_stays_and_the_difference_is_said(tmp_path):
    tags = read_tags(manifest(tmp_path / "m.parquet"))
    own = csv(tmp_path / "s.csv", "image,label,p_ai,glasses\na.jpg,real,0.1,sunglasses\n")
    scores = read_scores(own, tags=[tags])
    assert scores.table["glasses"].to_pylist() == ["sunglasses"]
    assert scores.info.tag_sources["glasses"] == {"lfw": "as given in s.csv"}
    assert (
        "s.csv: m.parquet has other values for 'glasses' in 1 row; "
        "those that were given before it were used."
    ) in scores.info.notes


def test_another_label_is_refused(tmp_path):
    tags = read_tags(manifest(tmp_path / "m.parquet"))
    own = csv(tmp_path / "s.csv", "image,label,p_ai\nb.jpg,real,0.1\n")
    with pytest.raises(FaceAuditError, match=r"row 1: 'b.jpg' is real here and ai in .*m.parquet"):
        read_scores(own, tags=[tags])


def test_names_of_the_users_data_sets_stay(tmp_path):
    tags = read_tags(manifest(tmp_path / "m.parquet", dataset=["mine", "mine"]))
    own = csv(tmp_path / "s.csv", "image,dataset,label,p_ai\na.jpg,mine,real,0.1\n")
    scores = read_scores(own, tags=[tags])
    assert scores.table["dataset"].to_pylist() == ["mine"]
    said = "estimated by people; from the prompt"
    assert scores.info.tag_sources["glasses"] == {"mine": said}


def test_one_mapping_serves_files_that_have_our_names_already(tmp_path):
    mapping = {"image": "file"}
    tags = read_tags(manifest(tmp_path / "m.parquet"), mapping)
    own = csv(tmp_path / "s.csv", "file,p_ai\na.jpg,0.1\n")
    assert read_scores(own, mapping, tags=[tags]).table["label"].to_pylist() == ["real"]
    with pytest.raises(FaceAuditError, match="--map image=file: there is no column 'file'"):
        read_scores(csv(tmp_path / "t.csv", SCORES), mapping, tags=[tags])


def test_several_tables_each_give_what_those_before_lack(tmp_path):
    # Neither the scores nor the first table name a data set; the second does for one image.
    first = csv(tmp_path / "first.csv", "image,label,glasses\na.jpg,real,none\nb.jpg,ai,\n")
    second = csv(
        tmp_path / "second.csv",
        "image,label,dataset,glasses\nb.jpg,ai,lfw,reading\nc.jpg,real,lfw,sun\na.jpg,real,,sun\n",
    )
    scores = read_scores(
        csv(tmp_path / "s.csv", SCORES), tags=[read_tags(first), read_tags(second)]
    )
    assert scores.table.select(["dataset", "glasses"]).to_pylist() == [
        {"dataset": "s", "glasses": "none"},
        {"dataset": "lfw", "glasses": "reading"},
        {"dataset": "lfw", "glasses": "sun"},
    ]
    assert scores.info.tag_sources["glasses"] == {
        "s": "as given in first.csv",
        "lfw": "as given in first.csv; as given in second.csv",
    }
    assert any("other values for 'glasses' in 1 row" in note for note in scores.info.notes)


def test_an_empty_cell_says_nothing_and_both_words_are_named(tmp_path):
    path = csv(tmp_path / "s.csv", "image,label,p_ai,group\na,real,0.1,x\nb,ai,0.9,\nc,ai,1,\n")
    tags = read_tags(csv(tmp_path / "t.csv", "image,group\na,x\nb,y\n"))
    scores = read_scores(path, tags=[tags])
    assert scores.table["group"].to_pylist() == ["x", "y", None]
    assert scores.info.tag_sources["group"] == {"s": "as given in s.csv; as given in t.csv"}


def test_one_value_written_in_two_ways_is_no_other_value(tmp_path):
    path = csv(tmp_path / "s.csv", "image,label,p_ai,age,gender\na,real,0.1,30,Female\n")
    tags = read_tags(csv(tmp_path / "t.csv", "image,age,gender\na,30.0,female\n"))
    assert not any("other values" in note for note in read_scores(path, tags=[tags]).info.notes)


def test_a_fault_of_the_tags_is_named_by_their_file(tmp_path):
    with pytest.raises(FaceAuditError, match=r"t\.csv: column 'age', row 2: 999 is no age"):
        read_tags(csv(tmp_path / "t.csv", "image,age\na,30\nb,999\n"))


def test_codes_of_the_tags_are_read_as_the_user_says(tmp_path):
    path = csv(tmp_path / "t.csv", "image,label\na.jpg,0\nb.jpg,1\nc.jpg,0\n")
    with pytest.raises(FaceAuditError, match="--ai-label 1"):
        read_tags(path)
    tags = read_tags(path, ai_label=["1"])
    words = read_tags(csv(tmp_path / "w.csv", "image,label\na.jpg,real\n"), ai_label=["1"])
    scores = read_scores(csv(tmp_path / "s.csv", SCORES), tags=[tags, words])
    assert scores.table["label"].to_pylist() == ["real", "ai", "real"]


def test_an_image_with_several_rows_is_said_to_have_them(tmp_path):
    scores = csv(tmp_path / "s.csv", "image,label,p_ai\na,real,0.1\nb,ai,0.9\n")
    tags = read_tags(csv(tmp_path / "t.csv", "image,group\na,x\nb,y\nb,z\n"))
    notes = read_scores(scores, tags=[tags]).info.notes
    assert "s.csv: not in t.csv: 1 image, of which 1 more than once." in notes
    twice = read_tags(csv(tmp_path / "u.csv", "image,group\nb,y\nb,z\n"))
    with pytest.raises(FaceAuditError, match="of these 1 there more than once"):
        read_scores(scores, tags=[twice])


def test_a_table_without_a_row_is_named(tmp_path):
    with pytest.raises(FaceAuditError, match=r"t\.csv: the table has no rows"):
        read_tags(csv(tmp_path / "t.csv", "image,group\n"))


def test_a_manifest_brings_clusters_and_delivery(tmp_path):
    columns = {
        "person": ["Ada", None],
        "copy_of": [None, "b.jpg"],
        "jpeg_table": ["quality 75"] * 2,
    }
    path = manifest(tmp_path / "m.parquet", **columns)
    scores = read_scores(csv(tmp_path / "s.csv", SCORES), tags=[read_tags(path)])
    assert scores.table.select(list(columns)).to_pydict() == columns
    assert "person" in scores.info.tag_sources and "jpeg_table" not in scores.info.tag_sources
