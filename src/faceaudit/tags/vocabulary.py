"""The standard vocabulary: how cells and columns of tags are read, derived and put in order."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import (
    by_value,
    distinct,
    first_true,
    is_text,
    trimmed,
    with_column,
)
from faceaudit.schema import stated_columns, tag_columns
from faceaudit.tags.base import Tag, TagValue, all_tags
from faceaudit.wording import counted

_TAGS = all_tags()
_PLAIN = Tag("")
#: Tags that are numbers; every other tag is a category and is kept as text.
NUMERIC_TAGS = tuple(
    name for tag in _TAGS.values() for name in (*([tag.name] if tag.number else []), *tag.beside)
)
#: Categories that have an order; others are listed alphabetically.
ORDERED_TAGS = {name: tag.values for name, tag in _TAGS.items() if tag.values}
#: Tag -> the tag that it is derived from, and how. Derived only where it is missing.
DERIVED_TAGS = {name: (tag.origin, tag.derive) for name, tag in _TAGS.items() if tag.derive}
#: Tag -> word in lower case -> how we spell it.
_KNOWN: dict[str, dict[str, str]] = {
    name: {value.lower(): value for value in tag.values} | dict(tag.words)
    for name, tag in _TAGS.items()
    if tag.values or tag.words or tag.parse
}
#: A band of numbers as people write it; its lower end is group 1, or there is none.
_BAND = re.compile(
    r"(?:<|under ?)\d+(?:\.\d+)?|(\d+(?:\.\d+)?)(?: ?(?:-|–|to) ?\d+(?:\.\d+)?| ?\+)"
)
#: Words that often say "not known". They are values all the same, until the user says otherwise.
SUSPECTED = ("na", "n/a", "none", "nan", "null", "-", "?", "unknown")
#: Spellings of one value, and values of one tag, that a sentence names before it counts.
_NAMED = 3


def tag_type(tag: str) -> pa.DataType:
    """Return the Arrow type of a tag's column."""
    return pa.float32() if tag in NUMERIC_TAGS else pa.string()


def standard(tag: str, value: TagValue) -> TagValue:
    """Read one cell of a tag in the standard vocabulary.

    A number for `NUMERIC_TAGS`, else the value that the word means; a word that is not known is
    kept, without white space around it. None for an empty cell and for not-a-number.

    Raises
    ------
    ValueError
        If a number is a text, infinite, or outside the tag's limits.

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
        return _number(_TAGS.get(tag, _PLAIN), value)
    if not isinstance(value, str):
        return value
    if parse := _TAGS.get(tag, _PLAIN).parse:
        with suppress(ValueError):
            return parse(value)
    return _KNOWN.get(tag, {}).get(value.lower(), value)


def _number(tag: Tag, value: str | float) -> float | None:
    try:
        # Python reads "2_1" as 21.
        number = float(value.replace("_", "?")) if isinstance(value, str) else float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    low, high = tag.limits
    if number < low or number > high:
        no = f"no {tag.name} in {tag.unit} ({low:g} to {high:g})" if tag.unit else None
        raise ValueError(f"{number:.12g} is {no or 'not a finite number'}")
    return None if number != number else number


def standardise(table: pa.Table, source: str) -> tuple[pa.Table, list[str]]:
    """Read the tags of a table in the standard vocabulary, and derive `DERIVED_TAGS`.

    `NUMERIC_TAGS` become float32, texts what `standardise_texts` makes of them; columns are text
    (``pa.string``), numbers or booleans. `source` is what to call the table in messages.

    Raises
    ------
    FaceAuditError
        Naming the row, if a numeric tag holds a text or an impossible number.
    """
    for tag in tag_columns(table):
        if tag in NUMERIC_TAGS:
            table = with_column(table, tag, _numbers(table[tag], tag, source))
    table, notes = standardise_texts(table)
    return with_derived_tags(table)[0], notes


def _numbers(column: pa.ChunkedArray, tag: str, source: str) -> pa.ChunkedArray:
    """Return a numeric tag as float32, with null for not-a-number."""
    if is_text(column.type):
        column = trimmed(column)
    low, high = _TAGS.get(tag, _PLAIN).limits
    hint = ""
    try:
        numbers = by_value(column, lambda cells: cells.cast(pa.float64()))
        sound = not pc.any(pc.or_(pc.less(numbers, low), pc.greater(numbers, high))).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        sound = False
        hint = " bands go into age_band: --map age_band=age;" if tag == "age" else ""
    if not sound:
        found, values = distinct(column)[0], []
        for value in found.to_pylist():
            try:
                values.append(standard(tag, value))
            except ValueError as error:
                is_it = partial(pc.equal, pa.scalar(value, found.type))
                row = first_true(by_value(column, is_it))
                word = f"{value:.12g}" if isinstance(value, float) else str(value)
                raise FaceAuditError(
                    f"{source}: column '{tag}', row {row + 1}: {error};{hint} correct it, or leave "
                    f"it empty, or name it as missing with --missing {shlex.quote(word)}"
                ) from None
        meant = pa.array(values, pa.float64())
        numbers = by_value(column, lambda cells: meant.take(pc.index_in(cells, found)))
    return pc.if_else(pc.is_nan(numbers), None, numbers).cast(pa.float32(), safe=False)


def standardise_texts(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Read the tags of a table that are texts by `standard`, and say what is read otherwise.

    What then differs in case alone is one value, spelt as it is most often. Names of people are
    left as they are.
    """
    notes: list[str] = []
    for tag, column in _texts(table):
        if tag in NUMERIC_TAGS or _TAGS.get(tag, _PLAIN).person:
            continue
        counts = _doubtful(tag, column)
        if read_as := _readings(tag, counts):
            notes += _say_readings(tag, counts, read_as)
            words, meant = (pa.array(part, pa.string()) for part in (read_as, read_as.values()))
            read = partial(_read_as, words=words, meant=meant)
            table = with_column(table, tag, by_value(column, read))
    return table, notes


def _read_as(column: pa.ChunkedArray, words: pa.Array, meant: pa.Array) -> pa.ChunkedArray:
    place = pc.index_in(column, words)
    return pc.if_else(pc.is_valid(place), meant.take(place), column)


def _texts(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    columns = [(tag, table[tag]) for tag in stated_columns(table)]
    return [(tag, column) for tag, column in columns if is_text(column.type)]


def _doubtful(tag: str, column: pa.ChunkedArray) -> dict[str, int]:
    """Return the words of a column that may be read as another word, with the count of each.

    A column of a million names has none, and is not gone through.
    """
    words, counts = distinct(column)
    if tag not in _KNOWN:
        trimmed = pc.utf8_trim_whitespace(words)
        folded = pc.utf8_lower(pc.utf8_normalize(trimmed, "NFKC")).dictionary_encode().indices
        several = np.bincount(folded, minlength=1)[folded.to_numpy()] > 1
        chosen = pc.or_(pa.array(several), pc.not_equal(trimmed, words))
        chosen = pc.or_(chosen, pc.equal(words, ""))
        words, counts = words.filter(chosen), counts.filter(chosen)
    return dict(zip(words.to_pylist(), counts.to_pylist(), strict=True))


def _readings(tag: str, counts: Mapping[str, int]) -> dict[str, str | None]:
    """Return the words of a tag that are read as another word, and as which; None for blanks."""
    read = {word: standard(tag, word) for word in counts}
    spellings: dict[str, Counter[str]] = {}
    for word, value in read.items():
        if value is not None:
            spellings.setdefault(_fold(value), Counter())[str(value)] += counts[word]
    usual = {
        fold: min(found, key=lambda value: (-found[value], value))
        for fold, found in spellings.items()
    }
    meant = {w: None if value is None else usual[_fold(value)] for w, value in read.items()}
    return {word: value for word, value in meant.items() if word != value}


def _fold(word: TagValue) -> str:
    """Give spellings that look alike one form: capitals, accents written apart, odd blanks."""
    return unicodedata.normalize("NFKC", str(word)).lower()


def _say_readings(
    tag: str, counts: Mapping[str, int], read_as: Mapping[str, str | None]
) -> list[str]:
    """Say in a few sentences which words are read as which."""
    groups: dict[str | None, list[str]] = {}
    for word in sorted(read_as, key=lambda word: (-counts[word], word)):
        groups.setdefault(read_as[word], []).append(word)
    said = []
    for value, alike in list(groups.items())[:_NAMED]:
        named = [repr(word) for word in alike[:_NAMED]]
        if len(alike) > _NAMED:
            named.append(f"{len(alike) - _NAMED:,} more")
        listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        said.append(
            f"'{tag}': {listed} ({counted(sum(counts[word] for word in alike), 'row')}) "
            f"{'is' if len(alike) == 1 else 'are'} read as "
            f"{'missing' if value is None else repr(value)}."
        )
    if len(groups) > _NAMED:
        said.append(f"'{tag}': the spellings of {len(groups) - _NAMED:,} more values likewise.")
    return said


def suspected_missing(table: pa.Table) -> list[str]:
    """Name the tags that hold one of the `SUSPECTED` words, with the count of each."""
    said: list[str] = []
    for tag, column in _texts(table):
        words, counts = distinct(column)
        folded = pc.utf8_lower(pc.utf8_trim_whitespace(words))
        suspected = pc.is_in(folded, pa.array(SUSPECTED))
        if _TAGS.get(tag, _PLAIN).none_is_a_value:
            suspected = pc.and_(suspected, pc.not_equal(words, "none"))
        found = (part.filter(suspected).to_pylist() for part in (words, counts))
        said += [
            f"'{tag}' holds {word!r} {counted(count, 'time')} and it is read as a value; "
            f"if it means that the tag is missing, say --missing {shlex.quote(word)}."
            for word, count in zip(*found, strict=True)
        ]
    return said


def with_derived_tags(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Derive `DERIVED_TAGS` where they are missing; return which, and from what they are."""
    derived: dict[str, str] = {}
    for name, (origin, derive) in DERIVED_TAGS.items():
        if origin in table.column_names and name not in table.column_names:
            table = table.append_column(name, by_value(table[origin], derive))
            derived[name] = f"derived from {origin}"
    return table, derived


def in_order(tag: str, values: Sequence[str]) -> Sequence[str]:
    """Return the values that rise, lowest first: those of `ORDERED_TAGS`, or bands of numbers.

    >>> in_order("income", ["20-30", "9-20", "<9", "30+"]), in_order("race", ["Black", "White"])
    (['<9', '9-20', '20-30', '30+'], ())
    """
    if tag in ORDERED_TAGS:
        return ORDERED_TAGS[tag]
    low: dict[str, float] = {}
    for value in values:
        if not (band := _BAND.fullmatch(value)):
            return ()
        low[value] = float(band[1] or -np.inf)
    return sorted(low, key=low.__getitem__) if len({*low.values()}) == len(low) else ()


def group_order(tag: str, values: list[str]) -> list[str]:
    """Sort group names the way a reader expects: ordered tags by rank, others by name."""
    rank = {value: position for position, value in enumerate(in_order(tag, values))}
    return sorted(values, key=lambda value: (rank.get(value, len(rank)), value))


def distinct_values(table: pa.Table, tag: str) -> list[str]:
    """Return the distinct non-null values of a categorical tag, in reading order."""
    return group_order(tag, [str(value) for value in distinct(table[tag])[0].to_pylist()])
