"""Index a planted tree and read back what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faceaudit.datasets import IndexReport, index
from faceaudit.datasets.rejects import LedgerEntry
from faceaudit.schema import stated_columns
from tests.datasets.planted import read_ledger


class Indexed:
    """An index run, read back."""

    def __init__(self, report: IndexReport) -> None:
        self.report = report
        self.manifest = report.read()
        self.ledger = read_ledger(report.ledger)
        self.rows = {row["image"]: row for row in self.manifest.table.to_pylist()}

    def tags(self, image: str) -> dict[str, object]:
        return {tag: self.rows[image][tag] for tag in stated_columns(self.manifest.table)}

    def outcomes(self, outcome: str) -> list[LedgerEntry]:
        return [entry for entry in self.ledger if entry.outcome == outcome]

    @property
    def rejected(self) -> dict[str, tuple[str, str]]:
        return {entry.file: (entry.reason, entry.remedy) for entry in self.outcomes("rejected")}


@pytest.fixture
def indexed(tmp_path: Path) -> Callable[..., Indexed]:
    """Index a root and read manifest and ledger back; holds that nothing got lost."""
    out = tmp_path / "out" / "manifest.parquet"

    def run(dataset: str, root: Path, **options: object) -> Indexed:
        result = Indexed(index(dataset, root, out, **options))  # type: ignore[arg-type]
        report, info = result.report, result.manifest.info.datasets[result.report.dataset]
        assert report.indexed + report.rejected == report.found
        assert report.indexed == len(result.rows) == info.indexed == sum(report.labels.values())
        assert report.rejected == len(result.outcomes("rejected")) == info.rejected
        assert info.root == str(root.resolve())
        assert set(result.manifest.info.tag_sources) == set(stated_columns(result.manifest.table))
        return result

    return run
