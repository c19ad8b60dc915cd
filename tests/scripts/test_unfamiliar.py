"""The table of pictures that are warned of says what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit.errors import FaceAuditError
from tests.pictures import draw_dataset

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.checkpoint import load_checkpoint  # noqa: E402
from faceaudit.model.records import FAMILIARITY_FILE  # noqa: E402
from faceaudit.model.training import train  # noqa: E402
from unfamiliar import CHANGES, draw, measure, pictures  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    manifest = draw_dataset(folder / "trained", 60, 60)
    train(
        [manifest], folder / "tiny", arch="test_resnet", weights="none", size=32, batch_size=16,
        epochs=2, lr=1e-2,
    )  # fmt: skip
    return folder / "tiny"


def test_each_kind_of_picture_has_its_row(model, tmp_path):
    fresh = draw_dataset(tmp_path, 20, 20, seed=5)
    head, _, *rows = measure(str(model), [fresh], most=30).splitlines()
    assert head.startswith("| pictures | n | warned of")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == [
        "drawn, trained on others of it",
        "all of these together",
        *(f"familiar faces, {name}" for name in CHANGES),
        "drawings without a face",
    ]
    assert [row[1] for row in cells] == ["30", "30", "30", "30", "60"]
    assert cells[0][2:4] == cells[1][2:4] and cells[0][4] == ""
    assert 0 <= float(cells[-1][4]) <= 1


def test_what_was_trained_on_does_not_count(model):
    trained = model.parent / "trained" / "manifest.parquet"
    checkpoint = load_checkpoint(model)
    # This manifest has no hashes, so nothing is known of its pictures.
    assert len(dict(pictures(checkpoint, trained, 500, 0))["drawn"]) == 120
    import pyarrow as pa

    from faceaudit.files import sha256_of
    from faceaudit.tables import read_manifest, write_table

    read = read_manifest(trained)
    hashes = [sha256_of(trained.parent / name) for name in read.table["image"].to_pylist()]
    hashed = read.table.append_column("sha256", pa.array(hashes))
    path = write_table(model.parent / "hashed.parquet", hashed, read.info)
    assert dict(pictures(checkpoint, path, 500, 0)) == {}


def test_drawings_are_of_every_kind_and_the_same_every_time():
    drawn = draw(16, 32)
    assert drawn.shape == (16, 32, 32, 3)
    assert (draw(16, 32) == drawn).all()
    assert len(np.unique(drawn.reshape(16, -1), axis=0)) == 16


def test_a_model_that_knows_no_training_pictures_is_refused(model, tmp_path):
    import shutil

    older = shutil.copytree(model, tmp_path / "older")
    (older / FAMILIARITY_FILE).unlink()
    with pytest.raises(FaceAuditError, match="does not say which pictures are familiar"):
        measure(str(older), [draw_dataset(tmp_path / "d", 3, 3)])
