"""Checks: one file a question. A module of this folder that defines ``CHECK`` is a check."""

from __future__ import annotations

from functools import cache

from faceaudit.checks.base import AuditInput, Check, Options, Product
from faceaudit.plugins import offers

__all__ = ["AuditInput", "Check", "Options", "Product", "all_checks"]


@cache
def all_checks() -> dict[str, Check]:
    """Return every check by id: those of this folder, then those of installed packages."""
    return offers("checks", "CHECK", "id")
