"""The one exception that users meet."""

from __future__ import annotations


class FaceAuditError(Exception):
    """Bad input, said in one line that names the file, the place in it and the remedy.

    The command line prints the message without a traceback and exits with code 2.
    """


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
        super().__init__(f"'{command}' needs the extra '{extra}': pip install 'faceaudit[{extra}]'")
