"""Read and inspect files on every core, in order and never far ahead."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from multiprocessing import get_context

from faceaudit.datasets.base import Tagged
from faceaudit.datasets.images import Facts, inspect
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import Member, Source, UnreadableError

#: Files that a worker is handed at a time.
BATCH = 512
#: Files from which on processes earn back what it takes to start them.
WORTH_PROCESSES = 4_000

Named = tuple[Member, Tagged | Reject]
Inspected = tuple[Member, Tagged | Reject, Facts | Reject | None]


def in_parallel(
    source: Source, named: Iterable[Named], workers: int, total: int
) -> Iterator[Inspected]:
    """Inspect files that were not already rejected, and yield all in their order.

    Parameters
    ----------
    source : Source
    named : iterable of (Member, Tagged or Reject)
    workers : int
    total : int
        About how many files there are.

    Yields
    ------
    Member, Tagged or Reject, Facts or Reject or None
        The last is None for files that were not inspected.
    """
    named = iter(named)
    pending: deque[tuple[list[Named], Future[list[Facts | Reject]]]] = deque()
    with _executor(source, workers, total) as pool:
        while True:
            batch = list(islice(named, BATCH))
            if batch:
                members = [member for member, tagged in batch if not isinstance(tagged, Reject)]
                pending.append((batch, pool.submit(_inspect_batch, source, members)))
            if not pending:
                return
            if not batch or len(pending) > 2 * workers:
                batch, inspected = pending.popleft()
                facts = iter(inspected.result())
                for member, tagged in batch:
                    yield member, tagged, None if isinstance(tagged, Reject) else next(facts)


def _executor(source: Source, workers: int, total: int) -> Executor:
    # Half of the work holds the interpreter's lock, so threads do not fill two cores. Forked
    # processes start at once and run no code of the caller's, unlike on other systems.
    if workers > 1 and total >= WORTH_PROCESSES and source.shareable and sys.platform == "linux":
        return ProcessPoolExecutor(workers, mp_context=get_context("fork"))
    return ThreadPoolExecutor(workers)


def _inspect_batch(source: Source, members: list[Member]) -> list[Facts | Reject]:
    return [_inspect(source, member) for member in members]


def _inspect(source: Source, member: Member) -> Facts | Reject:
    try:
        return inspect(member.path, source.read(member))
    except UnreadableError as error:
        return Reject("cannot be read", str(error))
    except Reject as reject:
        return reject
