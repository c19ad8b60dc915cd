"""What a run that was stopped has done, kept beside its output until that is written."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError
from faceaudit.files import atomic_file, write_text
from faceaudit.wording import counted

if sys.platform != "win32":
    import fcntl

#: Seconds of work that a run may lose which is killed; a batch that takes longer is lost whole.
AT_MOST = 1.0

Item = TypeVar("Item")


class Progress(Protocol):
    """What knows how far a run has come."""

    def keep(self) -> None:
        """Write what is not written yet."""

    def told(self) -> str | None:
        """Say how much is written: "3 of 4 epochs"; None if nothing is."""


class Kept:
    """What is kept of a run.

    Parameters
    ----------
    folder : Path or None
        Where; None: nowhere.
    out : Path
        What the run will write.
    """

    def __init__(self, folder: Path | None, out: Path) -> None:
        self.folder, self._out = folder, out
        self._progress: list[Progress] = []

    def add(self, progress: Progress) -> None:
        """Have what knows how far this stage has come asked when the run is stopped."""
        if self.folder is not None:
            self._progress.append(progress)

    def keep(self) -> str | None:
        """Have all that is done written, as far as there is room; say how much the last stage."""
        for progress in self._progress:
            with suppress(FaceAuditError):
                progress.keep()
        return self._progress[-1].told() if self._progress else None

    def forget(self) -> None:
        """Keep nothing: the run has come to its end, and that is no use to another one."""
        self._progress.clear()
        if self.folder is not None:
            for path in self.folder.iterdir():
                if path.name != "lock":
                    path.unlink()

    def expect(self, run: Mapping[str, str]) -> None:
        """Note what must be the same for a run to go on with what is kept.

        Raises
        ------
        FaceAuditError
            If it was not.
        """
        if self.folder is None:
            return
        said = self.folder / "run.json"
        try:
            before = json.loads(said.read_text(encoding="utf-8")) if said.exists() else {}
            if not isinstance(before, dict):
                raise TypeError("it is no table of texts")
        except (ValueError, TypeError, RecursionError) as error:
            raise FaceAuditError(
                f"{said}: damaged ({error}), so what a stopped run has left cannot be gone on "
                f"with; remove it: rm -r {self.folder}"
            ) from None
        if other := difference(run, {**run, **before}):
            raise FaceAuditError(
                f"{self._out}: a run that was stopped is kept in {self.folder}, and it had not "
                f"the {other} of this one; start it again as it was, or remove that folder: "
                f"rm -r {self.folder}"
            )
        write_text(said, json.dumps({**before, **run}))

    def mapped(
        self,
        stage: str,
        do: Callable[[Iterator[Item], int], Iterable[Any]],
        items: Iterable[Item],
        total: int,
    ) -> Iterator[Any]:
        """Yield what `do` makes of items, in their order; of the first ones it may be kept.

        Parameters
        ----------
        stage : str
            The name of this part of the run.
        do : callable
            From the items that are left, and how many are not, to something that JSON can hold.
        total : int
            How many items there are.
        """
        items = iter(items)
        if self.folder is None:
            yield from do(items, 0)
            return
        rows = _Rows(self.folder, stage, total)
        self.add(rows)
        for row in rows.kept():
            next(items)
            yield row
        for row in do(items, rows.written):
            rows.add(row)
            yield row
        rows.keep()


#: For whoever keeps nothing.
NOTHING = Kept(None, Path())


class _Rows:
    """Rows of one stage in their order, each part of them written whole or not at all."""

    def __init__(self, folder: Path, stage: str, total: int) -> None:
        self._folder, self._stage, self._total = folder, stage, total
        self._new: list[Any] = []
        self._last, self.written = monotonic(), 0

    def kept(self) -> Iterator[Any]:
        """Read what is there, a part at a time."""
        for path in sorted(self._folder.glob(f"{self._stage}.*.json")):
            # What a lost power supply left of a part is done again, with all after it.
            with suppress(OSError, ValueError):
                rows = json.loads(path.read_text(encoding="utf-8"))
                if int(path.name.split(".")[1]) == self.written:
                    self.written += len(rows)
                    yield from rows

    def add(self, row: Any) -> None:
        """Add the next one."""
        self._new.append(row)
        if monotonic() - self._last > AT_MOST:
            self.keep()

    def keep(self) -> None:
        """Write what is not written yet."""
        if self._new:
            path = self._folder / f"{self._stage}.{self.written:012}.json"
            write_text(path, json.dumps(self._new, default=_plain))
        self.written += len(self._new)
        self._new, self._last = [], monotonic()

    def told(self) -> str | None:
        """Say how many are written."""
        return f"{self.written:,} of {counted(self._total, 'image')}" if self.written else None


def _plain(numbers: Any) -> Any:
    """Return what numpy has as Python's."""
    return numbers.tolist()


class Parts:
    """Batches of rows in their order, as `_Rows`, but as tables that are all held.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None: in memory alone.
    total : int
        How many rows there will be.
    """

    def __init__(self, folder: Path | None, total: int) -> None:
        self._folder, self._total = folder, total
        self._batches: list[pa.Table] = []
        self._last = monotonic()
        for path in sorted(folder.glob("*.parquet")) if folder else ():
            # What a lost power supply left of a part is done again, with all after it.
            with suppress(OSError, ValueError, pa.ArrowException):
                if int(path.stem) == self.rows:
                    self._batches.append(pq.read_table(path, page_checksum_verification=True))
        self._written = len(self._batches)

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(map(len, self._batches))

    @property
    def table(self) -> pa.Table:
        """All of them."""
        return pa.concat_tables(self._batches)

    def add(self, batch: pa.Table) -> None:
        """Add the next rows."""
        self._batches.append(batch)
        if monotonic() - self._last > AT_MOST:
            self.keep()

    def keep(self) -> None:
        """Write what is not written yet."""
        new = self._batches[self._written :]
        if self._folder and new:
            first = self.rows - sum(map(len, new))
            with atomic_file(self._folder / f"{first:012}.parquet") as temporary:
                pq.write_table(pa.concat_tables(new), temporary, write_page_checksum=True)
        self._written, self._last = len(self._batches), monotonic()

    def told(self) -> str | None:
        """Say how many are written."""
        written = sum(map(len, self._batches[: self._written]))
        return f"{written:,} of {counted(self._total, 'image')}" if written else None


def unfinished_folder(out: Path | str) -> Path:
    """Return where what is unfinished of an output is kept."""
    out = Path(os.path.realpath(out))
    return out.with_name(f".{out.name}.parts")


def difference(run: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Name what of a run another one has not, or otherwise; nothing if there is nothing."""
    return " and ".join(name for name in run if other.get(name) != run[name])


@contextmanager
def unfinished(out: Path | str | None, run: Mapping[str, str]) -> Iterator[Kept]:
    """Give what a run like this one has left, and keep more of it.

    It lies in a hidden folder beside `out`, and is removed when the block ends well. `run` says
    in words what must be the same for both to belong together.

    Raises
    ------
    FaceAuditError
        If what is kept is of another run, or another program is at it. One that is raised in the
        block, and a `KeyboardInterrupt`, say what is kept.
    """
    if out is None:
        yield NOTHING
        return
    out, folder = Path(out), unfinished_folder(out)
    said = folder / "run.json"
    lock = _locked(folder, out)
    kept = Kept(folder, out)
    try:
        if not said.exists():  # of a run that was stopped while it removed what it had kept
            for path in (*folder.glob("*.parquet"), *folder.glob("*.json"), *folder.glob("*.pt")):
                path.unlink()
        kept.expect(run)
        try:
            yield kept
        except (KeyboardInterrupt, FaceAuditError) as error:
            told = kept.keep()
            if told is None:
                raise
            go_on = f"{told} are kept in {folder}; the same command goes on from there"
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(go_on) from None
            raise FaceAuditError(f"{error}; {go_on}") from error
        except BaseException:
            kept.keep()
            raise
        said.unlink()
        shutil.rmtree(folder)
    finally:
        if folder.exists() and all(path.name in ("lock", "run.json") for path in folder.iterdir()):
            shutil.rmtree(folder)
        if lock is not None:
            lock.close()


def _locked(folder: Path, out: Path) -> Any:
    """Make the folder, and hold it for this run alone."""
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            if sys.platform == "win32":
                return None
            lock = (folder / "lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:
                return lock  # a file system without locks: whoever starts two must know
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), (folder / "lock").stat()):
                    return lock
            lock.close()  # another run has ended in between, and removed it
    except BlockingIOError:
        raise FaceAuditError(f"{out}: another run is writing it; wait for its end") from None
    except OSError as error:
        raise FaceAuditError(f"{out}: cannot be written ({error.strerror})") from None
