"""What all commands share: errors in one line, examples in the help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from faceaudit.errors import FaceAuditError

PATH = click.Path(path_type=Path)


class ErrorGroup(click.Group):
    """Prints `FaceAuditError` as one line and exits with 2; lists commands in working order."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that users can mend need no traceback."""
        try:
            return super().invoke(ctx)
        except FaceAuditError as error:
            click.echo(f"faceaudit: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("faceaudit: stopped", err=True)
            ctx.exit(130)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which they are defined, that is, of the work."""
        return list(self.commands)


def example(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Append an example to a command's help, set off as it is."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = f"{function.__doc__}\n\n    \b\n    Example:\n      {text}\n"
        return function

    return decorate
