"""The reject ledger: what did not become a row of the manifest, and why. Nothing vanishes."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from faceaudit.files import atomic_file, atomic_files
from faceaudit.wording import counted

#: How many entries of one kind are listed one by one before they are only counted.
LISTED = 100


class Reject(Exception):
    """An image that cannot be used.

    `reason` is a sentence without the file's name, the same for all files with the same fault;
    `remedy` is what the user can do about it, or the fault in detail.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy = reason, remedy


class LedgerEntry(NamedTuple):
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


def remark(file: str, reason: str, remedy: str = "", stands_for: int = 1) -> LedgerEntry:
    """Return an entry on what is odd but left nothing out."""
    return LedgerEntry(file, "remark", reason, remedy, stands_for)


def first_ones(
    entries: Iterable[LedgerEntry], total: int, file: str, noun: str
) -> Iterator[LedgerEntry]:
    """Yield the first `LISTED` of `total` remarks of one kind, and one that counts the others."""
    for entry in islice(entries, LISTED):
        yield entry
    if further := max(0, total - LISTED):
        yield remark(file, entry.reason, f"and {counted(further, f'further {noun}')}", further)


class Ledger:
    """Writes entries as they come, and counts them by reason."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(LedgerEntry._fields[:-1])
        self.rejected: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()

    def add(self, entry: LedgerEntry) -> None:
        self._writer.writerow(map(_for_a_spreadsheet, entry[:-1]))
        counts = self.rejected if entry.outcome == "rejected" else self.remarks
        counts[entry.reason] += entry.stands_for


def _for_a_spreadsheet(cell: str) -> str:
    """Set an apostrophe before what a spreadsheet would run; taking one off gives the cell again.

    >>> _for_a_spreadsheet("=1+1"), _for_a_spreadsheet("'a"), _for_a_spreadsheet("a-b.png")
    ("'=1+1", "''a", 'a-b.png')
    """
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else cell


@contextmanager
def open_ledger(manifest: Path) -> Iterator[tuple[Path, Ledger]]:
    """Give a temporary manifest to write to and a ledger, whose files appear together.

    The ledger's appears alone if the block raises, unless there is an earlier manifest, whose own
    it would replace: who is told that nothing could be indexed reads there why.
    """
    with atomic_files(manifest, ledger_path(manifest)) as (temporary, entries):
        # Names that are not valid text stay recognisable: each odd byte as \xNN.
        with entries.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            try:
                yield temporary, Ledger(file)
                return
            except Exception as raised:
                error = raised
        if not manifest.exists():
            with atomic_file(ledger_path(manifest)) as alone:
                shutil.copyfile(entries, alone)
        raise error


def ledger_path(manifest: Path) -> Path:
    """Return where the ledger of a manifest is: ``x.rejects.csv`` beside ``x.parquet``."""
    return manifest.with_suffix(".rejects.csv")
