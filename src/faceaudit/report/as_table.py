"""Every kind of detail as a plain table: for sorting, CSV, Markdown and whoever cannot see."""

from __future__ import annotations

from faceaudit.report.text import NINTHS, STATUS, TEXT
from faceaudit.result import (
    Column,
    Confusion,
    Curve,
    Detail,
    Forest,
    Gallery,
    Heatmap,
    Number,
    Scatter,
    Slopes,
    Table,
)

#: The words for columns whose name is not that of their words.
_WORDS = {"events": "cases", "name": "line", "label": "truth"}
_WORDS |= {f"{axis}_{end}": end for axis in "xy" for end in ("low", "high")}


def as_table(detail: Detail) -> Table:
    """Return the numbers of a detail as a table with the same title and note."""
    if isinstance(detail, Table):
        return _in_words(detail)
    fields, rows = detail.laid_out()
    titles = _titles(detail)
    columns = [
        Column.model_validate(
            {"title": titles.get(name) or TEXT.get(_WORDS.get(name, name), name), "kind": kind}
        )
        for name, kind in fields
    ]
    if isinstance(detail, Confusion):
        rows = [[TEXT[f"is_{label}"], *called] for label, *called in rows]
    return _in_words(Table(title=detail.title, note=detail.note, columns=columns, rows=rows))


def _titles(detail: Detail) -> dict[str, str]:
    """Give the headings that are the detail's own, by the column's name."""
    match detail:
        case Forest():
            return {"group": detail.attribute, "value": detail.measure}
        case Slopes():
            names = {"first": detail.first_name, "second": detail.second_name}
            return {"group": detail.attribute, **names}
        case Heatmap():
            titles = {"row": detail.row_title, "column": detail.column_title}
            return {**titles, "values": detail.measure}
        case Curve():
            return {"x": detail.x_title, "y": detail.y_title}
        case Scatter():
            return {"name": TEXT["classifier"], "x": detail.x_title, "y": detail.y_title}
        case Gallery():
            evidence = {
                f"evidence_{i}": TEXT["evidence"].format(place=place)
                for i, place in enumerate(NINTHS)
            }
            return evidence | {tag: tag for item in detail.items for tag in item.tags}
        case _:
            return {}


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
    places = {name: i for i, (name, _) in enumerate(detail.laid_out()[0])}
    return {places[name]: grid for name, grid in moved.items() if name in places}
