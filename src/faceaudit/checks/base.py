"""How to write a check.

A check is one module with a ``CHECK``: in this folder, or in an installed package that names it
under the entry point ``faceaudit.checks``. Its `Check.run` gets the scores as an `AuditInput`
and its options, and returns a `Product`: what it found, as facts, sentences, tests and details to
draw. The audit adds what is the same for all: id, title, description, p-values adjusted over
all tests, the place among the others; an exception becomes an ``error`` of this check alone.

::

    from faceaudit.checks import AuditInput, Check, Options, Product
    from faceaudit.wording import counted

    def run(data: AuditInput, options: Options) -> Product:
        ai = data.audited(()).n_ai[0]
        return Product("info", f"There are {counted(ai, 'AI-generated face')} here.")

    CHECK = Check(
        id="how-many-faces",
        title="How many AI-generated faces there are",
        description="A journalist understands this paragraph.",
        run=run,
    )

Count with `AuditInput.counts` and `AuditInput.audited`, never image by image; lay out with
`faceaudit.layout`, so that the report's slider moves what the threshold moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from faceaudit.errors import validated
from faceaudit.result import Detail, Finding, GapVerdict, Status, Test
from faceaudit.schema import DELIVERY_COLUMNS, ScoresInfo
from faceaudit.spec import Spec
from faceaudit.stats.counts import MOST_GROUPS, Counts, Images
from faceaudit.stats.thresholds import reader_thresholds
from faceaudit.wording import tag_title


class Options(BaseModel):
    """Base of a check's options: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass
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
        How many gaps the whole audit can hold against a limit; they share its confidence.
    """

    table: pa.Table
    info: ScoresInfo
    spec: Spec
    threshold: float
    gap_verdicts: int = 1

    @cached_property
    def images(self) -> Images:
        """The same rows as arrays."""
        return Images(self.table)

    @cached_property
    def photographs(self) -> dict[str, Images]:
        """The real photographs of each data set, without the tags that it does not have."""
        codes, names = self.images.codes("dataset")
        real = np.where(self.images.is_ai, -1, codes)
        parts = [(name, self.table.filter(real == i)) for i, name in enumerate(names)]
        return {
            name: Images(
                part.select([c for c in part.column_names if part[c].null_count < len(part)])
            )
            for name, part in parts
            if len(part)
        }

    @cached_property
    def thresholds(self) -> tuple[float, ...]:
        """The thresholds at which details can be shown, `threshold` among them."""
        return reader_thresholds(self.threshold)

    def counts(self, tags: Sequence[str], *, empty_cells: bool = False) -> Counts:
        """Count each group's images and errors at every threshold that can be shown.

        Where there are more than `MOST_GROUPS` groups, at the audited one only.
        """
        groups = self.images.grouping(tags, empty_cells=empty_cells).groups
        thresholds = self.thresholds if len(groups) <= MOST_GROUPS else (self.threshold,)
        return self.images.counts(tags, thresholds, empty_cells=empty_cells)

    def audited(self, tags: Sequence[str], *, empty_cells: bool = False) -> Counts:
        """Count each group's images and errors at the audited threshold."""
        return self.counts(tags, empty_cells=empty_cells).at(self.threshold)

    @property
    def verdict_confidence(self) -> float:
        """The confidence of each gap at which all of the audit's verdicts hold together."""
        return 1 - (1 - self.spec.confidence) / self.gap_verdicts

    def tag_source(self, tags: Sequence[str]) -> str:
        """Say whose word some tags are, over all data sets."""
        sources = {tag: self._source(tag) for tag in tags}
        if len(sources) == 1:
            return next(iter(sources.values()))
        return "; ".join(f"{tag_title(tag)}: {source}" for tag, source in sources.items())

    def _source(self, tag: str) -> str:
        if tag == "dataset":
            return "the data set that the image comes from"
        if tag in DELIVERY_COLUMNS:
            return "read from the image file"
        sources = self.info.tag_sources.get(tag, {})
        if len(set(sources.values())) == 1:
            return next(iter(sources.values()))
        by_dataset = (f"{dataset}: {source}" for dataset, source in sorted(sources.items()))
        return "; ".join(by_dataset) or "source not stated"


@dataclass
class Product:
    """What a check found.

    Attributes
    ----------
    status : Status
    sentence : str
        The check's answer, with its numbers.
    verdicts : sequence of GapVerdict
        The gaps that it held against a limit.
    findings, tests, details : sequence
        What is worth quoting, what was tested, what is drawn; a detail that is None is left out.
    title : str or None
        In the place of the check's own.
    """

    status: Status
    sentence: str
    verdicts: Sequence[GapVerdict] = ()
    findings: Sequence[Finding] = ()
    tests: Sequence[Test] = ()
    details: Sequence[Detail | None] = ()
    title: str | None = None


@dataclass(frozen=True)
class Check:
    """One question that an audit can ask.

    Attributes
    ----------
    id : str
        Stable name, used in specifications and links.
    title, failure_title : str
        Heading, and the one it has instead where the check fails.
    description : str
        One paragraph that a journalist understands.
    run : callable
        ``run(data: AuditInput, options) -> Product``.
    columns : tuple of str
        Columns that must be there, beyond image, label, dataset and p_ai.
    options : type of Options
        What the specification may set.
    default : bool
        Whether it runs when a specification names no checks.
    judges : callable
        ``judges(data, options) -> int``: how many gaps it can hold against a limit here. Only a
        check that records such verdicts can make an audit pass; a `fail` of any other is a veto.
    """

    id: str
    title: str
    description: str
    run: Callable[[AuditInput, Any], Product]
    failure_title: str | None = None
    columns: tuple[str, ...] = ()
    options: type[Options] = field(default=Options)
    default: bool = True
    judges: Callable[[AuditInput, Any], int] = lambda data, options: 0

    def parse_options(self, given: dict[str, Any], source: str) -> Options:
        """Validate the options that a specification gives."""
        return validated(self.options, given, f"{source}: checks.{self.id}.")
