"""A result as whoever works in Python wants it: pandas tables, fairlearn's frame, figures.

Nothing is computed that the result does not hold. pandas, fairlearn and plotly are imported when
they are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from faceaudit import result as base
from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.figures import Drawn, interactive, svg
from faceaudit.frames import frame
from faceaudit.one_or_many import as_words
from faceaudit.result import (
    CheckResult,
    Detail,
    Finding,
    Forest,
    GapVerdict,
    Heatmap,
    Scatter,
    Slopes,
)
from faceaudit.wording import attributes_title

if TYPE_CHECKING:
    from fairlearn.metrics import MetricFrame
    from pandas import DataFrame
    from plotly.graph_objects import Figure as PlotlyFigure

#: Joins the tags that are combined, and the values of a combined group.
_TIMES = " × "


class Drawing(str):
    """A figure of the report as SVG, a file of its own as text; notebooks show it."""

    detail: Drawn

    def __repr__(self) -> str:
        """Tell which figure it is; the SVG itself is long."""
        return f"<SVG: {self.detail.title}>"

    def _repr_html_(self) -> str:
        from faceaudit.report import in_notebook

        return in_notebook.figure(self.detail)


class Findings(list[Finding]):
    """The findings of a result, as a list that is a table too."""

    def to_frame(self) -> DataFrame:
        """Return the findings as a pandas table, a row each."""
        fields = [(name, "text") for name in ("check", "status", "tag", "rate")]
        fields += [("n", "count"), ("events", "count")]
        fields += [(name, "number") for name in ("value", "low", "high", "confidence", "limit")]
        return frame([*fields, ("sentence", "text")], [_cells(found) for found in self])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read it as the list that it is."""
        return core_schema.no_info_after_validator_function(cls, handler(list[Finding]))


def _cells(found: Finding) -> list[Any]:
    gap = found.interval
    ends = [gap.value, gap.low, gap.high, gap.confidence] if gap else [None] * 4
    told = [found.check, found.status, _TIMES.join(found.tags) or None, found.rate]
    return [*told, found.n, found.events, *ends, found.limit, found.sentence]


class Result(base.Result):
    """An audit, a comparison or a study, with its tables and figures."""

    findings: Findings

    @classmethod
    def of(cls, result: base.Result) -> Self:
        """Give a result these tables and figures; they share what it holds."""
        if isinstance(result, cls):
            return result
        return cls.model_construct(**dict(result) | {"findings": Findings(result.findings)})

    def _repr_html_(self) -> str:
        from faceaudit.report import in_notebook

        return in_notebook.first_screen(self)

    @property
    def groups(self) -> DataFrame:
        """The error rates of every group of every tag of the specification, as a tidy table.

        A row is a group with one error rate. Combined tags are written ``age_band × gender``.
        Of an audit: ``tag``, ``group``, ``rate``, ``n``, ``errors``, ``value``, ``low``, ``high``
        and ``status`` (``not-estimable`` where there is no image, else ``info``: gaps are judged,
        not groups). Of two classifiers, in place of errors and value, the rates ``first`` and
        ``second`` and the paired ``difference``. All are shares from 0 to 1; an interval holds on
        its own.

        Raises
        ------
        FaceAuditError
            If more than two classifiers are compared: each has a table of its own.
        """
        if self.kind == "compare" and len(self.scores) > 2:
            raise FaceAuditError(
                f"{self.name}: of {len(self.scores)} classifiers each has a table of its groups "
                "beside the first; result.tables lists them"
            )
        fields = [("tag", "text"), ("group", "text"), ("rate", "text"), ("n", "count")]
        if self.kind == "compare":
            fields += [(name, "percent") for name in ("first", "second", "difference")]
            fields += [("low", "points"), ("high", "points")]
        else:
            fields += [("errors", "count"), ("value", "percent")]
            fields += [("low", "percent"), ("high", "percent"), ("status", "status")]
        return frame(
            fields,
            [
                [_TIMES.join(tags), row[0], detail.rate, *row[1:]]
                for tags, detail in self._rated()
                for row in _rows(detail)
            ],
        )

    def _rated(self) -> Iterator[tuple[tuple[str, ...], Forest | Heatmap | Slopes]]:
        """Give every detail with an error rate of the groups of some tags, each once."""
        single = [(tag,) for tag in self.spec.get("attributes") or ()]
        combined = [tuple(tags) for tags in self.spec.get("intersections") or ()]
        titles = {attributes_title(tags): tags for tags in [*single, *combined]}
        given = set()
        for detail in self.details:
            if not isinstance(detail, Forest | Heatmap | Slopes) or detail.rate is None:
                continue
            tags = titles.get(_attribute(detail))
            if tags and (tags, detail.rate) not in given:
                given.add((tags, detail.rate))
                yield tags, detail

    @property
    def gaps(self) -> DataFrame:
        """The gaps between the groups with the highest and the lowest error rate, a row each.

        A check that holds gaps against limits tells those that it judged; ``low``, ``high`` and
        ``status`` then hold for all of them together at ``confidence``.

        Raises
        ------
        FaceAuditError
            If this is a comparison, or an audit that did not record its gaps.
        """
        if self.kind == "compare":
            raise FaceAuditError(
                f"{self.name}: a comparison tells how gaps change; result.tables lists the tables"
            )
        fields = [(name, "text") for name in ("check", "tag", "rate", "highest", "lowest")]
        fields += [(name, "points") for name in ("value", "low", "high", "limit")]
        fields += [("status", "status"), ("confidence", "number")]
        if self.result_version < 2:
            raise FaceAuditError(
                f"{self.name}: a result of version {self.result_version} does not record its gaps; "
                "audit the scores again"
            )
        return frame(fields, [row for check in self.checks for row in _gaps(check)])

    @property
    def tables(self) -> DataFrame:
        """What `table`, `figure` and `svg` find: check, kind and title of everything it shows."""
        fields = [("check", "text"), ("kind", "text"), ("title", "text")]
        return frame(fields, [[of.id, d.kind, d.title] for of in self.checks for d in of.details])

    def table(self, title: str, *, check: str | None = None) -> DataFrame:
        """Return the table, or the numbers of the figure, with a title or a part of one.

        Raises
        ------
        FaceAuditError
            If none has it, or several have.
        """
        return self._titled(title, check).to_frame()

    def figure(
        self, what: str | None = None, *, by: str | Sequence[str] | None = None
    ) -> PlotlyFigure:
        """Return a figure to explore, drawn by plotly; see `svg` for the parameters.

        Raises
        ------
        FaceAuditError
            If there is no such figure, or plotly (extra ``notebook``) is not installed.
        """
        detail = self._drawn(what, by)
        try:
            return interactive(detail)
        except ModuleNotFoundError as error:
            if error.name and error.name.partition(".")[0] == "plotly":
                raise MissingExtraError("result.figure", "notebook") from None
            raise

    def svg(self, what: str | None = None, *, by: str | Sequence[str] | None = None) -> Drawing:
        """Return a figure as the report draws it.

        Parameters
        ----------
        what : str, optional
            An error rate (``fpr``), or a figure's title or a part of it. Without it, the figure
            of the first screen.
        by : str or sequence of str, optional
            The tag or tags whose groups the error rate is of; without it, those of the answer.
        """
        detail = self._drawn(what, by)
        drawing = Drawing(svg(detail))
        drawing.detail = detail
        return drawing

    def _drawn(self, what: str | None, by: str | Sequence[str] | None) -> Drawn:
        if what is None and by is None:
            detail = self.first_figure
            if detail is None:
                raise FaceAuditError(f"{self.name}: no figure leads; name one of result.tables")
        elif what is None or what in [*ERROR_RATES]:
            rate = what or (self.answer and self.answer.rate) or next(iter(ERROR_RATES))
            of_all = [d for d in self.details if isinstance(d, Scatter) and d.rate == rate]
            detail = of_all[0] if of_all and not by else self._rate_by(rate, by)[1]
        elif by is not None:
            raise FaceAuditError(f"by= goes with {' or '.join(ERROR_RATES)}, not with '{what}'")
        else:
            detail = self._titled(what)
        if not isinstance(detail, Drawn):
            raise FaceAuditError(f"'{detail.title}' is no figure; result.table(…) has its numbers")
        return detail

    def _rate_by(
        self, rate: str | None, by: str | Sequence[str] | None
    ) -> tuple[tuple[str, ...], Forest | Heatmap | Slopes]:
        """Find an error rate, or any, by the tags that are named, or by those of the answer."""
        found = {tags: detail for tags, detail in self._rated() if rate in (None, detail.rate)}
        of_answer = tuple(self.answer.tags) if self.answer else ()
        wanted = _tags(by) if by else of_answer if of_answer in found else next(iter(found), ())
        for tags, detail in found.items():
            if sorted(tags) == sorted(wanted):
                return tags, detail
        raise FaceAuditError(
            f"{self.name}: no {rate or 'error rate'} by {_TIMES.join(wanted) or 'any tag'}; by "
            f"{', '.join(map(_TIMES.join, found)) or 'nothing'} it is there"
        )

    def _titled(self, title: str, check: str | None = None) -> Detail:
        details = [d for of in self.checks if check in (None, of.id) for d in of.details]
        if not isinstance(title, str):
            raise FaceAuditError(f"{title!r} is no title; result.tables lists all")
        part = title.casefold()
        found = [d for d in details if d.title == title]
        found = found or [d for d in details if part in d.title.casefold()]
        if len(found) == 1:
            return found[0]
        where = f"{self.name}, {check}" if check else self.name
        titles = ", ".join(repr(d.title) for d in found[:4])
        several = f"{len(found)} are titled so ({titles}); give more of it, or check=…"
        raise FaceAuditError(
            f"{where}: '{title}': {several if found else 'nothing is titled so'}; "
            "result.tables lists all"
        )

    def metric_frame(
        self, by: str | Sequence[str] | None = None, *, control: str | Sequence[str] = ()
    ) -> MetricFrame:
        """Return fairlearn's ``MetricFrame`` of the audited images, by one tag or several.

        It is made of one row for each image that has the tags: labels and predictions are those
        that the result has counted, 1 is AI-generated. What fairlearn gives as 0 for a group
        without an image of a label is not a number here.

        Parameters
        ----------
        by : str or sequence of str, optional
            The sensitive features; without it, the tags of the answer.
        control : str or sequence of str
            The control features. The specification must name the combination of all of them.

        Raises
        ------
        FaceAuditError
            If this is not an audit, or it has no such tags.
        """
        from faceaudit.metric_frames import metric_frame

        if self.kind != "audit":
            raise FaceAuditError(f"{self.name}: a metric frame is of one classifier: audit it")
        controlled = _tags(control)
        wanted = _tags(by) if by else self._rate_by(None, None)[0]
        tags, _ = self._rate_by(None, [*dict.fromkeys((*wanted, *controlled))])
        groups = self.groups
        return metric_frame(groups[groups["tag"] == _TIMES.join(tags)], tags, controlled)


def _tags(by: str | Sequence[str]) -> tuple[str, ...]:
    """Take tags as they are given: one, several, or several in one text."""
    return tuple(by.split(_TIMES)) if isinstance(by, str) else tuple(as_words(by))


def _attribute(detail: Forest | Heatmap | Slopes) -> str:
    if isinstance(detail, Heatmap):
        return _TIMES.join((detail.row_title, detail.column_title))
    return detail.attribute


def _rows(detail: Forest | Heatmap | Slopes) -> Iterator[list[Any]]:
    """Give each group with its numbers, in the order of the columns of `Result.groups`."""
    match detail:
        case Forest():
            for row in detail.rows:
                numbers = [row.n, row.events, row.value, row.low, row.high]
                yield [row.group, *numbers, row.status or "info"]
        case Slopes():
            for each in detail.rows:
                rates = [each.first, each.second, each.difference]
                yield [each.group, each.n, *rates, each.low, each.high]
        case Heatmap():
            for first, second, n, value, low, high in detail.laid_out()[1]:
                status = "not-estimable" if value is None else "info"
                # A rate is its errors over n, and was not rounded.
                errors = None if value is None else round(float(value) * int(n or 0))
                yield [f"{first}{_TIMES}{second}", n, errors, value, low, high, status]


def _gaps(check: CheckResult) -> Iterator[list[Any]]:
    """Give the gaps that a check judged, or else those that it found."""
    found = {(*of.tags, str(of.rate)): of for of in check.findings if _is_gap(of)}
    judged = {(*of.tags, of.rate): of for of in check.verdicts}
    for name in judged or found:
        known = found.get(name)
        ends = [_TIMES.join(of.group) for of in known.groups] if known else [None, None]
        of: GapVerdict | Finding = judged[name] if judged else found[name]
        gap: Any = of.interval if isinstance(of, Finding) else of
        numbers = [gap.value, gap.low, gap.high, of.limit]
        yield [
            check.id,
            _TIMES.join(name[:-1]),
            name[-1],
            *ends,
            *numbers,
            of.status,
            gap.confidence,
        ]


def _is_gap(found: Finding) -> bool:
    """Tell a gap between two groups from a ratio of their rates, or a difference from the rest."""
    if found.interval is None or len(found.groups) != 2:
        return False
    highest, lowest = found.groups
    return math.isclose(found.interval.value, highest.value - lowest.value, abs_tol=1e-12)
