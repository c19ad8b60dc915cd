"""Rows that a run has scored so far, kept beside its output until that is written."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pyarrow as pa
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError
from faceaudit.files import atomic_file, write_text
from faceaudit.scoring.same_run import difference
from faceaudit.wording import counted

if sys.platform != "win32":
    import fcntl

#: Seconds of work that a run may lose which is killed; a batch that takes longer is lost whole.
AT_MOST = 1.0


class Parts:
    """Batches of rows in their order, each part of them written whole or not at all.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None: in memory alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._batches, self._kept = folder, list[pa.Table](), 0
        self._last = monotonic()
        for path in sorted(folder.glob("*.parquet")) if folder else ():
            # What a lost power supply left of a part is done again, with all after it.
            with suppress(OSError, pa.ArrowException):
                if int(path.stem) == self.rows:
                    self._batches.append(pq.read_table(path))
        self._kept = len(self._batches)

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
        new = self._batches[self._kept :]
        if self._folder and new:
            first = self.rows - sum(map(len, new))
            with atomic_file(self._folder / f"{first:012}.parquet") as temporary:
                pq.write_table(pa.concat_tables(new), temporary)
        self._kept, self._last = len(self._batches), monotonic()


@contextmanager
def unfinished(out: Path | str | None, run: Mapping[str, str], total: int) -> Iterator[Parts]:
    """Give the rows that a run like this one has left, and keep more of them.

    They lie in a hidden folder beside `out`, and are removed when the block ends well. `run` says
    in words what must be the same for them to belong together, `total` how many rows there will be.

    Raises
    ------
    FaceAuditError
        If there are rows of another run, or another program is at it.
    """
    if out is None:
        yield Parts(None)
        return
    out = Path(out)
    folder, lock = out.with_name(f".{out.name}.parts"), None
    said = folder / "run.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform != "win32":
            lock = (folder / "lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FaceAuditError(f"{out}: another run is writing it; wait for its end") from None
    except OSError as error:
        raise FaceAuditError(f"{out}: cannot be written ({error})") from None
    try:
        if not said.exists():  # of a run that was stopped while it removed them
            for part in folder.glob("*.parquet"):
                part.unlink()
        before = json.loads(said.read_text(encoding="utf-8")) if said.exists() else run
        if other := difference(run, before, "was"):
            raise FaceAuditError(
                f"{out}: a run that was stopped is kept in {folder}, and its {other} not that of "
                f"this one; start it again as it was, or remove that folder: rm -r {folder}"
            )
        write_text(said, json.dumps(run))
        parts = Parts(folder)
        try:
            yield parts
        except BaseException as error:
            parts.keep()
            if isinstance(error, KeyboardInterrupt) and parts.rows:
                raise KeyboardInterrupt(
                    f"{parts.rows:,} of {counted(total, 'image')} are kept in {folder}; the same "
                    "command goes on from there"
                ) from None
            raise
        said.unlink()
        shutil.rmtree(folder)
    finally:
        if folder.exists() and not any(folder.glob("*.parquet")):
            shutil.rmtree(folder)
        if lock is not None:
            lock.close()
