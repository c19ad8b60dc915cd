"""The explorer: error rates of any groups of a scores table, and the pictures behind them.

What is looked at is a `View`, which stands in the address. Its numbers are those of an audit of
the same table, and its pictures lie where this machine's own ``index`` found them; they are read
for each answer and kept nowhere.
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, Field, field_validator
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from faceaudit.bundled import recorded_names, recorded_scores
from faceaudit.checks import AuditInput
from faceaudit.checks.parts.group_rates import gap_between, rate_forest
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.errors import FaceAuditError, validated
from faceaudit.figures import interactive
from faceaudit.figures.interactive import plain
from faceaudit.report.numbers import percent
from faceaudit.result import Finding, Forest, Rows
from faceaudit.row_filter import row_mask
from faceaudit.runner import summarise
from faceaudit.selection import select
from faceaudit.spec import EVERY_TAG, Spec, every_tag
from faceaudit.stats import IntArray
from faceaudit.stats.rates import estimate_of
from faceaudit.tables import Scores, read_scores, scored
from faceaudit.tags.vocabulary import distinct_values
from faceaudit.thumbnails import PicturesAtHand, small_jpeg
from faceaudit.web.apart import apart
from faceaudit.web.held_tables import LIMITS
from faceaudit.wording import attributes_title

#: More groups than this are no picture of anything.
MOST_GROUPS = 200
#: Pictures on a page, of those called wrongly and of those called rightly.
PER_PAGE = 12
#: Pixels, of the longer side of a picture.
PICTURE_SIDE = 320
#: A table below the folder of reports is one of these.
TABLE_NAMES = ("scores.parquet", "scores.csv")
#: In the drawing: pixels, and characters of a group's name.
ROW_HEIGHT, MOST_CHARACTERS = 35, 32


class View(BaseModel):
    """What is looked at, as it stands in the address; what is left out is chosen."""

    table: str = Field(default="", description="A table, as /api/tables names it")
    tag: list[str] = Field(
        default=[], max_length=2, description="The tags whose values, combined, make the groups"
    )
    rate: str = Field(default="", description=f"The error rate: {', '.join(ERROR_RATES)}")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="The classifier's own if left out"
    )
    only: list[str] = Field(
        default=[],
        description="TAG:VALUE, the images that count; several values of a tag count together",
    )
    where: str = Field(
        default="", max_length=1000, description="An expression that the images satisfy"
    )
    group: str = Field(default="", description="The group whose images are looked at")
    page: int = Field(default=1, ge=1, description="Which of their pages")

    @field_validator("tag", "only", mode="before")
    @classmethod
    def _no_blanks(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(filter(None, value)))

    @field_validator("rate")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and value not in ERROR_RATES:
            raise ValueError(f"'{value}' is none of {', '.join(ERROR_RATES)}")
        return value

    @classmethod
    def of(cls, query: QueryParams) -> View:
        """Read a view from an address; a field of a form that was left blank is left out."""
        several = ("tag", "only")
        given: dict[str, Any] = {name: query.getlist(name) for name in several}
        given |= {name: query[name] for name in query if name not in several and query[name]}
        return validated(cls, {name: given[name] for name in cls.model_fields if name in given}, "")

    @classmethod
    def parameters(cls) -> list[dict[str, Any]]:
        """Describe the fields for the JSON interface."""
        properties = cls.model_json_schema()["properties"]
        return [
            {
                "name": name,
                "in": "query",
                "description": schema.pop("description"),
                "schema": schema,
            }
            for name, schema in properties.items()
        ]

    def address(self, **changed: Any) -> str:
        """Return the address of this view, or of one that differs."""
        fields = {**self.model_dump(exclude_defaults=True), **changed}
        given = {name: of for name, of in fields.items() if of not in (None, "", [])}
        return "/explore?" + urlencode(given, doseq=True)


class Explored(BaseModel):
    """The error rate of every group of a view."""

    #: With what was chosen for what was left out.
    view: View
    #: The classifier's own threshold, and how it was chosen.
    own_threshold: float
    threshold_rule: str
    #: The row expression that the filters amount to, as a specification's ``rows``.
    expression: str | None
    #: What became of each row of the table.
    rows: Rows
    #: As in an audit; its limit lies above the lowest rate by the gap that is accepted.
    forest: Forest
    #: The widest gap between groups that are large enough.
    gap: Finding | None


class GroupImage(BaseModel):
    """An image of a group."""

    image: str
    dataset: str
    p_ai: float
    #: Where the server shows the picture; null where it is not at hand.
    picture: str | None


class GroupImages(BaseModel):
    """A page of the images of a group that could suffer the error, the gravest first."""

    group: str
    page: int
    pages: int
    n_wrong: int
    n_right: int
    wrong: list[GroupImage]
    right: list[GroupImage]
    #: Why pictures of this page are not shown, if some are not.
    lacking: str | None


class Tables:
    """The tables that can be looked at, by name; one at a time is kept in memory.

    They are those `given`, those below the folder of `reports`, and those that come with
    faceaudit. Without `images` no picture is shown.
    """

    def __init__(self, given: Sequence[Path | str], reports: Path, images: bool) -> None:
        self._given, self._reports, self._images = list(map(Path, given)), reports, images
        self._kept: tuple[object, OpenTable] | None = None
        self._reading = Lock()
        #: A picture may need hundreds of megabytes to be made small.
        self._decoding = Lock()

    def paths(self) -> dict[str, Path]:
        """Return where the tables lie."""
        root = self._reports.resolve()
        found = (path for name in TABLE_NAMES for path in sorted(root.rglob(name)))
        paths = {str(path): path for path in self._given}
        paths |= {
            path.relative_to(root).as_posix(): path
            for path in found
            if path.is_file() and path.resolve().is_relative_to(root)
        }
        return paths | {f"bundled:{name}": recorded_scores(name) for name in recorded_names()}

    def open(self, name: str) -> OpenTable:
        """Return a table by its name; if that is blank the first that was given, or the largest.

        HTTP status 404.
        """
        paths = self.paths()
        if not name:
            # A small one, as that of the sample faces, has no groups to speak of.
            largest = max(paths, key=lambda one: paths[one].stat().st_size)
            name = next(iter(map(str, self._given)), largest)
        if name not in paths:
            raise HTTPException(404, "There is no such table.")
        with self._reading:
            try:
                status = paths[name].stat()
                key = (name, status.st_mtime_ns, status.st_size)
                if self._kept is None or self._kept[0] != key:
                    self._kept = None  # never two at a time
                    scores = apart(LIMITS, read_for_views, paths[name])
                    self._kept = key, OpenTable(name, scores, self._images)
            except OSError:
                raise HTTPException(404, "This table is not there any more.") from None
            except FaceAuditError as error:
                # The way to the folder is the server's own business.
                raise FaceAuditError(str(error).replace(str(paths[name]), name)) from None
            return self._kept[1]

    def picture(self, table: str, dataset: str, image: str) -> bytes:
        """Return the picture of an image of a table, as a small JPEG; HTTP status 404."""
        content = self.open(table).content(dataset, image)
        with self._decoding:
            small = content and small_jpeg(content, PICTURE_SIDE)
        if not small:
            raise HTTPException(404, "This picture is not at hand.")
        return small


def read_for_views(path: Path) -> Scores:
    """Read a scores table without what no view needs."""
    scores = read_scores(path)
    unseen = {"attention", "features"} & {*scores.table.column_names}
    return Scores(scores.table.drop_columns([*unseen]), scores.info)


class OpenTable:
    """A scores table that was read."""

    def __init__(self, name: str, scores: Scores, images: bool) -> None:
        self.name, self._images, self.scores = name, images, scores
        #: The tags that make a few groups, and what each can be.
        self.tags = every_tag(self.scores.table, EVERY_TAG, EVERY_TAG).attributes
        self.summary = summarise(name, self.scores, None)
        self._selected: tuple[object, tuple[pa.Table, IntArray | None, Rows]] | None = None

    @cached_property
    def values(self) -> dict[str, list[str]]:
        """The values by which rows can be filtered: tag -> values, in reading order."""
        table = self.scores.table
        return {
            tag: distinct_values(table, tag)
            for tag in self.tags
            # An expression can name no other.
            if pa.types.is_string(table[tag].type)
            and tag.isidentifier()
            and not keyword.iskeyword(tag)
        }

    def expression(self, view: View) -> str | None:
        """Write the filters of a view as one row expression; None if there are none."""
        chosen: dict[str, list[str]] = {}
        for one in view.only:
            tag, _, value = one.partition(":")
            if value not in self.values.get(tag, ()):
                raise FaceAuditError(f"the filter '{one}': there is no such tag and value")
            chosen.setdefault(tag, []).append(value)
        parts = [f"{tag} in {values!r}" for tag, values in chosen.items()]
        if view.where.strip():
            row_mask(self.scores.table, view.where, "the expression")
            parts.append(f"({view.where.strip()})" if parts else view.where.strip())
        return " and ".join(parts) or None

    def audited(self, view: View) -> tuple[AuditInput, Rows]:
        """Select the rows of a view whose gaps are filled, as an audit of them would."""
        spec = Spec(
            name="explorer",
            title="",
            question="",
            rows=self.expression(view),
            attributes=view.tag,
            intersections=[view.tag] if len(view.tag) > 1 else [],
        )
        kept = self._selected
        if kept is None or kept[0] != spec.rows:
            selection = select(self.scores, spec.model_copy(update={"intersections": []}))
            table = scored(selection.scores)
            clusters = AuditInput(table, self.scores.info, spec, 0.5).clusters
            kept = self._selected = spec.rows, (table, clusters, selection.rows)
        table, clusters, rows = kept[1]
        assert view.threshold is not None
        # Anew for each threshold: what it counts for one would pile up while the slider moves.
        data = AuditInput(table, self.scores.info, spec, view.threshold)
        data.clusters = clusters
        return data, rows

    def filled(self, view: View) -> View:
        """Choose what a view leaves out."""
        if strange := [tag for tag in view.tag if tag not in self.tags]:
            raise FaceAuditError(
                f"there is no tag '{strange[0]}' that makes a few groups; there are "
                f"{', '.join(self.tags)}"
            )
        chosen = {
            "table": self.name,
            "tag": view.tag or [next((of for of in self.tags if of != "dataset"), self.tags[0])],
            "rate": view.rate or ("fpr" if self.summary.n_real else "fnr"),
            "threshold": self.summary.threshold if view.threshold is None else view.threshold,
        }
        return view.model_copy(update=chosen)

    def content(self, dataset: str, image: str) -> bytes | None:
        """Return the file of an image of this table, or None if it may not or cannot be shown."""
        table = self.scores.table
        named = pc.and_(pc.equal(table["image"], image), pc.equal(table["dataset"], dataset))
        rows = table.filter(named).to_pylist()
        return self.file(rows[0]) if rows else None

    def file(self, row: dict[str, Any]) -> bytes | None:
        """Return the file of a row of this table, or None if it may not or cannot be shown."""
        if not self._images or row.get("sha256") is None:
            return None
        return self._at_hand.content(row["dataset"], row["image"], row["sha256"])

    def reason(self, datasets: Sequence[str]) -> str:
        """Say why pictures of some data sets are not shown."""
        if not self._images:
            return "This server shows no pictures (--no-images)."
        if "sha256" not in self.scores.table.column_names:
            return "Pictures are not shown: the scores do not say which files they are of (sha256)."
        reasons = "; ".join(map(self._at_hand.reason, datasets))
        return f"Pictures not shown: {reasons}. 'faceaudit index' says where they lie."

    @cached_property
    def _at_hand(self) -> PicturesAtHand:
        return PicturesAtHand(self.scores)


def tables_of(request: Request) -> Tables:
    """Return the tables of the server that a request came to."""
    tables: Tables = request.app.state.tables
    return tables


def explore(table: OpenTable, view: View) -> Explored:
    """Estimate the error rate of every group of a view."""
    view = table.filled(view)
    rate = ERROR_RATES[view.rate]
    data, rows = table.audited(view)
    groups = data.images.grouping(view.tag).groups
    if len(groups) > MOST_GROUPS:
        raise FaceAuditError(
            f"{' × '.join(view.tag)}: {len(groups):,} groups; {MOST_GROUPS} are the most here"
        )
    counts = data.images.counts(view.tag, (data.threshold,))
    found = estimate_of(counts, rate.id, data.spec.confidence)
    forest = rate_forest(counts, data, rate, found)
    if forest is None:
        named = attributes_title(view.tag)
        raise FaceAuditError(f"no {rate.image} among these rows has a tag for {named}")
    small = data.spec.small_group
    large = [row.value for row in forest.rows if row.value is not None and row.n >= small]
    if len(large) > 1 and rate.limit is not None and min(large) + rate.limit < 1:
        forest.limit = min(large) + rate.limit
    return Explored(
        view=view,
        own_threshold=table.summary.threshold,
        threshold_rule=table.summary.threshold_rule,
        expression=data.spec.rows,
        rows=rows,
        forest=forest,
        gap=gap_between(counts.at(data.threshold), rate, data, data.claim_confidence),
    )


def group_images(table: OpenTable, view: View) -> GroupImages:
    """List the images of the view's group; HTTP status 404 if there is no such group."""
    view = table.filled(view)
    rate = ERROR_RATES[view.rate]
    data, _ = table.audited(view)
    grouping = data.images.grouping(view.tag)
    if view.group not in grouping.labels:
        raise HTTPException(404, f"There is no group '{view.group}' here.")
    concerned = grouping.code == grouping.labels.index(view.group)
    if rate.label is not None:
        concerned &= data.images.is_ai == (rate.label == "ai")
    rows = np.flatnonzero(concerned)
    # The farthest on the wrong side first: of photographs the highest score, of others the lowest.
    order = data.images.score[rows] * (1 if rate.label == "ai" else -1)
    rows = rows[np.argsort(order, kind="stable")]
    wrong, right = rows[data.wrong[rows]], rows[~data.wrong[rows]]
    pages = max(1, -(-max(len(wrong), len(right)) // PER_PAGE))
    page = min(view.page, pages)
    shown = slice((page - 1) * PER_PAGE, page * PER_PAGE)
    sides = [_images(table, data.table, of[shown]) for of in (wrong, right)]
    lacking = {one.dataset for side in sides for one in side if one.picture is None}
    return GroupImages(
        group=view.group,
        page=page,
        pages=pages,
        n_wrong=len(wrong),
        n_right=len(right),
        wrong=sides[0],
        right=sides[1],
        lacking=table.reason(sorted(lacking)) if lacking else None,
    )


def _images(table: OpenTable, rows: pa.Table, places: IntArray) -> list[GroupImage]:
    names = ["image", "dataset", "p_ai", "sha256"]
    rows = rows.select([name for name in names if name in rows.column_names])
    shown = []
    for row in rows.take(pa.array(places)).to_pylist():
        address = None
        if table.file(row) is not None:
            key = {"table": table.name, "dataset": row["dataset"], "image": row["image"]}
            address = f"/explore/picture?{urlencode(key)}"
        facts = {name: row[name] for name in names[:3]}
        shown.append(GroupImage(picture=address, **facts))
    return shown


def figure(forest: Forest, rate: ErrorRate) -> str:
    """Draw a view with plotly, as JSON; the page adds its colours."""
    drawn = interactive(forest)
    rows = [row for row in forest.rows if row.value is not None]
    # An interval of few images may reach from 0 to 1; it runs off the axis instead of ruling it.
    ends = [row.high if row.note is None else row.value for row in rows]
    end = 1.08 * max([*filter(None, [*ends, forest.limit, forest.reference]), 0.02])
    lines = [
        (forest.reference, f"{forest.reference_label} {percent(forest.reference)}"),
        (forest.limit, f"limit: {100 * (rate.limit or 0):g} points more"),
    ]
    drawn.update_layout(
        title=None,
        template=None,
        height=80 + ROW_HEIGHT * len(rows),
        margin={"l": 10, "r": 16, "t": 42, "b": 34},
        xaxis={
            "title": None,
            "range": [-0.035 * end, end],
            "tickformat": ",.3~%",
            "tickangle": 0,
            "nticks": 6,
            "fixedrange": True,
        },
        yaxis={
            "title": None,
            "autorange": None,
            "range": [len(rows) - 0.4, -0.6],
            "tickvals": list(range(len(rows))),
            "ticktext": [f"{plain(_cut(row.group))}  " for row in rows],
            "fixedrange": True,
            "showgrid": False,
        },
        annotations=[
            {
                **{"x": place, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False},
                **{"text": plain(words), "yshift": 2 + 16 * level},
                "xanchor": "left" if place < end / 2 else "right",
            }
            for level, (place, words) in enumerate(lines)
            if place is not None
        ],
    )
    return str(drawn.to_json())


def _cut(group: str) -> str:
    return group if len(group) <= MOST_CHARACTERS else f"{group[: MOST_CHARACTERS - 1]}…"
