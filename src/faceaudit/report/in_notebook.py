"""What a notebook shows of a result: its first screen, or one figure, with styles of its own.

The styles are those of the page, nested in one class, so that nothing else in a notebook changes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from faceaudit.figures import Drawn
from faceaudit.figures.drawing import style as figures_style
from faceaudit.report.html import environment, limit_unsaid, static
from faceaudit.report.text import TEXT
from faceaudit.report.visible import first_rows, large_groups_first
from faceaudit.result import Forest, Result, Slopes

if TYPE_CHECKING:
    from faceaudit.result import Detail

#: How notebooks say that they are dark or light: Jupyter, VS Code, Colab, pages made from them.
_DARK = ':is([data-jp-theme-light="false"], .vscode-dark, [data-theme="dark"], [theme="dark"])'
_LIGHT = _DARK.replace("dark", "light").replace("false", "true")


def first_screen(result: Result) -> str:
    """Return the first screen of the report as HTML for an output cell."""
    result = large_groups_first(result)
    figure = result.first_figure
    return _render(result=result, figure=_shortened(figure), limit_unsaid=limit_unsaid(result))


def _shortened(figure: Detail | None) -> Detail | None:
    """Leave out the rows that the page folds: here nothing would unfold them."""
    if not isinstance(figure, Forest | Slopes):
        return figure if isinstance(figure, Drawn) else None
    most, n = first_rows(figure), len(figure.rows)
    notes = [TEXT["groups_shown"].format(shown=most, all=n) if n > most else None, figure.note]
    shown = {"rows": figure.rows[:most], "note": " ".join(filter(None, notes)) or None}
    return figure.model_copy(update=shown)


def figure(detail: Drawn) -> str:
    """Return a figure of the report as HTML for an output cell."""
    return _render(result=None, figure=detail)


def _render(**of: object) -> str:
    from markupsafe import Markup

    return environment().get_template("notebook.html.j2").render(style=Markup(_style()), **of)


@cache
def _style() -> str:
    light, dark = re.findall(r"\{\s+(color-scheme[^}]*)\}", static("colours.css"))
    # The width that counts is the cell's.
    nested = re.sub(
        r"@media (screen and )?\((max-width: 4\dr?em)\)",
        r"@container (\2)",
        static("answer.css") + figures_style() + static("notebook.css"),
    )
    return static("marks.css") + (
        f".faceaudit {{ {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) "
        f"{{ :root:not({_LIGHT}, :has(> {_LIGHT})) .faceaudit {{ {dark} }} }}\n"
        f"{_DARK} .faceaudit {{ {dark} }}\n"
        f".faceaudit {{\n{nested}}}\n"
    )
