"""The attack on all that is brought in, by a seed: what became of it, and what gave way.

Usage: python benchmarks/hostile.py [--pictures 10000] [--tables 2500] … (--help lists the sizes)

Each part is a process of its own with folders of its own; a size of 0 leaves out what it is of.
Whatever is refused is refused in one line, or the part says otherwise. Of every part these are
looked for besides, and end the run with exit code 1: a traceback; a part that takes longer than an
hour; a process that outlives it; a file left among the temporary ones, or written elsewhere; a
socket to another machine, which is blocked, or a name that is looked up; a process of more memory
than `MEMORY`. Linux alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The parts, and what each brings in how often.
PARTS = {
    "hostile_tables": {"tables": 2_500, "expressions": 30_000, "results": 600, "models": 100},
    "hostile_requests": {"requests": 1_000, "clients": 8, "reports": 200, "readers": 40},
    "kills": {"kills": 100},
    "hostile_pictures": {"pictures": 10_000},
}
#: Bytes of one process. Costly pictures that are sound take 650 MB, libraries the rest.
MEMORY, SECONDS = 1_500_000_000, 3_600


def main() -> None:
    parser = argparse.ArgumentParser(description="The attack on all that is brought in.")
    for sizes in PARTS.values():
        for what, n in sizes.items():
            parser.add_argument(f"--{what}", type=int, default=n)
    parser.add_argument("--real", default="", help="a folder of real pictures, mutated too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        sys.path[:0] = [str(ROOT)]
        found = importlib.import_module(given.part).attack(given)
        # Of this process the system counts what began it, too.
        lines = Path("/proc/self/status").read_text().splitlines()
        own = int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
        most = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        print(json.dumps({"memory": 1024 * most} | found))
        return
    faults: list[str] = []
    for part, sizes in PARTS.items():
        if any(getattr(given, what) for what in sizes):
            words = [f"--{name}={value}" for name, value in vars(given).items() if name != "part"]
            found = attacked(part, words, faults)
            print(json.dumps({part: found}, indent=2), flush=True)
    print(f"{len(faults)} faults", *faults, sep="\n")
    sys.exit(bool(faults))


def attacked(part: str, words: list[str], faults: list[str]) -> dict[str, object]:
    """Run one part and look at what it leaves; add what gave way to `faults`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place, notes = Path(folder) / "place", Path(folder) / "notes"
        for name in ("home", "tmp", "work", "state"):
            (place / name).mkdir(parents=True)
        environment = {
            **{"HOME": f"{place}/home", "XDG_STATE_HOME": f"{place}/state"},
            **{"TMPDIR": f"{place}/tmp", "TORCHINDUCTOR_CACHE_DIR": f"{place}/state/torch"},
            **{"HOSTILE_PLACE": f"{place}/", "HOSTILE_NOTES": str(notes)},
            **{"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
            "PYTHONPATH": os.pathsep.join([f"{Path(__file__).parent}/hostile_watch", *sys.path]),
        }
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, "--part", part, *words],
            cwd=place / "work",
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            out, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            faults.append(f"{part}: it hangs")
            process.kill()
            out, said = process.communicate()
        if process.returncode:
            faults.append(f"{part}: exit code {process.returncode}: {said[-2_000:]}")
        elif "Traceback" in said:
            faults.append(f"{part}: a traceback: {said[-2_000:]}")
        faults += [f"{part}: {pid} outlives it" for pid in started_in(place)]
        # The folders of who was killed are removed by whoever needs one next.
        again = "from faceaudit.files import scratch_folder\nwith scratch_folder(): pass"
        subprocess.run([sys.executable, "-c", again], env=os.environ | environment, check=True)
        faults += [f"{part}: left {path}" for path in (place / "tmp").iterdir()]
        noted = notes.read_text().splitlines() if notes.exists() else []
        faults += [f"{part}: {line}" for line in noted[:20]]
    found: dict[str, object] = json.loads(out) if not process.returncode else {}
    memory = int(str(found.pop("memory", 0)))
    if memory > MEMORY:
        faults.append(f"{part}: a process of {memory / 1e6:,.0f} MB")
    return found | {"MB": memory // 10**6, "seconds": round(time.monotonic() - began)}


def started_in(place: Path) -> list[str]:
    """The processes that have the folder in their environment, as all have that a part starts."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(place).encode() in path.read_bytes():
                found.append(f"{path.parent.name} ({path.with_name('cmdline').read_text()[:200]})")
        except OSError:
            continue
    return found


if __name__ == "__main__":
    main()
