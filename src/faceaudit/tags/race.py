"""Race: each data set keeps its own categories; beside them stands one coarse mapping."""

from __future__ import annotations

import pyarrow as pa

#: From every set's category, in lower case and with blanks, to UTKFace's five. They are a
#: data set's estimate of appearance, not anybody's identity, and were not drawn up alike.
RACE_COARSE = {
    "white": "White",
    "caucasian": "White",
    "black": "Black",
    "african": "Black",
    "asian": "Asian",
    "east asian": "Asian",
    "southeast asian": "Asian",
    "indian": "Indian",
    "south asian": "Indian",
    # UTKFace's "Others" names Hispanic, Latino and Middle Eastern people.
    "others": "Other",
    "other": "Other",
    "latino": "Other",
    "hispanic": "Other",
    "latino hispanic": "Other",
    "middle eastern": "Other",
}


def race_coarse(race: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Map every data set's races to White, Black, Asian, Indian and Other.

    Parameters
    ----------
    race : pyarrow.Array of str

    Returns
    -------
    pyarrow.Array of str
        Null where `RACE_COARSE` does not know the category.
    """
    values = race.dictionary_encode()
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    coarse = pa.array(
        [
            RACE_COARSE.get(str(name).strip().lower().replace("_", " "))
            for name in values.dictionary.to_pylist()
        ],
        pa.string(),
    )
    return coarse.take(values.indices)
