"""Distributions of scores, and heat maps."""

from __future__ import annotations

import math
from itertools import pairwise

from faceaudit.figures.axes import linear_axis
from faceaudit.figures.drawing import (
    HEAD,
    Place,
    Sheet,
    element,
    label,
    rows,
    text,
    upright,
    words,
)
from faceaudit.report import alt_text
from faceaudit.report.numbers import cell, count, interval, percent
from faceaudit.report.text import TEXT
from faceaudit.result import Distribution, Heatmap
from faceaudit.wording import tag_title

#: Where the bars lie, in percent: from the left, and how wide.
BARS = (36, 62)
#: Heights in pixels: of a row of bars, wide and narrow; of the head and a row of a heat map.
_ROW, _NARROW_ROW, _TOP, _CELL = 46, 70, 56, 42
#: The part of a heat map's width that its rows' names take, in percent.
_NAMES = 20
#: How much of the colour the highest cell has; words on it stay readable.
DARKEST = 0.45


def distribution(detail: Distribution) -> Sheet:
    """Draw the shares of each group as bars, on a square-root scale.

    Scores pile up at 0 and 1, and the rare ones between are the point.
    """
    most = max((s for shares in detail.series.values() for s in shares), default=0.0) or 1.0
    place = Place("bars", linear_axis(detail.edges, "number", from_zero=False), *BARS)
    lines = [] if detail.marker is None else [upright(place.at(detail.marker), HEAD - 2, "marker")]
    head = [
        text(TEXT["group"], y=34, class_="wide"),
        text(TEXT["n"], x="33%", y=34, class_="wide end"),
        text(detail.x_title, most=60, x=place.percent(0), y=12, class_="measure bars-title"),
        place.grid(HEAD - 2),
    ]
    each = []
    for name, shares in detail.series.items():
        d = ""
        for share, (low, high) in zip(
            shares, pairwise(map(place.axis.place, detail.edges)), strict=True
        ):
            height = 1000 * math.sqrt(max(share, 0.0) / most)
            d += (
                f"M{10 * low + 1:.0f} 1000v{-height:.0f}H{10 * high - 1:.0f}V1000z" if share else ""
            )
        plot = element(
            "svg",
            element("path", d=d, class_="bar"),
            element("path", d="M0 1000h1000", class_="base"),
            x=place.percent(0),
            y=4,
            width=f"{place.width}%",
            height=38,
            viewBox="0 0 1000 1000",
            preserveAspectRatio="none",
        )
        told = element("title", words(alt_text.bars(detail, name)))
        n = text(count(detail.n.get(name, 0)), x="33%", y=18, class_="n")
        each.append(("", label(name, None) + n + element("g", told, plot, class_="bars")))
    items = [("scale", "", TEXT["shares_scale"])]
    if lines:
        mark = element("line", x1=8, x2=8, y1=2, y2=18)
        items.insert(0, ("marker", mark, alt_text.marker(detail)))
    head.append(element("g", *lines, class_="bars lines"))
    return rows("distribution", items, head, each, _ROW, _NARROW_ROW)


def heatmap(detail: Heatmap) -> Sheet:
    """Draw a cell for each pair of groups, the more of the colour the higher its value."""
    most = max((v for row in detail.values for v in row if v is not None), default=0.0)
    width = (100 - _NAMES) / max(len(detail.columns), 1)
    letters = max(6, round(110 / max(len(detail.columns), 1)))
    by = f"{tag_title(detail.row_title)} × {tag_title(detail.column_title)}"
    parts = [
        text(by, most=26, y=46, class_="wide"),
        *(
            text(name, most=letters, x=_middle(j, width), y=46, class_="column soft")
            for j, name in enumerate(detail.columns)
        ),
        legend(most),
    ]
    for i, name in enumerate(detail.rows):
        cells = [
            _cell(detail, i, j, most, x=f"{_NAMES + width * j:.4g}%", width=f"{width:.4g}%")
            + "".join(
                text(said, x=_middle(j, width), y=y, class_=class_)
                for said, y, class_ in _said(detail, i, j)
            )
            for j in range(len(detail.columns))
        ]
        row = text(name, most=20, y=25, class_="lab")
        place = f"translate(0 {_TOP + _CELL * i})"
        parts.append(element("g", row, *cells, class_="cells", transform=place))
    height = _TOP + _CELL * len(detail.rows)
    return Sheet("heatmap", parts, height, height)


def _middle(j: int, width: float) -> str:
    return f"{_NAMES + width * (j + 0.5):.4g}%"


def _said(detail: Heatmap, i: int, j: int) -> list[tuple[str, int, str]]:
    value = detail.values[i][j]
    ends = interval(detail.low[i][j], detail.high[i][j], "percent")
    if value is None:
        return [(cell(None, ""), 18, "value soft"), (f"n {count(detail.n[i][j])}", 33, "ends soft")]
    return [(percent(value), 18, "value b"), (ends, 33, "ends")]


def _cell(detail: Heatmap, i: int, j: int, most: float, **place: object) -> str:
    value, n = detail.values[i][j], count(detail.n[i][j])
    told = f"{detail.rows[i]} × {detail.columns[j]}: n {n}"
    title = element("title", words(told))
    if value is None:
        return element("rect", title, **place, height=_CELL, class_="cell none")
    share = round(DARKEST * value / most, 3) if most else 0
    return element("rect", title, **place, height=_CELL, fill_opacity=share, class_="cell")


def legend(most: float) -> str:
    """Draw which colour stands for which value."""
    steps = [
        element("rect", x=36 + 18 * k, y=3, width=18, height=14, fill_opacity=DARKEST * k / 4)
        for k in range(5)
    ]
    first, last = text(percent(0.0), x=32, y=14, class_="end"), text(percent(most), x=132, y=14)
    return element("g", first, *steps, last, class_="item legend")
