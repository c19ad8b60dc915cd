"""Ask claims 2 to 8 of the published experiment once more, of pictures at one delivery.

    python data/claims_at_one_delivery.py

Reads the recorded scores alone, in which one classifier of each arm saw every testing picture as
delivered and at one delivery. Prints the table of docs/findings.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.bundled import recorded_scores
from faceaudit.result import Table
from faceaudit.schema import called_ai
from faceaudit.studies.hypotheses_by_seed import hypotheses_by_seed
from faceaudit.studies.seed_intervals import change, rates
from faceaudit.tables import read_scores
from faceaudit.wording import percent, percent_range, points, points_range
from published_experiment import ARMS

DELIVERY = "p_ai[size=224,jpeg=85]"
#: AI-generated faces of the generators that were trained on.
KNOWN = ["one-million-fake-faces", "generated-photos"]
SUSPECTED = {
    "people with glasses": 5,
    "middle-aged people (40 to 59)": 6,
    "people with round faces (face shape)": 7,
    "white people": 8,
}


def rows() -> Iterator[str]:
    """Give what each claim says, as delivered and at one delivery, as rows of Markdown."""
    scores = [read_scores(recorded_scores(arm)) for arm in ARMS]
    at = [of.info.model.threshold for of in scores if of.info.model]
    tables = {column: [_scored(of.table, column) for of in scores] for column in ("p_ai", DELIVERY)}
    first = scores[0].table
    is_ai = pc.equal(first["label"], "ai").to_numpy()
    names = first["dataset"].to_numpy(zero_copy_only=False)
    sets = [names == "celeba", np.isin(names, KNOWN), names == "ffhq", is_ai]
    titles = ["CelebA called AI", "fresh AI faces of those trained on, missed", "FFHQ called AI"]
    wrong = {
        column: [(called_ai(t["p_ai"], a) != is_ai)[None] for t, a in zip(of, at, strict=True)]
        for column, of in tables.items()
    }
    for claim, title, i in zip((2, 2, 3), titles, range(3), strict=True):
        for arm, *both in zip(ARMS, *wrong.values(), strict=True):
            found = [rates(of, sets, 0.95) for of in both]
            told = [
                f"{percent(of.mean[i])} ({percent_range(of.low[i], of.high[i])})" for of in found
            ]
            yield _row(claim, f"{title}, `{arm}`", f"{sets[i].sum():,}", told)
    rises = [change(*of, sets, 0.95) for of in wrong.values()]
    told = [f"{points(of.mean[3])} ({points_range(of.low[3], of.high[3])})" for of in rises]
    yield _row(4, "missed AI faces, `with-ffhq` less `without-ffhq`", f"{is_ai.sum():,}", told)
    yield from _suspected([_cells(of, at) for of in tables.values()])


def _scored(table: pa.Table, column: str) -> pa.Table:
    return table.set_column(table.column_names.index("p_ai"), "p_ai", table[column])


def _cells(tables: list[pa.Table], at: list[float]) -> dict[tuple[str, ...], list[float]]:
    """Put the suspicions to both classifiers: numbers of people, and ratios at equal others."""
    (found,) = hypotheses_by_seed(tables, at, "ffhq", 0.95).details
    assert isinstance(found, Table)
    return {tuple(row[:3]): [*row[3:5], *row[8:11]] for row in found.rows}  # type: ignore[misc]


def _suspected(both: list[dict[tuple[str, ...], list[float]]]) -> Iterator[str]:
    for who, claim in SUSPECTED.items():
        for key in both[0]:
            if key[2] == who and (key[1] == "ffhq" or claim == 8):
                n, others, *_ = both[0][key]
                ratios = [of[key][2:] for of in both]
                told = [f"{value:.2f} ({low:.2f} to {high:.2f})" for value, low, high in ratios]
                arm = key[0].replace(" ", "-")
                yield _row(claim, f"{who}, {key[1]}, `{arm}`", f"{n:,}; {others:,}", told)


def _row(claim: int, what: str, n: str, told: list[str]) -> str:
    return f"| {claim} | {what} | {n} | {' | '.join(told)} |"


if __name__ == "__main__":
    print("\n".join(rows()))
