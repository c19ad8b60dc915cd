"""The result of an audit or comparison: versioned, typed, and all that a report may show.

`Result` is what ``audit.json`` and ``compare.json`` hold. Reports draw it and never compute.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    model_validator,
)

from faceaudit.errors import FaceAuditError
from faceaudit.files import write_text
from faceaudit.reading.file_kinds import expect, refusal
from faceaudit.schema import LABELS, DatasetSummary, ModelInfo

#: Version 2 records every judged gap (`CheckResult.verdicts`); version 1 is still drawn.
RESULT_VERSION = 2

Status = Literal["pass", "fail", "insufficient-evidence", "not-estimable", "info"]
#: The order in which answers are read.
SEVERITY: tuple[Status, ...] = ("fail", "insufficient-evidence", "pass", "info", "not-estimable")
#: A false positive is a real photograph called AI-generated.
ErrorRate = Literal["fpr", "fnr"]
Cell = str | int | float | bool | None
Number = int | float | None


def nan_to_none(value: float) -> float | None:
    """Return None for not-a-number and infinity, which have no place in JSON."""
    return float(value) if math.isfinite(value) else None


class _Strict(BaseModel):
    # Not-a-number has no place in JSON: what is not estimable is null, with a reason.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Movable(_Strict):
    """A detail that can also be shown at other thresholds than the audited one.

    `by_threshold` has, for each field or column that the threshold moves, its numbers at every
    threshold of `Result.thresholds`, in the order of the rows; they are rounded as they are
    shown. None instead: it holds for the audited threshold only and is left empty elsewhere.
    What has no entry is the same at every threshold.
    """

    by_threshold: dict[str, list[list[Number]] | None] | None = None


class Column(_Strict):
    """A column of a table: heading and how its cells read.

    `kind` is ``text``, ``count`` (integer), ``percent`` (a share from 0 to 1), ``points`` (a
    difference of shares, from -1 to 1), ``number`` or ``p`` (a p-value).
    """

    title: str
    kind: Literal["text", "count", "percent", "points", "number", "p"] = "text"
    help: str | None = None


class Table(_Movable):
    """Rows and columns; `by_threshold` goes by a column's position, as text."""

    kind: Literal["table"] = "table"
    title: str
    note: str | None = None
    columns: list[Column]
    rows: list[list[Cell]]


class Estimate(_Strict):
    """One line of a forest plot: a value with its interval, or the reason there is none."""

    group: str
    n: int
    events: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    status: Status | None = None
    #: For instance "small group" or "no AI images in this group".
    note: str | None = None


class Forest(_Movable):
    """Values with intervals by group; `reference` is drawn as a line, `limit` as a second one.

    `by_threshold` may have ``events``, ``value``, ``low``, ``high`` and ``status`` of the rows,
    and ``reference``, which counts as one row.
    """

    kind: Literal["forest"] = "forest"
    title: str
    note: str | None = None
    measure: str
    #: "percent" for rates, "points" for differences of rates, "ratio" is drawn on a log axis.
    scale: Literal["percent", "points", "ratio", "number"] = "percent"
    attribute: str
    tag_source: str | None = None
    rows: list[Estimate]
    reference: float | None = None
    reference_label: str | None = None
    #: How many images the reference rests on.
    reference_n: int | None = None
    limit: float | None = None


class Series(_Strict):
    """One line of a curve, with an optional band."""

    name: str
    x: list[float]
    y: list[float | None]
    low: list[float | None] | None = None
    high: list[float | None] | None = None


class Curve(_Strict):
    """Lines over a numeric axis, for instance error rates over thresholds."""

    kind: Literal["curve"] = "curve"
    title: str
    note: str | None = None
    x_title: str
    y_title: str
    x_scale: Literal["linear", "log"] = "linear"
    y_percent: bool = False
    #: A vertical line, for instance the threshold in force.
    marker: float | None = None
    marker_label: str | None = None
    diagonal: bool = False
    series: list[Series]


class Distribution(_Strict):
    """Shares of the images in bins of the score, one list of shares a group."""

    kind: Literal["distribution"] = "distribution"
    title: str
    note: str | None = None
    x_title: str
    #: len(edges) = len(shares) + 1
    edges: list[float]
    series: dict[str, list[float]]
    n: dict[str, int]
    marker: float | None = None
    marker_label: str | None = None


class Heatmap(_Movable):
    """A value for every pair of two attributes' groups.

    `by_threshold` has ``values``, ``low`` and ``high``, the cells row by row.
    """

    kind: Literal["heatmap"] = "heatmap"
    title: str
    note: str | None = None
    measure: str
    row_title: str
    column_title: str
    tag_source: str | None = None
    rows: list[str]
    columns: list[str]
    values: list[list[float | None]]
    low: list[list[float | None]]
    high: list[list[float | None]]
    n: list[list[int]]


class Confusion(_Movable):
    """Counts of label against verdict; positive is AI-generated. Baselines beside it.

    `by_threshold` has ``called_real`` and ``called_ai``, each of the real photographs and of
    the AI images.
    """

    kind: Literal["confusion"] = "confusion"
    title: str
    note: str | None = None
    real_called_real: int
    real_called_ai: int
    ai_called_real: int
    ai_called_ai: int


class Attention(_Strict):
    """Where in an image the evidence for the verdict on it lies, by Grad-CAM."""

    words: str
    #: Share of the evidence in each ninth of the image, rows from the top.
    ninths: list[list[float]]
    #: A transparent layer to lay over the thumbnail (a data URI).
    layer: str


class GalleryItem(_Strict):
    """One image, told in words; the thumbnail (a data URI) may be left out."""

    image: str
    dataset: str
    label: Literal["real", "ai"]
    p_ai: float
    tags: dict[str, str] = Field(default_factory=dict)
    attention: Attention | None = None
    thumbnail: str | None = None


class Gallery(_Strict):
    """Images worth looking at, the worst first."""

    kind: Literal["gallery"] = "gallery"
    title: str
    note: str | None = None
    items: list[GalleryItem]


class SlopeRow(_Strict):
    """A group's rate under two classifiers, and their paired difference (second minus first)."""

    group: str
    n: int
    first: float | None
    second: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    note: str | None = None


class Slopes(_Strict):
    """Two classifiers on the same images, group by group."""

    kind: Literal["slopes"] = "slopes"
    title: str
    note: str | None = None
    measure: str
    attribute: str
    tag_source: str | None = None
    first_name: str
    second_name: str
    rows: list[SlopeRow]


Detail = Annotated[
    Table | Forest | Curve | Distribution | Heatmap | Confusion | Gallery | Slopes,
    Field(discriminator="kind"),
]


class Test(_Strict):
    """One significance test. The adjusted p-values are over all tests of the whole result."""

    name: str
    method: str
    p: float = Field(ge=0, le=1)
    p_holm: float | None = None
    p_bh: float | None = None


class Finding(_Strict):
    """One sentence with its numbers, fit to be quoted. Higher `weight` is shown earlier."""

    sentence: str
    status: Status
    check: str
    weight: float = 0.0


class GapVerdict(_Strict):
    """One gap between groups held against its limit.

    `low` and `high` are the ends of the gap's interval at `confidence`, at which all verdicts
    of the audit hold together. Shares from 0 to 1; None where there is no gap to judge.
    """

    #: Whose groups were compared; with the check and the rate it names the gap.
    tags: list[str]
    rate: ErrorRate
    limit: float
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    status: Status


class CheckResult(_Strict):
    """The answer of one check. One that held something against a limit has `verdicts`."""

    id: str
    title: str
    description: str
    status: Status
    sentence: str
    verdicts: list[GapVerdict] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    tests: list[Test] = Field(default_factory=list)
    details: list[Detail] = Field(default_factory=list)


class LeftOut(_Strict):
    """Rows that were not audited, for one reason; `by` counts them by data set and label."""

    reason: str
    n: int
    by: dict[str, dict[str, int]]


class Untagged(_Strict):
    """Audited images of one label without a value for a tag, or for one of a combination's."""

    tags: list[str]
    label: Literal["real", "ai"]
    n: int
    missing: int
    #: Errors among the `n` images, and among the `missing` ones.
    wrong: int
    wrong_missing: int


class Unscored(_Strict):
    """Images of one label and group (None: without the tag), and how many have no score."""

    tag: str
    label: Literal["real", "ai"]
    group: str | None
    n: int
    unscored: int


class Rows(_Strict):
    """What became of every row that was read: used, or left out for one reason."""

    read: int
    used: int
    #: The used rows by data set and label.
    by: dict[str, dict[str, int]]
    left_out: list[LeftOut]
    #: Where there are any; the used rows that have the tag are the others.
    untagged: list[Untagged] = Field(default_factory=list)
    unscored: list[Unscored] = Field(default_factory=list)
    sentence: str = ""
    #: Sentences on tags and scores that are missing unequally, the most unequal first.
    shares: list[str] = Field(default_factory=list)

    @property
    def labels(self) -> dict[str, tuple[int, int]]:
        """How many images of each label are used, and were read."""
        everything = [self.by, *(left.by for left in self.left_out)]
        return {
            label: (
                sum(labels.get(label, 0) for labels in self.by.values()),
                sum(labels.get(label, 0) for by in everything for labels in by.values()),
            )
            for label in LABELS
        }

    @model_validator(mode="after")
    def _every_row_is_accounted_for(self) -> Self:
        if self.used + sum(left.n for left in self.left_out) != self.read:
            raise ValueError(f"not every one of the {self.read} rows is accounted for")
        return self


def _without_root(info: object) -> object:
    """Leave out where images lie: whoever reads a result has no business there."""
    given = info.model_dump() if isinstance(info, BaseModel) else info
    return {k: v for k, v in given.items() if k != "root"} if isinstance(given, dict) else given


class ScoresSummary(_Strict):
    """What one scores table held: who gave the scores, on which images, tagged by whom."""

    name: str
    model: ModelInfo | None
    datasets: dict[str, Annotated[DatasetSummary, BeforeValidator(_without_root)]]
    tag_sources: dict[str, dict[str, str]]
    versions: dict[str, str]
    n_real: int
    n_ai: int
    #: Rows without a score, by status (unreadable, missing …).
    unscored: dict[str, int]
    #: Which rows the result rests on; of a comparison, the images that are in either table.
    rows: Rows | None = None
    threshold: float
    threshold_rule: str


class Result(_Strict):
    """An audit, a comparison or a study, whole."""

    kind: Literal["audit", "compare", "study"]
    result_version: int = RESULT_VERSION
    created: str
    name: str
    title: str
    question: str
    status: Status
    verdict: str
    #: The few findings that matter most, the gravest first.
    findings: list[Finding]
    #: What the data cannot carry: not estimable, too small, explained by delivery.
    limitations: list[str]
    scores: list[ScoresSummary]
    #: At which thresholds the details can be shown, rising; the audited one is among them.
    thresholds: list[float] | None = None
    checks: list[CheckResult]
    #: The specification that was run, for provenance and for running it again.
    spec: dict[str, Any]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _numbers_at_every_threshold(self) -> Self:
        steps = len(self.thresholds or [])
        for check in self.checks:
            for detail in check.details:
                moved = detail.by_threshold if isinstance(detail, _Movable) else None
                if any(len(grid) != steps for grid in (moved or {}).values() if grid is not None):
                    raise ValueError(f"{detail.title}: numbers for other than {steps} thresholds")
        audited = [summary.threshold for summary in self.scores[:1]]
        if steps and not set(audited) & set(self.thresholds or []):
            raise ValueError("the audited threshold is not among the thresholds")
        return self


def write_result(path: Path | str, result: Result) -> Path:
    """Write a result as JSON, whole or not at all; a list of numbers takes one line."""
    text = result.model_dump_json(indent=1)
    # A line break of JSON is never inside a text, and before a number it is a list's.
    text = re.sub(r"(?<=[\[,])\n +(?=[-\d]|null)", "", text)
    return write_text(path, re.sub(r"(?<=[\dl])\n +(?=\])", "", text) + "\n")


class _Version(BaseModel):
    result_version: StrictInt


def read_result(path: Path | str) -> Result:
    """Read ``audit.json``, ``compare.json`` or ``study.json`` of this version or an earlier one.

    Raises
    ------
    FaceAuditError
        If the file is missing, of a version that this faceaudit does not know, or not a result.
    """
    expect(path, "result")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise refusal(path, "cannot be read as text", "result") from None
    try:
        # The version first: a later one may differ in anything else.
        version = _Version.model_validate_json(text).result_version
        if not 1 <= version <= RESULT_VERSION:
            raise FaceAuditError(
                f"{path}: a result of version {version}, of which this faceaudit knows nothing "
                f"(it reads 1 to {RESULT_VERSION}); read it with the faceaudit that wrote it"
            )
        return Result.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        why = f"not a result of faceaudit ({place}: {first['msg']})"
        raise refusal(path, why, "result") from None
