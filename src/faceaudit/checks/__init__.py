"""Checks: one file a question. A module of this folder that defines ``CHECK`` is a check."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from faceaudit.checks.base import AuditInput, Check, Options, Product
from faceaudit.errors import FaceAuditError
from faceaudit.plugins import plugins

__all__ = ["AuditInput", "Check", "Options", "Product", "all_checks"]


@cache
def all_checks() -> dict[str, Check]:
    """Return every check by id: those of this folder, then those of installed packages."""
    modules = [
        importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)
    ]
    own = [module.CHECK for module in modules if hasattr(module, "CHECK")]
    checks: dict[str, Check] = {}
    for check in (*own, *plugins("checks")):
        if check.id in checks:
            raise FaceAuditError(f"two checks are called '{check.id}'; uninstall one's package")
        checks[check.id] = check
    return checks
