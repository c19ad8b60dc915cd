"""Time and peak memory of a whole audit, every check of it, as the table grows.

    python benchmarks/audit_scale.py                 # the curve
    python benchmarks/audit_scale.py 234000          # one size, check by check
    python benchmarks/audit_scale.py 234000 --persons  # ten images a person
    python benchmarks/audit_scale.py 234000 --delivery # with delivery facts of the file

1,646,545 rows is the size of the AI-Face benchmark. Each size runs in a process of its own, so
the peak memory is that of the whole process with the table and all imports.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa

SIZES = (10_000, 100_000, 234_000, 1_646_545)
TAGS = {
    "gender": ["Female", "Male"],
    "race": ["Asian", "Black", "Indian", "Latino", "Other", "White"],
    "age_band": ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"],
    "glasses": ["NoGlasses", "ReadingGlasses", "Sunglasses"],
}
INTERSECTIONS = [["gender", "race"], ["gender", "age_band"], ["race", "age_band"]]


def draw(rows: int, options: Collection[str] = ()) -> pa.Table:
    """Draw tagged scores with uneven groups and error rates that differ by race."""
    random = np.random.default_rng(rows)
    columns: dict[str, object] = {}
    codes = {}
    for tag, values in TAGS.items():
        codes[tag] = random.choice(len(values), rows, p=random.dirichlet(np.full(len(values), 3)))
        missing = random.random(rows) < 0.02
        columns[tag] = pa.array(np.array(values, object)[codes[tag]], pa.string(), mask=missing)
    is_ai = random.random(rows) < 0.5
    logit = random.normal(np.where(is_ai, 2.5, -2.5) + 0.1 * codes["race"], 1.5)
    persons = {"person": random.integers(rows // 10, size=rows).astype(str)}
    delivery = {
        "width": random.choice([200, 256, 512, 1024], rows),
        "height": random.choice([200, 256, 512, 1024], rows),
        "bytes": random.integers(5_000, 90_000, rows),
        "jpeg_table": random.choice([f"quality {of}" for of in (60, 75, 85, 92, 95)], rows),
    }
    return pa.table(
        {
            "image": [f"{i}.jpg" for i in range(rows)],
            "label": np.where(is_ai, "ai", "real"),
            "dataset": np.where(is_ai, "drawn ai", "drawn real"),
            "p_ai": (1 / (1 + np.exp(-logit))).astype(np.float32),
            **columns,
            **(persons if "--persons" in options else {}),
            **(delivery if "--delivery" in options else {}),
        }
    )


def run(rows: int, options: Collection[str] = ()) -> dict[str, object]:
    """Audit `rows` rows in this process: seconds in all and by check, and peak memory in GB."""
    from faceaudit import runner as audit_module
    from faceaudit.checks import AuditInput, all_checks
    from faceaudit.schema import DatasetInfo, ScoresInfo, validate
    from faceaudit.spec import Spec
    from faceaudit.tables import Scores

    table = validate(draw(rows, options), "scores", "drawn")
    info = ScoresInfo(
        datasets={name: DatasetInfo(indexed=rows) for name in ("drawn ai", "drawn real")},
        tag_sources={tag: {"drawn real": "drawn", "drawn ai": "drawn"} for tag in TAGS},
    )
    spec = Spec(
        name="scale",
        title="Scale",
        question="How long does a whole audit take?",
        attributes=list(TAGS),
        intersections=INTERSECTIONS,
    )
    # Imports and caches are paid once, on a small table.
    small = Scores(table.slice(0, 2_000), info)
    audit_module.audit(small, spec)
    start, cpu_start = time.perf_counter(), time.process_time()
    result = audit_module.audit(Scores(table, info), spec)
    total, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

    by_check = {}
    fresh = pa.table(table.columns, names=table.column_names)
    data = AuditInput(table=fresh, info=info, spec=spec, threshold=0.5)
    for check in result.checks:
        start = time.process_time()
        known = all_checks()[check.id]
        known.run(data, known.parse_options({}, "scale"))
        by_check[check.id] = time.process_time() - start
    return {"seconds": total, "cpu": cpu, "gigabytes": peak, "by_check": by_check}


def measure(rows: int, *options: str) -> dict[str, object]:
    """Run one size in a process of its own."""
    script = str(Path(__file__).resolve())
    output = subprocess.run(
        [sys.executable, script, "--child", str(rows), *options],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(run(int(sys.argv[2]), sys.argv[3:])))
        return
    options = [of for of in sys.argv[1:] if of.startswith("--")]
    sizes = [int(of) for of in sys.argv[1:] if of not in options] or SIZES
    # On a machine with other work, processor seconds are nearer to what an idle one would take.
    print("| rows | seconds | processor seconds | per million rows | peak GB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    found = {}
    for rows in sizes:
        found[rows] = one = measure(rows, *options)
        print(
            f"| {rows:,} | {one['seconds']:.2f} | {one['cpu']:.2f} "
            f"| {one['cpu'] / rows * 1e6:.2f} | {one['gigabytes']:.2f} |",
            flush=True,
        )
    print(f"\n| processor seconds of | {' | '.join(f'{rows:,} rows' for rows in sizes)} |")
    print(f"| --- |{' ---: |' * len(sizes)}")
    for check in found[sizes[-1]]["by_check"]:
        times = (f"{found[rows]['by_check'].get(check, float('nan')):.2f}" for rows in sizes)
        print(f"| {check} | {' | '.join(times)} |")


if __name__ == "__main__":
    main()
