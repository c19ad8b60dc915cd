"""A result as whoever works in Python wants it: pandas tables, fairlearn's frame, figures.

Nothing is computed that the result does not hold. pandas, fairlearn and plotly are imported when
they are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from faceaudit import result as base
from faceaudit.errors import FaceAuditError
from faceaudit.frames import frame
from faceaudit.result import CheckResult, Finding, Forest, GapVerdict, Heatmap, Slopes
from faceaudit.wording import attributes_title

if TYPE_CHECKING:
    from pandas import DataFrame

#: Joins the tags that are combined, and the values of a combined group.
_TIMES = " × "


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

    @property
    def groups(self) -> DataFrame:
        """The error rates of every group of every tag of the specification, as a tidy table.

        A row is a group with one error rate. Combined tags are written ``age_band × gender``.
        Of an audit: ``tag``, ``group``, ``rate``, ``n``, ``errors``, ``value``, ``low``, ``high``
        and ``status`` (``not-estimable`` where there is no image, else ``info``: gaps are judged,
        not groups). Of a comparison, in place of errors and value, the rates ``first`` and
        ``second`` and the paired ``difference``. All are shares from 0 to 1; an interval holds on
        its own.
        """
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
        """
        fields = [(name, "text") for name in ("check", "tag", "rate", "highest", "lowest")]
        fields += [(name, "points") for name in ("value", "low", "high", "limit")]
        fields += [("status", "status"), ("confidence", "number")]
        if self.result_version < 2:
            raise FaceAuditError(
                f"{self.name}: a result of version {self.result_version} does not record its gaps; "
                "audit the scores again"
            )
        return frame(fields, [row for check in self.checks for row in _gaps(check)])


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
