"""Mitigation of errors after training: one file a method, from scores to scores.

A module of this folder that defines ``METHOD`` is a method. It is fitted on one part of the
images and applied to another: where it was fitted, it looks better than it is.
"""

from __future__ import annotations

from functools import cache

from faceaudit.mitigation.base import Given, Method
from faceaudit.plugins import offers

__all__ = ["Given", "Method", "all_methods"]


@cache
def all_methods() -> dict[str, type[Method]]:
    """Return every method by id: those of this folder, then those of installed packages."""
    return offers("mitigation", "METHOD", "id")
