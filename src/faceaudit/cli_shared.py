"""What all commands share: however one ends, it is said in one line; examples in the help."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from faceaudit.errors import FaceAuditError, in_one_line

#: Exit code of a fault of ours: 1 means to `gate` that a check fails. As in BSD's sysexits.h.
FAULT = 70


class _Path(click.Path):
    """A path; an empty one, as of a variable that is not set, would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it as a `Path`."""
        if value == "":
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)

#: Options that are on or off, and options that may be given more than once.
flag = partial(click.option, is_flag=True)
many = partial(click.option, multiple=True)

#: What click raises, newer versions of it, for a group that is called without a command.
_IS_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

#: What an `OSError` says if a name that was given leads to nothing that can be opened.
_OF_NAMES = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO}

#: Signals that stop a command as Ctrl-C does; Windows has not the second.
_STOPS = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Refusal(click.ClickException):
    """What cannot be asked for so, in one line and without the usage, which may be long."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print it as any other refusal."""
        click.echo(f"faceaudit: {self.message}", err=True)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except _IS_HELP:
        raise
    except click.ClickException as error:
        said = error.format_message().removesuffix(".")
        if isinstance(error, click.UsageError) and error.ctx is not None:
            said += " " if said.endswith("?") else "; "
            said += f"'{error.ctx.command_path} --help' says what can be given"
        raise _Refusal(str(FaceAuditError(said))) from None


class ErrorGroup(click.Group):
    """Says in one line how a command ended, and by its exit code; lists commands in working order.

    2: what is asked for cannot be done (`FaceAuditError`) or said; 70: a fault of ours; 130, 143
    and 129: it was stopped, by Ctrl-C, by SIGTERM or as its terminal was closed; 141: nobody reads
    on. With ``--debug`` the traceback comes first.
    """

    def make_context(self, *given: Any, **options: Any) -> click.Context:
        """Read what is said before the command."""
        with _in_one_line():
            return super().make_context(*given, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with _stopped() as stopped, _in_one_line():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except FaceAuditError as error:
            _end(ctx, str(error), 2)
        except KeyboardInterrupt as stop:
            number = next(iter(stopped), signal.SIGINT)
            _end(ctx, ": ".join(("stopped", *map(str, stop.args))), 128 + number)
        except BrokenPipeError:
            # What is still to be printed would raise this again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(128 + 13)
        except Exception as error:
            if stopped:  # a progress bar cannot be drawn any more on a terminal that was closed
                _end(ctx, "stopped", 128 + stopped[0])
            if isinstance(error, OSError) and error.errno in _OF_NAMES and error.filename:
                _end(ctx, f"{error.filename}: cannot be opened ({error.strerror})", 2)
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            remedy = "please report it, with what 'faceaudit --debug' and the rest of it prints"
            _end(ctx, f"{in_one_line(error)} ({where}), a fault of faceaudit: {remedy}", FAULT)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which they are defined, that is, of the work."""
        return list(self.commands)


def _end(ctx: click.Context, said: str, code: int) -> NoReturn:
    if ctx.find_root().params.get("debug"):
        traceback.print_exc()
    with suppress(OSError):  # nobody is there to read it, as where the terminal was closed
        click.echo(f"faceaudit: {FaceAuditError(said)}", err=True)
    ctx.exit(code)


@contextmanager
def _stopped() -> Iterator[list[int]]:
    """Have `_STOPS` raise `KeyboardInterrupt`, so that what was begun is cleaned up; say which did.

    Nothing is changed in a thread, where no signal arrives, and none that is ignored, as by nohup.
    """
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        if number != signal.SIGTERM:  # of which a server has a handler of its own
            signal.raise_signal(signal.SIGTERM)
        elif stopped.count(number) == 1:  # told again, what is cleaned up is not to break off
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        heeded = [of for of in _STOPS if signal.getsignal(of) != signal.SIG_IGN]
        before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
