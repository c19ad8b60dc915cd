"""What the terminal shows: compact tables, in colour where there is colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from faceaudit.gate import Outcome
    from faceaudit.result import Result, Status

# The words carry the meaning; colour only helps to find them.
_STYLES: dict[str, str] = {
    "pass": "green",
    "fail": "bold red",
    "insufficient-evidence": "yellow",
    "not-estimable": "dim",
    "info": "cyan",
}


def _console() -> Console:
    console = Console(highlight=False)
    # A pipe has no width: one finding a line is easier to search than lines folded at 80.
    return console if console.is_terminal else Console(highlight=False, width=200)


def _styled(status: Status) -> str:
    return f"[{_STYLES[status]}]{status}[/]"


def print_result(result: Result) -> None:
    """Print the verdict and a table of the checks with their findings."""
    console = _console()
    console.print(f"[bold]{escape(result.title)}[/]  {_styled(result.status)}")
    console.print(escape(result.verdict))
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("status", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("what was found")
    for check in result.checks:
        table.add_row(_styled(check.status), escape(check.id), escape(check.sentence))
    console.print(table)
    for note in result.limitations:
        console.print(f"[dim]note:[/] {escape(note)}")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print one line for every verdict that the gate looked at."""
    console = _console()
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("status", no_wrap=True)
    table.add_column("before", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("why")
    for outcome in outcomes:
        before = _styled(outcome.baseline) if outcome.baseline else "–"
        table.add_row(
            _styled(outcome.status), before, escape(outcome.check), escape(outcome.sentence)
        )
    console.print(table if outcomes else "no check gave a verdict: the evidence is insufficient")
