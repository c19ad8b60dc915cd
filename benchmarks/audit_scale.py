"""Time and peak memory of a whole audit, every check of it, from files to the result.

    python benchmarks/audit_scale.py                   # the curve
    python benchmarks/audit_scale.py 16000000 --parts 10  # one size, in so many files
    python benchmarks/audit_scale.py 234000 --persons  # ten images a person
    python benchmarks/audit_scale.py 234000 --delivery # with delivery facts of the file
    python benchmarks/audit_scale.py 234000 --tags 100 # with so many tags more
    python benchmarks/audit_scale.py 234000 --groups 1000  # a tag of so many groups more
    python benchmarks/audit_scale.py 234000 --fairlearn  # beside bare values of MetricFrame

1,646,545 rows is the size of the AI-Face benchmark. Files are drawn, and each size is audited, in
a process of its own, so the peak memory is that of a whole process with all imports.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SIZES = (10_000, 100_000, 234_000, 1_646_545)
TAGS = {
    "gender": ["Female", "Male"],
    "race": ["Asian", "Black", "Indian", "Latino", "Other", "White"],
    "age_band": ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"],
    "glasses": ["NoGlasses", "ReadingGlasses", "Sunglasses"],
}
INTERSECTIONS = [["gender", "race"], ["gender", "age_band"], ["race", "age_band"]]
#: Rows that are drawn at a time.
CHUNK = 1_000_000


def draw(rows: int, first: int, options: argparse.Namespace) -> pa.Table:
    """Draw tagged scores with uneven groups and error rates that differ by race."""
    random = np.random.default_rng(first)
    columns: dict[str, object] = {}
    codes = {}
    for tag, values in drawn_tags(options).items():
        # The same shares in every part.
        share = np.random.default_rng(len(values)).dirichlet(np.full(len(values), 3))
        codes[tag] = random.choice(len(values), rows, p=share)
        numbers = pa.array(codes[tag].astype(np.int16), mask=random.random(rows) < 0.02)
        columns[tag] = pa.DictionaryArray.from_arrays(numbers, values).cast(pa.string())
    is_ai = random.random(rows) < 0.5
    logit = random.normal(np.where(is_ai, 2.5, -2.5) + 0.1 * codes["race"], 1.5)
    number = pa.array(np.arange(first, first + rows)).cast(pa.string())
    persons = random.integers(options.rows // 10 + 1, size=rows)
    delivery = {
        "width": random.choice([200, 256, 512, 1024], rows),
        "height": random.choice([200, 256, 512, 1024], rows),
        "bytes": random.integers(5_000, 90_000, rows),
        "jpeg_table": random.choice([f"quality {of}" for of in (60, 75, 85, 92, 95)], rows),
    }
    return pa.table(
        {
            "image": pa.compute.binary_join_element_wise("faces/", number, ".jpg", ""),
            "label": np.where(is_ai, "ai", "real"),
            "dataset": np.where(is_ai, "drawn ai", "drawn real"),
            "p_ai": (1 / (1 + np.exp(-logit))).astype(np.float32),
            **columns,
            **({"person": pa.array(persons).cast(pa.string())} if options.persons else {}),
            **(delivery if options.delivery else {}),
        }
    )


def drawn_tags(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return all tags and their values."""
    more = {f"tag {i}": ["no", "yes", "perhaps"] for i in range(options.tags)}
    many = {"many": [f"group {i}" for i in range(options.groups)]} if options.groups else {}
    return TAGS | more | many


def write(folder: Path, options: argparse.Namespace) -> None:
    """Write the table into so many files of as many rows."""
    ends = np.linspace(0, options.rows, options.parts + 1).astype(int)
    for i, (start, stop) in enumerate(itertools.pairwise(ends)):
        writer = None
        for first in range(start, stop, CHUNK):
            table = draw(min(CHUNK, stop - first), first, options)
            writer = writer or pq.ParquetWriter(folder / f"part-{i:04}.parquet", table.schema)
            writer.write_table(table)
        writer.close()


def audit(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Audit the files in this process: seconds in all and by check, and peak memory in GB."""
    from faceaudit import api, runner
    from faceaudit.given import read_given, with_names

    files = sorted(folder.glob("*.parquet"))
    spec = {
        "title": "Scale",
        "question": "How long does a whole audit take?",
        "attributes": list(drawn_tags(options)),
        "intersections": INTERSECTIONS,
    }
    api.audit(pq.read_table(files[0]).slice(0, 2_000), spec)  # imports and caches are paid once
    by_check, plain = {}, runner.run_check

    def timed(check: object, *given: object) -> object:
        start = time.process_time()
        found = plain(check, *given)
        by_check[check.id] = time.process_time() - start
        return found

    runner.run_check = timed
    start, cpu_start = time.perf_counter(), time.process_time()
    result = api.audit(files, spec, images=False)
    total, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    found = {
        "seconds": total,
        "cpu": cpu,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "by_check": by_check,
    }
    start = time.process_time()
    for _ in read_given(with_names(files), None, {}, in_parts=True):
        pass
    found["reading"] = time.process_time() - start
    if options.groups:
        from faceaudit.report.html import write_with_page

        start = time.process_time()
        write_with_page(result, folder / "out", images=False)
        found["page"] = time.process_time() - start
        found["page_bytes"] = (folder / "out" / "report.html").stat().st_size
    return found


def metric_frames(folder: Path, options: argparse.Namespace) -> float:
    """Time bare FPR and FNR of all groupings at one threshold, by fairlearn."""
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

    table = pq.read_table(folder, partitioning=None)
    start = time.process_time()
    is_ai, called = np.array(table["label"]) == "ai", table["p_ai"].to_numpy() >= 0.5
    features = {tag: np.array(table[tag].fill_null("none")) for tag in drawn_tags(options)}
    for tags in [[tag] for tag in features] + INTERSECTIONS:
        frame = MetricFrame(
            metrics={"fpr": false_positive_rate, "fnr": false_negative_rate},
            y_true=is_ai,
            y_pred=called,
            sensitive_features={tag: features[tag] for tag in tags},
        )
        _ = frame.by_group, frame.difference()
    return time.process_time() - start


def in_own_process(step: str, folder: Path, given: list[str]) -> Any:
    """Run one step of one size in a process of its own."""
    command = [sys.executable, __file__, *given, "--step", step, "--folder", str(folder)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def parsed(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=int, nargs="?")
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--tags", type=int, default=0)
    parser.add_argument("--groups", type=int, default=0)
    for option in ("--persons", "--delivery", "--fairlearn"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--step", choices=["write", "audit", "fairlearn"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main() -> None:
    options = parsed()
    if options.step:
        step = {"write": write, "audit": audit, "fairlearn": metric_frames}[options.step]
        print(json.dumps(step(options.folder, options)))
        return
    # On a machine with other work, processor seconds are nearer to what an idle one would take.
    print("| rows | seconds | processor seconds | of it reading | per million rows | peak GB |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    found = {}
    for rows in [options.rows] if options.rows else SIZES:
        given = [of for of in sys.argv[1:] if of != str(options.rows)] + [str(rows)]
        with tempfile.TemporaryDirectory() as folder:
            in_own_process("write", Path(folder), given)
            if options.fairlearn:
                fairlearn = in_own_process("fairlearn", Path(folder), given)
            found[rows] = one = in_own_process("audit", Path(folder), given)
        print(
            f"| {rows:,} | {one['seconds']:.2f} | {one['cpu']:.2f} | {one['reading']:.2f} "
            f"| {one['cpu'] / rows * 1e6:.2f} | {one['gigabytes']:.2f} |",
            flush=True,
        )
        if options.fairlearn:
            ratio = f"the audit: {one['cpu'] / fairlearn:.2f} of it"
            print(f"bare MetricFrame at one threshold: {fairlearn:.2f} s; {ratio}")
        if options.groups:
            print(f"page: {one['page']:.2f} s, {one['page_bytes'] / 1e6:.1f} MB")
    print(f"\n| processor seconds of | {' | '.join(f'{rows:,} rows' for rows in found)} |")
    print(f"| --- |{' ---: |' * len(found)}")
    for check in one["by_check"]:
        times = (f"{of['by_check'].get(check, float('nan')):.2f}" for of in found.values())
        print(f"| {check} | {' | '.join(times)} |")


if __name__ == "__main__":
    main()
