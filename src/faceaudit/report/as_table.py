"""Every kind of detail as a plain table: for sorting, CSV, Markdown and whoever cannot see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from faceaudit.report.text import NINTHS, STATUS, TEXT
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

_Drawn = Forest | Slopes | Heatmap | Curve | Distribution | Confusion | Gallery
#: Of each column the name in its detail, the heading and the kind.
_Fields = Sequence[tuple[str, str, str]]


def as_table(detail: Detail) -> Table:
    """Return the numbers of a detail as a table with the same title and note."""
    if isinstance(detail, Table):
        return _in_words(detail)
    fields, rows = _laid_out(detail)
    columns = [Column.model_validate({"title": title, "kind": kind}) for _, title, kind in fields]
    return _in_words(Table(title=detail.title, note=detail.note, columns=columns, rows=rows))


def _in_words(table: Table) -> Table:
    """Write the statuses in a table as words."""
    said = {i for i, column in enumerate(table.columns) if column.kind == "status"}
    if not said:
        return table
    rows = [
        [STATUS.get(str(cell), cell) if i in said else cell for i, cell in enumerate(row)]
        for row in table.rows
    ]
    columns = [
        column.model_copy(update={"kind": "text"}) if i in said else column
        for i, column in enumerate(table.columns)
    ]
    return table.model_copy(update={"rows": rows, "columns": columns})


def moved_columns(detail: Detail) -> dict[int, list[list[Number]] | None]:
    """Return what the threshold moves, by its column in the table form; see `result`."""
    moved = getattr(detail, "by_threshold", None) or {}
    if isinstance(detail, Table) or not moved:
        return {int(column): grid for column, grid in moved.items()}
    places = {name: i for i, (name, _, _) in enumerate(_laid_out(detail)[0])}
    return {places[name]: grid for name, grid in moved.items() if name in places}


def _laid_out(detail: _Drawn) -> tuple[_Fields, list[list[Cell]]]:
    fields: list[tuple[str, str, str]]
    match detail:
        case Forest():
            kind = "number" if detail.scale == "ratio" else str(detail.scale)
            fields = [
                ("group", detail.attribute, "text"),
                ("n", TEXT["n"], "count"),
                ("events", TEXT["cases"], "count"),
                ("value", detail.measure, kind),
                *_ends(kind),
                ("status", TEXT["status"], "status"),
                ("note", TEXT["note"], "text"),
            ]
            return fields, [[getattr(row, name) for name, _, _ in fields] for row in detail.rows]
        case Slopes():
            fields = [
                ("group", detail.attribute, "text"),
                ("n", TEXT["n"], "count"),
                ("first", detail.first_name, "percent"),
                ("second", detail.second_name, "percent"),
                ("difference", TEXT["difference"], "points"),
                *_ends("points"),
                ("note", TEXT["note"], "text"),
            ]
            return fields, [[getattr(row, name) for name, _, _ in fields] for row in detail.rows]
        case Heatmap():
            fields = [
                ("row", detail.row_title, "text"),
                ("column", detail.column_title, "text"),
                ("n", TEXT["n"], "count"),
                ("values", detail.measure, "percent"),
                *_ends("percent"),
            ]
            grids = (detail.n, detail.values, detail.low, detail.high)
            return fields, [
                [row, column, *(grid[i][j] for grid in grids)]
                for i, row in enumerate(detail.rows)
                for j, column in enumerate(detail.columns)
            ]
        case Curve():
            kind = "percent" if detail.y_percent else "number"
            fields = [
                ("name", TEXT["line"], "text"),
                ("x", detail.x_title, "number"),
                ("y", detail.y_title, kind),
                *_ends(kind),
            ]
            return fields, [
                [
                    line.name,
                    x,
                    line.y[i],
                    *(end[i] if end else None for end in (line.low, line.high)),
                ]
                for line in detail.series
                for i, x in enumerate(line.x)
            ]
        case Distribution():
            bins = [(f"{low:.4g} – {high:.4g}", "percent") for low, high in pairwise(detail.edges)]
            fields = [("group", TEXT["group"], "text"), ("n", TEXT["n"], "count")]
            return [*fields, *(("", *of_bin) for of_bin in bins)], [
                [name, detail.n.get(name), *shares] for name, shares in detail.series.items()
            ]
        case Confusion():
            fields = [
                ("truth", TEXT["truth"], "text"),
                ("called_real", TEXT["called_real"], "count"),
                ("called_ai", TEXT["called_ai"], "count"),
            ]
            return fields, [
                [TEXT["is_real"], detail.real_called_real, detail.real_called_ai],
                [TEXT["is_ai"], detail.ai_called_real, detail.ai_called_ai],
            ]
        case Gallery():
            return _gallery(detail)


def _ends(kind: str) -> _Fields:
    return ("low", TEXT["low"], kind), ("high", TEXT["high"], kind)


def _gallery(gallery: Gallery) -> tuple[_Fields, list[list[Cell]]]:
    tags = list(dict.fromkeys(tag for item in gallery.items for tag in item.tags))
    ninths = NINTHS if any(item.attention for item in gallery.items) else []
    fields = [
        ("image", TEXT["image"], "text"),
        ("dataset", TEXT["dataset"], "text"),
        ("label", TEXT["truth"], "text"),
        ("p_ai", TEXT["p_ai"], "number"),
        *(("", tag, "text") for tag in tags),
        *(("", TEXT["evidence"].format(place=place), "percent") for place in ninths),
    ]
    rows: list[list[Cell]] = []
    for item in gallery.items:
        row = [item.image, item.dataset, item.label, item.p_ai, *map(item.tags.get, tags)]
        evidence = item.attention.ninths if item.attention else [[None] * len(ninths)]
        rows.append([*row, *(share for line in evidence for share in line)])
    return fields, rows
