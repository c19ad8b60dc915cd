"""A limit of memory for as long as something is read that may lie about its size."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import resource


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Have whatever asks for more than so many bytes beside what is taken raise `MemoryError`.

    On Linux, and in the main thread alone: the limit is that of the whole process, and of two that
    overlap one would stay.
    """
    main = threading.current_thread() is threading.main_thread()
    if sys.platform != "linux" or not main:
        yield
        return
    taken = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData")
    )
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [of for of in (taken + size, before) if of != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
