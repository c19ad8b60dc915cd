"""The one exception that users meet, and what pydantic refuses as one line of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from faceaudit.limits import MESSAGE_LETTERS
from faceaudit.wording import cut, printable, without_secrets

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    ModelT = TypeVar("ModelT", bound=BaseModel)


class FaceAuditError(Exception):
    """Bad input, said in one line that names the file, the place in it and the remedy.

    The command line prints the message without a traceback and exits with code 2. Whatever it
    quotes, it stays one line of at most `MESSAGE_LETTERS` letters that a terminal can show, without
    what addresses hold of passwords and queries.
    """

    def __init__(self, message: str) -> None:
        one_line = " ".join(line.strip() for line in message.splitlines())
        super().__init__(cut(printable(without_secrets(one_line)), MESSAGE_LETTERS))


def install_line(extra: str = "") -> str:
    """Say what installs an extra. The package is on no index: it is installed from a checkout."""
    named = f"'.[{extra}]'" if extra else "."
    return f"pip install {named} in a checkout of faceaudit"


class MissingExtraError(FaceAuditError):
    """A command needs packages of an extra that is not installed.

    Parameters
    ----------
    command : str
        What the user asked for, as they typed it.
    extra : str
        Name of the extra in ``pyproject.toml``.
    """

    def __init__(self, command: str, extra: str) -> None:
        super().__init__(f"'{command}' needs the extra '{extra}': {install_line(extra)}")


class SourceLostError(FaceAuditError):
    """Where images are read from has gone while they were read, and not one image of it."""


def all_at_once(source: str, *steps: Callable[[], Any]) -> list[Any]:
    """Take steps that do not need each other; what several refuse is one line, `source` said once.

    Returns
    -------
    list
        What each gives.
    """
    given, refused = [], []
    for step in steps:
        try:
            given.append(step())
        except FaceAuditError as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        told = dict.fromkeys(str(error).removeprefix(f"{source}: ") for error in refused)
        raise FaceAuditError(f"{source}: {'; and '.join(told)}".removeprefix(": "))
    return given


def validated(model: type[ModelT], content: object, source: str) -> ModelT:
    """Read what a user gave as a pydantic model; errors are `source` and then as of `describe`."""
    from pydantic import ValidationError

    for key in content if isinstance(content, Mapping) else ():
        if not isinstance(key, str):  # which a model with an `__init__` of its own cannot be given
            raise FaceAuditError(f"{source}{key!r} is no key, being no text; correct it")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise FaceAuditError(f"{source}{describe(error, model)}") from None
    except FaceAuditError as error:  # of a model that says so itself
        raise FaceAuditError(f"{source}{error}") from None


def describe(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Say the first problem of a validation error in one line that points at the key.

    Of a key that is not known, the keys that `model` has there are named.
    """
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    if model is not None and first["type"] == "extra_forbidden":
        here: Any = model
        for name in first["loc"][:-1]:
            here = here.model_fields[name].annotation
        return f"{place}: unknown key; the keys here are {', '.join(here.model_fields)}"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


def no_number(weights: object, name: str) -> str:
    """Say that one of a network's weights is no number."""
    return (
        f"{weights}: '{name}' holds what is no number (NaN or infinite): the training diverged or "
        "the file is damaged; take an earlier checkpoint"
    )


def in_one_line(error: BaseException) -> str:
    """Say an exception's kind and message in one line."""
    from pydantic import ValidationError

    told = describe(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
    return f"{type(error).__name__}: {told}".removesuffix(": ")
