"""The result of an audit or comparison: versioned, typed, and all that a report may show.

`Result` is what ``audit.json`` and ``compare.json`` hold. Reports draw it and never compute.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError, describe
from faceaudit.files import write_text
from faceaudit.reading.file_kinds import read_text, refusal
from faceaudit.schema import LABELS, DatasetSummary, Input, ModelInfo
from faceaudit.wording import capitalised, counted, natural_frequency

if TYPE_CHECKING:
    from pandas import DataFrame

RESULT_VERSION = 5
"""What a result of each version is; `read_result` reads them all.

1. Up to November 2026: a check has no ``verdicts``. Reports draw it as it is; the gate, which
   compares gaps, refuses it as a baseline.
2. Each gap held against a limit is one of the ``verdicts`` of its check.
3. A finding carries its facts beside its sentence; a check that broke off is an ``error``.
4. The ``answer`` to the question, for the first screen; the verdict is its headline; each check
   has its ``part`` of the page.
5. A comparison may be of more than two classifiers, and have verdicts, each of one ``group``; a
   detail may be a scatter plot. The ``inputs`` are what was read: name, SHA-256, rows. A check has
   its own ``limitations``.
"""

#: The parts of a page, as they are read.
Part = Literal["rates", "gaps", "combined", "why", "pictures", "specialist"]
PARTS: tuple[Part, ...] = get_args(Part)

Status = Literal["pass", "fail", "insufficient-evidence", "not-estimable", "info", "error"]
#: The order in which answers are read.
SEVERITY: tuple[Status, ...] = (
    "fail",
    "error",
    "insufficient-evidence",
    "pass",
    "info",
    "not-estimable",
)
Cell = str | int | float | bool | None
Number = int | float | None


def nan_to_none(value: float) -> float | None:
    """Return None for not-a-number and infinity, which have no place in JSON."""
    return float(value) if math.isfinite(value) else None


def _known_rate(id: str) -> str:
    if id not in ERROR_RATES:
        raise ValueError(f"'{id}' is none of {', '.join(ERROR_RATES)}")
    return id


class _Strict(BaseModel):
    # Not-a-number has no place in JSON: what is not estimable is null, with a reason.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


# What several have, described once.
Title = Annotated[str, Field(description="Heading")]
Note = Annotated[str | None, Field(description="What its reader must know, in words")]
Label = Annotated[Literal["real", "ai"], Field(description="What the images are")]
TagSource = Annotated[str | None, Field(description="Whose word the tags are")]
Measure = Annotated[str, Field(description="What the values are, in words")]
By = Annotated[str, Field(description="The tag, tags or other things whose groups the rows are")]
AxisTitle = Annotated[str, Field(description="What the axis shows")]
Marker = Annotated[float | None, Field(description="Where a vertical line stands")]
MarkerLabel = Annotated[str | None, Field(description="What the vertical line is")]
Group = Annotated[str, Field(description="The group, as it is shown")]
Images = Annotated[int, Field(description="How many images it rests on")]
Value = Annotated[float | None, Field(description="The value; null if it is not estimable")]
Low = Annotated[float | None, Field(description="Lower end of the value's interval")]
High = Annotated[float | None, Field(description="Upper end of the value's interval")]
#: Of one of `ERROR_RATES`: what is drawn and judged looks it up there.
RateId = Annotated[str, AfterValidator(_known_rate)]
Ends = Annotated[list[float | None] | None, Field(description="Ends of a band, point by point")]
Cells = Annotated[list[list[float | None]], Field(description="A number a cell, by rows")]


#: Of several things of a detail: a name, the thing, and how many parts it must have.
Sizes = Iterator[tuple[str, Sequence[Any] | None, int]]
#: Of each column of the rows of a detail: its name, and the kind as of `Column`.
Fields = list[tuple[str, str]]


class _Detail(_Strict):
    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return its columns and its rows."""
        raise NotImplementedError

    def _sizes(self) -> Sizes:
        """Name what must have a certain length, with it; what is None has none."""
        return iter(())

    @model_validator(mode="after")
    def _of_one_size(self) -> Self:
        # Of a file that was edited or damaged.
        for what, of, length in self._sizes():
            if of is not None and len(of) != length:
                raise ValueError(f"{what}: {length} needed, and there are {len(of)}")
        return self

    def to_frame(self) -> DataFrame:
        """Return its rows as a pandas table: all digits, shares from 0 to 1."""
        from faceaudit.frames import frame

        return frame(*self.laid_out())

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_result(cls, given: Any, info: ValidationInfo) -> Any:
        # In files the error rate was once said by the measure alone.
        asked = info.mode == "json" and "rate" in cls.model_fields and isinstance(given, dict)
        if not asked or "rate" in given:
            return given
        measure = str(given.get("measure"))
        said = (
            rate.id
            for rate in ERROR_RATES.values()
            if measure == capitalised(rate.name)
            or measure.endswith(f" {rate.error} ({rate.short})")
        )
        return given | {"rate": next(said, None)}


def _cells(fields: Fields, rows: Sequence[BaseModel]) -> tuple[Fields, list[list[Cell]]]:
    return fields, [[getattr(row, name) for name, _ in fields] for row in rows]


def _ends(kind: str) -> Fields:
    return [("low", kind), ("high", kind)]


class _Movable(_Detail):
    """A detail that can also be shown at other thresholds than the audited one."""

    by_threshold: dict[str, list[list[Number]] | None] | None = Field(
        default=None,
        repr=False,
        description=(
            "For each field or column that the threshold moves, its numbers at every one of the "
            "result's thresholds, in the order of the rows, of at least six digits. Null in "
            "place of them: it holds for the audited threshold only and is left empty elsewhere. "
            "What has no entry is the same at every threshold."
        ),
    )

    def _moved(self, lengths: Mapping[str, int]) -> Sizes:
        """Name the numbers of every threshold, with how many there are of what may be moved."""
        for name, grid in (self.by_threshold or {}).items():
            if name not in lengths:
                raise ValueError(f"by_threshold: there is no '{name}' to move")
            yield from ((f"by_threshold.{name}", row, lengths[name]) for row in grid or ())


class Column(_Strict):
    """A column of a table: heading and how its cells read."""

    title: Title
    kind: Literal["text", "status", "count", "percent", "points", "number", "p"] = Field(
        default="text",
        description=(
            "What its cells are: text, a status, an integer, a share from 0 to 1, a difference of "
            "shares from -1 to 1, a number, or a p-value"
        ),
    )
    help: str | None = Field(default=None, description="What the heading means, at more length")


class Table(_Movable):
    """Rows and columns; `by_threshold` goes by a column's position, as text."""

    kind: Literal["table"] = Field(default="table", description="A table")
    title: Title
    note: Note = None
    columns: list[Column] = Field(description="Its columns, from the left")
    rows: list[list[Cell]] = Field(description="Its rows, a cell for each column")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return its columns and its rows."""
        return [(column.title, column.kind) for column in self.columns], self.rows

    def _sizes(self) -> Sizes:
        yield from (("rows", row, len(self.columns)) for row in self.rows)
        places = map(str, range(len(self.columns)))
        yield from self._moved(dict.fromkeys(places, len(self.rows)))


class Estimate(_Strict):
    """One line of a forest plot: a value with its interval, or the reason there is none."""

    group: Group
    n: Images
    events: int | None = Field(default=None, description="How many of the images are counted")
    value: Value = None
    low: Low = None
    high: High = None
    status: Status | None = Field(default=None, description="The answer to this row, if one")
    note: str | None = Field(default=None, description="Why there is no value, or 'small'")


class Forest(_Movable):
    """Values with intervals by group; `reference` is drawn as a line, `limit` as a second one.

    `by_threshold` may have ``events``, ``value``, ``low``, ``high`` and ``status`` of the rows,
    and ``reference``, which counts as one row.
    """

    kind: Literal["forest"] = Field(default="forest", description="A forest plot")
    title: Title
    note: Note = None
    measure: Measure
    scale: Literal["percent", "points", "ratio", "number"] = Field(
        default="percent",
        description="Rates, differences of rates, ratios (drawn on a log axis), or other numbers",
    )
    rate: str | None = Field(default=None, description="The error rate, where the measure is one")
    attribute: By
    tag_source: TagSource = None
    rows: list[Estimate] = Field(description="The groups, in the order in which they are drawn")
    reference: float | None = Field(default=None, description="A value to compare the rows with")
    reference_label: str | None = Field(default=None, description="What the reference is")
    reference_n: int | None = Field(default=None, description="How many images that rests on")
    limit: float | None = Field(default=None, description="The limit that the values are held to")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a group."""
        kind = "number" if self.scale == "ratio" else str(self.scale)
        head = [("group", "text"), ("n", "count"), ("events", "count"), ("value", kind)]
        return _cells([*head, *_ends(kind), ("status", "status"), ("note", "text")], self.rows)

    def _sizes(self) -> Sizes:
        moved = ("events", "value", "low", "high", "status")
        yield from self._moved(dict.fromkeys(moved, len(self.rows)) | {"reference": 1})


class Series(_Strict):
    """One line of a curve, with an optional band."""

    name: str = Field(description="What the line is, for instance a group")
    x: list[float] = Field(description="Where its points lie on the horizontal axis, rising")
    y: list[float | None] = Field(description="Their values; null leaves a gap")
    low: Ends = None
    high: Ends = None


class Curve(_Detail):
    """Lines over a numeric axis, for instance error rates over thresholds."""

    kind: Literal["curve"] = Field(default="curve", description="A curve")
    title: Title
    note: Note = None
    x_title: AxisTitle
    y_title: AxisTitle
    x_scale: Literal["linear", "log"] = Field(default="linear", description="The horizontal scale")
    x_is_threshold: bool = Field(
        default=False, description="Whether each point is another threshold: it gets a slider"
    )
    y_percent: bool = Field(default=False, description="Whether the values are shares")
    marker: Marker = None
    marker_label: MarkerLabel = None
    diagonal: bool = Field(default=False, description="Whether the line y = x is drawn")
    series: list[Series] = Field(description="The lines")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a point of a line."""
        kind = "percent" if self.y_percent else "number"
        return [("name", "text"), ("x", "number"), ("y", kind), *_ends(kind)], [
            [line.name, x, line.y[i], *(end[i] if end else None for end in (line.low, line.high))]
            for line in self.series
            for i, x in enumerate(line.x)
        ]

    def _sizes(self) -> Sizes:
        for line in self.series:
            for end in (line.y, line.low, line.high):
                yield f"series {line.name}", end, len(line.x)

    @model_validator(mode="before")
    @classmethod
    def _over_the_threshold(cls, given: Any, info: ValidationInfo) -> Any:
        # In files it was once said by the title alone.
        if info.mode == "json" and isinstance(given, dict):
            return {"x_is_threshold": given.get("x_title") == "threshold"} | given
        return given


class Distribution(_Detail):
    """Shares of the images in bins of the score, one list of shares a group."""

    kind: Literal["distribution"] = Field(default="distribution", description="A distribution")
    title: Title
    note: Note = None
    x_title: AxisTitle
    edges: list[float] = Field(description="The bins' edges, one more than there are bins")
    series: dict[str, list[float]] = Field(description="Group: its share in each bin")
    n: dict[str, int] = Field(description="Group: how many images it has")
    marker: Marker = None
    marker_label: MarkerLabel = None

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a group, a column a bin."""
        bins = [(f"{low:.4g} – {high:.4g}", "percent") for low, high in pairwise(self.edges)]
        return [("group", "text"), ("n", "count"), *bins], [
            [name, self.n.get(name), *shares] for name, shares in self.series.items()
        ]

    def _sizes(self) -> Sizes:
        for name, shares in self.series.items():
            yield f"series {name}", shares, len(self.edges) - 1


class Heatmap(_Movable):
    """A value for every pair of two attributes' groups.

    `by_threshold` has ``values``, ``low`` and ``high``, the cells row by row.
    """

    kind: Literal["heatmap"] = Field(default="heatmap", description="A heat map")
    title: Title
    note: Note = None
    measure: Measure
    rate: str | None = Field(default=None, description="The error rate, where the measure is one")
    row_title: AxisTitle
    column_title: AxisTitle
    tag_source: TagSource = None
    rows: list[str] = Field(description="The groups that the rows are, from the top")
    columns: list[str] = Field(description="The groups that the columns are, from the left")
    values: Cells
    low: Cells
    high: Cells
    n: list[list[int]] = Field(description="How many images each cell rests on, by rows")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a cell."""
        fields = [("row", "text"), ("column", "text"), ("n", "count"), ("values", "percent")]
        grids: tuple[Sequence[Sequence[Number]], ...] = (self.n, self.values, self.low, self.high)
        return [*fields, *_ends("percent")], [
            [row, column, *(grid[i][j] for grid in grids)]
            for i, row in enumerate(self.rows)
            for j, column in enumerate(self.columns)
        ]

    def _sizes(self) -> Sizes:
        grids: dict[str, Sequence[Sequence[Number]]] = {
            "values": self.values,
            "low": self.low,
            "high": self.high,
            "n": self.n,
        }
        for name, grid in grids.items():
            yield name, grid, len(self.rows)
            yield from ((name, row, len(self.columns)) for row in grid)
        cells = len(self.rows) * len(self.columns)
        yield from self._moved(dict.fromkeys(("values", "low", "high"), cells))


class Confusion(_Movable):
    """Counts of label against prediction; positive is AI-generated. Baselines beside it.

    `by_threshold` has ``called_real`` and ``called_ai``, each of the real photographs and of
    the AI images.
    """

    kind: Literal["confusion"] = Field(default="confusion", description="A confusion matrix")
    title: Title
    note: Note = None
    real_called_real: int = Field(description="Real photographs that are called real")
    real_called_ai: int = Field(description="Real photographs that are called AI-generated")
    ai_called_real: int = Field(description="AI images that are called real")
    ai_called_ai: int = Field(description="AI images that are called AI-generated")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a label."""
        return [("label", "text"), ("called_real", "count"), ("called_ai", "count")], [
            ["real", self.real_called_real, self.real_called_ai],
            ["ai", self.ai_called_real, self.ai_called_ai],
        ]

    def _sizes(self) -> Sizes:
        yield from self._moved(dict.fromkeys(("called_real", "called_ai"), 2))


class Attention(_Strict):
    """Where in an image the evidence for the answer on it lies, by Grad-CAM."""

    words: str = Field(description="Where it lies, in words")
    ninths: list[list[float]] = Field(description="Share of it in each ninth, rows from the top")
    layer: str = Field(repr=False, description="A transparent layer for the thumbnail (a data URI)")


class GalleryItem(_Strict):
    """One image, told in words; the thumbnail (a data URI) may be left out."""

    image: str = Field(description="Its path below the root of its data set")
    dataset: str = Field(description="Its data set")
    label: Label
    p_ai: float = Field(description="Its score, the probability of AI")
    tags: dict[str, str] = Field(default_factory=dict, description="Tag: the image's group")
    attention: Attention | None = Field(default=None, description="Where the evidence lies")
    thumbnail: str | None = Field(
        default=None, repr=False, description="The image, small (a data URI)"
    )


class Gallery(_Detail):
    """Images worth looking at, the worst first."""

    kind: Literal["gallery"] = Field(default="gallery", description="A gallery")
    title: Title
    note: Note = None
    items: list[GalleryItem] = Field(description="The images, the worst first")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row an image, with a column a tag; where the evidence lies, by ninths."""
        tags = list(dict.fromkeys(tag for item in self.items for tag in item.tags))
        ninths = range(9 if any(item.attention for item in self.items) else 0)
        given, rows = _cells(
            [("image", "text"), ("dataset", "text"), ("label", "text"), ("p_ai", "number")],
            self.items,
        )
        for item, row in zip(self.items, rows, strict=True):
            lines = item.attention.ninths if item.attention else [[None] * len(ninths)]
            row += [*map(item.tags.get, tags), *(share for line in lines for share in line)]
        evidence = [(f"evidence_{i}", "percent") for i in ninths]
        return [*given, *((tag, "text") for tag in tags), *evidence], rows


class SlopeRow(_Strict):
    """A group's rate under two classifiers, and their paired difference (second minus first)."""

    group: Group
    n: Images
    first: float | None = Field(description="The first classifier's rate")
    second: float | None = Field(description="The second classifier's rate")
    difference: float | None = Field(default=None, description="The second rate minus the first")
    low: Low = None
    high: High = None
    note: Note = None


class Slopes(_Detail):
    """Two classifiers on the same images, group by group."""

    kind: Literal["slopes"] = Field(default="slopes", description="A slope graph")
    title: Title
    note: Note = None
    measure: Measure
    rate: str | None = Field(default=None, description="The error rate, where the measure is one")
    attribute: By
    tag_source: TagSource = None
    first_name: str = Field(description="The first classifier")
    second_name: str = Field(description="The second classifier")
    rows: list[SlopeRow] = Field(description="The groups, in the order in which they are drawn")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a group."""
        rates = [("first", "percent"), ("second", "percent"), ("difference", "points")]
        fields = [("group", "text"), ("n", "count"), *rates, *_ends("points"), ("note", "text")]
        return _cells(fields, self.rows)


class ScatterPoint(_Strict):
    """One of several things: two shares of it, each with its interval."""

    name: str = Field(description="What the point is, for instance a classifier")
    n: Images
    x: float = Field(description="The share to the right")
    x_low: Low
    x_high: High
    y: float = Field(description="The share upwards")
    y_low: Low
    y_high: High
    note: Note = None


class Scatter(_Detail):
    """Two shares of each of several things: what one costs in the other."""

    kind: Literal["scatter"] = Field(default="scatter", description="A scatter plot")
    title: Title
    note: Note = None
    rate: str | None = Field(default=None, description="The error rate that the shares are of")
    x_title: AxisTitle
    y_title: AxisTitle
    tag_source: TagSource = None
    points: list[ScatterPoint] = Field(description="The points, in the order of their numbers")

    def laid_out(self) -> tuple[Fields, list[list[Cell]]]:
        """Return a row a point."""
        values = [(axis + end, "percent") for axis in "xy" for end in ("", "_low", "_high")]
        return _cells([("name", "text"), ("n", "count"), *values, ("note", "text")], self.points)


Detail = Annotated[
    Table | Forest | Curve | Distribution | Heatmap | Confusion | Gallery | Slopes | Scatter,
    Field(discriminator="kind"),
]


class Test(_Strict):
    """One significance test. The adjusted p-values are over all tests of the whole result."""

    name: str = Field(description="What is tested")
    method: str = Field(description="The test, by its usual name")
    p: float = Field(ge=0, le=1, description="Its p-value")
    p_holm: float | None = Field(default=None, description="Adjusted by Holm")
    p_bh: float | None = Field(default=None, description="Adjusted by Benjamini and Hochberg")


class GroupRate(_Strict):
    """A group that a finding names, with its error rate."""

    group: list[str] = Field(description="Its value of each tag")
    n: Images
    events: int = Field(description="Errors among them")
    value: float = Field(description="The error rate, from 0 to 1")
    low: float | None = Field(default=None, description="Lower end, if it was picked as highest")
    high: float | None = Field(default=None, description="Upper end, if it was picked as highest")


class Interval(_Strict):
    """A number that was estimated, and the range in which the true one lies."""

    value: float = Field(description="The estimate")
    low: float = Field(description="Lower end")
    high: float | None = Field(description="Upper end; null where there is none")
    confidence: float = Field(description="Of the interval")
    together: bool = Field(default=False, description="Whether it holds with all others at once")

    @property
    def upper(self) -> float:
        """The upper end, which may be infinite."""
        return math.inf if self.high is None else self.high


class EqualDelivery(_Strict):
    """A gap's two groups among pictures of one kind: of one data set, and delivered alike.

    `pictures`, `rates` and `alone` add up to the gap.
    """

    value: float | None = Field(description="The gap among such; null where no kind has both")
    low: Low
    high: High
    confidence: float = Field(description="At which it holds with all other gaps and pairs")
    overlap: float = Field(description="Share of the groups' images of a kind that both have")
    pictures: float = Field(description="Part of the gap that is their coming in other kinds")
    rates: float = Field(description="Part of the gap that is other rates within a kind")
    alone: float = Field(description="Part of the gap from kinds that one of the groups lacks")


class OneDelivery(_Strict):
    """A gap's two groups when every picture is delivered alike and scored again.

    `value` and `part` add up to the gap as delivered.
    """

    delivery: str = Field(description="How every picture was delivered")
    value: float = Field(description="What remains of the gap")
    low: float = Field(description="Lower end")
    high: float = Field(description="Upper end")
    part: float = Field(description="The part of the gap that was delivery")
    part_low: float = Field(description="Lower end")
    part_high: float = Field(description="Upper end")
    confidence: float = Field(description="At which both hold with those of all other gaps")

    @property
    def shows(self) -> tuple[bool, bool]:
        """Whether a gap is shown to remain, and whether a part of it to be delivery."""
        return self.low > 0 or self.high < 0, self.part_low > 0 or self.part_high < 0


class Finding(_Strict):
    """What is fit to be quoted: the facts, and a sentence that tells them."""

    sentence: str = Field(default="", description="The finding, as a whole sentence")
    status: Status = Field(description="What it says of a limit, or 'info'")
    check: str = Field(default="", description="Which check found it")
    brief: str = Field(default="", description="The finding in at most 25 words, for a headline")
    weight: float = Field(default=0.0, description="The higher, the earlier it is shown")
    tags: list[str] = Field(default_factory=list, description="The tags whose groups it compares")
    groups: list[GroupRate] = Field(default_factory=list, description="Of a gap, the highest first")
    rate: str | None = Field(default=None, description="The error rate, or 'undecided', if any")
    n: int | None = Field(default=None, description="How many images it rests on")
    events: int | None = Field(default=None, description="Errors among them")
    interval: Interval | None = Field(default=None, description="Gap, difference, ratio or share")
    held_equal: list[str] = Field(
        default_factory=list, description="Other tags, and delivery, held equal"
    )
    equal_delivery: EqualDelivery | None = Field(default=None, description="The gap's twin")
    one_delivery: OneDelivery | None = Field(
        default=None, exclude_if=lambda of: of is None, description="The gap, scored again"
    )
    limit: float | None = Field(default=None, description="The largest gap that is allowed")
    smallest: int | None = Field(default=None, description="Groups smaller than this are left out")
    worst: float | None = Field(default=None, description="Upper end, whatever hidden images are")
    wrong_tags: float | None = Field(default=None, description="Largest share of wrong tags said")
    needed: int | None = Field(
        default=None, description="Images of each group that would settle it, if it is open"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_result(cls, given: Any) -> Any:
        # It once said whether its check's answer told it too.
        return (
            {k: v for k, v in given.items() if k != "in_answer"} if type(given) is dict else given
        )

    @property
    def share(self) -> float:
        """Errors among the images."""
        return (self.events or 0) / self.n if self.n else math.nan


class GapVerdict(_Strict):
    """One gap between groups held against its limit. All are shares from 0 to 1.

    Or of a comparison the second's error rate minus the first's, in one group or over all images.
    """

    tags: list[str] = Field(description="Whose groups; with check and rate they name the gap")
    group: str | None = Field(default=None, description="Of a comparison, in which group it is")
    classifier: str | None = Field(default=None, description="And whose rate minus the first's")
    rate: RateId = Field(description="The error rate, by its id")
    limit: float = Field(ge=0, le=1, description="The largest gap that is allowed")
    value: float | None = Field(description="The gap; null where there is none to judge")
    low: Low
    high: High
    worst: float | None = Field(default=None, description="Upper end, whatever hidden images are")
    confidence: float = Field(description="At which all verdicts of the audit hold together")
    status: Status = Field(description="The verdict on this gap")

    @classmethod
    def of(
        cls,
        found: Finding,
        confidence: float,
        group: str | None = None,
        classifier: str | None = None,
    ) -> GapVerdict:
        """Take the verdict from a finding on a gap that has a limit."""
        gap = found.interval
        return cls(
            tags=found.tags,
            group=group,
            classifier=classifier,
            rate=found.rate or "",
            limit=found.limit or 0.0,
            value=gap.value if gap else None,
            low=gap.low if gap else None,
            high=gap.high if gap else None,
            worst=found.worst,
            confidence=confidence,
            status=found.status,
        )


class CheckResult(_Strict):
    """The answer of one check. One that held something against a limit has `verdicts`."""

    id: str = Field(description="The check's name in a specification")
    title: Title
    part: Part = Field(default="why", description="The part of the page in which it stands")
    description: str = Field(description="What the check asks and how it is read")
    status: Status = Field(description="The check's answer")
    sentence: str = Field(description="The answer as a whole sentence")
    verdicts: list[GapVerdict] = Field(default_factory=list, description="Every gap it judged")
    findings: list[Finding] = Field(default_factory=list, description="What is worth quoting")
    tests: list[Test] = Field(default_factory=list, description="Every significance test it made")
    details: list[Detail] = Field(default_factory=list, description="What is shown, in order")
    limitations: list[str] = Field(
        default_factory=list, description="What it found that the data cannot carry"
    )
    traceback: str | None = Field(default=None, description="Where it broke off, if in 'error'")


class OverallRate(_Strict):
    """An error rate over all images."""

    rate: RateId = Field(description="The error rate, by its id")
    n: int = Field(ge=1, description="How many images it rests on")
    events: int = Field(description="Errors among them; of two classifiers, the second's")
    first: int | None = Field(default=None, description="Of two classifiers, the first's errors")
    low: Low
    high: High

    @property
    def value(self) -> float:
        """The rate, from 0 to 1."""
        return self.events / self.n


class FigureAt(_Strict):
    """Which detail is drawn on the first screen."""

    check: str = Field(description="The check's id")
    detail: int = Field(description="The place of the detail in its check, from 0")


class Answer(_Strict):
    """The first screen beside the verdict, which is its headline."""

    rate: str | None = Field(default=None, description="The error rate that the question is about")
    tags: list[str] = Field(default_factory=list, description="The tags of the gap that leads")
    overall: list[OverallRate] = Field(default_factory=list, description="Over all images")
    who: str = Field(default="", description="Who is wrongly called, and who is not")
    how_much: str = Field(default="", description="How large the difference is, and the limit")
    how_sure: str = Field(default="", description="What is settled, and what is not")
    why: str = Field(default="", description="Whether it is the person or the picture's delivery")
    figure: FigureAt | None = Field(default=None, description="The one figure to look at first")


Counts = Annotated[
    dict[str, dict[str, int]], Field(description="Data set: label: how many of the rows")
]


class LeftOut(_Strict):
    """Rows that were not audited, for one reason."""

    reason: str = Field(description="Why they were left out")
    n: int = Field(description="How many they are")
    by: Counts


class Untagged(_Strict):
    """Audited images of one label without a value for a tag, or for one of a combination's."""

    tags: list[str] = Field(description="The tag, or the tags that are combined")
    label: Label
    n: int = Field(description="How many audited images have the label")
    missing: int = Field(description="How many of them lack the tag")
    wrong: int = Field(description="Errors among all of them")
    wrong_missing: int = Field(description="Errors among those that lack the tag")


class Unscored(_Strict):
    """Images of one label and group, and how many have no score."""

    tag: str = Field(description="The tag")
    label: Label
    group: str | None = Field(description="The group; null: without the tag")
    n: int = Field(description="How many images they are")
    unscored: int = Field(description="How many of them have no score")


class Rows(_Strict):
    """What became of every row that was read: used, or left out for one reason."""

    read: int = Field(description="Rows of the scores table")
    used: int = Field(description="Rows that the result rests on")
    by: Counts
    left_out: list[LeftOut] = Field(description="The other rows, by reason")
    untagged: list[Untagged] = Field(default_factory=list, description="Used rows without a tag")
    unscored: list[Unscored] = Field(default_factory=list, description="Rows without a score")
    sentence: str = Field(default="", description="What was used and left out, in words")
    shares: list[str] = Field(default_factory=list, description="What is missing unequally")

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

    name: str = Field(description="The scores, by their classifier")
    model: ModelInfo | None = Field(description="The classifier, if the scores name it")
    datasets: dict[str, Annotated[DatasetSummary, BeforeValidator(_without_root)]] = Field(
        description="Data set: what became of its files"
    )
    tag_sources: dict[str, dict[str, str]] = Field(description="Tag: data set: whose word")
    versions: dict[str, str] = Field(description="What the scores were made with")
    n_real: int = Field(description="Scored real photographs")
    n_ai: int = Field(description="Scored AI images")
    unscored: dict[str, int] = Field(description="Rows without a score, by status")
    rows: Rows | None = Field(default=None, description="Which rows the result rests on")
    threshold: float = Field(description="A score from here on is called AI-generated")
    threshold_rule: str = Field(description="How the threshold was chosen")


class Result(_Strict):
    """An audit, a comparison or a study, whole."""

    kind: Literal["audit", "compare", "study"] = Field(description="Which of the three it is")
    result_version: int = Field(default=RESULT_VERSION, description="See `RESULT_VERSION`")
    created: str = Field(description="When it was made: UTC, ISO 8601")
    name: str = Field(description="The name of its specification or study")
    title: Title
    question: str = Field(description="What was asked")
    status: Status = Field(description="The answer to the question")
    verdict: str = Field(description="The answer in at most 25 words")
    answer: Answer | None = Field(default=None, description="Who, how much, how sure, why")
    findings: list[Finding] = Field(description="Those that matter most, the gravest first")
    limitations: list[str] = Field(description="What the data cannot carry")
    scores: list[ScoresSummary] = Field(description="The scores it rests on; one a classifier")
    thresholds: list[float] | None = Field(default=None, description="Thresholds to show, rising")
    checks: list[CheckResult] = Field(description="The answers of its checks, as they are read")
    spec: dict[str, Any] = Field(description="The specification, to run it again")
    inputs: list[Input] = Field(
        default_factory=list, description="What was read; empty if that is not known"
    )
    versions: dict[str, str] = Field(description="The libraries it was made with")

    def __repr__(self) -> str:
        """Tell in five lines which result it is and what it says; the rest would fill pages."""
        names = " and ".join(of.name for of in self.scores)
        statuses = [check.status for check in self.checks]
        told = [f"{statuses.count(of)} {of}" for of in SEVERITY if of in statuses]
        overall = [
            f"{rate.verb} {natural_frequency(of.events, of.n)} of {counted(of.n, rate.image)}"
            for of in (self.answer.overall if self.answer else [])
            if (rate := ERROR_RATES.get(of.rate))
        ]
        lines = (
            f"<{self.kind} of {names or 'no scores'}: {self.title}>",
            f"{self.status}: {self.verdict}",
            "; ".join(overall) or self.question,
            f"{counted(len(self.checks), 'check')}: {', '.join(told)}",
            f"{counted(len(self.findings), 'finding')}, "
            f"{counted(len(self.limitations), 'limitation')}; made {self.created}",
        )
        return "\n".join(" ".join(line.split()) for line in lines)

    __str__ = __repr__

    @property
    def first_figure(self) -> Detail | None:
        """The detail that belongs on the first screen; None if there is none."""
        if self.answer is None or self.answer.figure is None:
            return None
        at = self.answer.figure
        return next(check for check in self.checks if check.id == at.check).details[at.detail]

    @property
    def details(self) -> list[Detail]:
        """The details of all checks, in their order."""
        return [detail for check in self.checks for detail in check.details]

    @model_validator(mode="after")
    def _numbers_at_every_threshold(self) -> Self:
        steps = len(self.thresholds or [])
        for detail in self.details:
            moved = detail.by_threshold if isinstance(detail, _Movable) else None
            if any(len(grid) != steps for grid in (moved or {}).values() if grid is not None):
                raise ValueError(f"{detail.title}: numbers for other than {steps} thresholds")
        if (answer := self.answer) is not None and (at := answer.figure) is not None:
            of_check = {check.id: len(check.details) for check in self.checks}
            if not 0 <= at.detail < of_check.get(at.check, 0):
                raise ValueError(f"answer.figure: {at.check} has no detail {at.detail}")
        audited = [summary.threshold for summary in self.scores[:1]]
        if steps and not set(audited) & set(self.thresholds or []):
            raise ValueError("the audited threshold is not among the thresholds")
        return self


def to_json(result: Result) -> str:
    """Return a result as JSON, in which a list of numbers takes one line."""
    text = result.model_dump_json(indent=1)
    # A line break of JSON is never inside a text, and before a number it is a list's.
    text = re.sub(r"(?<=[\[,])\n +(?=[-\d]|null)", "", text)
    return re.sub(r"(?<=[\dl])\n +(?=\])", "", text) + "\n"


def write_result(path: Path | str, result: Result) -> Path:
    """Write a result as JSON, whole or not at all."""
    return write_text(path, to_json(result))


def files_in(folder: Path | str, kind: str) -> tuple[Path, Path]:
    """Return where a result of that kind and its page are in a folder."""
    return Path(folder) / f"{kind}.json", Path(folder) / "report.html"


class _Version(BaseModel):
    result_version: StrictInt


def read_result(path: Path | str) -> Result:
    """Read ``audit.json``, ``compare.json`` or ``study.json`` of this version or an earlier one.

    Raises
    ------
    FaceAuditError
        If the file is missing, of a version that this faceaudit does not know, or not a result.
    """
    if not isinstance(path, Path | str):
        kind = type(path).__name__
        raise FaceAuditError(f"{kind} is no result; give one, or the path of its file")
    text = read_text(path, "result")
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
        raise refusal(path, f"not a result of faceaudit ({describe(error)})", "result") from None


def read_audit(given: Result | Path | str) -> Result:
    """Read an ``audit.json``; a result of another kind is refused, also one in memory."""
    result = given if isinstance(given, Result) else read_result(given)
    if result.kind != "audit":
        source = result.name if isinstance(given, Result) else given
        raise FaceAuditError(f"{source}: of kind '{result.kind}'; give the audit.json of an audit")
    return result
