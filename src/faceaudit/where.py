"""Row expressions such as ``race == 'Indian' and age >= 40``, read safely and never evaluated.

Python's own parser reads the text; the handful of node types below are turned into an Arrow
expression and everything else is refused. As in SQL, a row whose tag is missing satisfies
no comparison.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}


def row_mask(table: pa.Table, text: str) -> pa.ChunkedArray:
    """Tell which rows satisfy an expression.

    Parameters
    ----------
    table : pyarrow.Table
    text : str
        Comparisons (``== != < <= > >= in not in``) of a column with a value, joined by
        ``and``, ``or``, ``not`` and brackets.

    Returns
    -------
    pyarrow.ChunkedArray of bool, without null
        A missing tag gives False, also under ``not``.

    Raises
    ------
    FaceAuditError
        Pointing at the part of the expression that is not understood.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FaceAuditError(
            f"--where {text!r}: not an expression ({getattr(error, 'msg', error)}); "
            "for example \"race == 'Indian' and age >= 40\""
        ) from None
    try:
        mask = _Reader(table, text).read(tree.body)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FaceAuditError(f"--where {text!r}: {str(error).splitlines()[0]}") from None
    return pc.fill_null(mask, False)


class _Reader:
    def __init__(self, table: pa.Table, text: str) -> None:
        self.table = table
        self.text = text

    def read(self, node: ast.expr) -> Any:
        """Return the three-valued mask of one node (Kleene logic keeps missing missing)."""
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return self._fold(pc.and_kleene, values)
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._fold(pc.or_kleene, values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return pc.invert(self.read(operand))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                sides = [left, *comparators]
                masks = [self._compare(sides[i], op, sides[i + 1]) for i, op in enumerate(ops)]
                mask = masks[0]
                for other in masks[1:]:
                    mask = pc.and_kleene(mask, other)
                return mask
            case _:
                raise self._refuse(node, "is not a comparison; write for example age >= 40")

    def _fold(self, join: Callable[[Any, Any], Any], values: list[ast.expr]) -> Any:
        mask = self.read(values[0])
        for value in values[1:]:
            mask = join(mask, self.read(value))
        return mask

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            column = self._column(left)
            if not isinstance(right, ast.List | ast.Tuple | ast.Set):
                raise self._refuse(right, "must be a list, as in race in ['Black', 'Indian']")
            values = pa.array([self._value(item) for item in right.elts])
            found = pc.is_in(column, values.cast(column.type))
            mask = pc.if_else(pc.is_valid(column), found, pa.scalar(None, pa.bool_()))
            return pc.invert(mask) if isinstance(op, ast.NotIn) else mask
        function = _COMPARISONS.get(type(op))
        if function is None:
            raise self._refuse(left, "is compared in a way that is not known")
        if not any(isinstance(side, ast.Name) for side in (left, right)):
            raise self._refuse(left, "compares no column")
        return function(self._side(left), self._side(right))

    def _side(self, node: ast.expr) -> Any:
        return self._column(node) if isinstance(node, ast.Name) else pa.scalar(self._value(node))

    def _column(self, node: ast.expr) -> Any:
        if not isinstance(node, ast.Name):
            raise self._refuse(node, "is not the name of a column")
        if node.id not in self.table.column_names:
            raise self._refuse(
                node, f"is no column; the columns are {', '.join(self.table.column_names)}"
            )
        return self.table[node.id]

    def _value(self, node: ast.expr) -> str | int | float | bool:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._value(node.operand)
            if isinstance(value, int | float):
                return -value
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool):
            return node.value
        raise self._refuse(node, "is not a plain text or number")

    def _refuse(self, node: ast.expr, complaint: str) -> FaceAuditError:
        part = ast.get_source_segment(self.text.strip(), node) or "this"
        return FaceAuditError(f"--where {self.text!r}: {part} {complaint}")
