"""Scoring a manifest: every row comes back, and no bad image stops the run."""

from __future__ import annotations

import shutil
import tracemalloc
import zipfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from faceaudit import bundled, scoring
from faceaudit.cli import main
from faceaudit.datasets import index
from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.schema import CLUSTER_COLUMNS, FEATURES, FIXED_COLUMNS, tag_columns
from faceaudit.tables import (
    Manifest,
    concat_scores,
    read_manifest,
    read_scores,
    scored,
    status_counts,
    write_table,
)
from tests.pictures import draw, draw_dataset, encode, write_manifest

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.architecture import build_network, find_architecture  # noqa: E402
from faceaudit.model.checkpoint import save_checkpoint  # noqa: E402
from faceaudit.model.records import InputRecord, ModelRecord  # noqa: E402
from faceaudit.pictures import MAX_PIXELS  # noqa: E402
from faceaudit.scoring import open_detector  # noqa: E402
from faceaudit.scoring.attention import gravest  # noqa: E402
from faceaudit.scoring.backends.model_folder import ModelFolder  # noqa: E402
from faceaudit.scoring.options import ModelOptions  # noqa: E402
from faceaudit.scoring.selection import select  # noqa: E402

# Looking for faces takes most of the time, and is nothing that most of these tests are about.
score = partial(scoring.score, find_faces=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model directory with an untrained network."""
    torch.manual_seed(0)
    record = ModelRecord(
        id="untrained",
        architecture="test_resnet",
        library="timm",
        input=InputRecord(size=32, mean=[0.5] * 3, std=[0.5] * 3),
        threshold=0.5,
        threshold_rule="drawn",
    )
    network = build_network(find_architecture("test_resnet"), 32)
    images = pa.table({"sha256": pa.array([], pa.string()), "split": pa.array([], pa.string())})
    return save_checkpoint(tmp_path_factory.mktemp("m") / "untrained", record, network, images)


@pytest.fixture
def traps(tmp_path) -> Path:
    """A manifest of good and bad files."""
    rng = np.random.default_rng(0)
    content = {
        "good.png": encode(draw(rng, "real")),
        "truncated.jpg": encode(draw(rng, "real"), "JPEG")[:500],
        "empty.jpg": b"",
        "text.png": b"no picture at all",
        "alpha.png": encode(draw(rng, "ai").convert("RGBA")),
        "käse 雪.webp": encode(draw(rng, "ai"), "WEBP"),
        "bomb.png": encode(Image.new("1", (int(MAX_PIXELS**0.5) + 1,) * 2)),
    }
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.jpg").mkdir()
    names = [*content, "folder.jpg", "gone.jpg"]
    age = [str(i) for i in range(len(names))]
    return write_manifest(tmp_path, names, ["real"] * len(names), group=age)


def test_every_row_comes_back_with_a_status(model, traps, tmp_path):
    score(model, traps, tmp_path / "s.parquet", batch_size=2)
    scores = read_scores(tmp_path / "s.parquet")
    rows = {row["image"]: row for row in scores.table.to_pylist()}
    assert list(rows) == read_manifest(traps).table["image"].to_pylist()
    status = {name: row["status"] for name, row in rows.items()}
    assert status == {
        "good.png": "ok",
        "truncated.jpg": "unreadable",
        "empty.jpg": "unreadable",
        "text.png": "unreadable",
        "alpha.png": "ok",
        "käse 雪.webp": "ok",
        "bomb.png": "too_large",
        "folder.jpg": "unreadable",
        "gone.jpg": "missing",
    }
    for row in rows.values():
        assert (row["p_ai"] is not None) == (row["status"] == "ok")
    assert rows["good.png"]["group"] == "0" and tag_columns(scores.table) == ["group"]
    assert rows["gone.jpg"]["sha256"] is None and rows["gone.jpg"]["in_training"] is None
    assert rows["good.png"]["in_training"] is False


def test_what_index_notes_goes_with_the_scores(model, tmp_path):
    path = draw_dataset(tmp_path / "d", 3, 2)
    columns = {key: ["a", "a", None, "b", None] for key in (*CLUSTER_COLUMNS, "jpeg_table")}
    manifest = read_manifest(path)
    for name, column in columns.items():
        table = manifest.table.append_column(name, pa.array(column))
        manifest = Manifest(table, manifest.info)
    score(model, manifest, tmp_path / "s.parquet")
    scores = read_scores(tmp_path / "s.parquet")
    assert scores.table.select(list(columns)).to_pydict() == columns


def test_metadata_names_model_and_preprocessing(model, traps, tmp_path):
    info = score(model, traps, tmp_path / "s.parquet").info
    assert info.model.id == "untrained" and len(info.model.sha256) == 64
    assert info.model.preprocessing["size"] == 32
    assert info.model.threshold_rule == "drawn"
    assert info.tag_sources == {"group": {"drawn": "drawn by the test"}}
    assert {"torch", "timm", "pillow"} <= set(info.versions)
    read = read_scores(tmp_path / "s.parquet").info
    assert [(of.role, of.name, of.rows) for of in read.inputs] == [("scores", "s.parquet", 9)]
    assert read.model_copy(update={"inputs": []}) == info, "what was read is not in the file"


def test_score_does_not_depend_on_the_batch(model, tmp_path):
    manifest = draw_dataset(tmp_path / "d", 12, 11)
    one = score(model, manifest, tmp_path / "a.parquet", batch_size=1, workers=1)
    many = score(model, manifest, tmp_path / "b.parquet", batch_size=7, workers=3)
    np.testing.assert_allclose(
        one.table["p_ai"].to_numpy(), many.table["p_ai"].to_numpy(), atol=1e-6
    )
    assert len(set(one.table["p_ai"].to_pylist())) == 23


def test_score_is_the_network_on_the_prepared_pixels(model, tmp_path):
    detector = open_detector(model)
    picture = draw(np.random.default_rng(3), "ai")
    pixels = np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR)) / 255
    inputs = torch.tensor((pixels - 0.5) / 0.5, dtype=torch.float32).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = detector.checkpoint.network(inputs).sigmoid().item()
    p_ai = detector.p_ai(detector.pixels(picture)[None])
    assert p_ai.tolist() == pytest.approx([expected], abs=1e-6)


def test_archive_is_scored_in_place(model, tmp_path):
    manifest = read_manifest(draw_dataset(tmp_path / "d", 3, 3))
    expected = score(model, manifest, tmp_path / "a.parquet").table["p_ai"]
    archive = tmp_path / "d.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in manifest.table["image"].to_pylist():
            file.write(tmp_path / "d" / name, name)
    shutil.make_archive(str(tmp_path / "t"), "tar", tmp_path / "d")
    shutil.rmtree(tmp_path / "d")
    for root in (archive, tmp_path / "t.tar"):
        manifest.info.datasets["drawn"].root = str(root)
        assert score(model, manifest, tmp_path / "b.parquet").table["p_ai"].equals(expected)


def test_all_bad_is_still_a_table(model, tmp_path):
    manifest = write_manifest(tmp_path, ["a.jpg", "b.jpg"], ["real", "ai"])
    scores = score(model, manifest, tmp_path / "s.parquet")
    assert status_counts(scores.table) == {"missing": 2} and len(scored(scores)) == 0


def test_scores_of_a_scores_table_replace_the_old(model, tmp_path):
    manifest = read_manifest(draw_dataset(tmp_path / "d", 2, 2))
    old = manifest.table.append_column("p_ai", pa.array([0.25] * 4, pa.float32()))
    path = write_table(tmp_path / "old.parquet", old, manifest.info)
    scores = score(model, path, tmp_path / "s.parquet")
    assert scores.table.column_names.count("p_ai") == 1
    assert 0.25 not in scores.table["p_ai"].to_pylist()


def test_no_root_no_images(model, tmp_path):
    manifest = read_manifest(draw_dataset(tmp_path / "d", 1, 1))
    manifest.info.datasets["drawn"].root = None
    with pytest.raises(FaceAuditError, match="does not say where the images of 'drawn' lie"):
        score(model, manifest, tmp_path / "s.parquet")
    manifest.info.datasets["drawn"].root = str(tmp_path / "nowhere")
    with pytest.raises(FaceAuditError, match="nowhere: no such folder"):
        score(model, manifest, tmp_path / "s.parquet")
    assert not (tmp_path / "s.parquet").exists()


def test_interrupted_run_leaves_no_file(model, tmp_path, monkeypatch):
    manifest = draw_dataset(tmp_path / "d", 4, 4)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelFolder, "p_ai", stop)
    with pytest.raises(KeyboardInterrupt):
        score(model, manifest, tmp_path / "s.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d"]


def test_memory_does_not_grow_with_the_manifest(model, tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    large = Image.new("RGB", (600, 600), "grey")
    names = [f"{i}.jpg" for i in range(160)]
    for name in names:
        (folder / name).write_bytes(encode(large, "JPEG"))
    detector = open_detector(model)

    def peak(n: int) -> int:
        manifest = write_manifest(folder, names[:n], ["real"] * n)
        tracemalloc.start()
        score(detector, manifest, tmp_path / "s.parquet", batch_size=8)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(8)  # imports and caches
    prepared = 32 * 32 * 3
    # Forty more batches may cost their rows of the table, not their pictures.
    assert peak(160) - peak(40) < 120 * prepared / 2


def test_a_manifest_in_memory_is_checked_before_the_work_too(model, monkeypatch):
    faces = bundled.samples_manifest()
    twice = replace(faces, table=pa.concat_tables([faces.table, faces.table.slice(3, 1)]))
    monkeypatch.setattr(ModelFolder, "p_ai", lambda self, pixels: 1 / 0)
    with pytest.raises(FaceAuditError, match="stands there twice"):
        score(model, twice)


def test_missing_extra_is_one_line(model, monkeypatch, tmp_path):
    manifest = draw_dataset(tmp_path / "d", 1, 1)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[model\]' in a checkout"):
        score(model, manifest, tmp_path / "s.parquet")


def test_pictures_without_a_face_are_marked_and_scored_all_the_same(model, tmp_path):
    pytest.importorskip("dlib", reason="needs the extra 'landmarks'")
    faces = bundled.samples_manifest()
    root = Path(faces.info.datasets[bundled.SAMPLES].root)
    for path in sorted(root.glob("*.jpg"))[:8]:
        shutil.copy(path, tmp_path)
    names = sorted(path.name for path in tmp_path.glob("*.jpg"))
    with Image.open(tmp_path / names[0]) as image:
        image.resize((40, 40)).save(tmp_path / "small.png")
    rng = np.random.default_rng(0)
    noise = [f"noise-{i}.png" for i in range(4)]
    for name in noise:
        (tmp_path / name).write_bytes(encode(draw(rng, "real")))
    (tmp_path / "text.png").write_bytes(b"no picture at all")
    given = [*names, *noise, "text.png"]
    manifest = write_manifest(tmp_path, given, ["ai"] * len(given))
    looked = score(model, manifest, tmp_path / "looked.parquet", find_faces=True)
    status = {row["image"]: row["status"] for row in looked.table.to_pylist()}
    assert {status[name] for name in names} == {"ok"}
    assert {status[name] for name in noise} == {"no_face"}
    assert status["text.png"] == "unreadable"
    assert "dlib" in looked.info.face_finder
    blind = score(model, manifest, tmp_path / "blind.parquet")
    assert set(status_counts(blind.table)) == {"ok", "unreadable"}
    assert blind.info.face_finder is None
    # Looking for faces changes no score.
    assert blind.table["p_ai"].equals(looked.table["p_ai"])
    assert len(scored(looked)) == len(names) + len(noise)


def test_the_gravest_errors_of_every_set_and_label_are_explained():
    rng = np.random.default_rng(0)
    label = rng.choice(["real", "ai"], 300)
    dataset = rng.choice(["a", "b", "c"], 300)
    table = pa.table({"label": label, "dataset": dataset})
    p_ai = rng.random(300).astype(np.float32)
    p_ai[::17] = np.nan
    rows = gravest(table, p_ai, 5)
    expected = []
    for of in ("real", "ai"):
        for name in "abc":
            there = np.flatnonzero((label == of) & (dataset == name) & ~np.isnan(p_ai))
            loss = p_ai[there] if of == "real" else -p_ai[there]
            expected += there[np.argsort(-loss)[:5]].tolist()
    assert rows.tolist() == sorted(expected)


def test_attention_is_kept_for_the_report(model, tmp_path, monkeypatch):
    explain, writable = ModelFolder.explain, []

    def watched(self, pixels, called_ai):
        writable.extend([pixels.flags.writeable] * len(pixels))
        return explain(self, pixels, called_ai)

    monkeypatch.setattr(ModelFolder, "explain", watched)
    rng = np.random.default_rng(0)
    labels = ["real"] * 15 + ["ai"] * 3
    names = []
    for i, label in enumerate(labels):
        (tmp_path / f"{i}.png").write_bytes(encode(draw(rng, label)))
        names.append(f"{i}.png")
    scores = score(model, write_manifest(tmp_path, names, labels), tmp_path / "s.parquet")
    maps = scores.table["attention"].to_pylist()
    explained = [i for i, one in enumerate(maps) if one is not None]
    assert len(explained) == 12 + 3
    # Of a read-only picture torch warns, in the middle of a run.
    assert writable == [True] * (12 + 3)
    for one in maps:
        assert one is None or max(one) in (0, 255)
    real = scores.table["p_ai"].to_numpy()[:15]
    assert set(explained[:12]) == set(np.argsort(-real)[:12].tolist())


# --- what became of the pictures since --------------------------------------------------------


def test_a_picture_replaced_since_it_was_indexed_has_no_score(model, tmp_path):
    folder = tmp_path / "d"
    draw_dataset(folder, 3, 3)
    index("folder", folder, tmp_path / "m.parquet")
    indexed = read_manifest(tmp_path / "m.parquet").table
    rng = np.random.default_rng(5)
    (folder / "real/0.png").write_bytes(encode(draw(rng, "real")))
    (folder / "real/1.png").write_bytes(encode(draw(rng, "real"), "EPS"))
    (folder / "ai/2.png").unlink()
    scores = score(model, tmp_path / "m.parquet", tmp_path / "s.parquet")
    rows = {row["image"]: row for row in scores.table.to_pylist()}
    status = {name: row["status"] for name, row in rows.items() if row["status"] != "ok"}
    assert status == {
        "real/0.png": "replaced",
        "real/1.png": "unreadable",
        "ai/2.png": "missing",
    }
    for name in status:
        assert rows[name]["p_ai"] is None and rows[name]["attention"] is None
    # The rows stay those of the pictures that were indexed.
    assert scores.table["sha256"].to_pylist() == indexed["sha256"].to_pylist()
    assert scores.info.notes == [
        "Without a score, missing: 1 of 6 images, the first 'ai/2.png' (no such file).",
        "Without a score, replaced: 1 of 6 images, the first 'real/0.png' (another picture than "
        "the one that was indexed, whose label and tags these are).",
        "Without a score, unreadable: 1 of 6 images, the first 'real/1.png' (PostScript (EPS) is a "
        "program, not a photograph).",
    ]
    assert read_scores(tmp_path / "s.parquet").info.notes == scores.info.notes


def test_scores_name_no_place(model, tmp_path):
    manifest = draw_dataset(tmp_path / "d", 1, 1)
    scores = score(model, manifest, tmp_path / "s.parquet")
    assert scores.info.datasets["drawn"].root is None
    assert str(tmp_path).encode() not in (tmp_path / "s.parquet").read_bytes()


def test_a_name_that_leads_out_of_the_root_is_not_read(model, tmp_path):
    (tmp_path / "private.png").write_bytes(encode(draw(np.random.default_rng(0), "real")))
    (tmp_path / "d").mkdir()
    manifest = write_manifest(tmp_path / "d", ["../private.png"], ["real"])
    scores = score(model, manifest, tmp_path / "s.parquet")
    assert scores.table["status"].to_pylist() == ["unreadable"]
    assert scores.table["sha256"].to_pylist() == [None]


def test_a_data_set_that_the_metadata_forgets_is_an_error(model, tmp_path):
    manifest = read_manifest(draw_dataset(tmp_path / "d", 1, 1))
    manifest.info.datasets.clear()
    with pytest.raises(FaceAuditError, match="does not say where the images of 'drawn' lie"):
        score(model, manifest, tmp_path / "s.parquet")


# --- several manifests, some of their images --------------------------------------------------


def two_manifests(tmp_path: Path) -> list[Path]:
    """Two data sets, each indexed, of which a tag is a number in one and text in the other."""
    paths = []
    for seed, (name, ages) in enumerate({"one": ["20", "40"], "two": ["young", ""]}.items()):
        draw_dataset(tmp_path / name, 2, 2, seed)
        (tmp_path / name / "manifest.parquet").unlink()
        lines = [f"{label}/{i}.png,{ages[i]}" for label in ("real", "ai") for i in (0, 1)]
        (tmp_path / name / "tags.csv").write_text("\n".join(["file,mood", *lines]) + "\n")
        index("folder", tmp_path / name, tmp_path / f"{name}.parquet", name=name)
        paths.append(tmp_path / f"{name}.parquet")
    return paths


def test_several_manifests_are_scored_as_one(model, tmp_path):
    paths = two_manifests(tmp_path)
    scores = score(model, paths, tmp_path / "s.parquet")
    parts = [score(model, path, tmp_path / "p.parquet").table for path in paths]
    assert scores.table["dataset"].to_pylist() == ["one"] * 4 + ["two"] * 4
    for column in ("image", "p_ai", "sha256"):
        assert scores.table[column].to_pylist() == [
            value for part in parts for value in part[column].to_pylist()
        ]
    assert set(scores.info.datasets) == {"one", "two"}
    assert set(scores.info.tag_sources["mood"]) == {"one", "two"}
    assert scores.info.notes == []


def test_an_image_in_two_manifests_is_an_error_that_names_both(model, tmp_path):
    one, two = two_manifests(tmp_path)
    shutil.copy(one, tmp_path / "again.parquet")
    with pytest.raises(
        FaceAuditError, match=r"again\.parquet: 'ai/0\.png' of 'one' is in .*one\.p"
    ):
        score(model, [two, one, tmp_path / "again.parquet"], tmp_path / "s.parquet")
    with pytest.raises(FaceAuditError, match="no manifest was given"):
        score(model, [], tmp_path / "s.parquet")
    assert not (tmp_path / "s.parquet").exists()


def test_where_keeps_some_images_and_says_so(model, tmp_path):
    paths = two_manifests(tmp_path)
    shutil.rmtree(tmp_path / "one")  # whose images are not asked for
    scores = score(model, paths, tmp_path / "s.parquet", where="mood == 'young'")
    assert scores.table["image"].to_pylist() == ["ai/0.png", "real/0.png"]
    assert scores.info.notes == [
        "Only images with mood == 'young' were scored: 2 of 8; of 2 it is not known, for lack of "
        "a tag."
    ]
    with pytest.raises(FaceAuditError, match="--where"):
        score(model, paths, tmp_path / "t.parquet", where="moon == 'young'")
    with pytest.raises(FaceAuditError, match=r"--where .*no image satisfies it"):
        score(model, paths, tmp_path / "t.parquet", where="mood == 'young' and label != label")


def strata(table: pa.Table) -> dict[tuple[str, str], int]:
    keys = zip(table["dataset"].to_pylist(), table["label"].to_pylist(), strict=True)
    return dict(sorted(Counter(keys).items()))


def drawn_rows() -> pa.Table:
    counts = {("a", "real"): 600, ("a", "ai"): 300, ("b", "real"): 90, ("c", "ai"): 10}
    keys = [key for key, n in counts.items() for _ in range(n)]
    keys = [keys[i] for i in np.random.default_rng(0).permutation(len(keys))]
    return pa.table(
        {
            "dataset": [dataset for dataset, _ in keys],
            "label": [label for _, label in keys],
            "image": [str(i) for i in range(len(keys))],
        }
    )


def test_a_sample_represents_every_data_set_and_label():
    table = drawn_rows()
    kept, notes = select(table, None, 100, 3)
    assert strata(kept) == {("a", "ai"): 30, ("a", "real"): 60, ("b", "real"): 9, ("c", "ai"): 1}
    assert "100 of 1,000 images, drawn at random (seed 3)" in notes[0]
    rows = [int(image) for image in kept["image"].to_pylist()]
    assert rows == sorted(set(rows))


def test_a_sample_can_be_drawn_again_and_differs_with_the_seed():
    table = drawn_rows()
    drawn = [select(table, None, 50, seed)[0]["image"].to_pylist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_every_image_has_the_same_chance():
    table = drawn_rows()
    hits = np.zeros(len(table))
    for seed in range(400):
        hits[[int(i) for i in select(table, None, 250, seed)[0]["image"].to_pylist()]] += 1
    # Of 400 draws, each with a chance of a quarter: 100 +- 8.7; of 1,000 images none is out of 5.
    assert abs(hits - 100).max() < 5 * 8.7
    assert 7 < hits.std() < 10.5


@pytest.mark.parametrize("count", [1000, 5000])
def test_a_sample_of_all_is_all(count):
    table = drawn_rows()
    kept, notes = select(table, None, count, 0)
    assert kept.equals(table) and notes == []


def test_the_command(model, tmp_path):
    paths = two_manifests(tmp_path)
    arguments = [str(model), *map(str, paths), "-o", str(tmp_path / "s.parquet")]
    arguments += ["--no-find-faces", "--sample", "4"]
    ran = CliRunner().invoke(main, ["score", *arguments, "--where", "label == 'ai'"])
    assert ran.exit_code == 0, ran.output
    assert "4 images: " in ran.output
    assert "Only images with label == 'ai' were scored: 4 of 8." in " ".join(ran.output.split())
    arguments[-1] = "3"
    assert (
        "A sample was scored: 3 of 8 images"
        in CliRunner().invoke(main, ["score", *arguments]).output
    )


def test_features_are_few_numbers_that_tell_which_pictures_are_alike(model, tmp_path):
    for i, name in enumerate(("a.png", "b.png", "c.png")):
        seed = (0, 0, 9)[i]
        (tmp_path / name).write_bytes(encode(draw(np.random.default_rng(seed), "real")))
    manifest = write_manifest(tmp_path, ["a.png", "b.png", "gone.png", "c.png"], ["real"] * 4)
    score(model, manifest, tmp_path / "s.parquet", features=True)
    scores = read_scores(tmp_path / "s.parquet", missing=["none"])
    assert scores.table["features"].type == FIXED_COLUMNS["features"]
    assert "features" not in tag_columns(scores.table)
    a, b, gone, c = scores.table["features"].to_pylist()
    assert gone is None and len(a) == FEATURES
    distance = [float(np.linalg.norm(np.subtract(a, of))) for of in (b, c)]
    assert distance[0] < 1e-3 and distance[1] > 1e-2
    assert np.linalg.norm(a) == pytest.approx(1, abs=0.5), "of unit length before it was projected"
    # Another run's are the same, and one without them stands beside.
    again = score(model, manifest, features=True, batch_size=1)
    seen = [np.array(of.table["features"].to_pylist()[3]) for of in (scores, again)]
    assert seen[0] == pytest.approx(seen[1], abs=2e-3)
    other = write_manifest(tmp_path, ["d.png"], ["ai"])
    without = score(model, other)
    assert "features" not in without.table.column_names
    both = concat_scores([scores, without])
    assert both.table["features"].to_pylist() == [a, b, None, c, None]


def test_a_detector_without_features_is_named(traps):
    class Plain(ModelFolder):
        def features(self, pixels):
            return None

    detector = Plain.open("bundled:default", ModelOptions())
    with pytest.raises(FaceAuditError, match="gives no features; leave --features out"):
        score(detector, traps, features=True)


def test_a_column_of_features_from_elsewhere(tmp_path):
    (tmp_path / "t.csv").write_text("image,label,p_ai,features\na,real,0.5,smile\n")
    message = "column 'features' holds no lists of 32 numbers; .* --map features_=features"
    with pytest.raises(FaceAuditError, match=message):
        read_scores(tmp_path / "t.csv")
    named = read_scores(tmp_path / "t.csv", {"features_": "features"})
    assert tag_columns(named.table) == ["features_"]
    table = {"image": ["a", "b"], "label": ["real", "ai"], "p_ai": [0.5, 0.5]}
    for cells in ([[0.5] * 32, None], [[0.5] * 31, [0.5] * 32], [{"x": 1}, {"x": 2}]):
        pq.write_table(pa.table({**table, "features": cells}), tmp_path / "t.parquet")
        read = read_scores(tmp_path / "t.parquet")
        if cells[1] is None:
            assert read.table["features"].to_pylist() == cells
        else:
            assert "features" not in read.table.column_names
            assert (
                "Not read, since a cell has more than 4,096 bytes, or holds a list, a record or "
                "bytes: 'features'." in read.info.notes[0]
            )
