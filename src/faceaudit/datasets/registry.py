"""Which data sets there are: every module of this folder that defines ``DATASET``."""

from __future__ import annotations

import importlib
import pkgutil
from difflib import get_close_matches
from functools import cache

import faceaudit.datasets
from faceaudit.datasets.base import Dataset
from faceaudit.errors import FaceAuditError


@cache
def all_datasets() -> dict[str, Dataset]:
    """Return every known data set by id."""
    found = {}
    for module in pkgutil.iter_modules(faceaudit.datasets.__path__):
        loaded = importlib.import_module(f"faceaudit.datasets.{module.name}")
        dataset = getattr(loaded, "DATASET", None)
        if dataset is not None:
            found[dataset.id] = dataset
    return dict(sorted(found.items()))


def get_dataset(name: str) -> Dataset:
    """Return the data set called `name`.

    Raises
    ------
    FaceAuditError
        If there is none of that name; says which there are.
    """
    known = all_datasets()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise FaceAuditError(f"no data set '{name}': {hint}there are {', '.join(known)}")
    return known[name]
