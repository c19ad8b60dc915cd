"""What comes with the package, by name: found without loading anything heavy."""

from __future__ import annotations

from pathlib import Path


def ready_specs() -> dict[str, Path]:
    """Return the ready specifications that come with faceaudit, by name."""
    package = Path(__file__).parent
    # In an installed package they lie inside it; in a checkout at the top, for people to find.
    folders = (package / "audits", package.parents[1] / "audits")
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def bundled_models() -> dict[str, Path]:
    """Return the folders of the bundled models, by name."""
    models = (Path(__file__).parent / "bundled" / "models").glob("*/model.json")
    return {path.parent.name: path.parent for path in sorted(models)}
