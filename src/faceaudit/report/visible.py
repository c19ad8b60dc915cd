"""What of a result a page shows: rows, columns, pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from faceaudit.result import (
    PARTS,
    Cell,
    CheckResult,
    Detail,
    Estimate,
    Forest,
    Gallery,
    GalleryItem,
    Heatmap,
    Part,
    Result,
    ScoresSummary,
    Slopes,
    Table,
)
from faceaudit.schema import called_ai

#: Pictures come from the result itself. Anything else in their place could ask a network.
_THUMBNAIL = re.compile(r"data:image/(?:jpeg|png|webp);base64,[A-Za-z0-9+/]+={0,2}")
#: Rows that the figure of the first screen has at most before it unfolds.
FIRST_ROWS = 7


def by_part(result: Result) -> dict[Part, list[CheckResult]]:
    """Return the checks of every part that has some, as they are read."""
    checks = {part: [check for check in result.checks if check.part == part] for part in PARTS}
    return {part: of for part, of in checks.items() if of}


def first_sentence(text: str) -> tuple[str, str]:
    """Part the first sentence of a text from those that follow."""
    first, *further = re.split(r"(?<=\.) (?=[A-Z])", text, maxsplit=1)
    return first, " ".join(further)


def whose_word(summary: ScoresSummary) -> dict[tuple[tuple[str, ...], str], list[str]]:
    """Return the tags that are one source's word in the same data sets."""
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for tag, sources in summary.tag_sources.items():
        for source in dict.fromkeys(sources.values()):
            datasets = tuple(dataset for dataset, word in sources.items() if word == source)
            found.setdefault((datasets, source), []).append(tag)
    return found


def shown_columns(table: Table) -> list[int]:
    """Number the columns to show: all that have a value, now or at another threshold."""
    moved = table.by_threshold or {}
    return [
        i
        for i in range(len(table.columns))
        if any(row[i] is not None for row in table.rows)
        or any(value is not None for row in moved.get(str(i)) or () for value in row)
    ]


def not_estimable(detail: Detail) -> bool:
    """Tell whether a detail has no number but how many images there are."""
    match detail:
        case Forest():
            return not any(_known([row.value for row in detail.rows], detail, "value"))
        case Table():
            numbers = [
                (i, column)
                for i, column in enumerate(detail.columns)
                if column.kind not in ("text", "status", "count")
            ]
            return bool(detail.rows and numbers) and not any(
                any(_known([row[i] for row in detail.rows], detail, str(i))) for i, _ in numbers
            )
        case Heatmap():
            return not any(_known(chain.from_iterable(detail.values), detail, "values"))
        case _:
            return False


def _known(values: Iterable[Cell], detail: Forest | Table | Heatmap, moved: str) -> Iterator[bool]:
    """Tell of each value, as audited and at every other threshold, whether there is one."""
    grid = (detail.by_threshold or {}).get(moved) or []
    yield from (value is not None for value in chain(values, chain.from_iterable(grid)))


def first_rows(detail: Detail) -> int:
    """Count the rows that a figure of the first screen has before it unfolds.

    Of many groups, those that are marked as small do not help to see the answer.
    """
    if not isinstance(detail, Forest | Slopes) or len(detail.rows) <= FIRST_ROWS:
        return FIRST_ROWS
    unmarked = sum(not row.note for row in detail.rows)
    return min(unmarked, FIRST_ROWS) if unmarked > 1 else FIRST_ROWS


def large_groups_first(result: Result) -> Result:
    """Return the result with the rows of its first figure as the first screen shows them.

    Groups that are marked, as small ones are, come last; of more than fit, the largest values
    come first.
    """
    figure, at = result.first_figure, result.answer and result.answer.figure
    if at is None or not isinstance(figure, Forest | Slopes):
        return result
    values = [row.value if isinstance(row, Estimate) else row.difference for row in figure.rows]
    many = len(figure.rows) > FIRST_ROWS

    def place(i: int) -> tuple[bool, bool, float]:
        value = values[i]
        return value is None, bool(figure.rows[i].note), -abs(value or 0.0) if many else 0.0

    order = sorted(range(len(values)), key=place)
    changed: dict[str, Any] = {"rows": [figure.rows[i] for i in order]}
    if isinstance(figure, Forest) and figure.by_threshold:
        changed["by_threshold"] = {
            name: grid
            if grid is None or name == "reference"
            else [[line[i] for i in order] for line in grid]
            for name, grid in figure.by_threshold.items()
        }
    checks = [
        check.model_copy(
            update={
                "details": [
                    detail.model_copy(update=changed) if detail is figure else detail
                    for detail in check.details
                ]
            }
        )
        for check in result.checks
    ]
    return result.model_copy(update={"checks": checks})


def galleries(details: Iterable[Detail]) -> list[Gallery]:
    """Return the galleries among some details."""
    return [detail for detail in details if isinstance(detail, Gallery)]


def groups(galleries: Iterable[Gallery]) -> dict[str, list[str]]:
    """Return the groups that pictures are of, by tag."""
    found: dict[str, set[str]] = {}
    for item in chain.from_iterable(gallery.items for gallery in galleries):
        for tag, value in item.tags.items():
            found.setdefault(tag, set()).add(value)
    return {tag: sorted(values) for tag, values in found.items()}


def groups_of(item: GalleryItem) -> str:
    """Write the groups that a picture is of, for the script."""
    return json.dumps([f"{tag}: {value}" for tag, value in item.tags.items()], ensure_ascii=False)


def is_called_ai(item: GalleryItem, result: Result) -> bool:
    """Tell what the classifier calls a picture."""
    return bool(called_ai(item.p_ai, result.scores[0].threshold))


def call(item: GalleryItem, result: Result) -> str:
    """Tell which error a picture suffers, by the error rate's id; ``right`` if none."""
    called = is_called_ai(item, result)
    if called == (item.label == "ai"):
        return "right"
    return "fpr" if called else "fnr"


def evidence(galleries: Iterable[Gallery]) -> tuple[int, int]:
    """Count the pictures with a map of the evidence, and those of them with most in the centre."""
    items = chain.from_iterable(gallery.items for gallery in galleries)
    ninths = [list(chain.from_iterable(of.attention.ninths)) for of in items if of.attention]
    return len(ninths), sum(max(shares) == shares[4] for shares in ninths)


def is_picture(data: str | None) -> bool:
    """Tell whether this is a picture that lies in the result itself."""
    return data is not None and _THUMBNAIL.fullmatch(data) is not None


def without_pictures(result: Result) -> Result:
    """Return a result in which no pixel of any photograph is left; nothing else is copied."""
    checks = [
        check.model_copy(
            update={
                "details": [_bare(of) if isinstance(of, Gallery) else of for of in check.details]
            }
        )
        for check in result.checks
    ]
    return result.model_copy(update={"checks": checks})


def _bare(gallery: Gallery) -> Gallery:
    items = [
        item.model_copy(
            update={
                "thumbnail": None,
                "attention": item.attention and item.attention.model_copy(update={"layer": ""}),
            }
        )
        for item in gallery.items
    ]
    return gallery.model_copy(update={"items": items})
