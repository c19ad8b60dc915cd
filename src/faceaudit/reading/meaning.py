"""What the cells of a table from elsewhere mean: labels, scores, decimal commas, missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import (
    by_value,
    cast_column,
    is_numbered,
    is_text,
    refuse,
    value_counts,
    with_column,
)
from faceaudit.schema import KEY, LABEL_WORDS, LABELS, column_type, variant_columns
from faceaudit.wording import counted

ScoreIs = Literal["probability", "logit", "percent", "p-real"]
READ_AS = {"real": "read as real", "ai": "read as AI-generated"}
#: Labels that say nothing about what they mean.
CODES = frozenset({"0", "1", "0.0", "1.0", "true", "false"})


def mark_missing(table: pa.Table, words: Sequence[str]) -> pa.Table:
    """Empty every cell that holds one of `words`, outer white space aside, but those of `KEY`.

    A number is missing where it is written 999, and where it is written 999.0.
    """
    spelt = [word.strip() for word in words]
    for word in tuple(spelt):
        with suppress(ValueError):
            spelt += [f"{float(word):.12g}", str(float(word))]

    def hit(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            return pc.is_in(column, _numbers(spelt, column.type))
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        return pc.is_in(text, pa.array(spelt, pa.string()))

    def emptied(column: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.if_else(hit(column), None, column)

    for name in table.column_names:
        column = table[name]
        many = pa.types.is_binary(column.type) or pa.types.is_nested(column.type)
        if words and name not in KEY and not many and not is_numbered(column.type):
            table = with_column(table, name, by_value(column, emptied))
    return table


def _numbers(spelt: Sequence[str], kind: pa.DataType) -> pa.Array:
    """Return the numbers of a type that are written as one of some words."""
    found = []
    for word in spelt:
        with suppress(ValueError, pa.ArrowInvalid):
            whole = pa.types.is_integer(kind) and word.removeprefix("-").isdecimal()
            number = pa.scalar(int(word) if whole else float(word)).cast(kind, safe=False)
            found += [number] if str(number.cast(pa.string())) in spelt else []
    return pa.array(found, kind)


def with_whole_numbers(table: pa.Table) -> pa.Table:
    """Read a tag of whole numbers as such where it is stored as 1.0, as beside an empty cell."""
    for name in table.column_names:
        if column_type(name) is None and pa.types.is_floating(table[name].type):
            with suppress(pa.ArrowInvalid):
                table = with_column(table, name, table[name].cast(pa.int64()))
    return table


def with_decimal_points(table: pa.Table, names: Sequence[str], notes: list[str]) -> pa.Table:
    """Read ``0,93`` as 0.93 in the number columns `names` where no cell holds a point."""
    read_so = []
    for name in names:
        if name in table.column_names and is_text(table[name].type):
            column = table[name]
            commas, points = (
                pc.any(by_value(column, partial(pc.match_substring, pattern=mark))).as_py()
                for mark in (",", ".")
            )
            if commas and not points:
                with_points = partial(pc.replace_substring, pattern=",", replacement=".")
                table = with_column(table, name, by_value(column, with_points))
                read_so.append(name)
    if read_so:
        notes.append(f"a comma was read as the decimal mark in {', '.join(read_so)}.")
    return table


def with_labels(
    table: pa.Table, ai_label: Sequence[str], source: str, notes: list[str], *, strict: bool = True
) -> pa.Table:
    """Give the column ``label`` our words, ``real`` and ``ai``.

    What `ai_label` names is AI-generated, and every other word then real; without it the words of
    `faceaudit.schema.LABEL_WORDS` are understood, in capitals or not. Unless `strict` is false,
    each of `ai_label` must be there. `notes` is told what was read as what, if it was not ours.
    The first label that cannot be told is refused, with the remedy.
    """
    table = cast_column(table, "label", pa.string(), source)
    words = by_value(table["label"], lambda of: pc.utf8_lower(pc.utf8_trim_whitespace(of)))
    counts = {word: n for word, n in value_counts(words).items() if word}
    named = {word.strip().lower() for word in ai_label}
    if not strict:
        named &= counts.keys()
    # Of two files that are compared, one may have codes and the other words that need none.
    if named and not (named <= CODES and counts.keys() <= LABEL_WORDS.keys()):
        if absent := sorted(named - counts.keys()):
            raise FaceAuditError(
                f"{source}: --ai-label {absent[0]}: no row has it; the labels are "
                f"{', '.join(counts) or 'all empty'}"
            )
        meaning = {word: "ai" if word in named else "real" for word in counts}
    else:
        meaning = {word: LABEL_WORDS[word] for word in counts if word in LABEL_WORDS}
        if unknown := [word for word in counts if word not in meaning]:
            remedy = f"is neither 'real' nor 'ai'; {_remedy(unknown, meaning)}"
            refuse(table, "label", by_value(words, partial(pc.equal, unknown[0])), source, remedy)
    readings = []
    for label in LABELS:
        foreign = [w for w, means in meaning.items() if means == label and w != label]
        if foreign:
            rows = ", ".join(f"{word!r} ({counted(counts[word], 'row')})" for word in foreign)
            readings.append(f"{rows} {READ_AS[label]}")
    if readings:
        notes.append(f"Labels: {'; '.join(readings)}.")
    known, ours = (pa.array(of, pa.string()) for of in (meaning, meaning.values()))
    read = by_value(words, lambda of: ours.take(pc.index_in(of, known)))
    return with_column(table, "label", read)


def _remedy(unknown: Sequence[str], known: Mapping[str, str]) -> str:
    """Say what to do about labels that are not known; what the option names decides all others."""
    if "ai" in known.values():
        return "correct it, leave the row out, or name every label that is AI-generated: --ai-label"
    if set(unknown) <= CODES or len(unknown) == 1:
        return f"say which label is AI-generated, as in --ai-label {max(unknown)}"
    several = ", ".join(map(repr, unknown[:3])) + ", …" * (len(unknown) > 3)
    return f"say which of {several} is AI-generated: --ai-label"


def with_scores(table: pa.Table, score_is: ScoreIs, source: str, notes: list[str]) -> pa.Table:
    """Give ``p_ai``, and the columns of variants, the probability of AI-generated, from 0 to 1.

    The first cell that is no score of the kind `score_is` is refused, with the remedy.
    """
    if score_is not in (kinds := get_args(ScoreIs)):
        raise FaceAuditError(f"{source}: --score-is {score_is}: there are {', '.join(kinds)}")
    for name in variant_columns(table).values():
        table = _as_probability(table, name, score_is, source, [])
    return _as_probability(table, "p_ai", score_is, source, notes)


def _as_probability(
    table: pa.Table, name: str, score_is: ScoreIs, source: str, notes: list[str]
) -> pa.Table:
    """Turn one column of scores."""
    table = cast_column(table, name, pa.float64(), source)
    score = table[name]
    least, most = pc.min_max(score).as_py().values()
    high = 100 if score_is == "percent" else 1
    if score_is != "logit" and least is not None and (least < 0 or most > high):
        kind = "percentage" if score_is == "percent" else "probability"
        complaint = f"is not a {kind} between 0 and {high}; {_likely(least, most, high)}"
        outside = pc.or_(pc.less(score, 0), pc.greater(score, high))
        refuse(table, name, outside, source, complaint)
    if score_is == "probability":
        return table
    notes.append(f"Scores: read as {score_is}, turned into the probability of AI-generated.")
    if score_is != "p-real" and least is not None and least >= 0 and most <= 1:
        notes.append(
            "Scores: all are between 0 and 1; if they are probabilities, leave out --score-is "
            f"{score_is}."
        )
    if score_is == "percent":
        p_ai = pc.divide(score, 100.0)
    elif score_is == "p-real":
        p_ai = pc.subtract(1.0, score)
    else:
        p_ai = pa.array(expit(score.to_numpy()), from_pandas=True)
    return with_column(table, name, p_ai)


def _likely(least: float, most: float, high: float) -> str:
    """Guess, for a message only, what scores outside their range are."""
    if -0.01 * high <= least and most <= 1.01 * high:
        return "correct what rounding did"
    return f"say what the scores are: --score-is {likely_score_is(least, most)}"


def likely_score_is(least: float, most: float) -> ScoreIs:
    """Guess from their range what scores are, for a proposal only."""
    if least >= 0 and most <= 1:
        return "probability"
    return "percent" if least >= 0 and most <= 100 else "logit"
