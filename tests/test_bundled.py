"""What comes with the package is whole, small, and does what its record says."""

from __future__ import annotations

import subprocess
import sys

import pyarrow.compute as pc
import pytest
from PIL import Image

from faceaudit import bundled
from faceaudit.datasets.images import inspect
from faceaudit.errors import FaceAuditError
from faceaudit.model.records import read_record
from faceaudit.schema import tag_columns
from faceaudit.tables import read_scores, scored


def test_finding_it_needs_no_torch():
    code = "import sys, faceaudit.bundled as b; b.model_names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_models_are_small_and_have_a_card():
    assert bundled.DEFAULT_MODEL in bundled.model_names()
    for name in bundled.model_names():
        folder = bundled.resolve_model(f"bundled:{name}")
        assert (folder / "model.safetensors").stat().st_size < 7_500_000
        card = (folder / "README.md").read_text()
        assert "must not be used" in card.lower()
        record = read_record(folder)
        assert record.id == name
        assert "/" not in str(record.training.manifests)


def test_names():
    default = bundled.resolve_model("bundled:default")
    assert default == bundled.resolve_model(f"bundled:{bundled.DEFAULT_MODEL}")
    assert str(bundled.resolve_model("some/folder")) == "some/folder"
    with pytest.raises(FaceAuditError, match="there are bundled:default"):
        bundled.resolve_model("bundled:nothing")
    with pytest.raises(FaceAuditError, match=r"there are .*with-ffhq"):
        bundled.recorded_scores("nothing")


def test_recorded_scores_are_of_the_bundled_models_on_the_same_images():
    tables = {}
    for name in bundled.recorded_names():
        scores = read_scores(bundled.recorded_scores(name))
        tables[name] = scores.table
        record = read_record(bundled.resolve_model(f"bundled:{name}"))
        assert scores.info.model.id == name
        assert scores.info.model.threshold == record.threshold
        assert all(dataset.root is None for dataset in scores.info.datasets.values())
        assert not any(scored(scores)["in_training"].to_pylist())
        for tag in tag_columns(scores.table):
            assert scores.info.tag_sources[tag], tag
    first, second = (tables[name] for name in bundled.PUBLISHED_PAIR)
    for column in ("image", "dataset", "label", "status"):
        assert first[column].equals(second[column])


def test_samples_are_small_ai_pictures():
    manifest = bundled.samples_manifest()
    assert set(manifest.table["label"].to_pylist()) == {"ai"}
    names = manifest.table["image"].to_pylist()
    files = [bundled.samples_folder() / name for name in names]
    assert 24 <= len(files) <= 36 and sum(f.stat().st_size for f in files) < 1_000_000
    assert {Image.open(file).size for file in files} == {(256, 256)}
    assert sorted(path.name for path in bundled.samples_folder().glob("*.jpg")) == names


def test_the_recorded_scores_of_the_samples_are_what_the_models_say(tmp_path):
    pytest.importorskip("torch", reason="the samples are scored with the extra 'model'")
    from faceaudit.scoring import score

    for name in bundled.model_names():
        found = score(f"{bundled.PREFIX}{name}", bundled.samples_manifest(), tmp_path / name)
        said = dict(zip(*(found.table[c].to_pylist() for c in ("image", "p_ai")), strict=True))
        recorded = bundled.recorded_sample_scores(found.info.model.sha256)
        assert recorded == pytest.approx(said, abs=1e-4)
    assert bundled.recorded_sample_scores("of another model") == {}


@pytest.mark.real_data
def test_the_recorded_jpeg_tables_are_those_of_the_files(real_data):
    for name in bundled.recorded_names():
        table = read_scores(bundled.recorded_scores(name)).table
        assert table["jpeg_table"].null_count == 0
        for dataset, place in (("stylegan3", "stylegan3"), ("celeba", "celeba"), ("lfw", "lfw")):
            row = table.filter(pc.equal(table["dataset"], dataset)).slice(0, 1).to_pylist()[0]
            told = inspect(row["image"], (real_data / place / row["image"]).read_bytes())
            assert (told.jpeg_table, told.sha256) == (row["jpeg_table"], row["sha256"])
