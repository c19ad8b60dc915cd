"""The reject ledger: what did not become a row of the manifest, and why. Nothing vanishes."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from faceaudit.files import atomic_file


class Reject(Exception):
    """An image that cannot be used.

    Parameters
    ----------
    reason : str
        A sentence without the file's name, the same for all files with the same fault.
    remedy : str
        What the user can do about it, or the fault in detail.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Entry(NamedTuple):
    """One row of the ledger.

    `outcome` is ``rejected`` for a file that is not in the manifest, and ``remark`` for
    what is odd but left nothing out: a missing tag file, a tag without its image. `stands_for`
    is how many there are of it; it is not written.
    """

    file: str
    outcome: Literal["rejected", "remark"]
    reason: str
    remedy: str = ""
    stands_for: int = 1


_WRITTEN = Entry._fields[:-1]


class Ledger:
    """Writes entries as they come, and counts them by reason."""

    def __init__(self, path: Path) -> None:
        # Names that are not valid text stay recognisable: each odd byte as \xNN.
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(_WRITTEN)
        self.rejected: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        """Write one row."""
        self._writer.writerow(entry[: len(_WRITTEN)])
        counts = self.rejected if entry.outcome == "rejected" else self.remarks
        counts[entry.reason] += entry.stands_for

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Give a ledger whose file appears whole at `path`, also when the block raises.

    Who is told that nothing could be indexed reads in the ledger why.
    """
    with atomic_file(path) as temporary:
        ledger = Ledger(temporary)
        error: BaseException | None = None
        try:
            yield ledger
        except Exception as raised:
            error = raised
        finally:
            ledger.close()
    if error is not None:
        raise error


def ledger_path(manifest: Path) -> Path:
    """Return where the ledger of a manifest is: ``x.rejects.csv`` beside ``x.parquet``."""
    return manifest.with_suffix(".rejects.csv")


def read_ledger(path: Path) -> list[Entry]:
    """Read a ledger."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Entry(**row) for row in csv.DictReader(file)]  # type: ignore[arg-type]
