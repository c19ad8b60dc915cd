"""Reports: a result drawn for people and for machines. They draw, they never compute.

Every output format is one module with a ``REPORT``; see `faceaudit.report.base`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from faceaudit.errors import FaceAuditError
from faceaudit.plugins import plugins
from faceaudit.report.base import ReportFormat


@cache
def all_formats() -> dict[str, ReportFormat]:
    """Return every output format by name: those of this folder and of installed packages."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    ours = [module.REPORT for module in modules if hasattr(module, "REPORT")]
    formats: dict[str, ReportFormat] = {}
    for one in (*ours, *plugins("reports")):
        if one.name in formats:
            raise FaceAuditError(
                f"two output formats are called '{one.name}'; uninstall one's package"
            )
        formats[one.name] = one
    return formats


def get_format(name: str) -> ReportFormat:
    """Return the output format called `name`.

    Raises
    ------
    FaceAuditError
        If there is none of that name; says which there are.
    """
    known = all_formats()
    if name not in known:
        raise FaceAuditError(f"no output format '{name}'; there are {', '.join(sorted(known))}")
    return known[name]
