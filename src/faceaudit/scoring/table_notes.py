"""What is to be noted of a run, as its table tells: of one machine or joined from several."""

from __future__ import annotations

import pyarrow as pa

from faceaudit.schema import SCORED, UNSURE, variant_columns
from faceaudit.scoring.labels import said_of_direction
from faceaudit.tables import status_counts
from faceaudit.wording import counted

#: So many variants are named.
NAMED = 6


def table_notes(table: pa.Table, reasons: pa.ChunkedArray) -> list[str]:
    """Say whether scores look wrong, which variants there are, and what has no score and why.

    Parameters
    ----------
    table : pyarrow.Table
        Scores, see `faceaudit.scoring.score`.
    reasons : pyarrow.ChunkedArray
        Of each row without a score, why.
    """
    _, direction = said_of_direction(table)
    return [*direction, *_of_variants(table), *_without_score(table, reasons)]


def _of_variants(table: pa.Table) -> list[str]:
    """Name the variants that were scored, and those that could not be made of some pictures."""
    lacking = {
        name: table[column].null_count - table["p_ai"].null_count
        for name, column in variant_columns(table).items()
    }
    named = [f"{name} (not of {n:,})" if n else name for name, n in lacking.items()]
    if len(named) > NAMED:  # the columns have their names
        named = [
            f"{len(named)} ways",
            *(of for of, n in zip(named, lacking.values(), strict=True) if n),
        ]
    said = f"Each picture was changed and scored again, in columns p_ai[…]: {'; '.join(named)}."
    return [said] if lacking else []


def _without_score(table: pa.Table, reasons: pa.ChunkedArray) -> list[str]:
    """Count the images without a score by their status, and say why the first of each has none."""
    status, counts = table["status"].to_pylist(), status_counts(table)
    return [
        f"Without a score, {kind.replace('_', ' ')}: {counts[kind]:,} of "
        f"{counted(len(table), 'image')}, "
        f"the first {table['image'][(row := status.index(kind))].as_py()!r} "
        f"({reasons[row].as_py()})."
        for kind in dict.fromkeys(status)
        if kind not in (*SCORED, UNSURE)
    ]
