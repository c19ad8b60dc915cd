"""Two scores tables as one: which images match, what is known of them, and who scored which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.audit import summarise
from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import alike
from faceaudit.reading.matching import Matches, match
from faceaudit.reading.meaning import mark_missing
from faceaudit.result import ScoresSummary
from faceaudit.selection import Fates, keep_rows, mark_slice
from faceaudit.spec import Spec
from faceaudit.stats.counts import count_at_thresholds
from faceaudit.tables import SCORED, Scores, ScoresInfo
from faceaudit.wording import counted

#: What becomes of an image: its position is the value of ``p_ai`` in `Pair.table`.
OUTCOMES = (
    "both right",
    "only the first wrong",
    "only the second wrong",
    "both wrong",
    "scored by the first alone: right",
    "scored by the first alone: wrong",
    "scored by the second alone: right",
    "scored by the second alone: wrong",
)
#: Columns that are a classifier's and not the image's.
_OF_SCORES = {"p_ai": pa.float32(), "status": pa.string(), "in_training": pa.bool_()}
#: Ways of matching that rest on less than the whole path.
_WAYS = {"hash": "by hash", "file name": "by file name"}
_TRAINING = "in the training data of"


@dataclass(frozen=True)
class Tally:
    """Images by group and outcome.

    Attributes
    ----------
    groups : list of str
    real, ai : int64 array, shape (groups, len(OUTCOMES))
    missing : int
        Images in no group, for a tag is not known.
    """

    groups: list[str]
    real: NDArray[np.int64]
    ai: NDArray[np.int64]
    missing: int


@dataclass(frozen=True)
class Pair:
    """Two classifiers on the images that a comparison is about.

    Attributes
    ----------
    table : pyarrow.Table
        One row an image that is in either table, with its tags. ``p_ai`` is not a score but its
        position in `OUTCOMES`; null where neither has a score.
    spec : Spec or None
        As it was given, with the slice that it asks for among its attributes.
    shared : tuple of Scores
        The images that both scored, with each one's scores.
    summaries : tuple of ScoresSummary
    notes : list of str
        How images were matched, and what the two tables say differently.
    """

    table: pa.Table
    spec: Spec | None
    shared: tuple[Scores, Scores]
    summaries: tuple[ScoresSummary, ScoresSummary]
    notes: list[str]

    def tag_source(self, tag: str) -> str | None:
        """Say whose word a tag is."""
        return "; ".join(sorted(set(self.summaries[0].tag_sources.get(tag, {}).values()))) or None

    def tally(self, attributes: Sequence[str]) -> Tally:
        """Count the images of every group by label and outcome, in one pass."""
        steps = count_at_thresholds(self.table, attributes, range(len(OUTCOMES)))
        # Each step counts the images whose outcome has this position or a later one.
        real = np.stack([counts.real_called_ai for counts in steps], axis=1)
        ai = np.stack([counts.n_ai - counts.ai_called_real for counts in steps], axis=1)
        real, ai = (-np.diff(later, axis=1, append=0) for later in (real, ai))
        return Tally(steps[0].labels, real, ai, steps[0].missing)


def pair(
    first: Scores,
    second: Scores,
    spec: Spec | None,
    names: tuple[str, str],
    *,
    include_training: bool = False,
) -> Pair:
    """Put two tables together, image by image.

    Parameters
    ----------
    first, second : Scores
        Tags are taken from the first, and from the second where the first has none.
    spec : Spec, optional
        Which rows count, a slice, words for "missing", and the threshold.
    names : tuple of str
        How the two are called.
    include_training : bool
        Whether images from the training of either count.

    Raises
    ------
    FaceAuditError
        If they disagree on a label, or no image that counts has a score of both.
    """
    matches = match(first.table, second.table)
    if (matches.index < 0).all():
        raise FaceAuditError(
            f"the two scores share no image: {names[0]} has {first.table['image'][0].as_py()!r}, "
            f"{names[1]} has {second.table['image'][0].as_py()!r}; images are matched by path, by "
            "the column 'sha256' if both have it, and by a file name that is unique"
        )
    sides = _sides(first, second, matches, names, spec.missing if spec else [])
    _refuse_other_labels(sides, matches)
    table, notes = _united(sides)
    notes = [*_matching_notes(matches, first, second, names), *notes]
    fates = Fates(table)
    if spec is not None:
        notes += keep_rows(fates, table, spec)
    if not include_training:
        for side in sides:
            fates.leave_out(side.of("in_training"), f"{_TRAINING} {side.name}")
    counts = pa.array(fates.kept)
    for side, other in (sides, sides[::-1]):
        for status in sorted(set(pc.unique(side.status).to_pylist()) - set(SCORED)):
            without = pc.equal(side.status, status)
            reason = f"without a score of {side.name} ({status})"
            fates.leave_out(pc.and_(without, other.has_score), f"{reason}, scored by {other.name}")
    neither = pc.invert(pc.or_(sides[0].has_score, sides[1].has_score))
    fates.leave_out(neither, "without a score of either")
    rows = fates.account(done="compared")
    if rows.used == 0:
        seen = any(left.reason.startswith(_TRAINING) for left in rows.left_out)
        remedy = " (count those of training with --include-training)" if seen else ""
        raise FaceAuditError(f"no image is left that both scored{remedy}: {rows.sentence}")
    both = pa.array(fates.kept)
    tag_sources = {
        tag: second.info.tag_sources.get(tag, {}) | first.info.tag_sources.get(tag, {})
        for tag in table.column_names
    }
    shared, summaries = [], []
    for side in sides:
        info = side.info.model_copy(update={"tag_sources": tag_sources})
        of_scores = [side.of(name) for name in _OF_SCORES]
        scores = pa.table([*table.columns, *of_scores], [*table.column_names, *_OF_SCORES])
        shared.append(Scores(scores.filter(both), info))
        summary = summarise(side.name, shared[-1], spec.threshold if spec else None)
        summaries.append(summary.model_copy(update={"rows": rows}))
    outcome = _outcome(table, sides, [summary.threshold for summary in summaries])
    status = pc.if_else(pc.is_valid(outcome), "ok", "unscored")
    table = table.append_column("p_ai", outcome).append_column("status", status).filter(counts)
    if spec is not None and spec.slice is not None:
        table, spec, missed = mark_slice(table, spec)
        notes += missed
    return Pair(
        table=table,
        spec=spec,
        shared=(shared[0], shared[1]),
        summaries=(summaries[0], summaries[1]),
        notes=notes,
    )


@dataclass(frozen=True)
class _Side:
    """One table, at the rows of both: null where it lacks the image."""

    name: str
    info: ScoresInfo
    table: pa.Table

    def of(self, column: str) -> pa.ChunkedArray:
        """Return a column that is a classifier's, null throughout if there is none."""
        if column in self.table.column_names:
            return self.table[column]
        return pa.chunked_array([pa.nulls(len(self.table), _OF_SCORES[column])])

    @property
    def status(self) -> pa.ChunkedArray:
        """The status of every image."""
        return pc.fill_null(self.table["status"], "not in its table")

    @property
    def has_score(self) -> pa.ChunkedArray:
        """Whether it scored each image."""
        return pc.is_in(self.table["status"], pa.array(SCORED))


def _sides(
    first: Scores,
    second: Scores,
    matches: Matches,
    names: tuple[str, str],
    missing: Sequence[str],
) -> tuple[_Side, _Side]:
    """Lay out both tables alike: the rows of the first, then what the second has besides."""
    unmatched = np.ones(len(second.table), bool)
    unmatched[matches.index[matches.index >= 0]] = False
    ours = np.arange(len(first.table) + unmatched.sum())
    theirs = np.concatenate([matches.index, np.flatnonzero(unmatched)])
    rows = (pa.array(ours, mask=ours >= len(first.table)), pa.array(theirs, mask=theirs < 0))
    both = (
        _Side(name, scores.info, mark_missing(scores.table.take(where), missing))
        for name, scores, where in zip(names, (first, second), rows, strict=True)
    )
    return next(both), next(both)


def _refuse_other_labels(sides: tuple[_Side, _Side], matches: Matches) -> None:
    first, second = (side.table for side in sides)
    differ = pc.fill_null(pc.not_equal(first["label"], second["label"]), False)
    row = pc.index(differ, True).as_py()
    if row >= 0:
        others = pc.sum(differ).as_py() - 1
        more = f" (and {counted(others, 'more image')} so)" if others else ""
        image, second_image = (table["image"][row].as_py() for table in (first, second))
        there = "" if second_image == image else f"as {second_image!r} "
        raise FaceAuditError(
            f"{image!r} is {first['label'][row].as_py()} in {sides[0].name} and "
            f"{there}{second['label'][row].as_py()} in {sides[1].name}{more}; "
            "correct the label, or the paths if they are different pictures"
        )


def _united(sides: tuple[_Side, _Side]) -> tuple[pa.Table, list[str]]:
    """Take what is known of each image from the first, and what it lacks from the second."""
    first, second = (side.table for side in sides)
    names = dict.fromkeys([*first.column_names, *second.column_names])
    columns, notes = {}, []
    for name in names:
        if name in _OF_SCORES or name == "attention":
            continue
        if not (name in first.column_names and name in second.column_names):
            columns[name] = (first if name in first.column_names else second)[name]
            continue
        ours, theirs = alike(first[name], second[name])
        columns[name] = pc.coalesce(ours, theirs)
        if name in ("image", "label", "dataset", "sha256"):
            continue
        differ = pc.sum(pc.not_equal(ours, theirs)).as_py()
        if differ:
            notes.append(
                f"The tables differ in '{name}' of {counted(differ, 'image')}; "
                f"what {sides[0].name} says is used."
            )
    notes += _borrowed(sides)
    return pa.table(columns), notes


def _borrowed(sides: tuple[_Side, _Side]) -> Iterator[str]:
    """Say which tags are known from the second table alone, for images of both."""
    first, second = (side.table for side in sides)
    in_both = pc.and_(pc.is_valid(first["image"]), pc.is_valid(second["image"]))
    by_number: dict[int, list[str]] = {}
    for name in second.column_names:
        if name in _OF_SCORES or name in ("attention", "sha256"):
            continue
        known = pc.and_(in_both, pc.is_valid(second[name]))
        if name in first.column_names:
            known = pc.and_(known, pc.is_null(first[name]))
        n = pc.sum(known).as_py()
        if n:
            by_number.setdefault(n, []).append(f"'{name}'")
    for n, tags in by_number.items():
        yield (
            f"{', '.join(tags)} of {counted(n, 'image')} {'is' if len(tags) == 1 else 'are'} "
            f"known from {sides[1].name} alone, and taken from there."
        )


def _outcome(table: pa.Table, sides: tuple[_Side, _Side], thresholds: list[float]) -> pa.Array:
    is_ai = np.asarray(pc.equal(table["label"], "ai"))
    has, wrong = [], []
    for side, threshold in zip(sides, thresholds, strict=True):
        score = np.asarray(pc.fill_null(side.of("p_ai"), np.float32(0)))
        has.append(np.asarray(side.has_score))
        wrong.append((score >= np.float32(threshold)) != is_ai)
    outcome = np.select(
        [has[0] & has[1], has[0], has[1]],
        [wrong[0] + 2 * wrong[1], 4 + wrong[0], 6 + wrong[1]],
        -1,
    )
    return pa.array(outcome.astype(np.float32), mask=outcome < 0)


def _matching_notes(
    matches: Matches, first: Scores, second: Scores, names: tuple[str, str]
) -> Iterator[str]:
    """Say how images were matched where that is more than by one and the same path."""
    for name, scores in zip(names, (first, second), strict=True):
        if unlabelled := sum(scores.info.unlabelled.values()):
            yield (
                f"{name}: {counted(unlabelled, 'row')} without a label in any table of tags "
                f"{'is' if unlabelled == 1 else 'are'} left out."
            )
    if matches.across_datasets:
        ours, theirs = (
            ", ".join(sorted(scores.table["dataset"].unique().to_pylist()))
            for scores in (first, second)
        )
        yield (
            f"{names[0]} and {names[1]} have no data set's name in common ({ours}; {theirs}): "
            "their images were matched whatever the data set."
        )
    by = [f"{matches.ways[way]:,} {words}" for way, words in _WAYS.items() if matches.ways[way]]
    if by:
        yield f"Of the images of both, these were not matched by their paths: {', '.join(by)}."
    if matches.other_picture:
        yield (
            f"{counted(matches.other_picture, 'image')} of {names[0]} cannot be compared: under "
            f"that path {names[1]} scored a picture with another hash."
        )
    if matches.ambiguous:
        yield (
            f"{counted(matches.ambiguous, 'image')} of {names[0]} cannot be compared: several "
            f"images have that hash or file name, in {names[0]} or in {names[1]}."
        )
