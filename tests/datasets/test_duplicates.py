"""Copies of one picture, exact and near, within and between manifests."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from faceaudit.datasets import index
from faceaudit.datasets.duplicates import (
    MAX_DISTANCE,
    Copy,
    exact_copies,
    near_copies,
    perceptual_hashes,
    similar_pairs,
)
from faceaudit.tables import Manifest


def picture(seed: int) -> Image.Image:
    """A smooth random picture, as faces are smooth."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    large = Image.fromarray(noise).resize((160, 160), Image.Resampling.BICUBIC)
    return large.filter(ImageFilter.GaussianBlur(3))


def save(root: Path, name: str, image: Image.Image, quality: int = 90) -> None:
    (root / "real").mkdir(parents=True, exist_ok=True)
    image.save(root / "real" / name, quality=quality)


def manifest(root: Path, name: str = "folder") -> Manifest:
    return index("folder", root, root.parent / f"{name}.parquet", name=name).read()


def test_exact_copies_within_and_between_manifests(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        save(tmp_path / "one", name, picture(1))
    save(tmp_path / "one", "c.jpg", picture(2))
    save(tmp_path / "two", "d.jpg", picture(1))
    save(tmp_path / "two", "e.jpg", picture(3))
    (tmp_path / "one" / "tags.csv").write_text(
        "file,age,mood,person\na.jpg,25,glad,Ada\nb.jpg,26,,Eve\nc.jpg,3,sad,Ada\n"
    )
    first, second = manifest(tmp_path / "one", "one"), manifest(tmp_path / "two", "two")
    (group,) = exact_copies(first, second)
    assert group.copies == [
        Copy(0, "one", "real/a.jpg"),
        Copy(0, "one", "real/b.jpg"),
        Copy(1, "two", "real/d.jpg"),
    ]
    assert group.across
    assert group.conflicts == {"age": [25.0, 26.0, None], "person": ["Ada", "Eve", None]}
    (group,) = exact_copies(first)
    assert not group.across
    assert exact_copies(second) == []


def test_near_copies(tmp_path):
    original = picture(1)
    save(tmp_path / "set", "a.jpg", original)
    save(tmp_path / "set", "smaller.png", original.resize((70, 70)))
    save(tmp_path / "set", "worse.jpg", original, quality=20)
    save(tmp_path / "set", "brighter.jpg", ImageEnhance.Brightness(original).enhance(1.1))
    for seed in range(2, 30):
        save(tmp_path / "set", f"{seed}.jpg", picture(seed))
    (group,) = near_copies(manifest(tmp_path / "set"))
    assert {copy.image for copy in group.copies} == {
        "real/a.jpg",
        "real/smaller.png",
        "real/worse.jpg",
        "real/brighter.jpg",
    }


def test_images_that_vanish_are_left_out(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        save(tmp_path / "set", name, picture(1))
    known = manifest(tmp_path / "set")
    (tmp_path / "set" / "real" / "b.jpg").unlink()
    (tmp_path / "set" / "real" / "c.jpg").write_bytes(b"no picture")
    assert perceptual_hashes(known)[1].tolist() == [True, False, False]
    assert near_copies(known) == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 60), flips=st.integers(0, 24))
def test_no_similar_pair_is_missed(seed, count, flips):
    """Against every pair compared with every other."""
    generator = np.random.default_rng(seed)
    bits = generator.integers(0, 2, (count, 256), np.uint8)
    for row in range(count // 2):
        bits[row] = bits[generator.integers(count)]
        bits[row, generator.permutation(256)[: generator.integers(flips + 1)]] ^= 1
    bits = np.unique(bits, axis=0)
    found = set(zip(*(side.tolist() for side in similar_pairs(hashes_of(bits))), strict=True))
    expected = {
        (a, b)
        for a in range(len(bits))
        for b in range(a + 1, len(bits))
        if (bits[a] != bits[b]).sum() <= MAX_DISTANCE
    }
    assert found == expected


def hashes_of(bits: np.ndarray) -> np.ndarray:
    return np.packbits(bits, axis=1).reshape(-1).view(np.uint64).reshape(-1, 4)


@pytest.mark.real_data
def test_near_copies_of_real_faces(real_data, tmp_path):
    """The same photographs at half the size are found, and no two different faces are."""
    manifest = index("ffhq", real_data / "ffhq", tmp_path / "m.parquet").read()
    some = Manifest(manifest.table.slice(0, 120), manifest.info)
    assert near_copies(some) == []
    for name in some.table["image"].to_pylist():
        image = Image.open(real_data / "ffhq" / name)
        buffer = io.BytesIO()
        image.resize((128, 128)).save(buffer, "JPEG", quality=60)
        path = tmp_path / "copies" / "real" / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
    copies = index("folder", tmp_path / "copies", tmp_path / "c.parquet", name="half").read()
    groups = near_copies(some, copies)
    assert len(groups) == 120
    assert all(group.across and len(group.copies) == 2 for group in groups)
    for group in groups:
        assert len({Path(copy.image).name for copy in group.copies}) == 1
