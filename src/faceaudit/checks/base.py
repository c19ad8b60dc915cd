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
from dataclasses import dataclass
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
    """What every check is given."""

    #: The scored rows only (status ``ok`` or ``no_face``), so ``p_ai`` has no null.
    table: pa.Table
    #: File metadata: data sets, tag sources, classifier.
    info: ScoresInfo
    #: Attributes, intersections, limits, confidence.
    spec: Spec
    #: An image is called AI-generated when ``p_ai >= threshold``, in float32.
    threshold: float
    #: How many gaps the whole audit can hold against a limit; they share its confidence.
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
        parts = {}
        for i in np.unique(real[real >= 0]):
            part = self.table.filter(real == i)
            known = [name for name in part.column_names if part[name].null_count < len(part)]
            parts[names[i]] = Images(part.select(known))
        return parts

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
        if len(tags) == 1:
            return self._source(tags[0])
        return "; ".join(f"{tag_title(tag)}: {self._source(tag)}" for tag in tags)

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
    """What a check found."""

    status: Status
    #: The check's answer, with its numbers.
    sentence: str
    #: The gaps that it held against a limit.
    verdicts: Sequence[GapVerdict] = ()
    #: What is worth quoting, what was tested, what is drawn; a detail that is None is left out.
    findings: Sequence[Finding] = ()
    tests: Sequence[Test] = ()
    details: Sequence[Detail | None] = ()
    #: In the place of the check's own.
    title: str | None = None


@dataclass(frozen=True)
class Check:
    """One question that an audit can ask."""

    #: Stable name, used in specifications and links.
    id: str
    #: Heading.
    title: str
    #: One paragraph that a journalist understands.
    description: str
    #: ``run(data: AuditInput, options) -> Product``.
    run: Callable[[AuditInput, Any], Product]
    #: The heading it has instead where the check fails.
    failure_title: str | None = None
    #: Columns that must be there, beyond image, label, dataset and p_ai.
    columns: tuple[str, ...] = ()
    #: What the specification may set.
    options: type[Options] = Options
    #: Whether it runs when a specification names no checks.
    default: bool = True
    #: ``judges(data, options) -> int``: how many gaps it can hold against a limit here. Only a
    #: check that records such verdicts can make an audit pass; a `fail` of any other is a veto.
    judges: Callable[[AuditInput, Any], int] = lambda data, options: 0

    def parse_options(self, given: dict[str, Any], source: str) -> Options:
        """Validate the options that a specification gives."""
        return validated(self.options, given, f"{source}: checks.{self.id}.")
