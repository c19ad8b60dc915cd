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
from faceaudit.figures.curve import LEFT, MOST_LINES, WIDTH, curve
from faceaudit.figures.forest import forest, slopes
from faceaudit.figures.interactive import interactive
from faceaudit.figures.scatter import scatter
from faceaudit.figures.shares import BARS, distribution, heatmap
from faceaudit.report import alt_text
from faceaudit.result import Curve, Detail, Distribution, Forest, Heatmap, Scatter, Slopes

__all__ = ["MOST_LINES", "Drawn", "interactive", "marker_place", "svg"]

Drawn = Forest | Slopes | Curve | Distribution | Heatmap | Scatter


def svg(
    detail: Drawn, *, axis: Axis | None = None, few: int | None = None, alone: bool = True
) -> str:
    """Draw a detail as SVG: as wide as its place, with texts of fixed size.

    Parameters
    ----------
    detail : Forest, Slopes, Curve, Distribution, Heatmap or Scatter
    axis : Axis, optional
        Of a forest plot that shares its axis with others, see `forest_axes`.
    few : int, optional
        Rows of a forest plot or of slopes that are shown before it is unfolded.
    alone : bool
        True for a file: with its title and its own styles, on white. False for a page that has
        `faceaudit.figures.drawing.style` and its own title.
    """
    match detail:
        case Forest():
            sheet = forest(detail, axis or forest_axes([detail])[0], few)
        case Slopes():
            sheet = slopes(detail, few)
        case Curve():
            sheet = curve(detail)
        case Distribution():
            sheet = distribution(detail)
        case Heatmap():
            sheet = heatmap(detail)
        case Scatter():
            sheet = scatter(detail)
    return sheet.svg(detail.title, alt_text.of(detail), alone=alone)


def marker_place(detail: Detail) -> tuple[int, int] | None:
    """Return where an axis of thresholds from 0 to 1 lies whose marker moves: left and width."""
    match detail:
        case Curve(x_is_threshold=True) if detail.marker is not None:
            return LEFT, WIDTH
        case Distribution(edges=[0, *_, 1]) if detail.marker is not None:
            return BARS
        case _:
            return None
