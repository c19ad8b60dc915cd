"""Shared fixtures: where the real tagged faces are, if they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _real_data_folder() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("FACEAUDIT_DATA", default))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real tagged faces laid out as data/README.md says; skips without it."""
    folder = _real_data_folder()
    if not (folder / "utkface").is_dir():
        pytest.skip(f"no tagged faces at {folder}: set FACEAUDIT_DATA (see data/README.md)")
    return folder
