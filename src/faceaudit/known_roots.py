"""Where this machine's own `index` found the pictures of each data set.

A scores table may come from anybody, so no path that it brings is followed: a report shows
pictures of what was indexed here, or of folders that its user names. What is kept is one line a
data set and place in a file of the user's own, ``$XDG_STATE_HOME/faceaudit/roots.jsonl``.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path


def remember_root(dataset: str, root: Path) -> None:
    """Note where the pictures of a data set lie; an OSError if this user has no place for it."""
    if root.resolve() in known_roots(dataset):
        return
    path = state_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps([dataset, str(root.resolve())]) + "\n")


def known_roots(dataset: str) -> list[Path]:
    """Return where pictures of a data set were found, the latest place first."""
    roots: list[Path] = []
    with suppress(OSError, UnicodeDecodeError):
        for line in state_file().read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):  # written by halves, long ago
                name, root = json.loads(line)
                if name == dataset:
                    roots.insert(0, Path(root))
    return roots


def state_file() -> Path:
    """Return where it is kept; an OSError if this user has no place for it."""
    stated = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        state = stated if stated.is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise OSError(str(error)) from None
    return state / "faceaudit" / "roots.jsonl"
