"""What a command is given, files or tables in memory, read as scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from faceaudit import spec as specs
from faceaudit.errors import FaceAuditError, all_at_once
from faceaudit.one_or_many import Word, as_words, listed
from faceaudit.python_words import in_words_of_python
from faceaudit.reading.meaning import ScoreIs
from faceaudit.schema import tag_columns
from faceaudit.spec import Spec
from faceaudit.tables import (
    Readable,
    Scores,
    expect_scores,
    names_apart,
    read_raw,
    read_scores,
    read_tags,
)

#: A table, and what messages call it.
Called = tuple[str, Readable]


class Reading(TypedDict, total=False):
    """How tables are read that are not as ours; see `faceaudit.tables.read_scores`."""

    #: Our column name to the table's, for tables with other headings.
    mapping: Mapping[str, str | Sequence[str]]
    #: What says that a value is missing, besides the words of the specification.
    missing: Word | Iterable[Word]
    #: What the table calls AI-generated.
    ai_label: Word | Iterable[Word]
    score_is: ScoreIs
    #: Tables of the same images whose tags are joined.
    tags: Readable | Iterable[Readable]


def with_names(tables: Sequence[Readable], what: str = "the scores") -> list[Called]:
    """Say what messages call each table: a file by its path, one in memory by what it is."""
    names = [what] if len(tables) == 1 else [f"{what} ({i + 1})" for i in range(len(tables))]
    return [
        (str(table) if isinstance(table, Path | str) else name, table)
        for name, table in zip(names, tables, strict=True)
    ]


def read_given(
    tables: Sequence[Called],
    spec: Spec | None,
    reading: Reading,
    columns: Sequence[str | None] = (),
    others: Sequence[str] = (),
    where: str | None = None,
    *,
    in_parts: bool = False,
) -> Iterator[Scores]:
    """Read scores, one table at a time, with the specification's words for "missing" too.

    `columns` are those of the scores of each table, where they are not as `reading` says; `others`
    are all classifiers' where one table has them; `where` may name a column too. `in_parts`: of
    Parquet the names of images need not be read.
    """
    if strange := sorted(reading.keys() - Reading.__annotations__):
        raise TypeError(f"got an unexpected keyword argument '{strange[0]}'")
    mapping = _mapping(reading)
    of_all: dict[str, Any] = {
        "missing": [*(spec.missing if spec else ()), *as_words(reading.get("missing", ()))],
        "ai_label": as_words(reading.get("ai_label", ())),
        "others": {*others} - {"p_ai"},
        "named": specs.possible_columns(spec, where),
    }
    each = [
        (name, table, {**mapping, "p_ai": column} if column else mapping)
        for (name, table), column in zip(tables, columns or [None] * len(tables), strict=True)
    ]
    given = with_names(listed(reading.get("tags", ())), "the tags")
    steps = [partial(read_tags, table, mapping, **of_all, called=name) for name, table in given]
    try:
        tags = [step() for step in steps]
    except FaceAuditError:
        # What the scores lack besides is said in the same line.
        lacking = (partial(expect_scores, of, how, **of_all, called=name) for name, of, how in each)
        tags = all_at_once("", *steps, *lacking)
    of_all |= {"score_is": reading.get("score_is", "probability"), "tags": tags}
    for (name, table, how), column in zip(each, columns or [None] * len(each), strict=True):
        # Tags are joined by the names.
        apart = partial(names_apart, how, of_all["missing"]) if in_parts and not tags else None
        raw = read_raw(table, name, "scores", apart)
        try:
            scores = read_scores(raw, how, **of_all)
        except FaceAuditError as error:
            if column is None:
                raise
            option = f"--map p_ai={column}:"
            raise FaceAuditError(str(error).replace(option, f"--score-column {column}:")) from None
        if not raw.in_file:
            notes = [in_words_of_python(note) for note in scores.info.notes]
            scores = replace(scores, info=scores.info.model_copy(update={"notes": notes}))
        yield scores


def every_tag(scores: Scores, of_features: bool) -> tuple[Spec, Scores]:
    """Ask about every tag, and note with the scores which those are."""
    if of_features:
        spec = specs.of_features(scores.table)
    else:
        spec = specs.every_tag(scores.table, "Every tag in the table", specs.QUESTION)
    others = [tag for tag in tag_columns(scores.table) if tag not in spec.attributes]
    note = (
        f"No specification was given: what makes 2 to {specs.MOST_GROUPS} groups is compared "
        f"({', '.join(spec.attributes)}), against the usual limits"
        + (f"; not compared: {', '.join(others)}." if others else ".")
    )
    info = scores.info.model_copy(update={"notes": [note, *scores.info.notes]})
    return spec, replace(scores, info=info)


def _mapping(reading: Reading) -> Mapping[str, str | Sequence[str]]:

    mapping = reading.get("mapping") or {}
    if not isinstance(mapping, Mapping):
        raise FaceAuditError(f"mapping={mapping!r}: give our column names with the table's")
    refuse_no_text("mapping", [*mapping, *(one for of in mapping.values() for one in listed(of))])
    return mapping


def refuse_no_text(parameter: str, given: Iterable[object]) -> None:
    """Refuse what should be text and is none, by the parameter's name."""

    for one in given:
        if not isinstance(one, str):
            raise FaceAuditError(f"{parameter}: {one!r} is no text")
