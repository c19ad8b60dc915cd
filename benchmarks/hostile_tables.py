"""Thousands of seeded mutations of tables, specifications, expressions, results and models.

A part of `benchmarks/hostile.py`. Each is used or refused in one line. What is told is how many
were, and the slowest of each kind in processor seconds; what breaks off otherwise ends the part.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
import traceback
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import faceaudit as fa
from faceaudit import limits
from faceaudit.api import report
from faceaudit.errors import FaceAuditError
from faceaudit.row_filter import read_rows
from faceaudit.spec import Spec, find_spec
from tests.hostile import tables_and_specs as hostile

#: Checks that an audit of a mutated table runs; every tenth runs all.
FEW = "checks: [group-error-rates, equalized-odds-gap, over-represented]\n"


class Attack:
    """What became of all that was brought in."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.slowest: dict[str, float] = {}
        self.broken: list[str] = []

    def on(self, kind: str, call: Callable[..., Any], *given: Any, **options: Any) -> Any:
        """Call once, and count what becomes of it."""
        start, found = time.process_time(), None
        try:
            found = call(*given, **options)
            outcome = "used"
        except FaceAuditError as error:
            outcome = "refused"
            if "\n" in str(error) or len(str(error)) > limits.MESSAGE_LETTERS:
                self.broken.append(f"{kind}: no short line: {str(error)[:200]}")
        except Exception:
            outcome = "broken"
            self.broken.append(f"{kind}: {traceback.format_exc()[-1500:]}")
        self.outcomes[kind, outcome] += 1
        seconds = time.process_time() - start
        self.slowest[kind] = max(seconds, self.slowest.get(kind, 0.0))
        return found


def attack(given: Namespace) -> dict[str, object]:
    """Bring all of it in, in one process."""
    attack, draw = Attack(), random.Random(given.seed)
    folder = Path()
    sound, spec = folder / "sound.parquet", folder / "sound.yaml"
    pq.write_table(hostile.table(), sound)
    spec.write_text(hostile.SPEC)
    fa.audit(sound, spec, folder / "sound")
    models(attack, draw, folder / "models", 0)  # what is imported counts as before
    before = memory()
    expressions(attack, given.expressions, given.seed)
    tables(attack, draw, folder, given.tables)
    results(attack, draw, folder, given.results)
    grown = memory() - before
    models(attack, draw, folder / "models", given.models)
    if attack.broken:
        sys.exit("\n".join(attack.broken[:20]))
    told: dict[str, object] = {"MB more after the first": grown}
    for (kind, outcome), n in sorted(attack.outcomes.items()):
        told[f"{kind} {outcome}"] = n
        told[f"{kind}, slowest"] = round(attack.slowest[kind], 2)
    return told


def memory() -> int:
    """The most that the process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_000


def expressions(attack: Attack, n: int, seed: int) -> None:
    table = hostile.table()
    for text in hostile.expressions(seed, n):
        attack.on("expressions", read_rows, table, text, "--where")


def tables(attack: Attack, draw: random.Random, folder: Path, n: int) -> None:
    spec = folder / "s.yaml"
    for i in range(n):
        scores: Any = hostile.table()
        spec.write_text(hostile.SPEC + FEW * (i % 20 != 0))
        if i % 2:
            scores = hostile.write_table(draw, folder)
        else:
            spec.write_text(hostile.spec(draw) + FEW * (i % 20 != 0), errors="surrogatepass")
        asked: Spec | Path | None = attack.on("specifications", find_spec, spec)
        attack.on("audits", fa.audit, scores, asked, folder / "out" if i % 50 == 0 else None)


def results(attack: Attack, draw: random.Random, folder: Path, n: int) -> None:
    sound = folder / "sound" / "audit.json"
    whole, path = json.loads(sound.read_text()), folder / "audit.json"
    for i in range(n):
        path.write_text(json.dumps(hostile.damaged(whole, draw)))
        attack.on("gates", fa.gate, path, markdown=folder / "g.md", junit=folder / "g.xml")
        if i % 5 == 0:
            attack.on("reports", report, path, folder / "r.html")
            attack.on("comparisons of results", fa.check_same, sound, path)


def models(attack: Attack, draw: random.Random, folder: Path, n: int) -> None:
    from faceaudit.model.checkpoint import load_checkpoint
    from tests.hostile.models import damage, save_drawn

    if not folder.exists():
        save_drawn(folder)
        load_checkpoint(folder)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(n):
        for name, content in whole.items():
            (folder / name).write_bytes(content)
        attack.on("models", load_checkpoint, damage(folder, draw), trust_pickle=True)
