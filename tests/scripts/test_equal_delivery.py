"""Pictures that came in different deliveries leave in one, and nothing else of them changes."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from equal_delivery import alike, encode, errors
from faceaudit.datasets import index
from faceaudit.files import sha256_of
from faceaudit.schema import DELIVERY_COLUMNS, ModelInfo, ScoresInfo
from faceaudit.tables import Scores, read_manifest, validate
from tests import pictures


def drawn():
    return pictures.draw(np.random.default_rng(0), "real").resize((60, 48))


def told(content):
    opened = Image.open(io.BytesIO(content))
    return opened.format, opened.quantization, get_sampling(opened)


def test_every_picture_gets_the_same_table_and_subsampling_whatever_it_came_with():
    files = [pictures.encode(drawn(), kind) for kind in ("PNG", "WEBP")]
    files += [
        pictures.encode(drawn(), "JPEG", quality=quality, subsampling=subsampling)
        for quality, subsampling in ((40, "4:2:0"), (75, "4:4:4"), (95, "4:2:0"))
    ]
    assert len({str(told(content)) for content in files[2:]}) == 3
    assert len({str(told(encode(content))) for content in files}) == 1
    assert {Image.open(io.BytesIO(encode(content))).size for content in files} == {(60, 48)}
    assert {Image.open(io.BytesIO(encode(content, 32))).size for content in files} == {(32, 32)}
    again = np.asarray(Image.open(io.BytesIO(encode(files[0]))), float)
    assert np.abs(again - np.asarray(drawn())).mean() < 20, "it is still the same picture"


def test_a_manifest_keeps_its_rows_and_loses_its_delivery(tmp_path):
    for label, quality in (("real", 75), ("ai", 92)):
        (tmp_path / "set" / label).mkdir(parents=True)
        drawn().save(tmp_path / "set" / label / "one.jpg", quality=quality)
    (tmp_path / "set" / "tags.csv").write_text(
        "file,gender\nreal/one.jpg,female\nai/one.jpg,male\n"
    )
    index("folder", tmp_path / "set", tmp_path / "m.parquet", name="drawn")
    before = read_manifest(tmp_path / "m.parquet")
    after = alike(before, tmp_path / "alike", 32)
    kept = ["image", "label", "dataset", "gender"]
    assert after.table.select(kept).equals(before.table.select(kept))
    assert not set(DELIVERY_COLUMNS) & set(after.table.column_names)
    root = tmp_path / "alike" / "drawn"
    assert after.info.datasets["drawn"].root == str(root)
    assert before.info.datasets["drawn"].root == str(tmp_path / "set")
    for row in after.table.to_pylist():
        assert row["sha256"] == sha256_of(root / row["image"])
    one, other = (told((root / label / "one.jpg").read_bytes()) for label in ("real", "ai"))
    assert one == other


def scores(p_ai, names="abcd", threshold=0.6):
    columns = {"image": list(names), "dataset": ["new"] * 4, "label": ["real", "real", "ai", "ai"]}
    table = pa.table({**columns, "p_ai": pa.array(p_ai, pa.float32())})
    return Scores(
        validate(table, "scores", "drawn"), ScoresInfo(model=ModelInfo(id="m", threshold=threshold))
    )


def test_errors_stand_beside_each_other():
    (row,) = errors(scores([0.1, 0.7, 0.9, 0.9]), scores([0.9, 0.7, 0.2, 0.9]))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["new", "4", "25.0 %"]
    assert cells[3].startswith("75.0 % (") and cells[4].startswith("50.0 points (")
    with pytest.raises(AssertionError, match="other images"):
        errors(scores([0.1] * 4), scores([0.1] * 4, "abce"))
