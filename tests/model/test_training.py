"""A tiny run of training: what it learns, what it writes, and that it can be repeated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceaudit.datasets import index
from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.schema import CLUSTER_COLUMNS
from faceaudit.tables import read_manifest
from tests.pictures import draw_dataset, encode, write_manifest

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.checkpoint import load_checkpoint  # noqa: E402
from faceaudit.model.progress import progress_bars  # noqa: E402
from faceaudit.model.training import train  # noqa: E402
from faceaudit.model.training_data import decode  # noqa: E402
from faceaudit.scoring import score  # noqa: E402

TINY = {"arch": "test_resnet", "weights": "none", "size": 32, "batch_size": 16, "lr": 1e-2}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    manifest = draw_dataset(folder, 60, 60)
    # Traps: a damaged file, one that is gone, copies, and one file under both labels.
    (folder / "real/0.png").write_bytes(b"not a picture")
    (folder / "real/1.png").unlink()
    for i in range(3, 8):
        (folder / f"real/{i}.png").write_bytes((folder / "real/2.png").read_bytes())
    (folder / "ai/9.png").write_bytes((folder / "real/9.png").read_bytes())
    return manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("m") / "tiny"


@pytest.fixture(scope="module")
def model(dataset, folder):
    return train([dataset], folder, epochs=6, seed=7, **TINY)


def test_it_learns(model):
    counts = model.record.training.validation
    right = counts.real_called_real + counts.ai_called_ai
    assert right >= 0.9 * model.record.training.n_validation


def test_record_says_what_happened(model, dataset):
    record = model.record.training
    assert record.left_out == {
        "unreadable": 1,
        "missing": 1,
        "the same file labelled both real and ai": 2,
    }
    assert record.images == {"drawn": {"real": 57, "ai": 59}}
    assert record.n_training + record.n_validation == 116
    assert record.manifests == {"manifest": sha256_of(dataset)}
    counts = record.validation
    assert (
        counts.real_called_real
        + counts.real_called_ai
        + counts.ai_called_real
        + (counts.ai_called_ai)
        == record.n_validation
    )
    assert (record.seed, record.epochs, record.frozen_epochs) == (7, 6, 0)
    assert record.initial_weights.startswith("none")
    losses = [loss.loss for loss in record.top_losses]
    assert losses == sorted(losses, reverse=True) and 0 < len(losses) <= 20


def test_copies_are_on_one_side(model, folder):
    images = pq.read_table(folder / "training_images.parquet")
    assert len(images) == 116
    assert set(images["split"].to_pylist()) == {"training", "validation"}
    sides = images.group_by("sha256").aggregate([("split", "count_distinct")])
    assert pc.max(sides["split_count_distinct"]).as_py() == 1


def test_the_split_knows_what_hangs_together(tmp_path):
    path = write_manifest(tmp_path, ["a.png"], ["ai"], **{key: ["x"] for key in CLUSTER_COLUMNS})
    (tmp_path / "a.png").write_bytes(encode(Image.new("RGB", (9, 9))))
    manifest = read_manifest(path)
    with progress_bars(False) as bars:
        decoded = decode(manifest, StoredImages.of(manifest.info), 8, 1, bars)
    assert set(CLUSTER_COLUMNS) < set(decoded.table.column_names)


def test_same_seed_same_weights_and_global_state_is_left_alone(dataset, model, tmp_path):
    torch.manual_seed(5)  # whatever was drawn before must not matter
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = train([dataset], tmp_path / "again", epochs=6, seed=7, **TINY)
    assert again.sha256 == model.sha256
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_another_seed_another_split_and_other_weights(dataset, tmp_path):
    one, two = (train([dataset], tmp_path / f"{i}", epochs=1, seed=i, **TINY) for i in (1, 2))
    assert one.sha256 != two.sha256
    assert one.record.training.top_losses != two.record.training.top_losses


def test_saved_model_gives_the_validation_it_recorded(model, dataset, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    from faceaudit.model.checkpoint import save_checkpoint

    images = pa.table({"sha256": model.training_images})
    save_checkpoint(folder, model.record, model.network, images)
    assert load_checkpoint(folder).sha256 == model.sha256
    scores = score(folder, dataset, tmp_path / "scores.parquet", find_faces=False)
    by_image = dict(
        zip(scores.table["image"].to_pylist(), scores.table["p_ai"].to_pylist(), strict=True)
    )
    for loss in model.record.training.top_losses:
        assert by_image[loss.image] == pytest.approx(loss.p_ai, abs=1e-5)


def test_pretrained_starts_with_the_head(dataset, tmp_path):
    from safetensors.torch import save_file

    from faceaudit.model.architecture import build_network, find_architecture

    weights = tmp_path / "body.safetensors"
    save_file(build_network(find_architecture("test_resnet"), 32).state_dict(), weights)
    options = {**TINY, "weights": str(weights)}
    record = train([dataset], tmp_path / "m", epochs=1, **options).record.training
    assert record.frozen_epochs == 1 and record.initial_weights == "body.safetensors"


def test_finder_chooses_the_rate(dataset, tmp_path):
    options = {**TINY, "lr": None, "find_lr": True}
    record = train([dataset], tmp_path / "m", epochs=1, **options).record.training
    assert 1e-6 < record.learning_rate < 10 and record.learning_rate != 3e-3


def test_progress_goes_to_stderr(dataset, tmp_path, capfd):
    train([dataset], tmp_path / "m", epochs=2, progress=True, **TINY)
    out, err = capfd.readouterr()
    assert out == ""
    assert "training on 120 images will take about" in err
    assert "left out: 1 image, unreadable" in err
    assert "epoch 2 of 2" in err


@pytest.mark.parametrize(
    ("n_real", "n_ai", "message"),
    [(10, 0, "both labels"), (1, 1, "both labels")],
)
def test_one_label_is_not_enough(tmp_path, n_real, n_ai, message):
    manifest = draw_dataset(tmp_path, n_real, n_ai)
    with pytest.raises(FaceAuditError, match=message):
        train([manifest], tmp_path / "m", epochs=1, **TINY)
    assert not (tmp_path / "m").exists()


def test_nothing_readable(tmp_path):
    manifest = write_manifest(tmp_path, ["a.png", "b.png"], ["real", "ai"])
    with pytest.raises(FaceAuditError, match="none of the images"):
        train([manifest], tmp_path / "m", epochs=1, **TINY)


def test_diverged_training_writes_nothing(dataset, tmp_path):
    with pytest.raises(FaceAuditError, match="--lr"):
        train([dataset], tmp_path / "m", epochs=1, **{**TINY, "lr": 1e30})
    assert not (tmp_path / "m").exists()


def test_a_picture_replaced_since_it_was_indexed_teaches_nothing(tmp_path):
    folder = tmp_path / "drawn"
    draw_dataset(folder, 30, 30)
    index("folder", folder, tmp_path / "m.parquet")
    shutil.copy(folder / "ai/0.png", folder / "real/0.png")
    trained = train([tmp_path / "m.parquet"], tmp_path / "model", epochs=1, **TINY)
    assert trained.record.training.left_out == {"replaced": 1}
    with pytest.raises(FaceAuditError, match=r"is in .* too; give every image once"):
        train([tmp_path / "m.parquet"] * 2, tmp_path / "model", epochs=1, **TINY)
