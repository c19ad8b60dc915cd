from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceaudit.datasets import index
from faceaudit.tables import read_manifest
from patterns import KINDS, SIDE, draw_patterns


def test_patterns_are_a_folder_that_index_reads(tmp_path):
    folder = draw_patterns(tmp_path / "patterns", count=2 * len(KINDS))
    report = index("folder", folder, tmp_path / "patterns.parquet", name="patterns")
    table = read_manifest(report.manifest).table
    assert (report.indexed, report.rejected) == (2 * len(KINDS), 0)
    assert set(table["label"].to_pylist()) == {"ai"}
    assert sorted(table["pattern"].to_pylist()) == sorted(2 * list(KINDS))
    assert set(table["width"].to_pylist()) == {SIDE}


def test_same_seed_same_pictures_and_more_leave_the_first_alone(tmp_path):
    few = draw_patterns(tmp_path / "few", count=9)
    more = draw_patterns(tmp_path / "more", count=17)
    other = draw_patterns(tmp_path / "other", count=9, seed=1)
    for i in range(9):
        name = f"ai/{i:05}.jpg"
        assert (few / name).read_bytes() == (more / name).read_bytes()
        assert (few / name).read_bytes() != (other / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_picture_that_varies(kind):
    first, second = (KINDS[kind](np.random.default_rng(seed)) for seed in (1, 2))
    assert isinstance(first, Image.Image)
    assert first.size == (SIDE, SIDE) and first.mode == "RGB"
    assert np.asarray(first).std() > 1
    assert np.any(np.asarray(first) != np.asarray(second))
