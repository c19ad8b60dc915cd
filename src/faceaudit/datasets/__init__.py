"""Published data sets: layout in, manifest rows out."""

from __future__ import annotations

from typing import Any

__all__ = ["IndexReport", "all_datasets", "get_dataset", "index"]

_HOMES = {
    "IndexReport": "indexing",
    "all_datasets": "base",
    "get_dataset": "base",
    "index": "indexing",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: the parts of this package import each other, and pyarrow is heavy.
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
