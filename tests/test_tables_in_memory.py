"""Tables in memory are read as files are: the same result, the same refusals."""

from __future__ import annotations

import inspect
import io
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

import faceaudit as fa
from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.tables import read_scores

pd = pytest.importorskip("pandas")
N = 600
#: Some of the checks: enough to tell, and quick.
FEW = {"attributes": ["gender", "hat"], "checks": ["group-error-rates", "equalized-odds-gap"]}


@pytest.fixture(scope="module")
def text():
    """Scores as CSV: foreign labels, an empty cell in two tags, numbers, a date."""
    random = np.random.default_rng(0)
    label = random.choice(["real", "fake"], N, p=[0.6, 0.4])
    p_ai = np.clip((label == "fake") * 0.6 + random.normal(0.2, 0.2, N), 0, 1).round(4)
    gender, hat = random.choice(["f", "m", ""], N), random.choice(["yes", "no", ""], N)
    age = random.integers(1, 90, N)
    rows = zip(label, p_ai, gender, hat, age, strict=True)
    lines = [f"d/{i}.jpg,{','.join(map(str, row))},2024-05-01" for i, row in enumerate(rows)]
    return "\n".join(["image,label,p_ai,gender,hat,age,taken", *lines]) + "\n"


@pytest.fixture
def frame(text):
    return pd.read_csv(io.StringIO(text))


def facts(result):
    """All of a result, a line each, but when it was made and from what."""
    told = json.dumps(result.model_dump(mode="json", exclude={"created", "inputs"}), indent=0)
    # The file is called as a table in memory is.
    return re.sub(r"the scores\.(csv|parquet)", "the scores", told).splitlines()


def polars_frame(frame):
    return pytest.importorskip("polars").from_pandas(frame)


@pytest.fixture
def kinds(text, frame):
    """The same table in every form, by name."""
    arrow = pa_csv.read_csv(
        io.BytesIO(text.encode()),
        convert_options=pa_csv.ConvertOptions(strings_can_be_null=True),
    )
    return {
        "pandas": frame,
        "polars": polars_frame(frame),
        "pyarrow": arrow,
        "categories": frame.astype({"gender": "category", "hat": "category"}),
        "dictionaries": arrow.set_column(3, "gender", arrow["gender"].dictionary_encode()),
        "polars' categories": polars_frame(frame.astype({"hat": "category"})),
        "arrays": {name: frame[name].to_numpy() for name in frame},
        "by image": frame.set_index("image"),
        "filtered": pd.concat([frame, frame]).iloc[:N].sort_index(),
    }


@pytest.mark.parametrize("spec", [FEW, None])
def test_a_table_in_memory_gives_the_result_of_its_file(tmp_path, text, kinds, spec):
    file = tmp_path / "the scores.csv"
    file.write_text(text)
    of_file = facts(fa.audit(file, spec))
    assert len(of_file) > 1_000
    for kind in ("pandas", "polars", "pyarrow") if spec else ("polars",):
        assert facts(fa.audit(kinds[kind], spec)) == of_file, kind


def test_every_kind_of_table_is_read_as_its_file_is(tmp_path, text, kinds):
    file = tmp_path / "the scores.csv"
    file.write_text(text)
    of_file = read_scores(file)
    for kind, table in kinds.items():
        read = read_scores(table)
        assert read.table.select(of_file.table.column_names).equals(of_file.table), kind
        told = of_file.info.model_dump_json().replace("the scores.csv", "the scores")
        assert read.info.model_dump_json() == told, kind


def test_a_table_that_faceaudit_wrote_keeps_what_it_says_of_itself(tmp_path):
    file = bundled.recorded_scores("with-ffhq")
    table = pq.read_table(file)
    held, read = read_scores(table), read_scores(file)
    told = read.info.model_dump_json().replace(file.name, "the scores")
    assert held.info.model_dump_json() == told
    assert held.info.model == read.info.model is not None
    assert held.table.equals(read.table)
    assert read_scores(read).info == read.info


REFUSED = {
    "one is no number": (
        lambda f: f.assign(p_ai=["0.5", "x", *f.p_ai[2:].map(str)]),
        "'x' is not a n",
    ),
    "text beside numbers": (
        lambda f: f.assign(hat=[None, 1, 2, "x", *[3] * (N - 4)]),
        "column 'hat', row 4: 'x' cannot be read (str beside cells of type int)",
    ),
    "object": (lambda f: f.assign(hat=[object()] * N), "column 'hat', row 1"),
    "out of range": (
        lambda f: f.assign(p_ai=[0.5, 0.5, 7, *f.p_ai[3:]]),
        "column 'p_ai', row 3: 7 is",
    ),
    "other heading": (lambda f: f.rename(columns={"p_ai": "prob"}), "mapping={'p_ai': 'prob'}"),
    "codes": (lambda f: f.assign(label=(f.label == "fake") * 1), "ai_label='1'"),
    "percent": (lambda f: f.assign(p_ai=f.p_ai * 100), "score_is='percent'"),
    "impossible age": (lambda f: f.assign(age=-7), "missing='-7'"),
    "two of one name": (lambda f: pd.concat([f, f.hat], axis=1), "two columns are called 'hat'"),
    "levels": (lambda f: pd.concat([f], axis=1, keys=["a"]), "its columns have 2 levels"),
    "no rows": (lambda f: f.head(0), "the table has no rows"),
    "lengths": (lambda f: {**f, "hat": ["a"]}, "column 'hat' has 1 rows and column 'image' 600"),
    "a text for a column": (lambda f: {**f, "hat": "abc"}, "column 'hat' is 'abc' and no array"),
    "two dimensions": (lambda f: {**f, "hat": np.zeros((N, 2))}, "'hat' has 2 dimensions"),
    "repeated": (lambda f: f.assign(image="a.jpg"), "'a.jpg' stands there twice"),
    "a series": (lambda f: f.hat, "Series is no table"),
    "a number": (lambda f: 3, "int is no table"),
    "nothing": (lambda f: [], "no scores were given"),
    "none": (lambda f: None, "no scores were given; give a table, or y_true and y_score"),
    "no such tag": (lambda f: f.drop(columns="gender"), "the tag 'gender'"),
}


def test_a_tag_in_the_place_of_a_list_of_tags_is_told_how(frame):
    with pytest.raises(FaceAuditError, match=r"gender: no such specification; give a list of tags"):
        fa.audit(frame, "gender")


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_understood_is_refused_in_one_line(frame, case):
    change, told = REFUSED[case]
    with pytest.raises(FaceAuditError) as refused:
        fa.audit(change(frame), ["gender"])
    message = str(refused.value)
    assert told in message
    assert "\n" not in message
    assert "--" not in message, "the options of the command line are named to no one who calls"


def test_unusual_columns_are_read_as_they_are_meant(frame):
    table = frame.assign(
        band=pd.cut(frame.age, [0, 30, 90]),
        month=pd.PeriodIndex(["2024-05"] * N, freq="M"),
        on=pd.arrays.SparseArray([0, 1] * (N // 2)),
        code=pd.array([1, None] * (N // 2), "Int64"),
        float_code=[1.0, np.nan] * (N // 2),
        flag=pd.array([True, None] * (N // 2), "boolean"),
        mixed=np.array(["a", None, np.nan, pd.NA, "b", ""] * (N // 6), object),
        when=pd.Timestamp("2024-05-01"),
        score=[np.float32(0.5)] * N,
        many=[[1, 2]] * N,
    )
    read = read_scores(table)
    rows = {name: read.table[name].to_pylist()[:6] for name in read.table.column_names}
    assert set(rows["band"]) <= {"(0, 30]", "(30, 90]"}
    assert rows["month"][0] == "2024-05"
    assert rows["on"] == [0, 1] * 3
    assert rows["code"] == rows["float_code"] == [1, None] * 3
    assert read.table["float_code"].type == pa.int64(), "a float makes no groups"
    assert rows["flag"] == [True, None] * 3
    assert rows["mixed"] == ["a", None, None, None, "b", None]
    assert rows["when"][0].startswith("2024-05-01")
    assert rows["score"][0] == 0.5
    assert "many" not in rows
    assert any("'many'" in note for note in read.info.notes)
    assert any("'mixed': ''" in note and "read as missing" in note for note in read.info.notes)


def test_tags_may_be_in_another_table(frame):
    tags = frame[["image", "gender"]]
    scores = frame.drop(columns="gender")
    joined = fa.audit(scores, FEW, tags=tags)
    assert any("tags of the tags joined to 600 of 600" in note for note in joined.limitations)
    assert facts(joined)[7] == facts(fa.audit(frame, FEW))[7]


def test_without_a_folder_nothing_is_written(frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fa.audit(frame, FEW)
    result = fa.compare(frame, frame.assign(p_ai=frame.p_ai**2), spec=["gender"])
    assert [of.name for of in result.scores] == ["classifier 1", "classifier 2"]
    assert [*tmp_path.iterdir()] == []
    fa.audit(frame, FEW, tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()


def test_one_table_may_hold_the_scores_of_several(frame):
    both = frame.assign(second=frame.p_ai**2)
    held = fa.compare(both, score_columns=["p_ai", "second"], spec=["gender"])
    apart = fa.compare(
        frame, frame.assign(p_ai=both.second), names=["p_ai", "second"], spec=["gender"]
    )
    assert held.verdict == apart.verdict
    with pytest.raises(FaceAuditError, match=r"score_columns=\['a', 'b'\]"):
        fa.compare(both)


def test_no_specification_asks_about_every_tag_and_says_so(frame):
    result = fa.audit(frame)
    assert result.spec["attributes"] == ["gender", "hat", "age_band"]
    (note,) = [of for of in result.limitations if of.startswith("No specification was given")]
    assert "(gender, hat, age_band)" in note
    assert "not compared: age, taken" in note


def test_the_gate_takes_a_result(frame, tmp_path):
    result = fa.audit(frame, FEW, tmp_path)
    assert fa.gate(result) == fa.gate(tmp_path / "audit.json")
    assert fa.gate(result, baseline=result).code == fa.gate(result).code
    compared = fa.compare(frame, frame.assign(p_ai=0.5), out=tmp_path, spec=FEW, no_worse_by=0.02)
    decision = fa.gate(compared)
    assert decision == fa.gate(tmp_path / "compare.json")
    assert decision.code == 1, "who is always in doubt calls every real photograph AI-generated"
    with pytest.raises(FaceAuditError, match="a comparison has its baseline"):
        fa.gate(compared, baseline=result)
    with pytest.raises(FaceAuditError, match="the result: of kind 'study'"):
        fa.gate(result.model_copy(update={"kind": "study"}))


def test_a_word_that_nobody_knows_is_refused(frame):
    with pytest.raises(TypeError, match="'cluster'"):
        fa.audit(frame, ["gender"], cluster="person")


# --- one where several may be --------------------------------------------------------------


def test_a_path_is_no_list_of_letters(tmp_path, text, monkeypatch):
    from tests.pictures import write_manifest

    monkeypatch.chdir(tmp_path)
    file = tmp_path / "s.csv"
    file.write_text(text.replace("fake", "1").replace("real", "0"))
    (tmp_path / "tags.csv").write_text("image,eyes\nd/0.jpg,blue\nd/1.jpg,brown\n")
    options = {"ai_label": 1, "missing": "yes", "tags": "tags.csv"}
    alone = fa.audit("s.csv", FEW, **options)
    several = {name: [of] for name, of in options.items()}
    assert facts(alone) == facts(fa.audit([Path("s.csv")], FEW, **several))
    assert alone.spec["missing"] == ["yes"]
    assert facts(fa.audit(tmp_path.glob("s.csv"), FEW, **options))[7] == facts(alone)[7]

    from faceaudit.studies.holdout import read_split
    from faceaudit.tables import read_manifests

    manifest = write_manifest(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], ["ai", "real", "ai"])
    for one in (manifest, str(manifest)):
        assert len(read_manifests(one).table) == 3
        split = read_split(one, hold_out=0.5)
        assert len(split.training) + len(split.testing) == 3


def test_folders_and_words_of_an_index_may_be_one(tmp_path):
    from tests.datasets.planted import plant

    root = plant(tmp_path / "set", "real/a.png", "made/b.png")
    report = fa.index("folder", root, ai_dir="made", real_dir="real")
    assert report.labels == {"real": 1, "ai": 1}
    assert (report.manifest, report.ledger) == (None, None)
    assert len(report.read().table) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


def test_nothing_of_the_public_names_is_a_module():
    package = Path(inspect.getfile(fa)).parent
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert modules & set(fa.__all__) == set()
    assert all(callable(getattr(fa, name)) for name in fa.__all__)


# --- anything --------------------------------------------------------------------------------


def odd_columns(random):
    """Columns as they come: of any type, some of them broken."""
    n = int(random.integers(0, 8))
    words = np.array(["a", "", "NA", "é", "1", "0.5", " ", "real", "ai", None, np.nan], object)
    numbers = np.array([0, 1, 0.25, -1, 2, np.nan, np.inf, 1e300])
    makers = [
        lambda: random.choice(words, n),
        lambda: random.choice(numbers, n),
        lambda: random.choice([True, False, None], n),
        lambda: pd.array(random.choice([1, 2, None], n), "Int64"),
        lambda: pd.Series(random.choice(words, n)).astype("category"),
        lambda: pd.cut(random.choice([1, 2, 3], n), [0, 2, 4]) if n else [],
        lambda: pd.date_range("2024", periods=n, tz=random.choice([None, "UTC"])),
        lambda: pd.to_timedelta(random.choice([1, 2], n), unit="D"),
        lambda: np.array(
            [random.choice([1, "x", None, b"y", 1j, 2**80]) for _ in range(n)], object
        ),
        lambda: [[1]] * n,
        lambda: [{"a": 1}] * n,
        lambda: pa.array(["u"] * n, pa.large_string()).dictionary_encode(),
        lambda: np.array(["2024-01-01"] * n, "datetime64[D]"),
        lambda: pd.period_range("2024", periods=n, freq="M"),
        lambda: np.full(n, 1j),
        lambda: [Path("x")] * n,
        lambda: [f"{i}.jpg" for i in range(n)],
        lambda: random.random(n),
        lambda: ["real", "ai", "real", "ai", "real", "ai", "real", "ai"][:n],
    ]
    names = ["image", "label", "p_ai", "age", "hat", "status", "dataset", "person", "attention"]
    columns = {"image": makers[-3](), "p_ai": makers[-2](), "label": makers[-1]()}
    for name in random.choice(names, int(random.integers(0, 5))):
        columns[str(name)] = makers[int(random.integers(len(makers)))]()
    return columns


def odd_frame(seed):
    """A table of odd columns, in one of the forms that tables take."""
    random = np.random.default_rng(seed)
    columns = odd_columns(random)
    form = random.integers(5)
    if form == 0:
        return columns
    try:
        frame = pd.DataFrame(columns)
        if form == 1:
            return frame.set_index(str(random.choice(frame.columns)))
        if form == 2:
            return pd.concat([frame, frame], axis=random.integers(2))
        if form == 3:
            return pa.Table.from_pandas(frame)
        return polars_frame(frame)
    except (TypeError, ValueError, OverflowError, pa.ArrowException):
        return columns  # no such table can be made


@pytest.mark.parametrize("start", range(4))
def test_any_table_is_read_or_refused_in_one_line(start):
    read = refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, on what it is made of here
        tables = [odd_frame(seed) for seed in range(100 * start, 100 * (start + 1))]
    for seed, table in enumerate(tables, 100 * start):
        try:
            read_scores(table)
            read += 1
        except FaceAuditError as error:
            assert "\n" not in str(error), seed
            assert str(error).startswith("the scores: "), seed
            refused += 1
        except Exception as error:
            raise AssertionError(f"odd_frame({seed})") from error
    assert min(read, refused) > 10
