"""Counts first: one pass turns a scores table into group × outcome counts."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.tables import tag_columns
from faceaudit.tags.vocabulary import NUMERIC_TAGS, group_order

IntArray = NDArray[np.int64]

#: More combinations than this is a tag that names images or people, not groups.
MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class OutcomeCounts:
    """How many images of each group are real or AI, and how many of them are called wrongly.

    Attributes
    ----------
    attributes : tuple of str
        The tags whose values, combined, make a group. Empty: one group of all images.
    groups : list of tuple of str
        One value for each attribute, in reading order.
    n_real, real_called_ai, n_ai, ai_called_real : int64 array, shape (groups,)
    missing : int
        Rows left out because a tag of the combination is not known.
    unscored : int
        Rows left out because they have no score.
    """

    attributes: tuple[str, ...]
    groups: list[tuple[str, ...]]
    n_real: IntArray
    real_called_ai: IntArray
    n_ai: IntArray
    ai_called_real: IntArray
    missing: int = 0
    unscored: int = 0

    @property
    def labels(self) -> list[str]:
        """Group names fit for print."""
        return [" × ".join(group) if group else "all images" for group in self.groups]

    @property
    def n(self) -> IntArray:
        """Images of each group."""
        return self.n_real + self.n_ai

    @property
    def real_called_real(self) -> IntArray:
        """True negatives of each group."""
        return self.n_real - self.real_called_ai

    @property
    def ai_called_ai(self) -> IntArray:
        """True positives of each group."""
        return self.n_ai - self.ai_called_real

    def at_least(self, smallest: int) -> OutcomeCounts:
        """Empty a group's real photographs, or its AI images, where they are fewer.

        A group of one photograph has an error rate of 0 or 1 and an interval from nearly 0 to
        nearly 1, so that no gap over all groups could ever be judged. Which groups are left
        out depends on their size alone, never on their errors, so inference stays valid.
        """
        real, ai = self.n_real >= smallest, self.n_ai >= smallest
        return dataclasses.replace(
            self,
            n_real=self.n_real * real,
            real_called_ai=self.real_called_ai * real,
            n_ai=self.n_ai * ai,
            ai_called_real=self.ai_called_real * ai,
        )

    def total(self) -> OutcomeCounts:
        """Add the groups up to one (rows with a missing tag stay left out)."""
        return OutcomeCounts(
            attributes=(),
            groups=[()],
            n_real=self.n_real.sum(keepdims=True),
            real_called_ai=self.real_called_ai.sum(keepdims=True),
            n_ai=self.n_ai.sum(keepdims=True),
            ai_called_real=self.ai_called_real.sum(keepdims=True),
            missing=self.missing,
            unscored=self.unscored,
        )


def count_outcomes(
    table: pa.Table,
    attributes: Sequence[str],
    threshold: float,
    *,
    empty_cells: bool = False,
) -> OutcomeCounts:
    """Count images and errors of every group in one vectorised pass.

    Parameters
    ----------
    table : pyarrow.Table
        Scores: ``label``, ``p_ai`` and the tags.
    attributes : sequence of str
        Tags to combine; an empty one counts the whole table.
    threshold : float
        An image is called AI when ``p_ai >= threshold``, compared in float32.
    empty_cells : bool
        Keep combinations of values that no image has.

    Returns
    -------
    OutcomeCounts

    Raises
    ------
    FaceAuditError
        If a tag is missing from the table, is a number, or has too many values.

    Notes
    -----
    What is read from a table is kept as long as the table lives, so counting the same table
    by many attributes, or at many thresholds, reads each column once.
    """
    return count_at_thresholds(table, attributes, (threshold,), empty_cells=empty_cells)[0]


def count_at_thresholds(
    table: pa.Table,
    attributes: Sequence[str],
    thresholds: Sequence[float],
    *,
    empty_cells: bool = False,
) -> list[OutcomeCounts]:
    """Count as `count_outcomes` does, at many thresholds in the same pass over the images.

    Parameters
    ----------
    thresholds : sequence of float
        Rising. The other parameters are those of `count_outcomes`.

    Returns
    -------
    list of OutcomeCounts
        One a threshold, all with the same groups.

    Notes
    -----
    A histogram of each group's and label's scores, binned at the thresholds; its sums from
    above are the images called AI. The cost does not grow with the number of thresholds.
    """
    columns = _columns_of(table)
    code = np.zeros(len(table), dtype=np.int64)
    known = np.ones(len(table), dtype=bool)
    values: list[list[str]] = []
    cells = 1
    for attribute in attributes:
        tag_code, tag_values = columns.tag(attribute)
        cells *= max(len(tag_values), 1)
        if cells > MAX_CELLS:
            raise FaceAuditError(
                f"{' × '.join(attributes)}: more than {MAX_CELLS:,} groups; "
                "choose tags that name groups of people, not single images"
            )
        code = code * len(tag_values) + tag_code
        known &= tag_code >= 0
        values.append(tag_values)

    is_ai, score = columns.outcome()
    scored = ~np.isnan(score)
    rows = known & scored
    code = code[rows]
    if not all(values):
        keep = np.arange(0)
    elif empty_cells or not attributes:
        keep = np.arange(cells)
    else:
        keep = np.flatnonzero(np.bincount(code, minlength=cells))
        code = np.searchsorted(keep, code) if len(keep) < cells else code
    steps = len(thresholds) + 1
    bins = (code * 2 + is_ai[rows]) * steps + columns.reached(thresholds)[rows]
    counts = np.bincount(bins, minlength=2 * len(keep) * steps).reshape(len(keep), 2, steps)
    at_least = counts[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    n, called_ai = at_least[:, :, 0], at_least[:, :, 1:]

    position = np.unravel_index(keep, [max(len(v), 1) for v in values]) if values else ()
    by_attribute = [[v[i] for i in where] for v, where in zip(values, position, strict=True)]
    groups: list[tuple[str, ...]] = (
        list(zip(*by_attribute, strict=True)) if by_attribute else [()] * len(keep)
    )
    return [
        OutcomeCounts(
            attributes=tuple(attributes),
            groups=groups,
            n_real=n[:, 0],
            real_called_ai=called_ai[:, 0, i],
            n_ai=n[:, 1],
            ai_called_real=n[:, 1] - called_ai[:, 1, i],
            missing=int((scored & ~known).sum()),
            unscored=int((~scored).sum()),
        )
        for i in range(len(thresholds))
    ]


def tag_codes(table: pa.Table, tag: str) -> tuple[IntArray, list[str]]:
    """Number the values of a categorical tag.

    Returns
    -------
    codes : int64 array, shape (rows,)
        Position of each row's value; -1 where it is not known.
    values : list of str
        In reading order.

    Raises
    ------
    FaceAuditError
        If there is no such tag, or it is a number.
    """
    return _columns_of(table).tag(tag)


class _Columns:
    """The columns of one table as arrays, each read once."""

    def __init__(self, table: pa.Table) -> None:
        self._table = weakref.ref(table)
        self._tags: dict[str, tuple[IntArray, list[str]]] = {}
        self._outcome: tuple[NDArray[np.bool_], NDArray[np.float32]] | None = None
        self._reached: dict[bytes, NDArray[np.intp]] = {}

    @property
    def table(self) -> pa.Table:
        table = self._table()
        assert table is not None, "whoever asks holds the table"
        return table

    def outcome(self) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Whether each image is AI-generated, and its score (not-a-number where there is none)."""
        if self._outcome is None:
            is_ai = pc.equal(self.table["label"], "ai").to_numpy()
            score = self.table["p_ai"].cast(pa.float32()).to_numpy()
            self._outcome = is_ai, score
        return self._outcome

    def reached(self, thresholds: Sequence[float]) -> NDArray[np.intp]:
        """Count the thresholds that each score reaches, that is, at which it is called AI."""
        grid = np.asarray(thresholds, np.float32)
        key = grid.tobytes()
        if key not in self._reached:
            if not (np.diff(grid) > 0).all():
                raise ValueError("thresholds must rise, also when rounded to float32")
            self._reached[key] = np.searchsorted(grid, self.outcome()[1], side="right")
        return self._reached[key]

    def tag(self, name: str) -> tuple[IntArray, list[str]]:
        """Return the code of each row (-1: not known) and the values in reading order."""
        if name not in self._tags:
            self._tags[name] = _encode(self.table, name)
        return self._tags[name]


#: By the identity of a living table; an entry goes with its table.
_READ: dict[int, _Columns] = {}


def _columns_of(table: pa.Table) -> _Columns:
    key = id(table)
    if key not in _READ:
        _READ[key] = _Columns(table)
        weakref.finalize(table, _READ.pop, key, None)
    return _READ[key]


def _encode(table: pa.Table, name: str) -> tuple[IntArray, list[str]]:
    if name not in table.column_names:
        tags = [tag for tag in tag_columns(table) if tag not in NUMERIC_TAGS]
        raise FaceAuditError(
            f"there is no tag '{name}' in the scores; the tags are {', '.join(tags) or 'none'}"
        )
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if name in NUMERIC_TAGS or pa.types.is_floating(column.type):
        remedy = "'age_band' instead" if name == "age" else "a tag that puts it in bands"
        raise FaceAuditError(f"tag '{name}' is a number, not a group; name {remedy}")
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    found = encoded.dictionary.to_pylist()
    values = group_order(name, found)
    rank = {value: position for position, value in enumerate(values)}
    # One more entry at the end, which index -1 picks: not known stays -1.
    recode = np.array([rank[value] for value in found] + [-1], dtype=np.int64)
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return recode[indices], values
