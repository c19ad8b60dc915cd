"""The figures of a result, drawn once: as SVG for reports and files, with plotly to explore.

>>> from faceaudit.figures import svg
>>> from faceaudit.result import Estimate, Forest
>>> rows = [Estimate(group="a", n=100, events=5, value=0.05, low=0.02, high=0.11)]
>>> drawing = svg(Forest(title="FPR by race", measure="FPR", attribute="race", rows=rows))
>>> drawing[:5], "5 of 100" in drawing
('<svg ', True)
"""

from __future__ import annotations

from faceaudit.figures.axes import Axis, forest_axes
from faceaudit.figures.curve import curve
from faceaudit.figures.forest import forest, slopes
from faceaudit.figures.interactive import interactive
from faceaudit.figures.shares import distribution, heatmap
from faceaudit.report import alt_text
from faceaudit.result import Curve, Distribution, Forest, Heatmap, Slopes

__all__ = ["Drawn", "interactive", "svg"]

Drawn = Forest | Slopes | Curve | Distribution | Heatmap


def svg(detail: Drawn, *, axis: Axis | None = None, alone: bool = True) -> str:
    """Draw a detail as SVG: as wide as its place, with texts of fixed size.

    Parameters
    ----------
    detail : Forest, Slopes, Curve, Distribution or Heatmap
    axis : Axis, optional
        Of a forest plot that shares its axis with others, see `forest_axes`.
    alone : bool
        True for a file: with its title and its own styles, on white. False for a page that has
        `faceaudit.figures.drawing.style` and its own title.
    """
    match detail:
        case Forest():
            sheet = forest(detail, axis or forest_axes([detail])[0])
        case Slopes():
            sheet = slopes(detail)
        case Curve():
            sheet = curve(detail)
        case Distribution():
            sheet = distribution(detail)
        case Heatmap():
            sheet = heatmap(detail)
    return sheet.svg(detail.title, alt_text.of(detail), alone=alone)
