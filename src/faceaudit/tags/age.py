"""Age bands: the edges, in one place."""

from __future__ import annotations

import re

import pyarrow as pa

from faceaudit.tags.base import Tag, in_bands

#: Lower edge of each band in whole years; FairFace's bands, so that every set can use them.
AGE_BAND_EDGES = (0, 3, 10, 20, 30, 40, 50, 60, 70)
AGE_BANDS = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def age_band(age: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Cut ages in years into `AGE_BANDS`; null, negative and not-a-number become null."""
    return in_bands(age, AGE_BAND_EDGES, AGE_BANDS)


def parse_age_band(text: str) -> str:
    """Read an age band as label files write it, also where a spreadsheet made a date of it.

    ``3-9`` becomes ``03-Sep`` or ``9-Mar`` in a spreadsheet, and ``10-19`` ``19-Oct`` or
    ``Oct-19``.

    Raises
    ------
    ValueError
        If it is none of `AGE_BANDS`.

    Examples
    --------
    >>> parse_age_band("03-Sep"), parse_age_band("Oct-19"), parse_age_band("more than 70")
    ('3-9', '10-19', '70+')
    """
    words = re.findall(r"\d+(?:\.\d+)?|[a-z]+", text.lower())
    numbers = [
        float(_MONTHS.index(word[:3]) + 1 if word[:3] in _MONTHS else word)
        for word in words
        if word[0].isdigit() or word[:3] in _MONTHS
    ]
    if numbers == [70] and re.search(r"[+>]|more|over|above|older", text.lower()):
        return "70+"
    band = "-".join(f"{number:g}" for number in sorted(numbers))
    if band not in AGE_BANDS:
        raise ValueError(f"{text!r} is no age band ({', '.join(AGE_BANDS)})")
    return band


TAG = Tag("age_band", values=AGE_BANDS, parse=parse_age_band, origin="age", derive=age_band)
