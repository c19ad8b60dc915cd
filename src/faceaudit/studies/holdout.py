"""The images of a study: which may be trained on, and which are for testing alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.tables import ManifestInfo, read_manifest_into


@dataclass(frozen=True)
class Pool:
    """Images for training and for testing, no image in both.

    Attributes
    ----------
    training, testing : pyarrow.Table
        Rows of manifests.
    info : ManifestInfo
        Of both together.
    """

    training: pa.Table
    testing: pa.Table
    info: ManifestInfo


def read_pool(
    manifests: Sequence[Path | str], tests: Sequence[Path | str] = (), hold_out: float = 0.3
) -> Pool:
    """Read manifests and keep a share of each for testing.

    Parameters
    ----------
    manifests : sequence of path
        Tables that `faceaudit index` wrote.
    tests : sequence of path
        Tables whose images are for testing alone.
    hold_out : float
        Share of `manifests` that is never trained on, the same in every run and every study:
        it is chosen by the hash of the file (or of the person, where a tag says who it is).

    Raises
    ------
    FaceAuditError
        If a manifest cannot be read, or nothing is left for training or for testing.
    """
    info = ManifestInfo()
    given = [read_manifest_into(info, path) for path in manifests]
    for_tests = [read_manifest_into(info, path) for path in tests]
    if not given:
        raise FaceAuditError("a study needs a manifest to train on")
    table = pa.concat_tables(given, promote_options="permissive")
    kept_out = _held_out(table, hold_out)
    training = table.filter(pa.array(~kept_out))
    testing = pa.concat_tables(
        [table.filter(pa.array(kept_out)), *for_tests], promote_options="permissive"
    )
    testing = testing.filter(pa.array(~_among(testing, training)))
    if len(training) == 0 or len(testing) == 0:
        missing = "training" if len(training) == 0 else "testing"
        raise FaceAuditError(
            f"no image is left for {missing}: give more manifests or another share to hold out"
        )
    return Pool(training, testing, info)


def _held_out(table: pa.Table, share: float) -> np.ndarray:
    """Choose rows by a hash, so that copies and pictures of one person stay together."""
    units = table["image"]
    for column in ("sha256", "person"):
        if column in table.column_names:
            units = pc.coalesce(table[column].cast(pa.string()), units)
    digests = [hashlib.sha256(unit.encode()).digest() for unit in units.to_pylist()]
    position = np.array([int.from_bytes(digest[:4]) for digest in digests], dtype=np.float64)
    return position < share * 2**32


def _among(table: pa.Table, other: pa.Table) -> np.ndarray:
    """Tell which rows are images of another table, by name or by content."""
    keys = set(zip(other["dataset"].to_pylist(), other["image"].to_pylist(), strict=True))
    rows = zip(table["dataset"].to_pylist(), table["image"].to_pylist(), strict=True)
    same = np.array([row in keys for row in rows], dtype=bool)
    if "sha256" in table.column_names and "sha256" in other.column_names:
        copies = pc.is_in(table["sha256"], other["sha256"].drop_null().combine_chunks())
        same |= pc.and_(copies, pc.is_valid(table["sha256"])).to_numpy()
    return same
