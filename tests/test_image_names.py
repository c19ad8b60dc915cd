"""Scores in several files are audited as one table is, and without the names of all images."""

import gc
import hashlib

import numpy as np
import pyarrow as pa
import pytest

from faceaudit import api, image_names
from faceaudit.errors import FaceAuditError
from faceaudit.result import Gallery
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ScoresInfo
from faceaudit.spec import Spec
from faceaudit.tables import Scores, concat_scores, read_scores, write_table

ROWS = 900
KEYS = {
    "title": "Parts",
    "question": "Is it all the same?",
    "attributes": ["tone", "age_band", "marked"],
    "intersections": [["tone", "age_band"]],
    "small_group": 5,
    "checks": {
        name: {}
        for name in (
            *("group-error-rates", "equalized-odds-gap", "intersections", "ranking", "calibration"),
            *("top-losses", "hidden-slices", "delivery-shortcut", "over-represented", "trend"),
            *("threshold-transfer", "power", "fairness-measures", "abstention", "generators"),
        )
    },
}


def drawn(rows=ROWS):
    """Scores with all that makes reading them in parts hard."""
    random = np.random.default_rng(3)

    def words(*values, missing=0.1):
        column = random.choice(values, rows)
        return pa.array(column, pa.string(), mask=random.random(rows) < missing)

    is_ai = random.random(rows) < 0.4
    score = np.clip(random.normal(np.where(is_ai, 0.7, 0.3), 0.25), 0, 1).astype(np.float32)
    images = [f"{'ai' if of else 'real'}/{i:04}.jpg" for i, of in enumerate(is_ai)]
    copies = [None if random.random() < 0.8 else images[random.integers(rows)] for _ in images]
    unscored = random.random(rows) < 0.05
    # Words of the last part alone come first in the alphabet, and come first there.
    tone = [
        *words("light", "dark").to_pylist()[:-100],
        *words("another", "dark").to_pylist()[-100:],
    ]
    return pa.table(
        {
            "image": images,
            "label": np.where(is_ai, "ai", "real"),
            "dataset": np.where(random.random(rows) < 0.5, "one", "two"),
            "p_ai": pa.array(score, mask=unscored),
            "status": np.where(unscored, "unreadable", "ok"),
            "tone": tone,
            "age": pa.array(random.integers(1, 80, rows).astype(np.float32)),
            "marked": pa.array(random.random(rows) < 0.3),
            "person": pa.array(random.integers(rows // 4, size=rows)).cast(pa.string()),
            "copy_of": pa.array(copies, pa.string()),
            "sha256": [hashlib.sha256(name.encode()).hexdigest() for name in images],
            "width": random.choice([100, 200], rows).astype(np.int32),
            "height": random.choice([100, 300], rows).astype(np.int32),
            "jpeg_table": words("fine", "coarse", "odd"),
            "in_training": pa.array(random.random(rows) < 0.1),
        }
    )


def info_of(table):
    counts = {of["values"]: of["counts"] for of in table["dataset"].value_counts().to_pylist()}
    sources = {tag: dict.fromkeys(counts, "drawn") for tag in ("tone", "age", "marked", "person")}
    datasets = {name: DatasetInfo(indexed=n) for name, n in counts.items()}
    return ScoresInfo(datasets=datasets, tag_sources=sources)


def in_parts(folder, ends, table=None):
    table = drawn() if table is None else table
    files = []
    for i, (start, stop) in enumerate(zip((0, *ends), (*ends, len(table)), strict=True)):
        part = table.slice(start, stop - start)
        files.append(write_table(folder / f"{i}.parquet", part, info_of(part)))
    return files


def said(result):
    """What a result says, but for when it was made and of which files."""
    kept = result.model_dump(exclude={"created", "inputs", "versions", "spec", "scores"})
    return kept | {"rows": result.scores[0].rows, "n": result.scores[0].n_real}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The audit of one table that keeps its names."""
    (path,) = in_parts(tmp_path_factory.mktemp("whole"), ())
    return said(audit(read_scores(path), Spec(name="audit", **KEYS)))


@pytest.mark.parametrize("ends", [(), (450,), (1, 200, 201, 640, 800)])
def test_files_are_audited_as_one_table(tmp_path, whole, ends):
    files = in_parts(tmp_path, ends)
    result = said(api.audit(files, KEYS, images=False))
    assert result == whole


def test_a_table_in_memory_is_a_part_too(tmp_path, whole):
    table = drawn()
    files = in_parts(tmp_path, (), table.slice(0, 500))
    rest = table.slice(500)
    result = api.audit([*files, Scores(rest, info_of(rest))], KEYS, images=False)
    assert said(result) == whole


def test_pictures_keep_their_names_and_hashes(tmp_path):
    table = drawn()
    scores = concat_scores(map(read_scores, in_parts(tmp_path, (300, 301))))
    spec = Spec(name="audit", **KEYS | {"checks": {"top-losses": {"count": 40}}})
    found = audit(scores, spec)
    items = [of for one in found.checks[0].details if isinstance(one, Gallery) for of in one.items]
    rows = {row["image"]: row for row in table.to_pylist()}
    assert len(items) > 80
    for item in items:
        assert item.p_ai == pytest.approx(rows[item.image]["p_ai"])
        assert scores.names.hashes[item.dataset, item.image] == rows[item.image]["sha256"]


def test_pictures_of_a_file_without_hashes_are_shown_without(tmp_path):
    one, other = drawn().slice(0, 880), drawn().slice(880).drop_columns(["sha256", "copy_of"])
    files = in_parts(tmp_path / "one", (), one) + in_parts(tmp_path / "other", (), other)
    scores = concat_scores(map(read_scores, files))
    spec = Spec(name="audit", **KEYS | {"checks": {"top-losses": {"count": 200}}})
    (found,) = audit(scores, spec).checks
    assert found.status != "error", found.traceback
    assert {of is None for of in scores.names.hashes.values()} == {True, False}
    few = scores.names.of(scores.table.slice(880))
    assert few["image"].to_pylist() == other["image"].to_pylist()
    assert few["sha256"].null_count == few["copy_of"].null_count == len(other)


def test_a_file_that_changes_meanwhile_gives_no_names(tmp_path):
    table = drawn()
    (path,) = in_parts(tmp_path, (), table)
    scores = concat_scores([read_scores(path)])
    spec = Spec(name="audit", **KEYS | {"checks": {"top-losses": {"count": 5}}})
    write_table(path, table.take(np.arange(ROWS)[::-1]), info_of(table))
    with pytest.raises(FaceAuditError, match="has changed since its scores were read"):
        audit(scores, spec)


def test_rows_may_be_named_by_their_images(tmp_path):
    files = in_parts(tmp_path, (450,))
    names = drawn()["image"].to_pylist()[440:460]
    result = api.audit(files, KEYS | {"rows": f"image in {names}"}, images=False)
    left_out = {of.reason: of.n for of in result.scores[0].rows.left_out}
    assert left_out[f"outside rows: image in {names}"] == ROWS - len(names)


@pytest.mark.parametrize("alike", [False, True], ids=["", "all fingerprints alike"])
def test_an_image_of_two_files_is_refused_by_its_row(tmp_path, monkeypatch, alike):
    if alike:
        monkeypatch.setattr(image_names, "_salt", lambda: np.zeros(5_000, np.uint64))
    table = drawn()
    first, second = table.slice(0, 450), table.slice(450)
    assert len(concat_scores(Scores(of, info_of(of)) for of in (first, second)).table) == ROWS
    second = pa.concat_tables([second, first.slice(7, 2)])
    name = first["image"][7].as_py()
    said = f"table 2 of the given .*, row {ROWS - 450 + 1}: '{name}' stands there twice"
    with pytest.raises(FaceAuditError, match=said):
        concat_scores(Scores(of, info_of(of)) for of in (first, second))


def test_names_are_not_held_in_memory(tmp_path):
    table = drawn(20_000)
    long = pa.array([f"{'folder/' * 40}{name}" for name in table["image"].to_pylist()])
    table = table.set_column(0, "image", long).drop_columns(["copy_of"])
    files = in_parts(tmp_path, range(1_000, 20_000, 1_000), table)
    size = table.nbytes
    del table, long
    gc.collect()
    before = pa.total_allocated_bytes()
    scores = concat_scores(map(read_scores, files))
    gc.collect()
    assert scores.table["image"].type == pa.int32()
    # A dozen columns of a byte or a few each; the paths and hashes have 350 bytes a row.
    assert pa.total_allocated_bytes() - before < 60 * 20_000 < size / 5


def test_a_table_of_too_many_rows_may_be_given_in_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.reading.parquet.AUDIT_ROWS", ROWS // 2)
    (file,) = in_parts(tmp_path, ())
    with pytest.raises(FaceAuditError, match=r"900 rows, and 450 are the most .*several files"):
        api.audit(file, KEYS)
    files = in_parts(tmp_path, (450,))
    assert api.audit(files, KEYS, images=False).scores[0].rows.read == ROWS
