"""Which rows of a scores table an audit is about, and what became of every other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.image_names import NAMES
from faceaudit.limits import ALL_GROUPS, GROUPS
from faceaudit.reading.columns import by_value, is_text
from faceaudit.reading.meaning import mark_missing
from faceaudit.result import LeftOut, Rows, Unscored, Untagged
from faceaudit.row_filter import columns_in_words, read_rows
from faceaudit.schema import CLUSTER_COLUMNS, DELIVERY_COLUMNS, SCORED, called_ai, tag_columns
from faceaudit.spec import Spec
from faceaudit.tables import Scores, is_scored, scored, status_counts
from faceaudit.wording import attributes_title, counted, percent, tag_title

SLICE = "slice"
#: What an image of a label is called, an error on it, and a right answer.
_WORDS = {
    "real": ("real photograph", "called AI-generated", "called real"),
    "ai": ("AI-generated image", "called real", "called AI-generated"),
}


@dataclass(frozen=True)
class Selection:
    """The rows that an audit is about."""

    #: Its rows, those without a score among them; with the tag `SLICE` if a slice was asked for.
    scores: Scores
    #: With `SLICE` among its attributes if so.
    spec: Spec
    #: The account of all rows that were read; what hangs on the threshold is still missing.
    rows: Rows
    #: Values that the expressions name and no row has.
    notes: list[str]


def select(scores: Scores, spec: Spec, where: str | None = None) -> Selection:
    """Keep the rows that the specification is about and mark the slice it asks for.

    A slice that was given besides, as `where`, goes before the specification's. Refused are: no
    row that is left, all rows or none in the slice, and a tag that is not there.
    """
    table = mark_missing(scores.table, spec.missing)
    if any(name in (text or "") for name in NAMES for text in (spec.rows, spec.slice, where)):
        table = scores.names.of(table)
    fates = Fates(table)
    notes = keep_rows(fates, table, spec)
    if "in_training" in table.column_names and not spec.include_training:
        before = int(fates.kept.sum())
        fates.leave_out(table["in_training"], "in the classifier's training data")
        if not fates.kept.any():
            raise FaceAuditError(
                f"{spec.name}: the classifier was trained on every image to audit ({before:,}), "
                "where its errors are too low to be believed; audit other images, or count these "
                "with --include-training"
            )
    if not fates.kept.all():
        table = table.filter(pa.array(fates.kept))
    for status in sorted(status_counts(table).keys() - set(SCORED)):
        why = "" if status == "unscored" else f" ({status.replace('_', ' ')})"
        fates.leave_out(pc.equal(scores.table["status"], status), f"without a score{why}")
    if not fates.kept.any():
        by = ", ".join(f"{n:,} {status}" for status, n in status_counts(table).items())
        raise FaceAuditError(
            f"{spec.name}: no image with a score is left to audit (rows by status: {by or 'none'})"
        )
    info = scores.info
    if where is not None or spec.slice is not None:
        table, spec, missed = mark_slice(table, spec, where)
        notes += missed
        sources = dict.fromkeys(info.datasets, f"the expression {spec.slice}")
        info = info.model_copy(update={"tag_sources": info.tag_sources | {SLICE: sources}})
    present = set(pc.unique(table["dataset"]).to_pylist())
    update: dict[str, object] = {
        "datasets": {name: known for name, known in info.datasets.items() if name in present},
        "tag_sources": {
            tag: {name: word for name, word in words.items() if name in present}
            for tag, words in info.tag_sources.items()
        },
    }
    tags = tag_columns(table)
    groups = {*tags, *({"dataset", *DELIVERY_COLUMNS, *CLUSTER_COLUMNS} & {*table.column_names})}
    for name in (name for grouping in spec.groupings for name in grouping):
        if name not in groups:
            raise FaceAuditError(
                f"{spec.name}: the specification asks for the tag '{name}', which the scores do "
                f"not have; they have {', '.join(tags) or 'no tags'} (rename with --map)"
            )
    refuse_many_groups(table, spec)
    rows = fates.account(scores.info.unlabelled)
    scores = replace(scores, table=table, info=info.model_copy(update=update))
    return Selection(scores, spec, rows, notes)


def refuse_many_groups(table: pa.Table, spec: Spec) -> None:
    """Refuse tags of a table that make more groups than can be compared, or be read."""
    together = 0
    for tags in spec.groupings:
        if any(pa.types.is_floating(table[tag].type) for tag in tags):
            continue  # a number is refused as such
        groups = table.select(tags).group_by(list(tags)).aggregate([]).drop_null().num_rows
        together += groups
        if groups > GROUPS:
            raise FaceAuditError(
                f"{spec.name}: {' × '.join(tags)}: {groups:,} groups, and {GROUPS:,} are the most; "
                "name tags of groups of people, not of single images, or put values together"
            )
    if together > ALL_GROUPS:
        raise FaceAuditError(
            f"{spec.name}: its tags and combinations make {together:,} groups, and {ALL_GROUPS:,} "
            "are the most of one audit; ask about fewer at once"
        )


def keep_rows(fates: Fates, table: pa.Table, spec: Spec) -> list[str]:
    """Leave out the rows that the specification is not about; return values that no row has."""
    if spec.rows is None:
        return []
    option = f"{spec.name}: rows:"
    inside, notes = read_rows(table, spec.rows, option)
    fates.leave_out(pc.invert(inside), f"outside rows: {spec.rows}")
    fates.leave_out(pc.is_null(inside), "without a tag that 'rows' needs")
    if not fates.kept.any():
        raise FaceAuditError(
            f"{option} no row satisfies {spec.rows!r} ({columns_in_words(table, spec.rows)})"
        )
    return notes


class Fates:
    """What becomes of each row: it is used, or left out for the first reason that holds."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table.select(["dataset", "label"])
        self._fate = np.full(len(table), -1)
        self._reasons: list[str] = []

    @property
    def kept(self) -> np.ndarray:
        """Which rows are not left out so far."""
        return self._fate < 0

    def leave_out(self, rows: pa.Array | pa.ChunkedArray, reason: str) -> None:
        """Leave out those of the rows kept so far for which `rows` is true."""
        self._fate[np.asarray(pc.fill_null(rows, False)) & self.kept] = len(self._reasons)
        self._reasons.append(reason)

    def account(self, unlabelled: dict[str, int] | None = None, done: str = "audited") -> Rows:
        """Count the rows by what became of them, data set and label.

        `unlabelled` are rows that were read and are not in the table, by data set; `done` is
        what was done with those that were kept.
        """
        table = self._table.append_column("fate", pa.array(self._fate))
        keys = ["fate", "dataset", "label"]
        grouped = table.group_by(keys).aggregate([([], "count_all")])
        by_fate: dict[int, dict[str, dict[str, int]]] = {}
        for row in sorted(grouped.to_pylist(), key=itemgetter(*keys)):
            by = by_fate.setdefault(row["fate"], {}).setdefault(row["dataset"], {})
            by[row["label"]] = row["count_all"]
        used = by_fate.pop(-1, {})
        left = {self._reasons[fate]: by for fate, by in by_fate.items()}
        if unlabelled:
            by_dataset = {name: {"without a label": n} for name, n in unlabelled.items()}
            left = {"without a label in any table of tags": by_dataset} | left
        rows = Rows(
            read=len(table) + sum((unlabelled or {}).values()),
            used=_total(used),
            by=used,
            left_out=[LeftOut(reason=why, n=_total(by), by=by) for why, by in left.items()],
        )
        return rows.model_copy(update={"sentence": _sentence(rows, done)})


def _total(by: dict[str, dict[str, int]]) -> int:
    return sum(sum(labels.values()) for labels in by.values())


def _sentence(rows: Rows, done: str) -> str:
    were = "was" if rows.used == 1 else "were"
    if not rows.left_out:
        return f"{'the one' if rows.read == 1 else f'all {rows.read:,}'} read {were} {done}."
    labels = ", ".join(
        f"{used:,} of {counted(read, _WORDS[label][0])}"
        for label, (used, read) in rows.labels.items()
        if read
    )
    n = rows.read - rows.used
    why = "; ".join(f"{left.n:,} {left.reason}" for left in rows.left_out)
    return (
        f"{rows.used:,} of {rows.read:,} read {were} {done} ({labels}); "
        f"{n:,} left out: {why.removeprefix(f'{n:,} ')}."
    )


def mark_slice(
    table: pa.Table, spec: Spec, where: str | None = None
) -> tuple[pa.Table, Spec, list[str]]:
    """Add the tag `SLICE`; return what the expression names and no row has, or cannot be told."""
    option, text = "--where", where
    if text is None:
        option, text = f"{spec.name}: slice:", str(spec.slice)
    if SLICE in table.column_names:
        raise FaceAuditError(
            f"{option} {text!r}: the scores have a tag '{SLICE}' already; "
            f"rename it with --map NAME={SLICE}"
        )
    inside, notes = read_rows(table, text, option)
    scored_rows = is_scored(table)
    judged = inside.filter(scored_rows.combine_chunks())
    known = pc.unique(judged).drop_null().to_pylist()
    if len(known) < 2:
        found = "every row is" if any(known) else "no row is" if known else "no row is known to be"
        seen = "in_training" in text and not spec.include_training
        training = "; images seen in training count with --include-training" if seen else ""
        raise FaceAuditError(
            f"{option} {text!r}: {found} in this slice, of {counted(len(judged), 'row')} to audit "
            f"({columns_in_words(table.filter(scored_rows), text)}){training}"
        )
    if unknown := judged.null_count:
        verb = "is" if unknown == 1 else "are"
        notes.append(
            f"{counted(unknown, 'row')} {verb} on neither side of the slice {text!r}: a tag that "
            "it names is missing."
        )
    side = pc.if_else(inside, pa.scalar(0, pa.int8()), pa.scalar(1, pa.int8()))
    both = pa.DictionaryArray.from_arrays(side, [text, "all others"])
    table = table.append_column(SLICE, both)
    # A specification that was run names the slice already.
    attributes = list(dict.fromkeys([SLICE, *spec.attributes]))
    spec = spec.model_copy(update={"slice": text, "attributes": attributes})
    return table, spec, notes


def with_shares(selection: Selection, threshold: float) -> Rows:
    """Add to the account whose tags and whose scores are missing, at the audited threshold."""
    spec = selection.spec
    untagged = list(_untagged(scored(selection.scores), spec, threshold))
    unscored = list(_unscored(selection.scores.table, spec))
    sentences = [
        (max(moved for moved, _ in parts), f"{lead}: {'; '.join(part for _, part in parts)}.")
        for lead, parts in (
            *_unscored_sentences(unscored, spec),
            *_untagged_sentences(untagged, spec),
        )
    ]
    return selection.rows.model_copy(
        update={
            "untagged": untagged,
            "unscored": unscored,
            "shares": [sentence for _, sentence in sorted(sentences, reverse=True)],
        }
    )


def _untagged(table: pa.Table, spec: Spec, threshold: float) -> Iterator[Untagged]:
    is_ai = np.asarray(by_value(table["label"], lambda label: pc.equal(label, "ai")))
    wrong = called_ai(table["p_ai"], threshold) != is_ai
    labels: dict[Literal["real", "ai"], NDArray[np.bool_]] = {"real": ~is_ai, "ai": is_ai}
    for tags in spec.groupings:
        missing = np.any([np.asarray(pc.is_null(table[tag])) for tag in tags], axis=0)
        for label, rows in labels.items():
            if (rows & missing).any():
                yield Untagged(
                    tags=list(tags),
                    label=label,
                    n=int(rows.sum()),
                    missing=int((rows & missing).sum()),
                    wrong=int((rows & wrong).sum()),
                    wrong_missing=int((rows & wrong & missing).sum()),
                )


#: How a sentence begins, and its parts, each with by how much, at most, that moves a rate.
_Sentence = tuple[str, list[tuple[float, str]]]


def _untagged_sentences(untagged: list[Untagged], spec: Spec) -> Iterator[_Sentence]:
    """Tell of each tag that the errors lack more or less often than the rest."""
    parts: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    for found in untagged:
        right, right_missing = found.n - found.wrong, found.missing - found.wrong_missing
        # What a combination lacks, its tags lack.
        said_already = len(found.tags) > 1 and set(found.tags) <= set(spec.attributes)
        # A tag that a label has nowhere makes no groups of it, and so moves no rate.
        if found.missing < found.n and found.wrong and right and not said_already:
            of_wrong, of_right = found.wrong_missing / found.wrong, right_missing / right
            image, error, rightly = _WORDS[found.label]
            part = (
                f"{percent(of_wrong)} of the {image}s {error}, {percent(of_right)} of those "
                f"{rightly}"
            )
            moved = abs(of_wrong - of_right) * found.wrong / found.n
            parts.setdefault(tuple(found.tags), []).append((moved, part))
    for tags, of_labels in parts.items():
        of_slice = "On neither side of the slice"
        yield of_slice if tags == (SLICE,) else f"No tag for {attributes_title(tags)}", of_labels


def _unscored(table: pa.Table, spec: Spec) -> Iterator[Unscored]:
    has_score = is_scored(table)
    if pc.all(has_score).as_py():
        return
    table = table.append_column("unscored", pc.cast(pc.invert(has_score), pa.int64()))
    for tag in dict.fromkeys(tag for tags in spec.groupings for tag in tags):
        if is_text(table[tag].type):
            keys = list(dict.fromkeys([tag, "label"]))
            counts = table.group_by(keys).aggregate([("unscored", "sum"), ([], "count_all")])
            rows = counts.to_pylist()
            rows.sort(key=lambda row: (row[tag] is None, row[tag] or "", row["label"]))
            for row in rows:
                yield Unscored(
                    tag=tag,
                    label=row["label"],
                    group=row[tag],
                    n=row["count_all"],
                    unscored=row["unscored_sum"],
                )


def _unscored_sentences(unscored: list[Unscored], spec: Spec) -> Iterator[_Sentence]:
    """Tell of each tag by whose groups scores are missing unequally often."""
    shares: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for found in unscored:
        if found.group is not None and found.n >= spec.small_group:
            groups = shares.setdefault(found.tag, {}).setdefault(found.label, [])
            groups.append((found.unscored / found.n, found.group))
    for tag, by_label in shares.items():
        of_labels = [
            (
                most[0] - fewest[0],
                f"{percent(most[0])} of the {_WORDS[label][0]}s with {tag_title(tag)} "
                f"'{most[1]}', {percent(fewest[0])} with '{fewest[1]}'",
            )
            for label, groups in by_label.items()
            for fewest, most in [(min(groups), max(groups))]
            if most[0] > fewest[0]
        ]
        if of_labels:
            yield "Without a score", of_labels
