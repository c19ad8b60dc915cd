"""Scores tables as one: which images match, what is known of them, and who scored which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import first_true, united, with_column
from faceaudit.reading.matching import Matches, match
from faceaudit.reading.meaning import mark_missing
from faceaudit.result import ScoresSummary
from faceaudit.runner import summarise
from faceaudit.schema import SCORED, called_ai, columns_of_variants
from faceaudit.selection import Fates, keep_rows, mark_slice
from faceaudit.spec import Spec
from faceaudit.stats import FloatArray
from faceaudit.stats.clusters import clusters_of, design_effects
from faceaudit.stats.counts import Grouping, Images
from faceaudit.tables import Scores
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


@dataclass(frozen=True)
class Tally:
    """Images by group and outcome; `real` and `ai` are of shape (groups, len(OUTCOMES))."""

    groups: list[str]
    real: NDArray[np.int64]
    ai: NDArray[np.int64]
    #: Images in no group, for a tag is not known.
    missing: int
    #: Of those the ones that a group could have: of a data set and label in which others have the
    #: tag. Shape (2, len(OUTCOMES)), real photographs first.
    untagged: NDArray[np.int64]
    #: By label, of the images that both scored: the design effects of second minus first error,
    #: of the first's errors and of the second's, shape (3, groups).
    design_effects: dict[str, FloatArray]


@dataclass(frozen=True)
class Pair:
    """Two classifiers on the images that a comparison is about."""

    #: One row an image that is in either table, with its tags. ``p_ai`` is not a score but its
    #: position in `OUTCOMES`; null where neither has a score.
    table: pa.Table
    #: The images of all classifiers that are compared, with any scores.
    images: Images
    #: As it was given, with the slice that it asks for among its attributes.
    spec: Spec | None
    #: The images that both scored, with each one's scores.
    shared: tuple[Scores, Scores]
    summaries: tuple[ScoresSummary, ScoresSummary]
    #: How images were matched, and what the two tables say differently.
    notes: list[str]

    def tag_source(self, tag: str) -> str | None:
        """Say whose word a tag is."""
        return "; ".join(sorted(set(self.summaries[0].tag_sources.get(tag, {}).values()))) or None

    def tally(self, attributes: Sequence[str]) -> Tally:
        """Count the images of every group by label and outcome, in one pass."""
        grouping, outcomes = self._images.grouping(attributes), len(OUTCOMES)
        known = grouping.code >= 0
        cell = (2 * grouping.code + self._images.is_ai) * outcomes + self._images.score.astype(int)
        cells = 2 * len(grouping.groups) * outcomes
        counts = np.bincount(cell[known], minlength=cells).reshape(-1, 2, outcomes)
        stratum = 2 * self._images.codes("dataset")[0] + self._images.is_ai
        could = ~known & (np.bincount(stratum, known) > 0)[stratum]
        cell = self._images.is_ai * outcomes + self._images.score.astype(int)
        untagged = np.bincount(cell[could], minlength=2 * outcomes).reshape(2, -1)
        effects = self._design_effects(grouping)
        missing = int((~known).sum())
        return Tally(grouping.labels, counts[:, 0], counts[:, 1], missing, untagged, effects)

    def _design_effects(self, grouping: Grouping) -> dict[str, FloatArray]:
        first, second = (np.isin(self._images.score, of) for of in ((1, 3), (2, 3)))
        both, wrong = self._images.score < 4, (second.astype(float) - first, first, second)
        found = {}
        for label, of in (("real", ~self._images.is_ai), ("ai", self._images.is_ai)):
            group = np.where(both & of, grouping.code, -1)
            how = self._images.clusters, group, len(grouping.groups)
            found[label] = design_effects(*how, *wrong)
        return found

    @cached_property
    def _images(self) -> Images:
        p_ai = self.table["p_ai"]
        if p_ai.null_count == 0:
            return self.images.rescored(p_ai)
        table = self.table.filter(pc.is_valid(p_ai))
        return Images(table, clusters_of(table, self.spec.cluster if self.spec else None))


@dataclass(frozen=True)
class Panel:
    """Two classifiers or more on the images that a comparison is about."""

    #: One row an image that is in any table, with its tags.
    table: pa.Table
    #: As it was given, with the slice that it asks for among its attributes.
    spec: Spec | None
    #: What each makes of each image: 0 right, 1 wrong, 2 without its score; (classifiers, images).
    answers: NDArray[np.int8]
    #: The images that all of them scored, with each one's scores.
    shared: tuple[Scores, ...]
    summaries: tuple[ScoresSummary, ...]
    #: How images were matched, and what the tables say differently.
    notes: list[str]

    @cached_property
    def by_all(self) -> NDArray[np.bool_]:
        """Which images all of them scored, shape (images,)."""
        return np.asarray((self.answers < 2).all(axis=0))

    @cached_property
    def _images(self) -> Images:
        return Images(self.table, clusters_of(self.table, self.spec.cluster if self.spec else None))

    def pair(self, first: int, second: int, *, of_all: bool = True) -> Pair:
        """Set two of them beside each other.

        An image that one of the two alone scored stays one. One that both scored and another
        classifier did not is left out, unless `of_all` is false.
        """
        # Of an image that is right, wrong, or without a score of the one, and so of the other.
        outcome = np.array([[0, 2, 4], [1, 3, 5], [6, 7, -1]])[
            self.answers[first], self.answers[second]
        ]
        if of_all:
            outcome[(outcome < 4) & ~self.by_all] = -1
        p_ai = pa.array(outcome.astype(np.float32), mask=outcome < 0)
        table = with_column(self.table, "p_ai", p_ai)
        shared = self.shared[first], self.shared[second]
        summaries = self.summaries[first], self.summaries[second]
        return Pair(table, self._images, self.spec, shared, summaries, self.notes)


def side_by_side(
    scores: Sequence[Scores],
    spec: Spec | None,
    names: Sequence[str],
    *,
    include_training: bool = False,
) -> Panel:
    """Put tables together, image by image.

    Tags are taken from the first, and from those after it where the first has none. The
    specification says which rows count, a slice, words for "missing", and the threshold;
    `include_training`, whether images from the training of any of them count. All must agree on
    labels, and have an image that counts in common.
    """
    sides, notes = _laid_out(scores, names, spec.missing if spec else [])
    for one, other in combinations(range(len(sides)), 2):
        _refuse_other_labels((sides[one], sides[other]), (names[one], names[other]))
    of_scores = {*_OF_SCORES, "attention", "features"}
    of_scores.update(*(columns_of_variants(side) for side in sides))
    known = [side.select([n for n in side.column_names if n not in of_scores]) for side in sides]
    table = known[0]
    for theirs, name in zip(known[1:], names[1:], strict=True):
        differ, says = f"{name} and those before it differ", "is said first"
        if len(names) == 2:
            differ, says = "The tables differ", f"{names[0]} says"
        borrowed = [*_borrowed(table, theirs, name)]
        table, differing = united(table, theirs)
        notes += [
            f"{differ} in '{tag}' of {counted(differing[tag], 'image')}; what {says} is used."
            for tag in table.column_names
            if differing[tag] and tag not in ("image", "dataset", "sha256")
        ]
        notes += borrowed
    fates = Fates(table)
    if spec is not None:
        notes += keep_rows(fates, table, spec)
    before_training = fates.kept
    if not include_training:
        for side, name in zip(sides, names, strict=True):
            fates.leave_out(side["in_training"], f"in the training data of {name}")
    seen = bool((before_training & ~fates.kept).any())
    counts = fates.kept
    scored = np.stack([np.asarray(pc.is_in(of["status"], pa.array(SCORED))) for of in sides])
    two = len(sides) == 2
    for i, (side, name) in enumerate(zip(sides, names, strict=True)):
        status, others = side["status"], np.delete(scored, i, axis=0).any(axis=0)
        for word in sorted(set(status.unique().to_pylist()) - set(SCORED)):
            alone = pc.and_(pc.equal(status, word), pa.array(others))
            by = names[1 - i] if two else "another"
            fates.leave_out(alone, f"without a score of {name} ({word}), scored by {by}")
    nobody = "without a score of either" if two else "without a score of any"
    fates.leave_out(pa.array(~scored.any(axis=0)), nobody)
    rows = fates.account(done="compared")
    if rows.used == 0:
        remedy = " (count those of training with --include-training)" if seen else ""
        raise FaceAuditError(
            f"no image is left that {'both' if two else 'all'} scored{remedy}: {rows.sentence}"
        )
    tag_sources: dict[str, dict[str, str]] = {tag: {} for tag in table.column_names}
    for of, tag in product(reversed(scores), tag_sources):
        tag_sources[tag] |= of.info.tag_sources.get(tag, {})
    is_ai, kept = np.asarray(pc.equal(table["label"], "ai")), pa.array(fates.kept)
    status = pa.array(np.where(scored.any(axis=0), "ok", "unscored"))
    table = table.append_column("status", status).filter(pa.array(counts))
    if spec is not None and spec.slice is not None:
        table, spec, missed = mark_slice(table, spec)
        notes += missed
    by_all = table.filter(pa.array(fates.kept[counts]))
    shared, summaries, answers = [], [], []
    for i, (side, name) in enumerate(zip(sides, names, strict=True)):
        own = by_all
        for column in _OF_SCORES:
            own = with_column(own, column, side[column].filter(kept))
        info = scores[i].info.model_copy(update={"tag_sources": tag_sources})
        shared.append(Scores(own, info))
        summary = summarise(name, shared[-1], spec.threshold if spec else None)
        summaries.append(summary.model_copy(update={"rows": rows}))
        wrong = called_ai(side["p_ai"], summary.threshold) != is_ai
        answers.append(np.where(scored[i], wrong, 2).astype(np.int8)[counts])
    return Panel(table, spec, np.stack(answers), tuple(shared), tuple(summaries), notes)


def _laid_out(
    scores: Sequence[Scores], names: Sequence[str], missing: Sequence[str]
) -> tuple[list[pa.Table], list[str]]:
    """Lay out all tables alike: the rows of the first, then what each has that none before it has.

    A row is null where a table lacks the image. Each has all the columns of `_OF_SCORES`. Say
    also how images were matched.
    """
    first, matches = scores[0], None
    images = before = _keys(first.table)
    rows, notes = [np.arange(len(first.table))], list[str]()
    for other, name in zip(scores[1:], names[1:], strict=True):
        # Tables with the same images in the same order are matched once.
        if (
            matches is None
            or not _keys(other.table).equals(before)
            or len(matches.index) < len(images)
        ):
            matches = match(images, other.table)
        before = _keys(other.table)
        if (matches.index < 0).all():
            raise FaceAuditError(
                f"the {'two ' if len(scores) == 2 else ''}scores share no image: {names[0]} has "
                f"{first.table['image'][0].as_py()!r}, {name} has "
                f"{other.table['image'][0].as_py()!r}; images are matched by path, by "
                "the column 'sha256' if both have it, and by a file name that is unique"
            )
        told = _matching_notes(matches, first, other, (names[0], name))
        notes += [note for note in told if note not in notes]
        unmatched = np.ones(len(other.table), bool)
        unmatched[matches.index[matches.index >= 0]] = False
        more = np.flatnonzero(unmatched)
        rows = [np.append(of, np.full(len(more), -1)) for of in rows]
        rows.append(np.append(matches.index, more))
        if len(more):
            both = [images, _keys(other.table).take(more)]
            images = pa.concat_tables(both, promote_options="permissive")
    sides = []
    for of, row in zip(scores, rows, strict=True):
        table = of.table
        if len(row) != len(table) or (row != np.arange(len(row))).any():
            table = table.take(pa.array(row, mask=row < 0))
        table = mark_missing(table, missing)
        for column, kind in _OF_SCORES.items():
            if column not in table.column_names:
                table = table.append_column(column, pa.nulls(len(table), kind))
        status = pc.fill_null(table["status"], "not in its table")
        sides.append(with_column(table, "status", status))
    return sides, notes


def _keys(table: pa.Table) -> pa.Table:
    """Return what images are matched by."""
    return table.select([of for of in ("image", "dataset", "sha256") if of in table.column_names])


def _refuse_other_labels(sides: Sequence[pa.Table], names: tuple[str, str]) -> None:
    first, second = sides
    differ = pc.not_equal(first["label"], second["label"])
    if (row := first_true(differ)) >= 0:
        others = pc.sum(differ).as_py() - 1
        more = f" (and {counted(others, 'more image')} so)" if others else ""
        image, second_image = (table["image"][row].as_py() for table in (first, second))
        there = "" if second_image == image else f"as {second_image!r} "
        raise FaceAuditError(
            f"{image!r} is {first['label'][row].as_py()} in {names[0]} and "
            f"{there}{second['label'][row].as_py()} in {names[1]}{more}; "
            "correct the label, or the paths if they are different pictures"
        )


def _borrowed(first: pa.Table, second: pa.Table, name: str) -> Iterator[str]:
    """Say which tags are known from the second table alone, for images of both."""
    in_both = pc.and_(pc.is_valid(first["image"]), pc.is_valid(second["image"]))
    by_number: dict[int, list[str]] = {}
    for column in second.column_names:
        known = pc.and_(in_both, pc.is_valid(second[column]))
        if column in first.column_names:
            known = pc.and_(known, pc.is_null(first[column]))
        if (n := pc.sum(known).as_py()) and column != "sha256":
            by_number.setdefault(n, []).append(f"'{column}'")
    for n, tags in by_number.items():
        yield (
            f"{', '.join(tags)} of {counted(n, 'image')} {'is' if len(tags) == 1 else 'are'} "
            f"known from {name} alone, and taken from there."
        )


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
    by = [f"{n:,} by {way}" for way, n in matches.ways.items() if n and way != "path"]
    if by:
        yield (
            f"Of the images of {names[0]} and {names[1]}, these were not matched by their paths: "
            f"{', '.join(by)}."
        )
    for n, why in (
        (matches.other_picture, f"under that path {names[1]} scored a picture with another hash"),
        (
            matches.ambiguous,
            f"several images have that hash or file name, in {names[0]} or in {names[1]}",
        ),
    ):
        if n:
            yield f"{counted(n, 'image')} of {names[0]} cannot be compared: {why}."
