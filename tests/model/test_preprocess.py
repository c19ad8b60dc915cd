"""One way from a file to pixels, whatever the file."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from faceaudit.model.preprocess import prepare, square_pixels
from faceaudit.pictures import MAX_PIXELS
from tests.pictures import encode


def flat(mode: str, colour: object, size: tuple[int, int] = (40, 40)) -> Image.Image:
    return Image.new(mode, size, colour)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (flat("RGB", (10, 200, 30)), (10, 200, 30)),
        (flat("L", 77), (77, 77, 77)),
        (flat("1", 1), (255, 255, 255)),
        (flat("RGBA", (0, 0, 0, 0)), (255, 255, 255)),
        (flat("RGBA", (200, 0, 0, 255)), (200, 0, 0)),
        (flat("LA", (0, 128)), (127, 127, 127)),
        (flat("I;16", 0x8000), (128, 128, 128)),
        (flat("I", 0x4000), (64, 64, 64)),
        (flat("P", 0), (0, 0, 0)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_every_mode_becomes_rgb(image, expected):
    pixels = square_pixels(image, 16)
    assert pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_cmyk_jpeg_keeps_its_colour():
    orange = Image.new("RGB", (32, 32), (230, 120, 20))
    picture = prepare(encode(orange.convert("CMYK"), "JPEG", quality=95), 16)
    assert np.abs(picture.pixels.astype(int) - (230, 120, 20)).max() <= 6


def test_transparent_palette_colour_is_white():
    image = Image.new("P", (20, 20), 3)
    image.putpalette([0, 0, 0] * 256)
    picture = prepare(encode(image, "PNG", transparency=3), 8)
    assert picture.pixels.min() == 255


def test_exif_orientation_is_applied():
    image = Image.new("RGB", (32, 32), "black")
    image.paste("white", (0, 0, 32, 16))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise: white at the right
    pixels = prepare(encode(image, "JPEG", exif=exif.tobytes(), quality=95), 16).pixels
    assert pixels[:, 12:].min() > 240 and pixels[:, :4].max() < 15


def test_the_largest_centred_square_is_kept():
    image = Image.new("RGB", (90, 30), "red")
    image.paste("blue", (30, 0, 60, 30))
    for turned in (image, image.transpose(Image.Transpose.ROTATE_90)):
        pixels = square_pixels(turned, 10)
        # The filter looks half a pixel beyond the edge.
        assert (pixels[1:-1, 1:-1] == (0, 0, 255)).all() and (pixels[..., 2] > 200).all()


def test_decoding_a_jpeg_small_hardly_shows():
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (60, 60, 3)).astype(np.uint8))
    image = coarse.resize((2400, 2400), Image.Resampling.BICUBIC)
    content = encode(image, "JPEG", quality=95)
    whole = Image.open(io.BytesIO(content))
    whole.load()  # decoded in full: draft mode has no effect any more
    difference = prepare(content, 64).pixels.astype(int) - square_pixels(whole, 64)
    assert np.abs(difference).max() <= 3


def test_hash_is_of_the_file():
    content = encode(Image.new("RGB", (9, 9)))
    assert prepare(content, 8).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("cut", [0, 1, 50, 400])
def test_damage_is_a_status(cut):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    picture = prepare(encode(image, "JPEG")[:cut], 32)
    assert picture.status == "unreadable" and picture.pixels is None and picture.reason


def test_bomb_is_never_decoded(monkeypatch):
    side = int(MAX_PIXELS**0.5) + 1
    content = encode(Image.new("1", (side, side)))
    assert len(content) < 2_000_000

    def refuse(*_: object) -> None:
        raise AssertionError("the picture was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", refuse)
    assert prepare(content, 32).status == "too_large"


def test_float_pixels_are_refused_not_guessed():
    assert prepare(encode(Image.new("F", (8, 8), 0.5), "TIFF"), 8).status == "unreadable"
