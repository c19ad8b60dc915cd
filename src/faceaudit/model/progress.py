"""Progress on standard error: bars for people at a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bars(enabled: bool) -> Progress:
    """Return rich progress bars, a context manager; its ``console`` prints where there are none."""
    console = Console(stderr=True, quiet=not enabled, soft_wrap=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not (enabled and console.is_terminal),
    )
