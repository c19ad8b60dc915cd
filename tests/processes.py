"""Processes that a test has started, or that they have."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path


def running(pids: Collection[int]) -> list[int]:
    """Those that have not ended; one that nobody has asked for its exit code has."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [pid] if state not in "ZX" else []
    return found


def started_by(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in tasks.read_text().split()]
    return [*children, *(each for child in children for each in started_by(child))]


def assert_ended(pids: Collection[int]) -> None:
    """Wait until all have, which is soon; never in silence for ever."""
    deadline = time.monotonic() + 60
    while left := running(pids):
        assert time.monotonic() < deadline, left
