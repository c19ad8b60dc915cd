"""Mutated pictures through index and score: what crashes, hangs, takes memory or stays unexplained.

A part of `benchmarks/hostile.py`. Files of every kind, drawn and real, are mutated by a seed
(tests/hostile/mutated_pictures.py). A process is handed a hundred at a time: it indexes them,
scores all of them by a detector that takes no time, and looks at each on its own as index, scoring
and the page do: seconds of processor time, and memory above what the process had before that
picture. Whatever raises ends the run. Costly pictures, sound or above a limit, are measured first.
"""

from __future__ import annotations

import io
import multiprocessing
import random
import struct
import tempfile
import time
import zlib
from argparse import Namespace
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from faceaudit.datasets import index
from faceaudit.datasets.images import inspect
from faceaudit.datasets.rejects import Reject
from faceaudit.errors import FaceAuditError
from faceaudit.model.preprocess import Floats, Prepared, prepare, square_pixels
from faceaudit.pictures import FORMATS
from faceaudit.schema import ModelInfo
from faceaudit.scoring import Detector, score
from faceaudit.tables import read_manifest
from faceaudit.tags.landmarks import working_pixels
from faceaudit.web.uploads import formats
from tests.datasets.planted import read_ledger
from tests.hostile.mutated_pictures import drawn_pictures, mutated
from tests.pictures import write_manifest

BATCH = 100
_SUFFIXES = {"PNG": "png", "TIFF": "tif", "WebP": "webp", "AVIF": "avif", "JPEG": "jpg"}
#: Limits of one picture: seconds of processor time, bytes above the base.
SECONDS, MEMORY = 5.0, 1_000_000_000


class Flat(Detector):
    """A detector that takes no time."""

    name = "flat"
    info = ModelInfo(id="flat")

    @classmethod
    def open(cls, model: str, options: object) -> Detector | None:  # noqa: D102
        return None

    def pixels(self, image: Image.Image) -> Prepared:  # noqa: D102
        return square_pixels(image, 16)

    def p_ai(self, pixels: Prepared) -> Floats:  # noqa: D102
        return np.full(len(pixels), 0.5, np.float32)


def costly() -> dict[str, bytes]:
    """Small files of large pictures, most of them below every limit."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    def png(width: int, height: int, depth: int, colour: int, stride: int) -> bytes:
        packer = zlib.compressobj(9)
        rows = b"".join(packer.compress(bytes(1 + stride)) for _ in range(height)) + packer.flush()
        header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
        parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + parts

    def saved(size: tuple[int, int], kind: str, mode: str = "RGB", **how: object) -> bytes:
        Image.new(mode, size, 128 if mode == "L" else (128,) * len(mode)).save(
            file := io.BytesIO(), kind, **how
        )
        return file.getvalue()

    deflate = {"compression": "tiff_deflate"}
    several = {"progressive": True}
    return {
        "1-bit PNG, 1 x 70,000,000": png(1, 70_000_000, 1, 0, 1),
        "1-bit PNG, 8,900 x 8,900": png(8_900, 8_900, 1, 0, 1_113),
        "RGBA PNG, 8,900 x 8,900": png(8_900, 8_900, 8, 6, 35_600),
        "16-bit RGBA PNG, 8,900 x 8,900": png(8_900, 8_900, 16, 6, 71_200),
        "16-bit grey PNG, 8,900 x 8,900": png(8_900, 8_900, 16, 0, 17_800),
        "RGBA deflate TIFF, 8,900 x 8,900": saved((8_900, 8_900), "TIFF", "RGBA", **deflate),
        "RGBA deflate TIFF, 7,000 x 7,000": saved((7_000, 7_000), "TIFF", "RGBA", **deflate),
        "WebP, 16,383 x 4,880": saved((16_383, 4_880), "WEBP", method=0),
        "WebP, 8,000 x 5,000": saved((8_000, 5_000), "WEBP", method=0),
        "AVIF, 7,000 x 7,000": saved((7_000, 7_000), "AVIF", speed=10),
        "grey JPEG, 8,900 x 8,900": saved((8_900, 8_900), "JPEG"),
        "progressive JPEG, 6,300 x 6,300": saved((6_300, 6_300), "JPEG", **several),
        "progressive CMYK JPEG, 6,300 x 6,300": saved((6_300, 6_300), "JPEG", "CMYK", **several),
        "JPEG, 11,648 x 8,736 (100 megapixels)": saved((11_648, 8_736), "JPEG"),
    }


def _most_memory() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def look(suffix: str, content: bytes) -> tuple[float, int, str, int]:
    """Look at one file as index, score and page, and tags from pictures do.

    Return the seconds of the slowest, the memory of the largest, the status, and all memory.
    """
    Path("/proc/self/clear_refs").write_text("5")
    base, times = _most_memory(), [time.process_time()]
    try:
        inspect(f"a.{suffix}", content)
    except Reject as reject:
        assert reject.reason
    times.append(time.process_time())
    picture = prepare(content, 128, (*FORMATS, "HEIF"))
    assert (picture.pixels is None) == bool(picture.reason)
    times.append(time.process_time())
    working_pixels(content)
    times.append(time.process_time())
    most = _most_memory()
    return float(max(np.diff(times))), most - base, picture.status, most


def one_batch(files: list[tuple[str, bytes]]) -> dict[str, object]:
    """Index and score a batch, then look at each; every file must be told of."""
    looks = [look(*file) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        root.mkdir()
        names = [f"{number:03}.{suffix}" for number, (suffix, _) in enumerate(files)]
        for name, (_, content) in zip(names, files, strict=True):
            (root / name).write_bytes(content)
        out = Path(folder) / "m.parquet"
        try:
            index("folder", root, out, label="real", workers=2)
            indexed = set(read_manifest(out).table["image"].to_pylist())
        except FaceAuditError:  # none of them
            indexed = set()
        entries = read_ledger(out.with_suffix(".rejects.csv"))
        rejected = {entry.file for entry in entries if entry.outcome == "rejected"}
        assert sorted(indexed | rejected) == names and not indexed & rejected
        manifest = write_manifest(root, names, ["real"] * len(names))
        scores = score(Flat(), manifest, root / "s.parquet", find_faces=False, workers=2)
        status = dict(zip(names, scores.table["status"].to_pylist(), strict=True))
    unlike = [name for name in indexed if status[name] != "ok"]
    return {
        "looks": [(*each[:2], suffix) for each, (suffix, _) in zip(looks, files, strict=True)],
        "memory": max(each[3] for each in looks),
        "outcomes": Counter(
            (suffix, "indexed" if name in indexed else "in the ledger", status[name])
            for name, (suffix, _) in zip(names, files, strict=True)
        ),
        "unlike": [Path(name).suffix for name in unlike],
    }


def attack(given: Namespace) -> dict[str, object]:
    """Look at so many."""
    pictures = drawn_pictures()
    if given.real:
        paths = sorted(Path(given.real).rglob("*.jpg"))
        real = random.Random(0).sample(paths, min(200, len(paths)))
        pictures += [("jpg", path.read_bytes()) for path in real]
        for path in real[:20]:
            image = Image.open(path).convert("RGB")
            for suffix in ("png", "webp", "gif", "tiff", "bmp", "avif"):
                image.save(file := io.BytesIO(), suffix)
                pictures.append((suffix.replace("tiff", "tif"), file.getvalue()))
    formats()
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=10) as pool:
        large = costly()
        measured = {
            name: pool.apply(look, (_SUFFIXES[name.split(",")[0].split()[-1]], content))
            for name, content in large.items()
        }
        files = list(mutated(pictures, given.pictures, seed=given.seed + 1))
        batches = [files[at : at + BATCH] for at in range(0, len(files), BATCH)]
        results = pool.map(one_batch, batches, chunksize=1)
    looks = [each for result in results for each in result["looks"]]
    outcomes = sum((result["outcomes"] for result in results), Counter())
    slowest, largest = max(looks), max(looks, key=lambda each: each[1])
    return {
        "files": len(files),
        # Of those that look; to draw what is costly takes this process more.
        "memory": max(
            *(each[3] for each in measured.values()), *(result["memory"] for result in results)
        ),
        "large pictures": {
            name: f"{len(large[name]) / 1000:.0f} kB: {took:.1f} s, {memory / 1e6:.0f} MB, {status}"
            for name, (took, memory, status, _) in measured.items()
        },
        "slowest": f"{slowest[0]:.2f} s ({slowest[2]})",
        "most memory": f"{largest[1] // 10**6} MB ({largest[2]})",
        f"over {SECONDS:g} s": sum(each[0] > SECONDS for each in looks),
        "over 1 GB": sum(each[1] > MEMORY for each in looks),
        "outcomes": {", ".join(key): n for key, n in sorted(outcomes.items())},
        "indexed and not scored": Counter(kind for result in results for kind in result["unlike"]),
    }
