"""The schema of the two tables: columns with a fixed meaning, and typed file metadata.

One row is one image; ``image`` (its path below the root of its data set) and ``dataset``
together are the key. Any column that is not listed in `FIXED_COLUMNS` is a tag.
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1
METADATA_KEY = b"faceaudit"
LABELS = ("real", "ai")
#: What people call the two labels, in lower case. No numbers and no truth values: which of them
#: stands for AI-generated differs from file to file, so the user says it.
LABEL_WORDS: dict[str, Literal["real", "ai"]] = {
    "real": "real",
    "reals": "real",
    "authentic": "real",
    "genuine": "real",
    "human": "real",
    "pristine": "real",
    "photo": "real",
    "photos": "real",
    "ai": "ai",
    "fake": "ai",
    "fakes": "ai",
    "generated": "ai",
    "synthetic": "ai",
    "deepfake": "ai",
    "artificial": "ai",
    "gan": "ai",
}

#: Columns with a fixed meaning and type; every other column is a tag.
FIXED_COLUMNS: dict[str, pa.DataType] = {
    "image": pa.string(),
    "label": pa.string(),
    "dataset": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "bytes": pa.int64(),
    "format": pa.string(),
    "sha256": pa.string(),
    "p_ai": pa.float32(),
    "status": pa.string(),
    "in_training": pa.bool_(),
    "attention": pa.binary(),
}
#: Statuses of rows that have a score. ``no_face``: a face was looked for and not found.
SCORED = ("ok", "no_face")
#: Every status; rows of the others are left out, and counted by it. ``replaced``: the picture is
#: not the one that was indexed. ``unscored``: a table from elsewhere has no score.
STATUSES = (*SCORED, "missing", "unreadable", "too_large", "replaced", "unscored")
#: What the picture's delivery was, as against who is in it.
DELIVERY_COLUMNS = ("width", "height", "bytes", "format")


class DatasetSummary(BaseModel):
    """What became of the files of one data set."""

    model_config = ConfigDict(extra="forbid")

    licence: str | None = Field(default=None, description="Under which licence it is published")
    found: int | None = Field(default=None, description="Files that were found")
    indexed: int = Field(description="Files that became rows")
    rejected: int = Field(default=0, description="Files that could not be read")
    note: str | None = Field(default=None, description="What its user must know, in words")


class DatasetInfo(DatasetSummary):
    """The same, and where a manifest's images lie. Scores and results name no place."""

    root: str | None = None


class TableInfo(BaseModel):
    """File metadata that every table carries."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["manifest", "scores"]
    schema_version: int = SCHEMA_VERSION
    datasets: dict[str, DatasetInfo] = Field(default_factory=dict)
    #: tag -> data set -> whose word the tag is ("file name", "estimated by …", "derived …").
    tag_sources: dict[str, dict[str, str]] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)


class ModelInfo(BaseModel):
    """Which classifier gave the scores."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="The classifier's name")
    sha256: str | None = Field(default=None, description="SHA-256 of its file")
    architecture: str | None = Field(default=None, description="The network and its library")
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="The classifier's own; a score from here on is 'ai'"
    )
    threshold_rule: str = Field(
        default="0.5 by convention", description="How the threshold was chosen"
    )
    training_manifests: dict[str, str] = Field(
        default_factory=dict, description="Manifest that it was trained on: its SHA-256"
    )
    preprocessing: dict[str, str | int | float | list[float]] = Field(
        default_factory=dict, description="How pictures are prepared for it"
    )


class ManifestInfo(TableInfo):
    """File metadata of a manifest."""

    kind: Literal["manifest"] = "manifest"


class ScoresInfo(TableInfo):
    """File metadata of a scores table; `model` is None for scores brought as a CSV."""

    kind: Literal["scores"] = "scores"
    model: ModelInfo | None = None
    #: What looked for faces and marked pictures ``no_face``; None if nothing did.
    face_finder: str | None = None
    #: Data set -> rows without a label, which are not in the table: no table of tags had them.
    unlabelled: dict[str, int] = Field(default_factory=dict)
    #: What scoring or reading did that a reader of the numbers must know, as whole sentences.
    notes: list[str] = Field(default_factory=list)


def tag_columns(table: pa.Table) -> list[str]:
    """Return the names of all columns that are tags, in file order."""
    return [name for name in table.column_names if name not in FIXED_COLUMNS]
