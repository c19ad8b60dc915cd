"""The standard tags: name, type, order of values, and how cells and columns are read in them."""

from __future__ import annotations

import shlex
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.schema import tag_columns
from faceaudit.tags.age import AGE_BANDS, age_band, parse_age_band
from faceaudit.tags.pose import HEAD_POSES, head_pose
from faceaudit.tags.race import race_coarse
from faceaudit.tags.skin_tone import MONK_TONES
from faceaudit.wording import counted

#: Tags that are numbers; every other tag is a category and is kept as text.
NUMERIC_TAGS = (
    "age",
    "yaw",
    "pitch",
    "roll",
    "face_ratio",
    "jaw_ratio",
    "chin_angle",
    "typology_angle",
)

#: Tags that name somebody: for splitting and giving credit, not for comparing groups.
IDENTITY_TAGS = ("person", "photo_author")

#: Categories that have an order; others are listed alphabetically.
ORDERED_TAGS: dict[str, tuple[str, ...]] = {
    "age_band": AGE_BANDS,
    "head_pose": HEAD_POSES,
    "face_shape": ("round", "oval", "long"),
    "skin_tone": MONK_TONES,
    "blur": ("low", "medium", "high"),
    "exposure": ("under", "good", "over"),
    "difficulty": ("easy", "mid", "hard"),
}

#: Tag -> the tag that it is derived from, and how. Derived only where it is missing.
DERIVED_TAGS: dict[str, tuple[str, Callable[[pa.ChunkedArray], pa.Array]]] = {
    "age_band": ("age", age_band),
    "race_coarse": ("race", race_coarse),
    "head_pose": ("yaw", head_pose),
}
#: The words for the two genders that data sets use; any other word is a value of its own.
GENDERS = {
    "female": ("female", "f", "woman", "women", "girl", "females"),
    "male": ("male", "m", "man", "men", "boy", "males"),
}
#: What a number can be; others can be whatever float32 holds.
RANGES = {"age": (0.0, 120.0)}
_ANY = (float(np.finfo(np.float32).min), float(np.finfo(np.float32).max))

#: Words that often say "not known". They are values all the same, until the user says otherwise.
SUSPECTED = ("na", "n/a", "none", "nan", "null", "-", "?", "unknown")

#: Tags of which ``none`` is one of our own words, spelt so: no glasses is not an unknown face.
_NONE_IS_OURS = ("glasses", "makeup", "facial_hair", "manipulation")

#: Tag -> word in lower case -> how we spell it.
_KNOWN: dict[str, dict[str, str]] = {
    "gender": {word: gender for gender, words in GENDERS.items() for word in words},
    **{tag: {value.lower(): value for value in values} for tag, values in ORDERED_TAGS.items()},
}
#: Spellings of one value, and values of one tag, that a sentence names before it counts.
_NAMED = 3


class Words(NamedTuple):
    """The distinct words of one tag, and how often each stands there."""

    words: pa.StringArray
    counts: npt.NDArray[np.int64]


def tag_type(tag: str) -> pa.DataType:
    """Return the Arrow type of a tag's column."""
    return pa.float32() if tag in NUMERIC_TAGS else pa.string()


def standard(tag: str, value: str | float | None) -> str | float | None:
    """Read one cell of a tag in the standard vocabulary.

    Parameters
    ----------
    tag : str
    value : str, float or None
        White space around a text does not count.

    Returns
    -------
    str, float or None
        A number for `NUMERIC_TAGS`; ``female`` or ``male`` for their `GENDERS`; one of
        `AGE_BANDS` also where a spreadsheet made a date of it. A word that is not known is
        kept as it is. None for an empty cell and for not-a-number.

    Raises
    ------
    ValueError
        If a number is a text, infinite, or outside `RANGES`.

    Examples
    --------
    >>> standard("gender", " Woman"), standard("gender", "Non-binary"), standard("age", "44")
    ('female', 'Non-binary', 44.0)
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "" or value != value:
        return None
    if tag in NUMERIC_TAGS:
        return _number(tag, value)
    if not isinstance(value, str):
        return value
    if tag == "age_band":
        with suppress(ValueError):
            return parse_age_band(value)
    return _KNOWN.get(tag, {}).get(value.lower(), value)


def _number(tag: str, value: str | float) -> float | None:
    try:
        # Python reads "2_1" as 21.
        number = float(value.replace("_", "?")) if isinstance(value, str) else float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    low, high = RANGES.get(tag, _ANY)
    if number < low or number > high:
        raise ValueError(_outside(tag, number))
    return None if number != number else number


def _outside(tag: str, number: float) -> str:
    if tag == "age":
        return f"{number:.12g} is no age in years ({RANGES[tag][0]:g} to {RANGES[tag][1]:g})"
    return f"{number:.12g} is not a finite number"


def standardise(table: pa.Table, source: str) -> tuple[pa.Table, list[str]]:
    """Read the tags of a table in the standard vocabulary, and derive `DERIVED_TAGS`.

    Every tag that is a text is read by `standard`; what then differs in case alone is one
    value, spelt as it is most often. Columns of other types are left as they are, but for
    `NUMERIC_TAGS`, which become float32.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of text (``pa.string``), numbers and booleans.
    source : str
        What to call the table in messages.

    Returns
    -------
    table : pyarrow.Table
    notes : list of str
        Sentences that say which words are read as which.

    Raises
    ------
    FaceAuditError
        Naming the row, if a numeric tag holds a text or an impossible number.
    """
    notes: list[str] = []
    for tag in tag_columns(table):
        column = table[tag]
        if tag in NUMERIC_TAGS:
            column = _numbers(table, tag, source)
        elif pa.types.is_string(column.type) and tag not in IDENTITY_TAGS:
            encoded = column.combine_chunks().dictionary_encode()
            distinct = _words(encoded)
            read_as = readings(tag, distinct)
            if not read_as:
                continue
            notes += say_readings(tag, distinct, read_as)
            words = [read_as.get(word, word) for word in distinct.words.to_pylist()]
            column = pa.array(words, pa.string()).take(encoded.indices)
        else:
            continue
        table = table.set_column(table.column_names.index(tag), tag, column)
    return with_derived_tags(table)[0], notes


def _numbers(table: pa.Table, tag: str, source: str) -> pa.ChunkedArray:
    """Return a numeric tag as float32, with null for not-a-number."""
    column = table[tag]
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    try:
        numbers = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        encoded = column.combine_chunks().dictionary_encode()
        values = []
        for value in encoded.dictionary.to_pylist():
            try:
                values.append(standard(tag, value))
            except ValueError as error:
                bands = " bands go into age_band: --map age_band=age;" if tag == "age" else ""
                raise _faulty(column, tag, source, value, f"{error};{bands} correct it") from None
        numbers = pa.array(values, pa.float64()).take(encoded.indices)
    low, high = RANGES.get(tag, _ANY)
    outside = pc.or_(pc.less(numbers, low), pc.greater(numbers, high))
    if pc.any(outside).as_py():
        row = pc.index(outside, True).as_py()
        fault = _outside(tag, numbers[row].as_py())
        raise _faulty(column, tag, source, column[row].as_py(), f"{fault}; correct it")
    known = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    return known.cast(pa.float32(), safe=False)


def _faulty(
    column: pa.ChunkedArray, tag: str, source: str, value: str | float, fault: str
) -> FaceAuditError:
    row = pc.index(column, pa.scalar(value, column.type)).as_py()
    word = f"{value:.12g}" if isinstance(value, float) else str(value)
    return FaceAuditError(
        f"{source}: column '{tag}', row {row + 1}: {fault}, or leave it empty, or name it as "
        f"missing with --missing {shlex.quote(word)}"
    )


def _words(encoded: pa.DictionaryArray) -> Words:
    indices = encoded.indices.drop_null().to_numpy()
    return Words(encoded.dictionary, np.bincount(indices, minlength=len(encoded.dictionary)))


def readings(tag: str, distinct: Words) -> dict[str, str | None]:
    """Return the words of a tag that are read as another word, and as which.

    Parameters
    ----------
    tag : str
        One that is a text.
    distinct : Words

    Returns
    -------
    dict of str to (str or None)
        None for a word of blanks alone.
    """
    trimmed = pc.utf8_trim_whitespace(distinct.words)
    folded = _folded(trimmed).dictionary_encode()
    # Only these can change; a column of a million names has none, and is not gone through.
    several = np.bincount(folded.indices, minlength=1)[folded.indices.to_numpy()] > 1
    chosen = several | pc.not_equal(trimmed, distinct.words).to_numpy(zero_copy_only=False)
    if tag in _KNOWN:
        chosen[:] = True
    read = {
        word: (standard(tag, word), int(count))
        for word, count in zip(
            distinct.words.filter(pa.array(chosen)).to_pylist(),
            distinct.counts[chosen],
            strict=True,
        )
    }
    spellings: dict[str, Counter[str]] = {}
    for value, count in read.values():
        if value is not None:
            spellings.setdefault(_fold(value), Counter())[str(value)] += count
    usual = {
        key: min(counts, key=lambda value: (-counts[value], value))
        for key, counts in spellings.items()
    }
    read_as = {
        word: None if value is None else usual[_fold(value)] for word, (value, _) in read.items()
    }
    return {word: value for word, value in read_as.items() if word != value}


def _folded(words: pa.Array) -> pa.Array:
    """Give spellings that look alike one form: capitals, accents written apart, odd blanks."""
    return pc.utf8_lower(pc.utf8_normalize(words, "NFKC"))


def _fold(word: str | float) -> str:
    return unicodedata.normalize("NFKC", str(word)).lower()


def say_readings(tag: str, distinct: Words, read_as: Mapping[str, str | None]) -> list[str]:
    """Say in a few sentences which words are read as which."""
    numbers = dict(zip(distinct.words.to_pylist(), distinct.counts.tolist(), strict=True))
    groups: dict[str | None, list[str]] = {}
    for word in sorted(read_as, key=lambda word: (-numbers[word], word)):
        groups.setdefault(read_as[word], []).append(word)
    said = []
    for value, words in list(groups.items())[:_NAMED]:
        named = [repr(word) for word in words[:_NAMED]]
        if len(words) > _NAMED:
            named.append(f"{len(words) - _NAMED:,} more")
        listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        count = sum(numbers[word] for word in words)
        said.append(
            f"'{tag}': {listed} ({counted(count, 'row')}) "
            f"{'is' if len(words) == 1 else 'are'} read as "
            f"{'missing' if value is None else repr(value)}."
        )
    if len(groups) > _NAMED:
        said.append(f"'{tag}': the spellings of {len(groups) - _NAMED:,} more values likewise.")
    return said


def suspected_missing(table: pa.Table) -> list[str]:
    """Name the tags that hold one of the `SUSPECTED` words, with the count of each."""
    said: list[str] = []
    for tag in tag_columns(table):
        if pa.types.is_string(table[tag].type):
            said += suspected_words(tag, _words(table[tag].combine_chunks().dictionary_encode()))
    return said


def suspected_words(tag: str, distinct: Words) -> list[str]:
    """Name those words of one tag that are `SUSPECTED`, with the count of each."""
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(distinct.words))
    suspected = pc.is_in(folded, pa.array(SUSPECTED))
    if tag in _NONE_IS_OURS:
        suspected = pc.and_(suspected, pc.not_equal(distinct.words, "none"))
    words = distinct.words.filter(suspected).to_pylist()
    counts = distinct.counts[suspected.to_numpy(zero_copy_only=False)].tolist()
    return [
        f"'{tag}' holds {word!r} {counted(count, 'time')} and it is read as a value; "
        f"if it means that the tag is missing, say --missing {shlex.quote(word)}."
        for word, count in zip(words, counts, strict=True)
    ]


def with_derived_tags(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Derive `DERIVED_TAGS` where they are missing.

    Returns
    -------
    table : pyarrow.Table
    derived : dict of str to str
        Source sentence of every tag that was added here.
    """
    derived: dict[str, str] = {}
    for name, (origin, derive) in DERIVED_TAGS.items():
        if origin in table.column_names and name not in table.column_names:
            table = table.append_column(name, derive(table[origin]))
            derived[name] = f"derived from {origin}"
    return table, derived


def group_order(tag: str, values: list[str]) -> list[str]:
    """Sort group names the way a reader expects: ordered tags by rank, others by name."""
    rank = {value: position for position, value in enumerate(ORDERED_TAGS.get(tag, ()))}
    return sorted(values, key=lambda value: (rank.get(value, len(rank)), value))


def distinct_values(table: pa.Table, tag: str) -> list[str]:
    """Return the distinct non-null values of a categorical tag, in reading order."""
    return group_order(tag, [str(v) for v in pc.unique(table[tag]).drop_null().to_pylist()])
