"""The one pipeline that reads pictures: on several cores, in order, never far ahead of its user."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TypeVar

from faceaudit.errors import FaceAuditError
from faceaudit.worker_process import LostProcessError, WorkerProcess

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
) -> Generator[Result, None, None]:
    """Map over items, and yield the results in the items' order.

    Whoever breaks off closes it; else that is left to the garbage collection.

    Parameters
    ----------
    items : iterable
        Taken only as far as the results are.
    ahead : int, optional
        Chunks that are in memory at most; two a worker and one more if not given.
    chunk : int
        Items that a worker is handed at a time.
    processes : bool
        Map in processes instead of threads, for work that holds the interpreter's lock. `work` and
        the items must then be such as can be pickled.

    Raises
    ------
    FaceAuditError
        If processes are killed whenever they do the same, as where memory is short.
    """
    items = iter(items)
    ahead = ahead or 2 * workers + 1
    pending: deque[Future[list[Result]]] = deque()
    with _pool(partial(_each, work), workers, processes) as submit:
        while True:
            while len(pending) < ahead and (part := list(islice(items, chunk))):
                pending.append(submit(part))
            if not pending:
                return
            try:
                results = pending.popleft().result()
            except (LostProcessError, BrokenProcessPool) as error:
                raise FaceAuditError(
                    f"a process that read pictures was killed ({error}); if memory is short, free "
                    "some and start again"
                ) from None
            yield from results


def in_processes(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    total: int,
    progress: Callable[[int, int], None] | None = None,
    before: int = 0,
) -> Iterator[Result]:
    """Map over pictures, in one process a core if there are many.

    Decoding and finding a face hold the interpreter's lock, so that threads would not help.

    Parameters
    ----------
    work, items
        As in `read_ahead`.
    total : int
        Number of all items.
    progress : callable, optional
        Called with the number of items done and the number of all items.
    before : int
        Items that are done already, and not among `items`.
    """
    many = total - before >= WORTH_PROCESSES
    workers = (os.cpu_count() or 1) if many else 1
    results = read_ahead(work, items, workers, processes=many)
    for done, result in enumerate(results, start=before + 1):
        yield result
        if progress:
            progress(done, total)


def _each(work: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [work(item) for item in items]


@contextmanager
def _pool(
    work: Callable[[list[Item]], list[Result]], workers: int, processes: bool
) -> Iterator[Callable[[list[Item]], Future[list[Result]]]]:
    """Give what hands items to threads or processes; whatever they are still at is broken off."""
    if processes and sys.platform != "linux":
        from joblib.externals.loky import get_reusable_executor

        yield partial(get_reusable_executor(workers).submit, work)
        return
    # Forked processes start at once and, like joblib's, run no code of the caller's. Each has a
    # thread here that waits for it.
    started: list[WorkerProcess[list[Item], list[Result]]] = []
    threads = ThreadPoolExecutor(workers)
    try:
        if processes:
            for _ in range(workers):
                started.append(WorkerProcess(work, started))
            idle = deque(started)

            def lent(items: list[Item]) -> list[Result]:
                worker = idle.popleft()
                try:
                    return worker(items)
                finally:
                    idle.append(worker)

            yield lambda items: threads.submit(lent, items)
        else:
            yield lambda items: threads.submit(work, items)
    finally:
        for worker in started:
            worker.stop()
        threads.shutdown(cancel_futures=True)
        for worker in started:
            worker.close()
