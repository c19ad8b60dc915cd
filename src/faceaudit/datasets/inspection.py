"""Read and inspect files in several threads, in order and never far ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from faceaudit.datasets.description import Tagged
from faceaudit.datasets.images import Facts, inspect
from faceaudit.datasets.ledger import Reject
from faceaudit.datasets.sources import Member, Source, UnreadableError

#: Files that a worker is handed at a time.
BATCH = 128

Named = tuple[Member, Tagged | Reject]
Inspected = tuple[Member, Tagged | Reject, Facts | Reject | None]


def in_parallel(source: Source, named: Iterable[Named], workers: int) -> Iterator[Inspected]:
    """Inspect files in threads, a bounded number ahead, and yield them in their order.

    Threads suffice: reading and hashing, most of the work, leave the interpreter free.
    """
    named = iter(named)
    pending: deque[Future[list[Inspected]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        while True:
            batch = list(islice(named, BATCH))
            if batch:
                pending.append(pool.submit(_inspect_batch, source, batch))
            if not pending:
                return
            if not batch or len(pending) > 2 * workers:
                yield from pending.popleft().result()


def _inspect_batch(source: Source, batch: list[Named]) -> list[Inspected]:
    return [
        (member, tagged, None if isinstance(tagged, Reject) else _inspect(source, member))
        for member, tagged in batch
    ]


def _inspect(source: Source, member: Member) -> Facts | Reject:
    try:
        return inspect(member.path, source.read(member))
    except UnreadableError as error:
        return Reject("cannot be read", str(error))
    except Reject as reject:
        return reject
