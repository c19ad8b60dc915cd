"""Random scores tables for the property tests of the statistics."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

GROUPS = ("Åse", "b × c", "数", "d")


@st.composite
def scores_tables(draw: st.DrawFn, max_rows: int = 60, missing: bool = True) -> pa.Table:
    """Small tables with two tags; groups of one row or one class come up all the time."""
    n = draw(st.integers(1, max_rows))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = np.array([*GROUPS[: draw(st.integers(1, 4))], *([None] if missing else [])], object)
    # Few distinct scores, so that many are exactly at the threshold of 0.1 or 0.5.
    p_ai = random.choice(np.array([0, 0.1, 0.3, 0.5, 0.9, 1], np.float32), n)
    return pa.table(
        {
            "label": pa.array(random.choice(["real", "ai"], n, p=[0.7, 0.3])),
            "p_ai": pa.array(p_ai),
            "first": pa.array(random.choice(values, n), pa.string()),
            "second": pa.array(random.choice(values, n), pa.string()),
        }
    )
