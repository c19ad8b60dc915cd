"""What the shell completes beside options and files: the names that a command knows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from faceaudit.errors import FaceAuditError
from faceaudit.packaged import bundled_models, ready_specs


def specs(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete ready specifications and YAML files."""
    folder = begun[: begun.rfind("/") + 1]
    files = [path for kind in ("yaml", "yml") for path in Path(folder or ".").glob(f"*.{kind}")]
    return _named([*ready_specs(), *sorted(f"{folder}{path.name}" for path in files)], begun)


def models(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete bundled models."""
    return _named((f"bundled:{name}" for name in ("default", *bundled_models())), begun)


def datasets(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete data sets; where a plug-in is broken, none."""
    from faceaudit.datasets import all_datasets

    try:
        return _named(all_datasets(), begun)
    except FaceAuditError:
        return []


def _named(names: Iterable[str], begun: str) -> list[CompletionItem]:
    """Offer the names that begin so, or else files."""
    fitting = [CompletionItem(name) for name in names if name.startswith(begun)]
    return fitting or [CompletionItem(begun, type="file")]
