"""Shared fixtures: where the real tagged faces are, if they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Threads of the numerical libraries wait for each other by spinning: on networks and arrays as
# small as those of the tests that is most of their processor time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


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


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what `index` notes out of the user's own state."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
