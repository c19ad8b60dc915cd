"""Which columns of a table from elsewhere are likely those that an audit needs: proposals only."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Our column name: what others call it, the likeliest first.
_OTHERS = {
    "image": ("imagepath", "path", "file", "filename", "filepath", "img", "imageid", "id"),
    "label": (
        "truth",
        "groundtruth",
        "target",
        "ytrue",
        "truelabel",
        "class",
        "isfake",
        "isai",
        "fake",
    ),
    "p_ai": (
        *("score", "scores", "pfake", "probfake", "fakeprob", "aiscore", "probai"),
        *("prob", "probability", "yscore", "yprob", "prediction", "logit", "preal", "probreal"),
    ),
}


def likely_columns(names: Iterable[str]) -> dict[str, str]:
    """Return our column name -> the table's that is likely the same; nothing is read by it."""
    by_letters = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed([*names])}
    likely = {}
    for ours, others in _OTHERS.items():
        spellings = (re.sub(r"[^a-z0-9]", "", ours), *others)
        found = next((by_letters[one] for one in spellings if one in by_letters), None)
        if found is not None:
            likely[ours] = found
    return likely
