"""Indexing rate, beside a plain loop over PIL.Image.open on the same files in the same run.

Usage: python benchmarks/index_rate.py [FILES]

Draws trees of JPEG files as large as UTKFace's (200 x 200 pixels, 5 kB) and as FFHQ's at 256
pixels (12 kB), reads them once so that all are equally warm, and measures each way of reading
them several times in turn. The plain loop learns a picture's size and type from its first
bytes; index also hashes every byte, checks that files are whole, reads tags from the names and
writes manifest and ledger. The larger the files, the more the hash counts.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from faceaudit.datasets import index

ROUNDS = 5
#: Side in pixels, and side of the random pattern that is enlarged to it.
KINDS = {"as UTKFace": (200, 5), "as FFHQ at 256 pixels": (256, 15)}


def draw_tree(root: Path, files: int, side: int, detail: int) -> list[Path]:
    """As many UTKFace-like files, in folders of a thousand; no two have the same bytes."""
    generator = np.random.default_rng(0)
    pictures = []
    for _ in range(50):
        noise = generator.integers(0, 256, (detail, detail, 3), np.uint8)
        image = Image.fromarray(noise).resize((side, side)).filter(ImageFilter.GaussianBlur(1))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        pictures.append(buffer.getvalue())
    paths = []
    for number in range(files):
        folder = root / f"{number // 1000:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number % 100}_{number % 2}_{number % 5}_2017{number:013d}.jpg.chip.jpg"
        picture = pictures[number % len(pictures)]
        # A comment segment with the number, behind the two bytes that begin a JPEG file.
        path.write_bytes(picture[:2] + b"\xff\xfe\x00\x0a%08d" % number + picture[2:])
        paths.append(path)
    return paths


def plain_loop(paths: list[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            assert image.size[0] == image.size[1]
            assert image.format == "JPEG"


def seconds(work: Callable[[], object], cores: set[int]) -> float:
    os.sched_setaffinity(0, cores)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(files: int, side: int, detail: int) -> dict[str, object]:
    every = os.sched_getaffinity(0)
    one = {min(every)}
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "set", Path(folder) / "manifest.parquet"
        paths = draw_tree(root, files, side, detail)
        plain_loop(paths)
        ways: dict[str, tuple[Callable[[], object], set[int]]] = {
            "plain loop, one core": (lambda: plain_loop(paths), one),
            "index, one core": (lambda: index("utkface", root, out, workers=1), one),
            f"index, {len(every)} cores": (
                lambda: index("utkface", root, out, workers=len(every)),
                every,
            ),
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for name, (work, cores) in ways.items():
                best[name] = min(best[name], seconds(work, cores))
        size = sum(path.stat().st_size for path in paths) / files
    rates = {name: files / took for name, took in best.items()}
    plain = rates["plain loop, one core"]
    return {
        "mean bytes": round(size),
        "images a second": {name: round(rate) for name, rate in rates.items()},
        "beside the plain loop": {name: round(rate / plain, 2) for name, rate in rates.items()},
    }


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    report = {name: measure(files, *kind) for name, kind in KINDS.items()}
    print(json.dumps({"files": files, **report}, indent=2))


if __name__ == "__main__":
    main()
