"""Row expressions such as ``race == 'Indian' and age >= 40``, read safely and never evaluated.

Python's own parser reads the text; the handful of node types below are turned into Arrow masks
and everything else is refused. As in SQL there are three answers: yes, no, and not known where
a tag is missing. Whoever asks decides what becomes of the third.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import reduce
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.limits import EXPRESSION_LETTERS
from faceaudit.reading.columns import distinct, plain
from faceaudit.schema import LABELS
from faceaudit.tags.race import RACE_COARSE
from faceaudit.tags.vocabulary import ORDERED_TAGS

ColumnType = Literal["text", "number", "boolean"]
Mask = Any  # pa.ChunkedArray of bool, or pa.BooleanArray; null where it is not known

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Mask]] = {
    **{ast.Eq: pc.equal, ast.NotEq: pc.not_equal},
    **{ast.Lt: pc.less, ast.LtE: pc.less_equal, ast.Gt: pc.greater, ast.GtE: pc.greater_equal},
}
#: Words (in lower case) that a column may be asked for although no row here has them.
_STANDARD: dict[str, Collection[str]] = {
    "label": LABELS,
    "gender": ("female", "male"),
    "race": RACE_COARSE,
    **ORDERED_TAGS,
}
#: A column with more different values than this names images, and no near value is looked for.
_MOST_VALUES = 1000
#: So many values of a column are named in a message.
_SHOWN = 8


def row_mask(table: pa.Table, text: str, option: str = "--where") -> pa.BooleanArray:
    """Tell which rows satisfy an expression, as `read_rows` does, without its sentences."""
    return read_rows(table, text, option)[0]


def read_rows(table: pa.Table, text: str, option: str) -> tuple[pa.BooleanArray, list[str]]:
    """Tell which rows satisfy an expression.

    It is made of comparisons (``== != < <= > >= in not in``) of a column with a value, joined by
    ``and``, ``or``, ``not`` and brackets; a column of true and false stands for itself. Messages
    begin with `option`, as which it was given.

    Returns
    -------
    mask : pyarrow.BooleanArray
        Null where a missing tag leaves it open (`pyarrow.Table.filter` drops such rows).
    absent : list of str
        A sentence for each value that no row has.

    Raises
    ------
    FaceAuditError
        Pointing at the part of the expression that is not understood, or that compares with a
        value which no row has and which is nearly one that some have.
    """
    if len(text) > EXPRESSION_LETTERS:
        raise FaceAuditError(
            f"{option} {text!r}: {len(text):,} letters, and {EXPRESSION_LETTERS:,} are the most of "
            "an expression"
        )
    reader = _Reader(table, text, option)
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            tree = ast.parse(text.strip(), mode="eval")
        mask = reader.read(tree.body)
        return mask.combine_chunks(), reader.absent
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FaceAuditError(
            f"{option} {text!r}: not an expression ({getattr(error, 'msg', error)}); "
            "for example \"race == 'Indian' and age >= 40\""
        ) from None


def columns_in_words(table: pa.Table, text: str) -> str:
    """Say which values the columns have that an expression (which was read before) names."""
    return "; ".join(f"{name} {_values_in_words(table[name])}" for name in columns_named(text))


def columns_named(text: str) -> list[str]:
    """Return the columns that an expression, which is one, names."""
    tree = ast.parse(text.strip(), mode="eval")
    return [*dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))]


def _values_in_words(column: pa.ChunkedArray) -> str:
    values = distinct(column)[0]
    if len(values) == 0:
        return "is empty"
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        low, high = pc.min_max(column).as_py().values()
        return f"is {low:g}" if low == high else f"goes from {low:g} to {high:g}"
    shown = sorted(values.to_pylist())[:_SHOWN]
    more = f" and {len(values) - _SHOWN:,} more" if len(values) > _SHOWN else ""
    return f"is {', '.join(map(repr, shown))}{more}"


class _Reader:
    def __init__(self, table: pa.Table, text: str, option: str) -> None:
        self.table = table
        self.text = text
        self.option = option
        self.absent: list[str] = []

    def read(self, node: ast.expr) -> Mask:
        """Return the three-valued mask of one node (Kleene logic keeps unknown unknown)."""
        match node:
            case ast.BoolOp(op=op, values=values):
                join = pc.and_kleene if isinstance(op, ast.And) else pc.or_kleene
                return reduce(join, map(self.read, values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return pc.invert(self.read(operand))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                pairs = zip([left, *comparators], ops, comparators, strict=False)
                return reduce(pc.and_kleene, (self._compare(*pair) for pair in pairs))
            case ast.Name():
                kind, column = self._column(node)
                if kind == "boolean":
                    return column
                value = next(iter(pc.unique(column).drop_null().to_pylist()), "a word")
                example = f"== {value!r}" if kind == "text" else ">= 40"
                raise self._refuse(node, f"is no comparison; write for example {node.id} {example}")
        raise self._refuse(node, "is not a comparison; write for example age >= 40")

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Mask:
        if isinstance(op, ast.In | ast.NotIn):
            mask = self._is_in(left, right)
            return pc.invert(mask) if isinstance(op, ast.NotIn) else mask
        compare = _COMPARISONS.get(type(op))
        if compare is None:
            raise self._refuse(left, "is compared by 'is'; write == or !=")
        ordered = not isinstance(op, ast.Eq | ast.NotEq)
        if isinstance(left, ast.Name) and isinstance(right, ast.Name):
            (kind, first), (other, second) = self._column(left), self._column(right, quoted=True)
            if kind != other or (ordered and kind != "number"):
                raise self._refuse(
                    left, f"({kind}) cannot be compared so with {right.id} ({other})"
                )
            return compare(first, second)
        if isinstance(left, ast.Name):
            return compare(*self._sides(left, right, ordered))
        if isinstance(right, ast.Name):
            return compare(*self._sides(right, left, ordered)[::-1])
        raise self._refuse(left, "is compared, but is no column, and neither is the other side")

    def _is_in(self, left: ast.expr, right: ast.expr) -> Mask:
        if not isinstance(left, ast.Name):
            raise self._refuse(left, "is not the name of a column")
        if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
            item = ast.unparse(right) if isinstance(right, ast.Constant) else "'Black', 'Indian'"
            raise self._refuse(right, f"is no list; write {left.id} in [{item}]")
        sides = (self._sides(left, item, ordered=False) for item in right.elts)
        return reduce(pc.or_kleene, (pc.equal(*pair) for pair in sides))

    def _sides(self, name: ast.Name, node: ast.expr, ordered: bool) -> tuple[Any, pa.Scalar]:
        """Return a column and the value that it is compared with, of one type."""
        kind, column = self._column(name)
        value = self._value(node)
        given = {bool: "boolean", str: "text"}.get(type(value), "number")
        if kind == "text" and given == "number":
            with suppress(pa.ArrowInvalid):  # not every value is a number: said below
                return column.cast(pa.float64()), pa.scalar(float(value))
        if kind != given or (ordered and kind != "number"):
            n, known = name.id, f"({name.id} {_values_in_words(column)})"
            complaint = {
                "boolean": f"is true or false; write {n} or not {n}",
                "number": f"is a number and {value!r} is not; write for example {n} >= 40",
                "text": f"is text and has no order; write {n} in [...] {known}"
                if ordered
                else f"is text; write {n} == '{value}' {known}",
            }
            raise self._refuse(name, complaint[kind])
        if kind == "text":
            self._look_for(name.id, column, str(value))
        # A score is kept as a float32, and 0.9 is to be the 0.9 that stands in the file.
        return column, pa.scalar(float(value) if kind == "number" else value, column.type)

    def _look_for(self, name: str, column: pa.ChunkedArray, value: str) -> None:
        """Refuse a value that no row has if it is nearly one that some have; else remember it."""
        if pc.index(column, value).as_py() >= 0:
            return
        self.absent.append(f"No row has {name} {value!r} ({name} {_values_in_words(column)}).")
        values = distinct(column)[0].to_pylist()
        if len(values) > _MOST_VALUES:
            return
        folded = {known.strip().casefold(): known for known in values}
        wanted = value.strip().casefold()
        near = [wanted] if wanted in folded else []
        if not near and wanted not in _STANDARD.get(name, ()):
            near = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.75)
        if near:
            raise FaceAuditError(
                f"{self.option} {self.text!r}: no row has {name} {value!r}; did you mean "
                f"{' or '.join(repr(folded[word]) for word in near)}?"
            )

    def _column(self, node: ast.Name, *, quoted: bool = False) -> tuple[ColumnType, Any]:
        """Return what a column holds, and the column; `quoted`: a value may be meant instead."""
        names = self.table.column_names
        if node.id not in names:
            if quoted:
                raise self._refuse(node, f"is no column; a word stands in quotes: '{node.id}'")
            near = difflib.get_close_matches(node.id, names, n=1)
            meant = f"did you mean {near[0]}? The" if near else "the"
            raise self._refuse(node, f"is no column; {meant} columns are {', '.join(names)}")
        column = plain(self.table[node.id])
        if column is None:
            raise self._refuse(node, "is a column of neither text, numbers nor true and false")
        if pa.types.is_boolean(column.type):
            return "boolean", column
        if pa.types.is_string(column.type):
            return "text", column
        if pa.types.is_integer(column.type):
            column = column.cast(pa.float64(), safe=False)
        return "number", column

    def _value(self, node: ast.expr) -> str | float | bool:
        match node:
            case ast.Constant(value=int() as value) if value >= 2**63:
                raise self._refuse(node, "is too large a number")
            case ast.Constant(value=str() | int() | float() as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
                return -float(self._value(node.operand))
            case ast.Constant(value=None):
                raise self._refuse(node, "is no value: rows without the tag satisfy no comparison")
        raise self._refuse(node, "is not a plain text or number")

    def _refuse(self, node: ast.expr, complaint: str) -> FaceAuditError:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            complaint = "is not understood; write 'and' and 'or' for & and |"
        part = ast.get_source_segment(self.text.strip(), node) or "this"
        return FaceAuditError(f"{self.option} {self.text!r}: {part} {complaint}")
