"""Memory of indexing 10,000 to 1,000,000 images, in folders and in archives.

Usage: python benchmarks/index_memory.py [COUNT ...]

Every run is a process of its own; its peak of resident memory includes Python, Arrow and
Pillow, some 120 MB before the first image.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

COUNTS = (10_000, 100_000, 1_000_000)
RUN = """
import resource, sys, time
from faceaudit.datasets import index
start = time.perf_counter()
report = index("one-million-fake-faces", sys.argv[1], sys.argv[2])
took = time.perf_counter() - start
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(report.indexed, round(own), round(worker), round(report.indexed / took))
"""


def images(count: int) -> Iterator[tuple[str, bytes]]:
    """Tiny JPEG files, no two alike, by the names of folders of a thousand."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "grey").save(buffer, "JPEG")
    picture = buffer.getvalue()
    for number in range(count):
        comment = b"\xff\xfe\x00\x0a%08d" % number
        yield f"{number // 1000:05d}/{number:08d}.jpg", picture[:2] + comment + picture[2:]


def in_folders(root: Path, count: int) -> Path:
    for name, data in images(count):
        path = root / "set" / name
        if name.endswith("000.jpg"):
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root / "set"


def in_one_folder(root: Path, count: int) -> Path:
    (root / "flat").mkdir()
    for name, data in images(count):
        (root / "flat" / name.replace("/", "_")).write_bytes(data)
    return root / "flat"


def in_a_tar(root: Path, count: int) -> Path:
    with tarfile.open(root / "set.tar", "w") as archive:
        for name, data in images(count):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            archive.members = []
    return root / "set.tar"


def in_a_zip(root: Path, count: int) -> Path:
    with zipfile.ZipFile(root / "set.zip", "w") as archive:
        for name, data in images(count):
            archive.writestr(name, data)
    return root / "set.zip"


def main() -> None:
    counts = [int(word) for word in sys.argv[1:]] or COUNTS
    report: dict[str, dict[str, object]] = {}
    for plant in (in_folders, in_one_folder, in_a_tar, in_a_zip):
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                root = plant(Path(folder), count)
                command = [sys.executable, "-c", RUN, str(root), f"{folder}/manifest.parquet"]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            indexed, own, worker, rate = map(int, printed.split())
            assert indexed == count
            report.setdefault(plant.__name__.replace("_", " "), {})[f"{count:,}"] = {
                "peak MB": own,
                "peak MB of the largest worker": worker,
                "images a second": rate,
            }
            print(f"{plant.__name__} {count:,}: {own} MB, {rate:,} a second", file=sys.stderr)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
