"""The standard tags: name, type and order of values."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.tags.age import AGE_BANDS, age_band
from faceaudit.tags.pose import HEAD_POSES, head_pose
from faceaudit.tags.race import race_coarse
from faceaudit.tags.skin_tone import MONK_TONES
from faceaudit.validation import cast_column

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
_GENDERS = {"female": "female", "f": "female", "woman": "female"} | {
    "male": "male",
    "m": "male",
    "man": "male",
}


def tag_type(tag: str) -> pa.DataType:
    """Return the Arrow type of a tag's column."""
    return pa.float32() if tag in NUMERIC_TAGS else pa.string()


def gender(word: str | None) -> str | None:
    """Return ``female`` or ``male`` for the words that data sets use.

    Raises
    ------
    ValueError
        If it is another word.
    """
    if word is None:
        return None
    try:
        return _GENDERS[word.lower()]
    except KeyError:
        raise ValueError(f"gender {word!r} is neither female nor male") from None


def with_standard_tags(table: pa.Table, source: str) -> tuple[pa.Table, dict[str, str]]:
    """Give the numeric tags their type, and derive `DERIVED_TAGS` where they are missing.

    Returns
    -------
    table : pyarrow.Table
    derived : dict of str to str
        Source sentence of every tag that was added here.

    Raises
    ------
    FaceAuditError
        If a numeric tag holds text.
    """
    for name in NUMERIC_TAGS:
        if name in table.column_names and not pa.types.is_floating(table[name].type):
            try:
                table = cast_column(table, name, pa.float32(), source)
            except FaceAuditError as error:
                bands = "; bands go into age_band: --map age_band=age" if name == "age" else ""
                raise FaceAuditError(f"{error}{bands}") from None
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
