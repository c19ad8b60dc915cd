"""What the label and the score of a table from elsewhere mean: read as ours, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import as_text, cast_column, value_counts
from faceaudit.schema import LABEL_WORDS, LABELS
from faceaudit.wording import counted

FloatArray = NDArray[np.float64]
ScoreIs = Literal["probability", "logit", "percent", "p-real"]
SCORE_KINDS: tuple[ScoreIs, ...] = get_args(ScoreIs)
_TO_P_AI: dict[ScoreIs, Callable[[FloatArray], FloatArray]] = {
    "logit": expit,
    "percent": lambda score: score / 100,
    "p-real": lambda score: 1 - score,
}
READ_AS = {"real": "read as real", "ai": "read as AI-generated"}
#: Labels that say nothing about what they mean.
CODES = frozenset({"0", "1", "0.0", "1.0", "true", "false"})


def with_labels(
    table: pa.Table, ai_label: Sequence[str], source: str, *, strict: bool = True
) -> tuple[pa.Table, list[str]]:
    """Give the column ``label`` our words, ``real`` and ``ai``.

    Parameters
    ----------
    table : pyarrow.Table
    ai_label : sequence of str
        What the file calls AI-generated; every other word is then real. Empty: the words of
        `faceaudit.schema.LABEL_WORDS` are understood, in capitals or not.
    source : str
        The file, for messages.
    strict : bool
        Whether each of `ai_label` must be there; a table of tags may have other words.

    Returns
    -------
    table : pyarrow.Table
    notes : list of str
        Which words were read as which label, if they were not ours.

    Raises
    ------
    FaceAuditError
        At the first label that cannot be told, with the remedy.
    """
    column = as_text(table["label"])
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    counts = {word: n for word, n in value_counts(words).items() if word}
    named = {word.strip().lower() for word in ai_label}
    if not strict:
        named &= counts.keys()
    # Of two files that are compared, one may have codes and the other words that need none.
    if named and not (named <= CODES and counts.keys() <= LABEL_WORDS.keys()):
        if absent := sorted(named - set(counts)):
            raise FaceAuditError(
                f"{source}: --ai-label {absent[0]}: no row has it; the labels are "
                f"{', '.join(counts) or 'all empty'}"
            )
        meaning = {word: "ai" if word in named else "real" for word in counts}
    else:
        meaning = {word: LABEL_WORDS[word] for word in counts if word in LABEL_WORDS}
        if unknown := [word for word in counts if word not in meaning]:
            row = int(pc.index(words, unknown[0]).as_py())
            raise FaceAuditError(
                f"{source}: column 'label', row {row + 1}: {column[row].as_py()!r} is neither "
                f"'real' nor 'ai'; {_remedy(unknown, meaning)}"
            )
    ours = pa.array([meaning.get(word) for word in counts], pa.string())
    label = ours.take(pc.index_in(words, pa.array(list(counts), pa.string())))
    table = table.set_column(table.column_names.index("label"), "label", label)
    rows = {word: f"{word!r} ({counted(n, 'row')})" for word, n in counts.items()}
    told = [
        f"{', '.join(rows[word] for word in foreign)} {READ_AS[label]}"
        for label in LABELS
        if (foreign := [w for w, is_label in meaning.items() if is_label == label and w != label])
    ]
    return table, [f"Labels: {'; '.join(told)}."] if told else []


def _remedy(unknown: Sequence[str], known: Mapping[str, str]) -> str:
    """Say what to do about labels that are not known; what the option names decides all others."""
    if "ai" in known.values():
        return "correct it, leave the row out, or name every label that is AI-generated: --ai-label"
    if set(unknown) <= CODES or len(unknown) == 1:
        return f"say which label is AI-generated, as in --ai-label {max(unknown)}"
    several = ", ".join(map(repr, unknown[:3])) + ", …" * (len(unknown) > 3)
    return f"say which of {several} is AI-generated: --ai-label"


def with_scores(table: pa.Table, score_is: ScoreIs, source: str) -> tuple[pa.Table, list[str]]:
    """Give the column ``p_ai`` the probability of AI-generated, from 0 to 1.

    Raises
    ------
    FaceAuditError
        At the first cell that is no such score, with the remedy.
    """
    table = cast_column(table, "p_ai", pa.float64(), source)
    score = table["p_ai"]
    low, high = (0.0, 100.0) if score_is == "percent" else (0.0, 1.0)
    if score_is == "logit":
        low, high = -np.inf, np.inf
    outside = pc.fill_null(pc.or_(pc.less(score, low), pc.greater(score, high)), False)
    row = pc.index(outside, True).as_py()
    if row >= 0:
        raise FaceAuditError(
            f"{source}: column 'p_ai', row {row + 1}: {score[row].as_py():.9g} is not a "
            f"{'percentage' if score_is == 'percent' else 'probability'} between {low:g} and "
            f"{high:g}; {_likely(score, low, high)}"
        )
    if score_is == "probability":
        return table, []
    notes = [f"Scores: read as {score_is}, turned into the probability of AI-generated."]
    span = pc.min_max(score).as_py()
    within = span["min"] is not None and span["min"] >= 0 and span["max"] <= 1
    if within and score_is != "p-real":
        notes.append(
            "Scores: all are between 0 and 1; if they are probabilities, leave out --score-is "
            f"{score_is}."
        )
    values = score.to_numpy()
    ours = _TO_P_AI[score_is](values)
    table = table.set_column(
        table.column_names.index("p_ai"), "p_ai", pa.array(ours, mask=np.isnan(values))
    )
    return table, notes


def _likely(score: pa.ChunkedArray, low: float, high: float) -> str:
    """Guess, for a message only, what scores outside their range are."""
    span = pc.min_max(score).as_py()
    if low - 0.01 * high <= span["min"] and span["max"] <= 1.01 * high:
        return "correct what rounding did"
    kind = "percent" if span["min"] >= 0 and high < span["max"] <= 100 else "logit"
    return f"say what the scores are: --score-is {kind}"
