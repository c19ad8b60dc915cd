"""Kills at seeded moments of score, index, train and audit, each continued to the end.

A part of `benchmarks/hostile.py`. Each run is a forked process that is killed (SIGKILL) after a
drawn share of the time that an unbroken run took, and then started again. Held against the
unbroken run: the table, manifest and ledger, weights, or audit. Looked for: processes that outlive
the killed one, temporary folders and decoded pictures, a new file beside an old one, and anything
beside the output at the end. Pictures are drawn; train and audit write over an earlier model and
audit.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image

from faceaudit import api, unfinished
from faceaudit.datasets import index
from faceaudit.datasets.rejects import ledger_path
from faceaudit.files import sha256_of
from faceaudit.result import read_audit
from faceaudit.scoring import score
from faceaudit.tables import read_manifest, read_scores

#: Of a hundred kills.
MOMENTS = {"score": 50, "index": 20, "train": 10, "audit": 20}
PICTURES = {"score": 300, "index": 300, "train": 80, "audit": 300}
ARCHITECTURE = {"arch": "mobilenetv3_small_050", "size": 32, "batch_size": 16, "weights": "none"}
EARLIER, NOW = "classifier-of-before", "classifier-of-now"
JUDGE = """
import numpy as np
def judge(image):
    return float(np.asarray(image.resize((64, 64))).mean() / 255)
"""


@dataclass
class Outcome:
    """What came of the kills of one command."""

    killed: int = 0
    #: It had come to its end before.
    too_late: int = 0
    #: It went on with something that was kept.
    went_on: int = 0
    equal: int = 0
    faults: list[str] = field(default_factory=list)


class Command:
    """One command on drawn pictures, whose `out` is the last of its arguments."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.pictures, self.manifest = folder / "pictures", folder / "manifest.parquet"

    def run(self, out: Path) -> None:
        """Do it, in this process."""
        if self.name == "score":
            model = f"python:{self.folder / 'judge.py'}:judge"
            score(model, self.manifest, out, find_faces=False, batch_size=4, deliver=["noise=9"])
        elif self.name == "index":
            index("folder", self.pictures, out, delivery_facts=True, look_for_near_copies=True)
        elif self.name == "train":
            self.trained(out, 3, 1)
        else:
            self.audited(out, NOW)

    def trained(self, out: Path, epochs: int, seed: int) -> None:
        """Train for so long from a seed."""
        from faceaudit.model.training import train

        train(self.manifest, out, epochs=epochs, seed=seed, **ARCHITECTURE)

    def audited(self, out: Path, name: str) -> None:
        """Audit under a name."""
        api.audit(self.folder / "scores.parquet", out=out, name=name)

    def earlier(self, out: Path) -> None:
        """Write what is there before, of train and audit."""
        if self.name == "train":
            shutil.copytree(self.folder / "model", out)
        elif self.name == "audit":
            shutil.copytree(self.folder / "audited", out)

    def content(self, out: Path) -> object:
        """Return what must be the same; an error if what is there does not belong together."""
        if self.name == "score":
            return read_scores(out).table
        if self.name == "index":
            manifest = read_manifest(out)
            return manifest.table, manifest.info, ledger_path(out).read_text()
        if self.name == "train":
            record = json.loads((out / "model.json").read_text())
            if record["weights_sha256"] != sha256_of(out / "model.safetensors"):
                raise ValueError("weights of another model")
            del record["id"], record["training"]["seconds"]
            return record, (out / "training_images.parquet").read_bytes()
        result, page = (out / "audit.json").read_text(), out / "report.html"
        if page.exists() and (EARLIER in page.read_text()) != (EARLIER in result):
            raise ValueError("the report of another audit")
        return read_audit(out / "audit.json").model_dump(exclude={"created"})


def prepare(folder: Path, pictures: int) -> None:
    """Draw pictures, and make what the commands read or write over."""
    rng = np.random.default_rng(0)
    for i in range(pictures):
        label = ("real", "ai")[i % 2]
        path = folder / "pictures" / label / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.normal(110 + 30 * (i % 2), 40, (40, 40, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    (folder / "pictures" / "real" / "broken.jpg").write_bytes(b"no picture")
    (folder / "judge.py").write_text(JUDGE)
    index("folder", folder / "pictures", folder / "manifest.parquet")
    Command(folder, "score").run(folder / "scores.parquet")


def forked(do: Callable[[], None], temporary: Path) -> int:
    """Start a process of this one that does it, with its own folder for temporary files."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # What torch compiles it keeps for later runs.
        kept = f"{tempfile.gettempdir()}/torchinductor"
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", kept)
        tempfile.tempdir = str(temporary)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        if not os.environ.get("VERBOSE"):
            os.dup2(null, 2)
        do()
        code = 0
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """Wait for a process, and return how it ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def started_by(pid: int) -> list[int]:
    """The processes that a process has started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for tasks in children for child in tasks.read_text().split()]


def outlived(pids: list[int], seconds: float) -> list[int]:
    """Return those that still run after so long."""
    end = time.monotonic() + seconds
    left = pids
    while left and time.monotonic() < end:
        left = [pid for pid in left if _state(pid) not in "ZX"]
        time.sleep(0.01)
    return left


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


#: Seconds of work that may be lost here, where all of it takes a few.
AT_MOST = 0.02


def kills(command: Command, moments: int, seed: int) -> Outcome:
    """Kill a command at so many moments, each time from the start, and have it go on."""
    rng, found = np.random.default_rng(seed), Outcome()
    place, temporary = command.folder / "out", command.folder / "tmp"
    temporary.mkdir()
    name = {"score": "s.parquet", "index": "m.parquet"}.get(command.name, "folder")
    out, before = place / name, None

    unfinished.AT_MOST = AT_MOST

    def start() -> int:
        return forked(lambda: command.run(out), temporary)

    def anew() -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        command.earlier(out)

    anew()
    if command.name in ("train", "audit"):
        before = command.content(out)
    began = time.monotonic()
    if code := ended(start()):
        raise RuntimeError(f"{command.name}: the unbroken run ended with {code}")
    took = time.monotonic() - began
    whole, there = command.content(out), sorted(place.rglob("*"))
    while found.killed < moments:
        moment = rng.uniform(0, took)
        anew()
        pid = start()
        time.sleep(moment)
        theirs = started_by(pid)
        os.kill(pid, signal.SIGKILL)
        if ended(pid) == 0:  # on a machine that is busy in other ways than before
            found.too_late += 1
            took = moment
        else:
            found.killed += 1
        if left := outlived(theirs, 5):
            found.faults.append(f"{moment:.2f} s: processes outlived it: {left}")
        if left := [path.name for path in temporary.iterdir()]:
            found.faults.append(f"{moment:.2f} s: temporary files: {left}")
        try:
            if before is not None and command.content(out) not in (before, whole):
                found.faults.append(f"{moment:.2f} s: neither the earlier one nor the new one")
        except FileNotFoundError:
            pass  # of an audit, the moment between its two files
        except ValueError as error:
            found.faults.append(f"{moment:.2f} s: {error}")
        kept = unfinished.unfinished_folder(out)
        found.went_on += any(kept.glob("*.p*")) or any(kept.glob("*.0*.json"))
        if code := ended(start()):
            found.faults.append(f"{moment:.2f} s: it did not go on: {code}")
        elif command.content(out) == whole:
            found.equal += 1
        else:
            found.faults.append(f"{moment:.2f} s: not equal")
        if sorted(place.rglob("*")) != there or any(temporary.iterdir()):
            found.faults.append(f"{moment:.2f} s: something is left beside the output")
    return found


def attack(given: Namespace) -> dict[str, object]:
    """Kill each command at its share of the moments."""
    import faceaudit.model.recipe
    import faceaudit.model.training
    import faceaudit.report.html
    import faceaudit.runner  # noqa: F401  imported once, for all that are forked

    told: dict[str, object] = {}
    faults: list[str] = []
    with tempfile.TemporaryDirectory(dir=".") as place:
        for name, share in MOMENTS.items():
            own = Path(place).resolve() / name
            own.mkdir()
            if ended(forked(lambda own=own, n=PICTURES[name]: prepare(own, n), own)):
                raise RuntimeError("the pictures could not be drawn")
            command = Command(own, name)
            if name == "train":
                ended(forked(lambda of=command: of.trained(of.folder / "model", 1, 9), own))
            if name == "audit":
                ended(forked(lambda of=command: of.audited(of.folder / "audited", EARLIER), own))
            found = kills(command, -(-share * given.kills // 100), given.seed)
            told[name] = vars(found)
            faults += found.faults
    if faults:
        sys.exit("\n".join(faults))
    return told
