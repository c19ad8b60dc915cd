"""A table in memory as an Arrow table: pandas, arrays by name, or what has Arrow's protocol."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, Protocol

import pyarrow as pa

from faceaudit.errors import FaceAuditError

KINDS = "a pandas, polars or pyarrow table, or a mapping of column names to arrays"
_UNREADABLE = (pa.ArrowException, TypeError, ValueError, OverflowError)


class ArrowStream(Protocol):
    """A table in memory: those of pandas, polars, pyarrow and DuckDB have this method."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the table as a stream of Arrow record batches."""


#: What a table in memory may be.
Frame = ArrowStream | Mapping[str, Any]


def arrow_table(frame: object, source: str) -> pa.Table:
    """Return a table in memory as an Arrow table; several columns may bear one name.

    Of a pandas index the levels that have a name are columns. One without a name is left out if it
    holds whole numbers, as it is what a filter left of the row numbers; others are columns too.

    Raises
    ------
    FaceAuditError
        Naming `source`, the column and the row (from 1 on), where a cell is of no kind that a table
        can hold; or if `frame` is no table.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        columns = [*_of_pandas(frame, source)]
    elif isinstance(frame, Mapping):
        refuse_other_index({f"column '{name}'": of for name, of in frame.items()}, f"{source}: ")
        columns = [*frame.items()]
    else:
        try:
            return pa.table(frame)
        except _UNREADABLE as error:
            why = " ".join(str(error).split())
            kind = type(frame).__name__
            raise FaceAuditError(f"{source}: {kind} is no table ({why}); give {KINDS}") from None
    arrays = [arrow_array(values, str(name), source) for name, values in columns]
    for (name, _), array in zip(columns, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise FaceAuditError(
                f"{source}: column '{name}' has {len(array):,} rows and column '{columns[0][0]}' "
                f"{len(arrays[0]):,}"
            )
    # pandas calls a column without a name None.
    names = ["" if name is None else str(name) for name, _ in columns]
    return pa.Table.from_arrays(arrays, names)


def _of_pandas(frame: Any, source: str) -> Iterator[tuple[object, object]]:
    if frame.columns.nlevels > 1:
        raise FaceAuditError(
            f"{source}: its columns have {frame.columns.nlevels} levels; give each one name, as "
            "in frame.columns = ['image', 'label', …]"
        )
    for level, name in enumerate(frame.index.names):
        values = frame.index.get_level_values(level)
        if name is not None or values.dtype.kind not in "iu":
            yield name, values.to_series()
    for place, name in enumerate(frame.columns):
        yield name, frame.iloc[:, place]


def arrow_array(values: Any, name: str, source: str) -> pa.Array | pa.ChunkedArray:
    """Return one column as an Arrow array, with null for None and not-a-number."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        raise FaceAuditError(f"{source}: column '{name}' is {_shown(values)} and no array")
    values = _plain_cells(values)
    if (dimensions := getattr(values, "ndim", 1)) != 1:
        raise FaceAuditError(f"{source}: column '{name}' has {dimensions} dimensions; give one")
    try:
        return pa.array(values, from_pandas=True)
    except _UNREADABLE as error:
        cells, why = list(values), error
        if not cells:
            raise FaceAuditError(f"{source}: column '{name}' cannot be read ({error})") from None
        low, high = 0, len(cells)
        while high - low > 1:  # the first cell that cannot stand with those before it
            middle = (low + high) // 2
            try:
                pa.array(cells[:middle], from_pandas=True)
            except _UNREADABLE as failed:
                high, why = middle, failed
            else:
                low = middle
        first = type(next((cell for cell in cells[:low] if cell is not None), cells[low])).__name__
        odd = type(cells[low]).__name__
        told = f"beside cells of type {first}" if odd != first else " ".join(str(why).split())
        raise FaceAuditError(
            f"{source}: column '{name}', row {low + 1}: {_shown(cells[low])} cannot be read "
            f"({odd} {told}); give the column one type, text, number or boolean"
        ) from None


def _plain_cells(values: Any) -> Any:
    """Return a column of pandas without the types that Arrow does not know."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.api.extensions.ExtensionArray):
        values = pandas.Series(values)
    if pandas is None or not isinstance(values, pandas.Series | pandas.Index):
        # Of other libraries' arrays NumPy's protocol is read, not the cells one by one.
        return values.__array__() if hasattr(values, "__array__") else values
    kind = values.dtype
    if isinstance(kind, pandas.SparseDtype):
        values = values.sparse.to_dense()
    if isinstance(kind, pandas.CategoricalDtype):
        kind, values = kind.categories.dtype, values.astype(object)
    if isinstance(kind, pandas.IntervalDtype | pandas.PeriodDtype):
        return values.astype(object).map(str, na_action="ignore")
    return values


def _shown(value: object) -> str:
    return " ".join(reprlib.repr(value).split())


def refuse_other_index(given: Mapping[str, Any], source: str = "") -> None:
    """Refuse pandas objects whose rows are named differently: they are read by position."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return
    kinds = (pandas.Series, pandas.DataFrame)
    index = {name: of.index for name, of in given.items() if isinstance(of, kinds)}
    (first, rows), *others = [*index.items()] or [("", None)]
    for name, of in others:
        if not of.equals(rows):
            raise FaceAuditError(
                f"{source}{first} and {name} have different indexes; bring them into one order, "
                "and then reset_index(drop=True)"
            )
