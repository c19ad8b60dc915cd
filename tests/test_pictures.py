"""One function opens every picture: no other format, no further frame, no program started."""

from __future__ import annotations

import ast
import io
import os
import stat
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

import faceaudit
from faceaudit.datasets.duplicates import near_copies
from faceaudit.datasets.images import inspect
from faceaudit.datasets.rejects import Reject
from faceaudit.model.preprocess import prepare, square_pixels
from faceaudit.pictures import FORMATS, MAX_PIXELS, PictureError, TooLargeError, open_picture
from faceaudit.schema import ModelInfo
from faceaudit.scoring import Detector, score
from faceaudit.tables import read_manifest
from faceaudit.tags.base import picture_tags
from faceaudit.tags.landmarks import Face, working_pixels
from tests.pictures import draw, encode, write_manifest

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


@pytest.mark.parametrize("side", [int(MAX_PIXELS**0.5) + 1, 20_000])
def test_a_picture_too_large_is_told_by_its_header(side, monkeypatch):
    content = encode(Image.new("1", (side, side)))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(TooLargeError, match="80 million"), open_picture(content):
        pass


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
