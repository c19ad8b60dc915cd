"""Published data sets: layout in, manifest rows out."""

from faceaudit.datasets.base import all_datasets, get_dataset
from faceaudit.datasets.indexing import IndexReport, index

__all__ = ["IndexReport", "all_datasets", "get_dataset", "index"]
