"""Checks: one file a question.

A module in this folder that defines ``CHECK`` is a check; nothing else needs to be touched
to add one. Its `Check.run` is a pure function from the scores and its options to a
`CheckResult`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from faceaudit.errors import validated
from faceaudit.result import CheckResult, ErrorRate
from faceaudit.spec import Spec
from faceaudit.tables import ScoresInfo


class Options(BaseModel):
    """Base of a check's options: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class AuditInput:
    """What every check is given.

    Attributes
    ----------
    table : pyarrow.Table
        The scored rows only (status ``ok`` or ``no_face``), so ``p_ai`` has no null.
    info : ScoresInfo
        File metadata: data sets, tag sources, classifier.
    spec : Spec
        Attributes, intersections, limits, confidence.
    threshold : float
        An image is called AI-generated when ``p_ai >= threshold``, in float32.
    gap_verdicts : int
        How many gaps the whole audit holds against a limit. Each verdict is made at
        confidence ``1 - (1 - spec.confidence) / gap_verdicts``, so that the chance of any
        wrong `fail` or `pass` in the audit stays within ``1 - spec.confidence``.
    """

    table: pa.Table
    info: ScoresInfo
    spec: Spec
    threshold: float
    gap_verdicts: int = 1

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The thresholds at which details can be shown, `threshold` among them."""
        from faceaudit.stats.thresholds import reader_thresholds

        return reader_thresholds(self.threshold)

    def tag_source(self, tag: str) -> str:
        """Say whose word a tag is, over all data sets."""
        sources = self.info.tag_sources.get(tag, {})
        if len(set(sources.values())) == 1:
            return next(iter(sources.values()))
        return "; ".join(f"{dataset}: {source}" for dataset, source in sorted(sources.items()))


@dataclass(frozen=True)
class Check:
    """One question that an audit can ask.

    Attributes
    ----------
    id : str
        Stable name, used in specifications and links.
    title : str
        Shown when the check passes or merely informs.
    failure_title : str
        Shown when it fails.
    description : str
        One paragraph that a journalist understands.
    run : callable
        ``run(data: AuditInput, options) -> CheckResult``.
    columns : tuple of str
        Columns that must be there, beyond image, label, dataset and p_ai.
    options : type of Options
        What the specification may set.
    default : bool
        Whether it runs when a specification names no checks.
    verdicts : callable
        ``verdicts(spec, rates) -> int``: how many gaps it holds against a limit, where `rates`
        are the error rates that have a limit and images. Only a check that records such
        verdicts can make an audit pass; a `fail` of any other is a veto.
    """

    id: str
    title: str
    failure_title: str
    description: str
    run: Callable[[AuditInput, Any], CheckResult]
    columns: tuple[str, ...] = ()
    options: type[Options] = field(default=Options)
    default: bool = True
    verdicts: Callable[[Spec, Collection[ErrorRate]], int] = lambda spec, rates: 0

    def parse_options(self, given: dict[str, Any], source: str) -> Options:
        """Validate the options that a specification gives."""
        return validated(self.options, given, f"{source}: checks.{self.id}.")


@cache
def all_checks() -> dict[str, Check]:
    """Return every check of this folder by id, in alphabetical order of their modules."""
    checks = {}
    for module in pkgutil.iter_modules(__path__):
        check = getattr(importlib.import_module(f"{__name__}.{module.name}"), "CHECK", None)
        if check is not None:
            checks[check.id] = check
    return checks
