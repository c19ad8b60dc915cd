"""The same figures with plotly, to be explored in notebooks and in the web application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faceaudit.report import alt_text
from faceaudit.report.numbers import cell, count, with_interval
from faceaudit.report.text import TEXT
from faceaudit.result import Curve, Distribution, Forest, Heatmap, Scatter, Slopes
from faceaudit.wording import tag_title

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Okabe and Ito's palette, safe for the colour-blind, darkened where it meets white.
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#007f5f",
    "#b0588c",
    "#9a6a00",
    "#2f8fc4",
    "#4d4d4d",
    "#7a5195",
)
_SOFT, _LIMIT = "#535b66", "#ad3200"
_FORMATS = {"percent": ".1%", "points": "+.1%"}


def interactive(detail: Forest | Slopes | Curve | Distribution | Heatmap | Scatter) -> Figure:
    """Return a detail as a plotly figure; plotly comes with the extras ``notebook`` and ``web``.

    The points of forests and slopes have the group's name as ``customdata``.
    """
    from plotly.graph_objects import Figure

    match detail:
        case Forest():
            figure = _forest(detail)
        case Slopes():
            figure = _slopes(detail)
        case Curve():
            figure = _curve(detail)
        case Distribution():
            figure = _distribution(detail)
        case Heatmap():
            figure = _heatmap(detail)
        case Scatter():
            figure = _scatter(detail)
    drawn: Figure = Figure(figure)
    drawn.update_layout(
        title={"text": plain(detail.title)},
        template="plotly_white",
        colorway=COLOURS,
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
    )
    return drawn


def plain(text: str) -> str:
    """Escape a text for plotly, which reads a subset of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _points(
    rows: list[tuple[str, int, float, float | None, float | None, str]], kind: str
) -> dict[str, Any]:
    """Lay out values with intervals: of each group its n, value, ends and what else is told."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value for _, _, value, *_ in rows],
        # Groups of the same words stay rows of their own.
        "y": [plain(group) for group, *_ in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [0.0 if high is None else high - x for _, _, x, _, high, _ in rows],
            "arrayminus": [0.0 if low is None else x - low for _, _, x, low, _, _ in rows],
        },
        "customdata": [group for group, *_ in rows],
        "hovertext": [
            f"{plain(group)}<br>{with_interval(x, low, high, kind)}<br>{plain(told)}"
            for group, _, x, low, high, told in rows
        ],
        "hoverinfo": "text",
        "marker": {"size": 10},
    }


def _of(events: int | None, n: int) -> str:
    if events is None:
        return f"{TEXT['n']} {count(n)}"
    return TEXT["of"].format(events=count(events), n=count(n))


def _forest(detail: Forest) -> dict[str, Any]:
    rows = [
        (row.group, row.n, row.value, row.low, row.high, _of(row.events, row.n))
        for row in detail.rows
        if row.value is not None
    ]
    trace = _points(rows, detail.scale)
    small = [bool(row.note) for row in detail.rows if row.value is not None]
    trace["marker"]["symbol"] = ["circle-open" if note else "circle" for note in small]
    lines = (detail.reference, _SOFT, "dash"), (detail.limit, _LIMIT, "solid")
    axis = {
        "title": {"text": plain(detail.measure)},
        "type": "log" if detail.scale == "ratio" else "linear",
        "tickformat": _FORMATS.get(detail.scale),
    }
    return {
        "data": [trace],
        "layout": {
            "xaxis": axis,
            "yaxis": _groups(detail.attribute),
            "shapes": [_upright(x, colour, dash) for x, colour, dash in lines if x is not None],
        },
    }


def _groups(attribute: str) -> dict[str, Any]:
    title = {"text": plain(tag_title(attribute))}
    return {"title": title, "type": "category", "autorange": "reversed", "automargin": True}


def _upright(x: float, colour: str, dash: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1.5, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _slopes(detail: Slopes) -> dict[str, Any]:
    rows = []
    for row in detail.rows:
        if row.difference is not None:
            both = f"{cell(row.first, 'percent')} → {cell(row.second, 'percent')}"
            told = f"{both}, {_of(None, row.n)}"
            rows.append((row.group, row.n, row.difference, row.low, row.high, told))
    title = f"{detail.measure}: {detail.second_name} − {detail.first_name}"
    return {
        "data": [_points(rows, "points")],
        "layout": {
            "xaxis": {"title": {"text": plain(title)}, "tickformat": "+.1%"},
            "yaxis": _groups(detail.attribute),
            "shapes": [_upright(0.0, _SOFT, "dash")],
        },
    }


def _curve(detail: Curve) -> dict[str, Any]:
    bands, lines = [], []
    for i, line in enumerate(detail.series):
        colour = COLOURS[i % len(COLOURS)]
        common = {"type": "scatter", "x": line.x, "name": plain(line.name)}
        if line.low and line.high:
            edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
            bands.append({**common, **edge, "y": line.low})
            bands.append(
                {**common, **edge, "y": line.high, "fill": "tonexty", "fillcolor": f"{colour}26"}
            )
        mode = "lines+markers" if len(line.x) <= 20 else "lines"
        lines.append({**common, "y": line.y, "mode": mode, "line": {"color": colour}})
    shapes = [] if detail.marker is None else [_upright(detail.marker, _SOFT, "dot")]
    if detail.diagonal:
        ends = {"x0": 0, "y0": 0, "x1": 1, "y1": 1}
        shapes.append({"type": "line", **ends, "line": {"color": _SOFT, "dash": "dot"}})
    y_axis: dict[str, Any] = {"title": {"text": plain(detail.y_title)}}
    if detail.y_percent:
        y_axis |= {"tickformat": ".0%", "hoverformat": ".1%", "rangemode": "tozero"}
    return {
        "data": [*bands, *lines],
        "layout": {
            "xaxis": {"title": {"text": plain(detail.x_title)}, "type": detail.x_scale},
            "yaxis": y_axis,
            "shapes": shapes,
            "hovermode": "x unified",
        },
    }


def _distribution(detail: Distribution) -> dict[str, Any]:
    edges = detail.edges
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "line": {"shape": "hv"},
                "name": f"{plain(name)} (n {count(detail.n.get(name, 0))})",
                "x": edges,
                "y": [*shares, shares[-1] if shares else None],
            }
            for name, shares in detail.series.items()
        ],
        "layout": {
            "xaxis": {"title": {"text": plain(detail.x_title)}},
            "yaxis": {"title": {"text": TEXT["share"]}, "tickformat": ".0%"},
            "shapes": [] if detail.marker is None else [_upright(detail.marker, _SOFT, "dot")],
        },
    }


def _heatmap(detail: Heatmap) -> dict[str, Any]:
    told = [
        [
            f"{plain(row)} × {plain(column)}<br>"
            f"{with_interval(detail.values[i][j], detail.low[i][j], detail.high[i][j], 'percent')}"
            f"<br>{_of(None, detail.n[i][j])}"
            for j, column in enumerate(detail.columns)
        ]
        for i, row in enumerate(detail.rows)
    ]
    return {
        "data": [
            {
                "type": "heatmap",
                "z": detail.values,
                "x": [plain(name) for name in detail.columns],
                "y": [plain(name) for name in detail.rows],
                "hovertext": told,
                "hoverinfo": "text",
                "colorscale": "Blues",
                "zmin": 0,
                "colorbar": {"tickformat": ".0%", "title": {"text": plain(detail.measure)}},
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": plain(tag_title(detail.column_title))}, "type": "category"},
            "yaxis": _groups(detail.row_title),
        },
    }


def _scatter(detail: Scatter) -> dict[str, Any]:
    def ends(axis: str) -> dict[str, Any]:
        values, low, high = (
            [getattr(of, axis + end) for of in detail.points] for end in ("", "_low", "_high")
        )
        up = [0.0 if h is None else h - v for v, h in zip(values, high, strict=True)]
        down = [0.0 if b is None else v - b for v, b in zip(values, low, strict=True)]
        return {"type": "data", "symmetric": False, "array": up, "arrayminus": down}

    axis = {"tickformat": ".1%", "rangemode": "tozero"}
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [of.x for of in detail.points],
                "y": [of.y for of in detail.points],
                "error_x": ends("x"),
                "error_y": ends("y"),
                "text": [plain(of.name) for of in detail.points],
                "textposition": "top right",
                "customdata": [of.name for of in detail.points],
                "hovertext": [plain(alt_text.point(of)) for of in detail.points],
                "hoverinfo": "text",
                "marker": {"size": 10},
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": plain(detail.x_title)}, **axis},
            "yaxis": {"title": {"text": plain(detail.y_title)}, **axis},
        },
    }
