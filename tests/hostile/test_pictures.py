"""Pictures and archives that are to do harm: the same in index, in scoring and on the page."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceaudit.datasets import index
from faceaudit.datasets.images import FORMATS, inspect
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import StoredImages
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Picture, prepare, square_pixels
from faceaudit.tables import read_manifest
from tests.datasets.planted import read_ledger
from tests.hostile.mutated_pictures import drawn_pictures, mutated
from tests.pictures import draw, encode, encode_turned, write_manifest

FACE = draw(np.random.default_rng(0), "real").resize((120, 96))
GREY16 = Image.fromarray(np.asarray(FACE.convert("L")).astype(np.uint16) * 257)
LARGE = (10_000, 10_000)


def cut(kind: str, end: bytes = b"", **how: object) -> bytes:
    content = encode(FACE, kind, **how)
    return content[: len(content) // 4 * 3] + end


def tenth() -> bytes:
    content = encode(FACE, "JPEG", quality=95)
    return content[: content.index(b"\xff\xda") + len(content) // 10] + b"\xff\xd9"


#: Name, file, reason in the ledger (none: indexed), status, words on the page (none: judged).
#: Pages take no GIF, TIFF and BMP, and look at no name.
CASES: list[tuple[str, Callable[[], bytes], str | None, str, str | None]] = [
    ("cmyk.jpg", lambda: encode(FACE.convert("CMYK"), "JPEG"), None, "ok", None),
    ("grey-16.png", lambda: encode(GREY16), None, "ok", None),
    ("grey-16.tif", lambda: encode(GREY16, "TIFF"), None, "ok", "not a picture of a kind"),
    ("palette.png", lambda: encode(FACE.convert("P")), None, "ok", None),
    ("one-bit.png", lambda: encode(FACE.convert("1")), None, "ok", None),
    ("transparent.webp", lambda: encode(FACE.convert("RGBA"), "WEBP"), None, "ok", None),
    ("turned.jpg", lambda: encode_turned(FACE, 6, "JPEG"), None, "ok", None),
    ("broken-exif.jpg", lambda: encode(FACE, "JPEG", exif=b"Exif\0\0MM?"), None, "ok", None),
    ("broken-icc.jpg", lambda: encode(FACE, "JPEG", icc_profile=bytes(99)), None, "ok", None),
    ("animated.gif", lambda: _animated("GIF"), None, "ok", "not a picture of a kind"),
    ("animated.webp", lambda: _animated("WEBP"), None, "ok", None),
    ("animated.png", lambda: _animated("PNG"), None, "ok", None),
    ("two.jpg", lambda: _animated("MPO"), None, "ok", None),
    ("png-named.jpg", lambda: encode(FACE), "wrong type behind the extension", "ok", None),
    ("empty.jpg", lambda: b"", "empty file", "unreadable", "empty"),
    ("no-width.png", lambda: _png_size(0, 9), "not a readable image", "unreadable", "damaged"),
    ("float.tif", lambda: encode(FACE.convert("F"), "TIFF"), "not a readable image", "unreadable",
     "not a picture of a kind"),
    ("svg.jpg", lambda: b"<svg xmlns='x'/>", "not a readable image", "unreadable", "SVG"),
    ("cut.jpg", lambda: cut("JPEG"), "truncated image", "unreadable", "cut short"),
    ("tenth.jpg", tenth, "truncated image", "unreadable", "cut short"),
    ("progressive.jpg", lambda: cut("JPEG", b"\xff\xd9", progressive=True), "truncated image",
     "unreadable", "cut short"),
    ("cut.png", lambda: cut("PNG", b"\0\0\0\0IEND\xaeB`\x82"), "truncated image", "unreadable",
     "cut short"),
    ("cut.webp", lambda: cut("WEBP"), "truncated image", "unreadable", "damaged"),
    ("cut.tif", lambda: cut("TIFF"), "truncated image", "unreadable", "not a picture of a kind"),
    ("cut.gif", lambda: cut("GIF", b"\0;"), "truncated image", "unreadable",
     "not a picture of a kind"),
    ("long.png", lambda: encode(Image.new("1", (1, 40_000))), "absurd size in pixels", "too_large",
     "32,768"),
    ("100-megapixels.jpg", lambda: _jpeg_size(*LARGE), "absurd size in pixels", "too_large",
     "80 million"),
    ("large.webp", lambda: _webp_size(9_000, 4_500), "absurd size in pixels", "too_large",
     "40 million pixels, the limit of a WebP"),
    ("progressive-large.jpg", lambda: _jpeg_size(7_000, 6_000, progressive=True),
     "absurd size in pixels", "too_large", "40 million"),
]  # fmt: skip
NAMES = [name for name, *_ in CASES]


def _animated(kind: str) -> bytes:
    return encode(FACE, kind, save_all=True, append_images=[FACE.rotate(20), FACE.rotate(40)])


def _png_size(width: int, height: int) -> bytes:
    content = encode(FACE)
    return content[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + content[24:]


def _jpeg_size(width: int, height: int, **how: object) -> bytes:
    content = encode(FACE, "JPEG", **how)
    frame = content.index(b"\xff\xc2" if how else b"\xff\xc0") + 5
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return content[:frame] + size + content[frame + 4 :]


def _webp_size(width: int, height: int) -> bytes:
    content = encode(FACE, "WEBP")
    at = content.index(b"\x9d\x01\x2a") + 3
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return content[:at] + size + content[at + 4 :]


def scored(manifest: Path) -> dict[str, Picture]:
    read = read_manifest(manifest)
    pictures = read_pictures(
        read.table, StoredImages.of(read.info), lambda image: square_pixels(image, 16)
    )
    return dict(zip(read.table["image"].to_pylist(), pictures, strict=True))


@pytest.fixture(scope="module")
def brought(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("brought") / "set"
    folder.mkdir()
    for name, content, *_ in CASES:
        (folder / name).write_bytes(content())
    return folder


def test_every_file_is_indexed_or_in_the_ledger_with_its_reason(brought):
    out = brought.parent / "m.parquet"
    report = index("folder", brought, out, label="real")
    rejected = {entry.file: entry for entry in read_ledger(report.ledger) if entry.remedy}
    rows = read_manifest(out).table["image"].to_pylist()
    wanted = {name: reason for name, _, reason, *_ in CASES}
    assert {name: rejected[name].reason if name in rejected else None for name in NAMES} == wanted
    assert sorted(rows) == sorted(name for name, reason in wanted.items() if reason is None)


def test_every_file_has_a_status_and_its_reason_when_it_is_scored(brought):
    manifest = write_manifest(brought, NAMES, ["real"] * len(NAMES))
    found = scored(manifest)
    manifest.unlink()
    assert {name: found[name].status for name in NAMES} == {case[0]: case[3] for case in CASES}
    assert all(picture.reason or picture.status == "ok" for picture in found.values())


def test_every_file_is_judged_or_refused_with_its_reason_on_the_page(brought, monkeypatch):
    pytest.importorskip("fastapi", reason="needs the extra 'web'")
    from faceaudit.pictures import PictureError
    from faceaudit.web.measured_errors import Record
    from faceaudit.web.prediction import judge
    from faceaudit.web.uploads import check_picture
    from tests.web.drawn_web import BrightnessDetector

    monkeypatch.setattr("faceaudit.web.prediction.no_face", lambda *_: [])
    records = [Record(BrightnessDetector("low", 0.3), [])]
    for name, _, _, _, words in CASES:
        try:
            problem = judge(check_picture(name, (brought / name).read_bytes()), records, {}).problem
        except PictureError as error:
            problem = str(error)
        assert (problem is None) == (words is None), (name, problem)
        assert words is None or words in problem, name


def test_a_sound_picture_is_right_in_every_form():
    """Of what is decoded, the pixels are those of the picture that was encoded."""
    wanted = square_pixels(FACE, 16).astype(int)
    for name, content, _, status, _ in CASES:
        if status == "ok":
            grey = name.startswith(("grey", "one", "palette"))
            off = np.abs(prepare(content(), 16).pixels.astype(int) - wanted).mean()
            assert off < (40 if grey else 6), (name, off)


# --- archives and folders -----------------------------------------------------------------------


def packed(path: Path, members: list[tuple[str, bytes]]) -> Path:
    """Pack members under any name, also twice."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                entry = zipfile.ZipInfo("x")
                entry.filename, entry.compress_type = name, zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
    else:
        with tarfile.open(path, "w") as archive:
            for name, content in members:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_of_a_name_that_is_there_twice_index_and_score_take_the_same_entry(kind, tmp_path):
    first, second = (encode(draw(np.random.default_rng(seed), "ai")) for seed in (1, 2))
    root = packed(tmp_path / f"s.{kind}", [("ai/a.png", first), ("ai/a.png", second)])
    report = index("folder", root, tmp_path / "m.parquet")
    assert (report.indexed, report.reasons) == (1, {"the same name again": 1})
    (entry,) = read_ledger(report.ledger)
    assert entry.remedy == "the archive holds it twice; the first was used"
    assert np.array_equal(scored(report.manifest)["ai/a.png"].pixels, prepare(first, 16).pixels)
    # Were it another entry's, it would not be scored under the label and tags of the first.
    packed(root, [("ai/a.png", second)])
    assert scored(report.manifest)["ai/a.png"].status == "replaced"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_leads_out_is_in_the_ledger(kind, tmp_path):
    content = encode(FACE)
    names = ["../up.png", "/etc/root.png", "a/../../b.png", "..\\c.png", ""]
    root = packed(tmp_path / f"s.{kind}", [(name, content) for name in ["ai/a.png", *names]])
    report = index("folder", root, tmp_path / "m.parquet")
    assert (report.indexed, report.reasons) == (1, {"cannot be read": len(names)})
    told = {entry.remedy for entry in read_ledger(report.ledger)}
    assert told == {"the name is no place below the root"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "m.parquet", "m.rejects.csv", root.name,
    ]  # fmt: skip


def test_a_manifest_does_not_lead_out_of_its_root(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(encode(FACE))
    names = ["../secret.png", str(tmp_path / "secret.png"), "a\0b.png", "x/../../secret.png"]
    found = scored(write_manifest(root, names, ["real"] * 4))
    assert {picture.status for picture in found.values()} == {"unreadable"}
    assert {picture.reason for picture in found.values()} == {"the name is no place below the root"}


def test_a_table_does_not_lead_out_of_its_root(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(encode(FACE))
    (root / "a.png").write_bytes(encode(FACE))
    (root / "t.csv").write_bytes(
        b'path,label,mood\n../secret.png,real,x\na.png,real,"o\0d\x1b[31md"\n'
    )
    report = index("csv", root, tmp_path / "m.parquet")
    assert read_manifest(report.manifest).table["image"].to_pylist() == ["a.png"]
    assert "../secret.png" in {entry.file for entry in read_ledger(report.ledger)}


def test_what_unpacks_to_a_hundred_times_its_size_is_not_unpacked(tmp_path, monkeypatch):
    bomb = b"\xff\xd8" + bytes(5_000_000)
    root = packed(tmp_path / "s.zip", [("ai/a.png", encode(FACE)), ("ai/b.jpg", bomb)])
    report = index("folder", root, tmp_path / "m.parquet")
    (entry,) = read_ledger(report.ledger)
    assert (entry.file, entry.remedy) == ("ai/b.jpg", "unpacks to more than 100 times its size")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such depth")
def test_folders_a_thousand_deep_are_looked_into(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_050):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("a.png", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(file, encode(FACE))
    os.close(file)
    os.close(here)
    try:
        assert index("folder", tmp_path, label="real").indexed == 1
    finally:  # Python's own way to remove it would go too deep
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_links_do_not_multiply_folders(tmp_path):
    below = tmp_path / "z"
    below.mkdir()
    (below / "a.png").write_bytes(encode(FACE))
    for number in range(40):  # two ways down each time: a million million in all
        folder = tmp_path / f"{number:02}"
        folder.mkdir()
        (folder / "a").symlink_to(below)
        (folder / "b").symlink_to(below)
        below = folder
    (below / "back").symlink_to(tmp_path)
    report = index("folder", tmp_path, label="real")
    assert report.indexed == 1 and report.remarks["could not be looked into"] > 40


# --- mutations ----------------------------------------------------------------------------------


def test_mutated_pictures_are_read_or_explained_and_alike_everywhere():
    outcomes = Counter()
    for number, (suffix, content) in enumerate(mutated(drawn_pictures(), 400)):
        picture = prepare(content, 16)
        assert (picture.pixels is None) == bool(picture.reason)
        if suffix not in FORMATS:
            continue
        try:
            inspect(f"{number}.{suffix}", content)
            indexed = True
        except Reject as reject:
            assert reject.reason
            indexed = reject.reason == "wrong type behind the extension"
        outcomes[indexed, picture.status] += 1
        # What index takes is scored; only a PNG whose checksums are right is not decoded.
        if indexed and suffix != "png":
            assert picture.status == "ok", (number, suffix, picture.reason)
        elif picture.status == "ok":
            assert indexed, (number, suffix)
    assert outcomes[True, "ok"] > 50 and outcomes[False, "unreadable"] > 100
