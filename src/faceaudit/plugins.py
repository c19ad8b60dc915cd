"""Plug-ins: what other installed packages add, through their entry points."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any, Literal

from faceaudit.errors import FaceAuditError


def plugins(door: Literal["checks", "datasets", "tags", "detectors", "reports"]) -> Iterator[Any]:
    """Load what installed packages offer under the entry point ``faceaudit.<door>``.

    Raises
    ------
    FaceAuditError
        If one cannot be loaded.
    """
    for entry in entry_points(group=f"faceaudit.{door}"):
        try:
            yield entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else "a package"
            raise FaceAuditError(
                f"the plug-in '{entry.name}' of {package} ({entry.value}) cannot be loaded: "
                f"{error}; mend or uninstall it"
            ) from error
