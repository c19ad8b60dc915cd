"""Progress on standard error: bars for people at a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from faceaudit.wording import duration

#: Seconds between two lines where there is no terminal.
EVERY = 30.0


def progress_bars(enabled: bool) -> Progress:
    """Return progress bars, a context manager; its ``console`` prints where there are none."""
    console = Console(stderr=True, quiet=not enabled, soft_wrap=True)
    kind = Progress if console.is_terminal else _Lines
    return kind(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not (enabled and console.is_terminal),
    )


class _Lines(Progress):
    """Says now and then how far it is, and how long the rest will take."""

    _last: float | None = None

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._say(task_id)

    def update(self, task_id: TaskID, **fields: Any) -> None:
        super().update(task_id, **fields)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        now = self.get_time()
        if self._last is None:
            self._last = now
        task = self._tasks[task_id]
        if now - self._last < EVERY or not task.total or task.finished:
            return
        self._last, left = now, task.time_remaining
        more = "" if left is None else f", about {duration(left)} left"
        done = f"{task.completed:,.0f} of {task.total:,.0f}"
        self.console.print(f"{task.description}: {done}{more}", highlight=False)
