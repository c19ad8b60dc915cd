"""`faceaudit score --engine ray` with one worker and with two, on the cores of this machine.

Counted from when the first scores arrive until the last do: starting workers and loading models is
the same for a hundred pictures and a million. Only on a machine that does nothing else do two
workers have two cores::

    python benchmarks/ray_workers.py -n 5000
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

#: When pictures were scored, and how many.
arrived: list[tuple[float, int]] = []


class _Noting(runs.Parts):
    def add(self, found: pa.Table) -> None:
        arrived.append((time.perf_counter(), len(found)))
        super().add(found)


@click.command()
@click.option("--model", default="bundled:default")
@click.option("-n", default=5000)
@click.option("--rounds", default=2)
def main(model: str, n: int, rounds: int) -> None:
    runs.WORTH_HASTE, runs.Parts = 1, _Noting
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(scratch), 100, 256, "JPEG")
        files = [f"{i}.img" for i in range(n)]
        for i in range(100, n):  # the same again, under other names
            (Path(scratch) / files[i]).hardlink_to(Path(scratch) / files[i % 100])
        info = ManifestInfo(datasets={"set": DatasetInfo(root=scratch, indexed=n)})
        table = pa.table({"image": files, "label": ["ai"] * n, "dataset": ["set"] * n})
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(rounds):
            for workers, found in rates.items():
                os.sched_setaffinity(0, range(workers))
                ray.init(num_cpus=workers, log_to_driver=False, logging_level=logging.ERROR)
                arrived.clear()
                score(model, Manifest(table, info), engine="ray", find_faces=False)
                ray.shutdown()
                (start, first), (end, _) = arrived[0], arrived[-1]
                found.append((n - first) / (end - start))
                print(f"{workers} of one core each: {found[-1]:.1f} images/s")
        one, two = (max(found) for found in rates.values())
        print(f"two workers do {two / one:.2f} times the work of one, {two / one / 2:.0%} of twice")


if __name__ == "__main__":
    main()
