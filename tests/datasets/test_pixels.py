"""What is measured on pixels, against pictures of which it is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from faceaudit.datasets import index
from faceaudit.datasets.pixels import MIDDLE, PixelFacts, measure
from faceaudit.schema import PIXEL_COLUMNS, tag_columns
from faceaudit.tables import read_manifest
from tests.pictures import encode


def noise(side: int = 128, sd: float = 20.0, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).normal(128, sd, (side, side))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def test_the_columns_are_those_that_are_measured():
    assert PixelFacts._fields == PIXEL_COLUMNS


@pytest.mark.parametrize("sd", [5, 20, 40])
def test_the_noise_that_was_added_is_found(sd):
    assert measure(encode(noise(sd=sd))).noise_sd == pytest.approx(sd, rel=0.06)


def test_sharpness_is_that_of_scipy():
    facts, pixels = measure(encode(noise())), np.asarray(noise(), float)
    assert facts.laplacian_sd == pytest.approx(ndimage.laplace(pixels)[1:-1, 1:-1].std())


def test_what_is_blurred_or_compressed_has_fewer_high_frequencies():
    sharp = noise()
    blurred = sharp.filter(ImageFilter.GaussianBlur(1))
    shares = [
        measure(data).high_frequency
        for data in (
            encode(sharp),
            encode(sharp, "JPEG", quality=30),
            encode(blurred),
            encode(blurred, "JPEG", quality=10),
        )
    ]
    # Of white noise every coefficient but the mean has an equal share: 28 of 63.
    assert shares[0] == pytest.approx(28 / 63, abs=0.02)
    assert shares == sorted(shares, reverse=True)
    assert shares[3] < shares[2] / 2


def test_border_and_background_are_measured_where_they_are():
    pixels = np.full((100, 80), 200, np.uint8)
    facts = measure(encode(Image.fromarray(pixels)))
    assert facts == PixelFacts(0.0, None, 0.0, 200.0, 0.0, 0.0)
    framed = pixels.copy()
    framed[4:-4, 4:-4] = np.asarray(noise(200))[4:96, 4:76]
    assert measure(encode(Image.fromarray(framed))).border_sd == 0
    portrait = np.asarray(noise(200))[:100, :80].copy()
    portrait[:25, :20], portrait[:25, -20:] = 90, 160
    facts = measure(encode(Image.fromarray(portrait)))
    assert facts.corners_sd == 0 and facts.border_sd > 10, "each corner by itself"


def test_of_a_large_picture_the_middle_is_measured_on_the_grid_of_jpeg():
    large = Image.new("L", (MIDDLE + 1003, MIDDLE + 500), 128)
    large.paste(noise(MIDDLE), (496, 248))
    facts, whole = measure(encode(large)), measure(encode(noise(MIDDLE)))
    assert facts[:3] == whole[:3]
    assert facts.mean_luma < whole.mean_luma + 1


def test_what_cannot_be_measured_is_not_known():
    damaged = encode(noise(), "JPEG")[:900]
    for content in (b"", b"no picture", damaged, encode(Image.new("L", (7, 99)))):
        assert measure(content) == PixelFacts()
    for mode in ("RGBA", "P", "1", "CMYK"):
        data = encode(noise().convert(mode), "TIFF")
        assert None not in measure(data)


def test_index_measures_them_where_asked_also_in_processes(tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    for i in range(40):
        data = encode(noise(32, seed=i))
        # Its end is where it should be, and a checksum wrong.
        broken = data[:300] + bytes(9) + data[309:] if i == 3 else data
        (tmp_path / "set" / f"{i:02}.png").write_bytes(broken)
    tables = []
    for processes in (200, 10):
        monkeypatch.setattr(
            "faceaudit.datasets.manifest_builder.WORTH_DECODING_PROCESSES", processes
        )
        out = tmp_path / f"{processes}.parquet"
        index("folder", tmp_path / "set", out, label="real", delivery_facts=True, workers=2)
        tables.append(read_manifest(out).table)
    assert tables[0].equals(tables[1])
    assert not set(PIXEL_COLUMNS) & set(tag_columns(tables[0])), "no tags"
    rows = tables[0].select(list(PIXEL_COLUMNS)).to_pylist()
    want = measure((tmp_path / "set" / "05.png").read_bytes())
    names = tables[0]["image"].to_pylist()
    assert len(names) == 39 and "03.png" not in names
    assert rows[names.index("05.png")] == pytest.approx(want._asdict(), rel=1e-6)
    index("folder", tmp_path / "set", tmp_path / "plain.parquet", label="real")
    plain = read_manifest(tmp_path / "plain.parquet").table
    assert not set(PIXEL_COLUMNS) & set(plain.column_names)


@pytest.mark.real_data
def test_soft_photographs_have_fewer_high_frequencies_than_ffhq(real_data):
    def median(place: str) -> float:
        paths = sorted((real_data / place).rglob("*.jpg"))[:60]
        return float(np.median([measure(path.read_bytes()).high_frequency for path in paths]))

    assert median("lfw/lfw-deepfunneled") < median("ffhq/images") / 4
