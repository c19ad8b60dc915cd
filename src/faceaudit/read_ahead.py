"""The one pipeline that reads pictures: on several cores, in order, never far ahead of its user."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

#: Pictures from which on processes earn back what it takes to start them.
WORTH_PROCESSES = 200

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int = 1,
    *,
    ahead: int | None = None,
    chunk: int = 1,
    processes: bool = False,
) -> Iterator[Result]:
    """Map over items, and yield the results in the items' order.

    Parameters
    ----------
    work : callable
    items : iterable
        Taken only as far as the results are.
    workers : int
    ahead : int, optional
        Chunks that are in memory at most; two a worker and one more if not given.
    chunk : int
        Items that a worker is handed at a time.
    processes : bool
        Map in processes instead of threads, for work that holds the interpreter's lock. `work` and
        the items must then be such as can be pickled.
    """
    items = iter(items)
    ahead = ahead or 2 * workers + 1
    pending: deque[Future[list[Result]]] = deque()
    with _executor(workers, processes) as pool:
        while True:
            while len(pending) < ahead and (part := list(islice(items, chunk))):
                pending.append(pool.submit(_each, work, part))
            if not pending:
                return
            yield from pending.popleft().result()


def in_processes(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    total: int,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Result]:
    """Map over pictures, in one process a core if there are many.

    Decoding and finding a face hold the interpreter's lock, so that threads would not help.

    Parameters
    ----------
    work, items
        As in `read_ahead`.
    total : int
        Number of items.
    progress : callable, optional
        Called with the number of items done and the number of all items.
    """
    many = total >= WORTH_PROCESSES
    workers = (os.cpu_count() or 1) if many else 1
    for done, result in enumerate(read_ahead(work, items, workers, processes=many), start=1):
        yield result
        if progress:
            progress(done, total)


def _each(work: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [work(item) for item in items]


def _executor(workers: int, processes: bool) -> Executor:
    if not processes:
        return ThreadPoolExecutor(workers)
    # Forked processes start at once and, like joblib's, run no code of the caller's.
    if sys.platform == "linux":
        return ProcessPoolExecutor(workers, mp_context=get_context("fork"))
    from joblib.externals.loky import get_reusable_executor

    return get_reusable_executor(workers)
