"""What all commands share: errors in one line, examples in the help."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from faceaudit.errors import FaceAuditError

PATH = click.Path(path_type=Path)

#: Options that are on or off, and options that may be given more than once.
flag = partial(click.option, is_flag=True)
many = partial(click.option, multiple=True)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class ErrorGroup(click.Group):
    """Prints `FaceAuditError` as one line and exits with 2; lists commands in working order."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that users can mend need no traceback."""
        try:
            return super().invoke(ctx)
        except FaceAuditError as error:
            click.echo(f"faceaudit: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt as stop:
            click.echo(f"faceaudit: {': '.join(('stopped', *map(str, stop.args)))}", err=True)
            ctx.exit(130)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which they are defined, that is, of the work."""
        return list(self.commands)


def with_options(*options: Decorator) -> Decorator:
    """Give a command several options at once, listed in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def example(*lines: str) -> Decorator:
    """Append examples to a command's help, set off as they are."""
    title = "Example" if len(lines) == 1 else "Examples"
    text = "\n      ".join(lines)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = f"{function.__doc__}\n\n    \b\n    {title}:\n      {text}\n"
        return function

    return decorate


AS_JSON = flag("--json", "as_json", help="Print as JSON, for scripts.")
#: How a result is printed, for all that make one.
PRINTING = with_options(
    flag("-v", "--verbose", help="Print every check with all that it found."), AS_JSON
)
#: How to train, for 'train' and for studies.
RECIPE = with_options(
    click.option(
        "--arch", default="tf_efficientnet_lite0", help="A timm or torchvision architecture."
    ),
    click.option(
        "--weights", default="auto", help="Start from 'auto' (ImageNet), 'none', or a file."
    ),
    click.option(
        "--size", default=128, type=click.IntRange(16), help="Side of the network's input, pixels."
    ),
    click.option(
        "--batch-size", default=64, type=click.IntRange(2), help="Pictures in one step of training."
    ),
)
EPOCHS = click.option(
    "--epochs", default=4, type=click.IntRange(1), help="Times that every picture is seen."
)
