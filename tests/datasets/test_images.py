"""One file: what is taken, what is refused, and with which reason."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import pytest
from PIL import Image

from faceaudit.datasets.images import inspect
from faceaudit.datasets.rejects import Reject
from faceaudit.pictures import MAX_PIXELS
from tests.datasets.planted import FORMATS, draw


def refused(path: str, data: bytes) -> tuple[str, str]:
    with pytest.raises(Reject) as caught:
        inspect(path, data)
    return caught.value.reason, caught.value.remedy


@pytest.mark.parametrize("suffix", FORMATS)
def test_facts(suffix):
    data = draw(1, suffix, (40, 30))
    facts = inspect(f"a/b{suffix.upper()}", data)
    assert (facts.width, facts.height, facts.bytes) == (40, 30, len(data))
    assert facts.format == FORMATS[suffix]
    assert facts.sha256 == hashlib.sha256(data).hexdigest()


def jpeg(**how) -> bytes:
    Image.effect_noise((40, 30), 90).convert(how.pop("mode", "RGB")).save(
        file := io.BytesIO(), "JPEG", **how
    )
    return file.getvalue()


def test_the_jpeg_table_is_named_by_the_quality():
    told = [inspect("b.jpg", jpeg(quality=quality)).jpeg_table for quality in range(1, 101)]
    assert told == [f"quality {quality}" for quality in range(1, 101)]
    for how in ({"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}, {"comment": b"x" * 999}):
        assert inspect("b.jpg", jpeg(quality=60, **how)).jpeg_table == "quality 60"
    assert inspect("b.png", draw(1, ".png")).jpeg_table is None


def test_programs_that_round_otherwise_are_told_by_the_same_quality_and_others_by_a_hash():
    luminance, colour = Image.open(io.BytesIO(jpeg(quality=75))).quantization.values()
    colour = [colour[0] - 1, *colour[1:]]
    assert inspect("b.jpg", jpeg(qtables=[luminance, colour])).jpeg_table == "quality 75"
    tables = [[luminance[0] + 2, *luminance[1:]], colour]
    told = inspect("b.jpg", jpeg(qtables=tables)).jpeg_table
    assert told.startswith(f"sum {sum(tables[0])}, ")
    again = inspect("b.jpg", jpeg(qtables=[tables[0], luminance])).jpeg_table
    assert again.startswith(told[:9]) and again != told
    three = [luminance, colour, luminance]
    assert inspect("b.jpg", jpeg(qtables=three)).jpeg_table.startswith("sum 1858, ")


def test_a_header_that_pillow_has_to_read_gives_the_same_table():
    data = jpeg(quality=40)
    start = data.index(b"\xff\xdb")
    padded = data[:start] + b"\xff\xff" + data[start:]
    for odd in (padded, data + b"a comment of some camera" * 9):
        assert inspect("b.jpg", odd).jpeg_table == "quality 40"
    short = data[: start + 3] + b"\x20" + data[start + 4 :]
    assert refused("b.jpg", short)[0] == "not a readable image"


def test_subsampling_and_colour_mode_are_those_that_pillow_reads():
    for name, subsampling in (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)):
        for progressive in (False, True):
            data = jpeg(subsampling=subsampling, progressive=progressive)
            odd = data + b"a comment of some camera" * 9  # so that Pillow has to read the header
            for facts in (inspect("b.jpg", data), inspect("b.jpg", odd)):
                assert (facts.chroma_subsampling, facts.colour_mode) == (name, "RGB")
    for mode in ("L", "CMYK"):
        facts = [inspect("b.jpg", jpeg(mode=mode) + odd) for odd in (b"", b"comment" * 20)]
        assert {of.colour_mode for of in facts} == {mode}
        assert {of.chroma_subsampling for of in facts} == {None if mode == "L" else "4:4:4"}
    Image.new("RGBA", (9, 9)).save(file := io.BytesIO(), "PNG")
    facts = inspect("b.png", file.getvalue())
    assert (facts.chroma_subsampling, facts.colour_mode) == (None, "RGBA")


def test_a_subsampling_without_a_name_is_told_by_its_ratio():
    data = jpeg()
    frame = data.index(b"\xff\xc0")
    # As many blocks as before: 40 x 24 pixels, 32 x 8 at a time, for 40 x 30, 16 x 16 at a time.
    odd = (
        data[: frame + 5] + b"\0\x18" + data[frame + 7 : frame + 11] + b"\x41" + data[frame + 12 :]
    )
    assert inspect("b.jpg", odd).chroma_subsampling == "4 x 1"


@pytest.mark.real_data
def test_the_jpeg_tables_of_the_real_sets(real_data):
    for quality, luminance, places in (
        (75, 1858, ("ffhq", "utkface", "lfw", "fairface", "one_million_fake_faces")),
        (92, 592, ("generated_photos", "mobilestylegan", "stylegan2_npm", "stylegan3")),
        (95, 369, ("celeba",)),
    ):
        for place in places:
            path = min((real_data / place).rglob("*.jpg"))
            data = path.read_bytes()
            assert inspect(path.name, data).jpeg_table == f"quality {quality}"
            assert sum(Image.open(io.BytesIO(data)).quantization[0]) == luminance


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_truncated(suffix, kept):
    data = draw(1, suffix, (120, 90))
    reason, remedy = refused(f"b{suffix}", data[: int(len(data) * kept)])
    assert reason == "truncated image"
    assert remedy.startswith("fetch it again")


def test_bytes_behind_the_end_are_no_truncation():
    data = draw(1)
    for extra in (b"\0" * 8, b"\n", b"a comment of some camera" * 9):
        assert inspect("b.jpg", data + extra).bytes == len(data) + len(extra)


def test_empty():
    assert refused("b.jpg", b"")[0] == "empty file"


@pytest.mark.parametrize(
    ("name", "suffix"), [("b.jpg", ".png"), ("b.png", ".jpg"), ("b.gif", ".webp")]
)
def test_wrong_type_behind_the_extension(name, suffix):
    reason, remedy = refused(name, draw(1, suffix))
    assert reason == "wrong type behind the extension"
    assert remedy.startswith(f"a {FORMATS[suffix]} image under a")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<!DOCTYPE html><p>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\0" * 5000, "begins with zeros"),
        (b"hello", "not a picture of a kind that can be read here: JPEG"),
        (b"\xff\xd8\xff\xd9", "JPEG"),
    ],
)
def test_no_image(data, told):
    reason, remedy = refused("b.jpg", data)
    assert reason == "not a readable image"
    assert told in remedy


def test_another_file_type():
    assert refused("Thumbs.db", draw(1)) == ("not an image file type", "the name ends in .db")
    assert refused("a.jpg/noname", draw(1)) == ("not an image file type", "the name has no ending")


def png_header(width: int, height: int) -> bytes:
    """A whole PNG file of one row, whose header says another size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_000, 13_000, 20_000, 200_000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_absurd_sizes_are_never_decoded(side, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert side * side > MAX_PIXELS
    assert refused("b.png", png_header(side, side))[0] == "absurd size in pixels"


def test_size_zero():
    assert refused("b.png", png_header(0, 5))[0] == "not a readable image"


def test_several_pictures_in_one_jpeg_file():
    buffer = io.BytesIO()
    pictures = [Image.open(io.BytesIO(draw(seed))) for seed in (1, 2)]
    pictures[0].save(buffer, "MPO", save_all=True, append_images=pictures[1:])
    assert inspect("b.jpg", buffer.getvalue()).format == "JPEG"
