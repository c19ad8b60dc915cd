"""What a tag is to us, and how to add one: a module of this folder with a ``TAG``, or a plug-in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from faceaudit.plugins import offers
from faceaudit.schema import CLUSTER_COLUMNS, FIXED_COLUMNS

if TYPE_CHECKING:
    from faceaudit.tags.landmarks import Face

TagValue = str | float | None
_FLOAT32 = (float(np.finfo(np.float32).min), float(np.finfo(np.float32).max))


@dataclass(frozen=True)
class Tag:
    """A fact about who is in a picture, and how it is read and derived.

    A tag is one module of ``faceaudit/tags`` that defines ``TAG``, or an object that a package
    of your own names under the entry point ``faceaudit.tags``; nothing else is touched. Cells of
    tag files and of scores are read by `values`, `words`, `parse` and `limits`. A tag with
    `derive` is added to every table that has the column `origin` and not the tag. One with
    `look` is an option of ``faceaudit index`` and a keyword of `faceaudit.datasets.index`
    (``--long-hair``, ``long_hair=True``), by which `look` is called for each picture: its row,
    pixels, 68 landmarks and pose::

        def look(face):
            if face.pixels is None:
                return {}
            return {"brightness": "dark" if face.pixels.mean() < 99 else "light"}

        TAG = Tag(
            "brightness",
            values=("dark", "light"),
            look=look,
            source="derived from the mean of all pixels",
            help="Derive whether the picture is dark.",
        )

    A `look` must be a function of its module, or other processes cannot find it.
    """

    #: Of its column.
    name: str
    #: Its values from one end to the other, along which error rates may rise or fall; without, all
    #: words are taken, and listed alphabetically unless they are bands of numbers.
    values: tuple[str, ...] = ()
    #: Word in lower case -> the value that it means.
    words: Mapping[str, str] = field(default_factory=dict)
    #: Reads a word that may be spelt in further ways; ValueError for others, which stay.
    parse: Callable[[str], str] | None = None
    #: Whether it is a number and no category, and then what it can be, and in which unit.
    number: bool = False
    limits: tuple[float, float] = _FLOAT32
    unit: str = ""
    #: Whether it names somebody: for splitting and giving credit, not for comparing groups.
    person: bool = False
    #: Whether ``none`` is one of our own words, spelt so: no glasses is not an unknown face.
    none_is_a_value: bool = False
    #: The column that `derive` needs, which makes this one of it.
    origin: str = ""
    derive: Callable[[pa.ChunkedArray], pa.Array] | None = None
    #: From a `faceaudit.tags.landmarks.Face`, of which any part may be None, to the tag and the
    #: numbers `beside` it by name, as far as they are known.
    look: Callable[[Face], Mapping[str, TagValue]] | None = None
    beside: tuple[str, ...] = ()
    #: What `look` needs beyond the pixels. For ``landmarks`` those will do that the publishers of
    #: a data set give; all others are found with the extra ``landmarks``.
    needs: Literal["", "landmarks", "found landmarks"] = ""
    #: Whose word it is, in one sentence; ``{landmarks}`` stands for where those come from.
    source: str = ""
    #: What its option says.
    help: str = ""


#: Fitzpatrick's skin types, lightest first.
SKIN_TYPES = ("type I", "type II", "type III", "type IV", "type V", "type VI")

#: Tags that data sets give, and of which more is known than their name; and names of clusters.
GIVEN = (
    Tag("age", number=True, limits=(0.0, 120.0), unit="years"),
    *(Tag(angle, number=True) for angle in ("yaw", "pitch", "roll")),
    Tag(
        "gender",
        words={
            **dict.fromkeys(("female", "f", "woman", "women", "girl", "females"), "female"),
            **dict.fromkeys(("male", "m", "man", "men", "boy", "males"), "male"),
        },
    ),
    *(Tag(tag, values=SKIN_TYPES) for tag in ("skin_type", "apparent_skin_type")),
    Tag("blur", values=("low", "medium", "high")),
    Tag("exposure", values=("under", "good", "over")),
    Tag("difficulty", values=("easy", "mid", "hard")),
    *(Tag(tag, person=True) for tag in (*CLUSTER_COLUMNS, "photo_author")),
    *(
        Tag(tag, none_is_a_value=True)
        for tag in ("glasses", "makeup", "facial_hair", "manipulation")
    ),
)


#: Options of `faceaudit index` and keywords of `index` that are no tags.
INDEX_WORDS = (
    *("root", "out", "name", "tags_from", "photoshopped_as", "missing", "real_dir", "ai_dir"),
    *("near_copies", "look_for_near_copies", "delivery_facts", "workers", "progress"),
    *("json", "as_json", "help"),
)


@cache
def all_tags() -> dict[str, Tag]:
    """Return every tag of which more is known than its name, by name.

    Raises
    ------
    FaceAuditError
        If a plug-in is of no use or takes a name that is taken.
    """
    return offers("tags", "TAG", "name", given=GIVEN, fault=_fault)


def _fault(tag: object) -> str | None:
    if not isinstance(tag, Tag):
        return "it is no Tag"
    if tag.name in FIXED_COLUMNS:
        return f"'{tag.name}' is a column of every table; rename it"
    if tag.look and tag.name in INDEX_WORDS:
        return f"'{tag.name}' is another option of index; rename it"
    if tag.look and not re.fullmatch("[a-z][a-z0-9_]*", tag.name):
        return f"'{tag.name}' can be no option; rename it, as in long_hair"
    return None


def picture_tags() -> dict[str, Tag]:
    """Return the tags that can be derived from pictures, by name."""
    return {name: tag for name, tag in all_tags().items() if tag.look}


def in_bands(
    numbers: pa.ChunkedArray | pa.Array, edges: tuple[int, ...], names: tuple[str, ...]
) -> pa.Array:
    """Cut numbers into bands by the lower edge of each; null for what lies below or is unknown."""
    if isinstance(numbers, pa.ChunkedArray):
        numbers = numbers.combine_chunks()
    values = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)
    known = np.isfinite(values) & (values >= edges[0])
    position = np.searchsorted(edges, np.where(known, values, edges[0]), side="right") - 1
    numbered = pa.array(position.astype(np.int8), mask=~known)
    return pa.DictionaryArray.from_arrays(numbered, list(names)).cast(pa.string())
