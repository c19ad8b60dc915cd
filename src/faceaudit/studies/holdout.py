"""The images of a study: which may be trained on, and which are for testing alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit.errors import FaceAuditError
from faceaudit.one_or_many import listed
from faceaudit.reading.columns import together
from faceaudit.schema import CLUSTER_COLUMNS, ManifestInfo
from faceaudit.stats.clusters import clusters_of
from faceaudit.tables import read_manifest_into


@dataclass(frozen=True)
class Split:
    """Rows of manifests for training and for testing, no image in both; `info` is of both."""

    training: pa.Table
    testing: pa.Table
    info: ManifestInfo


def read_split(
    manifests: Path | str | Iterable[Path | str],
    tests: Path | str | Iterable[Path | str] = (),
    hold_out: float = 0.3,
) -> Split:
    """Read manifests and keep a share of each for testing.

    Parameters
    ----------
    manifests, tests : sequence of path
        The images of `tests` are for testing alone.
    hold_out : float
        Share of `manifests` that is never trained on, the same in every run and every study:
        it is chosen by the hash of the file (or of the person or video,
        where it is known).

    Raises
    ------
    FaceAuditError
        If a manifest cannot be read, or nothing is left for training or for testing.
    """
    info = ManifestInfo()
    given = [read_manifest_into(info, path) for path in listed(manifests)]
    for_tests = [read_manifest_into(info, path) for path in listed(tests)]
    if not given:
        raise FaceAuditError("a study needs a manifest to train on")
    table = together(given)
    kept_out = _held_out(table, hold_out)
    training = table.filter(pa.array(~kept_out))
    testing = together([table.filter(pa.array(kept_out)), *for_tests])
    testing = testing.filter(pa.array(~_among(testing, training)))
    if len(training) == 0 or len(testing) == 0:
        missing = "training" if len(training) == 0 else "testing"
        raise FaceAuditError(
            f"no image is left for {missing}: give more manifests or another share to hold out"
        )
    return Split(training, testing, info)


def halved(table: pa.Table) -> NDArray[np.bool_]:
    """Choose about half of the rows; what hangs together is on one side, whatever the order.

    The choice has nothing to do with which rows are held out.
    """
    keys = pc.binary_join_element_wise(table["dataset"], table["image"], "\n")
    units = np.array(keys.to_pylist(), object)
    if (cluster := clusters_of(table)) is not None:
        order = np.argsort(units)
        _, first, number = np.unique(cluster[order], return_index=True, return_inverse=True)
        units[order] = units[order][first][number]
    digests = [hashlib.sha256(f"half\n{unit}".encode()).digest() for unit in units]
    return np.array([digest[0] < 128 for digest in digests])


def _held_out(table: pa.Table, share: float) -> NDArray[np.bool_]:
    """Choose rows by a hash, so that copies, frames and pictures of one person stay together."""
    units = table["image"]
    # Of several the coarsest counts: a person's videos hold copies, not the other way round.
    for column in ("sha256", *reversed(CLUSTER_COLUMNS)):
        if column in table.column_names:
            units = pc.coalesce(table[column].cast(pa.string()), units)
    digests = [hashlib.sha256(unit.encode()).digest() for unit in units.to_pylist()]
    return np.array([int.from_bytes(digest[:4]) for digest in digests]) < share * 2**32


def _among(table: pa.Table, other: pa.Table) -> NDArray[np.bool_]:
    """Tell which rows are images of another table, by name or by content."""
    named, of_other = (
        pc.binary_join_element_wise(each["dataset"], each["image"], "\n").combine_chunks()
        for each in (table, other)
    )
    same = pc.is_in(named, of_other)
    if "sha256" in table.column_names and "sha256" in other.column_names:
        copies = pc.is_in(table["sha256"], other["sha256"].drop_null().combine_chunks())
        same = pc.or_(same, copies.combine_chunks())
    return np.asarray(same)
