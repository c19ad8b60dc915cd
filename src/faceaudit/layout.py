"""Laying out: arrays become a detail's rows, and its rows at every threshold, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceaudit.result import (
    Cell,
    Column,
    Distribution,
    Estimate,
    Forest,
    Number,
    Status,
    Table,
    nan_to_none,
)
from faceaudit.stats import FloatArray
from faceaudit.stats.means import Mean
from faceaudit.stats.ranking import Auc
from faceaudit.stats.rates import RateEstimate
from faceaudit.wording import interval_title

Kind = Literal["count", "percent", "points", "number", "p"]
#: The title and the kind of a column.
Head = tuple[str, Kind | Literal["text"]]

#: Bins of the score in a distribution.
BINS = 20


class Audited(Protocol):
    """What is laid out for: the thresholds that can be shown, and the audited one among them."""

    threshold: float

    @property
    def thresholds(self) -> Sequence[float]:
        """Rising."""


@dataclass(frozen=True)
class Values:
    """A column and what stands in it."""

    column: Column
    #: Shape (rows,), or (thresholds, rows) if the threshold moves it. Not-a-number is left empty.
    values: Any
    #: It would move, but is known for the audited threshold only.
    audited_only: bool = False


def text(title: str, values: Sequence[Any], *, audited_only: bool = False) -> Values:
    """Make a column of words."""
    return Values(Column(title=title), list(values), audited_only)


def statuses(title: str, values: Sequence[Status]) -> Values:
    """Make a column of statuses, which are those of the audited threshold."""
    return Values(Column(title=title, kind="status"), list(values), audited_only=True)


def number(title: str, kind: Kind, values: Any, help: str | None = None) -> Values:
    """Make a column of numbers."""
    return Values(Column(title=title, kind=kind, help=help), values)


def heads(told: str) -> list[Head]:
    """Read titles and kinds, of text where none is said.

    >>> heads("data set; images:count")
    [('data set', 'text'), ('images', 'count')]
    """
    parts = (head.partition(":") for head in told.split("; "))
    return [(title, cast(Kind, kind) or "text") for title, _, kind in parts]


def by_rows(rows: Sequence[Sequence[Any]], columns: Sequence[Head] | str) -> list[Values]:
    """Make columns of one row or more; a text is read by `heads`."""
    told, values = heads(columns) if isinstance(columns, str) else columns, zip(*rows, strict=True)
    return [
        Values(Column(title=title, kind=kind), list(of))
        for (title, kind), of in zip(told, values, strict=True)
    ]


def estimated(
    title: str,
    kind: Kind,
    found: RateEstimate | Auc | Mean,
    confidence: float,
    help: str | None = None,
) -> list[Values]:
    """Make three columns, values and the ends of their intervals."""
    start = f"{interval_title(confidence)} from"
    ends = number(start, kind, found.low), number("to", kind, found.high)
    return [number(title, kind, found.value, help), *ends]


def lay_out(
    title: str, columns: Sequence[Values], data: Audited | None = None, note: str | None = None
) -> Table:
    """Lay columns out as a table; `data` says which threshold is audited, if it moves any."""
    cells = [_cells(at_audited(of.values, data)) for of in columns]
    moved = {str(i): (of.values, of.column.kind) for i, of in enumerate(columns)}
    audited_only = [str(i) for i, of in enumerate(columns) if of.audited_only]
    return Table(
        title=title,
        note=note,
        columns=[of.column for of in columns],
        rows=[list(row) for row in zip(*cells, strict=True)],
        by_threshold=by_threshold(moved, audited_only),
    )


def forest(
    data: Audited,
    *,
    groups: Sequence[str],
    n: Any,
    value: Any,
    low: Any,
    high: Any,
    events: Any = None,
    status: Sequence[Any] | None = None,
    judged: bool = False,
    notes: Sequence[str | None] | None = None,
    reference: FloatArray | float | None = None,
    **fields: Any,
) -> Forest:
    """Lay a forest plot's rows out; `reference` has shape (thresholds, 1) where it moves.

    The other arrays are of shape (rows,) or (thresholds, rows); where `n` moves, only the audited
    threshold is drawn. A status that is `judged` holds for the audited threshold only. Further
    fields are those of `Forest`.
    """
    if np.ndim(n) == 2:
        # The marks of small and empty groups hang on n, so such a plot stays as audited.
        n, value, low, high, events, reference = (
            at_audited(of, data) for of in (n, value, low, high, events, reference)
        )
    drawn = {"events": events, "value": value, "low": low, "high": high}
    rows = {name: _cells(at_audited(of, data)) for name, of in drawn.items() if of is not None}
    rows |= {"group": list(groups), "n": _cells(at_audited(n, data))}
    if events is not None:
        both = zip(rows["events"], rows["n"], strict=True)
        rows["events"] = [x if of else None for x, of in both]
    given = {"status": status, "note": notes}
    rows |= {name: list(of) for name, of in given.items() if of is not None}
    kind = fields.get("scale", "percent")
    moved = {name: (of, "count" if name == "events" else kind) for name, of in drawn.items()}
    moved["reference"] = (reference, kind)
    each = (dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True))
    return Forest(
        rows=[Estimate(**row) for row in each],
        reference=None if reference is None else float(np.ravel(at_audited(reference, data))[0]),
        by_threshold=by_threshold(moved, ["status"] if judged else []),
        **fields,
    )


def distribution(
    data: Audited, title: str, scores: Mapping[str, NDArray[np.float32]], note: str | None = None
) -> Distribution:
    """Draw the shares of scores in `BINS` bins, a line each."""
    edges = np.linspace(0, 1, BINS + 1)
    return Distribution(
        title=title,
        note=note,
        x_title="score (probability of AI-generated)",
        edges=edges.tolist(),
        series={
            name: (np.histogram(of, edges)[0] / len(of)).tolist() for name, of in scores.items()
        },
        n={name: len(of) for name, of in scores.items()},
        marker=data.threshold,
        marker_label="threshold",
    )


def at_audited(values: Any, data: Audited | None) -> Any:
    """Take what holds at the audited threshold, shape (rows,)."""
    if data is None or np.ndim(values) < 2:
        return values
    return values[data.thresholds.index(data.threshold) if len(values) > 1 else 0]


def by_threshold(
    moved: Mapping[str, tuple[Any, str]], audited_only: Sequence[str] = ()
) -> dict[str, list[list[Number]] | None] | None:
    """Write what the threshold moves; None if it moves nothing.

    `moved` has values and their kind by name; those of shape (thresholds, rows) are written. What
    `audited_only` names is left empty at other thresholds.
    """
    grids: dict[str, list[list[Number]] | None] = {
        name: rounded(values, kind)
        for name, (values, kind) in moved.items()
        if np.ndim(values) == 2 and len(values) > 1
    }
    return {**grids, **dict.fromkeys(audited_only)} if grids else None


def rounded(values: ArrayLike, kind: str) -> list[list[Number]]:
    """Shorten numbers, shape (thresholds, rows), to six digits; not-a-number is None.

    One that would then read otherwise in a report keeps all its digits.
    """
    values = np.asarray(values)
    if kind == "count":
        return list(values.tolist())
    distinct, place = np.unique(values.astype(float), return_inverse=True)
    finite = np.isfinite(distinct)
    known = np.full(distinct.shape, None, object)
    known[finite] = _six_digits(distinct[finite])
    return list(known[place.reshape(values.shape)].tolist())


def _six_digits(values: FloatArray) -> FloatArray:
    size = np.abs(values)
    scale = 10.0 ** (5 - np.floor(np.log10(np.clip(size, 1e-3, 1e5))))
    short = np.rint(values * scale) / scale
    # What is next to nothing or to all is written with more digits than the rest, and is rare.
    sure = (size == 0) | (size > 1.1e-3) & (size < 0.999) | (size >= 1) & (size < 1e5)
    for decimals in range(4):
        # Near a tie it is all digits that decide.
        sure &= np.abs(size * 10**decimals % 1 - 0.5) > 1e-5 * size * 10**decimals
    return np.asarray(np.where(sure, short, values))


def _cells(values: Any) -> list[Cell]:
    cells = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return [nan_to_none(cell) if isinstance(cell, float) else cell for cell in cells]
