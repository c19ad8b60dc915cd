"""What a table may hold, and how wrong ones are refused."""

from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.reading.meaning import ScoreIs
from faceaudit.schema import (
    LABELS,
    DatasetInfo,
    ManifestInfo,
    ModelInfo,
    ScoresInfo,
    tag_columns,
)
from faceaudit.spec import parse_spec
from faceaudit.tables import Scores, concat_scores, read_manifest, read_scores, scored, write_table


def scores_table(**columns):
    base = {
        "image": ["a.jpg", "b.jpg", "ü.jpg"],
        "label": ["real", "ai", "real"],
        "dataset": ["d", "d", "d"],
        "p_ai": pa.array([0.1, 0.9, None], pa.float32()),
        "status": ["ok", "ok", "unreadable"],
        "age": pa.array([3.0, None, 71.0], pa.float32()),
        "age_band": ["3-9", None, "70+"],
    }
    return pa.table(base | columns)


INFO = ScoresInfo(
    datasets={"d": DatasetInfo(indexed=3)},
    tag_sources={"age": {"d": "file name"}, "age_band": {"d": "derived from age"}},
    model=ModelInfo(id="m", threshold=0.4),
)


def test_round_trip_keeps_rows_and_metadata(tmp_path):
    path = write_table(tmp_path / "deep" / "s.parquet", scores_table(), INFO)
    read = read_scores(path)
    assert read.info.model_dump() == INFO.model_dump()
    assert read.table.equals(scores_table())
    assert scored(read).num_rows == 2
    assert [p.name for p in path.parent.iterdir()] == ["s.parquet"]


def test_nothing_is_written_when_a_row_is_wrong(tmp_path):
    path = tmp_path / "s.parquet"
    path.write_bytes(b"before")
    with pytest.raises(FaceAuditError, match="column 'label', row 2: 'fake' is neither"):
        write_table(path, scores_table(label=["real", "fake", "real"]), INFO)
    assert path.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"p_ai": pa.array([0.1, 1.5, 0.2])}, "column 'p_ai', row 2: 1.5 is not a probability"),
        ({"attention": pa.array([bytes(16), b"abc", None])}, "'attention', row 2: b'abc' is not"),
        (
            {"attention": pa.array([None, None, b""])},
            "'attention', row 3: b'' is not a square",
        ),
        (
            {"p_ai": pa.array([np.nan, 0.5, 0.2])},
            "column 'p_ai', row 1: the cell is empty although status is 'ok'",
        ),
        ({"p_ai": pa.array([-0.1, 0.5, 0.2])}, "column 'p_ai', row 1"),
        ({"image": ["a.jpg", None, "c"]}, "column 'image', row 2: the cell is empty"),
        ({"image": ["a.jpg", "b", "a.jpg"]}, "row 3: 'a.jpg' stands there twice"),
        ({"status": ["ok", "ok", "ok"]}, "column 'p_ai', row 3: the cell is empty although"),
        ({"width": ["1", "2", "wide"]}, "column 'width', row 3: 'wide' is not a whole number"),
    ],
)
def test_first_wrong_cell_is_named(tmp_path, columns, message):
    path = tmp_path / "s.parquet"
    table = scores_table(**columns).replace_schema_metadata(
        {b"faceaudit": INFO.model_dump_json().encode()}
    )
    pq.write_table(table, path)
    with pytest.raises(FaceAuditError, match=message) as refused:
        read_scores(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_same_name_in_two_data_sets_is_two_images(tmp_path):
    table = scores_table(image=["a", "a", "b"], dataset=["d", "e", "d"])
    assert read_scores(write_table(tmp_path / "s.parquet", table, INFO)).table.num_rows == 3


def test_wrong_kind_and_version_are_said(tmp_path):
    manifest = scores_table().drop_columns(["p_ai", "status"])
    path = write_table(tmp_path / "m.parquet", manifest, ManifestInfo())
    assert read_manifest(path).tags == ["age", "age_band"]
    with pytest.raises(FaceAuditError, match="is a manifest; scores are needed"):
        read_scores(path)
    old = manifest.replace_schema_metadata(
        {b"faceaudit": b'{"kind":"manifest","schema_version":0}'}
    )
    pq.write_table(old, path)
    with pytest.raises(FaceAuditError, match="schema version 0"):
        read_manifest(path)
    pq.write_table(manifest.replace_schema_metadata({b"faceaudit": b"[1"}), path)
    with pytest.raises(FaceAuditError, match="damaged file metadata"):
        read_manifest(path)


@pytest.mark.parametrize("name", ["image", "label", "dataset", "p_ai", "gender"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "memory"])
def test_a_cell_that_is_too_long_is_named_where_its_column_is_needed(tmp_path, name, kind):
    columns = {of: ["a", "b", "x" * 5_000] for of in ("gender", "caption")}
    columns = scores_table(**columns).drop_columns(["age", "age_band", "status"]).to_pydict()
    table = pa.table(columns | {name: ["a", "b", "x" * 5_000]})
    path = tmp_path / f"s.{kind}"
    if kind == "csv":
        pa_csv.write_csv(table, path)
    elif kind == "parquet":
        pq.write_table(table, path)
    given = table if kind == "memory" else path
    mapping = {"sex": "gender"} if name == "gender" else {}
    with pytest.raises(
        FaceAuditError, match=f"column '{name}' cannot be read: the cell of row 3 has more than"
    ):
        read_scores(given, mapping)


def test_a_column_that_another_stands_for_need_not_be_read(tmp_path):
    table = scores_table(path=["a", "b", "c"], image=[["pixels"]] * 3)
    pq.write_table(table, tmp_path / "s.parquet")
    read = read_scores(tmp_path / "s.parquet", {"image": "path"})
    assert read.table["image"].to_pylist() == ["a", "b", "c"]


def test_a_bit_that_was_turned_is_never_another_score(tmp_path):
    """On a disk or on the way, in any byte of the cells, be they too random to be compressed."""
    random = np.random.default_rng(0)
    hashes = [random.bytes(32).hex() for _ in range(3)]
    path = write_table(tmp_path / "s.parquet", scores_table(sha256=hashes), INFO)
    sound, content = read_scores(path).table, path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    refused = 0
    for place in range(4, len(content) - footer):
        turned = bytearray(content)
        turned[place] ^= 1 << place % 8
        path.write_bytes(turned)
        try:
            assert read_scores(path).table.equals(sound), place
        except FaceAuditError as error:
            assert "not a readable table" in str(error)
            refused += 1
    assert refused > (len(content) - footer) // 2


def test_unreadable_files(tmp_path):
    with pytest.raises(FaceAuditError, match="no such file"):
        read_scores(tmp_path / "none.parquet")
    with pytest.raises(FaceAuditError, match="no such file"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "x.parquet").write_text("not parquet")
    with pytest.raises(FaceAuditError, match="it does not begin as Parquet does"):
        read_scores(tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("")
    with pytest.raises(FaceAuditError, match="no header line"):
        read_scores(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text("image,label,p_ai\n")
    with pytest.raises(FaceAuditError, match="no rows"):
        read_scores(tmp_path / "y.csv")


def test_csv_from_elsewhere(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(
        "file,truth,score,age,group,flag\na.jpg,real,0.25,2,01,true\nb.jpg,ai,1,35.5,NA,false\n"
    )
    read = read_scores(path, {"image": "file", "label": "truth", "p_ai": "score"})
    assert read.table["p_ai"].to_pylist() == [0.25, 1.0]
    assert read.table["group"].to_pylist() == ["01", "NA"]
    assert read.table["flag"].to_pylist() == ["true", "false"]
    assert read.table["age_band"].to_pylist() == ["0-2", "30-39"]
    assert read.table["dataset"].to_pylist() == ["other", "other"]
    assert read.info.tag_sources["age_band"] == {"other": "derived from age"}
    assert read.info.tag_sources["group"] == {"other": "as given in other.csv"}


@pytest.mark.parametrize(
    ("text", "mapping", "message"),
    [
        ("image,label\na,real\n", {}, "column 'p_ai' is missing; name yours with --map p_ai="),
        ("image,label,p_ai\na,real,x\n", {}, "column 'p_ai', row 1: 'x' is not a number"),
        ("image,label,p_ai\na,real,\n", {}, None),
        ("image,label,s\na,real,1\n", {"p_ai": "t"}, "--map p_ai=t: there is no column 't'"),
        ("image,label,p_ai,age\na,real,1,old\n", {}, "column 'age', row 1: 'old' is not a number"),
        ("image,label,p_ai\na,real,1,5\n", {}, "Expected 3 columns, got 4"),
    ],
)
def test_csv_errors(tmp_path, text, mapping, message):
    path = tmp_path / "s.csv"
    path.write_text(text)
    if message is None:
        assert read_scores(path).table["status"].to_pylist() == ["unscored"]
        return
    with pytest.raises(FaceAuditError) as refused:
        read_scores(path, mapping)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_concat_adds_counts_and_refuses_other_classifiers(tmp_path):
    one = read_scores(write_table(tmp_path / "1.parquet", scores_table(), INFO))
    table = scores_table(image=["x", "y", "z"], dataset=["e"] * 3)
    info = INFO.model_copy(update={"datasets": {"e": DatasetInfo(indexed=3)}, "tag_sources": {}})
    two = read_scores(write_table(tmp_path / "2.parquet", table, info))
    joined = concat_scores([one, two])
    assert joined.table.num_rows == 6
    assert set(joined.info.datasets) == {"d", "e"}
    with pytest.raises(FaceAuditError, match="stands there twice"):
        concat_scores([one, one])
    other = INFO.model_copy(update={"model": ModelInfo(id="n")})
    three = read_scores(write_table(tmp_path / "3.parquet", table, other))
    with pytest.raises(FaceAuditError, match="2 different classifiers"):
        concat_scores([one, three])


def test_numbers_of_any_type_are_read(tmp_path):
    table = scores_table(
        p_ai=pa.array([0.1, np.nan, None], pa.float64()), width=pa.array([2.0, None, 3.0])
    ).drop_columns(["status"])
    pq.write_table(table, tmp_path / "s.parquet")
    read = read_scores(tmp_path / "s.parquet").table
    assert read["status"].to_pylist() == ["ok", "unscored", "unscored"]
    assert read["width"].to_pylist() == [2, None, 3]
    pq.write_table(
        table.set_column(table.column_names.index("width"), "width", pa.array([2.5, 1, 1])),
        tmp_path / "s.parquet",
    )
    with pytest.raises(FaceAuditError, match=r"column 'width', row 1: 2\.5 is not a whole number"):
        read_scores(tmp_path / "s.parquet")


@pytest.mark.parametrize(
    ("cells", "message"),
    [(["0,5", "0.7"], "row 1: '0,5' is not a number"), (["-1", "0"], "--score-is logit")],
)
def test_scores_that_are_none(tmp_path, cells, message):
    rows = [f'{i},{label},"{p}"' for i, (label, p) in enumerate(zip(LABELS, cells, strict=True))]
    (tmp_path / "s.csv").write_text("\n".join(["image,label,p_ai", *rows]))
    with pytest.raises(FaceAuditError, match=message):
        read_scores(tmp_path / "s.csv")


def test_a_word_for_missing_is_none_in_the_key(tmp_path):
    (tmp_path / "s.csv").write_text("image,label,p_ai,hat\nNA,real,0.1,NA\nb,ai,0.9,cap\n")
    read = read_scores(tmp_path / "s.csv", missing=["NA"]).table
    assert read["image"].to_pylist() == ["NA", "b"]
    assert read["hat"].to_pylist() == [None, "cap"]


def test_a_specification_may_say_what_is_missing(tmp_path):
    spec = parse_spec(
        "{name: s, title: S, question: Q, attributes: [age_band], missing: [999]}", "spec"
    )
    assert spec.missing == ["999"]


def test_kinds_of_scores_are_those_of_the_command_line():
    (option,) = (o for o in main.commands["audit"].params if o.name == "score_is")
    assert tuple(option.type.choices) == get_args(ScoreIs)


def test_scores_that_are_no_percentages_are_suspected(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("image,label,p_ai\na,real,0.2\nb,ai,0.9\n")
    told = "s.csv: Scores: all are between 0 and 1; if they are probabilities, leave out --score-is"
    assert f"{told} percent." in read_scores(path, score_is="percent").info.notes
    path.write_text("image,label,p_ai\na,real,0.2\nb,ai,90\n")
    assert not any(told in note for note in read_scores(path, score_is="percent").info.notes)


@pytest.mark.parametrize("word", ["-999", "-999.0", " -999 "])
def test_a_number_that_means_missing_may_be_written_in_two_ways(tmp_path, word):
    (tmp_path / "s.csv").write_text("image,label,p_ai,yaw,id\na,real,0.2,-999.0,1\nb,ai,1,3,01\n")
    rows = read_scores(tmp_path / "s.csv", missing=[word, "1"]).table
    assert rows["yaw"].to_pylist() == [None, 3]
    # 01 is a name. A score of 1 is a word like any other.
    assert rows["id"].to_pylist() == [None, "01"]


def test_tables_that_may_not_belong_together_are_told(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("image,label,p_ai\nx.jpg,real,0.2\ny.jpg,ai,0.8\n")
    first, second = (read_scores(tmp_path / f"{name}.csv") for name in "ab")
    notes = concat_scores([first, second]).info.notes
    assert any(note.startswith("In more than one of the tables: 2 paths.") for note in notes)
    named = Scores(first.table, first.info.model_copy(update={"model": ModelInfo(id="m")}))
    notes = concat_scores([named, second]).info.notes
    assert any(note.startswith("1 of 2 tables names no classifier") for note in notes)


def test_clusters_are_names_and_no_tags(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(
        "image,label,p_ai,identity_id,video,group\n"
        "a.jpg,real,0.1,7,unknown,x\nb.jpg,real,0.2,7, ,x\nc.jpg,ai,0.9,,v,y\n"
    )
    scores = read_scores(path, {"person": "identity_id"})
    assert scores.table["person"].to_pylist() == ["7", "7", None]
    assert scores.table["video"].to_pylist() == ["unknown", None, "v"]
    assert tag_columns(scores.table) == ["group"]
    assert scores.info.tag_sources["person"] == {"s": "as given in s.csv"}
    assert any("'video' holds 'unknown'" in note for note in scores.info.notes)
    scores = read_scores(path, {"person": "identity_id"}, missing=["unknown"])
    assert scores.table["video"].to_pylist() == [None, None, "v"]


def test_a_person_that_was_a_tag_keeps_its_source(tmp_path):
    info = ScoresInfo(tag_sources={"person": {"d": "folder name"}})
    write_table(tmp_path / "s.parquet", scores_table(person=[3.0, None, 3.0]), info)
    scores = read_scores(tmp_path / "s.parquet")
    assert scores.table["person"].to_pylist() == ["3", None, "3"]
    assert scores.info.tag_sources["person"] == {"d": "folder name"}
