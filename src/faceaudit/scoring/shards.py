"""A run dealt out to several machines, a part to each, and the parts put together again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.files import expect_writable
from faceaudit.one_or_many import listed
from faceaudit.reading.columns import together, with_column
from faceaudit.schema import Shard, validate
from faceaudit.scoring.attention import EXPLAINED, gravest
from faceaudit.scoring.table_notes import table_notes
from faceaudit.tables import Scores, read_shard, write_table
from faceaudit.unfinished import difference
from faceaudit.wording import counted


def parse_shard(said: str) -> tuple[int, int]:
    """Read which part is meant: ``3/8`` is the third of eight.

    Raises
    ------
    FaceAuditError
        If there is no such part.
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", said)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of:
        raise FaceAuditError(f"--shard {said}: say which part of how many, as 1/8, …, 8/8")
    return number, of


def dealt(images: int, batch_size: int, number: int, of: int) -> npt.NDArray[np.intp]:
    """Return the rows of a part: batches are dealt in turn, so that each part is like the whole.

    A batch holds the pictures that it holds in a run on one machine, so scores are the same.

    Raises
    ------
    FaceAuditError
        If there are fewer batches than parts.
    """
    batches = -(-images // batch_size)
    if batches < of:
        raise FaceAuditError(
            f"--shard {number}/{of}: there are {counted(batches, 'batch', 'batches')} of "
            f"{batch_size:,} in {counted(images, 'image')}; deal it into as many parts at most"
        )
    return np.flatnonzero(np.arange(images) // batch_size % of == number - 1)


def share(images: int, batch_size: int, number: int, of: int) -> int:
    """Count the rows that are dealt to a part."""
    whole, rest = divmod(images, batch_size)
    return (whole - number + of) // of * batch_size + rest * (whole % of == number - 1)


def join(parts: Iterable[Path | str], out: Path | str | None = None) -> Scores:
    """Put the parts of a run together: the same table as of one machine, row for row.

    Parameters
    ----------
    parts : sequence of path
        What `faceaudit.scoring.score` wrote for each `shard`, in any order.
    out : path, optional
        The scores table to write.

    Raises
    ------
    FaceAuditError
        If a part is missing, given twice, damaged, or of another run: other images, another
        classifier, preparation, option or version of a library.
    """
    parts = listed(parts)
    if out is not None:
        expect_writable(out, inputs=parts)
    read = [(str(path), read_shard(path)) for path in parts]
    if not read:
        raise FaceAuditError("no part was given")
    first, run = read[0][0], _of(read[0][1])
    given: dict[int, tuple[str, Scores]] = {}
    for path, scores in read:
        part = _of(scores)
        if other := difference(run.run, part.run):
            raise FaceAuditError(f"{path}: has not the {other} of {first}; score it as the others")
        if part.of != run.of:
            raise FaceAuditError(f"{path}: is a part of {part.of}, and {first} one of {run.of}")
        if part.number in given:
            other = given[part.number][0]
            raise FaceAuditError(f"{path}: is part {part.number} of {run.of}, and so is {other}")
        given[part.number] = path, scores
    if missing := run.of - len(given):
        part_of = f"{next(i for i in count(1) if i not in given)}/{run.of}"
        more = f" (and {missing - 1:,} more)" if missing > 1 else ""
        raise FaceAuditError(
            f"{first}: of its run part {part_of} was not given{more}; score it with --shard "
            f"{part_of}"
        )
    for i, (path, scores) in given.items():
        # Counted first: dealt out, what a file says of itself could fill the memory.
        if len(scores.table) != (dealt_to := share(run.images, run.batch_size, i, run.of)):
            raise FaceAuditError(
                f"{path}: has {len(scores.table):,} rows, and {dealt_to:,} were scored; it is "
                "damaged, score it again"
            )
    ordered = [given[i][1] for i in sorted(given)]
    rows = [dealt(run.images, run.batch_size, i, run.of) for i in sorted(given)]
    table = together([scores.table for scores in ordered])
    table = table.take(np.argsort(np.concatenate(rows))).combine_chunks()
    # Each part explains its own gravest errors, and those of the whole are among them.
    p_ai = np.asarray(table["p_ai"].fill_null(np.nan))
    grave = np.isin(np.arange(len(table)), gravest(table, p_ai, EXPLAINED))
    table = with_column(table, "attention", pc.if_else(pa.array(grave), table["attention"], None))
    reasons, table = table["reason"], table.drop_columns("reason")
    notes = dict.fromkeys(note for scores in ordered for note in _of(scores).notes)
    drifts = [of for scores in ordered if (of := scores.info.batch_drift) is not None]
    info = ordered[0].info.model_copy(
        update={
            "shard": None,
            "batch_drift": max(drifts, default=None),
            "notes": [*notes, *table_notes(table, reasons)],
        }
    )
    if out is not None:
        write_table(out, table, info)
    return Scores(validate(table, "scores", str(out or "the scores")), info)


def _of(scores: Scores) -> Shard:
    assert scores.info.shard is not None, "read_shard reads no other table"
    return scores.info.shard
