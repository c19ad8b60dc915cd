"""Counts first: images and errors of every group at every threshold, in one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from itertools import product
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.limits import CELLS, GROUPS
from faceaudit.reading.columns import by_value, encoded, is_text, with_column
from faceaudit.schema import called_ai, tag_columns
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import Cells
from faceaudit.stats.ranking import RankedScores, Runs, rank_scores
from faceaudit.tags.vocabulary import NUMERIC_TAGS, group_order

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Counts:
    """How many images of each group are real or AI, and how many of them are called wrongly.

    Attributes
    ----------
    tags : tuple of str
        Their values, combined, make a group. Empty: one group of all images.
    groups : list of tuple of str
        One value for each tag, in reading order.
    n_real, n_ai : int64 array, shape (groups,)
    real_called_ai, ai_called_real : int64 array, shape (groups,) or (thresholds, groups)
    missing : int
        Images left out because a tag of the combination is not known.
    thresholds : tuple of float
        Of the first axis of the errors; empty where there is none.
    design_effects : float64 array, shape (2, groups), or None
        How many real photographs, and how many AI-generated images, of each group are worth one
        independent image. None: every image is.
    """

    tags: tuple[str, ...]
    groups: list[tuple[str, ...]]
    n_real: IntArray
    real_called_ai: IntArray
    n_ai: IntArray
    ai_called_real: IntArray
    missing: int = 0
    thresholds: tuple[float, ...] = ()
    design_effects: FloatArray | None = None

    @property
    def effective(self) -> Counts:
        """The same rates from as many independent images as these are worth, for inference.

        Not whole numbers where images hang together.
        """
        if self.design_effects is None:
            return self
        real, ai = self.design_effects
        return dataclasses.replace(
            self,
            n_real=self.n_real / real,
            real_called_ai=self.real_called_ai / real,
            n_ai=self.n_ai / ai,
            ai_called_real=self.ai_called_real / ai,
            design_effects=None,
        )

    @property
    def labels(self) -> list[str]:
        """Group names fit for print."""
        return _labels(self.groups)

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

    def at(self, threshold: float) -> Counts:
        """Return the counts at one of the thresholds, errors of shape (groups,)."""
        row = self.thresholds.index(threshold)
        return dataclasses.replace(
            self,
            real_called_ai=self.real_called_ai[row],
            ai_called_real=self.ai_called_real[row],
            thresholds=(),
        )

    def pick(self, kept: NDArray[np.bool_]) -> Counts:
        """Keep some of the groups."""
        groups = [self.groups[i] for i in np.flatnonzero(kept)]
        return self._with(lambda of: of[..., kept], groups=groups)

    def total(self) -> Counts:
        """Add the groups up to one (images with a missing tag stay left out)."""
        return self._with(lambda of: of.sum(axis=-1, keepdims=True), tags=(), groups=[()])

    def beside(self, other: Counts, name: tuple[str, ...]) -> Counts:
        """Append the one group of other counts, under a name, as the last."""
        columns = ("n_real", "real_called_ai", "n_ai", "ai_called_real", "design_effects")
        both: dict[str, Any] = {
            of: None
            if getattr(self, of) is None
            else np.concatenate([getattr(self, of), getattr(other, of)], axis=-1)
            for of in columns
        }
        return dataclasses.replace(self, groups=[*self.groups, name], **both)

    def _with(self, change: Callable[[Any], Any], **fields: Any) -> Counts:
        columns = ("n_real", "real_called_ai", "n_ai", "ai_called_real")
        changed: dict[str, Any] = {name: change(getattr(self, name)) for name in columns}
        if self.design_effects is not None:
            n = np.stack([self.n_real, self.n_ai])
            worth = change(n / self.design_effects)
            changed["design_effects"] = np.divide(
                change(n), worth, out=np.ones_like(worth), where=worth > 0
            )
        return dataclasses.replace(self, **changed, **fields)


@dataclass(frozen=True)
class Grouping:
    """Which group each image is in; kept in as few bytes as the number of groups needs."""

    kept: NDArray[np.signedinteger]
    groups: list[tuple[str, ...]]

    @property
    def code(self) -> IntArray:
        """The number of each image's group, shape (images,); -1 where a tag is not known."""
        return self.kept.astype(np.int64)

    @property
    def labels(self) -> list[str]:
        """Group names fit for print."""
        return _labels(self.groups)


def _labels(groups: list[tuple[str, ...]]) -> list[str]:
    return [" × ".join(group) if group else "all images" for group in groups]


def _narrow(code: NDArray[np.signedinteger], values: int) -> NDArray[np.signedinteger]:
    """Keep numbers below `values`, or -1, in as few bytes as they need."""
    return code.astype(np.min_scalar_type(-max(values, 1)), copy=False)


#: What is the same whatever the scores of the images are.
_WITHOUT_SCORES = ("_codes", "grouping", "_cells")


def _kept(method: Method) -> Method:
    """Work out each answer of `Images` once; a list is taken as a tuple."""

    @wraps(method)
    def answer(self: Images, *given: Any, **options: Any) -> Any:
        given = tuple(tuple(of) if isinstance(of, list) else of for of in given)
        key = (method.__name__, given, *options.items())
        answers = self._of_images if method.__name__ in _WITHOUT_SCORES else self._answers
        if key not in answers:
            answers[key] = method(self, *given, **options)
        return answers[key]

    return cast(Method, answer)


class Images:
    """The scored images of a table as arrays; each column is read once, each grouping counted once.

    Parameters
    ----------
    table : pyarrow.Table
        Scores: ``label``, ``p_ai`` (without null) and the tags.
    clusters : int array, shape (rows,), optional
        Numbers of what hangs together (`faceaudit.stats.clusters`).
    audited : float
        The threshold whose errors say how much they hang together, where several are counted.
    """

    def __init__(
        self, table: pa.Table, clusters: IntArray | None = None, audited: float | None = None
    ) -> None:
        self.table, self.clusters, self._audited = table, clusters, audited
        self._answers: dict[tuple[object, ...], Any] = {}
        self._of_images: dict[tuple[object, ...], Any] = {}

    def rescored(self, p_ai: pa.ChunkedArray) -> Images:
        """Return the same images with other scores; what hangs on neither is worked out once."""
        other = Images(with_column(self.table, "p_ai", p_ai), self.clusters, self._audited)
        other._of_images = self._of_images
        return other

    def __len__(self) -> int:
        """How many there are."""
        return len(self.table)

    @cached_property
    def is_ai(self) -> NDArray[np.bool_]:
        """Whether each image is AI-generated."""
        return np.asarray(by_value(self.table["label"], lambda label: pc.equal(label, "ai")))

    @cached_property
    def score(self) -> NDArray[np.float32]:
        """Each image's probability of being AI-generated."""
        score = np.asarray(self.table["p_ai"].cast(pa.float32()))
        if np.isnan(score).any():
            raise ValueError("an image without a score cannot be counted: leave such rows out")
        return score

    @cached_property
    def ranked(self) -> RankedScores:
        """The scores, sorted."""
        return rank_scores(self.score, self.is_ai)

    def codes(self, tag: str) -> tuple[IntArray, list[str]]:
        """Number the values of a tag: each image's, -1 where not known, and the values.

        Raises
        ------
        FaceAuditError
            If there is no such tag, or it is a number.
        """
        code, values = self._codes(tag)
        return code.astype(np.int64), values

    @_kept
    def _codes(self, tag: str) -> tuple[NDArray[np.signedinteger], list[str]]:
        """Number them in as few bytes as they need."""
        if tag not in self.table.column_names:
            tags = [name for name in tag_columns(self.table) if name not in NUMERIC_TAGS]
            raise FaceAuditError(
                f"there is no tag '{tag}' in the scores; the tags are {', '.join(tags) or 'none'}"
            )
        column = self.table[tag]
        if tag in NUMERIC_TAGS or pa.types.is_floating(column.type):
            remedy = "'age_band' instead" if tag == "age" else "a tag that puts it in bands"
            raise FaceAuditError(f"tag '{tag}' is a number, not a group; name {remedy}")
        if not is_text(column.type):
            one = column.dictionary_encode().unify_dictionaries().combine_chunks()
            column = pa.chunked_array(
                [pa.DictionaryArray.from_arrays(one.indices, one.dictionary.cast(pa.string()))]
            )
        one = encoded(column).chunk(0)
        code = one.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        # Values that no row has any more, after a filter, are no groups.
        there = np.flatnonzero(np.bincount(code + np.int64(1), minlength=1)[1:])
        found = one.dictionary.take(pa.array(there)).to_pylist()
        values = group_order(tag, found)
        place = {value: i for i, value in enumerate(values)}
        # One more entry at the end, which index -1 picks: not known stays -1.
        recode = np.full(len(one.dictionary) + 1, -1)
        recode[there] = [*map(place.__getitem__, found)]
        return _narrow(recode, len(values))[code], values

    @_kept
    def grouping(self, tags: Sequence[str], *, empty_cells: bool = False) -> Grouping:
        """Number the combinations of values of some tags.

        `empty_cells` keeps those without image, if there are no more than `GROUPS` of both.

        Raises
        ------
        FaceAuditError
            If a tag is missing, is a number, or there are too many groups.
        """
        code = np.zeros(len(self), np.int32)
        untagged = np.zeros(len(self), bool)
        values: list[list[str]] = []
        cells = 1
        for tag in tags:
            of_tag, names = self._codes(tag)
            cells *= len(names)
            if cells > CELLS:
                raise FaceAuditError(
                    f"{' × '.join(tags)}: more than {CELLS:,} combinations; "
                    "choose tags that name groups of people, not single images"
                )
            code *= len(names)
            code += of_tag
            untagged |= of_tag < 0
            values.append(names)
        code[untagged] = -1
        filled = np.bincount(code + 1, minlength=cells + 1)[1:] > 0
        if (empty_cells and cells <= GROUPS) or not tags or filled.all():
            return Grouping(_narrow(code, cells), list(product(*values)))
        recode = np.append(np.cumsum(filled) - 1, -1)
        groups = [group for group, some in zip(product(*values), filled, strict=True) if some]
        return Grouping(_narrow(recode, len(groups))[code], groups)

    def runs(self, tags: Sequence[str]) -> Runs:
        """Gather the images of each group with equal scores: quick, and too large to keep."""
        grouping = self.grouping(tags)
        effects = None
        if self.clusters is not None:
            effects = np.hstack([self._placement_effects(tags), self._placement_effects(())])
        return Runs.of(self.ranked, grouping.kept, len(grouping.groups), effects)

    @_kept
    def _placement_effects(self, tags: Sequence[str]) -> FloatArray:
        """Estimate how many images of each label and group are worth one to the ranking."""
        return np.stack([of.design_effects(self.placement) for of in self._cells(tags)])

    @cached_property
    def placement(self) -> FloatArray:
        """The share of the images of the other label that score below each, ties one half."""
        real, ai = (
            (below[:-1] + below[1:]) / max(2 * below[-1], 1)
            for below in (self.ranked.real_below, self.ranked.ai_below)
        )
        placement = np.empty(len(self))
        level = self.ranked.level
        placement[self.ranked.order] = np.where(self.ranked.is_ai, real[level], ai[level])
        return placement

    @_kept
    def counts(
        self, tags: Sequence[str], thresholds: Sequence[float] | float, *, empty_cells: bool = False
    ) -> Counts:
        """Count images and errors of every group at every threshold.

        Parameters
        ----------
        tags : sequence of str
            Tags to combine; an empty one counts all images as one group.
        thresholds : sequence of float, or float
            Rising; an image is called AI when ``p_ai >= threshold``, compared in float32. A
            single one leaves the errors without that axis.
        empty_cells : bool
            Keep combinations of values that no image has.

        Notes
        -----
        A histogram of each group's and label's scores, binned at the thresholds; its sums from
        above are the images called AI. The cost does not grow with the number of thresholds.
        """
        if isinstance(thresholds, int | float):
            return self.counts(tags, (thresholds,), empty_cells=empty_cells).at(thresholds)
        errors_at = thresholds[0]
        if len(thresholds) > 1 and self._audited is not None:
            errors_at = self._audited
        grouping = self.grouping(tags, empty_cells=empty_cells)
        steps = len(thresholds) + 1
        # Those without a group come first.
        bins = grouping.code
        bins += 1
        bins *= 2 * steps
        bins += self._label_and_step(thresholds)
        cells = (len(grouping.groups) + 1) * 2 * steps
        histogram = np.bincount(bins, minlength=cells).reshape(-1, 2, steps)
        at_least = histogram[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
        n, called_ai = at_least[1:, :, 0], at_least[1:, :, 1:].T
        return Counts(
            tags=tuple(tags),
            groups=grouping.groups,
            n_real=n[:, 0],
            real_called_ai=called_ai[:, 0],
            n_ai=n[:, 1],
            ai_called_real=n[:, 1] - called_ai[:, 1],
            missing=int(histogram[0].sum()),
            thresholds=tuple(thresholds),
            design_effects=self._spread(grouping, self._design_effects(tags, errors_at)),
        )

    @_kept
    def _design_effects(self, tags: Sequence[str], threshold: float) -> FloatArray | None:
        """Estimate those of the groups that have images, by label."""
        if self.clusters is None:
            return None
        return np.stack([of.design_effects(self._wrong(threshold)) for of in self._cells(tags)])

    @_kept
    def _cells(self, tags: Sequence[str]) -> tuple[Cells, Cells]:
        """Sort the images of each cluster and group, by label."""
        assert self.clusters is not None
        grouping = self.grouping(tags)
        code, groups = grouping.code, len(grouping.groups)
        real, ai = (np.where(of, code, -1) for of in (~self.is_ai, self.is_ai))
        return Cells(self.clusters, real, groups), Cells(self.clusters, ai, groups)

    @_kept
    def _wrong(self, threshold: float) -> NDArray[np.bool_]:
        return np.asarray(called_ai(self.score, threshold) != self.is_ai)

    def _spread(self, grouping: Grouping, effects: FloatArray | None) -> FloatArray | None:
        """Give every group its design effects, 1 where it has no image."""
        if effects is None or effects.shape[1] == len(grouping.groups):
            return effects
        spread = np.ones((2, len(grouping.groups)))
        # Both list the groups in one order.
        spread[:, np.bincount(grouping.code + 1, minlength=len(spread[0]) + 1)[1:] > 0] = effects
        return spread

    @_kept
    def _label_and_step(self, thresholds: Sequence[float]) -> NDArray[np.signedinteger]:
        """Number each image's label and how many thresholds its score reaches."""
        grid = np.asarray(thresholds, np.float32)
        if not (np.diff(grid) > 0).all():
            raise ValueError("thresholds must rise, also when rounded to float32")
        steps = len(grid) + 1
        found = self.is_ai * steps + np.searchsorted(grid, self.score, side="right")
        return _narrow(found, 2 * steps)
