"""The schema of the two tables: columns with a fixed meaning, file metadata, and what breaks it.

One row is one image; ``image`` (its path below the root of its data set) and ``dataset``
together are the key. Any column that `column_type` does not know is a tag.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from faceaudit.errors import FaceAuditError
from faceaudit.limits import DATASETS
from faceaudit.reading.columns import (
    by_value,
    cast_column,
    distinct,
    is_numbered,
    refuse,
    trimmed,
    with_column,
)

SCHEMA_VERSION = 1
METADATA_KEY = b"faceaudit"
LABELS = ("real", "ai")
#: Columns that every table has, with no empty cell.
KEY = ("image", "label", "dataset")
#: What people call the two labels, in lower case. No numbers and no truth values: which of them
#: stands for AI-generated differs from file to file, so the user says it.
LABEL_WORDS: dict[str, Literal["real", "ai"]] = {
    **dict.fromkeys(("real", "reals", "authentic", "genuine"), "real"),
    **dict.fromkeys(("human", "pristine", "photo", "photos"), "real"),
    **dict.fromkeys(("ai", "fake", "fakes", "generated", "synthetic"), "ai"),
    **dict.fromkeys(("deepfake", "artificial", "gan"), "ai"),
}

#: Numbers in which a table keeps what a classifier sees of a picture.
FEATURES = 32
#: Columns with a fixed name, meaning and type.
FIXED_COLUMNS: dict[str, pa.DataType] = {
    "image": pa.string(),
    "label": pa.string(),
    "dataset": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "bytes": pa.int64(),
    "format": pa.string(),
    "jpeg_table": pa.string(),
    "chroma_subsampling": pa.string(),
    "colour_mode": pa.string(),
    "laplacian_sd": pa.float32(),
    "high_frequency": pa.float32(),
    "noise_sd": pa.float32(),
    "mean_luma": pa.float32(),
    "border_sd": pa.float32(),
    "corners_sd": pa.float32(),
    "sha256": pa.string(),
    "person": pa.string(),
    "video": pa.string(),
    "copy_of": pa.string(),
    "p_ai": pa.float32(),
    "status": pa.string(),
    "in_training": pa.bool_(),
    "attention": pa.binary(),
    "features": pa.list_(pa.float16(), FEATURES),
}
#: What a column is called that holds the scores of a variant: of the same pictures, changed before
#: the classifier saw them, see `faceaudit.variants`. And one that holds which share of each
#: picture's pixels an edit changed.
_OF_VARIANT = re.compile(r"(p_ai|changed)\[(.+)\]", re.DOTALL)
#: Statuses of rows that have a score. ``no_face``: a face was looked for and not found.
SCORED = ("ok", "no_face")
#: Status of a row that the classifier declined to score: it has decided not to decide.
UNSURE = "unsure"
#: Every status; rows of the others are left out, and counted by it. ``replaced``: the picture is
#: not the one that was indexed. ``unscored``: a table from elsewhere has no score.
STATUSES = (*SCORED, UNSURE, "missing", "unreadable", "too_large", "replaced", "unscored")
#: What the picture's delivery was, as against who is in it: how its file was saved, …
DELIVERY_COLUMNS = (
    *("width", "height", "bytes", "format"),
    *("jpeg_table", "chroma_subsampling", "colour_mode"),
)
#: … and what is measured on its pixels, which light, skin and hair move too.
PIXEL_COLUMNS = (
    *("laplacian_sd", "high_frequency", "noise_sd"),
    *("mean_luma", "border_sd", "corners_sd"),
)
#: What is pictured, and which other image shows the same picture: images that share it hang
#: together. Somebody's word, and no tags.
CLUSTER_COLUMNS = ("person", "video", "copy_of")


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
    unsure: tuple[float, float] | None = Field(
        default=None,
        description="From which score on, and below which, the classifier itself decides nothing",
    )
    training_manifests: dict[str, str] = Field(
        default_factory=dict, description="Manifest that it was trained on: its SHA-256"
    )
    preprocessing: dict[str, str | int | float | list[float]] = Field(
        default_factory=dict, description="How pictures are prepared for it"
    )

    @field_validator("unsure")
    @classmethod
    def _around(
        cls, value: tuple[float, float] | None, given: ValidationInfo
    ) -> tuple[float, float] | None:
        threshold = given.data.get("threshold", 0.5)
        if value and not value[0] <= threshold <= value[1]:
            raise ValueError(
                f"the threshold, {threshold:g}, is not between {value[0]} and {value[1]}"
            )
        return value


class Input(BaseModel):
    """What was read: a file by its name and content, never by its place."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["scores", "tags", "specification"] = Field(description="What it was read for")
    name: str = Field(
        description="Name of the file or folder; of a table in memory, that it is one"
    )
    sha256: str = Field(description="SHA-256 of its bytes; of a table in memory, of its cells")
    rows: int | None = Field(default=None, description="Rows of a table")
    read_as: dict[str, str | list[str] | dict[str, str]] = Field(
        default_factory=dict, description="Options that say what its columns mean"
    )


class ManifestInfo(TableInfo):
    """File metadata of a manifest."""

    kind: Literal["manifest"] = "manifest"


class Shard(BaseModel):
    """Which part of a run a table of scores is, and what its other parts have in common with it."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=1)
    of: int = Field(ge=1)
    #: Of the whole run.
    images: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    #: What must be the same, in words.
    run: dict[str, str]
    #: What is to be noted of the run, whatever is in its table.
    notes: list[str]

    @model_validator(mode="after")
    def _is_a_part(self) -> Shard:
        if not self.number <= self.of <= -(-self.images // self.batch_size):
            raise ValueError("there is no such part")
        return self


class ScoresInfo(TableInfo):
    """File metadata of a scores table; `model` is None for scores brought as a CSV."""

    kind: Literal["scores"] = "scores"
    model: ModelInfo | None = None
    #: What looked for faces and marked pictures ``no_face``; None if nothing did.
    face_finder: str | None = None
    #: What computed the scores in the place of the model's own library; None: nothing did.
    inference: str | None = None
    #: How far a score moved, at most, with the pictures scored beside it; None: not tried.
    batch_drift: float | None = None
    #: Of a part of a run, which one it is; such a table is for `faceaudit join` alone.
    shard: Shard | None = None
    #: Data set -> rows without a label, which are not in the table: no table of tags had them.
    unlabelled: dict[str, int] = Field(default_factory=dict)
    #: What scoring or reading did that a reader of the numbers must know, as whole sentences.
    notes: list[str] = Field(default_factory=list)
    #: The files that the table was read from, known while it is in memory.
    inputs: list[Input] = Field(default_factory=list, exclude=True)


def called_ai(p_ai: npt.ArrayLike, threshold: float) -> npt.NDArray[np.bool_]:
    """Tell which scores are called AI-generated: ``p_ai >= threshold``, compared in float32."""
    return np.asarray(p_ai, np.float32) >= np.float32(threshold)


def variant_column(variant: str) -> str:
    """Name the column with the scores of a variant."""
    return f"p_ai[{variant}]"


def changed_column(edit: str) -> str:
    """Name the column with the shares of pixels that an edit changed."""
    return f"changed[{edit}]"


def variant_columns(table: pa.Table) -> dict[str, str]:
    """Return the columns with scores of variants, in file order, by the name of the variant."""
    found = (_OF_VARIANT.fullmatch(name) for name in columns_of_variants(table))
    return {of[2]: of[0] for of in found if of and of[1] == "p_ai"}


def columns_of_variants(table: pa.Table) -> list[str]:
    """Return the names of all columns that tell of variants, in file order."""
    return [name for name in table.column_names if _OF_VARIANT.fullmatch(name)]


def column_type(name: str) -> pa.DataType | None:
    """Return the type of a column that has a fixed meaning; None of a tag."""
    return pa.float32() if _OF_VARIANT.fullmatch(name) else FIXED_COLUMNS.get(name)


def tag_columns(table: pa.Table) -> list[str]:
    """Return the names of all columns that are tags, in file order."""
    return [name for name in table.column_names if column_type(name) is None]


def stated_columns(table: pa.Table) -> list[str]:
    """Return the names of all columns that are somebody's word: tags and `CLUSTER_COLUMNS`."""
    names = table.column_names
    return [name for name in names if name in CLUSTER_COLUMNS or column_type(name) is None]


def validate(table: pa.Table, kind: Literal["manifest", "scores"], source: str) -> pa.Table:
    """Check a table against the schema and return it with the schema's column types.

    Raises
    ------
    FaceAuditError
        ``source: column 'x', row n: …`` for the first offending cell (rows count from 1).
    """
    if len(set(table.column_names)) < len(table.column_names):
        raise FaceAuditError(f"{source}: two columns have the same name")
    for name in KEY if kind == "manifest" else (*KEY, "p_ai"):
        if name not in table.column_names:
            raise FaceAuditError(f"{source}: column '{name}' is missing")
    if kind == "scores":
        # A row without a status is in none, and would not be counted.
        status = pc.if_else(pc.is_valid(table["p_ai"]), "ok", "unscored")
        if "status" in table.column_names:
            status = pc.coalesce(table["status"].cast(pa.string()), status)
        table = with_column(table, "status", status)
    for name in table.column_names:
        kind_of_cell = column_type(name)
        if kind_of_cell is not None and not is_numbered(table[name].type):
            table = cast_column(table, name, kind_of_cell, source)
        if name in CLUSTER_COLUMNS:  # blanks are no person, and no images of one
            table = with_column(table, name, trimmed(table[name]))
    for name in KEY:
        complaint = "is empty; fill it, or leave the row out"
        refuse(table, name, pc.is_null(table[name]), source, complaint)
    foreign = by_value(table["label"], lambda label: pc.invert(pc.is_in(label, pa.array(LABELS))))
    refuse(table, "label", foreign, source, "is neither 'real' nor 'ai'")
    if kind == "scores":
        for name in ("p_ai", *columns_of_variants(table)):
            within = pc.and_(pc.greater_equal(table[name], 0), pc.less_equal(table[name], 1))
            refuse(table, name, pc.invert(within), source, "is not a probability between 0 and 1")
        score = table["p_ai"]
        for status in SCORED:
            unexplained = pc.and_(pc.is_null(score), pc.equal(table["status"], status))
            refuse(table, "p_ai", unexplained, source, f"is empty although status is '{status}'")
    if "attention" in table.column_names:
        fields = pc.binary_length(table["attention"])
        side = pc.floor(pc.sqrt(fields))
        wrong = pc.or_(pc.equal(fields, 0), pc.not_equal(pc.multiply(side, side), fields))
        refuse(table, "attention", wrong, source, "is not a square map; leave the column out")
    if len(table) == 0:
        raise FaceAuditError(f"{source}: the table has no rows")
    refuse_many_datasets(table, source)
    if not is_numbered(table["image"].type) and (rows := repeated_keys(table)):
        refuse_repeated(source, rows[1], table["image"][rows[1]].as_py())
    return table


def refuse_many_datasets(table: pa.Table, source: str) -> None:
    """Refuse a table of more data sets than are gone through."""
    if (several := len(distinct(table["dataset"])[0])) > DATASETS:
        raise FaceAuditError(
            f"{source}: column 'dataset' has {several:,} different values, and {DATASETS} are the "
            "most; it names the set that an image is from: give the column another name, as "
            "--map folder=dataset, or leave it out"
        )


def refuse_repeated(source: str, row: int, image: str) -> None:
    """Refuse a row whose image an earlier one has."""
    raise FaceAuditError(
        f"{source}: column 'image', row {row + 1}: {image!r} stands there twice for the same data "
        "set; one row is one image"
    )


def repeated_keys(table: pa.Table) -> tuple[int, int] | None:
    """Return the first row whose data set and image an earlier row has, after that earlier row."""
    image, dataset = (
        table[name].combine_chunks().dictionary_encode() for name in ("image", "dataset")
    )
    key = image.indices.to_numpy().astype(np.int64) * len(dataset.dictionary)
    key += dataset.indices.to_numpy()
    repeated = np.ones(len(key), dtype=bool)
    repeated[np.unique(key, return_index=True)[1]] = False
    if not repeated.any():
        return None
    row = int(np.argmax(repeated))
    return int(np.argmax(key == key[row])), row
