"""What the script of a page knows of a detail: its table, what the threshold moves, its words."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from faceaudit.figures.axes import Axis
from faceaudit.report import alt_text, numbers
from faceaudit.report.as_table import as_table, moved_columns
from faceaudit.report.text import TEXT
from faceaudit.result import Curve, Detail, Forest, Heatmap, Scatter, Slopes

#: Where a number that can be cited stands in a figure's table: columns that name the row, then
#: its value and ends, its n; and the kind of the value.
_CITED: dict[type, tuple[list[int], int, int, int, int, str]] = {
    Forest: ([0], 3, 4, 5, 1, "percent"),
    Slopes: ([0], 4, 5, 6, 1, "points"),
    Heatmap: ([0, 1], 3, 4, 5, 2, "percent"),
    Scatter: ([0], 2, 3, 4, 1, "percent"),
}


def packed(data: dict[str, Any]) -> str:
    """Compress data for the page, which unpacks them when they are first asked for."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def is_moved(detail: Detail) -> bool:
    """Tell whether the threshold moves what a detail says."""
    return bool(moved_columns(detail)) or (
        isinstance(detail, Curve) and detail.x_is_threshold and detail.marker is not None
    )


def script_data(detail: Detail, axes: Sequence[Axis] | None = None) -> dict[str, Any]:
    """Gather what the script of a page knows of a detail.

    The first of the `axes` of a forest plot is the audited threshold's, then those of all.
    """
    table, moved = as_table(detail), moved_columns(detail)
    data: dict[str, Any] = {
        "title": table.title,
        "columns": [column.title for column in table.columns],
        "kinds": [column.kind for column in table.columns],
        "rows": [] if isinstance(detail, Curve) else table.rows,
    }
    if moved:
        data["moves"] = moved
    if type(detail) in _CITED:
        places = ("names", "value", "low", "high", "n", "kind")
        data["cite"] = dict(zip(places, _CITED[type(detail)], strict=True))
    if isinstance(detail, Forest):
        data["scale"] = data["cite"]["kind"] = detail.scale
    if moved and isinstance(detail, Forest) and axes:
        data |= _forest(detail, axes)
    if moved and isinstance(detail, Forest | Heatmap):
        notes = [row.note for row in detail.rows] if isinstance(detail, Forest) else None
        data["told"] = {"kind": detail.kind, "frame": alt_text.frame(detail), "notes": notes}
    if isinstance(detail, Curve):
        data["kind"] = "percent" if detail.y_percent else "number"
        data["series"] = [
            line.model_dump(include={"name", "x", "y", "low", "high"}) for line in detail.series
        ]
        if is_moved(detail):
            data["told"] = {"frame": alt_text.frame(detail)}
    return data


def _forest(forest: Forest, axes: Sequence[Axis]) -> dict[str, Any]:
    """Gather what moves in a forest plot beside its rows: the axis and the reference line."""
    distinct = list(dict.fromkeys(axes))
    reference = (forest.by_threshold or {}).get("reference")
    return {
        "axes": [
            {"low": of.low, "high": of.high, "log": of.kind == "ratio", "ticks": of.ticks}
            for of in distinct
        ],
        "axis_at": [distinct.index(axis) for axis in axes[1:]],
        "limit": forest.limit,
        "reference": None
        if forest.reference is None
        else {
            "moved": reference,
            "audited": forest.reference,
            "label": forest.reference_label or TEXT["reference"],
            "n": numbers.count(forest.reference_n or 0),
        },
    }
