"""One function opens every picture: no other format, no further frame, no program started."""

from __future__ import annotations

import ast
import gc
import io
import os
import stat
import weakref
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

import faceaudit
from faceaudit import pictures
from faceaudit.datasets.duplicates import near_copies, perceptual_hash
from faceaudit.datasets.images import inspect
from faceaudit.datasets.pixels import measure
from faceaudit.datasets.rejects import Reject
from faceaudit.model.preprocess import prepare, square_pixels
from faceaudit.pictures import (
    FORMATS,
    MAX_PIXELS,
    MAX_SCANS,
    MAX_SIDE,
    PictureError,
    TooLargeError,
    as_seen,
    open_picture,
)
from faceaudit.schema import ModelInfo
from faceaudit.scoring import Detector, score
from faceaudit.tables import read_manifest
from faceaudit.tags.base import picture_tags
from faceaudit.tags.landmarks import Face, working_pixels
from faceaudit.thumbnails import small_jpeg
from tests.pictures import draw, encode, encode_turned, write_manifest

SOURCE = Path(faceaudit.__file__).parent
#: Modules of Pillow that open no file of themselves, and other packages' ways to open pictures.
HARMLESS = {"ExifTags", "Image", "ImageChops", "ImageDraw", "ImageFilter", "ImageFont", "ImageOps"}
OPENERS = {"imageio", "cv2", "torchvision.io", "torchvision.datasets", "skimage.io", "pylab"}
NAMES = {"PILImage", "PILImageBW", "load_image", "get_image_files", "pil_loader", "read_image"}


def opens_pictures(code: str) -> bool:
    """Tell whether code could open a picture by any way of which we know."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.ImportFrom(module="PIL", names=names):
                if any(name.name not in HARMLESS or name.asname for name in names):
                    return True
            case ast.ImportFrom(module=str(module), names=names):
                full = {f"{module}.{name.name}" for name in names} | {module}
                if module.split(".")[0] == "PIL" or full & OPENERS:
                    return True
                if {name.name for name in names} & NAMES:
                    return True
            case ast.Import(names=names):
                if any(name.name.split(".")[0] == "PIL" or name.name in OPENERS for name in names):
                    return True
            case ast.Attribute(value=ast.Name(id="Image"), attr="open" | "init" | "preinit"):
                return True
            case ast.Attribute(attr="imread") | ast.Constant(value="open"):
                return True
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id=package), attr=part)):
                if f"{package}.{part}" in OPENERS:
                    return True
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in NAMES:
                return True
    return False


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_else_opens_pictures(path):
    only = path == SOURCE / "pictures.py"
    assert opens_pictures(path.read_text(encoding="utf-8")) == only


@pytest.mark.parametrize(
    "code",
    [
        "from PIL import Image\nImage.open(path)",
        "from PIL import Image\nread = Image.open",
        "from PIL import Image\ngetattr(Image, 'open')(path)",
        "from PIL import Image as Picture\nPicture.open(path)",
        "from PIL.Image import open as read\nread(path)",
        "import PIL.Image\nPIL.Image.open(path)",
        "import PIL",
        "from PIL import ImageFile\nImageFile.Parser()",
        "from PIL.EpsImagePlugin import EpsImageFile",
        "from fastai.vision.all import PILImage\nPILImage.create(path)",
        "vision.PILImage.create(path)",
        "from torchvision.io import read_image",
        "from torchvision import io",
        "import torchvision\ntorchvision.io.decode_image(data)",
        "import skimage.io",
        "from skimage import io",
        "from matplotlib import pyplot\npyplot.imread(path)",
    ],
)
def test_the_test_above_finds(code):
    assert opens_pictures(code)


# --- formats ------------------------------------------------------------------------------------


def eps() -> bytes:
    return encode(Image.new("RGB", (40, 40), "red"), "EPS")


@pytest.fixture
def started(tmp_path, monkeypatch) -> Path:
    """A Ghostscript that leaves a mark, first on the path; returns where the mark would be."""
    folder, mark = tmp_path / "bin", tmp_path / "started"
    folder.mkdir()
    program = folder / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    yield mark


def _score(content: bytes, folder: Path) -> None:
    class Flat(Detector):
        name = "flat"
        info = ModelInfo(id="flat")

        @classmethod
        def open(cls, model, options):
            raise NotImplementedError

        def pixels(self, image):
            return square_pixels(image, 8)

        def p_ai(self, pixels):
            raise NotImplementedError

    scores = score(Flat(), _manifest(content, folder), folder / "scores.parquet")
    assert scores.table["status"].to_pylist() == ["unreadable"]
    (note,) = scores.info.notes
    assert "PostScript" in note


def _manifest(content: bytes, folder: Path) -> Path:
    (folder / "a.jpg").write_bytes(content)
    return write_manifest(folder, ["a.jpg"], ["real"])


def _near_copies(content: bytes, folder: Path) -> None:
    assert near_copies(read_manifest(_manifest(content, folder))) == []


def _index(content: bytes, folder: Path) -> None:
    with pytest.raises(Reject, match="not a readable image") as caught:
        inspect("a.jpg", content)
    assert "PostScript" in caught.value.remedy


def _prepare(content: bytes, folder: Path) -> None:
    picture = prepare(content, 8)
    assert picture.status == "unreadable" and "PostScript" in picture.reason


def _landmarks(content: bytes, folder: Path) -> None:
    assert working_pixels(content) is None
    assert all(tag.look(Face({}, content)) == {} for tag in picture_tags().values())


def _web(content: bytes, folder: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the extra 'web'")
    from faceaudit.web.uploads import check_picture

    with pytest.raises(PictureError, match="PostScript"):
        check_picture("a.jpg", content)


@pytest.mark.parametrize("way", [_index, _prepare, _near_copies, _landmarks, _web, _score])
def test_no_way_in_starts_ghostscript(way, started, tmp_path):
    way(eps(), tmp_path)
    assert not started.exists()


@pytest.mark.skipif(os.name == "nt", reason="a shell script is no program there")
def test_pillow_alone_would_have_started_it(started):
    with pytest.raises(OSError), Image.open(io.BytesIO(eps())) as image:
        image.load()
    assert started.exists()


@pytest.mark.parametrize("kind", ["PPM", "TGA", "ICO", "JPEG2000", "PCX", "SGI", "EPS", "PDF"])
def test_other_formats_are_refused(kind):
    content = encode(Image.new("RGB", (16, 16)), kind)
    with pytest.raises(PictureError):
        open_picture(content).__enter__()


@pytest.mark.parametrize("kind", FORMATS)
def test_known_formats_are_opened(kind):
    with open_picture(encode(Image.new("RGB", (16, 12), "blue"), kind)) as image:
        assert (image.format, image.size) == (kind, (16, 12))
        assert image.convert("RGB").getpixel((5, 5))[2] > 200


def test_avif_is_read_where_pillow_can():
    assert ("AVIF" in FORMATS) == (find_spec("PIL._avif") is not None and features.check("avif"))


def test_damage_behind_the_header_is_the_callers():
    content = encode(draw(np.random.default_rng(0), "real"), "PNG")
    with pytest.raises(OSError), open_picture(content[:200]) as image:
        image.load()


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [int(MAX_PIXELS**0.5) + 1])
def test_a_picture_too_large_is_told_by_its_header(side, monkeypatch):
    content = encode(Image.new("1", (side, side)))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(TooLargeError, match="80 million"), open_picture(content):
        pass


@pytest.mark.parametrize("size", [(1, MAX_SIDE + 1), (MAX_SIDE + 1, 1)])
def test_a_picture_too_long_is_told_by_its_header(size, monkeypatch):
    content = encode(Image.new("1", size))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(TooLargeError, match="32,768 pixels"), open_picture(content):
        pass


@pytest.mark.parametrize(
    ("kind", "bytes_a_pixel"),
    [("PNG", 10), ("JPEG", 10), ("GIF", 10), ("WEBP", 20), ("TIFF", 16), ("progressive", 20)],
)
def test_what_takes_more_memory_to_decode_may_have_fewer_pixels(kind, bytes_a_pixel, monkeypatch):
    def opened(height: int) -> tuple[int, int]:
        how = {"kind": "JPEG", "progressive": True} if kind == "progressive" else {"kind": kind}
        with open_picture(encode(Image.new("RGB", (100, height)), **how)) as image:
            return image.size

    monkeypatch.setattr(pictures, "MAX_MEMORY", 100 * 50 * bytes_a_pixel)
    assert opened(50) == (100, 50)
    with pytest.raises(TooLargeError, match="not opened"):
        opened(51)


def test_of_a_tiled_tiff_the_tiles_count():
    content = encode(Image.new("RGB", (32, 32)), "TIFF")
    with open_picture(content) as image:
        image.tag_v2[322] = image.tag_v2[323] = 20_000
        with pytest.raises(TooLargeError, match="million pixels, the limit of a TIFF"):
            pictures._memory(image, "TIFF")


def test_scans_without_end_are_not_decoded():
    content = encode(draw(np.random.default_rng(0), "real"), "JPEG", progressive=True)
    last, end = content.rindex(b"\xff\xda"), len(content) - 2
    again = content[:end] + content[last:end] * MAX_SCANS + content[end:]
    with pytest.raises(PictureError, match="more than 30 scans"), open_picture(again):
        pass


def test_segments_without_end_are_not_read():
    content = encode(draw(np.random.default_rng(0), "real"), "JPEG")
    for at in (2, len(content) - 2):
        with pytest.raises(PictureError, match="more than 10,000 segments"):
            open_picture(content[:at] + b"\xff\xfe\0\2" * 10_000 + content[at:]).__enter__()


# --- whole --------------------------------------------------------------------------------------

JPEGS = [
    {},
    {"subsampling": 0},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"mode": "L"},
    {"mode": "CMYK"},
]


def jpeg(image: Image.Image, mode: str = "RGB", **how: object) -> bytes:
    return encode(image.convert(mode), "JPEG", quality=90, **how)


@pytest.mark.parametrize("how", JPEGS, ids=str)
def test_a_jpeg_cut_short_is_noticed_though_an_end_marker_follows(how):
    whole = jpeg(draw(np.random.default_rng(1), "real").resize((150, 130)), **how)
    assert prepare(whole, 32).status == "ok"
    assert inspect("a.jpg", whole).bytes == len(whole)
    start = whole.index(b"\xff\xda") + 20
    for share in np.linspace(0.02, 0.9, 30):
        cut = whole[: start + int(share * (len(whole) - start))].rstrip(b"\xff") + b"\xff\xd9"
        picture = prepare(cut, 32)
        assert picture.status == "unreadable", share
        assert "cut short" in picture.reason or "truncated" in picture.reason
        with pytest.raises(Reject, match="truncated image"):
            inspect("a.jpg", cut)


@pytest.mark.parametrize("how", JPEGS, ids=str)
@pytest.mark.parametrize("size", [(16, 16), (97, 33), (64, 64)])
def test_a_grey_picture_is_not_taken_for_one_cut_short(how, size):
    whole = jpeg(Image.new("RGB", size, (128, 128, 128)), **how)
    for content in (whole, whole + b"what a telephone adds"):
        assert prepare(content, 8).status == "ok"
        assert inspect("a.jpg", content).width == size[0]


def test_a_picture_is_forgotten_as_soon_as_it_is_left():
    gc.disable()
    try:
        with open_picture(jpeg(Image.new("RGB", (64, 64)))) as image:
            image.load()
        left = weakref.ref(image)
        del image
        assert left() is None
    finally:
        gc.enable()


def test_further_pictures_behind_the_first_are_no_part_of_it():
    first, second = (Image.new("RGB", (64, 64), (128,) * 3), draw(np.random.default_rng(2), "ai"))
    content = encode(first, "MPO", save_all=True, append_images=[second])
    assert prepare(content, 8).status == "ok"
    cut = content[: content.index(b"\xff\xda") + 20] + b"\xff\xd9" + encode(second, "JPEG")
    assert "cut short" in prepare(cut, 8).reason


@pytest.mark.real_data
def test_no_real_picture_is_taken_for_one_cut_short(real_data):
    refused = {
        path.name
        for path in sorted(real_data.rglob("*.jpg"))[::100]
        if prepare(path.read_bytes(), 8).status != "ok"
    }
    assert refused <= {"Zydrunas_Ilgauskas_0001.jpg"}


# --- as seen ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "RGB", "L", "1", "CMYK"])
def test_strips_are_the_whole(mode, monkeypatch):
    noise = np.random.default_rng(3).integers(0, 256, (40, 30, 4), np.uint8)
    image = Image.fromarray(noise, "RGBA")
    if mode == "I;16":
        image = Image.fromarray(noise[..., 0].astype(np.uint16) * 200)
    elif mode == "P":
        image = image.convert("P")
        image.info["transparency"] = bytes(range(256))
    elif mode != "RGBA":
        image = image.convert(mode)
    at_once = np.asarray(as_seen(image.copy()))
    monkeypatch.setattr(pictures, "_STRIP", 30 * 7)
    assert np.array_equal(as_seen(image.copy()), at_once)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_every_way_in_sees_a_turned_picture_upright(orientation):
    image = draw(np.random.default_rng(4), "ai").resize((60, 44))
    upright, turned = encode(image), encode_turned(image, orientation)
    for way in (
        lambda content: prepare(content, 24).pixels,
        working_pixels,
        perceptual_hash,
        lambda content: small_jpeg(content, 40),
        lambda content: np.round(measure(content)[3:], 9),  # brightness, border and corners
    ):
        assert np.array_equal(way(upright), way(turned))


@pytest.mark.real_data
def test_the_shape_of_a_turned_face_is_that_of_the_upright_one(real_data, tmp_path):
    pytest.importorskip("dlib", reason="needs the extra 'landmarks'")
    shapes = []
    for number, path in enumerate(sorted((real_data / "ffhq" / "images").glob("*.jpg"))[:3]):
        image = Image.open(path)
        for content in (encode(image), encode_turned(image, (3, 6, 8)[number])):
            face = Face({}, content)
            shapes.append(picture_tags()["face_shape"].look(face))
    assert shapes[::2] == shapes[1::2] and any(shapes)


def test_metadata_that_cannot_be_read_turn_nothing():
    image = Image.new("RGB", (30, 20))
    broken = b"Exif\0\0what is this?" + bytes(range(64))
    assert prepare(encode(image, "JPEG", exif=broken), 8).status == "ok"


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "MPO", "AVIF"])
def test_of_many_frames_the_first_alone_is_decoded(kind, monkeypatch):
    if kind == "AVIF" and kind not in FORMATS:
        pytest.skip("this Pillow reads no AVIF")
    colours = ["red", "lime", "blue", "white"]
    first, *others = [Image.new("RGB", (32, 32), colour) for colour in colours]
    content = encode(first, kind, save_all=True, append_images=others)
    with Image.open(io.BytesIO(content)) as image:
        whole = type(image)
        assert image.n_frames == 4
    seek = whole.seek

    def first_only(self: Image.Image, frame: int) -> None:
        assert frame == 0, "another frame was looked for"
        seek(self, frame)

    monkeypatch.setattr(whole, "seek", first_only)
    for pixels in (prepare(content, 16).pixels, working_pixels(content)):
        red, green, blue = pixels.reshape(-1, 3).mean(axis=0)
        assert red > 240 and green < 15 and blue < 15
