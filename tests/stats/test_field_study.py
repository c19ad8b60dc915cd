"""A reduced run of the field study: every promise that its rows make."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import field

TRIALS = 12
SEED = 7
STUDIES = sorted(module.name for module in pkgutil.iter_modules(field.__path__))


@pytest.mark.parametrize("name", STUDIES)
def test_every_row_of_the_study_is_met(name: str) -> None:
    rows = importlib.import_module(f"field.{name}").study(TRIALS, SEED)
    assert rows
    assert [row for row in rows if not row.met] == []
