"""Every kind of detail as a plain table: for sorting, CSV, Markdown and whoever cannot see."""

from __future__ import annotations

from itertools import pairwise

from faceaudit.report.text import TEXT
from faceaudit.result import (
    Cell,
    Column,
    Confusion,
    Curve,
    Detail,
    Distribution,
    Forest,
    Gallery,
    Heatmap,
    Number,
    Slopes,
    Table,
)

#: A forest's scale as the kind of column that holds its values.
COLUMN_OF_SCALE = {"percent": "percent", "points": "points", "ratio": "number", "number": "number"}


def flat(detail: Detail) -> Table:
    """Return the numbers of a detail as a table with the same title and note."""
    match detail:
        case Table():
            return detail
        case Forest():
            columns, rows = _forest(detail)
        case Slopes():
            columns, rows = _slopes(detail)
        case Heatmap():
            columns, rows = _heatmap(detail)
        case Curve():
            columns, rows = _curve(detail)
        case Distribution():
            columns, rows = _distribution(detail)
        case Confusion():
            columns, rows = _confusion(detail)
        case Gallery():
            columns, rows = _gallery(detail)
    return Table(title=detail.title, note=detail.note, columns=columns, rows=rows)


#: Where the fields that a threshold moves stand in the table form of a detail.
_MOVED = {
    "forest": {"events": 2, "value": 3, "low": 4, "high": 5, "status": 6},
    "heatmap": {"values": 3, "low": 4, "high": 5},
    "confusion": {"called_real": 1, "called_ai": 2},
}


def moved_columns(detail: Detail) -> dict[int, list[list[Number]] | None]:
    """Return what the threshold moves, by its column in the table form; see `result`."""
    if not isinstance(detail, Table | Forest | Heatmap | Confusion) or not detail.by_threshold:
        return {}
    if isinstance(detail, Table):
        return {int(column): grid for column, grid in detail.by_threshold.items()}
    places = _MOVED[detail.kind]
    return {places[name]: grid for name, grid in detail.by_threshold.items() if name in places}


def _columns(*pairs: tuple[str, str]) -> list[Column]:
    return [Column.model_validate({"title": title, "kind": kind}) for title, kind in pairs]


def _forest(forest: Forest) -> tuple[list[Column], list[list[Cell]]]:
    kind = COLUMN_OF_SCALE[forest.scale]
    columns = _columns(
        (forest.attribute, "text"),
        (TEXT["n"], "count"),
        (TEXT["cases"], "count"),
        (forest.measure, kind),
        (TEXT["low"], kind),
        (TEXT["high"], kind),
        (TEXT["status"], "text"),
        (TEXT["note"], "text"),
    )
    return columns, [
        [row.group, row.n, row.events, row.value, row.low, row.high, row.status, row.note]
        for row in forest.rows
    ]


def _slopes(slopes: Slopes) -> tuple[list[Column], list[list[Cell]]]:
    columns = _columns(
        (slopes.attribute, "text"),
        (TEXT["n"], "count"),
        (slopes.first_name, "percent"),
        (slopes.second_name, "percent"),
        (TEXT["difference"], "points"),
        (TEXT["low"], "points"),
        (TEXT["high"], "points"),
        (TEXT["note"], "text"),
    )
    return columns, [
        [row.group, row.n, row.first, row.second, row.difference, row.low, row.high, row.note]
        for row in slopes.rows
    ]


def _heatmap(heatmap: Heatmap) -> tuple[list[Column], list[list[Cell]]]:
    columns = _columns(
        (heatmap.row_title, "text"),
        (heatmap.column_title, "text"),
        (TEXT["n"], "count"),
        (heatmap.measure, "percent"),
        (TEXT["low"], "percent"),
        (TEXT["high"], "percent"),
    )
    return columns, [
        [row, column, heatmap.n[i][j], heatmap.values[i][j], heatmap.low[i][j], heatmap.high[i][j]]
        for i, row in enumerate(heatmap.rows)
        for j, column in enumerate(heatmap.columns)
    ]


def _curve(curve: Curve) -> tuple[list[Column], list[list[Cell]]]:
    kind = "percent" if curve.y_percent else "number"
    columns = _columns(
        (TEXT["line"], "text"),
        (curve.x_title, "number"),
        (curve.y_title, kind),
        (TEXT["low"], kind),
        (TEXT["high"], kind),
    )
    rows: list[list[Cell]] = []
    for series in curve.series:
        none: list[float | None] = [None] * len(series.x)
        rows += [
            [series.name, *point]
            for point in zip(
                series.x, series.y, series.low or none, series.high or none, strict=True
            )
        ]
    return columns, rows


def _distribution(distribution: Distribution) -> tuple[list[Column], list[list[Cell]]]:
    edges = distribution.edges
    bins = [(f"{low:.4g} – {high:.4g}", "percent") for low, high in pairwise(edges)]
    columns = _columns((TEXT["group"], "text"), (TEXT["n"], "count"), *bins)
    return columns, [
        [name, distribution.n.get(name), *shares] for name, shares in distribution.series.items()
    ]


def _confusion(confusion: Confusion) -> tuple[list[Column], list[list[Cell]]]:
    columns = _columns(
        (TEXT["truth"], "text"), (TEXT["called_real"], "count"), (TEXT["called_ai"], "count")
    )
    return columns, [
        [TEXT["is_real"], confusion.real_called_real, confusion.real_called_ai],
        [TEXT["is_ai"], confusion.ai_called_real, confusion.ai_called_ai],
    ]


def _gallery(gallery: Gallery) -> tuple[list[Column], list[list[Cell]]]:
    tags = list(dict.fromkeys(tag for item in gallery.items for tag in item.tags))
    ninths = TEXT["ninths"].split("|") if any(item.attention for item in gallery.items) else []
    columns = _columns(
        (TEXT["image"], "text"),
        (TEXT["dataset"], "text"),
        (TEXT["truth"], "text"),
        (TEXT["p_ai"], "number"),
        *((tag, "text") for tag in tags),
        *((TEXT["evidence"].format(place=place), "percent") for place in ninths),
    )
    rows: list[list[Cell]] = []
    for item in gallery.items:
        row: list[Cell] = [item.image, item.dataset, item.label, item.p_ai]
        row += [item.tags.get(tag) for tag in tags]
        if ninths and item.attention:
            row += [part for line in item.attention.ninths for part in line]
        rows.append(row + [None] * (len(columns) - len(row)))
    return columns, rows
