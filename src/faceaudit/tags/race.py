"""Race: each data set keeps its own categories; beside them stands one coarse mapping."""

from __future__ import annotations

import re

import pyarrow as pa

from faceaudit.tags.base import Tag

#: From every set's category, in lower case and with blanks, to UTKFace's five. They are a
#: data set's estimate of appearance, not anybody's identity, and were not drawn up alike.
RACE_COARSE = {
    **dict.fromkeys(("white", "caucasian"), "White"),
    **dict.fromkeys(("black", "african", "african american"), "Black"),
    **dict.fromkeys(("asian", "east asian", "southeast asian"), "Asian"),
    **dict.fromkeys(("indian", "south asian"), "Indian"),
    # UTKFace's "Others" names Hispanic, Latino and Middle Eastern people.
    **dict.fromkeys(("others", "other", "latino", "hispanic", "latino hispanic"), "Other"),
    "middle eastern": "Other",
}

_BETWEEN = re.compile("[-_]")


def race_coarse(race: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Map every data set's races to White, Black, Asian, Indian and Other, or else to null."""
    if isinstance(race, pa.ChunkedArray):
        race = race.combine_chunks()
    values = race.dictionary_encode()
    names = (_BETWEEN.sub(" ", str(name).strip().lower()) for name in values.dictionary.to_pylist())
    return pa.array(map(RACE_COARSE.get, names), pa.string()).take(values.indices)


TAG = Tag("race_coarse", origin="race", derive=race_coarse)
