"""`faceaudit score --engine ray` with one worker and with two, on the cores of this machine.

Two numbers of pictures are scored with each, so that starting workers and loading models, which is
the same for a hundred pictures and a million, is told from the work itself. Only on a machine that
does nothing else do two workers have two cores::

    python benchmarks/ray_workers.py -n 1000
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from pathlib import Path

import click
import pyarrow as pa
import ray

from faceaudit.schema import DatasetInfo, ManifestInfo
from faceaudit.scoring import runs, score
from faceaudit.tables import Manifest
from score_throughput import draw

#: How many times as many pictures the longer run has.
LONGER = 4


@click.command()
@click.option("--model", default="bundled:default")
@click.option("-n", default=1000)
@click.option("--rounds", default=2)
def main(model: str, n: int, rounds: int) -> None:
    runs.WORTH_HASTE = 1
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(scratch), 100, 256, "JPEG")
        files = [f"{i}.img" for i in range(LONGER * n)]
        for i in range(100, LONGER * n):  # the same again, under other names
            (Path(scratch) / files[i]).hardlink_to(Path(scratch) / files[i % 100])
        info = ManifestInfo(datasets={"set": DatasetInfo(root=scratch, indexed=len(files))})

        def seconds(images: int) -> float:
            columns = {"image": files[:images], "label": ["ai"] * images}
            table = pa.table(columns | {"dataset": ["set"] * images})
            start = time.perf_counter()
            score(model, Manifest(table, info), engine="ray", find_faces=False)
            return time.perf_counter() - start

        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(rounds):
            for workers, found in rates.items():
                os.sched_setaffinity(0, range(workers))
                ray.init(num_cpus=workers, log_to_driver=False, logging_level=logging.ERROR)
                short, long = seconds(n), seconds(LONGER * n)
                ray.shutdown()
                found.append((LONGER - 1) * n / (long - short))
                print(
                    f"{workers} of one core each: {found[-1]:.1f} images/s more, {short:.1f} s of"
                )
                print(f"  {n:,} images, {long:.1f} s of {LONGER * n:,}")
        one, two = (max(found) for found in rates.values())
        print(f"two workers do {two / one:.2f} times the work of one, {two / one / 2:.0%} of twice")


if __name__ == "__main__":
    main()
